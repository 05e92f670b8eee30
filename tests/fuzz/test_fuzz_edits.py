"""Edits: whatever a proposer hands in, the frame around the evolve block stays, and TUNE lines are read or refused."""

from __future__ import annotations

import random
import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from warploom.errors import SourceError
from warploom.problems.load import CATALOG
from warploom.syntax import evolve_block, tune
from warploom.testing.damage import ODD_WORDS, damaged_text, odd_text, odd_value
from warploom.testing.fuzz import Target, WrongPass, refused

SEEDS = [path.read_text() for path in sorted(CATALOG.glob("*/seed.cpp"))]
MARKED = [
    text if evolve_block.START in text else f"{head}\n// EVOLVE-BLOCK-START\n{text}// EVOLVE-BLOCK-END\n{tail}"
    for text, head, tail in zip(
        SEEDS, ("#include <cmath>", "", "int a;\r") * 8, ("", "int x;\n", "}") * 8, strict=False
    )
]
TUNED = "TUNE(BLOCK, 64, 32, 64, 128)\nint a;\n  TUNE( WAYS , 2.5, 1e3 );  // how many\nTUNE(KIND, fast, slow)\n"


def draw_edit(rng: random.Random) -> tuple[str, str]:
    """A source and what somebody made of it."""
    parent = rng.choice(MARKED)
    child = damaged_text(rng, parent, (*ODD_WORDS, "// EVOLVE-BLOCK-START\n", "// EVOLVE-BLOCK-END\n"))
    if rng.random() < 0.4:  # a whole new block in the old frame
        before, _, after = evolve_block.split(parent)
        child = evolve_block.join(before, odd_text(rng, 200), after)
    return parent, child


def check_edit(edit: tuple[str, str]) -> str:
    parent, child = edit
    try:
        evolve_block.enforce(parent, child)
    except SourceError as error:
        return refused(error)
    before, _, after = evolve_block.split(parent)
    if not child.startswith(before) or not child.endswith(after) or len(child) < len(before) + len(after):
        raise WrongPass("an edit outside the block was accepted")
    return "accepted"


def draw_split(rng: random.Random) -> str:
    return damaged_text(rng, rng.choice(MARKED)) if rng.random() < 0.7 else odd_text(rng, 300)


def check_split(text: str) -> str:
    try:
        parts = evolve_block.split(text)
    except SourceError as error:
        return refused(error)
    assert "".join(parts) == text
    assert evolve_block.join(*parts) == text
    return "split" if any(parts[::2]) else "no markers"


def draw_tune(rng: random.Random) -> tuple[str, dict[str, Any]]:
    text = damaged_text(rng, TUNED, (*ODD_WORDS, "BLOCK", "64", "2.5", "fast"))
    names = [odd_text(rng, 5), "BLOCK", "WAYS", "KIND"]
    values = [odd_value(rng, 0), 64, 128, 2.5, 1000.0, "fast", "slow"]
    return text, {rng.choice(names): rng.choice(values) for _ in range(rng.randrange(3))}


def check_tune(given: tuple[str, dict[str, Any]]) -> str:
    text, parameters = given
    try:
        lines = tune.declared(text)
        resolved = tune.resolve(text, parameters)
    except SourceError as error:
        return refused(error)
    assert resolved.count("\n") == text.count("\n"), "line numbers must keep their meaning"
    assert tune.declared(resolved) == ()
    defined = re.findall(r"^#define (\S+) (\S+)$", resolved, re.MULTILINE)
    assert {line.name for line in lines} <= {name for name, _ in defined}
    for line in lines:
        assert line.default in line.choices
        chosen = line.choices[line.choices.index(parameters.get(line.name, line.default))]
        assert (line.name, str(chosen)) in defined
    return "declared" if lines else "none"


TARGETS = (
    Target("edits", draw_edit, check_edit, weight=6, few=300),
    Target("evolve blocks", draw_split, check_split, weight=6, few=300),
    Target("tune lines", draw_tune, check_tune, weight=6, few=300),
)


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
def test_damaged_edits(target: Target) -> None:
    outcomes = target.short_run()
    assert len(outcomes) > 1, "both right and wrong inputs were drawn"


@settings(max_examples=200, deadline=None, derandomize=True, database=None)
@given(st.text(), st.text())
def test_any_text_as_a_block_is_held_in_its_frame(block: str, other: str) -> None:
    before, after = "int head;\n// EVOLVE-BLOCK-START\n", "// EVOLVE-BLOCK-END\nint tail;\n"
    parent, child = (evolve_block.join(before, text, after) for text in (block, other))
    check_edit((parent, child)) if check_split(parent) == "split" else None
    check_split(other)


@settings(max_examples=200, deadline=None, derandomize=True, database=None)
@given(st.text(max_size=40), st.lists(st.one_of(st.integers(), st.floats(), st.text(max_size=8)), max_size=4))
def test_any_words_in_a_tune_line(name: str, words: list[object]) -> None:
    check_tune((f"TUNE({name}, {', '.join(map(str, words))})", {}))


@pytest.mark.parametrize("letter", ["\x0b", "\x0c", "\x1c", "\x85", "\u2028", "\r"])
def test_only_a_line_feed_ends_a_line(letter: str) -> None:
    """Found: a form feed counted as a line end, so that splitting and joining added a line feed."""
    check_split(f"// EVOLVE-BLOCK-START\nint x;{letter}// EVOLVE-BLOCK-END\n")


@pytest.mark.parametrize("word", ["9" * 5000, "1e999", "-1e999", "٣", "²", "é", "1." + "0" * 400 + "e" + "9" * 400])
def test_a_value_that_c_cannot_read_is_refused(word: str) -> None:
    """Found: five thousand digits raised a ValueError; infinities and foreign digits went into the source."""
    with pytest.raises(SourceError, match="line 1"):
        tune.declared(f"TUNE(A, {word}, 2)")


def test_odd_names_and_values_of_parameters_are_refused_in_one_line() -> None:
    """Found: a line feed in a name broke the message."""
    check_tune((TUNED, {"a\nb": 1}))
    check_tune((TUNED, {"BLOCK": "6\n4"}))
