"""Which mappings of files a process has used."""

from __future__ import annotations

import mmap
import os
from pathlib import Path

import pytest

from warploom.sandbox import pages


def test_what_was_used_since_it_was_told_to_forget(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(bytes(4 * mmap.PAGESIZE))
    inode = path.stat().st_ino
    with path.open("rb") as file:
        first = mmap.mmap(file.fileno(), mmap.PAGESIZE, mmap.MAP_SHARED, mmap.PROT_READ, offset=0)
        third = mmap.mmap(file.fileno(), mmap.PAGESIZE, mmap.MAP_SHARED, mmap.PROT_READ, offset=2 * mmap.PAGESIZE)
        _ = first[0], third[0]
        if not pages.forget(os.getpid()):
            pytest.skip("this system does not tell which pages were used")
        used = pages.touched(os.getpid())
        assert used is not None
        assert {part for part in used if part[0] == inode} == set()
        _ = third[7]
        used = pages.touched(os.getpid())
        assert used is not None
        assert {part for part in used if part[0] == inode} == {(inode, 2 * mmap.PAGESIZE)}
        first.close()
        third.close()


def test_of_a_process_that_is_gone_nothing_is_known() -> None:
    assert not pages.forget(2**22 + 1)
    assert pages.touched(2**22 + 1) is None
