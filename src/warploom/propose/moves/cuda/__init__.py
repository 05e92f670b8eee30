"""Rewrites of CUDA and HIP kernels."""
