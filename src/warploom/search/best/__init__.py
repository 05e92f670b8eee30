"""The best of a run: who becomes it, what it leaves to take home, and how a claim is judged again."""
