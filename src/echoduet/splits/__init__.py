"""Folds and the check that they do not leak."""
