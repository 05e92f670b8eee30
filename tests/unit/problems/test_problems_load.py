"""Loading by name or path, apart from torch, and remembering what was found."""

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn, cast

import pytest

import warploom
from warploom.errors import ProblemError
from warploom.problems import cache, load
from warploom.problems.apart import ask_apart
from warploom.problems.describe import may_import_torch
from warploom.problems.load import cache_directory, catalog_names, find_seed, load_catalog, load_problem, locate
from warploom.values.problem import Reference, Workload, describe, from_description

TEXT = """
from warploom import Problem, Tensor, Workload
def double(x): return x + x
problem = Problem(name="double_it", axes=("n",), inputs={"x": Tensor("n")}, outputs={"out": Tensor("n")},
                  reference=double, workloads=[Workload(n=8)], held_out=[Workload(n=3, recipe="wide")])
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "double.py"
    path.write_text(TEXT)
    return path


@pytest.fixture
def no_process(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> NoReturn:
        raise AssertionError("a process was started")

    monkeypatch.setattr(load, "_describe_apart", refuse)


def test_a_file_is_described_in_another_process(path: Path, tmp_path: Path) -> None:
    problem = load_problem(path, tmp_path / "cache")
    assert problem.name == "double_it"
    assert problem.workloads == (Workload(n=8),)
    assert problem.held_out == (Workload(n=3, recipe="wide"),)
    assert isinstance(problem.reference, Reference)
    assert (problem.reference.path, problem.reference.name) == (str(path), "double")


def test_the_second_load_starts_no_process(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = load_problem(path, tmp_path)
    monkeypatch.setattr("subprocess.run", None)
    assert load_problem(str(path), tmp_path) == first


def test_what_is_remembered_holds_for_the_same_text_elsewhere(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = load_problem(path, tmp_path)
    other = tmp_path / "elsewhere" / "other.py"
    other.parent.mkdir()
    shutil.copy(path, other)
    monkeypatch.setattr("subprocess.run", None)
    second = load_problem(other, tmp_path)
    assert isinstance(second.reference, Reference)
    assert second.reference.path == str(other)
    assert second.hash == first.hash, "the hash must not depend on where the file lies"


def test_a_changed_text_is_described_anew(path: Path, tmp_path: Path) -> None:
    first = load_problem(path, tmp_path)
    path.write_text(TEXT.replace("x + x", "2 * x"))
    second = load_problem(path, tmp_path)
    assert second.workloads == first.workloads
    assert second.hash != first.hash, "the reference's text is part of the problem"


def test_a_file_that_takes_from_the_users_modules_is_described_each_time(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its own text does not tell when they change."""
    (tmp_path / "lengths_of_mine.py").write_text("LENGTH = 8\n")
    path.write_text("from lengths_of_mine import LENGTH\n" + TEXT.replace("n=8", "n=LENGTH"))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=os.pathsep)
    assert load_problem(path, tmp_path / "cache").workloads == (Workload(n=8),)
    (tmp_path / "lengths_of_mine.py").write_text("LENGTH = 99\n")
    assert load_problem(path, tmp_path / "cache").workloads == (Workload(n=99),)


def test_the_users_modules_are_part_of_what_a_problem_is(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a reference computes may stand in them; packages that are installed, and Warploom, are none of them."""
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=os.pathsep)
    module = tmp_path / "formula_of_mine.py"
    module.write_text("import packaging.version, warploom.judge.machine.yardstick\ndef formula(x): return x + x\n")
    path.write_text("from formula_of_mine import formula\n" + TEXT.replace("return x + x", "return formula(x)"))
    first = load_problem(path, tmp_path / "cache")
    assert isinstance(first.reference, Reference)
    assert first.reference.modules == {"formula_of_mine": hashlib.sha256(module.read_bytes()).hexdigest()}
    assert from_description(describe(first)) == first
    module.write_text("def formula(x): return 3 * x\n")
    second = load_problem(path, tmp_path / "cache")
    assert second.hash != first.hash
    assert replace(second, reference=first.reference).hash == first.hash, "nothing else is another"


def test_what_is_held_out_around_a_hundred_is_checked_below_zero_too(path: Path, tmp_path: Path) -> None:
    plain = load_problem(path, tmp_path / "cache")
    held = (Workload(n=1), Workload("offset", n=3), Workload("wide", n=3))
    problem = replace(plain, held_out=held)
    assert problem.checked == (*held, Workload("below", n=3))
    twice = replace(problem, held_out=(*held, Workload("below", n=3)))
    assert twice.checked == (*held, Workload("below", n=3)), "which it may say itself"
    inputs = {name: replace(tensor, positive=True) for name, tensor in problem.inputs.items()}
    assert replace(problem, inputs=inputs).checked == held, "what is never negative has no mirror"


def test_the_traffic_of_a_problem_is_part_of_it(path: Path, tmp_path: Path) -> None:
    plain = load_problem(path, tmp_path / "cache")
    stated = replace(plain, traffic="4*n")
    assert from_description(describe(stated)) == stated
    assert stated.hash != plain.hash
    shape = plain.workloads[0]
    assert stated.traffic_bytes(shape) == 4 * shape.extents["n"] < plain.traffic_bytes(shape)
    assert stated.tensor_bytes(shape) == plain.tensor_bytes(shape) == plain.traffic_bytes(shape)
    with pytest.raises(ProblemError, match="traffic must be a text"):
        replace(plain, traffic=cast(str, 4))
    with pytest.raises(ProblemError):
        replace(plain, traffic="4*k")


def test_a_file_that_is_all_of_a_problem_has_the_hash_of_its_text_alone(path: Path, tmp_path: Path) -> None:
    problem = load_problem(path, tmp_path / "cache")
    assert set(describe(problem)["reference"]) == {"path", "name", "sha256"}


def test_a_file_that_takes_from_a_module_of_warploom_is_described_anew_when_that_changes(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    path.write_text("import warploom.judge.machine.yardstick\n" + TEXT)
    first = load_problem(path, tmp_path / "cache")
    hashes = cache.own_hashes(["warploom.judge.machine.yardstick"])
    assert len(hashes["warploom.judge.machine.yardstick"]) == 64
    request.getfixturevalue("no_process")
    assert load_problem(path, tmp_path / "cache") == first
    monkeypatch.setattr(cache, "own_hashes", lambda names: dict.fromkeys(names, "another"))
    with pytest.raises(AssertionError, match="a process was started"):
        load_problem(path, tmp_path / "cache")


def test_what_a_file_takes_from_pytorch_is_none_of_the_users_modules(
    path: Path, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    path.write_text("import torch.nn.utils.prune\n" + TEXT)  # which PyTorch does not import by itself
    first = load_problem(path, tmp_path / "cache")
    request.getfixturevalue("no_process")
    assert load_problem(path, tmp_path / "cache") == first


def test_pytorch_is_not_imported_for_a_file_that_cannot_do_so(path: Path, tmp_path: Path) -> None:
    """It takes two seconds, and the reference is not called here."""
    path.write_text(f"import sys\nassert 'torch' not in sys.modules\n{TEXT}")
    assert load_problem(path, tmp_path / "cache").name == "double_it"


@pytest.mark.parametrize(
    ("text", "may"),
    [
        ("import json, os.path\nfrom warploom.values.problem import Tolerance\nimport warploom", False),
        ("import json, torch", True),
        ("def late():\n    from torch.nn import functional", True),
        ("import lengths_of_mine", True),
        ("from . import lengths", True),
        ("from warploom.judge.machine import yardstick", True),
        ("from warploom_elsewhere import Problem", True),
        ("import", False),
    ],
)
def test_a_file_may_import_pytorch_when_it_takes_from_elsewhere(text: str, may: bool) -> None:
    assert may_import_torch(text) is may


def test_another_version_remembers_nothing(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    load_problem(path, tmp_path)
    monkeypatch.setattr(warploom, "__version__", "0.0.0")
    request.getfixturevalue("no_process")
    with pytest.raises(AssertionError, match="a process was started"):
        load_problem(path, tmp_path)


@pytest.mark.parametrize("damage", ["", "{", "[]", "{}", '{"name": "double_it"}'])
def test_a_damaged_memory_is_replaced(path: Path, tmp_path: Path, damage: str) -> None:
    first = load_problem(path, tmp_path / "cache")
    (remembered,) = (tmp_path / "cache").iterdir()
    remembered.write_text(damage)
    assert load_problem(path, tmp_path / "cache") == first
    assert json.loads(remembered.read_text())["name"] == "double_it"


def test_a_cache_that_cannot_be_written_is_done_without(path: Path, tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("no directory")
    assert load_problem(path, blocked / "cache").name == "double_it"


def test_the_cache_directory_follows_xdg(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert cache_directory() == tmp_path / "xdg" / "warploom"
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cache_directory() == tmp_path / ".cache" / "warploom"
    assert cache_directory().is_dir()


def test_a_home_that_cannot_be_written_gives_a_temporary_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("no directory")
    monkeypatch.setenv("XDG_CACHE_HOME", str(blocked))
    monkeypatch.setenv("HOME", str(blocked))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    made = cache_directory()
    assert made.is_dir()
    assert made.parent == tmp_path


def test_the_default_cache_is_used(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    load_problem(path)
    assert len(list((tmp_path / "xdg" / "warploom" / "problems").iterdir())) == 1


@pytest.mark.torch
def test_the_parent_never_imports_torch(tmp_path: Path) -> None:
    script = (
        "import sys; from pathlib import Path; from warploom.problems import load_problem\n"
        f"assert load_problem('softmax', Path({str(tmp_path)!r})).name == 'softmax'\n"
        "assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", script], check=True)


@pytest.mark.torch
def test_the_whole_catalog_costs_one_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[Any] = []

    def count(*given: Any, **options: Any) -> Any:
        started.append(given)
        return ask_apart(*given, **options)

    monkeypatch.setattr("warploom.problems.load.ask_apart", count)
    catalog = load_catalog(tmp_path)
    assert tuple(catalog) == catalog_names()
    assert all(name == problem.name for name, problem in catalog.items())
    assert len(started) == 1
    assert load_problem("softmax", tmp_path) == catalog["softmax"]
    assert len(started) == 1


def test_an_unknown_name_shows_the_nearest() -> None:
    with pytest.raises(ProblemError) as caught:
        load_problem("sofmax")
    assert "unknown problem 'sofmax': did you mean softmax" in str(caught.value)
    assert "`warploom problems` lists the catalog" in str(caught.value)


def test_a_name_like_no_other_gets_no_guess() -> None:
    with pytest.raises(ProblemError) as caught:
        locate("zzzz")
    assert "did you mean" not in str(caught.value)


def test_a_missing_file_is_named() -> None:
    with pytest.raises(ProblemError, match=r"nowhere/at_all\.py: there is no such problem file"):
        load_problem("nowhere/at_all.py")


def test_a_name_of_the_catalog_goes_before_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("softmax").mkdir()
    assert locate("softmax") == load.CATALOG / "softmax" / "problem.py"


def test_what_is_wrong_in_a_file_comes_back_as_one_line(path: Path, tmp_path: Path) -> None:
    path.write_text("print('hello')\nproblem = 1 / 0\n")
    with pytest.raises(ProblemError) as caught:
        load_problem(path, tmp_path)
    assert str(caught.value) == f"{path}:2: ZeroDivisionError: division by zero"


@pytest.mark.parametrize(
    ("before", "after", "says"),
    [
        (r" outputs=.*", "", r'Problem\(…\) lacks outputs=\{"y": Tensor\("n"\)\}'),
        (r" inputs=.*", "", r"Problem\(…\) lacks inputs=.* and outputs="),
        (" inputs=", " input=", r"Problem\(…\) takes no input; did you mean inputs\?"),
        (r"Tensor\(", 'Tensor(tone="dark", shape=', r"Tensor\(…\) takes no tone; it takes shape, dtype, low, high"),
        (r"Tensor\([^)]*\)", "Tensor()", r'Tensor\(…\) lacks shape="n"'),
    ],
)
def test_a_field_that_is_absent_or_unknown_is_named_as_the_file_has_it(
    before: str, after: str, says: str, path: Path, tmp_path: Path
) -> None:
    text = re.sub(before, after, path.read_text())
    assert text != path.read_text()
    path.write_text(text)
    with pytest.raises(ProblemError, match=rf"^{re.escape(str(path))}:\d+: {says}"):
        load_problem(path, cache=tmp_path / "cache")


def test_what_a_file_prints_does_no_harm(path: Path, tmp_path: Path) -> None:
    path.write_text(f"import os\nprint('[]')\nos.write(1, b'[1]')\n{TEXT}")
    assert load_problem(path, tmp_path / "cache").name == "double_it"


def test_a_file_that_ends_its_process(path: Path, tmp_path: Path) -> None:
    path.write_text("import os, sys\nsys.stderr.write('gone\\n')\nsys.stderr.flush()\nos._exit(3)\n")
    with pytest.raises(ProblemError, match=r"ended its process \(exit status 3\).*: gone"):
        load_problem(path, tmp_path)


def test_a_file_that_never_ends(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(load, "DEADLINE_SECONDS", 0.3)
    path.write_text("while True: pass\n")
    with pytest.raises(ProblemError, match=r"took longer than 0\.3 s"):
        load_problem(path, tmp_path)


def test_a_stray_torch_in_the_current_directory_is_not_pytorch(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "json.py").write_text("raise RuntimeError('the wrong module')\n")
    monkeypatch.chdir(tmp_path)
    assert load_problem(path, tmp_path / "cache").name == "double_it"


def test_seeds_stand_beside_the_problem(path: Path) -> None:
    assert find_seed("softmax") == load.CATALOG / "softmax" / "seed.cpp"
    with pytest.raises(ProblemError, match=r"no starting implementation in cpp; write seed\.cpp or double\.seed\.cpp"):
        find_seed(path)
    path.with_name("seed.cpp").write_text("")
    assert find_seed(path).name == "seed.cpp"
    path.with_name("double.seed.cpp").write_text("")
    assert find_seed(str(path)).name == "double.seed.cpp"
    with pytest.raises(ProblemError, match="in cuda"):
        find_seed(path, "cuda")
