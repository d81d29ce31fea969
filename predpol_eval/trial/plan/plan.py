"""The locked rules of a trial, and the hash by which everything else refers to them."""

from __future__ import annotations

import datetime
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from predpol_eval.describing import as_html, as_text
from predpol_eval.errors import InputError, PlanLockedError
from predpol_eval.trial.canonical import sha256_of
from predpol_eval.trial.plan.keys import close
from predpol_eval.trial.plan.limits import Limits
from predpol_eval.trial.plan.nights import MOMENTS, Night, make_nights
from predpol_eval.trial.plan.planned_test import PlannedTest
from predpol_eval.trial.plan.study_area import MOST_BYTES, lay_grid, read_bytes
from predpol_eval.trial.plan.versions import told_apart, versions

if TYPE_CHECKING:
    from predpol_eval.grid import Grid
    from predpol_eval.trial.plan.amendment_records import Amendment


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class TrialPlan:
    """The rules of a trial, all of them fixed before its first night; make one with `read_plan` or `load_plan`.

    Two plans are equal if their hashes are.

    Attributes
    ----------
    name : str
    tz, crs : str
        Time zone and projected coordinate system of the place.
    cell : float
        Side of a box in metres.
    areas : tuple of str
        Labels of the areas that take part, in the grid's order.
    areas_file, areas_sha256 : str
        Name of the file of areas, and the hash of its bytes.
    areas_bytes : bytes
    grid_fingerprint : str
        Of the grid laid over them.
    kinds : tuple of str
    method : str
        How crimes of uncertain time count.
    nights : tuple of Night
    settling_days : int
    k : int
        Boxes per area and kind.
    test : PlannedTest
    vendors, in_house : tuple of str
        Labels of those who submit.
    limits : Limits
    baseline_texts, baseline_identities : tuple of (str, str)
        Name and text, and name and identity, of each baseline.
    seed : int
    canonical : bytes
        Everything that decides the trial, in one form.
    sha256 : str
        Its hash.
    before : TrialPlan or None
        The plan before the last amendment.
    amendment : Amendment or None
        The last amendment.
    """

    name: str
    tz: str
    crs: str
    cell: float
    areas: tuple[str, ...]
    areas_file: str
    areas_sha256: str
    areas_bytes: bytes
    grid_fingerprint: str
    kinds: tuple[str, ...]
    method: str
    nights: tuple[Night, ...]
    settling_days: int
    k: int
    test: PlannedTest
    vendors: tuple[str, ...]
    in_house: tuple[str, ...]
    limits: Limits
    baseline_texts: tuple[tuple[str, str], ...]
    baseline_identities: tuple[tuple[str, str], ...]
    seed: int
    canonical: bytes
    sha256: str
    before: TrialPlan | None = None
    amendment: Amendment | None = None

    def __eq__(self, other: object) -> bool:
        return self.sha256 == other.sha256 if isinstance(other, TrialPlan) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.sha256)

    @property
    def submitters(self) -> tuple[str, ...]:
        """Labels of all who submit: vendors, then maps of the house."""
        return self.vendors + self.in_house

    @property
    def baselines(self) -> dict[str, str]:
        """Text of each baseline by its name."""
        return dict(self.baseline_texts)

    @property
    def keys(self) -> dict[str, dict[str, Any]]:
        """All tables and keys in the form in which they are kept, those left out too; a copy."""
        tables: dict[str, dict[str, Any]] = json.loads(self.canonical)["keys"]
        return tables

    @property
    def versions(self) -> dict[str, str]:
        """Versions of what the plan was locked with."""
        locked: dict[str, str] = json.loads(self.canonical)["versions"]
        return locked

    @property
    def amendments(self) -> tuple[Amendment, ...]:
        """All amendments, the first one first."""
        if self.before is None or self.amendment is None:
            return ()
        return (*self.before.amendments, self.amendment)

    @property
    def locked(self) -> TrialPlan:
        """The plan as it was before any amendment."""
        plan = self
        while plan.before is not None:
            plan = plan.before
        return plan

    def night(self, name: str | datetime.date) -> Night:
        """Find a night by the civil date on which its window starts.

        Raises
        ------
        InputError
            If the trial has no such night; it names close ones.
        """
        wanted = name.isoformat() if isinstance(name, datetime.date) else name
        for night in self.nights:
            if night.name == wanted:
                return night
        first, last = self.nights[0].name, self.nights[-1].name
        raise InputError(
            f"The trial has no night {str(wanted)[:40]!r}.{close(wanted, [night.name for night in self.nights])} Its "
            f"{len(self.nights):,} nights are named by their first day, from {first} to {last}."
        )

    def in_force(self, night: str | datetime.date | Night) -> TrialPlan:
        """The plan as it holds for one night: amendments hold from a night on, and never for the nights before."""
        wanted = night if isinstance(night, Night) else self.night(night)
        if self.before is None or self.amendment is None or wanted.number >= self.amendment.number_from:
            return self
        return self.before.in_force(wanted)

    def make_grid(self, folder: str | Path | None = None) -> Grid:
        """Lay the grid of the trial.

        Parameters
        ----------
        folder : path, optional
            Where a file of areas may lie; if it does, it must be the one that was locked. Without it, what was read
            with the plan is used.

        Raises
        ------
        PlanLockedError
            If the file was changed, or the libraries here lay another grid.
        """
        path = None if folder is None else Path(folder) / self.areas_file
        if path is not None and path.exists():
            found = sha256_of(read_bytes(path, "file of areas", MOST_BYTES))
            if found != self.areas_sha256:
                raise PlanLockedError(
                    f"The file of areas {self.areas_file!r} was changed: its SHA-256 is {found}, that of the plan is "
                    f"{self.areas_sha256}. Put back the file that the plan was locked with."
                )
        grid = lay_grid(self.areas_bytes, self.keys["place"])
        if grid.fingerprint != self.grid_fingerprint:
            raise PlanLockedError(
                "The areas are those of the plan, but the grid laid over them here is another. "
                + " ".join(self.other_versions() or ("The versions here are those of the plan.",))
                + " Install the versions that the plan was locked with."
            )
        return grid

    def forecasters(self) -> dict[str, Any]:
        """Make the baselines.

        Returns
        -------
        dict of str to Forecaster

        Raises
        ------
        PlanLockedError
            If one is not what it was when the plan was locked, as its class has other fields here.
        """
        from predpol_eval.forecasters.base import identity
        from predpol_eval.forecasters.phrases import read_forecaster

        made = {name: read_forecaster(text) for name, text in self.baseline_texts}
        locked = dict(self.baseline_identities)
        other = [name for name, forecaster in made.items() if identity(forecaster) != locked[name]]
        if other:
            raise PlanLockedError(
                f"The baselines {', '.join(map(repr, other))} are not what they were when the plan was locked. "
                + " ".join(self.other_versions())
                + " Install the versions that the plan was locked with."
            )
        return made

    def other_versions(self) -> tuple[str, ...]:
        """Say what is not here as it was when the plan was locked; empty if all is.

        It is no reason to refuse a plan, since its nights are kept as moments, but scores may differ in their last
        digits.
        """
        told = told_apart(self.versions, versions(self.tz))
        moved = self._nights_told_otherwise()
        if moved:
            more = f" and {len(moved) - 5:,} more" if len(moved) > 5 else ""
            told += (
                f"The time zone database here gives other moments for {', '.join(moved[:5])}{more}; those of the plan "
                "hold.",
            )
        return told

    def _nights_told_otherwise(self) -> list[str]:
        """Nights whose moments would be others if the plan were made here."""
        since = 0 if self.amendment is None else self.amendment.number_from
        earlier = [] if self.before is None else self.before._nights_told_otherwise()
        names = {night.name for night in self.nights[since:]}
        here = make_nights(self.keys["nights"], self.tz)
        return [name for name in earlier if name not in names] + [
            night.name
            for night, made in zip(self.nights[since:], here[since:], strict=True)
            if any(getattr(night, moment) != getattr(made, moment) for moment in MOMENTS)
        ]

    def summary(self) -> dict[str, str]:
        """Describe the plan in words, one entry per line."""
        looks = ", ".join(map(str, self.test.looks))
        amended = "" if not self.amendments else f", amended {len(self.amendments)} times"
        return {
            "trial": self.name + amended,
            "nights": f"{len(self.nights):,}, {self.nights[0].name} to {self.nights[-1].name}, {self.tz}",
            "areas": f"{len(self.areas)}, boxes of {self.cell:g} m",
            "kinds": ", ".join(self.kinds),
            "budget": f"{self.k} boxes per area and kind",
            "test": f"{self.test.metric}, {self.test.method}, alpha {self.test.alpha:g} ({self.test.spending}), looks "
            f"after {looks} nights, {len(self.test.pairs)} comparisons ({self.test.correction})",
            "submitters": ", ".join(self.submitters),
            "baselines": ", ".join(self.baselines) or "none",
            "SHA-256": self.sha256,
        }

    def __repr__(self) -> str:
        return as_text("TrialPlan", self.summary())

    def _repr_html_(self) -> str:
        return as_html("TrialPlan", self.summary())
