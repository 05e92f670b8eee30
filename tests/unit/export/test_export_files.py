"""What an export is made of: the files of each format, the card, and text of others that stays text."""

from __future__ import annotations

import ast
import base64
import hashlib
import json
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from warploom.cli.main import PASSED, run
from warploom.errors import ConfigError
from warploom.export import runtime
from warploom.export.gather import Operator, gather
from warploom.export.hub import hub
from warploom.export.markdown import block, code, plain
from warploom.export.naming import naming
from warploom.export.source import source
from warploom.export.torch_package import RUNTIME, torch_package
from warploom.export.write import write
from warploom.search.best.evidence import read_evidence
from warploom.testing.evidence import PICK_SCALE, PICK_SCALE_KERNEL, pick_scale_problem
from warploom.values.candidate import Candidate, Lineage, Proposal, Step

Make = Callable[..., Path]
STEPS = (Step("parallel", "@outermost", (("parts", 4),)), Step("vectorise", "@every"))


def package(operator: Operator, **words: Any) -> dict[str, str]:
    return torch_package(operator, naming(operator.problem), **words)


def test_the_package_is_all_there_and_its_runtime_is_the_tested_one(make: Make) -> None:
    operator = gather([make(flags=("-ffast-math",))])
    files = package(operator, license_name="MIT")
    inside, variant = "src/pick_scale_kernel", operator.variants[0].id
    assert set(files) == {
        "pyproject.toml",
        "README.md",
        "tests/test_pick_scale_kernel.py",
        *(f"{inside}/{name}" for name in ("__init__.py", "reference.py", "manifest.json", *RUNTIME)),
        *(f"{inside}/variants/{variant}/{name}" for name in ("kernel.cpp", "warploom_signature.h", "evidence.json")),
    }
    folder = Path(str(runtime.__file__)).parent
    assert all(files[f"{inside}/{name}"] == (folder / name).read_text() for name in RUNTIME)
    project = tomllib.loads(files["pyproject.toml"])
    assert project["project"]["name"] == "pick-scale-kernel"
    assert project["project"]["license"] == "MIT"
    assert project["project"]["dependencies"] == ["torch>=2.6"]
    manifest = json.loads(files[f"{inside}/manifest.json"])
    assert manifest["variants"][variant]["flags"][-1] == "-ffast-math"
    assert manifest["table"][0]["speedup"]["eager"]["median"] == pytest.approx(2, rel=0.02)
    assert files[f"{inside}/variants/{variant}/kernel.cpp"] == PICK_SCALE_KERNEL
    signature = "const float* x, const int64_t* pick, const float* gain, float* scaled, float* chosen, int64_t rows"
    assert signature in files[f"{inside}/variants/{variant}/warploom_signature.h"]


def test_nothing_that_runs_imports_warploom(make: Make) -> None:
    operator = gather([make()])
    names = naming(operator.problem)
    for files in (package(operator), hub(operator, names), source(operator, names)):
        for path, text in files.items():
            if path.endswith(".py"):
                tree = ast.parse(text)
                modules = [node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
                modules += [a.name for node in ast.walk(tree) if isinstance(node, ast.Import) for a in node.names]
                assert not [name for name in modules if name.split(".")[0] == "warploom"], path


def test_evidence_in_an_export_is_evidence(make: Make, tmp_path: Path) -> None:
    place = make()
    operator = gather([place])
    write(package(operator), tmp_path / "out")
    (inside,) = (tmp_path / "out").rglob("evidence.json")
    again = read_evidence(inside.parent)
    assert again.document == read_evidence(place).document
    (inside.parent / "kernel.cpp").write_text("// another\n")
    with pytest.raises(Exception, match="not the kernel"):
        read_evidence(inside.parent)


# ------------------------------------------------------------ the card


def test_the_card_tells_steps_numbers_limits_and_what_to_run(make: Make) -> None:
    timed = {"eager": [2.0, 0.9], "compile": [3.0, 0.9]}
    operator = gather([make(speedups=timed, lineage=Lineage((), "moves", "open", steps=STEPS))])
    card = package(operator)["README.md"]
    variant = operator.variants[0].id
    for said in (
        "# pick-scale-kernel",
        "Rows scaled, and one element of each.",
        "1. **parallel** (parts 4): Outline a loop into a function of a range",
        "2. **vectorise**: Rewrites a loop",
        "| `rows=8,cols=32` | 2.00 (1.98 to 2.02) | 3.00 (2.97 to 3.03) |",
        "left to the reference: `rows=16,cols=64`",
        "| made up | g++ 12.2.0 | 2.6 | 1.0% | 50% |",
        "`rows=3,cols=7`",
        "Integers of `pick` are looked through",
        f"warploom verify src/pick_scale_kernel/variants/{variant}",
        f"warploom evolve pick_scale.py --start src/pick_scale_kernel/variants/{variant}/kernel.cpp",
        "WARPLOOM_DISABLE=pick_scale",
    ):
        assert said in card, said
    assert "def pick_scale(x, pick, gain):" in card


def test_a_busy_machine_is_told(make: Make) -> None:
    place = make()
    assert "at work for others" not in package(gather([place]))["README.md"]
    document = json.loads((place / "evidence.json").read_text())
    document["measured_in"]["busy"] = 0.6
    (place / "evidence.json").write_text(json.dumps(document))
    assert "up to 60% of the machine was at work for others" in package(gather([place]))["README.md"]


def test_what_a_model_wrote_is_told_by_its_notes_from_the_seed_on(make: Make) -> None:
    problem = pick_scale_problem()
    first = Candidate("0", "cpp", (("a.cpp", "a"),), problem.name)
    second = Candidate("0", "cpp", (("a.cpp", "b"),), problem.name)
    line = [Proposal(first, Lineage()), Proposal(second, Lineage((first.id,), "llm:some", note="rows in *registers*"))]
    operator = gather([make(lineage=Lineage((second.id,), "llm:some", note="two accumulators"), ancestors=line)])
    card = package(operator)["README.md"]
    assert r"1. llm:some: rows in \*registers\*" in card
    assert "2. llm:some: two accumulators" in card
    assert "own starting implementation" in package(gather([make("seed")]))["README.md"]


def test_text_of_others_is_shown_as_text(make: Make) -> None:
    evil = 'x"""\n</pre><script>alert(1)</script> | `rm` [a](b) \x1b[2J {{evil}}'
    text = PICK_SCALE.replace(
        '"""Rows scaled, and one element of each."""', '"""```\n# not a heading of the card\n```"""'
    )
    lineage = Lineage(proposer="llm:<b>", note=evil)
    operator = gather([make(problem={"title": evil}, text=text, lineage=lineage)])
    files = package(operator)
    card = files["README.md"]
    assert "<script>" not in card
    assert "<b>" not in card
    assert "\x1b" not in "".join(files.values())
    assert "\n````python\n" in card, "a longer fence than the text has"
    ast.parse(files["src/pick_scale_kernel/__init__.py"])
    assert tomllib.loads(files["pyproject.toml"])["project"]["description"].startswith('x""" </pre>')
    header = source(operator, naming(operator.problem))["pick_scale.h"]
    assert header.count("*/") == 1


@pytest.mark.parametrize(
    ("text", "shown"), [("a`b", "``a`b``"), ("`", "`` ` ``"), ("plain", "`plain`"), ("two\nlines", "`two lines`")]
)
def test_inline_code_holds_whatever_it_is_given(text: str, shown: str) -> None:
    assert code(text) == shown


def test_blocks_and_plain_text_cannot_be_left() -> None:
    assert block("a\n```\nb") == "````\na\n```\nb\n````"
    assert plain("a|b <i> *c*\n# d") == r"a\|b \<i\> \*c\* \# d"


# ------------------------------------------------------------ names


def test_names_that_python_keeps_get_an_underscore() -> None:
    tensors = pick_scale_problem().inputs
    problem = pick_scale_problem(
        name="lambda", inputs={"in": tensors["x"], "in_": tensors["gain"], "is": tensors["pick"]}
    )
    names = naming(problem)
    assert (names.package, names.function) == ("lambda_kernel", "lambda_")
    assert names.arguments == ("in__", "in_", "is_")
    assert naming(pick_scale_problem(name="counts")).function == "counts_"
    assert naming(pick_scale_problem(name="name")).function == "name_"
    assert naming(pick_scale_problem(name="RMSNorm")).distribution == "rmsnorm-kernel"
    assert naming(problem, "My-Kernel").package == "my_kernel"


@pytest.mark.parametrize("name", ["torch", "json", "1st", "a.b", "../x", "x" * 80, "naïve", "class", "a_"])
def test_names_that_cannot_be_a_package_are_refused(name: str) -> None:
    with pytest.raises(ConfigError, match="--name"):
        naming(pick_scale_problem(), name)


# ------------------------------------------------------------ the hub's layout, and source


def test_the_hub_finds_a_build_with_the_hash_of_every_file(make: Make) -> None:
    operator = gather([make()])
    files = hub(operator, naming(operator.problem), "Apache-2.0")
    build = {path.removeprefix("build/torch-cpu/"): text for path, text in files.items() if path.startswith("build/")}
    metadata = json.loads(build.pop("metadata.json"))
    assert {key: metadata[key] for key in ("name", "version", "license", "backend")} == {
        "name": "pick-scale-kernel",
        "version": 1,
        "license": "apache-2.0",
        "backend": {"type": "cpu"},
    }
    digests = {path: base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for path, text in build.items()}
    assert metadata["digest"] == {"algorithm": "sha256", "files": digests}
    assert json.loads(build["manifest.json"])["namespace"] == metadata["id"]
    assert metadata["id"].isidentifier()
    written = tomllib.loads(files["build.toml"])
    assert written["general"]["edition"] == 5
    assert written["general"]["backends"] == ["cpu"]
    source_files = {path for path in files if path.startswith("torch-ext/pick_scale_kernel/")}
    assert {path.rpartition(".")[2] for path in source_files} == set(written["torch-noarch"]["pyext"])
    assert files["README.md"].startswith("---\nlibrary_name: kernels\n")
    assert 'license: "other"' in hub(operator, naming(operator.problem))["README.md"]


def test_two_kernels_may_be_loaded_side_by_side(make: Make) -> None:
    one, other = (gather([make(name, source=f"{PICK_SCALE_KERNEL}// {name}\n")]) for name in ("one", "other"))
    ids = {json.loads(hub(op, naming(op.problem))["build/torch-cpu/metadata.json"])["id"] for op in (one, other)}
    assert len(ids) == 2


def test_source_takes_one_kernel(make: Make) -> None:
    one = make("one", speedups={"eager": [2.0, 3.0]})
    other = make("other", source=f"{PICK_SCALE_KERNEL}// other\n", speedups={"eager": [3.0, 2.0]})
    operator = gather([one, other])
    with pytest.raises(ConfigError, match="one kernel"):
        source(operator, naming(operator.problem))
    assert len([path for path in package(operator) if path.endswith("kernel.cpp")]) == 2


# ------------------------------------------------------------ writing, and the command


def test_all_or_nothing_is_written(tmp_path: Path) -> None:
    write({"a/b.txt": "x"}, tmp_path / "new")
    assert (tmp_path / "new" / "a" / "b.txt").read_text() == "x"
    with pytest.raises(ConfigError, match="not empty"):
        write({"c": "y"}, tmp_path / "new")
    with pytest.raises(ConfigError, match="cannot be written"):
        write({"a": "x", "a/b": "y"}, tmp_path / "clash")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["new"]


@pytest.mark.parametrize("kind", ["torch", "hub", "source"])
def test_the_command_writes_each_format_and_says_so(
    make: Make, tmp_path: Path, kind: str, capsys: pytest.CaptureFixture[str]
) -> None:
    place = make(speedups={"eager": [2.0, 0.9]})
    words = ["export", str(place), "--format", kind, "--out", str(tmp_path / "out"), "--name", "mine", "--json"]
    assert run(words) == PASSED
    said = json.loads(capsys.readouterr().out)
    assert said["package"] == "mine"
    assert said["table"] == ["rows=8,cols=32"]
    assert said["slower"] == ["rows=16,cols=64"]
    assert all((tmp_path / "out" / name).is_file() for name in said["files"])
    assert {"torch": "pyproject.toml", "hub": "build.toml", "source": "Makefile"}[kind] in said["files"]
    assert run(["export", str(place), "--format", kind, "--out", str(tmp_path / "again")]) == PASSED
    text = capsys.readouterr().out
    assert "rows=8,cols=32  2.00× [1.98, 2.02] over eager" in text
    assert "rows=16,cols=64  not faster than eager" in text
