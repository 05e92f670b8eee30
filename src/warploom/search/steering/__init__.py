"""Steering a run while it goes: the inbox, what becomes of its commands, what is wished for."""
