"""Self-exciting crime: every crime raises the risk around it for a while, as earthquakes do."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, Literal

from predpol_eval.civil_time import span
from predpol_eval.errors import InputError
from predpol_eval.events import Events
from predpol_eval.forecasters.base import Nightly, check_length, check_positive, forecast, known
from predpol_eval.grid import Grid

if TYPE_CHECKING:
    import xarray as xr

    from predpol_eval.forecasters.hawkes.cell_forecast import FittedSelfExciting
    from predpol_eval.forecasters.hawkes.continuous_fitted import FittedContinuous
    from predpol_eval.forecasters.hawkes.nonparametric_fitted import FittedNonparametric

MODELS = ("cell", "continuous", "nonparametric")
# Fits that stop short of this many iterations end where they started from matters.
ENOUGH_ITERATIONS = 100
# Fields that mean something to some models only; set for another they would be passed over in silence.
_ONLY = {
    "cell": ("cell",),
    "background": ("cell",),
    "jackknife": ("cell",),
    "bandwidth": ("continuous",),
    "min_distance": ("continuous", "nonparametric"),
    "starts": ("continuous", "nonparametric"),
    "reach": ("nonparametric",),
    "radius": ("nonparametric",),
    "neighbours": ("nonparametric",),
    "neighbours_in_time": ("nonparametric",),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class SelfExciting(Nightly):
    """A background rate, and repeats: each crime sets off theta more where it happened, 1/omega days later.

    With ``model="cell"`` the rate of cell n is mu_n + sum theta omega exp(-omega (t - t_i)) over its earlier crimes.
    Theta, omega and mu_n are the likeliest, found by expectation-maximisation with the edge correction
    (`hawkes.cell_fit.fit_cells` tells when it has converged). Only crimes inside the grid count, each in the cell of
    its point. The forecast is an expected count, with the repeats of repeats in it
    (`hawkes.cell_forecast.expected_count`).

    With ``model="continuous"`` the rate at place s is mu(s) + sum theta omega exp(-omega (t - t_i)) N(s - s_i; sigma^2)
    over all earlier crimes, N the Gaussian density of standard deviation sigma in each direction. The background mu(s)
    is a kernel density of the crimes, each by its probability p_jj to be no repeat, and itself left out of it at its
    own place (`hawkes.continuous_fit.fit_continuous`).

    With ``model="nonparametric"`` the rate is nu(t) mu(s) + sum g(t - t_i, s - s_i), and none of the three has a
    formula: all are smoothed from who probably set off whom, with a bandwidth of its own for every point, until that
    stops moving (`hawkes.declustering`). It needs thousands of crimes.

    Parameters
    ----------
    model : {"cell", "continuous", "nonparametric"}
        Each cell by itself, repeats around the place of each crime, or repeats of any shape.
    cell : float, optional
        Side of the model's cells in metres: a whole multiple of the grid's, laid from the grid's lower-left corner; the
        rate of such a cell is spread over the grid's by their inside-area. None: the cells of the grid.
    lookback : str, optional
        For instance ``"730D"``; None is all history.
    background : {"cell", "shared"}
        A free mu in every cell, or one rate per inside-m2 for all.
    jackknife : bool
        Correct theta and omega by the half-panel jackknife. A free background per cell biases theta down and omega up:
        little where omega T (1 - theta) is above 500, by an eighth where it is 70.
    max_iterations : int
        The most iterations of a fit; one that has not converged by then warns.
    tolerance : float
        When a fit has converged, see `hawkes.cell_fit.fit_cells`; for the nonparametric model when an iteration changes
        p_jj by less than this in the mean square.
    min_step : str, optional
        Least time between two crimes, for instance ``"1h"``; equal times would send omega to infinity. None: the
        resolution found in the data, the coarsest of a day, an hour, 30, 15, 5 or 1 minutes, a second and less that
        divides all times of the wall clock (and not finer than what the events say).
    bandwidth : float, optional
        Of the continuous model's background: standard deviation in metres. None: the one of the highest leave-one-out
        likelihood, each crime by its p_jj, found along with the rest; it is in the attrs.
    min_distance : float, optional
        Least distance between two crimes in metres; crimes recorded on one place would send sigma to 0. None: half the
        median distance from a place with crimes to the next, if a tenth of all crimes stand on another's place, else
        1 m.
    starts : int
        From how many different starts the continuous and the nonparametric model are fitted; they warn if the starts do
        not come to one answer (the continuous model: if another is almost as likely). The nonparametric model starts
        from nearly all background and from nearly none.
    reach : str
        How long a crime can set off others in the nonparametric model; at most an eighth of the observed time.
    radius : float
        How far away, metres.
    neighbours, neighbours_in_time : int
        A bandwidth of the nonparametric model is the distance to the neighbour of this rank, as probabilities count:
        in the plane and in the cloud of pairs, and in time for nu.

    Notes
    -----
    Where observation has gaps, T is the observed time, and the rate is summed over observed time only. What may have
    happened unseen in a gap sets nothing off; nor do crimes before the lookback. Where the data end before the moment
    of the forecast, the expected count includes what may have happened since.

    The continuous model is fitted to the crimes in the grid's study area; crimes known around it set off repeats in it,
    but are no part of the background. What falls outside is not seen: the likelihood takes the share of each crime's
    repeats that lies inside, and the background of every crime is spread inside. One crime's share of the background
    lies evenly over the study area, so that no cell has a rate of 0.

    Records of one crime for each of its victims look like repeats within the hour, and make omega large: drop them, or
    set ``min_step="1D"``.

    References
    ----------
    Mohler, G. O. et al. (2015). Randomized controlled field trials of predictive policing. J. Am. Stat. Assoc. 110,
    1399-1411 (there without the edge correction). Dhaene, G. and Jochmans, K. (2015). Split-panel jackknife estimation
    of fixed-effect models. Rev. Econ. Stud. 82, 991-1030. Mohler, G. O. (2014). Marked point process hotspot maps for
    homicide and gun crime prediction in Chicago. Int. J. Forecasting 30, 491-497 (the continuous model, there with one
    bandwidth for the background from EM, and each crime in its own background). Mohler, G. O., Short, M. B.,
    Brantingham, P. J., Schoenberg, F. P. and Tita, G. E. (2011). Self-exciting point process modeling of crime. J. Am.
    Stat. Assoc. 106, 100-108 (the nonparametric model).

    Examples
    --------
    >>> SelfExciting(lookback="730D", jackknife=True).background
    'cell'
    """

    model: Literal["cell", "continuous", "nonparametric"] = "cell"
    cell: float | None = None
    lookback: str | None = None
    background: Literal["cell", "shared"] = "cell"
    jackknife: bool = False
    max_iterations: int = 200
    tolerance: float = 1e-9
    min_step: str | None = None
    bandwidth: float | None = None
    min_distance: float | None = None
    starts: int = 2
    reach: str = "60D"
    radius: float = 400.0
    neighbours: int = 15
    neighbours_in_time: int = 100

    def __post_init__(self) -> None:
        if self.model not in MODELS:
            raise InputError(f"model={self.model!r} does not exist; choose one of {', '.join(map(repr, MODELS))}.")
        for field in fields(self):
            if self.model not in _ONLY.get(field.name, MODELS) and getattr(self, field.name) != field.default:
                raise InputError(
                    f"{field.name}={getattr(self, field.name)!r} means nothing to model={self.model!r}, only to "
                    f"{' and '.join(map(repr, _ONLY[field.name]))}; leave it out."
                )
        if self.background not in ("cell", "shared"):
            raise InputError(f"background={self.background!r}; choose 'cell' (one rate for each) or 'shared'.")
        if not isinstance(self.jackknife, bool):
            raise InputError(f"jackknife={self.jackknife!r}; choose True or False.")
        if self.cell is not None:
            check_positive(self.cell, "cell", "the side of the model's cells in metres, for instance 500")
        for name in ("max_iterations", "starts", "neighbours", "neighbours_in_time"):
            number = getattr(self, name)
            if isinstance(number, bool) or not isinstance(number, int) or number < 1:
                raise InputError(f"{name}={number!r}; give a whole number of at least 1.")
        for name in ("bandwidth", "min_distance"):
            if getattr(self, name) is not None:
                check_positive(getattr(self, name), name, "metres, for instance 100")
        check_positive(self.tolerance, "tolerance", "a small number, for instance 1e-9")
        check_length(self.lookback, "lookback")
        check_length(self.min_step, "min_step")
        check_positive(self.radius, "radius", "metres, for instance 400")
        span(self.reach, "reach")

    def fit(
        self, events: Events, grid: Grid, *, until: Any
    ) -> FittedSelfExciting | FittedContinuous | FittedNonparametric:
        """Find the likeliest background, repeats and decay for the crimes known at `until`.

        Raises
        ------
        InputError
            If no crime or a single one is known in the grid, or all happened at one moment (for the continuous and the
            nonparametric model also: on one place; for the latter: or they are not more than twice `neighbours`); if no
            time was observed before `until` (within the lookback), CRSs differ, or `cell` is not a multiple of the
            grid's.

        Warns
        -----
        PredPolWarning
            If the fit has not converged after `max_iterations`, or another start leads elsewhere.
        """
        past = known(events, grid, until, self.lookback)
        if self.model == "continuous":
            from predpol_eval.forecasters.hawkes.continuous_model import fit_continuous_model

            return fit_continuous_model(self, past)
        if self.model == "nonparametric":
            from predpol_eval.forecasters.hawkes.nonparametric_model import fit_nonparametric_model

            return fit_nonparametric_model(self, past)
        from predpol_eval.forecasters.hawkes.cell_model import fit_cell_model

        return fit_cell_model(self, past)

    def forecast(self, events: Events, grid: Grid, windows: Any) -> xr.DataArray:
        """Fit and predict for every window of a schedule, each night's fit starting from the last one's.

        The nonparametric model, and fits that may not go on to the end (`max_iterations` below 100), start from nothing
        every night.

        Returns
        -------
        xarray.DataArray
            The same as by `fit` and `predict` window by window, to 1e-9 of a window's highest number. The attrs are
            those of the first window.
        """
        if self.model == "nonparametric" or self.max_iterations < ENOUGH_ITERATIONS:
            return forecast(self, events, grid, windows)
        from predpol_eval.forecasters.hawkes.schedules import forecast_nights

        if self.model == "continuous":
            from predpol_eval.forecasters.hawkes.continuous_model import refit_continuous_model

            return forecast_nights(self, events, grid, windows, None, refit_continuous_model)
        from predpol_eval.forecasters.hawkes.cell_model import layout_of, refit_cell_model

        return forecast_nights(self, events, grid, windows, layout_of(grid, self.cell).block, refit_cell_model)
