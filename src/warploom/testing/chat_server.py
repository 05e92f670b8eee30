"""A server that speaks Chat Completions over real HTTP, counts what it would charge, and misbehaves on demand.

    with ChatServer(lambda call: Reaction(text="hello")) as server:
        ...  # a client of server.base_url

Each call gets the reaction that the given function chooses for it: a text, a status, a body that is no JSON, half a
body, a late one. It listens on this machine alone, on a port that the system chooses.
"""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any

LONGEST_SECONDS = 60.0
"""After so long without a word a connection is closed."""

MOST_BODY = 50_000_000


@dataclass(frozen=True)
class Call:
    """One request as it arrived.

    Attributes:
        number: counts the requests of this server, from 0.
        path: of the URL.
        authorization: that header, whole.
        body: the JSON object that was sent.
    """

    number: int
    path: str
    authorization: str
    body: Mapping[str, Any]

    @property
    def model(self) -> str:
        """Its name."""
        return str(self.body.get("model", ""))

    @property
    def prompt(self) -> str:
        """The last message."""
        messages = self.body.get("messages", [])
        return str(messages[-1]["content"]) if messages else ""

    @property
    def max_tokens(self) -> int:
        """The limit on the answer, by either name."""
        return int(self.body.get("max_completion_tokens", self.body.get("max_tokens", 0)))


@dataclass(frozen=True)
class Reaction:
    """What the server does with a call.

    Attributes:
        text: of the answer; None for a message without content.
        status: of HTTP; anything but 200 sends ``error`` and charges nothing.
        error: the error object of such a status.
        headers: further ones.
        finish: why the answer ends.
        refusal: the message's refusal.
        prompt_tokens: what is charged for the prompt; None for a guess.
        completion_tokens: what is charged for the answer; None for a guess.
        reports: whether the answer says what is charged.
        cost: dollars that the answer says it cost.
        logprobs: of the answer's tokens.
        raw: the body, in the place of an answer.
        seconds: wait before answering.
        drip_seconds: wait between one byte of the answer and the next.
        cut: send half of the body and hang up.
    """

    text: str | None = "ok"
    status: int = 200
    error: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    finish: str = "stop"
    refusal: str | None = None
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    reports: bool = True
    cost: float | None = None
    logprobs: tuple[float, ...] = ()
    raw: bytes | None = None
    seconds: float = 0.0
    drip_seconds: float = 0.0
    cut: bool = False


React = Callable[[Call], Reaction]
"""Chooses what to do with a call."""


class ChatServer:
    """Use it as a context manager.

    Args:
        react: chooses what to do with each call; without it every answer is "ok".
    """

    def __init__(self, react: React | None = None) -> None:
        self._react = react or (lambda call: Reaction())
        self._guard = threading.Lock()
        self.calls: list[Call] = []
        self.prompt_tokens = 0
        """Charged for prompts, whether the answer arrived or not."""
        self.completion_tokens = 0
        self.at_once = 0
        """Most calls that were at work at a time."""
        self._at_work = 0
        outer = self

        class Handler(_Handler):
            server_of = outer

        self._server = _Server(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    @property
    def base_url(self) -> str:
        """What a client is given."""
        return f"http://127.0.0.1:{self._server.server_address[1]}/v1"

    @property
    def requests(self) -> int:
        """Calls so far."""
        return len(self.calls)

    @property
    def tokens(self) -> int:
        """Charged so far."""
        return self.prompt_tokens + self.completion_tokens

    def __enter__(self) -> ChatServer:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._server.hang_up()
        self._thread.join(LONGEST_SECONDS)

    def take(self, path: str, authorization: str, body: Mapping[str, Any]) -> tuple[Call, Reaction]:
        """Count a call and choose the reaction to it."""
        with self._guard:
            call = Call(len(self.calls), path, authorization, body)
            self.calls.append(call)
            self._at_work += 1
            self.at_once = max(self.at_once, self._at_work)
            return call, self._react(call)

    def charge(self, prompt: int, completion: int) -> None:
        """So many tokens more."""
        with self._guard:
            self.prompt_tokens += prompt
            self.completion_tokens += completion

    def done(self) -> None:
        """A call is over."""
        with self._guard:
            self._at_work -= 1


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256

    def __init__(self, address: tuple[str, int], handler: type[BaseHTTPRequestHandler]) -> None:
        self.connections: set[socket.socket] = set()
        super().__init__(address, handler)

    def get_request(self) -> tuple[socket.socket, Any]:
        """Take a connection, and remember it: clients keep them open."""
        connection, address = super().get_request()
        self.connections.add(connection)
        return connection, address

    def shutdown_request(self, request: Any) -> None:
        """A connection is over."""
        self.connections.discard(request)
        super().shutdown_request(request)

    def hang_up(self) -> None:
        """End the connections that clients hold open."""
        for connection in list(self.connections):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up is nobody's fault."""


class _Handler(BaseHTTPRequestHandler):
    server_of: ChatServer
    protocol_version = "HTTP/1.1"
    timeout = LONGEST_SECONDS
    disable_nagle_algorithm = True

    def do_POST(self) -> None:
        """Answer one call."""
        server = self.server_of
        length = min(int(self.headers.get("Content-Length", 0)), MOST_BODY)
        body = json.loads(self.rfile.read(length) or b"{}")
        call, reaction = server.take(self.path, self.headers.get("Authorization", ""), body)
        try:
            self._answer(server, call, reaction)
        finally:
            server.done()

    def _answer(self, server: ChatServer, call: Call, reaction: Reaction) -> None:
        if reaction.status == 200:
            prompt, completion = charges(call, reaction)
            server.charge(prompt, completion)
            body = reaction.raw if reaction.raw is not None else _completion(call, reaction, prompt, completion)
        else:
            body = reaction.raw if reaction.raw is not None else json.dumps({"error": dict(reaction.error)}).encode()
        time.sleep(min(reaction.seconds, LONGEST_SECONDS))
        self.send_response(reaction.status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        for name, value in reaction.headers.items():
            self.send_header(name, value)
        self.end_headers()
        if reaction.cut:
            self.wfile.write(body[: len(body) // 2])
            self.wfile.flush()
            self.connection.shutdown(socket.SHUT_RDWR)
            self.close_connection = True
        elif reaction.drip_seconds:
            for byte in body:
                self.wfile.write(bytes((byte,)))
                time.sleep(reaction.drip_seconds)
        else:
            self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing is printed."""


def charges(call: Call, reaction: Reaction) -> tuple[int, int]:
    """Tokens of prompt and answer: as the reaction says, else about four bytes each, within the call's limit."""
    prompt, completion = reaction.prompt_tokens, reaction.completion_tokens
    if prompt is None:
        prompt = sum(len(str(message["content"]).encode()) // 4 + 8 for message in call.body.get("messages", []))
    if completion is None:
        completion = len((reaction.text or "").encode()) // 4 + 1
    return prompt, min(completion, call.max_tokens or completion)


def _completion(call: Call, reaction: Reaction, prompt: int, completion: int) -> bytes:
    message: dict[str, Any] = {"role": "assistant", "content": reaction.text, "refusal": reaction.refusal}
    choice: dict[str, Any] = {"index": 0, "message": message, "finish_reason": reaction.finish}
    if reaction.logprobs and call.body.get("logprobs"):
        choice["logprobs"] = {"content": [{"token": "x", "logprob": value} for value in reaction.logprobs]}
    document: dict[str, Any] = {
        "id": f"chatcmpl-{call.number}",
        "object": "chat.completion",
        "created": 0,
        "model": call.model,
        "choices": [choice],
    }
    if reaction.reports:
        usage: dict[str, Any] = {
            "prompt_tokens": prompt,
            "completion_tokens": completion,
            "total_tokens": prompt + completion,
        }
        if reaction.cost is not None:
            usage["cost"] = reaction.cost
        document["usage"] = usage
    return json.dumps(document).encode()
