"""Does SelfExciting(model="continuous") find what was put in? Writes docs/tables/recovery_continuous.md.

    python docs/scripts/recovery_continuous.py

Every row is 50 cities of one kind, simulated from seeds of their own and fitted through the public interface, then
asked for the next days; takes about half an hour. tests/forecasters/test_recovery_continuous.py reruns a few cities of
one row, and in `make test-full` all rows.
"""

from __future__ import annotations

import argparse
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import predpol_eval as ppe
from predpol_eval.simulate import Simulation, simulate_self_exciting

TARGET = Path(__file__).resolve().parents[1] / "tables" / "recovery_continuous.md"
RUNS = 50
AHEAD = 30
NAMES = ("theta", "omega", "sigma")
INTRODUCTION = f"""\
Every row is of {RUNS} cities of one kind, 5 km by 5 km, simulated with `simulate_self_exciting` (seeds 0 to {RUNS - 1};
they have run for long before the start). A third of the background is even, the rest lies in six hot spots of 250 to
700 m in places of their own in every city. They are fitted with `SelfExciting(model="continuous")`, which chooses the
bandwidth of the background itself and starts twice; in no city did two ends come out almost as likely. Biases are of
the mean logarithm over the cities, in per cent, ± one Monte Carlo standard error; RMSE is the root mean square error of
the logarithm, in per cent, with a Monte Carlo error of a tenth of it (1/sqrt(2 x {RUNS}) for normal errors). Covered:
in how many cities the 95 % interval holds the truth; of {RUNS},
{0.95 * RUNS:.1f} ± {(0.95 * 0.05 * RUNS) ** 0.5:.1f} are to be expected. Expected: crimes forecast for the {AHEAD} days
after the fit over those that happened then, all cities together, ± one standard error from city to city. Made by
`docs/scripts/recovery_continuous.py`."""
CLOSING = """\
Where repeats are quick (the mean wait is short beside the observed time), all three parameters are found, and the
intervals hold them about as often as they should. Slow repeats look like one more hot spot: the background takes some
of them for its own, those that come late, so that omega comes out too high and theta too low, by a tenth and more in
the last row; the intervals, which hold the background's shape to be known, miss more often there. The counts that are
forecast are right all the same."""
START = np.datetime64("2010-01-01", "ns")
SIDE = 5000.0


@dataclass(frozen=True)
class City:
    """A kind of simulated city: `crimes` in `days` on average."""

    name: str
    theta: float
    omega: float
    sigma: float
    days: int
    crimes: int
    outside: str = "drop"
    resolution: str | None = None

    @property
    def enough(self) -> float:
        """omega T (1 - theta)."""
        return self.omega * self.days * (1 - self.theta)


CLAIMED = (
    City("some repeats", 0.3, 1.0, 100.0, 1000, 6000),
    City("many repeats", 0.5, 1.0, 100.0, 1100, 6000),
    City("many repeats close by, crimes outside known", 0.5, 1.0, 40.0, 1100, 6000, outside="keep"),
    City("some repeats, times told to the hour", 0.3, 1.0, 100.0, 1000, 6000, resolution="hour"),
    City("few repeats, 10,000 crimes", 0.2, 0.5, 150.0, 1500, 10000),
    City("most crimes are repeats", 0.7, 2.0, 60.0, 1000, 6000),
)
UNCLAIMED = (
    City("many repeats, slow", 0.5, 0.1, 100.0, 1000, 6000),
    City("some repeats, slow", 0.3, 0.1, 100.0, 1000, 6000),
    City("some repeats, slow and wide", 0.3, 0.05, 150.0, 1000, 6000),
)


@dataclass(frozen=True)
class Line:
    """What was found in the cities of one kind: of theta, omega and sigma bias, its error and RMSE of the logarithm."""

    city: City
    crimes: float
    bandwidth: float
    bias: tuple[float, ...]
    error: tuple[float, ...]
    rmse: tuple[float, ...]
    covered: tuple[int, ...]
    runs: int
    expected: tuple[float, float]


def simulate(city: City, seed: int) -> tuple[ppe.Grid, Simulation]:
    """One city of 250 m cells, observed for `AHEAD` days after the fit."""
    grid = ppe.Grid.from_bounds(0, 0, SIDE, SIDE, cell=250, crs="EPSG:27700")
    rng = np.random.default_rng([seed, 1])
    rate = city.crimes / city.days * (1 - city.theta)
    share = rng.dirichlet(np.full(6, 2.0)) * 2 / 3
    spots = np.column_stack([rng.uniform(800, SIDE - 800, (6, 2)), rng.uniform(250, 700, 6), rate * share])
    made = simulate_self_exciting(
        grid,
        start=START,
        end=START + np.timedelta64(city.days + AHEAD, "D"),
        tz="UTC",
        model="continuous",
        theta=city.theta,
        omega=city.omega,
        sigma=city.sigma,
        mu=rate / 3,
        hot_spots=spots,
        outside=city.outside,
        seed=seed,
        burn_in=f"{round(20 / (city.omega * (1 - city.theta)))}D",
        resolution=city.resolution,
    )
    return grid, made


def one(city: City, seed: int) -> tuple[np.ndarray, np.ndarray, float, float, int, float]:
    """Log errors, whether covered, expected and observed crimes of the next days, crimes, bandwidth."""
    grid, made = simulate(city, seed)
    until = START + np.timedelta64(city.days, "D")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fit = ppe.SelfExciting(model="continuous").fit(made.events, grid, until=until)
    truth = (city.theta, city.omega, city.sigma)
    wrong = np.log([getattr(fit, name) / true for name, true in zip(NAMES, truth, strict=True)])
    ranges = fit.intervals()
    covered = np.array([ranges[name][0] <= true <= ranges[name][1] for name, true in zip(NAMES, truth, strict=True)])
    end = until + np.timedelta64(AHEAD, "D")
    window = ppe.Windows(np.array([until]), np.array([end]), np.array([until]), "UTC")
    expected = float(fit.predict(window).sum())
    inside = grid.cells_of(made.events) >= 0
    observed = float((inside & (made.events.happened >= until)).sum())
    return wrong, covered, expected, observed, fit.crimes.number, fit.bandwidth


def recover(city: City, runs: int = RUNS, first_seed: int = 0) -> Line:
    """Simulate and fit `runs` cities of a kind."""
    rows = [one(city, seed) for seed in range(first_seed, first_seed + runs)]
    wrong = np.array([row[0] for row in rows])
    expected, observed = np.array([row[2:4] for row in rows]).T
    ratio = expected.sum() / observed.sum()
    spread = float(np.std(expected - ratio * observed, ddof=1)) * np.sqrt(runs) / observed.sum()
    return Line(
        city=city,
        crimes=float(np.mean([row[4] for row in rows])),
        bandwidth=float(np.median([row[5] for row in rows])),
        bias=tuple(wrong.mean(axis=0).tolist()),
        error=tuple((wrong.std(axis=0, ddof=1) / np.sqrt(runs)).tolist()),
        rmse=tuple(np.sqrt((wrong**2).mean(axis=0)).tolist()),
        covered=tuple(int(number) for number in np.sum([row[1] for row in rows], axis=0)),
        runs=runs,
        expected=(float(ratio), float(spread)),
    )


def written(line: Line) -> list[str]:
    """A line of the table, cell by cell."""
    city = line.city
    parts = [
        city.name,
        f"{city.theta:g}",
        f"{city.omega:g}",
        f"{city.sigma:g}",
        f"{city.days:,}",
        f"{city.enough:.0f}",
        f"{line.crimes:,.0f}",
        f"{line.bandwidth:.0f}",
    ]
    parts += [f"{100 * bias:+.1f} ± {100 * error:.1f}" for bias, error in zip(line.bias, line.error, strict=True)]
    parts += [f"{100 * value:.1f}" for value in line.rmse]
    parts += [f"{count} of {line.runs}" for count in line.covered]
    return [*parts, f"{line.expected[0]:.3f} ± {line.expected[1]:.3f}"]


def page(rows: dict[str, list[str]]) -> str:
    """The whole page, from the rows by the name of the city."""
    heads = [
        "city", "theta", "omega", "sigma (m)", "T (days)", "omega T (1 - theta)", "crimes", "bandwidth (m)",
        "theta, bias %", "omega, bias %", "sigma, bias %", "theta, RMSE %", "omega, RMSE %", "sigma, RMSE %",
        "theta covered", "omega covered", "sigma covered", "expected",
    ]  # fmt: skip
    rule = "| --- | " + " | ".join(["---:"] * (len(heads) - 1)) + " |"
    text = ["---", "orphan: true", "---", "", "# What the continuous model finds in simulated cities", "", INTRODUCTION]
    for title, cities in (
        ("Where recovery is claimed: omega T (1 - theta) of at least 500", CLAIMED),
        ("Where it is not", UNCLAIMED),
    ):
        text += ["", f"## {title}", "", "| " + " | ".join(heads) + " |", rule]
        text += ["| " + " | ".join(rows[city.name]) + " |" for city in cities]
    return "\n".join([*text, "", CLOSING]) + "\n"


def main() -> None:
    """Run all rows, write the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--target", type=Path, default=TARGET)
    chosen = parser.parse_args()
    rows = {}
    for city in (*CLAIMED, *UNCLAIMED):
        rows[city.name] = written(recover(city))
        print(" | ".join(rows[city.name]), flush=True)
    chosen.target.parent.mkdir(parents=True, exist_ok=True)
    chosen.target.write_text(page(rows), encoding="utf-8")
    print(chosen.target)


if __name__ == "__main__":
    main()
