"""Loops spread over the cores."""
