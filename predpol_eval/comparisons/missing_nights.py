"""Nights that one side missed: taken out for both, or counted by the rule declared beforehand.

A crime whose moment is uncertain is counted whole on the last night of its span, so that a missed night takes a part
out of crimes that are counted on other nights. Totals are kept exact; the night on which such a part is booked is
right to a few nights.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]
Counts = dict[str, FloatArray]


def on_common_nights(once: Counts, plain: Counts, here: BoolArray, both: BoolArray) -> Counts:
    """Take the nights that the other side missed out of a side's counts of crimes counted once.

    Of such a night, what `once` holds beyond the `plain` count belongs to earlier nights of crimes that end there, and
    goes to the last common night before; what it holds less is counted on later nights, and is taken from the next one.
    Sums over the common nights are then those of the plain counts.
    """
    out = {name: values.copy() for name, values in once.items()}
    gone, common = np.flatnonzero(here & ~both), np.flatnonzero(both)
    if not len(gone) or not len(common):
        return out
    after = np.searchsorted(common, gone)
    before = np.maximum(after - 1, 0)
    after = np.minimum(after, len(common) - 1)
    for name in ("hits", "events"):
        extra = once[name][gone] - plain[name][gone]
        np.add.at(out[name], common[np.where(extra >= 0, before, after)], extra)
    return out


def settled(first: FloatArray, second: FloatArray, both: BoolArray) -> FloatArray:
    """Crimes of the common nights, from the two sides' counts of them, whose sums agree; none below 0."""
    mean = np.where(both, (first + second) / 2, np.nan)
    total = float(mean[both].sum())
    kept = np.maximum(mean, 0.0)
    positive = float(kept[both].sum())
    return kept * (total / positive) if positive > 0 else kept


def by_the_rule(
    sides: tuple[Counts, Counts], plain: tuple[Counts, Counts], here: tuple[BoolArray, BoolArray], rule: str
) -> tuple[Counts, Counts]:
    """Count a night that one side missed: as no crime caught (``"zero"``), or as flags placed blindly (``"chance"``).

    Parameters
    ----------
    sides : pair of counts
        As they are to be compared: plain, or with uncertain crimes counted once.
    plain : pair of counts
    here : pair of bool arrays
        Which nights each side has.
    rule : str
    """
    # Crimes of all nights, as either side and the other's plain count of what it missed tell them: the sums agree.
    told, same = (np.where(here[mine], sides[mine]["events"], plain[1 - mine]["events"]) for mine in (0, 1))
    events = settled(told, same, here[0] | here[1])
    out = []
    for mine, other in ((0, 1), (1, 0)):
        counts = {
            name: np.where(here[mine], values, plain[other].get(name, np.nan)) for name, values in sides[mine].items()
        }
        blind = np.zeros_like(events)
        if rule == "chance":
            blind = plain[other]["events"] * plain[other]["budget_m2"] / plain[other]["total_m2"]
        counts["hits"] = np.where(here[mine], sides[mine]["hits"], blind)
        counts["events"] = events
        out.append(counts)
    return out[0], out[1]
