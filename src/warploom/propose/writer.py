"""The writer: turns a request into a conversation, asks a mind, and makes a candidate of the answer.

An answer that cannot be judged (no program, an edit that matches nowhere, a line outside the evolve block) goes back
with the reason, once; then the whole program is asked for; then the request is declined. A near-duplicate of what was
judged before goes back once. Nothing of that costs an evaluation.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from warploom.errors import NothingToPropose, SourceError
from warploom.problems.importers.openevolve import Folder
from warploom.propose.bandit import Bandit
from warploom.propose.mind import Knowledge, Mind
from warploom.propose.writing.conversation import Conversation
from warploom.propose.writing.draft import Draft
from warploom.propose.writing.material import Material
from warploom.propose.writing.memory import Memory
from warploom.propose.writing.operators import OPERATORS, paid
from warploom.propose.writing.prompt import PROMPT_CHARACTERS
from warploom.propose.writing.rehearsal import rehearsal
from warploom.propose.writing.wording import prompts_for
from warploom.syntax import tune
from warploom.values.behaviour import Resolution
from warploom.values.candidate import Lineage, Proposal
from warploom.values.exchange import Exchange, Message
from warploom.values.measure import SCORE, SPEEDUP
from warploom.values.problem import Problem
from warploom.values.request import Feedback, Request


class Prepared(NamedTuple):
    """A prompt that nobody has answered yet.

    Attributes:
        operator: what is asked for; for a repair with the id of what is to be mended, "repair:<id>".
        messages: the conversation.
    """

    operator: str
    messages: tuple[Message, ...]


@dataclass(frozen=True)
class Task:
    """What a request became: the operator, what the prompt is made from, the candidates it starts from."""

    operator: str
    material: Material
    parents: tuple[str, ...]

    @property
    def name(self) -> str:
        """The operator without what it is about."""
        return self.operator.partition(":")[0]


class Writer:
    """Proposer of kernels, or of programs, that a model, an agent or a record of either writes.

    Args:
        problem: what the candidates compute, or the folder whose evaluator scores them.
        mind: answers conversations; None where an outside agent is asked through :meth:`prepare`.
        knowledge: what the run knows.
        resolution: of the archive's cells, to put them into words.
        prompts: directory of templates that replace the shipped ones of the same name; None for those.
        prompt_characters: of the first messages of a conversation, at most.
        crossover: whether two parents may be combined.
        bandit: whether operators are chosen by what they paid so far.
        language: of the kernels.

    Raises:
        ConfigError: a template has a fault.
    """

    def __init__(
        self,
        problem: Problem | Folder,
        mind: Mind | None,
        knowledge: Knowledge,
        resolution: Resolution,
        *,
        prompts: Path | None = None,
        prompt_characters: int = PROMPT_CHARACTERS,
        crossover: bool = True,
        bandit: bool = True,
        language: str = "cpp",
    ) -> None:
        self._problem = problem
        self._mind = mind
        self._knowledge = knowledge
        self._resolution = resolution
        self._measure = SPEEDUP if isinstance(problem, Problem) else SCORE
        self._prompts = prompts_for(problem, prompts, prompt_characters, language)
        if prompts is not None:
            self._prompts.rehearse(rehearsal(problem, resolution, language))
        self._crossover = crossover
        self._operators = Bandit({one.name: one.prior for one in OPERATORS.values()}, learning=bandit)
        self._memory = Memory(self._measure)

    @property
    def name(self) -> str:
        """For people; lineages carry the model that answered."""
        return f"llm:{self._mind.name}" if self._mind is not None else "agent"

    # ------------------------------------------------------------ one request

    async def propose(self, request: Request) -> Proposal:
        """A candidate made of a model's answer.

        Raises:
            NothingToPropose: no answer could be used; the message says why.
            BudgetSpent: a cap leaves no room for one more request to the model.
            ModelError: no request to the model can succeed.
        """
        if self._mind is None:
            raise NothingToPropose("there is no model to ask")
        before = self._knowledge.recorded(request.number, 0)
        try:
            # What was asked before a kill was asked from another state; the answer is to that.
            task = self._task(request, before.operator if before is not None else "")
        except SourceError as error:
            raise NothingToPropose(str(error)) from None
        conversation = Conversation(self._mind, self._prompts, self._memory, task.name, task.material)
        draft = await conversation.hold(request.number, request.seed, task.operator)
        last = conversation.exchanges[-1]
        tokens = sum(exchange.usage.total for exchange in conversation.exchanges)
        cost_usd = sum(exchange.cost_usd or 0.0 for exchange in conversation.exchanges)
        return self._proposal(task, draft, f"llm:{last.model}", last.id, tokens, cost_usd)

    def prepare(self, request: Request) -> Prepared:
        """The prompt of a request, for an agent that is asked by other means and answers once.

        Raises:
            ConfigError: a user's template has a fault.
        """
        task = self._task(request)
        return Prepared(task.operator, self._prompts.first(task.material))

    def receive(
        self, request: Request, operator: str, answer: str, *, proposer: str = "agent", prompt: str = ""
    ) -> Proposal:
        """The candidate that an answer makes.

        Args:
            request: as given to :meth:`prepare`.
            operator: as :meth:`prepare` gave it.
            answer: the program itself, or words around edits or a fenced program.
            proposer: the name that the lineage carries.
            prompt: id of the recorded exchange.

        Raises:
            SourceError: the answer cannot be used, or is the same as what was judged before. The message is for who
                wrote it.
        """
        task = self._task(request, operator)
        conversation = Conversation(None, self._prompts, self._memory, task.name, task.material)
        return self._proposal(task, conversation.read(answer), proposer, prompt, 0, 0.0)

    def _proposal(self, task: Task, draft: Draft, proposer: str, prompt: str, tokens: int, cost_usd: float) -> Proposal:
        lineage = Lineage(
            task.parents, proposer, task.name, note=draft.idea, prompt=prompt, tokens=tokens, cost_usd=cost_usd
        )
        return Proposal(draft.candidate, lineage)

    # ------------------------------------------------------------ what is asked for

    def _task(self, request: Request, operator: str = "") -> Task:
        """The task of a request; with an operator the task as it was given before."""
        if not request.parents:
            raise NothingToPropose("there is no kernel to start from")
        name, _, about = (operator or self._chosen(request)).partition(":")
        if name not in OPERATORS:
            raise SourceError(f"{name!r} is nothing that a writer is asked for; known: {', '.join(OPERATORS)}")
        if name == "repair":
            return self._mending(request, about or self._to_mend(request))
        parent = request.parents[0]
        partners = (*request.parents[1:], *request.inspirations)
        partner = partners[0] if name == "crossover" and partners else None
        material = Material(
            task=self._problem,
            environment=self._knowledge.environment,
            resolution=self._resolution,
            operator=name,
            base=parent.candidate,
            lineage=parent.lineage,
            evaluation=self._knowledge.evaluation(parent.candidate.id),
            fitness=parent.fitness,
            cell=parent.cell,
            partner=partner,
            inspirations=partners,
            attempts=self._memory.attempts(parent.candidate.id),
            elsewhere=self._memory.elsewhere(parent.candidate.id),
            target_cell=request.target_cell,
            hints=request.hints,
        )
        parents = (parent.candidate.id, *((partner.candidate.id,) if partner else ()))
        return Task(name, material, parents)

    def _mending(self, request: Request, about: str) -> Task:
        """The task to mend a candidate that failed."""
        failed = self._knowledge.proposal(about)
        if failed is None:
            raise SourceError(f"the candidate {about!r} that is to be repaired is not known")
        mended_before = failed.lineage.operator == "repair" and bool(failed.lineage.parents)
        material = Material(
            task=self._problem,
            environment=self._knowledge.environment,
            resolution=self._resolution,
            operator="repair",
            base=failed.candidate,
            lineage=failed.lineage,
            evaluation=self._knowledge.evaluation(about),
            inspirations=(*request.parents, *request.inspirations)[:2],
            # What came of an earlier try to mend it is a failure of its own; what was tried stands with the first.
            attempts=self._memory.attempts(failed.lineage.parents[0] if mended_before else about),
            hints=request.hints,
        )
        return Task(f"repair:{about}", material, (about,))

    def _to_mend(self, request: Request) -> str:
        """A failure; requests that are at work together take different ones."""
        failures = self._memory.failures
        return failures[request.number % len(failures)] if failures else request.parents[0].candidate.id

    def _chosen(self, request: Request) -> str:
        """The operator that the request wants, or else the one that the bandit chooses."""
        if request.operator in self._prompts.operators:
            return request.operator
        return self._operators.choose(self._arms(request), random.Random(f"operator/{request.seed}"))

    def _arms(self, request: Request) -> list[str]:
        """The operators that this request has what they need for."""
        absent = set()
        if not self._memory.failures:
            absent.add("repair")
        if not self._crossover or not (request.parents[1:] or request.inspirations):
            absent.add("crossover")
        if tune.declared(request.parents[0].candidate.source):
            absent.add("parameterise")
        return [name for name in self._prompts.operators if name not in absent]

    # ------------------------------------------------------------ learning

    def tell(self, feedback: Feedback) -> None:
        """Learn from an outcome: which operator pays, what was tried, what failed, which model it came from."""
        self._memory.learn(feedback)
        lineage = feedback.proposal.lineage
        if lineage.operator in OPERATORS:
            self._operators.learn(lineage.operator, success=paid(feedback, self._measure.gain))
        if self._mind is not None and lineage.prompt:
            for exchange in self._said(feedback.request.number):
                if exchange.id == lineage.prompt:
                    self._mind.tell(exchange, feedback)
                elif exchange.turn or exchange.operator != "explore":  # a plan is half of an answer
                    self._mind.tell(exchange, None)

    def declined(self, request: Request) -> None:
        """Learn that nothing could be made of what was said for a request."""
        said = self._said(request.number)
        if not said:
            return
        name, _, about = said[0].operator.partition(":")
        if name in OPERATORS:
            self._operators.learn(name, success=False)
        if name == "repair":
            self._memory.not_mended(about)
        if self._mind is not None:
            for exchange in said:
                self._mind.tell(exchange, None)

    def _said(self, number: int) -> list[Exchange]:
        """What was said for a request, turn by turn."""
        said: list[Exchange] = []
        while (exchange := self._knowledge.recorded(number, len(said))) is not None:
            said.append(exchange)
        return said

    def snapshot(self) -> dict[str, Any]:
        """Learned state as JSON values."""
        return {
            "operators": self._operators.snapshot(),
            "memory": self._memory.snapshot(),
            "mind": self._mind.snapshot() if self._mind is not None else {},
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """The inverse of :meth:`snapshot`."""
        self._operators.restore(state["operators"])
        self._memory.restore(state["memory"])
        if self._mind is not None and state["mind"]:
            self._mind.restore(state["mind"])
