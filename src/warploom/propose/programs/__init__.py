"""Changes to programs that are no kernels, where no model is asked."""
