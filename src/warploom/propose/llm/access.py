"""Where the server is and with which key: from the options, the environment, or ``.env`` in the working directory.

The key stays in this process: it is in no file, no record, no message and no child's environment.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from warploom.errors import ModelError

KEY = "OPENAI_API_KEY"
BASE_URL = "OPENAI_BASE_URL"
MODEL = "OPENAI_MODEL"
NAMES = (KEY, BASE_URL, MODEL)
DEFAULT_URL = "https://api.openai.com/v1"
NO_KEY = "none"
"""Sent to servers that need no key; the client insists on one."""

REDACTED = "[key]"
SHORTEST_SECRET = 6
"""Shorter keys are words such as "none": they are not looked for in what servers say."""


@dataclass(frozen=True)
class Access:
    """A server and the key to it; the key is not shown."""

    base_url: str
    key: str = field(repr=False)

    def redact(self, text: str) -> str:
        """The text without the key: some servers repeat it."""
        return text.replace(self.key, REDACTED) if len(self.key) >= SHORTEST_SECRET else text


def find_access(base_url: str = "", folder: Path = Path()) -> Access:
    """The server of this address, or of the environment, and the key to it.

    Args:
        base_url: "" for the one of the environment or ``.env``, else OpenAI's.
        folder: where ``.env`` is looked for.

    Raises:
        ModelError: no key for a server that needs one, or a key or address that cannot be used.
    """
    found = settings(folder)
    address = checked_url(base_url or found.get(BASE_URL, "") or DEFAULT_URL)
    key = found.get(KEY, "").strip()
    if not key and address == DEFAULT_URL:
        raise ModelError(
            f"no key for {address}: set {KEY} in the environment or in .env, "
            "or give --base-url of a server that needs none"
        )
    if not (key.isascii() and key.isprintable()) or " " in key:
        raise ModelError(f"{KEY} holds characters that no key has")
    return Access(address, key or NO_KEY)


def has_access(base_url: str = "", folder: Path = Path()) -> bool:
    """Whether there is a key, or an address other than OpenAI's."""
    found = settings(folder)
    return bool(found.get(KEY, "").strip() or base_url or found.get(BASE_URL, ""))


def checked_url(text: str) -> str:
    """The address without a closing slash.

    Raises:
        ModelError: it is none, or holds a password or key: it would be recorded with the run.
    """
    try:
        parts = urlsplit(text)
        usable = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable or not text.isprintable() or " " in text:
        raise ModelError(f"--base-url {text!r} is no address; it looks like http://127.0.0.1:8000/v1")
    if parts.username is not None or parts.password is not None or parts.query:
        raise ModelError(f"--base-url must not hold a password or key, since it is recorded: put that in {KEY}")
    return text.rstrip("/")


def settings(folder: Path = Path(), environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Key, address and model as the environment gives them, and ``.env`` where the environment does not.

    Raises:
        ModelError: ``.env`` cannot be read.
    """
    found: dict[str, str] = {}
    path = folder / ".env"
    if path.is_file():
        try:
            lines = path.read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
            raise ModelError(f"cannot read {path}: {reason}") from None
        for line in lines:
            name, separator, value = line.strip().removeprefix("export ").partition("=")
            if separator and name.strip() in NAMES:
                found[name.strip()] = _value(value.strip())
    return found | {name: environment[name] for name in NAMES if environment.get(name)}


def _value(text: str) -> str:
    """Without quotes, or without the remark behind it."""
    if len(text) >= 2 and text[0] in "\"'" and text[0] in text[1:]:
        return text[1 : text.index(text[0], 1)]
    return text.split(" #", 1)[0].strip()
