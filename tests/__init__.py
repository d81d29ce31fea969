"""Tests; the folders mirror the package, and naive/ holds the slow twins that judge the fast code."""
