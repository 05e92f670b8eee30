"""Outside agents: a run whose proposals come from them, one step at a time."""
