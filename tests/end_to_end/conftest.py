from __future__ import annotations

from collections.abc import Iterator

import pytest

from warploom.testing.browser import Browser, find_chromium


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """One for all tests of pages: starting it takes longer than most of them."""
    program = find_chromium()
    if program is None:
        pytest.skip("no Chromium here (Debian: apt-get install chromium)")
    with Browser(program) as running:
        yield running
