"""The values that flow through Warploom: frozen dataclasses, standard library only, no I/O."""
