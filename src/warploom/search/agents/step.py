"""What happens to a run while an outside agent's step holds its lock: hand a request out, take an answer, judge it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from warploom.archive.journal import Journal
from warploom.errors import JournalError, NothingToPropose, SourceError
from warploom.search.agents.outside import AGENT, Scribe
from warploom.search.agents.reply import Assignment, Reply, told_reply
from warploom.search.best.folder import kernel_path
from warploom.search.best.missing import seed_failed
from warploom.search.budget import stoppers
from warploom.search.proceedings import Proceedings
from warploom.search.sitting import Parts
from warploom.search.state import State
from warploom.search.turn import Turn
from warploom.values.candidate import Candidate, Proposal
from warploom.values.event import Declined, Evaluated, Event, NotPromoted, Promoted
from warploom.values.exchange import Exchange
from warploom.values.measure import SCORE

MOST_ANSWERS = 50
"""Answers to one request that are recorded; an agent that needs more is lost."""


class Step:
    """The run as of its newest event, locked.

    Args:
        journal: open for writing.
        state: what follows from its events.
        scribe: puts requests into words, and makes candidates of answers.
        parts: the judge, which may not be ready before something is to be judged.
    """

    def __init__(self, journal: Journal, state: State, scribe: Scribe, parts: Parts) -> None:
        self.journal = journal
        self.state = state
        self.scribe = scribe
        self.wire(parts)

    def wire(self, parts: Parts) -> None:
        """Judge with these parts from now on."""
        self._seen: list[Event] = []
        limits = stoppers(self.state.config)
        self._steps = Proceedings(
            self.journal, self.state, parts.executor, limits, self._observe, environment=parts.environment
        )

    def _observe(self, event: Event, state: State) -> None:
        self._seen.append(event)

    @property
    def _folder(self) -> Path:
        return self.journal.folder

    # ------------------------------------------------------------ requests

    async def plant(self, seed: Candidate) -> None:
        """Judge the starting source, if need be from where an interrupted sitting left it.

        Raises:
            SourceError: it failed.
        """
        state = self.state
        turn = state.pending.get(0) or (self._steps.ask() if state.next_number == 0 else None)
        if turn is not None:
            if turn.proposal is None:
                self._steps.plant(turn, seed)
            evaluation, kept = await self._steps.judge(turn)
            self._steps.tell(turn, evaluation, kept=kept)
        if state.archive.seed is None:
            raise SourceError(seed_failed(state.config.to_mapping(), self.journal.evaluation(seed.id)))

    def ask(self) -> Assignment:
        """A request that nobody has: one whose prompt was lost in a kill, or a new one."""
        self._steps.steering.take(in_loop=False)
        said = self.journal.conversations
        lost = (turn for number, turn in self.state.outside.items() if said.recorded(number, 0) is None)
        return self.hand_out(next(lost, None) or self._steps.ask(outside=True))

    def hand_out(self, turn: Turn) -> Assignment:
        """A request in words, the same each time."""
        number, parent = turn.request.number, turn.request.parents[0]
        opened = self.journal.conversations.recorded(number, 0)
        if opened is None:
            operator, messages = self.scribe.prepare(turn.request)
            opened = Exchange(number, 0, operator, AGENT, messages, "", "open", attempts=0)
            self.journal.conversations.record(opened)
        scored, value = self.state.measure is SCORE, self.state.measure.value(parent.fitness)
        reached = (None, value) if scored else (value, None)
        return Assignment(number, opened.operator, opened.messages, parent.candidate.id, *reached)

    def open(self, number: int) -> Turn:
        """An open request.

        Raises:
            JournalError: there is none of this number.
        """
        turn = self.state.outside.get(number)
        if turn is not None:
            return turn
        if 0 <= number < self.state.next_number:
            raise JournalError(f"request {number} of {self._folder} is not open: it was answered, or never an agent's")
        raise JournalError(f"{self._folder} has no request {number}; 'warploom ask {self._folder}' gives one")

    # ------------------------------------------------------------ answers

    def read(self, turn: Turn, text: str, prompt: str = "") -> Proposal:
        """The candidate that an answer makes.

        Args:
            turn: an open request.
            text: the answer.
            prompt: id of the recorded exchange.

        Raises:
            SourceError: the answer cannot be used; the request stays open.
        """
        number = turn.request.number
        opened = self.journal.conversations.recorded(number, 0)
        operator = opened.operator if opened else turn.request.operator
        try:
            return self.scribe.receive(turn.request, operator, text, proposer=AGENT, prompt=prompt)
        except (SourceError, NothingToPropose) as error:
            raise SourceError(f"request {number} is still open: {error}") from None

    def take(self, turn: Turn, text: str) -> None:
        """Answer a request; every answer is recorded, also one that cannot be used.

        Raises:
            SourceError: the answer cannot be used; the request stays open.
            JournalError: there were too many of these.
        """
        number, said = turn.request.number, self.journal.conversations
        before = said.of(number)
        if not before:
            raise JournalError(f"request {number} was never handed out; 'warploom ask {self._folder}' does it")
        if len(before) > MOST_ANSWERS:
            raise JournalError(f"request {number} has had {MOST_ANSWERS} answers of no use; ask for another")
        operator, messages = before[0].operator, before[0].messages
        exchange = Exchange(number, len(before), operator, AGENT, messages, text, attempts=0)
        said.record(exchange)
        proposal = self.read(turn, text, exchange.id)
        if isinstance(self._steps.answer(turn, proposal), Declined):
            known = proposal.candidate.id
            raise SourceError(f"request {number} is still open: the run knows this kernel already, as {known}")

    async def judge(self, turn: Turn) -> Reply:
        """Judge an answered request, and at once again when it may be the best: an agent's time is dear.

        Until there is a promoted best, the best that is known is measured again, whoever made it.
        """
        evaluation, kept = await self._steps.judge(turn)
        event = self._steps.tell(turn, evaluation, kept=kept)
        self._steps.migrate()
        best = self.state.archive.best()
        record = best is not None and best.candidate.id == event.candidate
        if record or (event.fitness is not None and self.state.promoted is None):
            await self._steps.promotions.finals(1)
        verdict = _verdict(self._seen, event.candidate)
        if verdict is not None:
            evaluation = self.journal.evaluation(event.candidate, "promote") or evaluation
        parent, made_from = turn.request.parents[0], self.journal.proposal(event.candidate).lineage.parents[:1]
        # What was mended has failed: there is nothing to compare with.
        before = parent.fitness if made_from == (parent.candidate.id,) else None
        return told_reply(event, evaluation, before, self.state.promoted, verdict, self.state.measure)

    def known(self, number: int, text: str) -> Reply | None:
        """What was replied to this very answer; None when the request was never told, or by no agent.

        Raises:
            JournalError: the request has another answer.
        """
        events = list(self.journal.events())
        found = next((one for one in events if isinstance(one, Evaluated) and one.number == number), None)
        said = self.journal.conversations.of(number)
        if found is None or not said or said[0].finish != "open":
            return None
        if said[-1].answer != text:
            raise JournalError(f"request {number} was answered already, by {found.candidate}; ask for another")
        verdict = _verdict(events, found.candidate)
        evaluation = self.journal.evaluation(found.candidate, "promote" if verdict else "screen")
        assert evaluation is not None
        told = told_reply(found, evaluation, None, self.state.promoted, verdict, self.state.measure)
        return replace(told, again=True)

    # ------------------------------------------------------------ look

    def status(self) -> dict[str, Any]:
        """How the run stands, as JSON values."""
        state, best = self.state, self.state.promoted
        return {
            "run": str(self._folder),
            "problem": state.config.problem,
            "evaluations": state.evaluations,
            "failures": dict(state.failures),
            "open": sorted(state.outside),
            "best": best.candidate if best else None,
            **self._reached(best),
        }

    def _reached(self, best: Promoted | None) -> dict[str, Any]:
        if self.state.measure is SCORE:
            return {"score": SCORE.value(best.fitness) if best else None}
        shown = {name: list(ends) for name, ends in best.speedup.items()} if best else {}
        return {"speedup": shown, "roofline": best.roofline if best else None}

    def best(self) -> dict[str, Any]:
        """The status with the best kernel's source.

        Raises:
            JournalError: nothing has been promoted yet.
        """
        if self.state.promoted is None:
            wanted = "kernel yet: tell one that is faster than eager PyTorch"
            if self.state.measure is SCORE:
                wanted = "program yet: tell one with a score above that of the start"
            raise JournalError(f"{self._folder} has no promoted {wanted}")
        kernel = kernel_path(self._folder)
        return {**self.status(), "source": kernel.read_text(encoding="utf-8")}


def _verdict(events: list[Event], candidate: str) -> Promoted | NotPromoted | None:
    settled = (one for one in events if isinstance(one, Promoted | NotPromoted) and one.candidate == candidate)
    return next(settled, None)
