"""Rewrites of C++ loop nests. One file a family; :mod:`.book` lists them and the composites that are tried first."""
