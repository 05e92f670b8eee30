"""``python -m warploom.problems.importers.openevolve_score < REQUEST``: a program's score by its folder's evaluator.

Run in a jail, because it runs both. The request and the answer are JSON objects; whatever they print goes to standard
error. Exit status 2 and one line, the last on standard error, when there is no score. The program runs where its
evaluator runs, as the format has it: one that wants to can lie to it, which is why a score is the evaluator's word.
"""

from __future__ import annotations

import importlib.util
import json
import math
import os
import sys
import tempfile
import threading
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

MOST_LETTERS = 20_000
"""Of one artifact; the end of it is kept."""

SCORE = "combined_score"
_MODULE = "evaluation_module"
_LATER = ("evaluate_stage2", "evaluate_stage3")


@dataclass
class EvaluationResult:
    """What evaluators may return beside a plain dictionary: they import it from ``openevolve.evaluation_result``."""

    metrics: dict[str, Any]
    artifacts: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def from_dict(cls, metrics: dict[str, Any]) -> EvaluationResult:
        """Metrics alone."""
        return cls(metrics=metrics)

    def to_dict(self) -> dict[str, Any]:
        """The metrics."""
        return self.metrics

    def has_artifacts(self) -> bool:
        """Whether there is one."""
        return bool(self.artifacts)


class NoScore(Exception):  # noqa: N818 - reads as what happened
    """The evaluator gives none; the message says why."""


@dataclass
class Outcome:
    """What the stages gave so far."""

    metrics: dict[str, Any] = field(default_factory=dict)
    artifacts: dict[str, Any] = field(default_factory=dict)
    stages: list[str] = field(default_factory=list)
    stopped: str = ""

    def add(self, stage: str, result: Any) -> None:
        """Take in what a stage returned.

        Raises:
            NoScore: that is neither a dictionary nor a result.
        """
        metrics = result if isinstance(result, Mapping) else getattr(result, "metrics", None)
        if not isinstance(metrics, Mapping):
            raise NoScore(f"{stage} returned {type(result).__name__}; wanted is a dictionary of metrics")
        artifacts = getattr(result, "artifacts", None)
        self.metrics |= {str(name): one for name, one in metrics.items()}
        self.artifacts |= {str(n): one for n, one in artifacts.items()} if isinstance(artifacts, Mapping) else {}
        self.stages.append(stage.removeprefix("evaluate_"))


def evaluate(request: Mapping[str, Any]) -> dict[str, Any]:
    """The answer to a request.

    Raises:
        NoScore: see there.
        Exception: whatever the evaluator raises in its first stage.
    """
    evaluator = load(Path(request["folder"]))
    with tempfile.NamedTemporaryFile("w", suffix=request["suffix"], delete=False, encoding="utf-8") as stream:
        stream.write(request["program"])
    outcome = Outcome()
    first = getattr(evaluator, "evaluate_stage1", None) if request["cascade"] else None
    whole = first if callable(first) else getattr(evaluator, "evaluate", None)
    if not callable(whole):
        raise NoScore("evaluator.py defines no function evaluate")
    name = "evaluate_stage1" if whole is first else "evaluate"
    outcome.add(name, timed(whole, stream.name, request["timeout_s"]))
    if whole is first:
        later(outcome, evaluator, stream.name, request)
    return {
        "value": value(outcome.metrics, request["features"]),
        "metrics": {n: one for n, one in outcome.metrics.items() if isinstance(one, bool) or finite(one)},
        "artifacts": {n: text(one) for n, one in outcome.artifacts.items()} if request["artifacts"] else {},
        "stages": outcome.stages,
        "stopped": outcome.stopped,
    }


def load(folder: Path) -> ModuleType:
    """The evaluator, run as a module; what lies beside it can be imported."""
    if "openevolve" not in sys.modules and importlib.util.find_spec("openevolve") is None:
        package, inner = ModuleType("openevolve"), ModuleType("openevolve.evaluation_result")
        inner.EvaluationResult = EvaluationResult  # type: ignore[attr-defined]
        package.evaluation_result = inner  # type: ignore[attr-defined]
        sys.modules |= {package.__name__: package, inner.__name__: inner}
    sys.path.insert(0, str(folder))
    spec = importlib.util.spec_from_file_location(_MODULE, folder / "evaluator.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[_MODULE] = module
    spec.loader.exec_module(module)
    return module


def later(outcome: Outcome, evaluator: ModuleType, program: str, request: Mapping[str, Any]) -> None:
    """The stages behind the first, as long as the score so far reaches their thresholds."""
    for name, threshold in zip(_LATER, request["thresholds"], strict=False):
        stage = getattr(evaluator, name, None)
        if not callable(stage):
            return
        reached = mean(outcome.metrics, ("error",)) if SCORE not in outcome.metrics else outcome.metrics[SCORE]
        if reached is None or not finite(reached) or float(reached) < threshold:
            outcome.stopped = f"{name.removeprefix('evaluate_')} wants {threshold:g}"
            return
        try:
            outcome.add(name, timed(stage, program, request["timeout_s"]))
        except (Exception, SystemExit) as error:  # noqa: BLE001 - foreign code; what came before counts
            outcome.stopped = f"{name.removeprefix('evaluate_')}: {said(error)}"
            outcome.artifacts[f"{name}_traceback"] = "".join(traceback.format_exception(error))
            return


def timed(stage: Callable[[str], Any], program: str, seconds: float) -> Any:
    """What a stage returns, in a thread of its own as OpenEvolve calls it.

    Raises:
        NoScore: it takes too long.
        Exception: whatever it raises.
    """
    found: list[Any] = []
    raised: list[BaseException] = []

    def call() -> None:
        try:
            found.append(stage(program))
        except BaseException as error:  # noqa: BLE001 - handed on
            raised.append(error)

    thread = threading.Thread(target=call, daemon=True)
    thread.start()
    thread.join(seconds)
    if thread.is_alive():
        raise NoScore(f"it took longer than its timeout of {seconds:g} s")
    if raised:
        raise raised[0]
    return found[0]


def value(metrics: Mapping[str, Any], features: list[str]) -> float:
    """The score: the combined one, or the mean of all numbers but features; a truth value is no number.

    Raises:
        NoScore: there is none that is finite.
    """
    if SCORE in metrics:
        if finite(metrics[SCORE]):
            return float(metrics[SCORE])
        raise NoScore(f"{SCORE} is {metrics[SCORE]!r}")
    for left_out in (features, []):
        found = mean(metrics, left_out)
        if found is not None:
            return found
    raise NoScore(f"the evaluator gave no number, only {', '.join(metrics) or 'nothing'}")


def mean(metrics: Mapping[str, Any], left_out: Any) -> float | None:
    """Of the numbers among the metrics; None where there is none."""
    numbers = [float(one) for name, one in metrics.items() if name not in left_out and finite(one)]
    return sum(numbers) / len(numbers) if numbers else None


def finite(one: object) -> bool:
    """Whether it is a number that can be compared."""
    if isinstance(one, bool) or not hasattr(one, "__float__"):
        return False
    try:
        return math.isfinite(float(one))
    except (TypeError, ValueError, OverflowError):
        return False


def text(artifact: Any) -> str:
    """An artifact as text, the end of it where it is long."""
    if isinstance(artifact, bytes):
        artifact = artifact.decode(errors="replace")
    elif not isinstance(artifact, str):
        try:
            artifact = json.dumps(artifact)
        except (TypeError, ValueError):
            artifact = str(artifact)
    return artifact if len(artifact) <= MOST_LETTERS else f"[…]{artifact[-MOST_LETTERS:]}"


def said(error: BaseException) -> str:
    """One line: what was raised."""
    words = " ".join(str(error).split())[:400]
    return words if isinstance(error, NoScore) else f"{type(error).__name__}{': ' if words else ''}{words}"


def main() -> int:
    """Answer the request on standard input."""
    request = json.load(sys.stdin)
    answer = os.dup(1)
    os.dup2(2, 1)
    try:
        found = evaluate(request)
        words = json.dumps(found, default=float)
    except (Exception, SystemExit) as error:  # noqa: BLE001 - foreign code
        frames = [one for one in traceback.extract_tb(error.__traceback__) if one.filename.endswith("evaluator.py")]
        place = f"evaluator.py:{frames[-1].lineno}: " if frames else ""
        sys.stdout.flush()
        sys.stderr.write(f"\n{place}{said(error)}\n")
        sys.stderr.flush()
        return 2
    with os.fdopen(answer, "w", encoding="utf-8") as stream:
        stream.write(words)
    return 0


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    os._exit(code)  # whatever threads were left behind
