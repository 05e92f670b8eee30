"""The system calls a worker may make, as a seccomp program assembled here by hand.

What loading a library, OpenMP and C's memory and output need is allowed. What only an attack needs (new processes,
sockets, mounts, tracing, other processes' memory) ends the worker at once with SIGSYS, which its owner reads as a
broken limit. Everything else fails with EPERM, so that a library probing for a new system call goes on without it.
"""

from __future__ import annotations

import errno
import platform
import struct

_KILL, _ERRNO, _ALLOW = 0x80000000, 0x00050000, 0x7FFF0000
_LOAD, _JUMP_EQUAL, _JUMP_SET, _JUMP_GREATER_EQUAL, _AND, _RETURN = 0x20, 0x15, 0x45, 0x35, 0x54, 0x06
_NUMBER, _ARCHITECTURE, _ARGUMENTS = 0, 4, 16
_CLONE_THREAD = 0x00010000
_PROT_EXEC, _SPEC_ALLOW = 0x4, 0x4
_MAP_SHARED, _MAP_ANONYMOUS, _MAP_GROWSDOWN = 0x01, 0x20, 0x100

_ARCHITECTURES = {"x86_64": (0xC000003E, 0, 317), "aarch64": (0xC00000B7, 1, 277)}
"""Machine → audit number, column in the tables below, number of seccomp itself."""

_ALLOWED: dict[str, tuple[int | None, int | None]] = {
    "read": (0, 63), "write": (1, 64), "open": (2, None), "close": (3, 57), "stat": (4, None), "fstat": (5, 80),
    "lstat": (6, None), "poll": (7, None), "lseek": (8, 62), "munmap": (11, 215),
    "brk": (12, 214), "rt_sigaction": (13, 134), "rt_sigprocmask": (14, 135), "rt_sigreturn": (15, 139),
    "pread64": (17, 67), "pwrite64": (18, 68), "readv": (19, 65), "writev": (20, 66), "access": (21, None),
    "sched_yield": (24, 124), "mremap": (25, 216), "dup": (32, 23), "dup2": (33, None),
    "nanosleep": (35, 101), "getpid": (39, 172), "sendto": (44, 206), "recvfrom": (45, 207), "sendmsg": (46, 211),
    "recvmsg": (47, 212), "exit": (60, 93), "uname": (63, 160), "getcwd": (79, 17),
    "readlink": (89, None), "gettimeofday": (96, 169), "getrlimit": (97, 163), "getrusage": (98, 165),
    "sysinfo": (99, 179), "times": (100, 153), "getuid": (102, 174), "getgid": (104, 176), "geteuid": (107, 175),
    "getegid": (108, 177), "getppid": (110, 173), "sigaltstack": (131, 132), "arch_prctl": (158, None),
    "gettid": (186, 178), "time": (201, None), "futex": (202, 98), "sched_setaffinity": (203, 122),
    "sched_getaffinity": (204, 123), "getdents64": (217, 61), "set_tid_address": (218, 96),
    "restart_syscall": (219, 128), "fadvise64": (221, 223), "clock_gettime": (228, 113), "clock_getres": (229, 114),
    "clock_nanosleep": (230, 115), "exit_group": (231, 94), "openat": (257, 56), "newfstatat": (262, 79),
    "readlinkat": (267, 78), "faccessat": (269, 48), "ppoll": (271, 73), "set_robust_list": (273, 99),
    "get_robust_list": (274, 100), "dup3": (292, 24), "getcpu": (309, 168),
    "getrandom": (318, 278), "membarrier": (324, 283), "statx": (332, 291), "rseq": (334, 293),
    "faccessat2": (439, 439), "ftruncate": (77, 46), "unlink": (87, None), "unlinkat": (263, 35),
}  # fmt: skip

_DEADLY: dict[str, tuple[int | None, int | None]] = {
    "fork": (57, None), "vfork": (58, None), "execve": (59, 221), "execveat": (322, 281), "ptrace": (101, 117),
    "process_vm_readv": (310, 270), "process_vm_writev": (311, 271), "socket": (41, 198), "socketpair": (53, 199),
    "connect": (42, 203), "bind": (49, 200), "listen": (50, 201), "mount": (165, 40), "umount2": (166, 39),
    "pivot_root": (155, 41), "chroot": (161, 51), "unshare": (272, 97), "setns": (308, 268), "bpf": (321, 280),
    "perf_event_open": (298, 241), "add_key": (248, 217), "request_key": (249, 218), "keyctl": (250, 219),
    "userfaultfd": (323, 282), "init_module": (175, 105), "finit_module": (313, 273), "kexec_load": (246, 104),
    "io_uring_setup": (425, 425), "pidfd_getfd": (438, 438), "memfd_create": (319, 279), "shmget": (29, 194),
    "reboot": (169, 142), "open_by_handle_at": (304, 265),
}  # fmt: skip

_KILL_CALL, _TGKILL, _CLONE, _CLONE3, _MMAP = (62, 129), (234, 131), (56, 220), (435, 435), (9, 222)
_MPROTECT, _SECCOMP = (10, 226), (317, 277)
_FCNTL, _MADVISE, _PRLIMIT = (72, 25), (28, 233), (302, 261)

_FCNTL_COMMANDS = (0, 1, 2, 3, 4, 1030)
"""Duplicate and flags. Not the others: a sealed output is broken for the next candidate, and a descriptor with an owner
and a signal of its own (F_SETOWN, F_SETSIG) has the system send what ``kill`` may not, to others or to wake oneself."""

_ADVICE = (0, 1, 2, 3, 4, 8, 14, 15, 16, 17, 22, 23)
"""What concerns the worker's own mappings alone. Not MADV_PAGEOUT, MADV_COLD, MADV_COLLAPSE and MADV_REMOVE: those
throw shared pages out of the baseline's page tables too."""


def supported() -> bool:
    """Whether this machine's architecture has a table here."""
    return platform.machine() in _ARCHITECTURES


def seccomp_number() -> int:
    """Number of the system call that installs a filter."""
    return _ARCHITECTURES[platform.machine()][2]


def _instruction(code: int, value: int, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("<HBBI", code, if_true, if_false, value)


def _argument(index: int) -> int:
    """Offset of the low half of an argument (both architectures are little-endian)."""
    return _ARGUMENTS + 8 * index


def program(own_pid: int, machine: str | None = None) -> bytes:
    """The filter for a worker.

    Args:
        own_pid: the worker's process id as itself sees it: signals may go nowhere else.
        machine: ``platform.machine()`` of the worker, this one by default.

    Returns:
        Instructions of eight bytes each (``struct sock_filter``).
    """
    audit, column, _ = _ARCHITECTURES[machine or platform.machine()]
    no_permission = _instruction(_RETURN, _ERRNO | errno.EPERM)
    allow = _instruction(_RETURN, _ALLOW)
    kill = _instruction(_RETURN, _KILL)
    no_code = (_instruction(_LOAD, _argument(2)), _instruction(_JUMP_SET, _PROT_EXEC, 0, 1), no_permission)
    lines = [
        _instruction(_LOAD, _ARCHITECTURE),
        _instruction(_JUMP_EQUAL, audit, 1, 0),
        kill,
        _instruction(_LOAD, _NUMBER),
        _instruction(_JUMP_GREATER_EQUAL, 0x40000000, 0, 1),  # the x32 interface goes round the numbers below
        kill,
    ]

    def rule(number: int | None, *verdict: bytes) -> None:
        if number is not None:
            lines.extend((_instruction(_JUMP_EQUAL, number, 0, len(verdict)), *verdict))

    for numbers in _ALLOWED.values():
        rule(numbers[column], allow)
    for numbers in _DEADLY.values():
        rule(numbers[column], kill)
    rule(_CLONE3[column], _instruction(_RETURN, _ERRNO | errno.ENOSYS))  # its flags are out of sight: use clone
    rule(
        _CLONE[column],
        _instruction(_LOAD, _argument(0)),
        _instruction(_JUMP_SET, _CLONE_THREAD, 0, 1),
        allow,
        kill,
    )
    for number in (_KILL_CALL[column], _TGKILL[column]):
        rule(
            number,
            _instruction(_LOAD, _argument(0)),
            _instruction(_JUMP_EQUAL, own_pid, 0, 1),
            allow,
            no_permission,
        )
    for number, argument, values in (
        (_FCNTL[column], 1, _FCNTL_COMMANDS),
        (_MADVISE[column], 2, _ADVICE),
        (_PRLIMIT[column], 0, (0, own_pid)),
    ):
        tests = [_instruction(_JUMP_EQUAL, value, len(values) - at, 0) for at, value in enumerate(values)]
        rule(number, _instruction(_LOAD, _argument(argument)), *tests, no_permission, allow)
    rule(  # shared anonymous memory, and stacks, are counted by no limit on private memory
        _MMAP[column],
        _instruction(_LOAD, _argument(3)),
        _instruction(_JUMP_SET, _MAP_GROWSDOWN, 0, 1),
        _instruction(_RETURN, _ERRNO | errno.ENOMEM),
        _instruction(_AND, _MAP_SHARED | _MAP_ANONYMOUS),
        _instruction(_JUMP_EQUAL, _MAP_SHARED | _MAP_ANONYMOUS, 0, 1),
        _instruction(_RETURN, _ERRNO | errno.ENOMEM),
        _instruction(_JUMP_SET, _MAP_ANONYMOUS, 0, 3),  # code comes from files, or the sources are not what runs
        *no_code,
        allow,
    )
    rule(_MPROTECT[column], *no_code, allow)
    rule(  # one more filter may be laid on top, without a listener: it can only forbid
        _SECCOMP[column],
        _instruction(_LOAD, _argument(0)),
        _instruction(_JUMP_EQUAL, 1, 0, 3),
        _instruction(_LOAD, _argument(1)),
        _instruction(_AND, ~_SPEC_ALLOW & 0xFFFFFFFF),
        _instruction(_JUMP_EQUAL, 0, 1, 0),
        kill,
        allow,
    )
    lines.append(no_permission)
    return b"".join(lines)


def program_once_loaded(machine: str | None = None) -> bytes:
    """A second filter for when the artifact is loaded: from then on no code is mapped at all, from files neither.

    Args:
        machine: as for :func:`program`.
    """
    _, column, _ = _ARCHITECTURES[machine or platform.machine()]
    lines = (
        _instruction(_LOAD, _NUMBER),
        _instruction(_JUMP_EQUAL, _MMAP[column], 0, 3),
        _instruction(_LOAD, _argument(2)),
        _instruction(_JUMP_SET, _PROT_EXEC, 0, 1),
        _instruction(_RETURN, _ERRNO | errno.EPERM),
        _instruction(_RETURN, _ALLOW),
    )
    return b"".join(lines)
