"""The numbers of a program, and the parts of two."""

from __future__ import annotations

import random

import pytest

from warploom.errors import SourceError
from warploom.propose.programs.literals import mixed, numbers, other, with_texts
from warploom.propose.programs.parts import crossed, parts

PROGRAM = """import math
BEFORE = 5
# EVOLVE-BLOCK-START
STEPS = 40  # not 41
RATE = 0.25
MASK = 0xFF


def grow(x):
    "not 7 either"
    return x * 1.5 + 1e-3j.real


class Walk:
    size = 3

    def step(self):
        return self.size + 2
# EVOLVE-BLOCK-END
AFTER = 6
"""


def test_only_decimal_numbers_of_the_block_are_taken() -> None:
    found = numbers(PROGRAM)
    assert [(one.text, one.line) for one in found.literals] == [
        ("40", 4), ("0.25", 5), ("1.5", 11), ("3", 15), ("2", 18),
    ]  # fmt: skip
    assert all(PROGRAM[one.start :].startswith(one.text) for one in found.literals)
    assert [one.text for one in numbers("a = 1\nb = 2.5\n").literals] == ["1", "2.5"], "no markers: all of it"
    with pytest.raises(SourceError, match="cannot be read"):
        numbers("a = (1,\n")


def test_other_numbers_stand_in_their_places_and_nothing_else_changes() -> None:
    literals = numbers(PROGRAM).literals
    text = with_texts(PROGRAM, {literals[0]: "100", literals[2]: "2.25"})
    assert text == PROGRAM.replace("STEPS = 40", "STEPS = 100").replace("1.5", "2.25")


def test_a_number_stays_of_its_kind() -> None:
    rng = random.Random(0)
    whole = {other("40", rng) for _ in range(200)}
    assert len(whole) > 20
    assert all(one.isdecimal() for one in whole)
    assert {other("0", rng) for _ in range(50)} == {"0", "1"}
    real = {float(other("0.25", rng)) for _ in range(200)}
    assert len(real) > 50
    assert 0 < min(real) < 0.2 < 0.3 < max(real)
    assert all("." in other("2.0", rng) or "e" in other("2.0", rng) for _ in range(50))
    assert float(other("0.0", rng)) > 0


def test_numbers_of_two_programs_that_differ_in_nothing_else_are_mixed() -> None:
    second = PROGRAM.replace("40", "80").replace("0.25", "0.5").replace("1.5", "9.5")
    seen = {
        tuple(one.text for one in numbers(mixed(PROGRAM, second, random.Random(seed))).literals) for seed in range(40)
    }
    assert ("80", "0.25", "1.5", "3", "2") in seen
    assert all(one not in seen for one in (("40", "0.25", "1.5", "3", "2"), ("80", "0.5", "9.5", "3", "2")))
    for unlike in (PROGRAM, PROGRAM.replace("STEPS", "TURNS")):
        with pytest.raises(SourceError, match="do not differ in numbers alone"):
            mixed(PROGRAM, unlike, random.Random(0))


def test_parts_are_what_has_a_name_in_the_block() -> None:
    assert parts(PROGRAM) == {
        "STEPS": (4, 4), "RATE": (5, 5), "MASK": (6, 6), "grow": (9, 11), "Walk": (14, 18), "Walk.size": (15, 15),
        "Walk.step": (17, 18),
    }  # fmt: skip
    assert parts("a = 1\na = 2\n@f\ndef g(): ...\n") == {"g": (3, 4)}


def test_a_part_of_one_program_takes_the_place_of_its_namesake() -> None:
    second = PROGRAM.replace("x * 1.5", "max(x, 2)").replace("self.size + 2", "abs(self.size)").replace("MASK", "HIDE")
    seen = {crossed(PROGRAM, second, random.Random(seed)) for seed in range(20)}
    assert seen == {
        (PROGRAM.replace("x * 1.5", "max(x, 2)"), ("grow",)),
        (PROGRAM.replace("self.size + 2", "abs(self.size)"), ("Walk.step",)),
    }
    with pytest.raises(SourceError, match="share no part that differs"):
        crossed(PROGRAM, PROGRAM.replace("MASK", "HIDE"), random.Random(0))
