"""Messages: what an honest worker says is understood, and nothing else is."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from warploom.sandbox import wire

Pair = tuple[socket.socket, socket.socket]


@pytest.fixture
def ends() -> Iterator[Pair]:
    ours, theirs = wire.pair()
    with ours, theirs:
        yield ours, theirs


def test_messages_keep_their_boundaries(ends: Pair) -> None:
    ours, theirs = ends
    wire.send(ours, "one")
    wire.send(ours, "two\nthree")
    assert theirs.recv(100) == b"one"
    assert theirs.recv(100) == b"two\nthree"


def test_descriptors_travel_beside_the_text(ends: Pair) -> None:
    ours, theirs = ends
    reader, writer = os.pipe()
    wire.send(ours, "take", [writer])
    text, received, _, _ = socket.recv_fds(theirs, 100, 4)
    assert text == b"take"
    os.write(received[0], b"through")
    assert os.read(reader, 100) == b"through"
    for descriptor in (reader, writer, *received):
        os.close(descriptor)


@pytest.mark.parametrize(("text", "descriptors"), [("x" * 65537, []), ("x", [0] * 201)])
def test_what_is_too_long_is_refused_before_it_is_sent(ends: Pair, text: str, descriptors: list[int]) -> None:
    with pytest.raises(ValueError, match="too long"):
        wire.send(ends[0], text, descriptors)
    assert wire.pending(ends[1]) == b""


def test_answers(ends: Pair) -> None:
    ours, theirs = ends
    theirs.send(b"token ok")
    assert wire.receive_reply(ours, "token") == wire.Reply()
    theirs.send(b"token failed load_error no such file")
    assert wire.receive_reply(ours, "token") == wire.Reply("load_error", "no such file")


@pytest.mark.parametrize(
    "words",
    [
        b"other ok",
        b"ok",
        b"token",
        b"token ok now",
        b"token yes",
        b"token failed",
        b"token failed ",
        b"token failed  x",
        b"\xff\xfe",
        b" ok",
        b"x" * 65537,
    ],
)
def test_anything_else_is_a_protocol_error(ends: Pair, words: bytes) -> None:
    ours, theirs = ends
    theirs.send(words)
    with pytest.raises(wire.ProtocolError):
        wire.receive_reply(ours, "token")


@settings(max_examples=100, deadline=None, database=None)
@given(st.binary(min_size=1, max_size=200))
def test_no_bytes_are_taken_for_an_answer_to_a_token_they_do_not_know(words: bytes) -> None:
    ours, theirs = wire.pair()
    with ours, theirs:
        theirs.send(words)
        with pytest.raises(wire.ProtocolError):
            wire.receive_reply(ours, "f00dfeedf00dfeed")


def test_a_hang_up_is_told_from_an_answer(ends: Pair) -> None:
    ours, theirs = ends
    theirs.close()
    with pytest.raises(EOFError):
        wire.receive_reply(ours, "token")


def test_what_nobody_asked_for_is_seen_and_left(ends: Pair) -> None:
    ours, theirs = ends
    assert wire.pending(ours) == b""
    theirs.send(b"early")
    assert wire.pending(ours) == b"early"
    assert wire.pending(ours) == b"early"


def test_the_kernel_vouches_for_the_sender_of_the_greeting(ends: Pair) -> None:
    ours, theirs = ends
    ours.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
    theirs.send(b"hello 2")
    assert wire.receive_hello(ours) == (os.getpid(), 2)


@pytest.mark.parametrize("words", [b"hello", b"hello me", b"bye 2", b"hello 2 3", b"hello -2", "hello ²".encode()])
def test_a_greeting_must_be_one(ends: Pair, words: bytes) -> None:
    ours, theirs = ends
    ours.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
    theirs.send(words)
    with pytest.raises(wire.ProtocolError):
        wire.receive_hello(ours)


def test_a_greeting_without_credentials_is_refused(ends: Pair) -> None:
    ours, theirs = ends
    theirs.send(b"hello 2")
    with pytest.raises(wire.ProtocolError, match="credentials"):
        wire.receive_hello(ours)


def test_a_greeting_from_before_credentials_were_asked_for_is_refused(ends: Pair) -> None:
    """The kernel then names process 0 as its sender; found under load, when workers were quicker than their owner."""
    ours, theirs = ends
    theirs.send(b"hello 2")
    ours.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
    with pytest.raises(wire.ProtocolError, match="credentials"):
        wire.receive_hello(ours)
