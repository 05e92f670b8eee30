"""Ways to shut a worker in, and the choice among them."""

from __future__ import annotations

import ctypes
import functools
import os
import secrets
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from warploom.sandbox import seccomp
from warploom.sandbox.limits import Limits
from warploom.sandbox.runtime import WORKER, find_runtime
from warploom.sandbox.threads import openmp

ARTIFACT = "/kernel.so"
"""Where a worker in bubblewrap finds its artifact."""

_MISSING_FILTER = () if seccomp.supported() else ("system calls: no filter for this architecture",)
_GUARDS_TRUNCATION = 3  # the first version of Landlock that does
_FIRST_USER = 1_000_000_000  # user ids from here on belong to nobody


@dataclass(frozen=True)
class Jail:
    """One way to shut a worker in.

    Attributes:
        name: "bubblewrap" or "rlimits".
        gaps: what this one does not protect, a phrase each.
        bubblewrap: path of ``bwrap``; "" without it.
        own_user: every worker runs as a user of its own (needs root).
        user_namespace: bubblewrap makes a user namespace (the way without root).
        landlock: version of Landlock that stands in for private mounts, 0 for none.
    """

    name: str
    gaps: tuple[str, ...]
    bubblewrap: str = ""
    own_user: bool = False
    user_namespace: bool = True
    landlock: int = 0

    def command(self, channel_fd: int, artifact_fd: int, limits: Limits) -> list[str]:
        """Arguments that start a worker.

        Args:
            channel_fd: inherited descriptor of the worker's end of the channel.
            artifact_fd: inherited descriptor of the artifact, of which bubblewrap makes a read-only copy inside.
            limits: for the size of the private ``/tmp``.
        """
        if not self.bubblewrap:
            return [find_runtime().interpreter, "-I", "-S", "-E", str(WORKER), str(channel_fd)]
        inside = [
            "--perms",
            "0555",
            "--ro-bind-data",
            str(artifact_fd),
            ARTIFACT,
            "--ro-bind",
            str(WORKER),
            "/worker.py",
        ]
        return self._bubblewrap(inside, limits, ["/worker.py", str(channel_fd)])

    def _bubblewrap(self, inside: list[str], limits: Limits, arguments: list[str]) -> list[str]:
        runtime = find_runtime()
        namespaces = ["--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts", "--unshare-cgroup-try"]
        if self.user_namespace:
            namespaces.append("--unshare-user")
        words = [self.bubblewrap, *namespaces, "--die-with-parent", "--new-session", "--cap-drop", "ALL"]
        if self.own_user:
            words += ["--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID"]
        words += ["--perms", "1777", "--size", str(limits.file_bytes), "--tmpfs", "/tmp"]
        seen = (runtime.interpreter, *runtime.standard_library, *runtime.libraries)
        for directory in sorted({str(parent) for path in seen for parent in Path(path).parents} - {"/", "/tmp"}):
            words += ["--perms", "0755", "--dir", directory]  # else bubblewrap makes them for the owner alone
        for path in seen:
            words += ["--ro-bind", os.path.realpath(path), path]
        for path in runtime.site_packages:
            words += ["--perms", "0555", "--size", "4096", "--tmpfs", path, "--remount-ro", path]
        words += ["--perms", "0755", "--dir", "/dev"]
        for device in ("/dev/null", "/dev/zero", "/dev/urandom"):
            words += ["--dev-bind", device, device]
        # LLVM's OpenMP registers itself in shared memory and ends the process where there is none.
        words += ["--perms", "1777", "--size", str(limits.file_bytes), "--tmpfs", "/dev/shm"]
        words += inside
        # The root is a tmpfs without a size: nothing may grow in it. There is no /proc at all, so no descriptor
        # can be opened again with more rights and no other process be looked at.
        words += ["--remount-ro", "/", "--chdir", "/tmp", "--"]
        return [*words, runtime.interpreter, "-I", "-S", "-E", *arguments]

    def environment(self) -> dict[str, str]:
        """The whole environment of a worker.

        Threads as the reference has them, see :func:`warploom.sandbox.threads.openmp`. Scratch memory stays with the
        process, or each call pays its page faults again.
        """
        return {
            "LD_LIBRARY_PATH": find_runtime().library_path,
            **openmp(),
            "OMP_DYNAMIC": "false",
            "MALLOC_MMAP_MAX_": "0",
            "MALLOC_TRIM_THRESHOLD_": str(1 << 40),
            "MALLOC_TOP_PAD_": str(64 << 20),
        }

    def user(self) -> int | None:
        """A user id for one worker, None where it keeps the owner's."""
        return _FIRST_USER + secrets.randbelow(1_000_000_000) if self.own_user else None

    def works(self) -> str:
        """Try it once: "" when a worker's interpreter starts in it, else what it said."""
        code = "import ctypes,_socket,resource"
        user = self.user()
        if user is not None:
            code += f";import os;os.setgroups([]);os.setresgid({user},{user},{user});os.setresuid({user},{user},{user})"
        if self.bubblewrap:
            words = self._bubblewrap([], Limits(), ["-c", code])
        else:
            words = [find_runtime().interpreter, "-I", "-S", "-E", "-c", code]
        try:
            done = subprocess.run(words, capture_output=True, timeout=30, env=self.environment(), check=False)
        except (OSError, subprocess.SubprocessError) as error:
            return str(error)
        return (
            "" if done.returncode == 0 else done.stderr.decode(errors="replace").strip()[-300:] or str(done.returncode)
        )


def landlock_version() -> int:
    """Version of the kernel's Landlock, 0 where there is none."""
    return max(0, int(ctypes.CDLL(None).syscall(444, None, 0, 1)))


def bare_jail(reason: str, own_user: bool) -> Jail:
    """What the system offers without bubblewrap: limits, the filter, a scrubbed environment, Landlock where it exists.

    Args:
        reason: why bubblewrap is not used.
        own_user: whether each worker can run as a user of its own.
    """
    version = landlock_version()
    gaps = [f"bubblewrap: {reason}"]
    if not version and own_user:
        gaps.append("files: a candidate can read what every user may read, and write where every user may write")
    elif not version:
        gaps.append("files: a candidate can read and write what you may")
    elif version < _GUARDS_TRUNCATION:
        gaps.append("files: a candidate can empty those of the interpreter that you may write to")
    if not own_user:
        gaps.append("threads: their number is bounded by memory alone")
        gaps.append("cores: a candidate can bind your processes to cores")  # a thread's number looks like a process's
    return Jail("rlimits", (*gaps, *_MISSING_FILTER), own_user=own_user, user_namespace=False, landlock=version)


def bubblewrap_jails(path: str) -> tuple[Jail, ...]:
    """The ways of using bubblewrap that this user has, the strictest first.

    Args:
        path: of ``bwrap``.
    """
    if os.geteuid() != 0:
        return (Jail("bubblewrap", _MISSING_FILTER, path),)
    # The kernel never counts the threads of real root, whatever user a namespace calls it.
    uncounted = ("threads: their number is bounded by memory alone", *_MISSING_FILTER)
    return (
        Jail("bubblewrap", _MISSING_FILTER, path, own_user=True, user_namespace=False),
        Jail("bubblewrap", uncounted, path),
    )


@functools.cache
def find_jail() -> Jail:
    """The strictest jail that really works here, tried once in this process."""
    path = shutil.which("bwrap")
    reason = "not installed (Debian, Ubuntu: apt install bubblewrap)"
    for jail in bubblewrap_jails(path) if path else ():
        reason = jail.works()
        if not reason:
            return jail
    return bare_jail(reason, own_user=os.geteuid() == 0 and not bare_jail(reason, own_user=True).works())
