"""Losses for both tasks."""
