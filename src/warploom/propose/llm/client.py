"""One attempt at one answer, over HTTP: any server that speaks Chat Completions, by the ``openai`` package."""

from __future__ import annotations

import platform
from collections.abc import Callable
from dataclasses import replace
from functools import cached_property
from importlib import import_module
from typing import Any

import anyio

from warploom.errors import ModelError
from warploom.propose.llm.access import Access
from warploom.propose.llm.answer import Answer, clean, malformed, read_answer
from warploom.propose.llm.refusal import Refusal, read_refusal
from warploom.values.exchange import Message
from warploom.values.keys import keys_hidden
from warploom.values.model import Model

MOST_BYTES = 10_000_000
"""A longer body is cut, and no answer."""

LIMITS = ("max_tokens", "max_completion_tokens")
"""The parameter that bounds an answer: the older name, which most servers know, and OpenAI's newer one."""

_NOT_SENT = frozenset({"ConnectError", "ConnectTimeout", "PoolTimeout", "ProxyError", "UnsupportedProtocol"})
"""Causes of a failure before the request had left."""


class Client:
    """Talks to one server. Its connections live in one event loop: :meth:`close` ends them with it.

    Args:
        find_access: gives address and key when they are first needed.
        attempt_seconds: an attempt at most, from connecting to the last byte.
    """

    def __init__(self, find_access: Callable[[], Access], attempt_seconds: float = 300.0) -> None:
        self._find_access = find_access
        self._attempt_seconds = attempt_seconds
        self._session: Any = None
        self._limit: dict[str, str] = {}

    async def attempt(self, model: Model, messages: tuple[Message, ...]) -> Answer | Refusal:
        """Send a conversation once; nothing that a server does raises.

        A model that knows the other name of the limit on tokens is asked by that name from then on.

        Raises:
            ModelError: there is no key, or the ``openai`` package is absent.
        """
        outcome = await self._post(model, messages)
        if isinstance(outcome, Refusal) and outcome.unknown in LIMITS and outcome.unknown == self._limit_of(model):
            self._limit[model.name] = next(name for name in LIMITS if name != outcome.unknown)
            return replace(outcome, again=True, misfit=False)
        return outcome

    @cached_property
    def access(self) -> Access:
        """Address and key."""
        return self._find_access()

    @cached_property
    def _openai(self) -> Any:
        return openai_package()

    async def close(self) -> None:
        """End the connections."""
        if self._session is not None:
            session, self._session = self._session, None
            await session.close()

    def _limit_of(self, model: Model) -> str:
        newer = "api.openai.com" in self.access.base_url
        return self._limit.get(model.name, LIMITS[1] if newer else LIMITS[0])

    async def _post(self, model: Model, messages: tuple[Message, ...]) -> Answer | Refusal:
        address, openai = self.access.base_url, self._openai
        create = self._opened().chat.completions.with_streaming_response.create
        try:
            with anyio.fail_after(self._attempt_seconds):
                return await self._send(create, model, messages)
        except TimeoutError:
            error = f"{address} did not answer in {self._attempt_seconds:g} s"
            return Refusal(error, again=True, charged=True)
        except openai.APIStatusError as error:
            return read_refusal(
                error.status_code, error.response.headers, error.response.content, model.name, self.access
            )
        except openai.APIConnectionError as error:
            cause = error.__cause__ or error
            detail = clean(self.access.redact(str(cause)))[:200] or type(cause).__name__
            if type(cause).__name__ in _NOT_SENT:
                return Refusal(f"no server at {address}: {detail}; check --base-url", again=True, absent=True)
            return Refusal(f"{address} broke off: {detail}", again=True, charged=True)

    def _opened(self) -> Any:
        """The session; made before any time is counted, since the package loads much of itself for it."""
        if self._session is None:
            self._session = self._openai.AsyncOpenAI(
                api_key=self.access.key,
                base_url=self.access.base_url,
                max_retries=0,
                timeout=None,
                default_headers={"Accept-Encoding": "identity"},  # a bound on bytes that no compression escapes
            )
        return self._session

    async def _send(self, create: Any, model: Model, messages: tuple[Message, ...]) -> Answer | Refusal:
        wanted: dict[str, Any] = {self._limit_of(model): model.max_tokens}
        if model.temperature is not None:
            wanted["temperature"] = model.temperature
        if model.effort:
            wanted["reasoning_effort"] = model.effort
        if model.logprobs:
            wanted["logprobs"] = True
        said = [{"role": message.role, "content": message.text} for message in messages]
        # As the body it becomes: the package would walk through each message at a cost of milliseconds.
        async with create(model=model.name, messages=[], extra_body={"messages": said}, **wanted) as response:
            body = bytearray()
            try:
                async for piece in response.iter_bytes():
                    body += piece
                    if len(body) > MOST_BYTES:
                        return malformed(f"more than {MOST_BYTES // 1_000_000} MB")
            except Exception as error:  # noqa: BLE001 - of whichever transport the package uses
                detail = clean(self.access.redact(str(error)))[:200]
                return Refusal(f"{self.access.base_url} broke off: {detail}", again=True, charged=True)
        return read_answer(bytes(body), self.access.redact)


def openai_package() -> Any:
    """The ``openai`` package, imported only where a model is used.

    Raises:
        ModelError: it is not installed.
    """
    with keys_hidden():
        platform.platform()  # the package asks for it, which starts `uname` once in a process
    try:
        return import_module("openai")
    except ImportError:
        raise ModelError("language models need the package openai: pip install 'warploom[llm]'") from None
