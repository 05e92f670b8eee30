"""Shared memory whose size and, for inputs, whose content a worker cannot change."""

from __future__ import annotations

import fcntl
import mmap
import os

import pytest

from warploom.sandbox import buffers
from warploom.sandbox.buffers import SharedBuffer


def test_memory_starts_as_zeros_and_is_shared_through_the_descriptor() -> None:
    with SharedBuffer(5000) as buffer:
        assert buffer.memory[:] == bytes(5000)
        buffer.memory[:3] = b"abc"
        assert os.pread(buffer.fd, 3, 0) == b"abc"
        os.pwrite(buffer.fd, b"x", 4999)
        assert buffer.memory[4999:] == b"x"


def test_an_input_can_be_written_by_its_owners_view_alone() -> None:
    with SharedBuffer(4096) as buffer:
        reader = buffer.read_only_fd
        assert buffer.read_only_fd == reader
        buffer.memory[:2] = b"in"
        assert os.pread(reader, 2, 0) == b"in"
        reopened = os.open(f"/proc/self/fd/{reader}", os.O_RDWR)
        for descriptor in (reader, reopened, buffer.fd):
            with pytest.raises(OSError):
                mmap.mmap(descriptor, 4096, mmap.MAP_SHARED, mmap.PROT_READ | mmap.PROT_WRITE)
            with pytest.raises(OSError):
                os.pwrite(descriptor, b"no", 0)
            with pytest.raises(OSError):
                os.ftruncate(descriptor, 0)
        os.close(reopened)
        assert buffer.memory[:2] == b"in"


def test_asking_for_the_read_only_descriptor_is_what_makes_it_an_input() -> None:
    with SharedBuffer(4096) as output, SharedBuffer(4096) as source:
        assert source.read_only_fd >= 0
        assert (output.sealed, source.sealed) == (False, True)


def test_an_output_cannot_be_sealed_nor_become_an_input() -> None:
    """A worker that seals one would leave the next candidate a buffer it cannot map."""
    with SharedBuffer(4096) as output:
        reopened = os.open(f"/proc/self/fd/{output.fd}", os.O_RDWR)
        for descriptor in (output.fd, reopened):
            for seal in (0x8, 0x10):  # write, future write
                with pytest.raises(PermissionError):
                    fcntl.fcntl(descriptor, 1033, seal)
        os.close(reopened)
        mmap.mmap(output.fd, 4096, mmap.MAP_SHARED, mmap.PROT_READ | mmap.PROT_WRITE).close()
        with pytest.raises(ValueError, match="cannot be an input"):
            _ = output.read_only_fd


def test_its_size_is_fixed() -> None:
    with SharedBuffer(4096) as buffer:
        for size in (0, 8192):
            with pytest.raises(OSError):
                os.ftruncate(buffer.fd, size)


def test_closing_gives_every_descriptor_back() -> None:
    before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208
    buffer = SharedBuffer(64)
    assert buffer.read_only_fd >= 0
    buffer.close()
    buffer.close()
    assert len(os.listdir("/proc/self/fd")) == before  # noqa: PTH208


def test_an_empty_buffer_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one byte"):
        SharedBuffer(0)


def test_more_than_the_machine_has_is_refused_before_its_pages_are_taken() -> None:
    """Found: the kernel would have ended the whole judge."""
    assert buffers.available_bytes() > 1 << 20
    with pytest.raises(MemoryError, match="GB, more than this machine has left"):
        SharedBuffer(buffers.available_bytes() * 2)
