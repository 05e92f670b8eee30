from __future__ import annotations

import io
import json
import math
import shutil
import sysconfig
import time
from dataclasses import replace
from importlib.metadata import PackageNotFoundError
from pathlib import Path

import pytest
from rich.console import Console

from warploom.cli import doctor
from warploom.cli.finding import MISSING, OK, WEAKER, Finding
from warploom.cli.main import FAILED, PASSED, run
from warploom.errors import ToolchainError
from warploom.judge.machine.busy import busy_share
from warploom.judge.machine.calibration import Calibration, Peaks, keep
from warploom.judge.machine.hardware import hardware
from warploom.problems.load import cache_directory
from warploom.report.calibration import headline, render_calibration
from warploom.sandbox.jail import Jail
from warploom.toolchain.find import GPU_TOOLCHAINS, find_toolchain

Captured = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(doctor, "WATCH_SECONDS", 0.01)


def finding(name: str) -> Finding:
    return next(found for found in doctor.examine() if found.name == name)


def test_this_machine_is_able_and_every_finding_is_told(capsys: Captured) -> None:
    assert run(["doctor", "--json"]) == PASSED
    found = json.loads(capsys.readouterr().out)
    assert found["able"]
    names = {entry["name"] for entry in found["findings"]}
    assert names >= {"warploom", "compiler", "OpenMP", "PyTorch", "sandbox", "cores", "cache"}
    assert run(["doctor"]) == PASSED
    text = capsys.readouterr().out
    assert all(name in text for name in names)


def no_compiler(self: object) -> str:
    raise ToolchainError("the compiler 'g++' was not found")


def test_without_a_compiler_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch, capsys: Captured) -> None:
    monkeypatch.setattr("warploom.toolchain.cpp.CppToolchain.version", no_compiler)
    assert run(["doctor"]) == FAILED
    text = capsys.readouterr().out
    assert "apt-get install g++" in text
    assert "cannot be evolved" in text


def test_without_torch_it_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(name: str) -> str:
        raise PackageNotFoundError(name)

    monkeypatch.setattr(doctor, "version", absent)
    found = finding("PyTorch")
    assert found.state == MISSING
    assert "pip install torch" in found.mend


def test_a_weaker_sandbox_is_named_with_its_gaps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "find_jail", lambda: Jail("rlimits", ("files: everything can be read",)))
    monkeypatch.setattr(shutil, "which", lambda name: None if name == "bwrap" else f"/usr/bin/{name}")
    found = finding("sandbox")
    assert found.state == WEAKER
    assert "everything can be read" in found.detail
    assert found.mend == "apt-get install bubblewrap"


def test_a_cache_that_cannot_be_written_is_said_to_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert finding("cache").state == OK
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    monkeypatch.setenv("HOME", str(tmp_path / "file"))
    found = finding("cache")
    assert found.state == WEAKER
    assert "XDG_CACHE_HOME" in found.mend


def test_a_full_disk_is_said_to_be(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "LEAST_FREE_GIB", 1e9)
    assert finding("cache").state == WEAKER


@pytest.mark.parametrize(("busy", "state"), [(0.02, OK), (0.9, WEAKER), (None, None)])
def test_a_busy_machine_is_said_to_be(busy: float | None, state: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "busy_share", lambda seconds: busy)
    assert [found.state for found in doctor.examine() if found.name == "load"] == ([state] if state else [])


def test_a_build_without_a_jail_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("warploom.toolchain.cpp.CppToolchain.gaps", ("files: the compiler reads everything",))
    assert "the compiler reads everything" in finding("build").detail


def test_missing_headers_cost_the_compile_baseline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sysconfig, "get_paths", lambda: {"include": "/nowhere"})
    found = finding("torch.compile")
    assert found.state == WEAKER
    assert "python3-dev" in found.mend


def test_busy_share_is_a_share() -> None:
    share = busy_share(0.05)
    assert share is None or 0.0 <= share <= 1.0


def test_the_calibration_is_told_and_a_stale_one_named() -> None:
    assert "none yet" in finding("calibration").detail
    key, compiler = hardware()["key"], find_toolchain("cpp").version()
    taken = Calibration(key, compiler, time.time(), 0.0, Peaks({1 << 27: 37.0}, 236.0), 1.0, 50.0, 3e4, ((0.0, 0.01),))
    keep(cache_directory(), taken)
    found = finding("calibration")
    assert found.state == OK
    assert taken.id in found.detail
    assert "noise floor 1.0%, 37 GB/s from memory, 236 GFLOP/s" in found.detail
    noisy = replace(taken, itself=((0.3, 0.0), (-0.3, 0.0), (0.3, 0.0)))
    assert noisy.noise_floor > 0.25
    told = f"noise floor {math.exp(noisy.noise_floor) - 1:.1%}"
    assert told in headline(noisy)
    stream = io.StringIO()
    Console(file=stream, width=200).print(render_calibration(noisy, {"cpu": "made up", "cores": 2}))
    assert told in " ".join(stream.getvalue().split())
    assert f"at most {math.exp(0.3) - 1:.1%} off" in stream.getvalue(), "all in one unit"
    keep(cache_directory(), replace(taken, taken_s=time.time() - 90 * 86400))
    found = finding("calibration")
    assert (found.state, found.mend) == (WEAKER, "warploom calibrate")
    assert "90 days old" in found.detail


@pytest.mark.parametrize("language", ["opencl", *GPU_TOOLCHAINS])
def test_doctor_agrees_with_the_toolchains_for_gpus(language: str) -> None:
    """An absent one is optional, and its line says how to get it; the contract suite skips it with the same words."""
    found = finding(language)
    assert found.state == OK
    try:
        words = find_toolchain(language).version()
    except ToolchainError as error:
        words = f"absent (optional): {error}"
        assert "install" in words
    assert words in found.detail


@pytest.mark.parametrize("program", doctor.GPU_PROGRAMS)
def test_doctor_says_which_of_nvidias_programs_are_there(
    program: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctor, "find_devices", lambda: ())
    monkeypatch.setenv("PATH", str(tmp_path))
    said = {found.name: found for found in doctor._gpus()}[program]
    assert (said.state, said.detail.partition(":")[0]) == (OK, "absent (optional)")
    (tmp_path / program).write_text("#!/bin/sh\n")
    (tmp_path / program).chmod(0o755)
    assert {found.name: found for found in doctor._gpus()}[program].detail.startswith(f"{tmp_path / program} (")
