"""``python -m warploom``: the same as the ``warploom`` command."""

from __future__ import annotations

from warploom.cli.main import main

main()
