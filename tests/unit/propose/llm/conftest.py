from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from warploom.propose.llm.access import Access
from warploom.propose.llm.caller import Caller
from warploom.propose.llm.client import Client
from warploom.propose.llm.retry import Patience
from warploom.testing.chat_server import ChatServer, React

QUICK = Patience(attempt_seconds=30.0, total_seconds=120.0, first_wait_seconds=0.001, longest_wait_seconds=0.002)


@pytest.fixture
def serve() -> Iterator[Callable[[React], ChatServer]]:
    running: list[ChatServer] = []

    def start(react: React) -> ChatServer:
        running.append(ChatServer(react))
        return running[-1].__enter__()

    yield start
    for server in running:
        server.__exit__(None, None, None)


@pytest.fixture
def client_of() -> Callable[..., Client]:
    def make(server: ChatServer, seconds: float = 30.0, key: str = "sk-test") -> Client:
        return Client(lambda: Access(server.base_url, key), seconds)

    return make


@pytest.fixture
def caller_of() -> Callable[..., Caller]:
    def make(server: ChatServer, patience: Patience = QUICK, concurrent: int = 8) -> Caller:
        return Caller(
            Client(lambda: Access(server.base_url, "sk-test"), patience.attempt_seconds), patience, concurrent
        )

    return make
