"""Requests → candidates: moves, tune, crossover (and, later, models and agents)."""
