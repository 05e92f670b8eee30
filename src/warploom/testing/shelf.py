"""Exchanges kept in memory, in the place of a run's journal."""

from __future__ import annotations

from warploom.values.exchange import Exchange, Spending


class Shelf:
    """A recorder that also keeps reservations, as a journal does."""

    def __init__(self) -> None:
        self.exchanges: dict[tuple[int, int], Exchange] = {}
        self.reservations: dict[int, Spending] = {}
        self.most: dict[int, Spending] = {}
        """Every reservation there ever was."""

    @property
    def spending(self) -> Spending:
        """Of the exchanges."""
        total = Spending()
        for exchange in self.exchanges.values():
            total = total.plus(exchange)
        return total

    def reserve(self, most: Spending) -> int:
        """Keep a reservation."""
        number = len(self.most)
        self.most[number] = self.reservations[number] = most
        return number

    def release(self, reservation: int) -> None:
        """Take it back."""
        del self.reservations[reservation]

    def record(self, exchange: Exchange, reservation: int | None = None) -> None:
        """Keep an exchange in the place of its reservation."""
        assert (exchange.number, exchange.turn) not in self.exchanges, "recorded twice"
        self.exchanges[exchange.number, exchange.turn] = exchange
        if reservation is not None:
            self.release(reservation)

    def recorded(self, number: int, turn: int) -> Exchange | None:
        """What was kept."""
        return self.exchanges.get((number, turn))
