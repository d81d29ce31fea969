"""Method and limits in plain words, with the numbers of the plan: what each figure means, and what none can show."""

from __future__ import annotations

from typing import TYPE_CHECKING

from predpol_eval.report.blocks import Facts, Section, Words
from predpol_eval.report.numbers_told import counted, listed

if TYPE_CHECKING:
    from predpol_eval.trial.findings.gathered import Findings
    from predpol_eval.trial.plan import TrialPlan

_TIMES = {
    "aoristic": "spread over its interval in equal parts",
    "start": "put at the start of its interval",
    "end": "put at the end of its interval",
    "midpoint": "put in the middle of its interval",
    "exclude": "left out",
}

_NUMBERS = (
    ("Caught", "a crime of the kind that fell in a flagged box of the area on the night"),
    ("Hit rate", "crimes caught over all crimes, both summed over nights first"),
    ("PAI", "hit rate over the share of ground that the budget covers"),
    ("Lift", "crimes caught over what boxes placed blindly would have caught, night by night and area by area"),
    ("PEI", "crimes caught over the most that as many boxes could have caught, known afterwards"),
    ("Ceiling", "the boxes in which most happened that night; nobody can know them beforehand"),
    ("Interval", "by drawing nights again in blocks of about a week; 95 % unless another level stands beside it"),
    ("Ranks supported", "places that joint comparisons of every two leave open, with chance 95 % all at once"),
    ("Points", "a difference of two hit rates, of every 100 crimes"),
)


def method_section(findings: Findings) -> Section:
    """What was done, and what it cannot show."""
    plan = findings.plan
    return Section(
        "method",
        "Method and limits",
        (
            Words(
                "Each evening every vendor and in-house map names boxes for the coming night, and signs and hands in "
                "the file before the deadline, without knowing the night. The crimes of the night are recorded over "
                "the following weeks. When they have settled, the crimes in each one's boxes are counted, at the same "
                "budget for all."
            ),
            Facts("What was fixed before the first night", _rules(plan)),
            Facts("What the numbers mean", _NUMBERS),
            Words("", "What this report cannot show", _limits(findings)),
        ),
    )


def _rules(plan: TrialPlan) -> tuple[tuple[str, str], ...]:
    first, last = plan.nights[0], plan.nights[-1]
    test = plan.test
    pairs = ", ".join(f"{a} with {b}" for a, b in test.pairs)
    floor = "none" if test.floor is None else f"{test.floor:g} crimes in every box, for log scores"
    baselines = "; ".join(f"{name} is {text}" for name, text in plan.baseline_texts)
    return (
        ("Place", f"{counted(len(plan.areas), 'area')} ({', '.join(plan.areas)}), in boxes of {plan.cell:g} m"),
        ("Kinds of crime", f"{', '.join(plan.kinds)}; each predicted and counted by itself"),
        ("Uncertain times", f"A crime whose moment is not known is {_TIMES.get(plan.method, plan.method)}"),
        ("Nights", f"{len(plan.nights):,}, from {first.name} to {last.name}, by the clock of {plan.tz}"),
        ("Budget", f"{plan.k:,} {'box' if plan.k == 1 else 'boxes'} per area and kind for everybody. Whoever flags "
         "less gains nothing; more is not accepted"),
        ("Polygons", "A vendor may hand in its own boxes, up to the area of the budget; overlaps count once, and what "
         "lies outside the area is cut off"),
        ("Ties", "Boxes of equal risk at the edge of the budget count what they catch on average"),
        ("Settling", f"The crimes of a night count {counted(plan.settling_days, 'day')} after its window, from the "
         "first snapshot taken from then on"),
        ("Missing nights", "Compared on nights that both have; beside it, with a missing night counted "
         + ("as catching nothing" if test.missing == "zero" else "as boxes placed blindly")),
        ("Comparisons", f"{pairs or 'none'}; {test.metric}, {test.method}"),
        ("Error", f"{100 * test.alpha:g} % over all comparisons and looks; spending {test.spending}, correction "
         f"{test.correction}"),
        ("Looks", f"after {listed([f'{number:,}' for number in test.looks])} settled nights"),
        ("Simple baselines", baselines or "none"),
        ("Floor", floor),
        ("Seed", f"{plan.seed}, of all draws"),
    )  # fmt: skip


def _limits(findings: Findings) -> tuple[str, ...]:
    plan = findings.plan
    made = [
        "Recorded crime is not crime. What nobody reported or discovered is not counted, and it may lie elsewhere.",
        "Patrols change the outcome: a crime that a patrol prevented counts as wrongly forecast, one that it "
        "discovered as rightly forecast. The report does not show whether any patrol prevented a crime.",
        f"It tells of {counted(len(plan.areas), 'area')}, these kinds of crime, these nights and this budget. Other "
        "places, times and budgets may give another order.",
        "“Not told apart” does not mean equal. The trial may be too short to see a difference that matters.",
        "Hindsight, as a rule, flags some honest maps where risk moves quickly: in simulated towns none of 3,750 where "
        "each crime brings .35 more within days, 2 or 3 of 100 of the best where it brings .5, and most of the best "
        "where it brings .6.",
        "It does not show who is watched, or whether the maps feed on what patrols find.",
        "That the clock was right, and that a file did not wait in an inbox before it was taken in, cannot be proved "
        "by the ledger.",
    ]
    if not findings.settled_only:
        made.insert(0, "Provisional numbers change as crimes are recorded and corrected.")
    return tuple(made)
