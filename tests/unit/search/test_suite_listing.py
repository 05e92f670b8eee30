"""Which problems the words of a suite stand for."""

from __future__ import annotations

from pathlib import Path

import pytest

from warploom.errors import ConfigError, ProblemError
from warploom.problems.load import catalog_names
from warploom.search.suite.listing import Entry, list_suite


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    for level, names in (("1", ("1_Square.py", "2_Tall.py", "10_Wide.py")), ("2", ("1_Conv.py", "notes.py"))):
        folder = tmp_path / "KernelBench" / f"level{level}"
        folder.mkdir(parents=True)
        for name in names:
            (folder / name).touch()
    return tmp_path


def places(words: list[str], root: Path | None = None, scale: str = "") -> list[str]:
    return [entry.id for entry in list_suite(words, root, scale)]


def test_the_catalog_is_a_suite() -> None:
    found = list_suite(["catalog"])
    assert [entry.address for entry in found] == list(catalog_names())
    assert {entry.level for entry in found} == {"catalog"}


def test_a_level_of_kernelbench_in_the_order_of_its_numbers(checkout: Path) -> None:
    found = list_suite(["kernelbench:1"], checkout)
    assert [entry.id for entry in found] == ["kb-1-1", "kb-1-2", "kb-1-10"]
    assert found[0] == Entry("kb-1-1", f"kernelbench:1/1?root={checkout}", "level 1")


def test_numbers_and_ranges_choose(checkout: Path) -> None:
    assert places(["kernelbench:1/2-10"], checkout) == ["kb-1-2", "kb-1-10"]
    assert places(["kernelbench:1/10,1", "kernelbench:2"], checkout) == [
        "kb-1-10",
        "kb-1-1",
        "kb-2-1",
    ]
    with pytest.raises(ProblemError, match="no problem 3-9 at that level"):
        places(["kernelbench:1/3-9"], checkout)
    with pytest.raises(ProblemError, match="'x' is no number and no range"):
        places(["kernelbench:1/x"], checkout)
    with pytest.raises(ProblemError, match="level7"):
        places(["kernelbench:7"], checkout)


def test_root_and_scale_become_part_of_the_addresses(checkout: Path) -> None:
    (entry,) = list_suite(["kernelbench:1/1"], checkout, "full", trust=True)
    assert entry.address == f"kernelbench:1/1?root={checkout}&scale=full&trust=yes"
    with pytest.raises(ConfigError, match="--scale huge: known: auto, full"):
        list_suite(["catalog"], None, "huge")


def test_gpumode_finds_the_tasks_below_a_folder(tmp_path: Path) -> None:
    for place in ("pmpp/vectorsum", "pmpp/histogram"):
        (tmp_path / place).mkdir(parents=True)
        (tmp_path / place / "task.yml").touch()
    found = list_suite([f"gpumode:{tmp_path}"])
    assert [(entry.id, entry.level) for entry in found] == [
        ("histogram", "pmpp"),
        ("vectorsum", "pmpp"),
    ]
    assert found[0].address == f"gpumode:{tmp_path}/pmpp/histogram"
    (tmp_path / "empty").mkdir()
    with pytest.raises(ProblemError, match=r"no task\.yml"):
        list_suite([f"gpumode:{tmp_path / 'empty'}"])


def test_a_folder_holds_the_files_that_define_a_problem(tmp_path: Path) -> None:
    (tmp_path / "soft").mkdir()
    (tmp_path / "soft" / "problem.py").write_text("problem = 1\n")
    (tmp_path / "other.py").write_text("problem = 1\n")
    (tmp_path / "no.py").write_text("solution = 1\n")
    (tmp_path / "broken.py").write_text("problem = (\n")
    found = list_suite([str(tmp_path)])
    assert [entry.id for entry in found] == ["other", "soft"]
    assert [Path(entry.address) for entry in found] == [tmp_path / "other.py", tmp_path / "soft" / "problem.py"]
    (tmp_path / "none").mkdir()
    with pytest.raises(ConfigError, match="holds no problem file"):
        list_suite([str(tmp_path / "none")])


def test_a_list_in_a_file_has_remarks_and_paths_of_its_own(tmp_path: Path, checkout: Path) -> None:
    (tmp_path / "mine.py").write_text("problem = 1\n")
    (tmp_path / "suite.txt").write_text("# mine\nmine.py  # the first\n\nsoftmax\nkernelbench:1/1-2?root=KernelBench\n")
    found = list_suite([str(tmp_path / "suite.txt")])
    assert [entry.id for entry in found] == ["mine", "softmax", "kb-1-1", "kb-1-2"]
    assert found[0].address == str(tmp_path / "mine.py")
    assert found[2].address == f"kernelbench:1/1?root={tmp_path / 'KernelBench'}"
    (tmp_path / "suite.txt").write_text("nothing-there\n")
    with pytest.raises(ConfigError, match=r"suite\.txt: 'nothing-there' is no suite"):
        list_suite([str(tmp_path / "suite.txt")])
    (tmp_path / "suite.txt").write_text("# nothing\n")
    with pytest.raises(ConfigError, match="lists no problems"):
        list_suite([str(tmp_path / "suite.txt")])


def test_a_problem_is_there_once_and_ids_differ(tmp_path: Path) -> None:
    for place in ("a", "b"):
        (tmp_path / place).mkdir()
        (tmp_path / place / "soft.py").write_text("problem = 1\n")
    assert places([str(tmp_path), str(tmp_path / "a" / "soft.py"), "softmax", "softmax"]) == [
        "soft",
        "soft-2",
        "softmax",
    ]


def test_a_word_that_is_nothing_is_refused() -> None:
    with pytest.raises(ConfigError, match="'nothing' is no suite: give catalog, kernelbench:LEVEL"):
        list_suite(["nothing"])
    with pytest.raises(ConfigError, match="at least one problem"):
        list_suite([])
