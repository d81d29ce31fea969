"""Tests of keys, envelopes, the register and the sealed names."""
