"""How long to wait before the next attempt.

Method: exponential backoff with full jitter (Brooker 2015, "Exponential backoff and jitter"), and never before the
moment the server names in ``Retry-After``.
"""

from __future__ import annotations

import email.utils
import random
from dataclasses import dataclass
from datetime import UTC, datetime


@dataclass(frozen=True)
class Patience:
    """How long an answer may take.

    Attributes:
        attempts: HTTP requests for one answer at most.
        before_contact: the same while this server has never answered: a wrong address is said soon.
        attempt_seconds: one attempt at most.
        total_seconds: all attempts and the waits between them.
        first_wait_seconds: upper end of the first wait; it doubles with each attempt.
        longest_wait_seconds: upper end of any wait that the server did not ask for.
    """

    attempts: int = 6
    before_contact: int = 2
    attempt_seconds: float = 300.0
    total_seconds: float = 900.0
    first_wait_seconds: float = 1.0
    longest_wait_seconds: float = 60.0

    def wait_seconds(self, attempt: int, retry_after: float | None, rng: random.Random) -> float:
        """Seconds before the next attempt.

        Args:
            attempt: attempts made so far, from 1.
            retry_after: what the server asks for; None when it does not.
            rng: of the jitter.
        """
        longest = min(self.longest_wait_seconds, self.first_wait_seconds * 2.0 ** (attempt - 1))
        return (retry_after or 0.0) + rng.uniform(0.0, longest)


def retry_after_seconds(text: str | None, now: datetime | None = None) -> float | None:
    """Seconds that a ``Retry-After`` header asks for: a number, or a date.

    Args:
        text: the header; None when there was none.
        now: the moment, for tests.

    Returns:
        None where it says nothing that can be understood.
    """
    if text is None:
        return None
    try:
        seconds = float(text)
    except ValueError:
        try:
            date = email.utils.parsedate_to_datetime(text)
        except ValueError:
            return None
        aware = date if date.tzinfo is not None else date.replace(tzinfo=UTC)
        seconds = max(0.0, (aware - (now or datetime.now(UTC))).total_seconds())
    return seconds if 0.0 <= seconds < float("inf") else None
