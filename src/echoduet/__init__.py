"""Breast-ultrasound analysis in duet: one network outlines the lesion and names it. Research use only."""

__version__ = "0.1.0"
