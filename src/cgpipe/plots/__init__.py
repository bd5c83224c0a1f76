"""Figures: matplotlib functions that take arrays."""
