"""What an HTTP status other than 200 means: try again, go on without this answer, or end the run.

| status | what it means here |
|---|---|
| 401, 403 | the key: ends the run |
| 404 | the model's name or the address: ends the run |
| 402, 429 with ``insufficient_quota`` | the account is empty: ends the run |
| 413, 400 that speaks of the context | the prompt is too long: no answer, ``context`` |
| 400 that speaks of a content policy | no answer, ``refusal`` |
| other 400, 405, 422, … | a setting the model does not take: ends the run, unless the model has answered before |
| 408, 409, 425, 429, 5xx | again, after a wait |
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from warploom.propose.llm.access import KEY, Access
from warploom.propose.llm.answer import clean
from warploom.propose.llm.retry import retry_after_seconds

AGAIN = frozenset({408, 409, 425, 429})
CHARGED = frozenset({408, 502, 504})
"""Statuses behind which an answer may have been made and charged, of a server that did not get it to us."""

LONGEST = 300
"""Characters of a server's words that a message repeats."""

_TOO_LONG = ("context_length", "context length", "maximum context", "context window", "too long", "too many tokens")
_POLICY = ("content_policy", "content policy", "content_filter", "safety", "moderation")
_QUOTA = ("insufficient_quota", "insufficient credits", "billing_hard_limit")


@dataclass(frozen=True)
class Refusal:
    """An attempt without an answer.

    Attributes:
        error: one line.
        finish: what becomes of the exchange when no further attempt is made.
        again: whether another attempt may succeed.
        fatal: whether no request of the run can succeed.
        misfit: whether the model does not take the request; ends the run unless this model has answered before.
        absent: whether there was no server; ends the run when the last attempt says so too.
        charged: whether the server may have charged for it.
        after: seconds the server asks to wait; None when it does not.
        unknown: the parameter that the model does not know, "" when that is not the matter.
    """

    error: str
    finish: str = "error"
    again: bool = False
    fatal: bool = False
    misfit: bool = False
    absent: bool = False
    charged: bool = False
    after: float | None = None
    unknown: str = ""


def read_refusal(status: int, headers: Mapping[str, str], body: bytes, model: str, access: Access) -> Refusal:
    """What a status other than 200 means.

    Args:
        status: of HTTP.
        headers: of the answer.
        body: of the answer.
        model: its name, for the message.
        access: to the server, for the message, which shows no key.
    """
    address = access.base_url
    said, code, parameter = _said(body, access)
    words = f"{code} {said}".lower()
    tail = f": {said}" if said else ""
    if status in {401, 403}:
        return Refusal(f"{address} refuses the key ({status}){tail}; check {KEY}", fatal=True)
    if status == 404:
        mend = "check --model, and that --base-url ends as the server wants it (often in /v1)"
        return Refusal(f"{address} knows no model {model} (404){tail}; {mend}", fatal=True)
    if status == 402 or (status == 429 and any(word in words for word in _QUOTA)):
        mend = "this is the account's limit, not this run's"
        return Refusal(f"the account at {address} has nothing left ({status}){tail}; {mend}", fatal=True)
    if status == 413 or (status == 400 and any(word in words for word in _TOO_LONG)):
        return Refusal(f"the prompt is too long for {model}{tail}", "context")
    if status in AGAIN or status >= 500:
        what = "asks to wait" if status == 429 else f"answers {status}"
        after = retry_after_seconds(headers.get("retry-after"))
        return Refusal(f"{address} {what}{tail}", again=True, charged=status in CHARGED, after=after)
    if status == 400 and any(word in words for word in _POLICY):
        return Refusal(f"{model} refuses the prompt{tail}", "refusal")
    unknown = parameter if "support" in words or "unrecognized" in words or "unknown" in words else ""
    mend = f"check the settings of --model {model}"
    return Refusal(f"{address} refuses the request for {model} ({status}){tail}; {mend}", misfit=True, unknown=unknown)


def _said(body: bytes, access: Access) -> tuple[str, str, str]:
    """Message, code and parameter of an error's body."""
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return _line(body.decode("utf-8", "replace"), access), "", ""
    error = document.get("error", document) if isinstance(document, dict) else document
    if not isinstance(error, dict):
        return _line(str(error), access), "", ""
    message = error.get("message") or error.get("detail") or ""
    return _line(str(message), access), f"{error.get('code')} {error.get('type')}", str(error.get("param") or "")


def _line(text: str, access: Access) -> str:
    """A line of bounded length; the key goes before anything is cut, so that no half of it is left."""
    return clean(access.redact(text)[:LONGEST])[:LONGEST]
