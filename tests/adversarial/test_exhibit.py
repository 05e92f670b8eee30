"""What an exhibit says of itself is checked: a typing error must not make a test that asks nothing."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from exhibit import LISTED, ZOO, Exhibit, ExhibitError, caught, load_exhibits, read_exhibit

from warploom.values.outcome import Build, Failed, Passed, Verdict

WORDS = """
title = "returns zeros"
origin = "listed"
exploits = [5]
problem = "rectified_norm.py"
guard = "the oracle"
kinds = ["wrong_result"]
disabled_by = "comparison with the oracle"
"""


def write(folder: Path, words: str = WORDS) -> Path:
    for name in ("cheat.cpp", "honest.cpp"):
        (folder / name).write_text("")
    (folder / "exhibit.toml").write_text(words)
    return folder


def test_an_exhibit_is_read_whole(tmp_path: Path) -> None:
    exhibit = read_exhibit(write(tmp_path, WORDS + 'says = "expected"\nstage = "verify"\nruns = 2\n'))
    assert (exhibit.name, exhibit.exploits, exhibit.kinds) == (tmp_path.name, (5,), ("wrong_result",))
    assert (exhibit.says, exhibit.stage, exhibit.efforts, exhibit.runs) == ("expected", "verify", ("screen",), 2)


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("guard =", "gaurd =", "unknown key 'gaurd'"),
        ('title = "returns zeros"', "", "'title' is missing"),
        ("[5]", '["5"]', "exploits"),
        ("[5]", "[40]", "from 1 to 39"),
        ("[5]", "[]", "has a number"),
        ('"wrong_result"', '"wrong"', "kinds of failure"),
        ('["wrong_result"]', "[]", "kinds is empty"),
        ('"listed"', '"elsewhere"', "origin"),
        ('"rectified_norm.py"', '"no_such.py"', "neither in the catalog"),
        ("kinds =", "got_through = true\nkinds =", "has a fix"),
        ("kinds =", 'stage = "check"\nkinds =', "no stage"),
        ("kinds =", 'efforts = ["glance"]\nkinds =', "no efforts"),
        ("kinds =", "runs = 0\nkinds =", "at least 1"),
        ("[5]", "[5", "exhibit.toml"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, old: str, new: str, complaint: str) -> None:
    with pytest.raises(ExhibitError, match=complaint):
        read_exhibit(write(tmp_path, WORDS.replace(old, new)))


def test_an_exhibit_without_its_look_alike_is_none(tmp_path: Path) -> None:
    (write(tmp_path) / "honest.cpp").unlink()
    with pytest.raises(ExhibitError, match="honest look-alike"):
        read_exhibit(tmp_path)


def test_only_the_foretold_failure_counts_as_caught(tmp_path: Path) -> None:
    exhibit = read_exhibit(write(tmp_path, WORDS + 'says = "expected"\nstage = "verify"\n'))
    assert exhibit.escaped(Failed("verify", "wrong_result", "element 0 is 1, expected 2")) == ""
    assert "passed" in exhibit.escaped(Passed(Build("", "", "", (), "", 0), Verdict(()), ()))
    assert "not wrong_result" in exhibit.escaped(Failed("verify", "crash", "expected"))
    assert "stage time" in exhibit.escaped(Failed("time", "wrong_result", "expected"))
    assert "lacks" in exhibit.escaped(Failed("verify", "wrong_result", "wrong"))
    assert caught(Failed("verify", "crash", ""))
    assert not caught(Failed("judge", "reference", "PyTorch died"))


EXHIBITS = load_exhibits()


def test_every_listed_exploit_is_answered() -> None:
    """By exhibits, or by a row of the table that says why there is none; what the table names is there."""
    rows = {}
    for line in (ZOO / "README.md").read_text().splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if cells[0].strip().isdigit():
            rows[int(cells[0])] = cells[2]
    assert sorted(rows) == list(range(1, LISTED + 1))
    for number, answer in rows.items():
        shown = {exhibit.name for exhibit in EXHIBITS if number in exhibit.exploits}
        named = set(re.findall(r"`([a-z_]+)`", answer))
        assert named <= shown, f"row {number} names {sorted(named - shown)}, which show something else"
        assert bool(named) != answer.startswith("none: "), f"row {number} has neither exhibit nor reason, or both"


@pytest.mark.parametrize("exhibit", EXHIBITS, ids=lambda exhibit: str(exhibit.name))
def test_the_two_kernels_differ(exhibit: Exhibit) -> None:
    assert (exhibit.folder / "cheat.cpp").read_text() != (exhibit.folder / "honest.cpp").read_text()
