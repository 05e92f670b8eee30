"""The filter, run instruction by instruction here as the kernel would run it."""

from __future__ import annotations

import errno
import platform
import struct

import pytest

from warploom.sandbox import seccomp

KILL, ALLOW = 0x80000000, 0x7FFF0000
AUDIT = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
OWN_PID = 2


def refuse(number: int) -> int:
    return 0x00050000 | number


def verdict(program: bytes, audit: int, number: int, *arguments: int) -> int:
    """What a classic BPF program answers for a system call (``struct seccomp_data``)."""
    data = struct.pack("<IIQ6Q", number, audit, 0, *(*arguments, *[0] * (6 - len(arguments))))
    lines = [struct.unpack_from("<HBBI", program, at) for at in range(0, len(program), 8)]
    accumulator, at = 0, 0
    while True:
        code, if_true, if_false, value = lines[at]
        at += 1
        if code == 0x20:
            (accumulator,) = struct.unpack_from("<I", data, value)
        elif code == 0x54:
            accumulator &= value
        elif code == 0x06:
            return int(value)
        else:
            holds = {0x15: accumulator == value, 0x35: accumulator >= value, 0x45: bool(accumulator & value)}[code]
            at += if_true if holds else if_false


# machine → numbers of: read, mmap, munmap, futex, openat, clone, clone3, kill, tgkill, socket, execve, unshare, ioctl
NUMBERS = {
    "x86_64": (0, 9, 11, 202, 257, 56, 435, 62, 234, 41, 59, 272, 16),
    "aarch64": (63, 222, 215, 98, 56, 220, 435, 129, 131, 198, 221, 97, 29),
}
THREAD_FLAGS = 0x3D0F00


@pytest.mark.parametrize("machine", NUMBERS)
def test_verdicts(machine: str) -> None:
    program = seccomp.program(OWN_PID, machine)
    read, mmap, munmap, futex, openat, clone, clone3, kill, tgkill, socket, execve, unshare, ioctl = NUMBERS[machine]

    def ask(number: int, *arguments: int) -> int:
        return verdict(program, AUDIT[machine], number, *arguments)

    for number in (read, munmap, futex, openat):
        assert ask(number) == ALLOW
    for number in (socket, execve, unshare):
        assert ask(number) == KILL
    assert ask(ioctl) == refuse(errno.EPERM)
    assert ask(9999) == refuse(errno.EPERM)
    assert ask(clone, THREAD_FLAGS) == ALLOW
    assert ask(clone, 17) == KILL
    assert ask(clone3) == refuse(errno.ENOSYS)
    for number in (kill, tgkill):
        assert ask(number, OWN_PID) == ALLOW
        for other in (1, 0, 0xFFFFFFFF):
            assert ask(number, other) == refuse(errno.EPERM)
    assert ask(mmap, 0, 4096, 3, 0x22) == ALLOW  # private, anonymous
    assert ask(mmap, 0, 4096, 3, 0x01) == ALLOW  # shared, of a file
    assert ask(mmap, 0, 4096, 3, 0x21) == refuse(errno.ENOMEM)
    assert ask(mmap, 0, 4096, 3, 0x23) == refuse(errno.ENOMEM)
    assert ask(mmap, 0, 4096, 3, 0x122) == refuse(errno.ENOMEM)  # private, anonymous, a stack


# machine → numbers of: mmap, mprotect, read
MAPPING = {"x86_64": (9, 10, 0), "aarch64": (222, 226, 63)}


@pytest.mark.parametrize("machine", MAPPING)
def test_code_comes_from_files_and_after_loading_from_nowhere(machine: str) -> None:
    """Memory that was written cannot be run: what runs is what was built from the sources."""
    before, after = seccomp.program(OWN_PID, machine), seccomp.program_once_loaded(machine)
    mmap, mprotect, read = MAPPING[machine]
    assert verdict(before, AUDIT[machine], mmap, 0, 4096, 5, 0x02) == ALLOW  # a library's text
    assert verdict(before, AUDIT[machine], mmap, 0, 4096, 7, 0x22) == refuse(errno.EPERM)
    assert verdict(before, AUDIT[machine], mprotect, 0, 4096, 3) == ALLOW
    for protection in (4, 5, 7):
        assert verdict(before, AUDIT[machine], mprotect, 0, 4096, protection) == refuse(errno.EPERM)
        assert verdict(after, AUDIT[machine], mmap, 0, 4096, protection, 0x02) == refuse(errno.EPERM)
    assert verdict(after, AUDIT[machine], mmap, 0, 4096, 3, 0x01) == ALLOW
    assert verdict(after, AUDIT[machine], read) == ALLOW


# machine → number of seccomp
FILTERING = {"x86_64": 317, "aarch64": 277}


@pytest.mark.parametrize("machine", FILTERING)
def test_a_filter_may_be_laid_on_top_but_not_listen(machine: str) -> None:
    program = seccomp.program(OWN_PID, machine)
    for operation in range(4):
        for flags in range(32):
            wanted = ALLOW if operation == 1 and flags in (0, 4) else KILL
            assert verdict(program, AUDIT[machine], FILTERING[machine], operation, flags) == wanted


# machine → numbers of: fcntl, madvise, prlimit64
WITH_COMMANDS = {"x86_64": (72, 28, 302), "aarch64": (25, 233, 261)}


@pytest.mark.parametrize("machine", WITH_COMMANDS)
def test_commands_within_a_call_are_told_apart(machine: str) -> None:
    program = seccomp.program(OWN_PID, machine)
    fcntl, madvise, prlimit = WITH_COMMANDS[machine]

    def ask(number: int, *arguments: int) -> int:
        return verdict(program, AUDIT[machine], number, *arguments)

    for command in range(2000):  # duplicate, flags; not owner 8, signal 10, seals 1033
        assert ask(fcntl, 5, command) == (ALLOW if command in (0, 1, 2, 3, 4, 1030) else refuse(errno.EPERM))
    for advice in (0, 4, 8, 14):  # none, not needed, free, huge pages
        assert ask(madvise, 0, 4096, advice) == ALLOW
    for advice in (9, 12, 20, 21, 25, 100, 101):  # remove, merge, cold, page out, collapse, poison
        assert ask(madvise, 0, 4096, advice) == refuse(errno.EPERM)
    for pid in (0, OWN_PID):
        assert ask(prlimit, pid) == ALLOW
    for pid in (1, 77, 0xFFFFFFFF):
        assert ask(prlimit, pid) == refuse(errno.EPERM)


def test_other_interfaces_to_the_kernel_are_closed() -> None:
    program = seccomp.program(OWN_PID, "x86_64")
    assert verdict(program, 0x40000003, 0) == KILL  # 32 bits
    assert verdict(program, AUDIT["x86_64"], 0x40000000) == KILL  # x32


def test_no_number_is_both_allowed_and_deadly() -> None:
    for column in (0, 1):
        allowed = {numbers[column] for numbers in seccomp._ALLOWED.values()} - {None}
        deadly = {numbers[column] for numbers in seccomp._DEADLY.values()} - {None}
        assert not allowed & deadly


@pytest.mark.skipif(platform.machine() != "x86_64", reason="compares with this machine's headers, x86-64 only")
def test_numbers_are_the_systems_own() -> None:
    """Against the header of this machine, where it is installed."""
    try:
        with open("/usr/include/x86_64-linux-gnu/asm/unistd_64.h") as file:  # noqa: PTH123
            numbers = dict(line.split()[1:3] for line in file if line.startswith("#define __NR_"))
    except OSError:
        pytest.skip("the kernel's headers are not installed")
    for name, (number, _) in {**seccomp._ALLOWED, **seccomp._DEADLY}.items():
        if number is not None and f"__NR_{name}" in numbers:
            assert int(numbers[f"__NR_{name}"]) == number, name


def test_numbers_of_the_other_architecture_are_the_generic_ones() -> None:
    """Against the generic table, where the kernel's headers are installed."""
    try:
        with open("/usr/include/asm-generic/unistd.h") as file:  # noqa: PTH123
            words = [line.split() for line in file if line.startswith("#define __NR")]
    except OSError:
        pytest.skip("the kernel's headers are not installed")
    numbers = {word[1].removeprefix("__NR3264_").removeprefix("__NR_"): word[2] for word in words if len(word) > 2}
    same = {"newfstatat": "fstatat"}
    for name, (_, number) in {**seccomp._ALLOWED, **seccomp._DEADLY}.items():
        known = numbers.get(same.get(name, name), "")
        if number is not None and known.isdigit():
            assert int(known) == number, name
