"""The same value, cheaper to compute."""
