"""Rewrites of Triton kernels."""
