"""Whether a problem would catch wrong kernels."""
