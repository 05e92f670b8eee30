"""Kernels as something to install, publish or compile: with their reference, their guard and their evidence."""
