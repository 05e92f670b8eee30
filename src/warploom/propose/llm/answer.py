"""The body of a Chat Completions answer → what was said, and what it cost. Nothing of it is trusted."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from warploom.values.exchange import Usage

MOST_TOKENS = 10**12
"""Counts beyond it are taken for it: a server's word must not break sums."""


@dataclass(frozen=True)
class Answer:
    """What came back in one attempt.

    Attributes:
        text: of the answer.
        finish: one of :data:`warploom.values.exchange.FINISHES`.
        error: what was wrong with it, "" when nothing was.
        usage: None where the server gave none.
        usd: what the server says it cost; None where it does not say.
        logprob: mean log-probability of the answer's tokens; None where not given.
    """

    text: str
    finish: str
    error: str = ""
    usage: Usage | None = None
    usd: float | None = None
    logprob: float | None = None


def read_answer(body: bytes, redact: Callable[[str], str] = str) -> Answer:
    """The answer in a body of status 200.

    Args:
        body: as it came.
        redact: takes out of a text what must not be repeated, before anything is cut.
    """
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return malformed(f"no JSON: {_excerpt(redact(body.decode('utf-8', 'replace')))}")
    if not isinstance(document, dict):
        return malformed("the JSON is no object")
    usage, usd = _usage(document.get("usage"))
    choices = document.get("choices")
    choice = choices[0] if isinstance(choices, list) and choices else None
    message = choice.get("message") if isinstance(choice, dict) else None
    if not isinstance(choice, dict) or not isinstance(message, dict):
        said = _error_text(document, redact)
        return malformed(said or "it holds no message", usage, usd)
    content = _text(message.get("content"))
    if content is None:
        return malformed("the message's content is no text", usage, usd)
    text = redact(content)
    logprob = _logprob(choice.get("logprobs"))
    reason = choice.get("finish_reason")
    refusal = _text(message.get("refusal")) or ""
    if refusal or reason == "content_filter":
        return Answer(
            text, "refusal", clean(redact(refusal)[:200]) or "stopped by the content filter", usage, usd, logprob
        )
    if reason == "length":
        return Answer(text, "length", "cut off at max_tokens", usage, usd, logprob)
    if not text.strip():
        return Answer("", "empty", "an answer without text", usage, usd, logprob)
    return Answer(text, "stop", "", usage, usd, logprob)


def malformed(error: str, usage: Usage | None = None, usd: float | None = None) -> Answer:
    """An answer that is none."""
    return Answer("", "malformed", error, usage, usd)


def clean(text: str) -> str:
    """One line of printable text."""
    return " ".join("".join(one if one.isprintable() else " " for one in text).split())


def _text(content: object) -> str | None:
    """Text or parts of text, without what no encoding knows; None when it is neither."""
    if content is None:
        return ""
    if isinstance(content, list):
        parts = [part.get("text") for part in content if isinstance(part, dict) and part.get("type") == "text"]
        content = "".join(part for part in parts if isinstance(part, str))
    if not isinstance(content, str):
        return None
    return content.encode("utf-8", "replace").decode()


def _usage(found: object) -> tuple[Usage | None, float | None]:
    """Tokens and dollars as the server counts them."""
    if not isinstance(found, Mapping):
        return None, None
    prompt, completion = _count(found.get("prompt_tokens")), _count(found.get("completion_tokens"))
    if prompt is None or completion is None:
        return None, None
    # Some servers leave the tokens of reasoning out of the completion, but not out of the total.
    completion = max(completion, (_count(found.get("total_tokens")) or 0) - prompt)
    reasoning = _detail(found, "completion_tokens_details", "reasoning_tokens")
    cached = _detail(found, "prompt_tokens_details", "cached_tokens")
    cost = _finite(found.get("cost"))
    return Usage(prompt, completion, reasoning, cached), cost if cost is not None and cost >= 0 else None


def _count(value: object) -> int | None:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        return None
    return min(value, MOST_TOKENS)


def _finite(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < 1e300:
        return None
    return float(value)


def _detail(found: Mapping[str, Any], group: str, name: str) -> int:
    details = found.get(group)
    return (_count(details.get(name)) or 0) if isinstance(details, Mapping) else 0


def _logprob(found: object) -> float | None:
    tokens = found.get("content") if isinstance(found, Mapping) else None
    if not isinstance(tokens, list):
        return None
    values = [_finite(token.get("logprob")) for token in tokens if isinstance(token, Mapping)]
    numbers = [value for value in values if value is not None]
    return sum(numbers) / len(numbers) if numbers else None


def _error_text(document: Mapping[str, Any], redact: Callable[[str], str]) -> str:
    """Some servers put an error into a body of status 200."""
    error = document.get("error")
    said = error.get("message") if isinstance(error, Mapping) else error
    return clean(redact(said)[:300]) if isinstance(said, str) else ""


def _excerpt(text: str) -> str:
    return clean(text[:80]) or "nothing"
