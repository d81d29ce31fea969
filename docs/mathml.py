"""Formulas as MathML, made when the manual is built: browsers draw it by themselves, without network or scripts.

What only the manual needs is imported where it is used, so that the tests can read this file without it.
"""

from __future__ import annotations

from typing import Any


def _written(translator: Any, node: Any, display: str) -> None:
    from latex2mathml.converter import convert

    translator.body.append(convert(node.astext(), display=display))


def _inline(translator: Any, node: Any) -> None:
    from docutils.nodes import SkipNode

    _written(translator, node, "inline")
    raise SkipNode


def _block(translator: Any, node: Any) -> None:
    from docutils.nodes import SkipNode

    style = "overflow: auto hidden; padding: 0.4em 0"
    translator.body.append(translator.starttag(node, "div", CLASS="math notranslate", STYLE=style))
    _written(translator, node, "block")
    translator.body.append("</div>\n")
    raise SkipNode


def setup(app: Any) -> dict[str, Any]:
    """Register the renderer with Sphinx."""
    app.add_html_math_renderer("mathml", inline_renderers=(_inline, None), block_renderers=(_block, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
