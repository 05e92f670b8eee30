"""Evaluation → elites: descriptors, grid, islands, journal."""
