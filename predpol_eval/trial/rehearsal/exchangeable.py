"""Vendors who are as good as each other by construction: one risk, with fresh noise of their own every night.

Each vendor multiplies the risk of every cell by exp(noise x z), z standard normal, drawn anew for every rehearsal,
vendor, night, kind and cell. So on every night any two vendors are equally likely to change places, whatever crimes
happen: nothing tells them apart but luck.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from predpol_eval.budgets import TopCells
from predpol_eval.flagging import Flagging, Scene, Spender
from predpol_eval.tallies import caught_once, shares_of
from predpol_eval.trial.rehearsal.cached_surfaces import CachedSurfaces

FloatArray = npt.NDArray[np.float64]


class Cast(NamedTuple):
    """Who takes part in rehearsals.

    Attributes
    ----------
    labels : tuple of str
        Vendors first, then maps of the house.
    vendors : int
        How many of them are vendors.
    noise : tuple of float
        Of each; 0 leaves the risk as it is.
    missing : float
        Chance that a submitter hands nothing in for a night.
    seed : int
    """

    labels: tuple[str, ...]
    vendors: int
    noise: tuple[float, ...]
    missing: float
    seed: int


class Rehearsal(NamedTuple):
    """What everybody caught in one rehearsal.

    Attributes
    ----------
    hits : array of float, shape (submitters, nights)
        Crimes caught, all kinds and areas together; NaN where nothing was handed in.
    events : array of float, shape (nights,)
    once : pair of arrays, shape (submitters, nights), or None
        Crimes caught, and crimes, with those whose moment is spread over several nights counted once, on the last of
        them that the submitter has; None where there are none such.
    overlap : float
        Share of a vendor's boxes that another vendor flags too, on average over nights, kinds and pairs of vendors.
    """

    hits: FloatArray
    events: FloatArray
    once: tuple[FloatArray, FloatArray] | None
    overlap: float


def night_risk(risk: FloatArray, cast: Cast, rehearsal: int, submitter: int, night: int) -> FloatArray | None:
    """Risk that a submitter hands in for a night, or None if it hands in nothing.

    Parameters
    ----------
    risk : array of float, shape (kinds, cells)
        Of the forecaster, for this night.
    cast : Cast
    rehearsal, submitter, night : int
        With the seed they alone decide what is drawn, so that neither order nor number of workers does.

    Examples
    --------
    >>> cast = Cast(("A", "B"), 2, (0.3, 0.3), 0.0, 1)
    >>> again = [night_risk(np.ones((1, 3)), cast, 0, 0, 5).round(3).tolist() for _ in range(2)]
    >>> again[0] == again[1], night_risk(np.ones((1, 3)), cast, 0, 1, 5).round(3).tolist() == again[0]
    (True, False)
    """
    generator = np.random.default_rng([cast.seed, rehearsal, submitter, night])
    if generator.random() < cast.missing:
        return None
    if not cast.noise[submitter]:
        return risk
    return np.asarray(risk * np.exp(cast.noise[submitter] * generator.standard_normal(risk.shape)))


def rehearse_once(ground: CachedSurfaces, cast: Cast, number: int) -> Rehearsal:
    """Let everybody hand in their risk for every night, and count what their boxes catch.

    Parameters
    ----------
    ground : CachedSurfaces
    cast : Cast
    number : int
        Of the rehearsal, from 0.
    """
    nights, kinds, _ = ground.risk.shape
    scene = ground.scene
    spender = Spender((TopCells(ground.k, per="area"),), scene)
    hits = np.zeros((len(cast.labels), nights))
    credit = [np.zeros((len(cast.labels), len(one.window))) for one in ground.spread]
    overlap = []
    for night in range(nights):
        made: list[list[Flagging]] = []
        for submitter in range(len(cast.labels)):
            risk = night_risk(ground.risk[night], cast, number, submitter, night)
            if risk is None:
                hits[submitter, night] = np.nan
                continue
            flagged = [spender.flag(risk[kind], "score")[0] for kind in range(kinds)]
            for kind, done in enumerate(flagged):
                # Only the cells that were dealt are flagged at all.
                hits[submitter, night] += done.own @ ground.crimes[night, kind][done.dealt]
                if ground.spread[kind].parted:
                    here = ground.spread[kind].window == night
                    credit[kind][submitter, here] = shares_of(ground.spread[kind].cell[here], [done], scene)[0]
            if submitter < cast.vendors:
                made.append(flagged)
        if len(made) == cast.vendors:
            overlap.append(_overlap(made, scene, ground.k))
    once = _counted_once(ground, hits, credit) if ground.parted else None
    return Rehearsal(hits, ground.events, once, float(np.mean(overlap)) if overlap else np.nan)


def _overlap(made: list[list[Flagging]], scene: Scene, k: int) -> float:
    """Share of a vendor's boxes that another flags too, on average over kinds and pairs."""
    vendors, kinds = len(made), len(made[0])
    boxes = float(np.minimum(np.bincount(scene.label, minlength=scene.labels), k).sum())
    both = 0.0
    for kind in range(kinds):
        share = np.stack([made[vendor][kind].share for vendor in range(vendors)])
        # The square of the sum holds each pair twice, and each with itself once.
        both += (float((share.sum(axis=0) ** 2).sum()) - float((share**2).sum())) / 2
    return both / (boxes * kinds * vendors * (vendors - 1) / 2)


def _counted_once(ground: CachedSurfaces, hits: FloatArray, credit: list[FloatArray]) -> tuple[FloatArray, FloatArray]:
    """Move what a spread crime counted on its nights to the last of them that the submitter has."""
    caught, events = hits.copy(), np.where(np.isnan(hits), np.nan, ground.events)
    for submitter in range(len(hits)):
        counted = ~np.isnan(hits[submitter])
        for crimes, share in zip(ground.spread, credit, strict=True):
            if not crimes.parted:
                continue
            moved = caught_once(crimes, share[submitter][None], ground.windows, ground.grid, counted)
            caught[submitter] += moved[0].sum(axis=(0, 1))
            events[submitter] += moved[1].sum(axis=0)
            # They stood on each of their nights.
            np.subtract.at(caught[submitter], crimes.window, crimes.weight * share[submitter])
            np.subtract.at(events[submitter], crimes.window, crimes.weight)
    return caught, events
