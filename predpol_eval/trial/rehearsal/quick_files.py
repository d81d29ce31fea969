"""Files of a rehearsal that can be made again: written in one step, and not flushed to disk one by one."""

from __future__ import annotations

from pathlib import Path

from predpol_eval.resumable_folders import PARTIAL


def write_quickly(path: Path, content: bytes) -> None:
    """Write a file beside its place, and put it in place in one step: no kill leaves half of it."""
    partial = path.with_name(path.name + PARTIAL)
    partial.write_bytes(content)
    partial.replace(path)
