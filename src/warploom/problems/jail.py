"""Where imported programs run: they see Python, its packages, the compiler and their own file, and nothing else.

Under bubblewrap: no network, no process but its own, no environment but a handful of settings, files read-only from a
whitelist, a private ``/tmp`` of bounded size, and that in memory. What they build with ``torch.compile`` lies there and
is gone with them, so nothing that one leaves is ever loaded by another. Of ``/proc`` and ``/sys`` there is what the
processor is, so that PyTorch uses it as it does outside. What a jail costs is a start, and no time after that.
"""

from __future__ import annotations

import functools
import os
import secrets
import shutil
import site
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import warploom
from warploom.errors import ProblemError

CONFINED = Path(__file__).with_name("confined.py")
SCRATCH = "/tmp/inductor"
"""Where ``torch.compile`` keeps what it built, as seen inside."""

_SCRATCH_BYTES = 1 << 30  # of the private /tmp
_SHARED_BYTES = 64 << 20
_FILE_BYTES = 512 << 20
_PROCESSES = 1024
_LEAST_BYTES = 4 << 30
_FIRST_USER = 1_000_000_000  # user ids from here on belong to nobody
_VENV = ("bin", "lib", "lib64", "include", "pyvenv.cfg")  # a virtual environment may lie around a whole project
_FACTS = ("/proc/cpuinfo", "/proc/meminfo", "/sys/devices/system/cpu", "/sys/devices/system/node")
_PARENTS = ("/etc", "/proc", "/sys", "/sys/devices", "/sys/devices/system")
_KEPT = ("LD_LIBRARY_PATH", "CC", "CXX", "TORCHINDUCTOR_VEC_ISA_OK")  # what torch.compile builds with
# Should memory run out all the same, the kernel ends these first.
_FIRST_TO_GO = 'echo 500 > /proc/self/oom_score_adj 2> /dev/null; exec "$@"'


@dataclass(frozen=True)
class ForeignJail:
    """One way to shut a program in.

    Attributes:
        bubblewrap: path of ``bwrap``.
        own_user: every process runs as a user of its own (needs root).
        user_namespace: bubblewrap makes a user namespace (the way without root).
    """

    bubblewrap: str
    own_user: bool
    user_namespace: bool

    def command(self, arguments: Sequence[str], shown: Sequence[Path] = ()) -> list[str]:
        """The words that start ``python ARGUMENTS…`` inside.

        Args:
            arguments: for the interpreter.
            shown: files that it may read besides what every program sees.
        """
        words = ["/bin/sh", "-c", _FIRST_TO_GO, "sh", self.bubblewrap]
        words += ["--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts", "--unshare-cgroup-try"]
        words += ["--unshare-user"] if self.user_namespace else []
        words += ["--die-with-parent", "--new-session", "--cap-drop", "ALL"]
        words += ["--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID"] if self.own_user else []
        for directory in _PARENTS:
            words += ["--perms", "0755", "--dir", directory]
        words += ["--ro-bind", "/usr", "/usr", *_system()]
        words += ["--dev", "/dev", "--perms", "1777", "--size", str(_SHARED_BYTES), "--tmpfs", "/dev/shm"]
        words += ["--perms", "1777", "--size", str(_SCRATCH_BYTES), "--tmpfs", "/tmp"]
        paths = [*_python(), *map(str, shown)]
        for directory in sorted({str(one) for path in paths for one in Path(path).parents} - {"/", "/tmp"}):
            words += ["--perms", "0755", "--dir", directory]  # else bubblewrap makes them for the owner alone
        for path in paths:
            words += ["--ro-bind", os.path.realpath(path), path]
        user = _FIRST_USER + secrets.randbelow(_FIRST_USER) if self.own_user else -1
        bounds = (user, _memory_bytes(), _FILE_BYTES, _PROCESSES)
        words += ["--remount-ro", "/", "--chdir", "/tmp", "--", sys.executable, "-I", "-S", str(CONFINED)]
        return [*words, *map(str, bounds), sys.executable, *arguments]

    def environment(self) -> dict[str, str]:
        """The whole environment inside."""
        prefixes = dict.fromkeys(f"{prefix}/bin" for prefix in (sys.prefix, sys.base_prefix))
        found = {
            "PATH": ":".join([*prefixes, "/usr/local/bin:/usr/bin:/bin"]),
            "HOME": "/tmp",
            "USER": "warploom",
            "LC_ALL": "C.UTF-8",
            "PYTHONDONTWRITEBYTECODE": "1",
            **{name: os.environ[name] for name in _KEPT if name in os.environ},
        }
        homes = dict.fromkeys(str(Path(path).parent) for path in _packages() if Path(path).name == "warploom")
        elsewhere = [
            path for path in _packages() if path not in site.getsitepackages() and Path(path).name != "warploom"
        ]
        if homes or elsewhere:
            found["PYTHONPATH"] = ":".join((*homes, *elsewhere))
        return found

    def works(self) -> str:
        """Try it once: "" when an interpreter starts in it that finds Warploom, else what was said."""
        try:
            done = subprocess.run(
                self.command(["-P", "-c", "import warploom, warploom.errors"]),
                capture_output=True,
                timeout=60,
                env=self.environment(),
                check=False,
            )
        except (OSError, subprocess.SubprocessError) as error:
            return str(error)
        said = " ".join(done.stderr.decode(errors="replace").split())[-200:]
        return "" if done.returncode == 0 else said or f"exit status {done.returncode}"


@functools.cache
def find_jail() -> ForeignJail:
    """The strictest jail that really works here, tried once in this process.

    Raises:
        ProblemError: there is none.
    """
    path = shutil.which("bwrap")
    reason = "is not installed (Debian, Ubuntu: apt install bubblewrap)"
    ways = ((True, False), (False, True)) if os.geteuid() == 0 else ((False, True),)
    for own_user, user_namespace in ways if path else ():
        jail = ForeignJail(str(path), own_user, user_namespace)
        said = jail.works()
        if not said:
            return jail
        reason = f"does not work here ({said})"
    raise ProblemError(
        f"an imported program runs in a sandbox, and bubblewrap {reason}; --trust runs it as you do, without one"
    )


@dataclass(frozen=True)
class Start:
    """How a process that runs a problem's code is started."""

    command: list[str]
    environment: dict[str, str]


def start_of(
    arguments: Sequence[str], inherited: Mapping[str, str], *, foreign: bool, shown: Sequence[Path] = ()
) -> Start:
    """How to start ``python ARGUMENTS…`` for code that is foreign, or is not.

    Args:
        arguments: for the interpreter.
        inherited: the environment of code that is trusted.
        foreign: as :func:`warploom.problems.trust.is_foreign` says.
        shown: files that foreign code may read.

    Raises:
        ProblemError: it is foreign, and there is no jail.
    """
    # -P keeps the current directory off the module path: a stray torch.py there is not PyTorch.
    words = ["-P", *arguments]
    if not foreign:
        return Start([sys.executable, *words], dict(inherited))
    jail = find_jail()
    return Start(jail.command(words, shown), jail.environment())


def _system() -> list[str]:
    """What of the system lies outside of ``/usr`` and is no secret."""
    words = []
    for name in ("bin", "sbin", "lib", "lib32", "lib64", "libx32"):
        path = Path("/", name)
        if path.is_symlink():
            words += ["--symlink", str(path.readlink()), str(path)]
        elif path.is_dir():
            words += ["--ro-bind", str(path), str(path)]
    for name in ("/etc/alternatives", "/etc/ld.so.cache", *_FACTS):
        words += ["--ro-bind-try", name, name]
    return words


def _python() -> list[str]:
    """The interpreter's own paths outside of ``/usr``; none of them lies within another."""
    bases = {sys.base_prefix, sys.base_exec_prefix}
    inner = {sys.prefix, sys.exec_prefix} - bases
    wanted = [*bases, *(f"{prefix}/{name}" for prefix in inner for name in _VENV), *_packages(), str(CONFINED)]
    found: list[str] = []
    for path in sorted(dict.fromkeys(wanted)):
        if path != "/usr" and Path(path).exists() and not any(path.startswith(f"{one}/") for one in ("/usr", *found)):
            found.append(path)
    return found


def _packages() -> list[str]:
    """Folders of installed packages, and Warploom's own where it is not among them."""
    folders = [path for path in sys.path if Path(path).name in ("site-packages", "dist-packages")]
    own = str(Path(warploom.__file__).parent)
    return [*dict.fromkeys(folders), *([own] if str(Path(own).parent) not in folders else [])]


def _memory_bytes() -> int:
    """Private memory of one process: three quarters of what the machine has."""
    whole = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return max(_LEAST_BYTES, whole // 4 * 3)
