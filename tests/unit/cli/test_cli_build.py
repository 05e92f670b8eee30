"""``warploom build``: its words, its object and its text; the compilers themselves are tested elsewhere."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from warploom.cli import build as command
from warploom.cli.main import BAD_INPUT, FAILED, PASSED, run
from warploom.errors import ToolchainError
from warploom.judge.correctness.interpreted import Interpreted
from warploom.toolchain.cuda import CudaToolchain
from warploom.toolchain.gpu import GpuToolchain
from warploom.toolchain.triton import TritonToolchain
from warploom.values.candidate import Candidate
from warploom.values.outcome import Build, Check, Failed
from warploom.values.signature import Signature

Captured = pytest.CaptureFixture[str]

MADE = Build(
    artifact="kernel.bundle",
    sha256="ab",
    toolchain="pretend 1",
    command=(),
    log="gfx942: 99999 bytes of shared memory a block; gfx942 has 65536",
    elapsed_ns=1,
    facts={
        "targets": 2,
        "targets_built": 1,
        "sm_90a.builds": 1,
        "sm_90a.registers": 40,
        "sm_90a.occupancy_percent": 75,
        "gfx942.builds": 0,
    },
)
RIGHT = Interpreted("how it was", (Check("n=1", 1, 0.0, 0.0, 0),), left_out=2)
WRONG = Interpreted("how it was", (), 0, Failed("verify", "wrong_result", "element 0 is 3, not 4"))


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(autouse=True)
def pretended(monkeypatch: pytest.MonkeyPatch, cache: Path) -> list[Candidate]:
    """Compilers that are always there and answer at once; what they were given."""
    given: list[Candidate] = []

    def build(self: GpuToolchain, candidate: Candidate, signature: Signature, cache: Path) -> Build | Failed:
        given.append(candidate)
        broken = "nothing" in candidate.source
        return Failed("build", "compile_error", "kernel.cu:1: error: nothing", "its log") if broken else MADE

    monkeypatch.setenv("XDG_CACHE_HOME", str(cache))
    monkeypatch.setattr(GpuToolchain, "build", build)
    monkeypatch.setattr(CudaToolchain, "version", lambda self: "pretend 1")
    monkeypatch.setattr(TritonToolchain, "version", lambda self: "pretend 1")
    monkeypatch.setattr(GpuToolchain, "gaps", ())
    return given


def kernel(tmp_path: Path, name: str, text: str = "something") -> str:
    (tmp_path / name).write_text(text)
    return str(tmp_path / name)


def test_a_build_is_built_and_never_passed(tmp_path: Path, capsys: Captured, pretended: list[Candidate]) -> None:
    words = ["build", "softmax", kernel(tmp_path, "a.cu"), "--target", "cuda:sm_90a,sm_80", "--flag", "--fmad=false"]
    assert run([*words, "--json"]) == PASSED
    found = json.loads(capsys.readouterr().out)
    assert (found["status"], found["target"], found["built"], found["of"]) == ("built", "cuda:sm_90a,sm_80", 1, 2)
    assert found["architectures"]["sm_90a"] == {"builds": 1, "registers": 40, "occupancy_percent": 75}
    assert found["remarks"] == ["gfx942: 99999 bytes of shared memory a block; gfx942 has 65536"]
    assert not {"speedup", "passed", "checked"} & set(found)
    assert pretended[0].language == "cuda"
    assert pretended[0].sources == (("kernel.cu", "something"),)
    assert pretended[0].build_flags == ("--fmad=false",)


def test_the_text_says_what_is_not_known(tmp_path: Path, capsys: Captured) -> None:
    assert run(["build", "softmax", kernel(tmp_path, "a.py"), "--target", "triton:sm_90a,gfx942"]) == PASSED
    text = " ".join(capsys.readouterr().out.split())
    assert "built for 1 of 2 targets" in text
    assert "sm_90a 40 – – – 75" in text
    assert "gfx942 has 65536" in text
    assert "Built is not passed" in text


def test_a_failure_is_the_compilers(tmp_path: Path, capsys: Captured) -> None:
    words = ["build", "softmax", kernel(tmp_path, "a.cu", "nothing")]
    assert run(words) == FAILED
    assert "kernel.cu:1: error: nothing" in capsys.readouterr().out
    assert run([*words, "--json"]) == FAILED
    found = json.loads(capsys.readouterr().out)
    assert (found["status"], found["kind"], found["log"]) == ("failed", "compile_error", "its log")


@pytest.mark.parametrize(("answer", "code", "said"), [(RIGHT, PASSED, "right in 1"), (WRONG, FAILED, "element 0 is 3")])
def test_what_was_checked_is_told(
    answer: Interpreted, code: int, said: str, tmp_path: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command, "check_interpreted", lambda *arguments: answer)
    words = ["build", "softmax", kernel(tmp_path, "a.py"), "--check"]
    assert run(words) == code
    assert said in capsys.readouterr().out
    assert run([*words, "--json"]) == code
    checked = json.loads(capsys.readouterr().out)["checked"]
    assert checked["how"] == "how it was"
    assert checked["right"] == (answer is RIGHT)
    assert checked["workloads"] == len(answer.checks)


@pytest.mark.parametrize(
    ("name", "options", "said"),
    [
        ("a.c", (), "the language of a.c is not known"),
        ("a.cu", ("--target", "cuda:sm_99"), "unknown GPU architecture 'sm_99'"),
        ("a.cu", ("--target", "opengl"), "unknown target language 'opengl'"),
        ("a.cu", ("--check",), "there is none for cuda"),
    ],
)
def test_bad_words_are_one_line(
    name: str, options: tuple[str, ...], said: str, tmp_path: Path, capsys: Captured
) -> None:
    assert run(["build", "softmax", kernel(tmp_path, name), *options]) == BAD_INPUT
    assert said in " ".join(capsys.readouterr().err.split())


def test_an_absent_compiler_says_how_to_get_it(
    tmp_path: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    def absent(self: CudaToolchain) -> str:
        raise ToolchainError("NVRTC was not found; install it: pip install 'warploom[cuda]'")

    monkeypatch.setattr(CudaToolchain, "version", absent)
    assert run(["build", "softmax", kernel(tmp_path, "a.cu")]) == BAD_INPUT
    assert "pip install 'warploom[cuda]'" in capsys.readouterr().err
