"""What runs inside an exported package: these files are copied there as they are, and need nothing but PyTorch.

Warploom itself imports none of them. They import each other by relative names, so that they are the same files in both
places: formatted, typed and tested here.
"""
