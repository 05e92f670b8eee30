"""A whole suite of problems, evolved one after another under one budget each, and scored.

Depends on everything that a single run does. :mod:`.bench` is the way in.
"""
