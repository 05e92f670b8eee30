"""Rewrites of sources, one room a language. :mod:`.books` says which moves a language has and which pay together."""
