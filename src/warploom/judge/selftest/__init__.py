"""The judge, judged: kernels about which the truth is known."""
