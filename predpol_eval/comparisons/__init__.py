"""How sure is a number, and is A better than B?"""

from __future__ import annotations

from predpol_eval.comparisons.adjusting import adjust
from predpol_eval.comparisons.by_night import bootstrap_by_night, difference_by_night
from predpol_eval.comparisons.course import confidence_sequence
from predpol_eval.comparisons.detectable import Detectable, detectable_difference
from predpol_eval.comparisons.gains import t_test, w_test
from predpol_eval.comparisons.pooled_difference import compare
from predpol_eval.comparisons.result import Comparison
from predpol_eval.comparisons.sequence import sequence_rho
from predpol_eval.comparisons.spending import alpha_spending
from predpol_eval.comparisons.words import comparisons_in_words, differences_in_words

__all__ = [
    "Comparison",
    "Detectable",
    "adjust",
    "alpha_spending",
    "bootstrap_by_night",
    "compare",
    "comparisons_in_words",
    "confidence_sequence",
    "detectable_difference",
    "difference_by_night",
    "differences_in_words",
    "sequence_rho",
    "t_test",
    "w_test",
]
