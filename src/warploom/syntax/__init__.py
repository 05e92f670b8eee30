"""Source text as trees: what can be read off a candidate without building it. Imports values and errors only."""
