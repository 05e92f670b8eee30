"""Strategy, budget, and the only loop."""
