"""What was said to models: recorded before anything is made of it, with what it cost.

Before a request goes out, the most that it can cost is reserved here. A run that is killed while it waits for the
answer has perhaps paid for it; the reservation stays, and counts as spent from then on. So a cap on tokens, dollars
or requests holds over any number of kills and resumes.
"""

from __future__ import annotations

from collections.abc import Iterator

from warploom.archive.database import Store
from warploom.archive.encode import pack, unpack
from warploom.errors import JournalError
from warploom.values.exchange import Exchange, Spending


class Conversations:
    """The exchanges of a run, in its journal: a :class:`~warploom.propose.mind.Recorder`.

    Args:
        store: the open journal; one that is older than models holds no exchanges.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        tables = {row[0] for row in store.rows("SELECT name FROM sqlite_master WHERE type = 'table'")}
        self._present = {"exchanges", "reservations"} <= tables
        self._spending = Spending.sum(self.by_model().values())

    def by_model(self) -> dict[str, Spending]:
        """What each model has cost; under "" at their most the requests that a kill left unanswered."""
        if not self._present:
            return {}
        sums = ", ".join(f"TOTAL({name})" for name in ("tokens", "usd", "requests", "unpriced"))
        told = self._store.rows(f"SELECT model, {sums} FROM exchanges GROUP BY model ORDER BY model")
        lost = self._store.rows(f"SELECT '', {sums} FROM reservations")
        return {
            name: Spending(int(tokens), usd, int(requests), int(unpriced))
            for name, tokens, usd, requests, unpriced in (*told, *lost)
            if requests
        }

    @property
    def spending(self) -> Spending:
        """What models have cost this run, the requests that were cut off by a kill included."""
        return self._spending

    # ------------------------------------------------------------ writing

    def reserve(self, most: Spending) -> int:
        """Note what a request may cost at most, before it goes out; returns the number of the reservation.

        It counts as spent once the journal is opened again, unless :meth:`record` or :meth:`release` took it back.
        """
        with self._store.transaction(flush=False) as database:
            row = database.execute(
                "INSERT INTO reservations(tokens, usd, requests, unpriced) VALUES(?, ?, ?, ?)",
                (most.tokens, most.usd, most.requests, most.unpriced),
            )
            assert row.lastrowid is not None
            return row.lastrowid

    def release(self, reservation: int) -> None:
        """That request cost nothing, or is reserved anew."""
        with self._store.transaction(flush=False) as database:
            database.execute("DELETE FROM reservations WHERE key = ?", (reservation,))

    def record(self, exchange: Exchange, reservation: int | None = None) -> None:
        """Make an exchange durable, in the place of its reservation; returns when it is."""
        spent = Spending().plus(exchange)
        name = (exchange.number, exchange.turn, exchange.id, exchange.model)
        row = (*name, spent.tokens, spent.usd, spent.requests, spent.unpriced, pack(exchange))
        with self._store.transaction() as database:
            database.execute("INSERT INTO exchanges VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?)", row)
            if reservation is not None:
                database.execute("DELETE FROM reservations WHERE key = ?", (reservation,))
        self._spending = self._spending.plus(exchange)

    # ------------------------------------------------------------ reading

    def recorded(self, number: int, turn: int) -> Exchange | None:
        """What was said in this turn of a request; None when nothing was."""
        return next(self._read("WHERE number = ? AND turn = ?", number, turn), None)

    def of(self, number: int) -> tuple[Exchange, ...]:
        """All that was said for a request, turn by turn."""
        return tuple(self._read("WHERE number = ? ORDER BY turn", number))

    def find(self, prompt: str) -> Exchange | None:
        """The exchange with this id, which is what lineages call ``prompt``; None when there is none."""
        return next(self._read("WHERE id = ? LIMIT 1", prompt), None)

    def all(self) -> Iterator[Exchange]:
        """Every exchange, by request and turn."""
        return self._read("ORDER BY number, turn")

    def _read(self, condition: str, *values: object) -> Iterator[Exchange]:
        if not self._present:
            return
        for number, turn, body in self._store.rows(f"SELECT number, turn, body FROM exchanges {condition}", *values):
            exchange = unpack(Exchange, body)
            if (exchange.number, exchange.turn) != (number, turn):
                raise JournalError(f"{self._store.path} is damaged: exchange {number}/{turn} holds another one's text")
            yield exchange
