"""Before a trial: how large a difference can so many nights tell from none?"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from predpol_eval.comparisons.block_length import politis_white
from predpol_eval.comparisons.long_run import default_lags, fixed_b, long_run_variance, ratio_error
from predpol_eval.comparisons.pairing import paired
from predpol_eval.comparisons.sequence import DEFAULT_RHO, check_alpha, check_rho
from predpol_eval.describing import as_html, as_text
from predpol_eval.errors import InputError

if TYPE_CHECKING:
    import xarray as xr

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Detectable:
    """The difference in hit rate that a trial can tell from none, and what that rests on.

    Attributes
    ----------
    difference : float
        Difference of hit rates that is found with chance `power`; NaN where none that is possible would be.
    nights : int
    crimes : float
        Crimes per night.
    spread : float
        Long-run standard deviation of a night's difference, in crimes.
    alpha, power : float
    test, method : str
    runs : int
        Simulated trials; 0 for the formula.
    """

    difference: float
    nights: int
    crimes: float
    spread: float
    alpha: float
    power: float
    test: str
    method: str
    runs: int = 0

    def to_dict(self) -> dict[str, Any]:
        """All fields as plain numbers and texts."""
        return {part.name: getattr(self, part.name) for part in fields(self)}

    def _lines(self) -> dict[str, str]:
        simulated = f", {self.runs:,} simulated trials" if self.runs else ""
        told = "none that is possible: too few nights or crimes"
        in_crimes = f"of {self.crimes:.3g} a night"
        if np.isfinite(self.difference):
            told = f"{100 * self.difference:.2f} points of hit rate"
            each = self.difference * self.crimes
            in_crimes = f"{each:.3g} of {self.crimes:.3g} a night, {each * self.nights:.3g} in all"
        return {
            "difference": told,
            "in crimes": in_crimes,
            "nights": f"{self.nights}",
            "power": f"{100 * self.power:.4g} % at alpha {self.alpha:g}, {self.test}",
            "spread": f"{self.spread:.3g} crimes a night",
            "method": f"{self.method}{simulated}",
        }

    def __repr__(self) -> str:
        return as_text("Detectable difference", self._lines())

    def _repr_html_(self) -> str:
        return as_html("Detectable difference", self._lines())


def detectable_difference(
    a: xr.Dataset | None = None,
    b: xr.Dataset | None = None,
    *,
    nights: int,
    crimes: float | None = None,
    differing: float | None = None,
    dispersion: float = 1.0,
    correlation: float = 0.0,
    alpha: float = 0.05,
    power: float = 0.8,
    test: Literal["dm", "sequence"] = "dm",
    rho: float = DEFAULT_RHO,
    method: Literal["formula", "simulation"] = "formula",
    runs: int = 2000,
    seed: int = 0,
) -> Detectable:
    """Say what difference in hit rate a trial of so many nights can tell from none.

    Parameters
    ----------
    a, b : xarray.Dataset, optional
        Tallies of two forecasters on past nights, as for `compare`: how their difference varied from night to night is
        what decides. Without them, give `crimes` and `differing`.
    nights : int
        Nights of the trial.
    crimes : float, optional
        Crimes per night; with past nights, their mean unless told otherwise.
    differing : float, optional
        Share of the crimes that exactly one of the two catches, above 0 and at most 1.
    dispersion : float
        How much more a night's difference varies than if each of these crimes fell to either by itself: 1, or more
        where several are caught together.
    correlation : float
        Of a night's difference with the next one's, from 0 to below 1 (formula only).
    alpha, power : float
        Chance of a false alarm, and of finding a difference of the size returned.
    test : {"dm", "sequence"}
        ``compare(method=...)`` at the last night.
    rho : float
        For the sequence.
    method : {"formula", "simulation"}
        Closed form, or simulated trials: of past nights drawn in blocks, or of crimes as assumed.
    runs, seed : int
        Simulated trials, and the seed of their draws.

    Returns
    -------
    Detectable
        Frozen; ``difference`` is what was asked for, NaN if so few nights or crimes can tell none that is possible. It
        shows itself.

    Raises
    ------
    InputError
        If something is missing or out of range.

    Notes
    -----
    Closed form for ``"dm"``: (c(alpha) + c(2 (1 - power))) sqrt(LRV / T) / crimes, c the fixed-b critical values. The
    spread is that of the past two; vendors that agree more, or less, than they did change it.

    References
    ----------
    Cohen 1988, Statistical Power Analysis; Kiefer and Vogelsang 2005.

    Examples
    --------
    >>> import predpol_eval as ppe
    >>> found = ppe.detectable_difference(nights=180, crimes=20, differing=0.2)
    >>> round(found.difference, 4), round(found.spread, 4)  # spread: the root of 20 x .2
    (0.0226, 2.0)
    """
    level = check_alpha(alpha)
    told = {
        "crimes": crimes,
        "differing": differing,
        "dispersion": dispersion,
        "correlation": correlation,
        "power": power,
    }
    for name, value in told.items():
        if value is not None or name in ("dispersion", "correlation", "power"):
            _number(value, name)
    _check(nights, power, test, method, runs)
    if isinstance(seed, bool) or not isinstance(seed, int | np.integer) or seed < 0:
        raise InputError(f"seed={seed!r}; give a whole number, at least 0.")
    rate, z, n = _basis(a, b, crimes, differing, dispersion, correlation)
    if z is not None:
        spread = float(np.sqrt(max(0.0, long_run_variance(z, default_lags(len(z))))))
    else:
        stretch = (1 + correlation) / (1 - correlation)
        spread = float(np.sqrt(rate * float(differing or 0.0) * dispersion * stretch))
    if method == "formula":
        needed = _reach(nights, spread, level, power, test, check_rho(rho)) / rate
    else:
        if z is None and correlation:
            raise InputError(
                "method='simulation' from assumptions knows no correlation; give past nights (a and b), or use "
                "method='formula'."
            )
        generator = np.random.default_rng(seed)
        needed = _simulated(
            nights, z, n, rate, differing, dispersion, level, power, test, check_rho(rho), runs, generator
        )
    # No two can be further apart than the crimes that exactly one of them catches.
    if not needed <= (1.0 if differing is None else differing):
        needed = np.nan
    return Detectable(
        difference=needed, nights=nights, crimes=rate, spread=spread, alpha=level, power=power, test=test,
        method=method, runs=0 if method == "formula" else runs,
    )  # fmt: skip


def _number(value: Any, name: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float | np.number) or not np.isfinite(value):
        raise InputError(f"{name}={value!r}; give a finite number.")
    return float(value)


def _check(nights: int, power: float, test: str, method: str, runs: int) -> None:
    if isinstance(nights, bool) or not isinstance(nights, int | np.integer) or nights < 10:
        raise InputError(f"nights={nights!r}; give a whole number of nights, at least 10.")
    if not 0.5 <= power < 1:
        raise InputError(f"power={power!r}; give a share from 0.5 to below 1, for instance 0.8.")
    if test not in ("dm", "sequence"):
        raise InputError(f"test={test!r}; choose 'dm' or 'sequence'.")
    if method not in ("formula", "simulation"):
        raise InputError(f"method={method!r}; choose 'formula' or 'simulation'.")
    if isinstance(runs, bool) or not isinstance(runs, int | np.integer) or runs < 100:
        raise InputError(f"runs={runs!r}; give a whole number of simulated trials, at least 100.")


def _basis(
    a: xr.Dataset | None,
    b: xr.Dataset | None,
    crimes: float | None,
    differing: float | None,
    dispersion: float,
    correlation: float,
) -> tuple[float, FloatArray | None, FloatArray | None]:
    """Crimes per night, and the past nights' differences (less their mean effect) and crimes, if there are any."""
    if (a is None) != (b is None):
        raise InputError("Give past tallies of both forecasters, or of none.")
    if crimes is not None and not (np.isfinite(crimes) and crimes > 0):
        raise InputError(f"crimes={crimes!r}; give the expected crimes per night, above 0.")
    if a is None or b is None:
        if crimes is None or differing is None or not 0 < differing <= 1:
            raise InputError(
                f"Without past nights give crimes= (per night, found {crimes!r}) and differing= (the share of crimes "
                f"that exactly one of the two catches, above 0 and at most 1, found {differing!r})."
            )
        if not dispersion >= 1 or not 0 <= correlation < 1:
            raise InputError(
                f"dispersion={dispersion!r}, correlation={correlation!r}; give a dispersion of at least 1 and a "
                "correlation from 0 to below 1."
            )
        return float(crimes), None, None
    if differing is not None or dispersion != 1 or correlation:
        raise InputError(
            "With past nights, how much the two differ is taken from them; leave out differing, dispersion and "
            "correlation."
        )
    pair = paired(a, b, "hit_rate", "zero", None).common
    if len(pair.d) < 10 or not pair.n.sum() > 0:
        raise InputError(
            f"The two share {len(pair.d)} nights with {pair.n.sum():g} crimes; give at least 10 past nights."
        )
    ratio = float(pair.d.sum() / pair.n.sum())
    if not ratio_error(pair.d, pair.n, ratio, 0) > 0:
        raise InputError("The two never differ on these nights, so nothing tells how their difference varies.")
    rate = float(pair.n.mean()) if crimes is None else float(crimes)
    # Crimes expected otherwise than they were: a night's difference varies with their number.
    factor = rate / float(pair.n.mean())
    return rate, (pair.d - ratio * pair.n) * np.sqrt(factor), pair.n * factor


def _reach(nights: int, spread: float, alpha: float, power: float, test: str, rho: float) -> float:
    """Crimes per night that the two must be apart."""
    from scipy import optimize, stats

    if test == "dm":
        law = fixed_b(nights, default_lags(nights))
        return (law.critical(alpha) + law.critical(2 * (1 - power))) * spread / float(np.sqrt(nights))
    luck = float(stats.norm.ppf(power)) * spread * float(np.sqrt(nights))

    def lacking(per_night: float) -> float:
        total = nights * (spread**2 + per_night**2) + rho
        return nights * per_night - luck - float(np.sqrt(total * np.log(total / (rho * alpha**2))))

    top = spread + 1.0
    while lacking(top) < 0:
        top *= 2
        if top > 1e9 * (spread + 1):
            return float(np.nan)
    return float(optimize.brentq(lacking, 0.0, top))


def _simulated(
    nights: int,
    z: FloatArray | None,
    n: FloatArray | None,
    rate: float,
    differing: float | None,
    dispersion: float,
    alpha: float,
    power: float,
    test: str,
    rho: float,
    runs: int,
    generator: np.random.Generator,
) -> float:
    """Difference at which a share `power` of the simulated trials finds it."""
    needed = np.empty(runs)
    length = 1.0 if z is None else politis_white(z)
    for run in range(runs):
        if z is None or n is None:
            noise, crimes = _assumed_nights(nights, rate, float(differing or 0.0), dispersion, generator)
        else:
            place = _drawn_nights(len(z), nights, length, generator)
            noise, crimes = z[place], n[place]
        needed[run] = _found_from(noise, crimes, alpha, test, rho)
    return float(np.quantile(needed, power, method="higher"))


def _found_from(noise: FloatArray, crimes: FloatArray, alpha: float, test: str, rho: float) -> float:
    """Least difference that one trial with this noise would have found."""
    from scipy import optimize

    total = float(crimes.sum())
    if not total > 0:
        return np.inf
    if test == "dm":
        lags = default_lags(len(noise))
        luck = float(noise.sum()) / total
        error = ratio_error(noise, crimes, luck, lags)
        return fixed_b(len(noise), lags).critical(alpha) * error - luck if error > 0 else np.inf

    def lacking(delta: float) -> float:
        d = noise + delta * crimes
        variance = float(d @ d) + rho
        return float(d.sum()) - float(np.sqrt(variance * np.log(variance / (rho * alpha**2))))

    if lacking(0.0) >= 0:
        return 0.0
    return float(optimize.brentq(lacking, 0.0, 1.0)) if lacking(1.0) > 0 else np.inf


def _drawn_nights(past: int, nights: int, length: float, generator: np.random.Generator) -> npt.NDArray[np.int64]:
    """Past nights in blocks of random length, as the stationary bootstrap draws them."""
    jump = generator.random(nights) < 1 / length
    jump[0] = True
    start = generator.integers(0, past, nights)
    since = np.arange(nights) - np.maximum.accumulate(np.where(jump, np.arange(nights), 0))
    first = start[np.maximum.accumulate(np.where(jump, np.arange(nights), 0))]
    return np.asarray((first + since) % past, dtype=np.int64)


def _assumed_nights(
    nights: int, rate: float, differing: float, dispersion: float, generator: np.random.Generator
) -> tuple[FloatArray, FloatArray]:
    """Differences of nights and their crimes: groups of crimes, each falling to one of the two."""
    size = (1 + dispersion) / 2  # mean size of a group; geometric sizes of this mean have the dispersion asked for
    groups = generator.poisson(rate * differing / size, nights)
    owner = np.repeat(np.arange(nights), groups)
    members = generator.geometric(1 / size, len(owner))
    side = generator.choice([-1.0, 1.0], len(owner))
    apart = np.bincount(owner, members, minlength=nights)
    other = generator.poisson(rate * (1 - differing), nights)
    return np.bincount(owner, side * members, minlength=nights).astype(float), (apart + other).astype(float)
