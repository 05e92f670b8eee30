"""The choice of a jail and what it is told to do."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
from pathlib import Path

import pytest

from warploom.sandbox import jail as jail_module
from warploom.sandbox import seccomp
from warploom.sandbox.jail import Jail, bare_jail, find_jail
from warploom.sandbox.limits import Limits
from warploom.sandbox.runtime import find_runtime


@pytest.fixture
def fresh() -> object:
    find_jail.cache_clear()
    yield
    find_jail.cache_clear()


def test_the_choice_is_tried_not_trusted(fresh: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A ``bwrap`` that is there but does not work leads to the fallback, and its own words are the reason."""
    broken = tmp_path / "bwrap"
    broken.write_text("#!/bin/sh\necho 'No permissions to create a new namespace' >&2\nexit 1\n")
    broken.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    found = find_jail()
    assert found.name == "rlimits"
    assert "No permissions to create a new namespace" in found.gaps[0]


def test_without_bubblewrap_it_says_how_to_get_it(fresh: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None)
    found = find_jail()
    assert found.name == "rlimits"
    assert "apt install bubblewrap" in found.gaps[0]
    assert not found.works()


def test_the_answer_is_kept() -> None:
    assert find_jail() is find_jail()


def test_gaps_follow_from_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    def gaps(landlock: int, own_user: bool) -> list[str]:
        monkeypatch.setattr(jail_module, "landlock_version", lambda: landlock)
        return [gap.split(":")[0] for gap in bare_jail("r", own_user=own_user).gaps]

    assert gaps(0, own_user=False) == ["bubblewrap", "files", "threads", "cores"]
    assert gaps(0, own_user=True) == ["bubblewrap", "files"]
    assert gaps(2, own_user=True) == ["bubblewrap", "files"]
    assert gaps(7, own_user=True) == ["bubblewrap"]
    assert gaps(7, own_user=False) == ["bubblewrap", "threads", "cores"]


def test_only_what_a_worker_needs_is_bound() -> None:
    runtime = find_runtime()
    words = Jail("bubblewrap", (), "/usr/bin/bwrap").command(5, 6, Limits(file_bytes=123456))
    bound = [words[at + 2] for at, word in enumerate(words) if word in ("--ro-bind", "--dev-bind", "--bind")]
    assert "--bind" not in words
    assert set(bound) == {
        runtime.interpreter,
        *runtime.standard_library,
        *runtime.libraries,
        "/dev/null",
        "/dev/zero",
        "/dev/urandom",
        "/worker.py",
    }
    assert "--proc" not in words
    for word in ("--unshare-net", "--unshare-pid", "--unshare-ipc", "--die-with-parent", "--new-session"):
        assert word in words
    assert words[words.index("/tmp") - 3 : words.index("/tmp") - 1] == ["--size", "123456"]
    assert words.index("--remount-ro") < words.index("--chdir")


def test_the_runtime_is_the_real_one() -> None:
    runtime = find_runtime()
    assert Path(runtime.interpreter).is_file()
    assert not Path(runtime.interpreter).is_symlink()
    assert any("libgomp" in library for library in runtime.libraries)
    assert any("libm." in library for library in runtime.libraries)
    assert not any("torch" in library or "site-packages" in library for library in runtime.libraries)
    done = subprocess.run(
        [runtime.interpreter, "-I", "-S", "-E", "-c", "import sys; print(sys.prefix == sys.base_prefix)"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "True\n"


def test_a_worker_sees_the_standard_library_and_no_packages() -> None:
    jail = find_jail()
    if not jail.bubblewrap:
        pytest.skip("bubblewrap does not work here")
    code = (
        "import os, sys; stdlib = os.path.dirname(os.__file__); packages = os.path.join(stdlib, 'site-packages');"
        "print(sorted(os.listdir('/')), os.listdir(packages) if os.path.exists(packages) else [], dict(os.environ))"
    )
    words = jail._bubblewrap([], Limits(), ["-c", code])
    done = subprocess.run(words, capture_output=True, text=True, check=True, env=jail.environment())
    root, _, rest = done.stdout.partition("] ")
    assert rest.startswith("[] ")
    seen = set(eval(root + "]"))
    tops = {
        Path(path).parts[1]
        for path in (find_runtime().interpreter, *find_runtime().standard_library, *find_runtime().libraries)
    }
    assert seen == tops | {"dev", "tmp"}
    assert set(eval(rest[3:])) - {"PWD", "LC_CTYPE"} == set(jail.environment())


def test_the_environment_keeps_openmp_from_spinning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "999")
    environment = Jail("rlimits", ()).environment()
    assert environment["OMP_NUM_THREADS"] == str(len(os.sched_getaffinity(0)))
    assert environment["OMP_WAIT_POLICY"] == "passive"


def test_users_are_drawn_anew_and_belong_to_nobody() -> None:
    jail = Jail("rlimits", (), own_user=True)
    users = {jail.user() for _ in range(8)}
    assert len(users) == 8
    assert all(user is not None and user >= 1_000_000_000 for user in users)
    assert Jail("rlimits", ()).user() is None


@pytest.mark.parametrize(
    "given", [{"memory_bytes": 1}, {"processes": 0}, {"call_seconds": 0.0}, {"start_seconds": float("nan")}]
)
def test_limits_that_make_no_sense_are_refused(given: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=next(iter(given))):
        Limits(**given)  # type: ignore[arg-type]


def test_this_machine_has_a_filter() -> None:
    assert (platform.machine() in ("x86_64", "aarch64")) == seccomp.supported()
