"""Options for language models that a run would have no use for: said before it begins, not passed over."""

from __future__ import annotations

from dataclasses import fields

from warploom.errors import ConfigError
from warploom.propose.llm.access import KEY, MODEL
from warploom.values.config import COMMAND, RunConfig

_OPTIONS: dict[str, str] = {
    "models": "--model",
    "base_url": "--base-url",
    "max_tokens_total": "--max-tokens-total",
    "max_usd": "--max-usd",
    "max_requests": "--max-requests",
    "attempt_seconds": "--attempt-seconds",
    "answer_seconds": "--answer-seconds",
}
"""Key of a configuration → the option that only somebody who is asked for kernels has a use for."""

_OF_COMMANDS = ("max_requests",)
"""Those that hold for a command too."""


def refuse_unused(config: RunConfig, named: str = "") -> None:
    """Options that this configuration has and that its proposer has no use for.

    Args:
        config: as the user gave it, whose proposer asks no model; "auto" where none could be asked.
        named: the model of the environment, which cannot be reached; "" where there is none.

    Raises:
        ConfigError: there are some; which, and what to do.
    """
    command = config.proposer.startswith(COMMAND)
    given = [
        _OPTIONS[entry.name]
        for entry in fields(config)
        if entry.name in _OPTIONS
        and getattr(config, entry.name) != entry.default
        and not (command and entry.name in _OF_COMMANDS)
    ]
    if not given:
        return
    listed, verb, them = " and ".join(given), "is" if len(given) == 1 else "are", "it" if len(given) == 1 else "them"
    if config.proposer != "auto":
        who = f"{COMMAND}'…'" if command else config.proposer
        reason = f"--proposer {who} asks none; leave {them} out, or give --proposer mix"
    elif named:
        reason = f"{named}, which {MODEL} names, cannot be reached; set {KEY}, or leave {them} out"
    else:
        mend = f"name one with --model NAME or in {MODEL}"
        reason = f"none is named; {mend}, or leave {them} out: the search works without a model"
    raise ConfigError(f"{listed} {verb} for language models, and {reason}")
