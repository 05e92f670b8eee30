"""``warploom doctor --llm``: one cheap request to each model, and what came of it."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import partial

import anyio

from warploom.cli.finding import MISSING, OK, WEAKER, Finding
from warploom.errors import ModelError
from warploom.propose.llm.access import KEY, MODEL, NO_KEY, Access, find_access, settings
from warploom.propose.llm.answer import Answer
from warploom.propose.llm.client import Client
from warploom.propose.llm.refusal import Refusal
from warploom.values.exchange import Message
from warploom.values.model import Model, parse_models

QUESTION = (Message("user", "Answer with the one word: ready"),)
MAX_TOKENS = 512
"""Enough for a model that reasons before it says a word."""

SECONDS = 60.0


def examine_models(names: Sequence[str], base_url: str) -> Iterable[Finding]:
    """Look at key, server and models.

    Args:
        names: as ``--model`` gives them; none takes the environment's.
        base_url: as ``--base-url`` gives it.
    """
    try:
        found = settings()
        chosen = tuple(names) or ((found[MODEL],) if MODEL in found else ())
        models = parse_models(chosen)
        access = find_access(base_url)
    except ModelError as error:
        yield Finding("language model", MISSING, str(error))
        return
    key = "found" if access.key != NO_KEY else f"none ({KEY} is not set); a local server needs none"
    yield Finding("model server", OK, f"{access.base_url}; key: {key}")
    if not models:
        yield Finding("language model", MISSING, "none is named", f"warploom doctor --llm --model NAME, or set {MODEL}")
    for model in models:
        yield anyio.run(partial(_question, access, model))


async def _question(access: Access, model: Model) -> Finding:
    client = Client(lambda: access, SECONDS)
    began = time.monotonic()
    try:
        outcome = await client.attempt(replace(model, max_tokens=min(model.max_tokens, MAX_TOKENS)), QUESTION)
        if isinstance(outcome, Refusal) and outcome.unknown:  # it knows the limit on tokens by another name
            outcome = await client.attempt(replace(model, max_tokens=min(model.max_tokens, MAX_TOKENS)), QUESTION)
    except ModelError as error:
        return Finding(model.label, MISSING, str(error))
    finally:
        await client.close()
    return _finding(model, outcome, time.monotonic() - began)


def _finding(model: Model, outcome: Answer | Refusal, seconds: float) -> Finding:
    if isinstance(outcome, Refusal):
        return Finding(model.label, MISSING, outcome.error)
    if outcome.finish not in {"stop", "length"}:
        return Finding(model.label, WEAKER, f"answers, but: {outcome.finish}: {outcome.error}")
    said = [f"answers in {seconds:.1f} s"]
    if outcome.usage is None:
        said.append("reports no tokens: each answer will be charged at its most against a cap")
    else:
        said.append(f"{outcome.usage.total} tokens")
    if model.price is not None and outcome.usage is not None:
        said.append(f"${model.price.cost(outcome.usage):.6f}")
    elif outcome.usd is not None:
        said.append(f"${outcome.usd:.6f} as the server says")
    else:
        said.append("price unknown, so --max-usd cannot hold")
    if model.logprobs:
        said.append("log-probabilities" if outcome.logprob is not None else "no log-probabilities")
    return Finding(model.label, OK if outcome.usage is not None else WEAKER, ", ".join(said))
