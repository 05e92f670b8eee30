"""Long arrays are worked on by several cores, and nothing else changes by it."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from warploom.judge.comparison.compare import CHUNK, Expected, compare
from warploom.judge.content import spread as spreading
from warploom.judge.content.renewal import Source
from warploom.judge.content.spread import LEAST, spread
from warploom.values.problem import Tensor

LONG = 3 * LEAST + 5


@pytest.fixture
def three_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spreading, "_cores", lambda: 3)


@pytest.mark.usefixtures("three_cores")
@pytest.mark.parametrize("size", [1, LEAST, 2 * LEAST, LONG])
def test_spans_make_up_the_whole_in_order(size: int) -> None:
    spans = spread(lambda begin, end: (begin, end), size, 1000)
    assert [begin for begin, _ in spans] == [0, *(end for _, end in spans[:-1])]
    assert spans[-1][1] == size
    assert all(end % 1000 == 0 for _, end in spans[:-1])
    assert len(spans) == max(1, min(3, size // LEAST))


@pytest.mark.usefixtures("three_cores")
def test_long_arrays_are_worked_on_side_by_side() -> None:
    meeting = threading.Barrier(3, timeout=30)
    assert spread(lambda begin, end: meeting.wait() >= 0, LONG, 1) == [True] * 3


@pytest.mark.usefixtures("three_cores")
def test_an_error_in_a_span_is_not_lost() -> None:
    def fail(begin: int, end: int) -> None:
        if begin:
            raise ValueError("here")

    with pytest.raises(ValueError, match="here"):
        spread(fail, LONG, 1)


@pytest.mark.usefixtures("three_cores")
@pytest.mark.parametrize("where", [0, LEAST + 7, LONG - 1])
def test_a_wrong_element_is_found_in_any_span(where: int) -> None:
    values = np.linspace(1, 2, LONG, dtype=np.float32)
    own = values.copy()
    own[where] += 0.5
    own[-2] += 1e-4  # within its tolerance
    expected = Expected(values, np.full(LONG, 0.1, np.float32))
    found = compare(own, "float32", expected, -1)
    assert (found.guard, found.worst_index) == ("wrong_result", where)
    right = compare(values, "float32", expected, -1)
    assert (right.guard, right.max_rel_error, right.worst_index) == ("", 0.0, -1)


@pytest.mark.usefixtures("three_cores")
def test_the_worst_is_the_worst_of_all_spans() -> None:
    values = np.ones(LONG, np.float32)
    own = values.copy()
    own[5], own[2 * LEAST] = 1.01, 1.02  # the first allowed much less
    tolerance = np.full(LONG, 0.1, np.float32)
    tolerance[:CHUNK] = 0.0125
    found = compare(own, "float32", Expected(values, tolerance), -1)
    assert found.worst_index == 5
    assert found.max_rel_error == pytest.approx(0.8, rel=1e-3)
    assert found.max_abs_error == pytest.approx(0.02, rel=1e-3)


@pytest.mark.parametrize("tensor", [Tensor("n"), Tensor("n", "int32", low=-3, high=4), Tensor("n", "float16")])
def test_content_is_the_same_on_any_number_of_cores(tensor: Tensor, monkeypatch: pytest.MonkeyPatch) -> None:
    found = []
    for cores in (1, 3):
        monkeypatch.setattr(spreading, "_cores", lambda cores=cores: cores)
        source = Source(tensor, "normal", LONG, {"n": LONG}, np.random.default_rng(7))
        target = np.zeros(LONG, {"float32": "f4", "int32": "i4", "float16": "f2"}[tensor.dtype])
        source.fill(target)
        found.append(target)
    assert np.array_equal(found[0], found[1])
    assert found[0].any()
