"""What all toolchains for GPUs share, with a compiler that obeys the test: it runs where no GPU compiler is."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest

from warploom.testing.toolchain_contract import ToolchainContract, ToolchainExample
from warploom.toolchain.gpu import Compiled, GpuToolchain, flag_complaints, read_regular, with_occupancy
from warploom.toolchain.gpu_bundle import Code, read_bundle
from warploom.values.architecture import ARCHITECTURES, Architecture
from warploom.values.candidate import Candidate, Scalar
from warploom.values.launch import Launch
from warploom.values.outcome import Build, Failed
from warploom.values.signature import Argument, Signature

SCALE = Signature("scale", (Argument("x", "float32", "input"), Argument("n", "int64", "axis")))
SOURCE = """TUNE(THREADS, 256, 128, 256)
LAUNCH(grid=(n + THREADS - 1) // THREADS, block=THREADS, shared=64)
void scale(const float* x, int64_t n) { THREADS; }
// the end
"""


class PretendToolchain(GpuToolchain):
    language = "pretend"
    program = Path(__file__).with_name("pretend_compile.py")
    launch_keys = ("grid", "block", "shared", "workspace")

    def version(self) -> str:
        return "pretend 1"

    def declaration(self, signature: Signature) -> str:
        return signature.c_declaration()

    def complaints(self, candidate: Candidate, signature: Signature) -> list[str]:
        return flag_complaints(candidate.build_flags, re.compile("--fast"), "--fast")

    def request(self, signature: Signature, launch: Launch, parameters: Mapping[str, Scalar]) -> dict[str, Any]:
        return {"parameters": dict(parameters)}

    def roots(self) -> tuple[str, ...]:
        return ()

    def read(
        self, folder: Path, architecture: Architecture, answer: Mapping[str, Any], signature: Signature, launch: Launch
    ) -> Compiled:
        data = read_regular(folder / f"{architecture.name}.code")
        if not answer or answer["error"] or data is None:
            return Compiled(None, failed=Failed("build", "compile_error", answer.get("error") or "no code", "log"))
        if not answer["signature"]:
            said = f"the signature differs from {self.declaration(signature)}"
            return Compiled(None, failed=Failed("build", "rejected", said))
        facts = {
            "registers": answer["registers"],
            "shared_bytes": answer["shared"] + launch.shared_bytes,
            "threads": 256,
        }
        return Compiled(Code(f"{architecture.name}.code", "scale", 256, 64), data, with_occupancy(architecture, facts))


TOOLCHAIN = PretendToolchain([ARCHITECTURES["sm_90a"], ARCHITECTURES["sm_86"], ARCHITECTURES["gfx942"]], timeout_s=60.0)


@pytest.fixture
def example() -> ToolchainExample:
    return ToolchainExample(
        toolchain=TOOLCHAIN,
        signature=SCALE,
        source=SOURCE,
        tune=("THREADS", 256, 128),
        broken=SOURCE.replace("{ THREADS; }", "{ nothing; }"),
        other_signature=SOURCE.replace("int64_t n)", "int n)"),
        bad_flag="--slow",
        file="kernel.cu",
    )


class TestPretend(ToolchainContract):
    pass


def candidate(text: str, name: str = "kernel.cu") -> Candidate:
    return Candidate("0" * 16, "pretend", ((name, text),), "scale", (), ())


def make(told: str, cache: Path, toolchain: GpuToolchain = TOOLCHAIN) -> Build | Failed:
    return toolchain.build(candidate(SOURCE.replace("// the end", f"// {told}")), SCALE, cache)


def failure(told: str, cache: Path) -> Failed:
    made = make(told, cache)
    assert isinstance(made, Failed)
    return made


def test_the_bundle_holds_every_architecture_and_the_launch(tmp_path: Path) -> None:
    made = make("", tmp_path)
    assert isinstance(made, Build)
    bundle = read_bundle(Path(made.artifact))
    assert bundle.language == "pretend"
    assert list(bundle.codes) == ["sm_90a", "sm_86", "gfx942"]
    assert bundle.data["gfx942.code"] == b"code for gfx942"
    assert bundle.codes["sm_86"] == Code("sm_86.code", "scale", 256, 64)
    assert bundle.launch.blocks({"n": 1000}) == (4, 1, 1)
    assert (bundle.launch.block, bundle.launch.shared_bytes) == ((256,), 64)


def test_the_same_kernel_is_the_same_bytes(tmp_path: Path) -> None:
    first, second = make("", tmp_path / "a"), make("", tmp_path / "b")
    assert isinstance(first, Build)
    assert isinstance(second, Build)
    assert first.sha256 == second.sha256


def test_what_is_no_bundle_is_said_to_be_none(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"PK")
    with pytest.raises(ValueError, match="no bundle"):
        read_bundle(tmp_path / "x")


def test_portability_is_a_number(tmp_path: Path) -> None:
    made = make("broken=sm_86", tmp_path)
    assert isinstance(made, Build)
    assert (made.facts["targets"], made.facts["targets_built"]) == (3, 2)
    assert [made.facts[f"{name}.builds"] for name in ("sm_90a", "sm_86", "gfx942")] == [1, 0, 1]
    assert made.log.startswith("sm_86: kernel.cu:")
    assert made.facts["occupancy_percent"] == made.facts["sm_90a.occupancy_percent"] == 100
    assert "sm_86.code" not in read_bundle(Path(made.artifact)).data


def test_a_target_that_cannot_start_it_does_not_count(tmp_path: Path) -> None:
    """110 KiB fit into a block on sm_90a, not on sm_86 or gfx942."""
    made = make(f"shared={110 << 10}", tmp_path)
    assert isinstance(made, Build)
    assert made.facts["targets_built"] == 1
    assert "sm_86: 112704 bytes of shared memory a block; sm_86 has 101376" in made.log


@pytest.mark.parametrize(
    ("told", "kind", "said"),
    [
        (f"shared={228 << 10}", "rejected", "sm_90a has 232448"),
        ("registers=300", "rejected", "300 registers do not fit"),
        ("broken=sm_90a", "compile_error", "error: nothing"),
        ("die=out-of-luck", "compile_error", "out-of-luck"),
        ("answer=[]", "compile_error", "status 0"),
        ("answer={", "compile_error", "status 0: no answer, or one of more than 16 MiB"),
        ("answer={}", "compile_error", "no code"),
        ("link=/etc/passwd", "compile_error", "no code"),
    ],
)
def test_a_first_target_that_does_not_build_fails_the_candidate(
    told: str, kind: str, said: str, tmp_path: Path
) -> None:
    """Also where the program was taken over: a link out of the jail is not followed."""
    failed = failure(told, tmp_path)
    assert (failed.stage, failed.kind) == ("build", kind)
    assert said in failed.message
    assert list(tmp_path.rglob("*.bundle")) == []


def test_a_compiler_that_does_not_end_is_ended(tmp_path: Path) -> None:
    hasty = PretendToolchain(TOOLCHAIN.architectures, timeout_s=1.0)
    made = make("sleep=60", tmp_path, hasty)
    assert isinstance(made, Failed)
    assert (made.kind, made.message) == ("timeout", "the compiler did not end within 1 s")


def test_architectures_and_the_launch_name_the_build(tmp_path: Path) -> None:
    one = PretendToolchain(TOOLCHAIN.architectures[:1])
    made = [
        TOOLCHAIN.build(candidate(SOURCE), SCALE, tmp_path),
        one.build(candidate(SOURCE), SCALE, tmp_path),
        one.build(candidate(SOURCE.replace("shared=64", "shared=65")), SCALE, tmp_path),
    ]
    assert len({build.artifact for build in made if isinstance(build, Build)}) == 3


@pytest.mark.parametrize("name", ["kernel.cpp", "../kernel.cu", "warploom_signature.h", "request.json"])
def test_file_names_stay_inside_the_build(name: str) -> None:
    failed = TOOLCHAIN.check_source(candidate(SOURCE, name), SCALE)
    assert failed is not None
    assert "file name" in failed.message


def test_no_architecture_is_a_mistake_of_the_caller() -> None:
    with pytest.raises(ValueError, match="at least one"):
        PretendToolchain([])


def test_only_regular_files_of_a_bounded_size_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"12345")
    (tmp_path / "link").symlink_to(file)
    assert read_regular(file) == b"12345"
    assert read_regular(tmp_path / "link") is None
    assert read_regular(tmp_path) is None
    monkeypatch.setattr("warploom.toolchain.gpu._ANSWER_BYTES", 4)
    assert read_regular(file) is None


ROOM = SOURCE.replace("shared=64", "shared=64, workspace=4 * n").replace("int64_t n)", "int64_t n, float* workspace)")


def test_a_workspace_is_in_the_bundle_of_those_who_ask_alone(tmp_path: Path) -> None:
    made = TOOLCHAIN.build(candidate(ROOM), SCALE, tmp_path)
    assert isinstance(made, Build), made
    assert read_bundle(Path(made.artifact)).launch.workspace_bytes({"n": 25}) == 100
    plain = make("", tmp_path)
    assert isinstance(plain, Build)
    assert read_bundle(Path(plain.artifact)).launch.workspace == ""
    with ZipFile(plain.artifact) as archive:
        assert "workspace" not in archive.read("launch.json").decode(), "older bundles are the same bytes"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (SOURCE.replace("int64_t n)", "int64_t n, float* workspace)"), "its LAUNCH line gives none"),
        (
            ROOM.replace(", float* workspace", ""),
            'needs extern "C" void scale(const float* x, int64_t n, float* workspace)',
        ),
        (ROOM.replace("4 * n", "THREADS - 256"), "line 2: a workspace of 0 bytes"),
    ],
)
def test_the_kernel_and_its_launch_line_agree_on_a_workspace(text: str, said: str) -> None:
    failed = TOOLCHAIN.check_source(candidate(text), SCALE)
    assert failed is not None
    assert (failed.stage, failed.kind) == ("source", "rejected")
    assert said in failed.message


def test_a_problem_with_an_argument_of_that_name_keeps_it() -> None:
    taken = Signature("scale", (SCALE.arguments[0], Argument("workspace", "int64", "axis")))
    plain = SOURCE.replace("int64_t n)", "int64_t workspace)").replace("(n +", "(workspace +")
    assert TOOLCHAIN.check_source(candidate(plain), taken) is None
    failed = TOOLCHAIN.check_source(candidate(plain.replace("shared=64", "workspace=64")), taken)
    assert failed is not None
    assert "the problem itself has an argument 'workspace'" in failed.message
