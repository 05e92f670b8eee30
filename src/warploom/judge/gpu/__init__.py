"""A GPU as the place where candidates run, and what is asked of it beside the verdict."""
