"""Grids of experiments: settings x folds x seeds, each cell a run of its own."""
