"""The prospective comparison of vendors: predictions are sealed before the night and scored after it."""
