"""Numba loops: arrays in, arrays out.

Every kernel is a public function that puts its arguments into one form and a compiled loop behind it.
Loops of one module never call compiled code of another: numba's cache on disk looks only at the file of
the caller, so that a change elsewhere would leave stale machine code behind.

In them it is ``np.floor`` and ``np.ceil``, never ``math``'s: compiled, those make an integer at once, which far
coordinates overflow before they could be compared with the grid.
"""
