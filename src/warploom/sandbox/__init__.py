"""Artifact → isolated call: jail, worker, wire, lease. Imports values and errors only."""
