"""Does SelfExciting find in simulated cities what was put into them? Writes docs/tables/recovery_self_exciting.md.

    python docs/scripts/recovery_self_exciting.py

Every row is 50 cities of one kind, simulated from seeds of their own and fitted through the public interface; takes
some minutes. tests/forecasters/test_recovery.py reruns one row, and in `make test-full` all of them.
"""

from __future__ import annotations

import argparse
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import predpol_eval as ppe
from predpol_eval.forecasters.self_exciting import SelfExciting
from predpol_eval.simulate import Simulation, simulate_self_exciting

TARGET = Path(__file__).resolve().parents[1] / "tables" / "recovery_self_exciting.md"
RUNS = 50
AHEAD = 7
INTRODUCTION = f"""\
Every row is of {RUNS} cities of one kind, simulated with `simulate_self_exciting` (seeds 0 to {RUNS - 1}; they have
run for long before the start, so that they are in a steady state) and fitted with `SelfExciting`. Biases are of the
mean over the cities, in per cent of the truth, ± one Monte Carlo standard error; so are the root mean square errors
(RMSE). Covered: in how many cities the 95 % interval holds the truth, and the share with its standard error; of {RUNS},
{0.95 * RUNS:.1f} ± {(0.95 * 0.05 * RUNS) ** 0.5:.1f} are to be expected. Expected / counted: crimes of the {AHEAD} days
after the fit, expected over counted, all cities together, repeats of repeats included.
Intervals are on the scale of logarithms; with a free background per cell they are centred on the half-panel jackknife
whether or not the estimate is, and so cover alike. Made by `docs/scripts/recovery_self_exciting.py`."""
CLOSING = """\
A free background in every cell biases theta down and omega up, the more so the smaller omega T and theta are, whatever
the number of crimes: more cells make the estimate more certain of the wrong value. The jackknife takes most of it
out. So does a shared background, but only where the cells are truly alike: it would take uneven cells for repeats."""
START = np.datetime64("2010-01-01", "ns")


@dataclass(frozen=True)
class City:
    """A kind of simulated city: `mu` background crimes per cell and day on average, in cells (a square of them)."""

    name: str
    theta: float
    omega: float
    days: int
    mu: float
    side: int
    uneven: bool = False
    resolution: str | None = None

    @property
    def enough(self) -> float:
        """omega T (1 - theta)."""
        return self.omega * self.days * (1 - self.theta)


# Recovery is claimed of these: omega T (1 - theta) >= 500 and theta of at least 0.2.
CLAIMED = (
    City("many repeats", 0.5, 1.0, 1000, 0.05, 10),
    City("many repeats, few crimes in each of many cells", 0.5, 1.0, 1000, 0.004, 40),
    City("many repeats, uneven cells", 0.5, 1.0, 1000, 0.02, 20, uneven=True),
    City("many repeats, times told to the hour", 0.5, 1.0, 1000, 0.05, 10, resolution="hour"),
    City("most crimes are repeats", 0.8, 2.0, 1300, 0.02, 12),
    City("some repeats, slow", 0.3, 0.5, 1826, 0.02, 16),
    City("some repeats, 20,000 crimes", 0.3, 1.0, 720, 0.1, 14),
    City("few repeats", 0.2, 1.0, 1826, 0.03, 12),
)
# And these show where it is not.
UNCLAIMED = (
    City("very few repeats", 0.1, 1.0, 600, 0.1, 12),
    City("short for so slow a decay", 0.3, 0.1, 1000, 0.02, 16),
    City("short for so slow a decay, 7 crimes a day", 0.3, 0.1, 1000, 0.1, 7),
)
METHODS = {
    "as it comes": SelfExciting(),
    "jackknife": SelfExciting(jackknife=True),
    "shared background": SelfExciting(background="shared"),
}


@dataclass(frozen=True)
class Line:
    """What one method found in the cities of one kind: bias relative to the truth, its Monte Carlo error, coverage."""

    city: City
    method: str
    crimes: float
    bias: tuple[float, float, float]
    error: tuple[float, float, float]
    rmse: tuple[tuple[float, float], tuple[float, float]]
    covered: tuple[int, int]
    runs: int
    theta: float
    calibration: tuple[float, float]


def simulate(city: City, seed: int) -> tuple[ppe.Grid, Simulation]:
    """One city of 250 m cells, in a steady state at its start, and observed for `AHEAD` days after the fit."""
    side = 250.0 * city.side
    grid = ppe.Grid.from_bounds(0, 0, side, side, cell=250, crs="EPSG:27700")
    rate = np.full(grid.shape, city.mu)
    if city.uneven:
        rate = np.random.default_rng([seed, 1]).gamma(0.5, 2 * city.mu, grid.shape)
    made = simulate_self_exciting(
        grid,
        start=START,
        end=START + np.timedelta64(city.days + AHEAD, "D"),
        tz="UTC",
        theta=city.theta,
        omega=city.omega,
        mu=rate,
        seed=seed,
        burn_in=f"{round(20 / (city.omega * (1 - city.theta)))}D",
        resolution=city.resolution,
    )
    return grid, made


def methods_for(city: City) -> list[str]:
    """What is tried: a shared background only where the cells are alike, as it assumes."""
    return ["as it comes", "jackknife"] + ([] if city.uneven else ["shared background"])


def recover(city: City, runs: int = RUNS, methods: list[str] | None = None, first_seed: int = 0) -> list[Line]:
    """Simulate and fit `runs` cities of a kind."""
    found: dict[str, list[list[float]]] = {name: [] for name in methods or methods_for(city)}
    covered = {name: np.zeros(2, dtype=int) for name in found}
    ahead: dict[str, list[tuple[float, int]]] = {name: [] for name in found}
    until = START + np.timedelta64(city.days, "D")
    end = until + np.timedelta64(AHEAD, "D")
    window = ppe.Windows(np.array([until]), np.array([end]), np.array([until]), "UTC")
    crimes = 0
    for seed in range(first_seed, first_seed + runs):
        grid, made = simulate(city, seed)
        later = int((made.events.happened >= until).sum())
        crimes += len(made.events) - later
        for name in found:
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                fit = METHODS[name].fit(made.events, grid, until=until)
            found[name].append([fit.theta / city.theta, fit.omega / city.omega, fit.mu.sum() / made.truth.mu.sum()])
            ahead[name].append((float(fit.predict(window).sum()), later))
            ranges = fit.intervals()
            for place, truth in enumerate((city.theta, city.omega)):
                low, high = ranges[("theta", "omega")[place]]
                covered[name][place] += low <= truth <= high
    lines = []
    for name, rows in found.items():
        ratio = np.array(rows)
        bias = ratio.mean(axis=0) - 1
        error = ratio.std(axis=0, ddof=1) / np.sqrt(runs)
        squares = (ratio[:, :2] - 1) ** 2
        rmse = np.sqrt(squares.mean(axis=0))
        # Of a root: the error of the mean below it, over twice the root.
        unsure = squares.std(axis=0, ddof=1) / np.sqrt(runs) / (2 * rmse)
        expected, counted = np.array(ahead[name]).T
        level = expected.sum() / counted.sum()
        spread = float(np.std(expected - level * counted, ddof=1) * np.sqrt(runs) / counted.sum())
        lines.append(
            Line(
                city=city,
                method=name,
                crimes=crimes / runs,
                bias=(float(bias[0]), float(bias[1]), float(bias[2])),
                error=(float(error[0]), float(error[1]), float(error[2])),
                rmse=((float(rmse[0]), float(unsure[0])), (float(rmse[1]), float(unsure[1]))),
                covered=(int(covered[name][0]), int(covered[name][1])),
                runs=runs,
                theta=float(ratio[:, 0].mean() * city.theta),
                calibration=(float(level), spread),
            )
        )
    return lines


def written(line: Line) -> list[str]:
    """A line of the table, cell by cell."""
    city = line.city
    parts = [
        city.name,
        f"{city.theta:g}",
        f"{city.omega:g}",
        f"{city.days:,}",
        f"{city.enough:.0f}",
        f"{city.side**2:,}",
        f"{line.crimes:,.0f}",
        line.method,
        f"{line.theta:.3f}",
    ]
    parts += [f"{100 * bias:+.1f} ± {100 * error:.1f}" for bias, error in zip(line.bias, line.error, strict=True)]
    parts += [f"{100 * size:.1f} ± {100 * error:.1f}" for size, error in line.rmse]
    for count in line.covered:
        share = count / line.runs
        parts.append(
            f"{count} of {line.runs} ({100 * share:.0f} ± {100 * (share * (1 - share) / line.runs) ** 0.5:.0f} %)"
        )
    return [*parts, f"{line.calibration[0]:.3f} ± {line.calibration[1]:.3f}"]


def page(lines: list[Line]) -> str:
    """The whole page."""
    heads = [
        "city", "theta", "omega", "T (days)", "omega T (1 - theta)", "cells", "crimes", "method", "mean theta found",
        "theta, bias %", "omega, bias %", "background, bias %", "theta, RMSE %", "omega, RMSE %", "theta covered",
        "omega covered", "expected / counted",
    ]  # fmt: skip
    rule = "| " + " | ".join(["---", *["---:"] * 6, "---", *["---:"] * 9]) + " |"
    text = [
        "---",
        "orphan: true",
        "---",
        "",
        "# What SelfExciting finds in simulated cities",
        "",
        INTRODUCTION,
        "",
    ]
    for title, cities in (
        ("Where recovery is claimed: omega T (1 - theta) of at least 500, theta of at least 0.2", CLAIMED),
        ("Where it is not", UNCLAIMED),
    ):
        text += [f"## {title}", "", "| " + " | ".join(heads) + " |", rule]
        text += ["| " + " | ".join(written(line)) + " |" for line in lines if line.city in cities]
        text.append("")
    text.append(CLOSING)
    return "\n".join(text) + "\n"


def main() -> None:
    """Run all rows, write the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--target", type=Path, default=TARGET)
    chosen = parser.parse_args()
    lines: list[Line] = []
    for city in (*CLAIMED, *UNCLAIMED):
        lines += recover(city)
        for line in lines[-len(methods_for(city)) :]:
            print(" | ".join(written(line)), flush=True)
    chosen.target.parent.mkdir(parents=True, exist_ok=True)
    chosen.target.write_text(page(lines), encoding="utf-8")
    print(chosen.target)


if __name__ == "__main__":
    main()
