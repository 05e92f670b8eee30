"""From evidence to a table: order, admission, several kernels of one operator, and what is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from warploom.archive.journal import create
from warploom.cli.main import BAD_INPUT, run
from warploom.errors import ConfigError, InputError, JournalError, ProblemError, SourceError
from warploom.export.gather import gather
from warploom.export.manifest import held_out, manifest
from warploom.export.naming import naming
from warploom.testing.evidence import PICK_SCALE, PICK_SCALE_KERNEL
from warploom.values.config import RunConfig
from warploom.values.event import RunStarted
from warploom.values.problem import Problem, Tensor, Workload

Make = Callable[..., Path]


def described(*places: Path, **options: Any) -> dict[str, Any]:
    operator = gather(places, **options)
    return manifest(operator, naming(operator.problem))


def test_arguments_keep_the_order_of_the_problem_file(make: Make) -> None:
    place = make()
    stated = json.loads((place / "evidence.json").read_text())["problem"]
    assert list(stated["inputs"]) == ["gain", "pick", "x"], "evidence does not keep it"
    found = described(place)
    assert [one["name"] for one in found["inputs"]] == ["x", "pick", "gain"]
    assert [one["name"] for one in found["outputs"]] == ["scaled", "chosen"]
    assert found["table"][1]["inputs"] == [[16, 64], [16], [64]]
    assert found["table"][1]["outputs"] == [[16, 64], [16]]
    assert list(found["table"][1]["axes"].items()) == [("rows", 16), ("cols", 64)]


def test_only_shapes_that_are_faster_get_into_the_table(make: Make) -> None:
    slow = make("slow", speedups={"eager": [2.0, 1.005], "compile": [0.9, 3.0]})
    operator = gather([slow])
    assert [str(row.workload) for row in operator.table] == ["rows=8,cols=32"]
    assert [str(one) for one in operator.slower] == ["rows=16,cols=64"]
    assert operator.table[0].speedups["compile"].median == pytest.approx(0.9, rel=0.02)
    over = gather([slow], over="compile")
    assert [str(row.workload) for row in over.table] == ["rows=16,cols=64"]
    none = make("none", speedups={"eager": [0.5, 1.0]})
    with pytest.raises(SourceError, match=r"the noise floor, 1\.0\d×, so there is nothing to export"):
        gather([none])


def test_the_better_of_two_kernels_runs_each_shape(make: Make) -> None:
    one = make("one", speedups={"eager": [2.0, 3.0]})
    other = make(
        "other", source=PICK_SCALE_KERNEL.replace("#pragma omp parallel for\n", ""), speedups={"eager": [2.5, 1.5]}
    )
    operator = gather([one, other])
    assert len(operator.variants) == 2
    chosen = {str(row.workload): row.variant.evidence.path.parent.name for row in operator.table}
    assert chosen == {"rows=8,cols=32": "other", "rows=16,cols=64": "one"}
    worse = make("worse", source=f"{PICK_SCALE_KERNEL}// again\n", speedups={"eager": [1.5, 1.5]})
    assert [variant.evidence.path.parent.name for variant in gather([one, worse]).variants] == ["one"]


def test_problems_that_differ_in_their_workloads_alone_share_a_table(make: Make) -> None:
    more = {"workloads": [Workload(rows=4, cols=4)], "held_out": [Workload(rows=3, cols=7), Workload(rows=5, cols=5)]}
    text = PICK_SCALE.replace(
        "SHAPES = [Workload(rows=8, cols=32), Workload(rows=16, cols=64)]", "SHAPES = []  # others"
    )
    operator = gather(
        [
            make("one", problem={"held_out": [Workload(rows=2, cols=2), Workload(rows=3, cols=7)]}),
            make("other", problem=more, text=text),
        ]
    )
    assert [str(one) for one in held_out(operator)] == ["rows=3,cols=7"], "where both were verified"
    assert [str(row.workload) for row in operator.table] == ["rows=8,cols=32", "rows=16,cols=64", "rows=4,cols=4"]
    another = make("another", problem=more, text=text.replace("FACTOR = 2.0", "FACTOR = 3.0"))
    with pytest.raises(SourceError, match="not of one operator"):
        gather([make("again"), another])


def test_shapes_that_a_call_cannot_tell_apart_are_refused(make: Make) -> None:
    problem = {
        "axes": ("rows", "cols", "top"),
        "outputs": {"scaled": Tensor("rows cols"), "chosen": Tensor("rows")},
        "workloads": [Workload(rows=8, cols=32, top=1), Workload(rows=8, cols=32, top=2)],
        "held_out": [],
    }
    with pytest.raises(SourceError, match="cannot tell them apart"):
        gather([make(problem=problem)])


def test_the_slowest_recipe_of_a_shape_decides(make: Make) -> None:
    two = [Workload(rows=8, cols=32), Workload(rows=8, cols=32, recipe="wide")]
    operator = gather([make(problem={"workloads": two}, speedups={"eager": [3.0, 1.5]})])
    assert [row.speedups["eager"].median for row in operator.table] == [pytest.approx(1.5, rel=0.02)]


def test_ranges_that_guard_memory_are_kept_and_the_symmetric_byte_is_not(make: Make) -> None:
    assert described(make())["table"][0]["ranges"] == [[None, None], [0, 31], [None, None]]
    byte = {
        "inputs": {
            "x": Tensor("rows cols", "int8", low=-127, high=128),
            "pick": Tensor("rows", "int64"),
            "gain": Tensor("cols", "uint8", low=0, high=9),
        }
    }
    assert described(make("byte", problem=byte))["table"][0]["ranges"] == [[None, None], [None, None], [0, 8]]


def test_a_problem_whose_order_is_not_written_must_be_named(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    place = make(text=PICK_SCALE.replace("inputs={", "inputs=INPUTS or {"))
    with pytest.raises(ProblemError, match="--problem FILE"):
        gather([place])
    loaded: list[str] = []

    def load(word: str) -> Problem:
        loaded.append(word)
        return gather([make("known")]).problem

    monkeypatch.setattr("warploom.search.best.recheck.load_problem", load)
    with pytest.raises(ProblemError, match="another problem"):  # it was run, and its hash looked at
        gather([place], problem_file=place / "problem.py")
    assert loaded == [str(place / "problem.py")]


def rewrite(place: Path, change: Callable[[dict[str, Any]], None]) -> Path:
    document = json.loads((place / "evidence.json").read_text())
    change(document)
    (place / "evidence.json").write_text(json.dumps(document))
    return place


def other_axes(document: dict[str, Any]) -> None:
    document["problem"]["workloads"][0]["rows"] = 1


def no_text(document: dict[str, Any]) -> None:
    document["problem"]["file"] = None


def other_text(document: dict[str, Any]) -> None:
    document["problem"]["file"]["text"] += "import os\n"


def no_problem(document: dict[str, Any]) -> None:
    document["problem"]["inputs"] = 3


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (other_axes, "has not the hash"),
        (no_text, "does not hold the problem's text"),
        (other_text, "is not the problem file"),
        (no_problem, "damaged"),
    ],
)
def test_changed_evidence_is_refused(make: Make, change: Callable[[dict[str, Any]], None], said: str) -> None:
    with pytest.raises(InputError, match=said):
        gather([rewrite(make(), change)])


def test_a_kernel_that_was_changed_is_refused(make: Make) -> None:
    place = make()
    (place / "kernel.cpp").write_text(PICK_SCALE_KERNEL.replace("2.0f", "3.0f"))
    with pytest.raises(SourceError, match=r"kernel\.cpp is not the kernel"):
        gather([place])


def test_flags_beyond_the_whitelist_are_refused(make: Make) -> None:
    assert gather([make("fine", flags=("-ffast-math",))]).variants
    with pytest.raises(SourceError, match="whitelist"):
        gather([make(flags=("-fplugin=evil.so",))])


@pytest.mark.parametrize("name", ["class", "x; system", "../up", "über"])
def test_names_that_are_no_plain_identifiers_are_refused(make: Make, name: str) -> None:
    place = make()
    rewrite(place, lambda document: document["problem"].update(name=name))
    with pytest.raises(SourceError, match="damaged"):
        gather([place])


def test_a_run_is_found_by_its_folder_and_an_empty_one_is_told_what_to_do(make: Make, tmp_path: Path) -> None:
    make("run/best")
    assert len(gather([tmp_path / "run"]).table) == 2
    (tmp_path / "young").mkdir()
    (tmp_path / "young" / "journal.db").touch()
    with pytest.raises(JournalError, match="the run was stopped before it began"):
        gather([tmp_path / "young"])
    (tmp_path / "young" / "journal.db").unlink()
    create(tmp_path / "young", RunStarted(RunConfig("twice").to_mapping(), {"name": "twice"}, {}, "0")).close()
    with pytest.raises(JournalError, match="warploom resume"):
        gather([tmp_path / "young"])


def test_bad_words_are_one_line(make: Make, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    place = str(make())
    out = str(tmp_path / "out")
    for words, said in (
        ([place, "--out", out, "--format", "wheel"], "known: torch, hub, source"),
        ([place, "--out", out, "--over", "numpy"], "eager, compile"),
        ([place, "--out", out, "--name", "torch"], "taken"),
        ([place, "--out", out, "--name", "a b"], "letters"),
        ([place, "--out", place], "not empty"),
        ([str(tmp_path / "none"), "--out", out], "best/ folder"),
        ([place], "--out"),
    ):
        assert run(["export", *words]) == BAD_INPUT
        error = capsys.readouterr().err
        assert said in " ".join(error.split())
        assert "Traceback" not in error
    assert not (tmp_path / "out").exists()
    with pytest.raises(ConfigError, match="baseline"):
        gather([Path(place)], over="numpy")
