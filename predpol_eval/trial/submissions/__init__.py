"""What a submitter sends: read, checked and turned into predictions, without ledger or keys."""
