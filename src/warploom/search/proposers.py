"""Which proposer a run has: the configuration's word → the object that answers the requests."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from warploom.archive.islands import resolution_for
from warploom.archive.journal import Journal
from warploom.archive.remeasured import remeasured
from warploom.errors import ConfigError, ModelError
from warploom.problems.importers.openevolve import Folder
from warploom.propose.command import CommandMind
from warploom.propose.llm.access import KEY, MODEL, find_access, has_access, settings
from warploom.propose.llm.caller import Caller
from warploom.propose.llm.client import Client, openai_package
from warploom.propose.llm.ensemble import Ensemble
from warploom.propose.llm.ledger import Caps
from warploom.propose.llm.retry import Patience
from warploom.propose.mind import Knowledge, Mind
from warploom.propose.mixed import Mixed
from warploom.propose.programs.rewrites import Rewrites, stuck
from warploom.propose.protocol import Proposer
from warploom.propose.replay import RecordedMind, Replayed
from warploom.propose.without_model import WithoutModel
from warploom.propose.writer import Writer
from warploom.propose.writing.wording import prompts_for
from warploom.search.estimate import Estimate
from warploom.search.record import Record, read_record
from warploom.search.task import Task
from warploom.search.unused import refuse_unused
from warploom.values.candidate import Candidate, Proposal
from warploom.values.config import COMMAND, RunConfig
from warploom.values.exchange import Exchange, Message
from warploom.values.measure import PROGRAM, measure_of
from warploom.values.model import parse_models
from warploom.values.outcome import Evaluation

Resting = list[Callable[[], Awaitable[None]]]
"""What is to be called when a sitting ends, while its event loop still runs."""

Note = Callable[[str], None]
"""Told a line for people."""

ASKING = ("llm", "mix")
"""The proposers that ask language models."""

WAITING_AT_ONCE = 4
"""Requests at work at a time where a model or a command is waited for."""


def settle(config: RunConfig, note: Note | None = None) -> RunConfig:
    """Decide what a configuration leaves open, from what there is here; for the start of a run, which records it.

    Args:
        config: as the user gave it.
        note: told when a key is not used.

    Raises:
        ConfigError: a model is wanted and none is named, or an option has no use here.
        ModelError: a model is wanted, and there is no key, no such address or no package for it.
    """
    if config.replay:
        record = read_record(Path(config.replay))
        return replace(config, proposer=record.proposer if config.proposer == "auto" else config.proposer)
    found, left_out = settings(), "--model and --proposer"
    models = config.models or ((found[MODEL],) if MODEL in found else ())
    if config.proposer == "auto":
        config, left_out = _chosen(config, models, note), "--model"
    elif config.proposer not in ASKING:
        refuse_unused(config)
    if config.proposer not in ASKING:
        return config
    if not models:
        raise ConfigError(f"--proposer {config.proposer} needs a model: --model NAME, or {MODEL} in the environment")
    try:
        config = replace(config, models=models, base_url=find_access(config.base_url).base_url)
    except ModelError as error:
        if has_access(config.base_url):
            raise
        asked = f"the model {parse_models(models)[0].name} cannot be asked"
        raise ModelError(f"{asked}: {error}; without {left_out} the search needs no key") from None
    openai_package()
    return config


def _chosen(config: RunConfig, models: Sequence[str], note: Note | None) -> RunConfig:
    """The configuration with the proposer that "auto" stands for; a model that was asked for is never left out."""
    say, reachable = note or (lambda line: None), has_access(config.base_url)
    if models and (reachable or config.models):
        return replace(config, proposer="mix")
    refuse_unused(config, models[0] if models else "")
    if models:
        say(f"{MODEL} names {models[0]}, but there is no key: set {KEY}, and it proposes kernels too")
    elif reachable:
        say("there is a key: name a model with --model NAME, and it proposes kernels too")
    return replace(config, proposer="moves")


def require_access(config: RunConfig) -> None:
    """Whether the models of a run that was begun earlier can be reached.

    Raises:
        ModelError: there is no key, no such address or no package for them.
    """
    if config.proposer in ASKING and not config.replay:
        find_access(config.base_url)
        openai_package()


def requests_at_once(config: RunConfig) -> int:
    """How many requests are at work at a time."""
    return config.in_flight or (WAITING_AT_ONCE if waits(config) else 1)


def judges_at_once(config: RunConfig) -> int:
    """How many candidates are built and verified at a time; one where answers take long, so that timings are clean."""
    return 1 if waits(config) else requests_at_once(config)


def waits(config: RunConfig) -> bool:
    """Whether a proposer of this run waits for answers."""
    return config.proposer in ASKING or config.proposer.startswith(COMMAND)


def make_proposer(
    config: RunConfig,
    problem: Task,
    environment: Mapping[str, Any],
    resting: Resting,
    journal: Journal,
    note: Note | None = None,
) -> Proposer:
    """The proposer that a configuration names.

    Args:
        config: names it and its settings.
        problem: what the candidates compute.
        environment: what the judge says of itself and the machine.
        resting: whatever must be closed at the end of a sitting is added to it.
        journal: of the run, open for writing.
        note: told what the run may cost, before the first request to a model.

    Raises:
        InputError: the proposer cannot be used as it is configured.
    """
    knowledge = JournalKnowledge(journal, environment)
    if not config.replay:
        mind = make_mind(config, resting, journal, note) if waits(config) else None
        return _with_mind(config, problem, knowledge, mind)
    record = read_record(Path(config.replay))
    if record.problem_hash != problem.hash:
        raise ConfigError(f"--replay {config.replay}: it is a record of another problem than this {problem.name}")
    mind = RecordedMind(record, journal.conversations)
    return Replayed(record, _with_mind(config, problem, knowledge, mind, record), knowledge)


def _with_mind(
    config: RunConfig,
    problem: Task,
    knowledge: JournalKnowledge,
    mind: Mind | None,
    record: Record | None = None,
) -> Proposer:
    """The proposer with this mind; in a replay, what was recorded decides when it is asked."""
    moves = _without_model(config, problem)
    if not waits(config):
        return moves
    writer = make_writer(config, problem, mind, knowledge)
    if config.proposer != "mix":
        return writer
    return Mixed(
        writer,
        moves,
        knowledge,
        crossover=config.crossover,
        bandit=config.bandit,
        in_flight=requests_at_once(config),
        was_asked=None if record is None else lambda number: bool(record.of(number)),
        noise=measure_of(config.to_mapping()).gain,
    )


def _without_model(config: RunConfig, problem: Task) -> Proposer:
    """The part of the proposer that asks nobody."""
    if isinstance(problem, Folder):
        return Rewrites(crossover=config.crossover, bandit=config.bandit)
    return WithoutModel(problem, crossover=config.crossover, bandit=config.bandit, language=config.target)


def suited(config: RunConfig, seed: Candidate) -> RunConfig:
    """The configuration, with a model alone where nothing else could change the first candidate.

    Raises:
        ConfigError: there is no model; why, and who could.
    """
    said = stuck(seed) if config.target == PROGRAM and not config.replay else ""
    if said and config.proposer == "moves":
        raise ConfigError(f"{config.problem}: {said}; --model NAME, or --proposer {COMMAND}'…', can write it")
    return replace(config, proposer="llm") if said and config.proposer == "mix" else config


def make_writer(config: RunConfig, problem: Task, mind: Mind | None, knowledge: Knowledge) -> Writer:
    """The writer as a configuration wants it.

    Args:
        config: its templates, and whether it may cross two parents and learn.
        problem: what the candidates compute.
        mind: answers its prompts; None for an outside agent.
        knowledge: what the run knows.

    Raises:
        ConfigError: a template of the user has a fault.
    """
    return Writer(
        problem,
        mind,
        knowledge,
        resolution_for(config),
        prompts=own_templates(config),
        crossover=config.crossover,
        bandit=config.bandit,
        language=config.target,
    )


def require_templates(config: RunConfig, problem: Task) -> None:
    """Reads the user's prompt templates, before anything that takes time is made ready.

    Raises:
        ConfigError: one has a fault.
    """
    if config.prompts:
        prompts_for(problem, own_templates(config), language=config.target)


def own_templates(config: RunConfig) -> Path | None:
    """The directory of the user's prompt templates, if there is one."""
    return Path(config.prompts) if config.prompts else None


def make_mind(config: RunConfig, resting: Resting, journal: Journal, note: Note | None = None) -> Mind:
    """What answers the writer's prompts; arguments as of :func:`make_proposer`."""
    caps = Caps(config.max_tokens_total, config.max_usd, config.max_requests)
    if config.proposer.startswith(COMMAND):
        return CommandMind(config.proposer.removeprefix(COMMAND), caps, journal.conversations)
    models = parse_models(config.models)
    patience = Patience(attempt_seconds=config.attempt_seconds, total_seconds=config.answer_seconds)
    client = Client(partial(find_access, config.base_url), config.attempt_seconds)
    caller = Caller(client, patience, requests_at_once(config))
    resting.append(caller.close)

    def foresee(messages: tuple[Message, ...]) -> None:
        if note is not None:
            note(Estimate.of(messages, models, config.evaluations - 1).line())

    return Ensemble(models, caller, caps, journal.conversations, learning=config.bandit, foresee=foresee)


class JournalKnowledge:
    """What a run knows, looked up in its journal: a :class:`~warploom.propose.mind.Knowledge`.

    Args:
        journal: of the run.
        environment: what the judge says of itself and the machine.
    """

    def __init__(self, journal: Journal, environment: Mapping[str, Any]) -> None:
        self._journal = journal
        self.environment = environment

    def evaluation(self, candidate: str) -> Evaluation | None:
        """The re-measurement of a candidate where there is one, else its screening."""
        return remeasured(self._journal, candidate) or self._journal.evaluation(candidate)

    def proposal(self, candidate: str) -> Proposal | None:
        """A candidate of this run; None for an unknown id."""
        return self._journal.proposal(candidate) if self._journal.known(candidate) else None

    def recorded(self, number: int, turn: int) -> Exchange | None:
        """What was said in this turn of a request."""
        return self._journal.conversations.recorded(number, turn)
