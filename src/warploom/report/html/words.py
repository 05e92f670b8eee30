"""The words beside the figures: short, for readers who have not seen Warploom before."""

SPEEDUP = (
    "Each dot is one candidate kernel: higher is faster, and 1× is as fast as PyTorch. The line is the best so far; "
    "vertical strokes are 95 % intervals. A diamond was measured a second time, in a fresh process and with fresh "
    "inputs, and only such a result is claimed: it often lies lower, since the luckiest of many quick measurements "
    "comes out on top."
)
CLOSER = (
    "The same, near the top. Whatever lies within the shaded band around the best cannot be told from it: that is the "
    "noise floor of this machine, found by timing a kernel against itself."
)
TREE = (
    "On the left the kernel that the run started from, on the right the fastest of each kind. Each line leads from a "
    "kernel to one that was made from it. Speeds are those of the first, quick measurement."
)
GRIDS = (
    "The search keeps the best kernel of each kind, not only the best of all, since a slow kind may lead to a "
    "fast one. A kind is a cell: how memory is used, how the work is organised, how it is spread."
)
ISLANDS = (
    "The stronger the blue, the faster; dashed cells are empty. Islands evolve apart, and now and then send their best "
    "to the next."
)
ROOFLINE = (
    "No kernel can be faster than the machine can compute or move data. Each column of marks is one workload; the "
    "short bar above it is the most this machine could reach there, as measured before the run."
)
PAID = (
    "How much faster each made the best of the run, over all its candidates that beat everything before. These are "
    "first, quick measurements, so they are indications."
)
TIME = (
    "Build: the compiler. Load: starting a sealed-off process. Verify: comparing results with the reference. Time: "
    "measuring side by side with PyTorch. Everything else: the search itself, waiting for models, preparing references."
)
FAILURES = "Candidates that did not make it, and why. A failure has no speed, so it counts in no average."
