"""Tiles of outputs in registers, and what several iterations share."""
