"""How long calls take: blocks of calls, rounds of pairs, looks in their middle."""
