"""How far an output may be from what it should be, and whether it is."""
