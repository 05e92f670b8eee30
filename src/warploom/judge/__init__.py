"""Candidate → evaluation: builds, verifies and times, in a process that candidate code never enters.

Takes a :class:`~warploom.values.job.Job` and gives an :class:`~warploom.values.outcome.Evaluation`. The parent holds
seeds, expected values, clock and verdict and never imports torch; references run in a second trusted process.
"""
