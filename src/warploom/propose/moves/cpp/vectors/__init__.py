"""Sixteen iterations at once, in explicit GCC vectors."""
