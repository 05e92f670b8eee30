"""How operands lie in memory, and how memory is touched."""
