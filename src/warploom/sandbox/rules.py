"""The rules a worker puts on itself before it loads anything, as lines of its load message."""

from __future__ import annotations

import os
import resource

from warploom.sandbox import seccomp
from warploom.sandbox.jail import Jail
from warploom.sandbox.limits import Limits
from warploom.sandbox.runtime import find_runtime
from warploom.sandbox.wire import DESCRIPTORS

_READ = (1 << 0) | (1 << 2) | (1 << 3)  # execute, read a file, list a directory
_SPACE_BYTES = 64 << 30  # of addresses: a page touched in every 2 MiB of them costs 128 MiB of page tables
_STACK_BYTES = 64 << 20  # of the main thread, where the owner's own bound is no lower; RLIMIT_DATA does not count it
_OWN_BYTES = 192 << 20  # the interpreter with its heap padding and the stacks of an idle team


def confinement(jail: Jail, limits: Limits, user: int | None, own_pid: int, artifact: str) -> list[str]:
    """Lines for the worker, in the order in which they must be obeyed.

    Private memory is bounded by RLIMIT_DATA: staged buffers are shared mappings whose size is the problem's business,
    and the filter refuses the mappings that would get round it. RLIMIT_AS is generous; it bounds the page tables of
    mappings that hold nothing.

    Args:
        jail: which shuts it in.
        limits: what it may use up.
        user: the user id to become, or None.
        own_pid: its process id as itself sees it.
        artifact: path of the shared object as it sees it.
    """
    lines = []
    if jail.landlock:  # first: the user to come may not reach the interpreter's folder any more
        lines.append(_landlock(jail.landlock, artifact))
    if user is not None:
        lines.append(f"user {user}")
    if not jail.bubblewrap:
        lines.append(f"parent {os.getpid()}")
    stack = min((one for one in resource.getrlimit(resource.RLIMIT_STACK) if one >= 0), default=_STACK_BYTES)
    bounds = [
        (resource.RLIMIT_DATA, limits.memory_bytes + _OWN_BYTES, 0),
        (resource.RLIMIT_AS, limits.memory_bytes + _SPACE_BYTES, 0),
        (resource.RLIMIT_STACK, min(stack, _STACK_BYTES), 0),
        (resource.RLIMIT_CPU, limits.cpu_seconds, 1),  # the soft one names itself by SIGXCPU, the hard one kills
        (resource.RLIMIT_FSIZE, limits.file_bytes, 0),
        (resource.RLIMIT_CORE, 0, 0),
        (resource.RLIMIT_NOFILE, DESCRIPTORS + 56, 0),
    ]
    if user is not None or jail.bubblewrap:  # else it would count the owner's other processes too
        bounds.append((resource.RLIMIT_NPROC, limits.processes, 0))
    lines += [f"limit {kind} {bound} {bound + extra}" for kind, bound, extra in bounds]
    if seccomp.supported():
        number = seccomp.seccomp_number()
        lines.append(f"filter {number} {seccomp.program(own_pid).hex()}")
        lines.append(f"loaded {number} {seccomp.program_once_loaded().hex()}")
    return lines


def _landlock(version: int, artifact: str) -> str:
    """The line that leaves only the runtime and the artifact to be opened, see the kernel's landlock(7)."""
    files = (1 << 13) - 1  # the rights of version 1; each later version added one kind
    files |= (1 << 13 if version >= 2 else 0) | (1 << 14 if version >= 3 else 0) | (1 << 15 if version >= 5 else 0)
    handled = [files, *([3] if version >= 4 else []), *([3] if version >= 6 else [])]  # files, network, scopes
    runtime = find_runtime()
    paths = [*runtime.standard_library, *(os.path.realpath(path) for path in runtime.libraries), artifact]
    words = [_READ, len(handled), *handled, *(os.fsencode(path).hex() for path in paths)]
    return "landlock " + " ".join(str(word) for word in words)
