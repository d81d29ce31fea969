"""What a synthetic vendor has before it on one evening, and how a forecast is made of it."""

from __future__ import annotations

import hashlib
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from predpol_eval.errors import PredPolWarning
from predpol_eval.trial.plan.nights import windows_of

if TYPE_CHECKING:
    from predpol_eval.events import Events
    from predpol_eval.flagging import Scene
    from predpol_eval.grid import Grid
    from predpol_eval.trial.plan import Night, TrialPlan

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Tonight:
    """One evening, as one vendor sees it.

    Attributes
    ----------
    plan : TrialPlan
    grid : Grid
    scene : Scene
        The cells of the study area in their order; what a vendor gives is of them.
    night : Night
    known : Events or None
        Read back from the extract that was released; None if it holds no crime.
    truth : Events or None
        All crimes, those of tonight among them. Only for a vendor that says it cheats.
    seed : int
    label : str
        Whose evening it is.
    """

    plan: TrialPlan
    grid: Grid
    scene: Scene
    night: Night
    known: Events | None
    truth: Events | None
    seed: int
    label: str

    def draw(self, purpose: str) -> np.random.Generator:
        """Random numbers for one purpose of this vendor on this night: the same whenever they are asked for."""
        return generator(self.seed, self.label, self.night.name, purpose)


def generator(seed: int, *names: str) -> np.random.Generator:
    """A random generator that the seed and some names alone decide.

    Examples
    --------
    >>> int(generator(1, "A", "2018-06-01").integers(1000)) == int(generator(1, "A", "2018-06-01").integers(1000))
    True
    """
    digest = hashlib.sha256("\n".join([str(seed), *names]).encode()).digest()
    return np.random.default_rng(int.from_bytes(digest[:16], "big"))


def forecast_of(forecaster: Any, tonight: Tonight) -> dict[str, FloatArray]:
    """Risk of every cell tonight, kind by kind, from what was released.

    Parameters
    ----------
    forecaster : Forecaster
    tonight : Tonight

    Returns
    -------
    dict of str to array, shape (cells,)
        Zeros where nothing is known of a kind.
    """
    (window,) = [windows_of(tonight.plan, [tonight.night])]
    known, found = tonight.known, {}
    for kind in tonight.plan.kinds:
        values = np.zeros(len(tonight.scene.cells))
        if known is not None and kind in known.kinds:
            crimes = known.take(known.kind_code == known.kinds.index(kind))
            with warnings.catch_warnings():
                # What a forecaster warns of is its own vendor's business.
                warnings.simplefilter("ignore", PredPolWarning)
                risk = forecaster.fit(crimes, tonight.grid, until=window.until[0]).predict(window)
            values = risk.to_numpy().reshape(-1)[tonight.scene.cells].astype(np.float64)
        found[kind] = values
    return found
