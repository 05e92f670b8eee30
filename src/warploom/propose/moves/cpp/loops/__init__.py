"""Loops in another order, in blocks, joined, split and copied."""
