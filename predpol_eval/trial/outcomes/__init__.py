"""Recorded crime in a trial: what vendors are given before a night, and what the night is scored on after it."""
