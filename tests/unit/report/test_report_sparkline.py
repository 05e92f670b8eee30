from __future__ import annotations

from warploom.report.sparkline import sparkline


def test_low_to_high() -> None:
    assert sparkline([1, 2, 3, 4, 5, 6, 7, 8]) == "▁▂▃▄▅▆▇█"


def test_nothing_and_no_room_are_empty() -> None:
    assert sparkline([]) == ""
    assert sparkline([1.0], width=0) == ""


def test_equal_values_lie_flat() -> None:
    assert sparkline([2.0, 2.0, 2.0]) == "▁▁▁"


def test_many_values_are_thinned_and_the_last_is_shown() -> None:
    line = sparkline([*[1.0] * 999, 9.0], width=10)
    assert len(line) == 10
    assert line.endswith("█")
    assert line[0] == "▁"
