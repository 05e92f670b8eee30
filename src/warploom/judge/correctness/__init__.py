"""Whether a kernel is right, against a float64 oracle."""
