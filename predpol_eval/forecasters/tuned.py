"""Parameters chosen by rolling origin: the candidate that did best on the windows before."""

from __future__ import annotations

import dataclasses
import itertools
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from predpol_eval.budgets import Budget, Coverage, Flags, TopCells
from predpol_eval.civil_time import moment
from predpol_eval.errors import InputError, PredPolError
from predpol_eval.events import Events
from predpol_eval.flagging import flag
from predpol_eval.forecasters.anchors import anchor, check_period
from predpol_eval.forecasters.base import Nightly, describe
from predpol_eval.forecasters.many_nights import by_anchor, surfaces
from predpol_eval.forecasters.rehearsal import check_lengths, perform, rehearse
from predpol_eval.grid import Grid
from predpol_eval.projection import FloatArray
from predpol_eval.schedule import Windows, as_windows
from predpol_eval.scores import check_floor, log_score_by_window

if TYPE_CHECKING:
    import xarray as xr

LOWEST = 1e-6
# Scores that agree to so many digits are tied; the first candidate is chosen.
SAME = 1e-12


def tune(
    forecaster: Any,
    space: Mapping[str, Any] | None = None,
    *,
    score: Literal["log"] | Budget = "log",
    training: str = "182D",
    step: str = "7D",
    retune: str | None = "28D",
    floor: float = LOWEST,
) -> Tuned:
    """Make a forecaster that chooses its parameters by itself, from past windows only.

    Parameters
    ----------
    forecaster : forecaster or sequence of forecasters
        What is tuned, a dataclass; or, without a `space`, the candidates themselves.
    space : mapping of str to sequence, optional
        Values to try of each field; every combination is a candidate.
    score : "log" or a budget
        What is best: the mean Poisson log score of expected counts, or the hit rate at a budget such as
        ``ppe.Coverage(0.01)``, pooled over the past windows.
    training, step : str
        Time before the anchor that is learnt from, and the length of its windows.
    retune : str or None
        Time from one anchor to the next, in whole civil days; None chooses anew for every forecast.
    floor : float
        The fewest crimes that a cell is taken to expect in a past window, the same for all candidates. For the log
        score only; what is forecast has no floor.

    Returns
    -------
    Tuned
        A forecaster like any other: fit it, backtest it, blend it.

    Raises
    ------
    InputError
        If a field is unknown, nothing is to be tried, or a candidate cannot be made: which, and why.

    Examples
    --------
    >>> import predpol_eval as ppe
    >>> tuned = ppe.tune(ppe.CountMap(), {"lookback": ["21D", "90D", None]}, score=ppe.Coverage(0.01))
    >>> [candidate.lookback for candidate in tuned.candidates]
    ['21D', '90D', None]
    """
    given: Any = space
    return Tuned(
        forecaster=forecaster, space=given, score=score, training=training, step=step, retune=retune, floor=floor
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Tuned(Nightly):
    """A forecaster that at every anchor takes the candidate which did best on the windows before; see `tune`.

    Candidates that are tied go to the first. A past window for which one candidate has no forecast counts for none.

    Examples
    --------
    >>> from predpol_eval import CountMap
    >>> Tuned(forecaster=CountMap(), space={"half_life": ["90D", "180D"]}).candidates[1]
    CountMap(lookback='21D', half_life='180D')
    """

    forecaster: Any
    space: tuple[tuple[str, tuple[Any, ...]], ...] | None = None
    score: Literal["log"] | Budget = "log"
    training: str = "182D"
    step: str = "7D"
    retune: str | None = "28D"
    floor: float = LOWEST

    def __post_init__(self) -> None:
        if self.space is None:
            object.__setattr__(self, "forecaster", _ready_made(self.forecaster))
        else:
            object.__setattr__(self, "space", _space(self.forecaster, self.space))
        if self.score != "log" and not isinstance(self.score, TopCells | Coverage | Flags):
            raise InputError(f"score={self.score!r}; give 'log' or a budget such as ppe.Coverage(0.01).")
        check_lengths(self.training, self.step)
        check_period(self.retune, "retune")
        if check_floor(self.floor) is None:
            raise InputError("floor=None; give the fewest crimes that a cell is taken to expect, for instance 1e-6.")
        # So that one which cannot be made is known now, not on the first night.
        _ = self.candidates

    @property
    def candidates(self) -> tuple[Any, ...]:
        """All that is tried, in order: the last field of `space` changes fastest."""
        if self.space is None:
            return tuple(self.forecaster)
        made = []
        for values in self.trials:
            try:
                made.append(dataclasses.replace(self.forecaster, **values))
            except (PredPolError, TypeError, ValueError) as error:
                raise InputError(
                    f"The candidate {type(self.forecaster).__name__} with {_named(values)} cannot be made: {error} "
                    "Leave these values out of the space."
                ) from error
        return tuple(made)

    @property
    def trials(self) -> tuple[dict[str, Any], ...]:
        """Values of the fields of each candidate; empty for candidates given ready-made."""
        if self.space is None:
            return tuple({} for _ in self.forecaster)
        names = [name for name, _ in self.space]
        return tuple(
            dict(zip(names, values, strict=True)) for values in itertools.product(*(values for _, values in self.space))
        )

    def fit(self, events: Events, grid: Grid, *, until: Any) -> FittedTuned:
        """Take the candidate that was chosen at the anchor of `until`, and fit it at `until`.

        Raises
        ------
        InputError
            If nothing can be learnt, since no past window was observed or a candidate has no forecast of any of them;
            or the candidates' surfaces cannot be compared by this score.
        """
        cut = moment(until, events.tz, "until")
        past = events.known_at(cut)
        choice = self._choose(past, grid, anchor(cut, self.retune, events.tz))
        fitted = self.candidates[choice.position].fit(past, grid, until=cut)
        return FittedTuned(forecaster=self, until=cut, fitted=fitted, choice=choice)

    def forecast(self, events: Events, grid: Grid, windows: Any) -> xr.DataArray:
        """Fit and predict for every window of a schedule, choosing once at every anchor.

        Returns
        -------
        xarray.DataArray
            The same as by `fit` and `predict` window by window. ``attrs["learnt"]`` has one entry for each anchor.
        """
        chosen = as_windows(windows)
        if not len(chosen):
            raise InputError("There is no window to forecast; give a schedule with at least one.")
        values, records, made = np.empty((len(chosen), *grid.shape)), [], None
        for each, positions in by_anchor(chosen, self.retune, events.tz):
            choice = self._choose(events.known_at(each), grid, each)
            part = surfaces(self.candidates[choice.position], events, grid, chosen[positions])
            values[positions] = part.transpose("window", "y", "x").to_numpy()
            records.append(choice.record)
            # The first window tells, as where surfaces are joined night by night.
            if made is None or positions[0] == 0:
                made = part.assign_attrs(self._attrs(choice))
        return _spread(made, values, chosen).assign_attrs(
            learnt=json.dumps(records, sort_keys=True), until=str(chosen.until.max())
        )

    def _choose(self, past: Events, grid: Grid, at: np.datetime64) -> Choice:
        """The best candidate on the windows before an anchor."""
        rehearsal = rehearse(past, grid, at, self.training, self.step)
        candidates = self.candidates
        found = np.zeros((len(candidates), len(rehearsal.windows)))
        kinds: dict[str, int] = {}

        def look(number: int, window: int, values: FloatArray, kind: str) -> None:
            kinds[kind] = min(number, kinds.get(kind, number))
            self._refuse_kinds(kinds)
            rows = rehearsal.rows(window)
            crimes = np.zeros(len(values))
            crimes[rehearsal.cell[rows]] = rehearsal.crimes[rows]
            if isinstance(self.score, TopCells | Coverage | Flags):
                (done,) = flag(np.ascontiguousarray(values), kind, (self.score,), rehearsal.scene)
                found[number, window] = done.share @ crimes
            else:
                found[number, window] = log_score_by_window(values, crimes, self.floor)

        reasons = perform(candidates, rehearsal, look)
        used = np.array([not reason for reason in reasons])
        record = rehearsal.record(reasons)
        total = found[:, used].sum(axis=1)
        if self.score == "log":
            scores, measure = total / used.sum(), "Poisson log score, nats per window"
        else:
            scores, measure = total / max(record["crimes"], 1.0), f"hit rate at {self.score}"
        best = float(scores.max())
        position = int(np.flatnonzero(scores >= best - SAME * max(1.0, abs(best)))[0])
        record |= {"chosen": describe(candidates[position]), "score": measure, "scores": scores.tolist()}
        return Choice(position=position, record=record)

    def _refuse_kinds(self, kinds: Mapping[str, int]) -> None:
        """Refuse candidates whose surfaces say different things, or not what the score asks for."""
        wrong = [kind for kind in kinds if kind != "expected_count"]
        if len(kinds) < 2 and not (wrong and self.score == "log"):
            return
        first = sorted((number, kind) for kind, number in kinds.items())
        named = " and ".join(f"{describe(self.candidates[number])} gives {kind!r}" for number, kind in first)
        asked, remedy = "candidates must all give the same", ""
        if len(kinds) < 2:
            asked = "the log score needs an expected count"
            remedy = ", or give a budget as score=, for instance ppe.Coverage(0.01)"
        raise InputError(
            f"{named}: {asked}. Make an expected count of a score with ppe.Blend(members=(...,), weights=(1.0,))"
            f"{remedy}."
        )

    def _attrs(self, choice: Choice) -> dict[str, Any]:
        """What a surface tells of the choice: texts in JSON, and numbers."""
        return {
            "forecaster": describe(self),
            "chosen": choice.record["chosen"],
            "chosen_values": json.dumps(self.trials[choice.position], default=_plain, sort_keys=True),
            "learnt": json.dumps([choice.record], sort_keys=True),
        }


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Choice:
    """Which candidate was chosen, and what that rests on.

    Attributes
    ----------
    position : int
        Number of the candidate.
    record : dict
        Plain numbers and texts: anchor, windows, crimes, the score of every candidate.
    """

    position: int
    record: dict[str, Any]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class FittedTuned:
    """The chosen candidate, fitted."""

    forecaster: Tuned
    until: np.datetime64
    fitted: Any
    choice: Choice

    def predict(self, windows: Windows) -> xr.DataArray:
        """The chosen candidate's surface, which says in its attrs what was chosen and why."""
        surface: xr.DataArray = self.fitted.predict(windows)
        return surface.assign_attrs(self.forecaster._attrs(self.choice))


def _spread(like: Any, values: FloatArray, windows: Windows) -> xr.DataArray:
    """A surface of these windows with the coordinates and attrs of another."""
    import xarray as xr

    ground = {name: like.coords[name] for name in ("y", "x", "inside_m2")}
    return xr.DataArray(
        values, dims=("window", "y", "x"), coords={**windows.coords, **ground}, name="risk", attrs=dict(like.attrs)
    )


def _ready_made(given: Any) -> tuple[Any, ...]:
    several = not isinstance(given, str | Mapping) and hasattr(given, "__iter__")
    candidates = tuple(given) if several else ()
    if not candidates:
        raise InputError(
            f"There is nothing to choose from: {given!r} without a space. Give values to try, for instance "
            "tune(ppe.CountMap(), {'lookback': ['21D', '90D', None]}), or a sequence of forecasters."
        )
    for number, candidate in enumerate(candidates):
        if isinstance(candidate, type) or not callable(getattr(candidate, "fit", None)):
            raise InputError(
                f"Candidate {number} is {candidate!r}, which cannot be fitted; give instances of classes with "
                "fit(events, grid, *, until), for instance ppe.CountMap()."
            )
    return candidates


def _space(forecaster: Any, given: Any) -> tuple[tuple[str, tuple[Any, ...]], ...]:
    if not dataclasses.is_dataclass(forecaster) or isinstance(forecaster, type):
        raise InputError(
            f"{forecaster!r} is not an instance of a dataclass, so it has no fields to try values of. Give one, or a "
            "sequence of candidates without a space."
        )
    pairs = list(given.items()) if isinstance(given, Mapping) else list(given)
    if not pairs:
        raise InputError("The space is empty; give values to try, for instance {'lookback': ['21D', '90D', None]}.")
    valid = [part.name for part in dataclasses.fields(forecaster) if part.init]
    unknown = [str(name) for name, _ in pairs if name not in valid]
    if unknown:
        raise InputError(
            f"{type(forecaster).__name__} has no field {', '.join(map(repr, unknown))}; its fields are "
            f"{', '.join(map(repr, valid))}."
        )
    for name, values in pairs:
        if isinstance(values, str | Mapping) or not hasattr(values, "__iter__") or not len(tuple(values)):
            raise InputError(f"space[{name!r}] is {values!r}; give a list of values to try, at least one.")
    return tuple((str(name), tuple(values)) for name, values in pairs)


def _named(values: Mapping[str, Any]) -> str:
    return ", ".join(f"{name}={value!r}" for name, value in values.items())


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else describe(value) if hasattr(value, "fit") else repr(value)
