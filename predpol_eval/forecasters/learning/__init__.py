"""How a regression learns: the estimator it is lent, the rows it is taught, and what it then knows."""
