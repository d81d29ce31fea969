"""Does a surface of expected counts fit what was recorded: how many, where, and all together?"""

from __future__ import annotations

from predpol_eval.consistency.number import n_test
from predpol_eval.consistency.overdispersion import dispersion
from predpol_eval.consistency.simulated import cl_test, l_test, s_test

__all__ = ["cl_test", "dispersion", "l_test", "n_test", "s_test"]
