"""States of a run in its journal: a cache, of which the newest two are kept."""

from __future__ import annotations

import json
import zlib
from typing import Any

from warploom.archive.database import Store

_KEPT = 2


def save(store: Store, number: int, state: dict[str, Any]) -> None:
    """Keep a state as of the event of this number, and forget all but the newest two."""
    body = zlib.compress(json.dumps(state, separators=(",", ":")).encode(), 1)
    with store.transaction() as database:
        database.execute("INSERT OR REPLACE INTO snapshots VALUES(?, ?)", (number, body))
        newest = f"SELECT seq FROM snapshots ORDER BY seq DESC LIMIT {_KEPT}"
        database.execute(f"DELETE FROM snapshots WHERE seq NOT IN ({newest})")


def newest(store: Store) -> tuple[int, dict[str, Any]] | None:
    """The newest state that can be read, and the number of the event it stands after."""
    for number, body in store.rows("SELECT seq, body FROM snapshots ORDER BY seq DESC"):
        try:
            return number, json.loads(zlib.decompress(body))
        except (zlib.error, ValueError, TypeError):
            continue
    return None
