"""The least that a cached kernel can cost."""

import numpy as np
from numba import njit


@njit(cache=True)
def total(numbers: np.ndarray) -> float:
    """Sum of some numbers."""
    found = 0.0
    for number in numbers:
        found += number
    return found
