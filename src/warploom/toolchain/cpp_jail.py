"""Where the compiler runs: it reads untrusted text, so it sees its own installation and one folder, nothing else."""

from __future__ import annotations

import contextlib
import functools
import os
import select
import shlex
import shutil
import signal
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

_MEMORY_BYTES = 4 << 30
_FILE_BYTES = 256 << 20
_BUILD, _HEADERS = "/build", "/headers"


@dataclass(frozen=True)
class BuildJail:
    """How compilers are shut in.

    Attributes:
        bubblewrap: path of ``bwrap``, "" where it is absent or does not work.
        compiler_roots: installation prefixes of the compiler that lie outside ``/usr``.
        user_namespace: bubblewrap makes a user namespace; root can do without where that is forbidden.
    """

    bubblewrap: str
    compiler_roots: tuple[str, ...] = ()
    user_namespace: bool = True

    @property
    def gaps(self) -> tuple[str, ...]:
        """What is not protected."""
        return () if self.bubblewrap else ("build: the compiler can read what you may (#include of any file)",)

    def headers_at(self, headers: Path) -> str:
        """Where the compiler sees the folder of precompiled headers."""
        return _HEADERS if self.bubblewrap else str(headers)

    def run(self, script: str, build: Path, headers: Path, timeout_s: float) -> int | None:
        """Run a shell script in the build folder; what it prints goes to ``log.txt`` there.

        Args:
            script: text for ``sh -c``; its working directory is the build folder.
            build: the one folder it may write to.
            headers: folder of precompiled headers, at :meth:`headers_at`.
            timeout_s: it and everything it started are killed after this long.

        Returns:
            Its exit status, None when it ran out of time.
        """
        # `ulimit` of a POSIX shell takes one bound at a time.
        bounds = "".join(
            f"ulimit -{letter} {value}\n"
            for letter, value in (
                ("c", 0),
                ("f", _FILE_BYTES // 512),
                ("t", int(timeout_s) + 1),
                ("v", _MEMORY_BYTES // 1024),
            )
        )
        words = ["/bin/sh", "-c", bounds + script]
        if self.bubblewrap:
            words = [*self._binds(build, headers), *words]
        environment = {
            "PATH": ":".join([*(f"{root}/bin" for root in self.compiler_roots), "/usr/local/bin:/usr/bin:/bin"]),
            "LC_ALL": "C",
            "TMPDIR": _BUILD if self.bubblewrap else str(build),
        }
        with (build / "log.txt").open("wb") as log:
            process = subprocess.Popen(
                words,
                cwd=build,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
            try:
                ended = _wait(process, timeout_s)
                if not ended:
                    _kill_inside(process)
            finally:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)  # before it is reaped: the number is still its own
                process.wait()
            return process.returncode if ended else None

    def _binds(self, build: Path, headers: Path) -> list[str]:
        words = [self.bubblewrap, "--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts"]
        if self.user_namespace:
            words.append("--unshare-user")
        words += ["--cap-drop", "ALL", "--die-with-parent", "--new-session", "--ro-bind", "/usr", "/usr"]
        for name in ("bin", "sbin", "lib", "lib32", "lib64", "libx32"):
            path = Path("/", name)
            if path.is_symlink():
                words += ["--symlink", str(path.readlink()), str(path)]
            elif path.is_dir():
                words += ["--ro-bind", str(path), str(path)]
        words += [
            "--ro-bind-try",
            "/etc/alternatives",
            "/etc/alternatives",
            "--ro-bind-try",
            "/etc/ld.so.cache",
            "/etc/ld.so.cache",
        ]
        for root in self.compiler_roots:
            words += ["--ro-bind", root, root]
        words += ["--dev", "/dev", "--bind", str(build), _BUILD]
        words += ["--ro-bind", str(headers), _HEADERS]
        return [*words, "--remount-ro", "/", "--chdir", _BUILD, "--"]


def _wait(process: subprocess.Popen[bytes], timeout_s: float) -> bool:
    """Whether it ends in time. ``Popen.wait`` with a timeout would look only every 50 ms; this does not reap it."""
    descriptor = os.pidfd_open(process.pid)
    try:
        poll = select.poll()
        poll.register(descriptor, select.POLLIN)
        return bool(poll.poll(1000 * timeout_s))
    finally:
        os.close(descriptor)


def _kill_inside(process: subprocess.Popen[bytes]) -> None:
    """Kill what it started, so that it can reap that and end: killed first, it would leave an orphan."""
    with contextlib.suppress(OSError):
        for child in Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split():
            os.kill(int(child), signal.SIGKILL)
        _wait(process, 1.0)


@functools.cache
def find_build_jail(compiler: str) -> BuildJail:
    """The build jail for this compiler, tried once.

    Args:
        compiler: its path as it is called; links behind it are followed.
    """
    prefixes = dict.fromkeys(str(Path(path).parent.parent) for path in (compiler, os.path.realpath(compiler)))
    outside = tuple(root for root in prefixes if root not in ("/usr", "/") and not root.startswith("/usr/"))
    path = shutil.which("bwrap") or ""
    for user_namespace in (True, False) if path else ():
        jail = BuildJail(path, outside, user_namespace)
        with tempfile.TemporaryDirectory() as folder:
            if jail.run(f"{shlex.quote(compiler)} --version", Path(folder), Path(folder), 30.0) == 0:
                return jail
    return BuildJail("", outside)
