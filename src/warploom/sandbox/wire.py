"""Messages between a worker and its owner: short texts over a socket that keeps message boundaries.

Owner to worker: ``verb token`` on the first line, one item a line after it, descriptors beside it.
Worker to owner: ``token ok`` or ``token failed kind text``. The token is drawn anew for every message, so a
reply cannot be prepared ahead of the question. Nothing a worker says is believed but that it is done.
"""

from __future__ import annotations

import array
import socket
import struct
from collections.abc import Sequence
from dataclasses import dataclass

MESSAGE_BYTES = 64 * 1024
"""Longest message in either direction."""

DESCRIPTORS = 200
"""Most descriptors beside one message (the kernel's own limit is 253)."""

CREDENTIALS_BYTES = struct.calcsize("3i")


class ProtocolError(Exception):
    """The worker said something that no honest worker says."""


@dataclass(frozen=True)
class Reply:
    """What a worker answered: ``kind`` is "" when all went well."""

    kind: str = ""
    text: str = ""


def pair() -> tuple[socket.socket, socket.socket]:
    """The two ends: the owner's, then the worker's."""
    return socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)


def send(channel: socket.socket, text: str, descriptors: Sequence[int] = ()) -> None:
    """Send one message."""
    data = text.encode()
    if len(data) > MESSAGE_BYTES or len(descriptors) > DESCRIPTORS:
        raise ValueError(f"message of {len(data)} bytes with {len(descriptors)} descriptors is too long")
    if descriptors:
        channel.sendmsg([data], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", descriptors))])
    else:
        channel.send(data)


def receive_hello(channel: socket.socket) -> tuple[int, int]:
    """The worker's first message: its process id as the kernel tells it here, and as the worker sees it.

    Raises:
        ProtocolError: it is not a greeting.
        EOFError: the worker is gone.
    """
    data, extra, _, _ = channel.recvmsg(256, socket.CMSG_SPACE(CREDENTIALS_BYTES))
    if not data:
        raise EOFError
    words = data.split()
    if len(words) != 2 or words[0] != b"hello" or not words[1].isdigit():
        raise ProtocolError(f"expected a greeting, got {data[:80]!r}")
    sender = sender_of(extra)
    if not sender:
        raise ProtocolError("the greeting came without the sender's credentials")
    return sender, int(words[1])


def sender_of(extra: Sequence[tuple[int, int, bytes]]) -> int:
    """Who sent a message, as the kernel tells it here, from what came beside it; 0 where it does not say.

    That is so when it was sent before anybody asked for credentials, or by nobody in this namespace.
    """
    for level, kind, content in extra:
        if level == socket.SOL_SOCKET and kind == socket.SCM_CREDENTIALS:
            return max(0, int(struct.unpack("3i", content[:CREDENTIALS_BYTES])[0]))
    return 0


def receive_reply(channel: socket.socket, token: str) -> Reply:
    """The answer to the message that carried this token.

    Raises:
        ProtocolError: it is malformed, or an answer to something else.
        EOFError: the worker is gone.
    """
    data, _, flags, _ = channel.recvmsg(MESSAGE_BYTES)
    if not data:
        raise EOFError
    if flags & socket.MSG_TRUNC:
        raise ProtocolError(f"a message longer than {MESSAGE_BYTES} bytes")
    head, _, rest = data.decode(errors="replace").partition(" ")
    if head != token:
        raise ProtocolError(f"an answer to a question that was not asked: {data[:80]!r}")
    verb, _, rest = rest.partition(" ")
    if verb == "ok" and not rest:
        return Reply()
    if verb == "failed":
        kind, _, text = rest.partition(" ")
        if kind:
            return Reply(kind, text)
    raise ProtocolError(f"neither ok nor failed: {data[:80]!r}")


def pending(channel: socket.socket) -> bytes:
    """Bytes of a message nobody asked for, b"" when there is none."""
    try:
        return channel.recv(80, socket.MSG_PEEK | socket.MSG_DONTWAIT)
    except BlockingIOError:
        return b""
