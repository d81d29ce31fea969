"""Random lengths of time: what distribution delays and absences have."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt

from predpol_eval.civil_time import EARLIEST, LATEST, NANOSECONDS_PER_DAY, TimeArray, span
from predpol_eval.errors import InputError
from predpol_eval.simulate.setting import check_number

Distribution = Literal["exponential", "lognormal", "fixed"]
_LONGEST = 100_000.0  # days: as nanoseconds, more would wrap around


@dataclass(frozen=True, slots=True)
class Waits:
    """A distribution of lengths of time.

    Attributes
    ----------
    mean_days : float
        Their mean, in elapsed days.
    distribution : {"exponential", "lognormal", "fixed"}
    spread : float
        Standard deviation of the logarithm; of a lognormal distribution only.
    """

    mean_days: float
    distribution: Distribution
    spread: float

    @classmethod
    def read(cls, mean: Any, distribution: Any, spread: Any) -> Waits:
        """Check the arguments."""
        if distribution not in get_args(Distribution):
            raise InputError(f"distribution={distribution!r}; choose 'exponential', 'lognormal' or 'fixed'.")
        wide = "the standard deviation of the logarithm, from 0 to below 10"
        return cls(
            span(mean, "mean", zero=True).nominal_days, distribution, check_number(spread, "spread", 0, 10, wide)
        )

    def draw(self, random: np.random.Generator, number: int) -> npt.NDArray[np.float64]:
        """Draw that many, in elapsed days."""
        if self.distribution == "fixed" or self.mean_days == 0:
            return np.full(number, self.mean_days)
        if self.distribution == "exponential":
            return random.exponential(self.mean_days, number)
        # The mean of a lognormal distribution is exp(m + spread^2/2).
        return random.lognormal(np.log(self.mean_days) - self.spread**2 / 2, self.spread, number)

    def __str__(self) -> str:
        spread = f", spread {self.spread:g}" if self.distribution == "lognormal" else ""
        return f"{self.mean_days:g} days on average ({self.distribution}{spread})"


def moved(moments: TimeArray, days: npt.NDArray[np.float64]) -> TimeArray:
    """Move moments by elapsed days, forward or back; refused where years cannot be told any more."""
    if len(moments):
        since = days + (moments.astype("datetime64[s]") - EARLIEST) / np.timedelta64(1, "D")
        years = float((LATEST - EARLIEST) / np.timedelta64(1, "D"))
        if since.min() < 0 or since.max() > years or np.abs(days).max() > _LONGEST:
            raise InputError(
                f"Lengths of time of up to {np.abs(days).max():,.0f} days were drawn, which lead out of the years 1700 "
                "to 2250; give a smaller mean or spread."
            )
    return np.asarray(moments + (days * NANOSECONDS_PER_DAY).astype(np.int64).astype("timedelta64[ns]"))
