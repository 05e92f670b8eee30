from __future__ import annotations

import io
import math

from rich.console import Console

from warploom.report.progress import FINISHING, HEARTBEAT_SECONDS, Progress, clock_face, gained, made_by
from warploom.report.tally import CURVE_POINTS, Tally
from warploom.testing.terminal import Terminal
from warploom.values.event import Evaluated, NotPromoted, Promoted, Proposed, RunPaused, RunStarted, Steered


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def judged(
    number: int, fitness: float | None, *, island: int = 0, kind: str = "passed", status: str = "new"
) -> Evaluated:
    return Evaluated(
        number=number,
        candidate=f"{number:016x}",
        outcome=kind,
        stage="" if fitness is not None else "verify",
        message="",
        fitness=fitness,
        spread=0.02,
        cell=(number % 3, 0, 0) if fitness is not None else None,
        island=island,
        status=status if fitness is not None else "failed",
    )


def started(**config: object) -> RunStarted:
    return RunStarted({"evaluations": 150, "minutes": None, **config}, {"name": "softmax"})


def promoted(speedup: float) -> Promoted:
    return Promoted("00", math.log(speedup), 0.01, {"eager": (speedup, speedup, speedup)})


def example() -> Tally:
    tally = Tally()
    for event in (
        started(),
        judged(0, 0.0),
        Proposed(1, "01", "moves", "grow", "parallel(j)"),
        judged(1, math.log(2.0), island=1),
        judged(2, None, kind="wrong_result"),
        judged(3, None, kind="wrong_result"),
        judged(4, None, kind="compile_error"),
        judged(5, math.log(1.5), island=1, status="not_added"),
    ):
        tally.add(event)
    return tally


def test_the_tally_counts() -> None:
    tally = example()
    assert (tally.evaluations, tally.passed) == (6, 3)
    assert dict(tally.failures) == {"wrong_result": 2, "compile_error": 1}
    assert tally.record is not None
    assert (tally.record.evaluation, tally.record.operator, tally.record.note) == (2, "grow", "parallel(j)")
    assert math.isclose(tally.record.gain, 2.0)
    assert {index: len(island.cells) for index, island in tally.islands.items()} == {0: 1, 1: 1}


def test_the_curve_never_falls_and_stays_small() -> None:
    tally = Tally()
    for number in range(20 * CURVE_POINTS):
        tally.add(judged(number, math.sin(number) + number / 1000))
    assert len(tally.curve) <= CURVE_POINTS
    assert tally.curve == sorted(tally.curve)


def shown(progress: Progress, width: int = 80) -> str:
    stream = io.StringIO()
    Console(file=stream, width=width).print(progress.render())
    return stream.getvalue()


def test_the_view_shows_everything_that_matters_in_eighty_columns() -> None:
    clock = Clock()
    progress = Progress(Console(file=io.StringIO(), width=80), clock=clock)
    for event in (
        started(minutes=5.0),
        judged(0, 0.0),
        Proposed(1, "01", "moves", "grow", "[parallel](softmax:i) " * 10),
        judged(1, math.log(2.0), island=1),
        judged(2, None, kind="wrong_result"),
        promoted(2.0),
    ):
        progress.observe(event)
    clock.now += 60
    text = shown(progress)
    assert all(len(line) <= 80 for line in text.splitlines())
    labels = [line[:10].strip() for line in text.splitlines()[1:]]
    assert labels == ["best", "", "judged", "failures", "islands", "last gain", "time left"]
    for piece in (
        "softmax",
        "2.00×",
        "3/150",
        "3 a minute",
        "wrong_result 1",
        "0: 1.00× ±2 %",
        "1: 2.00× ±2 %",
        "2.00× [1.96, 2.04] (2.0 times, candidate 2) by grow",
        "grow",
        "4:00",
        "█",
    ):
        assert piece in text, piece


def test_a_screened_record_is_not_sold_as_confirmed() -> None:
    progress = Progress(Console(file=io.StringIO()), clock=Clock())
    progress.observe(judged(0, math.log(3.0)))
    assert "not yet confirmed" in shown(progress)
    progress.observe(promoted(2.9))
    assert "not yet confirmed" not in shown(progress)
    assert "2.90×" in shown(progress)


def test_a_run_that_goes_on_counts_its_time_but_not_its_old_pace() -> None:
    clock = Clock()
    progress = Progress(Console(file=io.StringIO()), clock=clock)
    clock.now += 1000
    tally = example()
    tally.add(started(minutes=5.0))
    progress.take_up(tally, seconds=120.0)
    progress.observe(judged(9, 0.1))
    clock.now += 60
    assert "1 a minute" in shown(progress)
    assert "7/150" in shown(progress)
    assert "about 2:00" in shown(progress)


def test_without_a_terminal_it_speaks_when_something_matters() -> None:
    stream, clock = io.StringIO(), Clock()
    with Progress(Console(file=stream, width=80), clock=clock) as progress:
        progress.note("measuring PyTorch")
        progress.observe(judged(0, 0.0))
        progress.observe(judged(1, -1.0))
        clock.now += HEARTBEAT_SECONDS
        progress.observe(judged(2, -1.0))
        progress.observe(judged(3, 1.0))
        progress.observe(promoted(2.7))
        progress.observe(NotPromoted("03", "it was luck"))
        progress.observe(RunPaused("Ctrl-C"))
        progress.observe(promoted(1.9))
    lines = stream.getvalue().splitlines()
    assert len(lines) == 8
    assert lines[0] == "measuring PyTorch"
    assert "seed" in lines[1]
    assert "promoted" in lines[4]
    assert "luck" in lines[5]
    assert "Ctrl-C" in lines[6]
    assert "measured once more, on a calmer machine: 00, 1.90×" in lines[7]


def test_on_a_terminal_it_is_one_block_below_what_is_said_and_leaves_nothing_behind() -> None:
    terminal = Terminal(80)
    console = Console(file=terminal, width=80, height=24)
    with Progress(console, clock=Clock()) as progress:

        def seen() -> list[str]:
            assert progress._live is not None
            progress._live.refresh()
            return terminal.page

        progress.note("compiling the reference")
        assert seen() == ["warploom  0:00", "now        compiling the reference"]
        progress.observe(started(minutes=5.0))
        for number in range(40):
            progress.observe(Proposed(number, f"{number:016x}", "moves", "grow", "[parallel](softmax:i) " * 10))
            progress.observe(judged(number, number / 10, island=number % 9))
            progress.observe(judged(number, None, kind=f"a_long_kind_of_failure_{number % 6}"))
            assert seen() == shown(progress).splitlines()
        progress.observe(Steered("hint", 1, 1, "be brief"))
        assert seen() == ["hint for the next prompts: be brief", *shown(progress).splitlines()]
        assert terminal.getvalue().count("\x1b[?25l") == 1
    assert terminal.page == ["hint for the next prompts: be brief"]
    assert terminal.cursor
    assert terminal.wrapped == []


def test_at_a_limit_no_time_is_left_and_the_view_says_what_goes_on() -> None:
    clock = Clock()
    progress = Progress(Console(file=io.StringIO(), width=80), clock=clock)
    for event in (started(minutes=5.0), judged(0, 0.0)):
        progress.observe(event)
    clock.now += 299
    assert "about 0:01" in shown(progress)
    assert FINISHING not in shown(progress)
    clock.now += 1
    assert "time left" not in shown(progress)
    assert FINISHING in shown(progress)
    progress = Progress(Console(file=io.StringIO(), width=80), clock=clock)
    for event in (started(evaluations=1), judged(0, 0.0)):
        progress.observe(event)
    clock.now += 1
    assert FINISHING in shown(progress)


def test_clock_faces() -> None:
    assert [clock_face(seconds) for seconds in (0, 59.6, 3661)] == ["0:00", "1:00", "1:01:01"]


def test_gains_and_makers_are_said_once_and_plainly() -> None:
    assert [gained(factor) for factor in (1.12, 14.09)] == ["+12 %", "14.1 times"]
    assert made_by("open", "open: spread") == "open: spread"
    assert made_by("grow", "parallel(i)") == "grow: parallel(i)"
    assert made_by("seed", "") == "seed"
    assert made_by("", "by hand") == "by hand"
