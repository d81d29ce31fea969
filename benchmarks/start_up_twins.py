"""What a user waits for before anything appears, against what importing the libraries beneath costs by itself.

No kernels: each side is a fresh process, and its clock is the time that children spend on the processor.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

from benchmarks.twin import Rival, Twin

ROOT = Path(__file__).resolve().parents[1]
LIMITS = {"start_up.import": 1.2, "start_up.first_result": 1.3}  # of the rival's time, as promised

IMPORT = "import predpol_eval"
IMPORT_XARRAY = "import xarray"
# xarray imports Dask where it finds it, and only then, with the first array that it makes.
WITHOUT_DASK = """
import importlib.machinery, sys
class Finder(importlib.machinery.PathFinder):
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        return None if name.split(".")[0] in ("dask", "distributed") else super().find_spec(name, path, target)
sys.meta_path[:] = [Finder if finder is importlib.machinery.PathFinder else finder for finder in sys.meta_path]
"""
# A forecast of one night for 16 x 16 cells, and what its flags caught.
FIRST_RESULT = f"""{WITHOUT_DASK}
import numpy as np
import pandas as pd
import predpol_eval as ppe
rng = np.random.default_rng(0)
when = pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.uniform(0, 60 * 24, 200), "h")
frame = pd.DataFrame(dict(x=rng.uniform(0, 4000, 200), y=rng.uniform(0, 4000, 200), t=when))
events = ppe.Events.from_frame(frame, crs="EPSG:32617", tz="America/Toronto", observed=[("2024-01-01", "2024-03-10")])
grid = ppe.Grid.from_bounds(0, 0, 4000, 4000, cell=250, crs="EPSG:32617")
night = ppe.Schedule(start="2024-02-20", end="2024-02-21", step="1D", horizon="1D", tz="America/Toronto")
risk = ppe.forecast(ppe.KDE(bandwidth=500), events, grid, night)
caught = ppe.tally(risk, events, ppe.TopCells(10), grid)
assert caught.hits.sizes["window"] == 1
"""
TRIVIAL_LOOP = f"""{WITHOUT_DASK}
import numpy as np
import xarray, numba
from benchmarks.trivial_loop import total
total(np.arange(3.0))
"""


def run(code: str) -> None:
    """Run a code in a fresh process."""
    surroundings = os.environ | {"PYTHONPATH": str(ROOT)}
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=surroundings, check=True)


def children_clock() -> float:
    """Seconds that finished children spent on the processor; on Windows, which does not say, time on the wall."""
    try:
        import resource
    except ImportError:
        return time.perf_counter()
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def start_up(name: str, ours: str, rival: str, theirs: str) -> Twin:
    """Two codes that race, each in processes of its own."""
    peer = Rival(rival, lambda: run(theirs), ((),), (), None)
    return Twin(name, lambda: run(ours), tuple, (peer,), children_clock)


TWINS: tuple[Twin, ...] = (
    start_up("start_up.import", IMPORT, "importing xarray", IMPORT_XARRAY),
    start_up("start_up.first_result", FIRST_RESULT, "importing xarray, numba and one loop", TRIVIAL_LOOP),
)
