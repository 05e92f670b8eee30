"""Every shipped strategy passes the shipped suite."""

from __future__ import annotations

from warploom.search.strategies.greedy import Greedy
from warploom.search.strategies.islands import Islands
from warploom.search.strategies.random import Uniform
from warploom.search.strategy import Strategy
from warploom.testing.strategy_contract import StrategyContract


class TestIslands(StrategyContract):
    def make(self) -> Strategy:
        return Islands()


class TestGreedy(StrategyContract):
    def make(self) -> Strategy:
        return Greedy()


class TestUniform(StrategyContract):
    def make(self) -> Strategy:
        return Uniform()
