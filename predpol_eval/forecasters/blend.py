"""A mixture of forecasters, its weights learnt on past windows only."""

from __future__ import annotations

import json
from dataclasses import KW_ONLY, dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from predpol_eval.civil_time import moment
from predpol_eval.errors import InputError
from predpol_eval.events import Events
from predpol_eval.forecasters.anchors import anchor, check_period
from predpol_eval.forecasters.base import FittedRate, Nightly, describe, ready, surface_of
from predpol_eval.forecasters.baseline import CountMap, Uniform
from predpol_eval.forecasters.kde import KDE
from predpol_eval.forecasters.many_nights import by_anchor, has_own_way, surfaces, values_of
from predpol_eval.forecasters.mixing import Mixture, mixture_weights
from predpol_eval.forecasters.rehearsal import Rehearsal, check_lengths, perform, rehearse
from predpol_eval.grid import Grid
from predpol_eval.projection import FloatArray
from predpol_eval.schedule import Windows, as_windows
from predpol_eval.surface import check_surface

if TYPE_CHECKING:
    import xarray as xr

# Spread evenly where weights are learnt, so that no crime falls where nothing was expected.
EVEN_SHARE = 0.01
# From last week's crimes to all history, each by cell and spread to the neighbours: which of them tells of tomorrow
# differs from kind to kind and from city to city, and is for the weights to find out.
HALF_LIVES = ("7D", "30D", "90D", "365D", None)
MEMBERS = (
    *(CountMap(lookback=None, half_life=half_life) for half_life in HALF_LIVES),
    *(KDE(bandwidth=500.0, half_life=half_life) for half_life in HALF_LIVES),
)


@dataclass(frozen=True, slots=True)
class Blend(Nightly):
    """A mixture of forecasters: expected count = sum of weight x the member's expected count.

    The weights are learnt by log score on past windows only. The time before an *anchor* is cut into windows of `step`;
    at the start of each every member is fitted to what was known then, and its surface scored against the crimes of the
    window that are known at the anchor. The weights maximise the Poisson log score of the mixture over these windows.
    The anchor is the latest of a fixed series of civil days at or before ``until`` (see `anchor`), so that a forecast
    never depends on which others are asked for.

    Parameters
    ----------
    members : sequence of forecasters
        What is blended; by default count maps and densities (500 m) of all history, with half-lives of 7, 30, 90 and
        365 days and without. A score has no unit: it is scaled to the observed mean number of crimes, each cell by its
        share of the map's sum (a map that is 0 everywhere is spread evenly).
    weights : sequence of float, optional
        One for each member, 0 or more, used as they are; those of a mixture sum to 1. By default they are learnt.
    training : str
        Time before the anchor that is learnt from; where there is less, what there is.
    step : str
        Length of a past window. ``"1D"`` learns from nights instead of weeks; it takes seven times as long
        with members that cannot slide from night to night (see `sliding_rates`).
    relearn : str or None
        Time from one anchor to the next, in whole civil days; None learns anew for every forecast.
    floor : float, optional
        Share of the mixture that is the observed mean number of crimes spread evenly (`Uniform`), so that no crime
        falls where nothing was expected; the members share the rest. By default 0.01, and 0 with given weights.
    normalised : bool
        Whether learnt weights must sum to 1. If not, their sum follows the level of crime in the training time.

    References
    ----------
    Vardi, Shepp and Kaufman 1985, Journal of the American Statistical Association 80 (the iteration for Poisson
    counts); Brehmer et al. 2024 (the log score of expected counts).

    Examples
    --------
    >>> from predpol_eval import CountMap
    >>> Blend([CountMap(), CountMap(lookback=None)]).training
    '182D'
    """

    members: tuple[Any, ...] = MEMBERS
    weights: tuple[float, ...] | None = None
    _: KW_ONLY
    training: str = "182D"
    step: str = "7D"
    relearn: str | None = "28D"
    floor: float | None = None
    normalised: bool = True

    def __post_init__(self) -> None:
        object.__setattr__(self, "members", _members(self.members))
        if self.weights is not None:
            object.__setattr__(self, "weights", _weights(self.weights, len(self.members)))
        check_lengths(self.training, self.step)
        check_period(self.relearn, "relearn")
        if self.floor is not None and not _is_share(self.floor):
            raise InputError(f"floor={self.floor!r}; give the share that is spread evenly, from 0 to below 1.")

    @property
    def names(self) -> tuple[str, ...]:
        """One text for each member; equal ones are numbered."""
        texts = [describe(member) for member in self.members]
        return tuple(
            text if texts.count(text) == 1 else f"{text} ({texts[: place + 1].count(text)})"
            for place, text in enumerate(texts)
        )

    @property
    def even_share(self) -> float:
        """Share that is spread evenly."""
        if self.floor is None:
            return EVEN_SHARE if self.weights is None else 0.0
        return float(self.floor)

    def fit(self, events: Events, grid: Grid, *, until: Any) -> FittedBlend:
        """Take the weights that were learnt at the anchor of `until`, and fit the members at `until`.

        Raises
        ------
        InputError
            If nothing can be learnt, since no past window was observed or a member has no forecast of any of them; or a
            member cannot be fitted.
        """
        cut = moment(until, events.tz, "until")
        past = events.known_at(cut)
        even = Uniform().fit(past, grid, until=cut)
        learnt = self._learn(past, grid, anchor(cut, self.relearn, events.tz))
        fits = tuple(
            member.fit(past, grid, until=cut) if weight > 0 else None
            for member, weight in zip(self.members, learnt.weights, strict=True)
        )
        return FittedBlend(forecaster=self, even=even, fits=fits, learnt=learnt)

    def forecast(self, events: Events, grid: Grid, windows: Any) -> xr.DataArray:
        """Fit and predict for every window of a schedule, learning once at every anchor.

        Returns
        -------
        xarray.DataArray
            The same as by `fit` and `predict` window by window. ``attrs["learnt"]`` has one entry for each anchor;
            ``attrs["weights"]`` are those of the first.
        """
        chosen = as_windows(windows)
        if not len(chosen):
            raise InputError("There is no window to forecast; give a schedule with at least one.")
        values, even = np.empty((2, len(chosen), *grid.shape))
        records: list[dict[str, Any]] = []
        attrs: dict[str, Any] = {}
        first: FittedRate | None = None
        for each, positions in by_anchor(chosen, self.relearn, events.tz):
            learnt = self._learn(events.known_at(each), grid, each)
            live = [(number, member) for number, member in enumerate(self.members) if learnt.weights[number] > 0]
            for position in positions:
                window = chosen[int(position)]
                known = events.known_at(window.until[0])
                ground = Uniform().fit(known, grid, until=window.until[0])
                here = slice(position, position + 1)
                even[here] = ground.rate * ready(window, ground.until, events.resolution, events).days[0]
                values[here] = self.even_share * even[here]
                for number, member in live:
                    if not has_own_way(member):
                        part = values_of(member.fit(known, grid, until=window.until[0]), grid, window)
                        values[here] += self._share(number, learnt.weights, *part, even[here])
                first = ground if position == 0 or first is None else first
            for number, member in live:
                if has_own_way(member):
                    risk = check_surface(surfaces(member, events, grid, chosen[positions]), grid)
                    part = risk.to_numpy(), str(risk.attrs["kind"])
                    values[positions] += self._share(number, learnt.weights, *part, even[positions])
            records.append(learnt.record)
            attrs = attrs or self._attrs(learnt)
        if self.weights is None:
            attrs["learnt"] = json.dumps(records, sort_keys=True)
        if first is None:  # pragma: no cover - there is at least one window
            raise InputError("There is no window to forecast.")
        made = surface_of(self, values, first.known, chosen, "expected_count", **attrs)
        return made.assign_attrs(until=str(chosen.until.max()))

    def _share(self, number: int, weights: FloatArray, values: FloatArray, kind: str, even: FloatArray) -> FloatArray:
        """What one member's surfaces add to the mixture; `even` is the observed mean of every window, spread evenly."""
        expected = self._expected(number, values, kind, even)
        return np.asarray((1 - self.even_share) * weights[number] * expected)

    def _expected(self, number: int, values: FloatArray, kind: str, even: FloatArray) -> FloatArray:
        """Expected counts of a member's surfaces: the first axis is that of the windows."""
        if kind == "expected_count":
            return values
        axes = tuple(range(1, values.ndim))
        if np.nanmin(values, initial=0.0) < 0:
            raise InputError(
                f"The scores of member {number} ({self.names[number]}) go down to {np.nanmin(values):.6g}; only scores "
                "of 0 and more can be shared out. Leave the member out, or give it expected counts."
            )
        total = np.nansum(values, axis=axes, keepdims=True)
        level = np.nansum(even, axis=axes, keepdims=True)
        return np.where(total > 0, values / np.where(total > 0, total, 1.0) * level, even)

    def _learn(self, past: Events, grid: Grid, at: np.datetime64) -> Learnt:
        """Weights from the windows before an anchor."""
        if self.weights is not None:
            return Learnt(weights=np.array(self.weights, dtype=np.float64), record={})
        rehearsal = rehearse(past, grid, at, self.training, self.step)
        # Column 0 is what is spread evenly.
        count = len(self.members) + 1
        rates = np.zeros((len(rehearsal.crimes), count))
        totals = np.zeros((len(rehearsal.windows), count))
        evens: dict[int, FloatArray] = {}

        def look(number: int, window: int, values: FloatArray, kind: str) -> None:
            if number == 0:
                evens[window] = values
            else:
                values = self._expected(number - 1, values[None], kind, evens[window][None])[0]
            rows = rehearsal.rows(window)
            rates[rows, number] = values[rehearsal.cell[rows]]
            totals[window, number] = values.sum()

        reasons = perform((Uniform(), *self.members), rehearsal, look)
        used = np.array([not reason for reason in reasons])
        share, kept = self.even_share, used[rehearsal.window]
        base, parts = share * rates[:, 0], (1 - share) * rates[:, 1:]
        # Where nobody expected anything, no weight is better than another.
        told = kept & (base + parts.sum(axis=1) > 0)
        found = mixture_weights(
            parts[told],
            rehearsal.crimes[told],
            (1 - share) * totals[used, 1:].sum(axis=0),
            base=base[told],
            normalised=self.normalised,
        )
        record = _record(rehearsal, reasons, found, float(rehearsal.crimes[kept & ~told].sum()))
        return Learnt(weights=found.weights, record=record)

    def _attrs(self, learnt: Learnt) -> dict[str, Any]:
        """What a surface tells of the weights: texts in JSON, and numbers."""
        weights = dict(zip(self.names, learnt.weights.tolist(), strict=True))
        attrs = {"weights": json.dumps(weights), "floor": self.even_share, "weights_learnt": int(self.weights is None)}
        if self.weights is None:
            attrs |= {
                "learnt": json.dumps([learnt.record], sort_keys=True),
                "converged": int(learnt.record["converged"]),
            }
        return attrs


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Learnt:
    """Weights, and what they were learnt from.

    Attributes
    ----------
    weights : array of float, shape (members,)
    record : dict
        Plain numbers and texts; empty where the weights were given.
    """

    weights: FloatArray
    record: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class FittedBlend:
    """Fitted members and their weights.

    Attributes
    ----------
    even : FittedRate
        The observed mean, spread evenly.
    fits : tuple
        A fitted member each; None for one without weight.
    learnt : Learnt
    """

    forecaster: Blend
    even: FittedRate
    fits: tuple[Any, ...]
    learnt: Learnt

    @property
    def until(self) -> np.datetime64:
        """The moment up to which crimes were known."""
        return self.even.until

    @property
    def weights(self) -> dict[str, float]:
        """Weight of each member by name."""
        return dict(zip(self.forecaster.names, self.learnt.weights.tolist(), strict=True))

    def predict(self, windows: Windows) -> xr.DataArray:
        """Expected count of every window, shape (window, y, x)."""
        known = self.even.known
        chosen = ready(windows, self.until, known.events.resolution, known.events)
        even = self.even.rate * chosen.days[:, None, None]
        values = self.forecaster.even_share * even
        for number, fitted in enumerate(self.fits):
            if fitted is not None:
                part = values_of(fitted, known.grid, chosen)
                values = values + self.forecaster._share(number, self.learnt.weights, *part, even)
        return surface_of(
            self.forecaster, values, known, chosen, "expected_count", **self.forecaster._attrs(self.learnt)
        )


def _record(rehearsal: Rehearsal, reasons: list[str], found: Mixture, unexpected: float) -> dict[str, Any]:
    record = rehearsal.record(reasons) | {
        "weights": found.weights.tolist(),
        "steps": found.steps,
        "converged": found.converged,
        "gap": float(f"{found.gap:.3g}"),
    }
    if unexpected:
        record["unexpected_crimes"] = unexpected
    if not len(found.path):
        record["note"] = "no crime to learn from that anybody expected: all weights alike"
    return record


def _members(given: Any) -> tuple[Any, ...]:
    example = "for instance members=(ppe.CountMap(), ppe.CountMap(lookback=None))"
    if isinstance(given, str | dict) or not hasattr(given, "__iter__"):
        raise InputError(f"members={given!r}; give a sequence of forecasters, {example}.")
    members = tuple(given)
    if not members:
        raise InputError(f"There is no member to blend; give some, {example}.")
    for number, member in enumerate(members):
        if isinstance(member, type) or not callable(getattr(member, "fit", None)):
            raise InputError(
                f"Member {number} is {member!r}, which cannot be fitted; give an instance of a class with "
                f"fit(events, grid, *, until), {example}."
            )
    return members


def _weights(given: Any, count: int) -> tuple[float, ...]:
    if isinstance(given, str | dict) or not hasattr(given, "__iter__"):
        raise InputError(f"weights={given!r}; give one number of 0 or more for each of the {count} members, or None.")
    weights = tuple(given)
    if len(weights) != count:
        raise InputError(f"There are {len(weights)} weights for {count} members; give one for each, or None to learn.")
    for number, weight in enumerate(weights):
        if isinstance(weight, bool) or not isinstance(weight, int | float | np.number) or not 0 <= weight < np.inf:
            raise InputError(f"weights[{number}] is {weight!r}; give a finite number of 0 or more.")
    if not any(weights):
        raise InputError("All weights are 0, so that nothing would be expected; give at least one above 0.")
    return tuple(float(weight) for weight in weights)


def _is_share(value: Any) -> bool:
    return isinstance(value, int | float | np.number) and not isinstance(value, bool) and 0 <= float(value) < 1
