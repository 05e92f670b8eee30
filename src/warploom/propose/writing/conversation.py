"""One conversation: the task, the answer, and what is said to an answer that cannot be judged."""

from __future__ import annotations

from dataclasses import replace

from warploom.errors import NothingToPropose, SourceError
from warploom.propose.mind import Mind
from warploom.propose.writing import answer
from warploom.propose.writing.draft import Draft, draft
from warploom.propose.writing.excerpt import code_length
from warploom.propose.writing.material import Material
from warploom.propose.writing.memory import Memory
from warploom.propose.writing.operators import OPERATORS
from warploom.propose.writing.prompt import Prompts
from warploom.syntax import tune
from warploom.values.candidate import Candidate
from warploom.values.exchange import Exchange, Message
from warploom.values.problem import Problem
from warploom.values.signature import signature

UNUSABLE = 2
"""Answers that cannot be judged, after which one more is asked for; the second time as a whole program."""

DUPLICATES = 1
"""Near-duplicates after which something else is asked for."""

QUOTED_CHARACTERS = 20_000
"""Of an answer, where the next turn of the conversation repeats it."""


class Duplicate(SourceError):  # noqa: N818 - reads as what it is
    """A kernel that was judged already; the message says which and what it gave."""


class Conversation:
    """Asks until an answer can be judged, or nothing more is to be hoped for.

    Args:
        mind: answers; None where answers are only read.
        prompts: renders what is said.
        memory: knows what was judged before.
        operator: what is asked for.
        material: what the task is about.
    """

    def __init__(self, mind: Mind | None, prompts: Prompts, memory: Memory, operator: str, material: Material) -> None:
        self._mind = mind
        self._prompts = prompts
        self._memory = memory
        self._told = memory.told
        self._operator = operator
        self._material = material
        self._edits = OPERATORS[operator].edits
        self.exchanges: list[Exchange] = []

    async def hold(self, number: int, seed: int, operator: str) -> Draft:
        """The candidate that came of it.

        Args:
            number: of the search's request.
            seed: of every choice that the mind makes.
            operator: as the exchanges are to name it.

        Raises:
            NothingToPropose: no answer could be judged; the message says why.
            BudgetSpent: as :meth:`warploom.propose.mind.Mind.ask`.
        """
        assert self._mind is not None
        planning = self._operator == "explore"
        messages = self._prompts.first(self._material, plan=planning)
        unusable = duplicates = 0
        while True:
            exchange = await self._mind.ask(number, len(self.exchanges), operator, messages, seed)
            self.exchanges.append(exchange)
            if exchange.finish == "context" and not unusable:
                unusable += 1
                self._prompts = replace(self._prompts, most=self._prompts.most // 2)
                messages = self._prompts.first(self._material, plan=planning)
                continue
            _check_finish(exchange)
            if planning and exchange.finish == "stop":
                planning = False
                messages = self._next(messages, exchange, self._prompts.again("code", self._material.base))
                continue
            try:
                return self._drafted(exchange)
            except Duplicate as error:
                duplicates += 1
                if duplicates > DUPLICATES:
                    raise NothingToPropose(f"{exchange.model}: the same as one judged before: {error}") from None
                said = self._prompts.again("duplicate", self._material.base, complaint=str(error))
            except SourceError as error:
                unusable += 1
                if unusable > UNUSABLE:
                    raise NothingToPropose(f"{exchange.model}: no answer could be used: {_first_line(error)}") from None
                planning = False
                whole = unusable == UNUSABLE or not self._edits
                said = self._prompts.again("unusable", self._material.base, complaint=str(error), whole=whole)
            messages = self._next(messages, exchange, said)

    def _drafted(self, exchange: Exchange) -> Draft:
        if exchange.finish == "length":
            raise SourceError(
                "the answer was cut off at the limit of its length; be brief, and give only what is asked for"
            )
        if not exchange.answer.strip():
            raise SourceError("the answer was empty")
        return self.read(exchange.answer)

    def read(self, text: str) -> Draft:
        """The candidate that an answer makes.

        Raises:
            SourceError: it cannot be judged.
            Duplicate: it was judged before.
        """
        base = self._material.base
        task = self._material.task
        made = draft(base, answer.read(text), signature(task) if isinstance(task, Problem) else None)
        if self._operator == "simplify" and code_length(made.candidate) >= code_length(base):
            raise SourceError(
                f"it has {code_length(made.candidate)} characters of code where there were {code_length(base)}; it has "
                "to become shorter"
            )
        if self._operator == "parameterise" and not _new_lines(base, made.candidate):
            raise SourceError("it has no new TUNE(NAME, default, choice, choice…) line with two choices at least")
        twin = self._memory.twin(made.candidate, self._told)
        if twin:
            raise Duplicate(twin)
        return made

    def _next(self, messages: tuple[Message, ...], exchange: Exchange, said: Message) -> tuple[Message, ...]:
        """The conversation with the answer and what is said to it."""
        text = answer.clean(exchange.answer)
        if len(text) > QUOTED_CHARACTERS:
            text = f"{text[:QUOTED_CHARACTERS]}\n[…]"
        return (*messages, Message("assistant", text or "(nothing)"), said)


def _new_lines(base: Candidate, candidate: Candidate) -> list[str]:
    known = {line.name for line in tune.declared(base.source)}
    return [line.name for line in tune.declared(candidate.source) if line.name not in known and len(line.choices) > 1]


def _check_finish(exchange: Exchange) -> None:
    """Raise NothingToPropose where asking again cannot help."""
    reasons = {
        "refusal": f"refused: {_first_line(exchange.answer)}",
        "malformed": exchange.error or "what came back is no answer of the protocol",
        "context": "the prompt is too long for it",
        "error": exchange.error or "there was no answer",
    }
    if exchange.finish in reasons:
        raise NothingToPropose(f"{exchange.model}: {reasons[exchange.finish]}")


def _first_line(text: object) -> str:
    return " ".join(str(text).split())[:300]
