"""Slow and obvious twins of the fast code; they import nothing from predpol_eval."""
