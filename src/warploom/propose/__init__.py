"""Requests → candidates: moves, tune, crossover, language models, outside agents."""
