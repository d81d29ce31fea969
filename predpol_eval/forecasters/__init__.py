"""Forecasters: from the crimes known by tonight to a risk surface for tomorrow, one file for each idea."""
