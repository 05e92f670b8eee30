"""A model that says what it was told to say, and a run's knowledge in memory: for tests of what asks them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from warploom.errors import BudgetSpent
from warploom.propose.mind import Recorder
from warploom.values.candidate import Proposal
from warploom.values.exchange import Exchange, Message, Spending, Usage
from warploom.values.outcome import Evaluation
from warploom.values.request import Feedback

Conversation = tuple[Message, ...]


@dataclass(frozen=True)
class Line:
    """One answer of a script, where more than its text matters; see :class:`~warploom.values.exchange.Exchange`."""

    text: str
    finish: str = "stop"
    error: str = ""


Script = Iterable[str | Line | Callable[[Conversation], str]]


@dataclass
class Notebook:
    """A :class:`~warploom.propose.mind.Recorder` and :class:`~warploom.propose.mind.Knowledge` in memory."""

    environment: Mapping[str, Any] = field(default_factory=dict)
    evaluations: dict[str, Evaluation] = field(default_factory=dict)
    proposals: dict[str, Proposal] = field(default_factory=dict)
    exchanges: dict[tuple[int, int], Exchange] = field(default_factory=dict)

    def evaluation(self, candidate: str) -> Evaluation | None:
        """As it was noted."""
        return self.evaluations.get(candidate)

    def proposal(self, candidate: str) -> Proposal | None:
        """As it was noted."""
        return self.proposals.get(candidate)

    def record(self, exchange: Exchange) -> None:
        """Note it."""
        self.exchanges[exchange.number, exchange.turn] = exchange

    def recorded(self, number: int, turn: int) -> Exchange | None:
        """As it was noted."""
        return self.exchanges.get((number, turn))


class ScriptedMind:
    """Answers line by line from a script; a function in it is called with the conversation.

    Args:
        script: what it says; when it is used up, the cap on requests is reached.
        recorder: where exchanges are noted.
        name: of the model.
    """

    def __init__(self, script: Script, recorder: Recorder | None = None, name: str = "scripted") -> None:
        self._script = iter(script)
        self._recorder = recorder or Notebook()
        self._name = name
        self.asked: list[Exchange] = []
        self.told: list[tuple[Exchange, Feedback | None]] = []
        self.restored: list[Mapping[str, Any]] = []

    @property
    def name(self) -> str:
        """As it was named."""
        return self._name

    @property
    def spending(self) -> Spending:
        """Of what was asked here."""
        spent = Spending()
        for exchange in self.asked:
            spent = spent.plus(exchange)
        return spent

    async def ask(self, number: int, turn: int, operator: str, messages: Conversation, seed: int) -> Exchange:
        """What is recorded for this turn, or else the next line of the script: 100 tokens for a tenth of a cent."""
        before = self._recorder.recorded(number, turn)
        if before is not None:
            return before
        line = next(self._script, None)
        if line is None:
            raise BudgetSpent("the script is at its end")
        line = line if isinstance(line, str | Line) else line(messages)
        line = Line(line) if isinstance(line, str) else line
        exchange = Exchange(number, turn, operator, self._name, messages, line.text, line.finish, line.error)
        exchange = replace(exchange, usage=Usage(60, 40), cost_usd=0.001)
        self._recorder.record(exchange)
        self.asked.append(exchange)
        return exchange

    def tell(self, exchange: Exchange, feedback: Feedback | None) -> None:
        """Note it."""
        self.told.append((exchange, feedback))

    def snapshot(self) -> dict[str, Any]:
        """How often it was told."""
        return {"told": len(self.told)}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Note it."""
        self.restored.append(state)
