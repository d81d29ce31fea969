"""Near repeats: does a crime come back, to its own place or next door, more often than chance would have it?"""

from predpol_eval.near_repeats.knox_test import knox

__all__ = ["knox"]
