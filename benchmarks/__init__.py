"""How fast the kernels are, as ratios to their naive twins and to peer libraries."""
