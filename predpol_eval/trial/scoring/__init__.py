"""What every submitter, every baseline and chance caught, night by night, at the same budget."""
