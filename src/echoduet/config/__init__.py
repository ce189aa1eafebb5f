"""Experiment configuration: schema, loading, overrides."""
