"""Forecasters of somebody else's: an honest one, and those that break one rule each, with the checks that see it."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

import predpol_eval as ppe
from predpol_eval.checks import make_city
from predpol_eval.civil_time import days_between, moment
from predpol_eval.forecasters.external import FittedExternal
from predpol_eval.schedule import Windows

CITY = make_city()
ODD = {
    "no_crimes", "one_crime", "one_place", "only_outside", "quiet_weeks", "before_data", "uncertain_times",
    "no_recording_times", "single_cell",
}  # fmt: skip
AHEAD = {"filters_itself", "future_added", "future_removed", "future_moved", "late_records", "open_intervals"}


@dataclass(frozen=True)
class Honest:
    """Crimes per cell and day, made with public names only; the broken ones each change one thing."""

    weight: float = 1.0
    note: int = 0

    def known(self, events, cut):
        return events.known_at(cut)

    def learn(self, events, grid, cut):
        past = self.known(events, cut)
        cells = grid.cells_of(past)
        counts = np.bincount(cells[cells >= 0], minlength=grid.mask.size).reshape(grid.shape)
        return self.weight * counts / max(events.known_at(cut).observed_days, 1.0)

    def moment(self, until, events):
        return moment(until, events.tz)

    def fit(self, events, grid, *, until) -> Any:
        cut = self.moment(until, events)
        return HonestFit(self, cut, grid, self.learn(events, grid, cut))

    def refuse(self, fitted, windows):
        if (windows.start < fitted.until).any():
            raise ppe.InputError("A window starts before until; fit with an earlier one.")

    def numbers(self, fitted, windows):
        return fitted.rate * windows.days[:, None, None]

    def predict(self, fitted, windows):
        self.refuse(fitted, windows)
        return ppe.make_surface(self.numbers(fitted, windows), fitted.grid, windows, kind="expected_count")


@dataclass(frozen=True, eq=False)
class HonestFit:
    forecaster: Any
    until: Any
    grid: Any
    rate: Any

    def predict(self, windows) -> Any:
        return self.forecaster.predict(self, windows)


def replay(kind="expected_count", until=None) -> Any:
    windows = CITY.windows
    if until is not None:
        windows = Windows(windows.start.copy(), windows.end.copy(), until, windows.tz)
    values = np.random.default_rng(5).random((len(windows), *CITY.grid.shape))
    values = (values > 0.9).astype(float) if kind == "flags" else values
    return ppe.External(surface=ppe.make_surface(values, CITY.grid, windows, kind=kind), name="vendor")


class Cheats(Honest):
    def known(self, events, cut):
        return events


class CountsTheNightItself(Honest):
    """Only the crimes of the very night: the strongest cheat, and the least used."""

    def known(self, events, cut):
        return events.take(events.happened >= cut)


class UsesHappenedOnly(Honest):
    def known(self, events, cut):
        return events.take(events.happened < cut)


class UsesHappenedWhereNothingIsRecorded(Honest):
    def known(self, events, cut):
        return events.take((events.happened if events.recorded is None else events.recorded) < cut)


class CountsTheLastMoment(Honest):
    """Not before `until`, but up to it."""

    def known(self, events, cut):
        return events.take(events.known_from <= cut)


class DividesByAllOfTheTable(Honest):
    def learn(self, events, grid, cut):
        return super().learn(events, grid, cut) / (1 + len(events))


class KnowsTheKindsToCome(Honest):
    def learn(self, events, grid, cut):
        return super().learn(events, grid, cut) * len(events.kinds)


class PeeksThroughForecast(Honest):
    def forecast(self, events, grid, windows):
        return ppe.make_surface(ppe.count(events, grid, windows).to_numpy(), grid, windows, kind="expected_count")


class KnowsTheWholeBlock(Honest):
    """A forecast that is handed all that is known by the last night, and uses it for the first."""

    def forecast(self, events, grid, windows):
        rate = self.learn(events, grid, windows.until[-1])
        return ppe.make_surface(rate * windows.days[:, None, None], grid, windows, kind="expected_count")


class ForecastsHonestly(Honest):
    def forecast(self, events, grid, windows):
        return ppe.forecast(Honest(self.weight), events, grid, windows)


@dataclass
class Mutable:
    weight: float = 1.0
    fit = Honest.fit
    learn = Honest.learn
    known = Honest.known
    moment = Honest.moment
    predict = Honest.predict
    numbers = Honest.numbers
    refuse = Honest.refuse


class LearnsIntoItself(Honest):
    def fit(self, events, grid, *, until):
        fitted = super().fit(events, grid, until=until)
        object.__setattr__(self, "rate_", fitted.rate)
        return fitted


class ChangesItsField(Honest):
    def fit(self, events, grid, *, until):
        fitted = super().fit(events, grid, until=until)
        object.__setattr__(self, "note", self.note + 1)
        return fitted


class HiddenDice(Honest):
    def learn(self, events, grid, cut):
        return super().learn(events, grid, cut) + np.random.default_rng().random(grid.shape)


@dataclass(frozen=True)
class OpenDice(Honest):
    """Randomness from an explicit seed is allowed."""

    seed: int = 0

    def learn(self, events, grid, cut):
        return super().learn(events, grid, cut) + np.random.default_rng(self.seed).random(grid.shape)


class CountsLaterRowsMore(Honest):
    def learn(self, events, grid, cut):
        past = self.known(events, cut)
        cells = grid.cells_of(past)
        row = np.arange(len(past), dtype=float)
        counts = np.bincount(cells[cells >= 0], row[cells >= 0], minlength=grid.mask.size)
        return counts.reshape(grid.shape)


class NanWhereNothingHappened(Honest):
    def predict(self, fitted, windows):
        surface = super().predict(fitted, windows)
        return surface.where(surface > 0)


class NanWithoutCrimes(Honest):
    def predict(self, fitted, windows):
        surface = super().predict(fitted, windows)
        return surface if surface.sum() > 0 else surface * np.nan


class ZeroOutside(Honest):
    def predict(self, fitted, windows):
        return super().predict(fitted, windows).fillna(0.0)


class Negative(Honest):
    def predict(self, fitted, windows):
        return super().predict(fitted, windows) - 1.0


class NegativeScore(Honest):
    """A score may be negative, such as a log."""

    def numbers(self, fitted, windows):
        return np.log(0.1 + super().numbers(fitted, windows))

    def predict(self, fitted, windows):
        self.refuse(fitted, windows)
        return ppe.make_surface(self.numbers(fitted, windows), fitted.grid, windows, kind="score")


class FirstWindowOnly(Honest):
    def predict(self, fitted, windows):
        return super().predict(fitted, windows[:1])


class AlwaysOneDay(Honest):
    def predict(self, fitted, windows):
        return (
            super()
            .predict(fitted, windows)
            .assign_coords(window_end=("window", windows.start + np.timedelta64(1, "h")))
        )


class SortsWindows(Honest):
    def predict(self, fitted, windows):
        return super().predict(fitted, windows).sortby("window")


class BareNumbers(Honest):
    def predict(self, fitted, windows):
        return super().predict(fitted, windows).to_numpy()


class TransposedSurface(Honest):
    def predict(self, fitted, windows):
        return super().predict(fitted, windows).transpose("y", "x", "window")


class NorthOnTop(Honest):
    def predict(self, fitted, windows):
        return super().predict(fitted, windows).isel(y=slice(None, None, -1))


class NoKind(Honest):
    def predict(self, fitted, windows):
        surface = super().predict(fitted, windows)
        del surface.attrs["kind"]
        return surface


class ManyFlags(Honest):
    def predict(self, fitted, windows):
        return super().predict(fitted, windows).assign_attrs(kind="flags")


class FitsToNothing(Honest):
    def fit(self, events, grid, *, until):
        return None


class Raises(Honest):
    def learn(self, events, grid, cut):
        raise KeyError("no such column")


class ReturnsItself(Honest):
    until: ClassVar[Any] = None

    def fit(self, events, grid, *, until):
        fitted = super().fit(events, grid, until=until)
        other = type(self)()
        for name in ("rate", "grid", "until"):
            object.__setattr__(self, name, getattr(fitted, name))
        assert other is not self
        object.__setattr__(self, "forecaster", self)
        return self

    def predict(self, *args):
        return Honest.predict(self, self, args[-1])


class ForgetsUntil(Honest):
    def fit(self, events, grid, *, until):
        fitted = super().fit(events, grid, until=until)
        return HonestFit(self, str(fitted.until), grid, fitted.rate)

    def refuse(self, fitted, windows):
        if (windows.start < np.datetime64(fitted.until)).any():
            raise ppe.InputError("too early")


class ReadsCivilTimeAsUtc(Honest):
    def moment(self, until, events):
        if isinstance(until, str):
            return np.datetime64(until, "ns")
        return moment(until, events.tz)


class Normalises(Honest):
    """Shares of all windows asked for together."""

    def numbers(self, fitted, windows):
        values = super().numbers(fitted, windows)
        return values / max(values.sum(), 1e-9)


class ForecastsThePast(Honest):
    def refuse(self, fitted, windows):
        return


class RefusesThePastWithAnythingElse(Honest):
    def refuse(self, fitted, windows):
        if (windows.start < fitted.until).any():
            raise RuntimeError("too early")


class RefusesInSilence(Honest):
    def refuse(self, fitted, windows):
        if (windows.start < fitted.until).any():
            raise ppe.InputError("")


class ForgetsTheLength(Honest):
    def numbers(self, fitted, windows):
        return np.repeat(fitted.rate[None], len(windows), axis=0)


class TomorrowOnly(Honest):
    def refuse(self, fitted, windows):
        super().refuse(fitted, windows)
        if (windows.start > fitted.until + np.timedelta64(5, "D")).any():
            raise ppe.InputError("Only the next nights can be forecast.")


class HandsOutItsOwnSurface(Honest):
    def fit(self, events, grid, *, until):
        fitted = super().fit(events, grid, until=until)
        return KeepsItsSurface(self, fitted.until, grid, fitted.rate, {})


@dataclass(frozen=True, eq=False)
class KeepsItsSurface(HonestFit):
    made: dict

    def predict(self, windows):
        key = windows.start.tobytes() + windows.end.tobytes()
        if key not in self.made:
            self.made[key] = self.forecaster.predict(self, windows)
        return self.made[key]


class CannotBeSaved(Honest):
    def predict(self, fitted, windows):
        return super().predict(fitted, windows).assign_attrs(model=self)


class LosesDigitsWhenSaved(Honest):
    def predict(self, fitted, windows):
        surface = super().predict(fitted, windows)
        surface.encoding = {"dtype": "float32"}
        return surface


class WritesToTheCrimes(Honest):
    def learn(self, events, grid, cut):
        events.x.setflags(write=True)
        events.x[0] += 1.0
        return super().learn(events, grid, cut)


class OpensTheCrimes(Honest):
    def learn(self, events, grid, cut):
        events.y.setflags(write=True)
        return super().learn(events, grid, cut)


class MovesTheWindows(Honest):
    def predict(self, fitted, windows):
        surface = super().predict(fitted, windows)
        windows.end.setflags(write=True)
        windows.end[:] += np.timedelta64(1, "ns")
        return surface


class NoDataclass:
    """Without fields that tell it, and without a fingerprint."""

    weight = 1.0
    fit = Honest.fit
    learn = Honest.learn
    known = Honest.known
    moment = Honest.moment
    predict = Honest.predict
    numbers = Honest.numbers
    refuse = Honest.refuse


class ChangingFingerprint(Honest):
    count: ClassVar[list[int]] = []

    @property
    def fingerprint(self):
        self.count.append(1)
        return str(len(self.count))


@dataclass(frozen=True)
class HoldsALock(Honest):
    lock: Any = field(default_factory=threading.Lock, repr=False)

    @property
    def fingerprint(self):
        return str(self.weight)


@dataclass(frozen=True)
class ForgetsItselfOnTheWay(Honest):
    def __reduce__(self):
        return ForgetsItselfOnTheWay, (self.weight + 1,)


@dataclass(frozen=True)
class CarriesTheFuture(Honest):
    crimes: Any = field(default_factory=lambda: CITY.events, repr=False)

    @property
    def fingerprint(self):
        return "carries"


@dataclass(frozen=True)
class CarriesItDeepInside(Honest):
    options: Any = field(default_factory=lambda: {"more": [(lambda: None), {"table": CITY.events.frame()}]}, repr=False)

    @property
    def fingerprint(self):
        return "deep"


class CarriesItInASlot(Honest):
    __slots__ = ("hidden",)

    def __init__(self):
        object.__setattr__(self, "weight", 1.0)
        object.__setattr__(self, "note", 0)
        object.__setattr__(self, "hidden", CITY.events.frame())

    @property
    def fingerprint(self):
        return "slot"

    def __reduce__(self):
        return CarriesItInASlot, ()


@dataclass(frozen=True)
class HoldsAGrid(Honest):
    """Ground is no crime."""

    ground: Any = field(default_factory=lambda: CITY.grid, repr=False)


class CarriesItOnItsClass(Honest):
    places: ClassVar[Any] = CITY.events.x


class ReachesForAGlobal(Honest):
    def known(self, events, cut):
        return events.known_at(cut) if len(CITY_CRIMES) else events


CITY_CRIMES = CITY.events


def needs_recorded(events):
    if events.recorded is None:
        raise AttributeError("recorded")


class CrashesOnOddData(Honest):
    """Everything that programs forget."""

    def learn(self, events, grid, cut):
        past = self.known(events, cut)
        needs_recorded(events)
        if events.happened_until is not None:
            raise TypeError("intervals")
        cells = grid.cells_of(past)
        if len(past) == 1:
            past.x[1]
        newest = past.known_from.max()
        np.histogram(past.x[cells >= 0], bins=np.unique(past.x[cells >= 0])[[0, -1]])
        days_between(newest, cut) < 30 or past.x[-10_000]
        grid.inside_m2[1, 1]
        return super().learn(events, grid, cut)


class GivesNoReason(Honest):
    def learn(self, events, grid, cut):
        if not len(self.known(events, cut)):
            raise ppe.InputError(" ")
        return super().learn(events, grid, cut)


class TakesAllSurfaces(ppe.External):
    """Replays what was made too late."""

    def fit(self, events, grid, *, until):
        return LaxFit(forecaster=self, until=moment(until, events.tz), grid=grid)


class LaxFit(FittedExternal):
    def predict(self, windows):
        if (windows.start < self.until).any() or not np.isin(windows.start, self.forecaster.surface.window).all():
            raise ppe.InputError("too early, or not there")
        given = self.forecaster.surface.sel(window=windows.start)
        return ppe.make_surface(given.to_numpy(), self.grid, windows, kind="score")


def remembering_by(key):
    """Forecasters with a memory that all instances share."""

    class Remembers(Honest):
        memory: ClassVar[dict] = {}

        def learn(self, events, grid, cut):
            place = key(events, grid, cut)
            if place not in self.memory:
                self.memory[place] = super().learn(events, grid, cut)
            return self.memory[place]

    return Remembers


def never_forgets():
    class NeverForgets(Honest):
        """Learns from all crimes it was ever shown, for whichever city."""

        seen: ClassVar[dict] = {}

        def learn(self, events, grid, cut):
            past = self.known(events, cut)
            self.seen.update(dict.fromkeys(zip(past.happened.tolist(), past.x, past.y, strict=True)))
            places = np.array([place for _, *place in self.seen if place]).reshape(-1, 2)
            cells = grid.cell_of(places[:, 0], places[:, 1])
            return np.bincount(cells[cells >= 0], minlength=grid.mask.size).reshape(grid.shape) / 100

    return NeverForgets


def last_fit_wins():
    class LastFitWins(Honest):
        latest: ClassVar[dict] = {}

        def learn(self, events, grid, cut):
            self.latest["rate"] = super().learn(events, grid, cut)
            return self.latest["rate"]

        def numbers(self, fitted, windows):
            return self.latest["rate"] * windows.days[:, None, None]

    return LastFitWins


def closing_over(crimes):
    class Closes(Honest):
        def known(self, events, cut):
            return crimes.known_at(cut) if events is None else events.known_at(cut)

    return Closes


BROKEN = [
    (Cheats(), AHEAD),
    (CountsTheNightItself(), AHEAD - {"late_records", "open_intervals"}),
    (UsesHappenedOnly(), AHEAD - {"future_added"}),
    (UsesHappenedWhereNothingIsRecorded(), {"open_intervals"}),
    (CountsTheLastMoment(), {"future_added", "late_records", "open_intervals"}),
    (DividesByAllOfTheTable(), AHEAD),
    (KnowsTheKindsToCome(), {"future_added", "future_moved", "late_records", "open_intervals"}),
    (PeeksThroughForecast(), {"forecast_agrees", "forecast_future"}),
    (KnowsTheWholeBlock(), {"forecast_agrees", "forecast_future"}),
    (Mutable(), {"immutable"}),
    (LearnsIntoItself(), {"unchanged_by_use"}),
    (ChangesItsField(), {"unchanged_by_use"}),
    (HiddenDice(), {"same_twice"}),
    (CountsLaterRowsMore(), {"order_of_crimes"}),
    (NanWhereNothingHappened(), {"finite_inside", "long_lead"} | ODD - {"single_cell"}),
    (NanWithoutCrimes(), {"no_crimes", "only_outside", "before_data"}),
    (ZeroOutside(), {"nan_outside", "long_lead"} | ODD - {"single_cell"}),
    (Negative(), {"not_negative", "window_length"}),
    (FirstWindowOnly(), {"windows"}),
    (AlwaysOneDay(), {"windows"}),
    (SortsWindows(), {"windows"}),
    (BareNumbers(), {"surface"}),
    (TransposedSurface(), {"surface"}),
    (NorthOnTop(), {"surface"}),
    (NoKind(), {"kind"}),
    (ManyFlags(), {"kind"}),
    (FitsToNothing(), {"fits"}),
    (Raises(), {"fits"}),
    (ReturnsItself(), {"fitted", "unchanged_by_use", "fits_apart"}),
    (ForgetsUntil(), {"fitted"}),
    (ReadsCivilTimeAsUtc(), {"until_forms"}),
    (Normalises(), {"one_by_one"}),
    (ForecastsThePast(), {"refuses_the_past"}),
    (RefusesThePastWithAnythingElse(), {"refuses_the_past"}),
    (RefusesInSilence(), {"refuses_the_past"}),
    (ForgetsTheLength(), {"window_length"}),
    (TomorrowOnly(), {"long_lead"}),
    (HandsOutItsOwnSurface(), {"own_surface"}),
    (CannotBeSaved(), {"saved_and_loaded"}),
    (LosesDigitsWhenSaved(), {"saved_and_loaded"}),
    (WritesToTheCrimes(), {"inputs_unchanged", "no_crimes"}),
    (OpensTheCrimes(), {"inputs_unchanged"}),
    (MovesTheWindows(), {"inputs_unchanged"}),
    (NoDataclass(), {"identity"}),
    (ChangingFingerprint(), {"identity"}),
    (HoldsALock(), {"survives_travel"}),
    (ForgetsItselfOnTheWay(), {"survives_travel"}),
    (CarriesTheFuture(), {"no_data_aboard"}),
    (CarriesItDeepInside(), {"no_data_aboard"}),
    (CarriesItInASlot(), {"no_data_aboard"}),
    (CarriesItOnItsClass(), {"no_data_aboard"}),
    (ReachesForAGlobal(), {"no_data_aboard"}),
    (closing_over(CITY.events)(), {"no_data_aboard"}),
    (CrashesOnOddData(), ODD - {"one_place"} | {"open_intervals"}),
    (GivesNoReason(), {"no_crimes", "before_data"}),
    (TakesAllSurfaces(surface=replay("score").surface), {"surfaces_made_in_time"}),
    (remembering_by(lambda events, grid, cut: (cut, grid.shape))(), {"no_memory"}),
    (remembering_by(lambda events, grid, cut: grid.shape)(), {"no_memory"}),
    (remembering_by(lambda events, grid, cut: (len(events), cut, grid.fingerprint))(), {"no_memory"}),
    (remembering_by(lambda events, grid, cut: 0)(), {"no_memory"}),
    (never_forgets()(), {"no_memory"}),
    (last_fit_wins()(), {"fits_apart"}),
]  # fmt: skip
