"""How sure is a number, and is A better than B?"""

from __future__ import annotations

from predpol_eval.comparisons.by_night import bootstrap_by_night, difference_by_night
from predpol_eval.comparisons.words import differences_in_words

__all__ = ["bootstrap_by_night", "difference_by_night", "differences_in_words"]
