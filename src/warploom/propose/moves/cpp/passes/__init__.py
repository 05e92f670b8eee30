"""Several passes over the same range, and what one may leave to the next."""
