"""Evidence → an operator that can be exported: its variants, and the table of shapes on which they were faster."""

from __future__ import annotations

import ast
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from warploom.archive.database import FILE as JOURNAL
from warploom.archive.journal import read as read_journal
from warploom.errors import ConfigError, JournalError, ProblemError, SourceError
from warploom.export.imported import Imported, imported
from warploom.export.reference import free_reference
from warploom.judge.content.inputs import integer_range
from warploom.problems.names import check_names
from warploom.problems.native import read, text_hash
from warploom.search.best.evidence import FILE, SCORE_FILE, Evidence, read_evidence
from warploom.search.best.folder import FOLDER
from warploom.search.best.missing import why_missing
from warploom.search.best.recheck import claimed_problem
from warploom.search.noise import ratio
from warploom.toolchain.find import find_toolchain
from warploom.values.problem import Problem, Workload, from_description
from warploom.values.shape import extents
from warploom.values.signature import signature
from warploom.values.speedup import Speedup, workload_speedup

BASELINES = ("eager", "compile")
"""What a shape may be asked to beat before it gets into the table."""


@dataclass(frozen=True)
class Variant:
    """One kernel with the evidence it comes from.

    Attributes:
        evidence: agrees with itself.
        problem: its tensors in calling order.
        reference: a Python module that defines ``reference``; "" where the problem is an imported one.
        imported: the program that it was imported from; None for a native problem.
    """

    evidence: Evidence
    problem: Problem
    reference: str
    imported: Imported | None = None

    @property
    def id(self) -> str:
        """The candidate's id, as the evidence names it."""
        return str(self.evidence.document["candidate"])

    @property
    def noise_floor(self) -> float:
        """The smallest difference of log speedups that meant anything where it was measured."""
        floor = self.evidence.document["claim"].get("noise_floor")
        return float(floor) if isinstance(floor, int | float) else 0.0


@dataclass(frozen=True)
class Row:
    """One shape: which variant runs there, and how much faster than each baseline it was."""

    workload: Workload
    variant: Variant
    speedups: dict[str, Speedup]


@dataclass(frozen=True)
class Operator:
    """What is exported.

    Attributes:
        problem: of the first variant; the others agree with it in all but their workloads.
        reference: a Python module that defines ``reference``; "" where the problem is an imported one.
        variants: those that the table names, in the order given.
        table: shapes measured faster than ``over``, beyond the noise.
        slower: timed shapes that are not: they go to the reference.
        over: the baseline that had to be beaten.
    """

    problem: Problem
    reference: str
    variants: tuple[Variant, ...]
    table: tuple[Row, ...]
    slower: tuple[Workload, ...]
    over: str

    @property
    def imported(self) -> Imported | None:
        """The program that the problem was imported from; None for a native problem."""
        return self.variants[0].imported


def gather(places: Sequence[Path], *, over: str = "eager", problem_file: Path | None = None) -> Operator:
    """Read evidence and lay out what can be exported of it.

    Args:
        places: run directories, best/ folders or evidence files, all of one operator.
        over: the baseline that a shape must beat to get into the table.
        problem_file: the text of the problem, where the evidence does not hold it.

    Raises:
        InputError: evidence that cannot be used, is tampered with or belongs to another operator; nothing was faster.
    """
    if over not in BASELINES:
        raise ConfigError(f"--over {over!r}: a baseline is one of {', '.join(BASELINES)}")
    read_all = [read_variant(find_evidence(place), problem_file) for place in places]
    variants = {variant.id: variant for variant in read_all}
    first, *others = variants.values()
    for other in others:
        if _interface(other) != _interface(first):
            raise SourceError(
                f"{other.evidence.path} and {first.evidence.path} are not of one operator: name, tensors and reference "
                "must agree, only the workloads may differ; export them apart"
            )
    table, slower = _table(tuple(variants.values()), over)
    if not table:
        raise SourceError(
            f"{first.evidence.path}: no shape on which the kernel was measured faster than {over} beyond the noise "
            f"floor, {ratio(max(one.noise_floor for one in variants.values()))}, so there is nothing to export"
        )
    used = {row.variant.id for row in table}
    kept = tuple(variant for variant in variants.values() if variant.id in used)
    return Operator(first.problem, first.reference, kept, table, slower, over)


def find_evidence(place: Path) -> Path:
    """Where the evidence of a run, of a best/ folder or of a file lies.

    Raises:
        JournalError: a run without a promoted kernel.
    """
    if (place / FOLDER / FILE).is_file() or (place / FOLDER / SCORE_FILE).is_file():
        return place / FOLDER
    if (place / JOURNAL).exists():
        with read_journal(place) as journal:
            raise JournalError(f"{place}: {why_missing(journal)}")
    return place


def read_variant(place: Path, problem_file: Path | None = None) -> Variant:
    """A kernel whose evidence agrees with itself and whose source the toolchain would take.

    Args:
        place: evidence.json or its folder.
        problem_file: as in :func:`gather`.

    Raises:
        SourceError: it does not, or would not.
        ProblemError: the problem's text is missing, another one, or holds no reference that can stand alone.
    """
    evidence = read_evidence(place)
    if evidence.candidate.language != "cpp":
        said = f"a kernel in {evidence.candidate.language}; only C++ can be exported so far, take the source itself"
        raise SourceError(f"{evidence.path}: {said}")
    try:
        problem = from_description(evidence.document["problem"])
        check_names(problem)
    except (LookupError, TypeError, ValueError, AttributeError, ProblemError) as error:
        raise SourceError(f"{evidence.path} is damaged: its problem cannot be read: {error}") from None
    if problem.hash != evidence.document["problem"]["hash"]:
        raise SourceError(f"{evidence.path}: the problem has not the hash that is stated with it; it was changed")
    text, where = _problem_text(evidence, problem_file)
    program = imported(text, where)
    found = free_reference(text, where, imported=program is not None)
    if problem_file is not None:
        problem = claimed_problem(evidence, str(problem_file))
    elif set(found.inputs) != set(problem.inputs) or set(found.outputs) != set(problem.outputs):
        raise ProblemError(
            f"{evidence.path}: the order of inputs and outputs cannot be read off the problem's text, because they are "
            "not written as dictionaries there; give the problem file with --problem FILE, and it will be run"
        )
    else:  # JSON objects have no order, and the kernel is called in that of the file
        inputs = {name: problem.inputs[name] for name in found.inputs}
        outputs = {name: problem.outputs[name] for name in found.outputs}
        problem = replace(problem, inputs=inputs, outputs=outputs)
    rejected = find_toolchain(evidence.candidate.language).check_source(evidence.candidate, signature(problem))
    if rejected:
        raise SourceError(f"{evidence.path}: {rejected.message}")
    return Variant(evidence, problem, found.text, program)


def input_shapes(problem: Problem, workload: Workload) -> list[list[int]]:
    """The shape of every input."""
    return [list(extents(tensor.shape, workload.extents)) for tensor in problem.inputs.values()]


def output_shapes(problem: Problem, workload: Workload) -> list[list[int]]:
    """The shape of every output."""
    return [list(extents(tensor.shape, workload.extents)) for tensor in problem.outputs.values()]


def integer_ranges(problem: Problem, workload: Workload) -> list[tuple[int, int] | tuple[None, None]]:
    """Smallest and largest value each integer input was drawn from; (None, None) for floating point."""
    found: list[tuple[int, int] | tuple[None, None]] = []
    for tensor in problem.inputs.values():
        if tensor.dtype.startswith(("float", "bfloat")):
            found.append((None, None))
        else:
            low, high = integer_range(tensor, workload.extents)
            found.append((low, high - 1))
    return found


def _table(variants: Sequence[Variant], over: str) -> tuple[tuple[Row, ...], tuple[Workload, ...]]:
    """The best variant of every timed shape, where it is faster; and the shapes where none is."""
    best: dict[str, Row] = {}
    slower: dict[str, Workload] = {}
    for variant in variants:
        for workload, speedups in _by_shape(variant).items():
            found = speedups.get(over)
            key = str(input_shapes(variant.problem, workload))
            if found is None or found.low <= 0 or math.log(found.low) <= variant.noise_floor:
                slower.setdefault(key, workload)
            elif key in best and best[key].workload != workload:
                raise SourceError(
                    f"{variant.evidence.path}: {workload} and {best[key].workload} have inputs of the same shapes, so "
                    "that a call cannot tell them apart; export them apart"
                )
            elif key not in best or found.low > best[key].speedups[over].low:
                best[key] = Row(workload, variant, speedups)
    return tuple(best.values()), tuple(one for key, one in slower.items() if key not in best)


def _by_shape(variant: Variant) -> dict[Workload, dict[str, Speedup]]:
    """Shape → baseline → speedup; the slowest recipe where a shape was timed with several."""
    found: dict[Workload, dict[str, Speedup]] = {}
    for timing in variant.evidence.timings:
        if timing.baseline in BASELINES:
            measured = workload_speedup(timing)
            speedups = found.setdefault(shape_of(variant.problem, timing.workload), {})
            if timing.baseline not in speedups or measured.low < speedups[timing.baseline].low:
                speedups[timing.baseline] = measured
    return found


def shape_of(problem: Problem, workload: Workload) -> Workload:
    """The shape alone, its axes in the problem's order."""
    return Workload(recipe="normal", **{axis: workload.extents[axis] for axis in problem.axes})


def _problem_text(evidence: Evidence, problem_file: Path | None) -> tuple[str, str]:
    """Text and name of the problem file that the evidence is about."""
    stated: Any = evidence.document["problem"]
    file = stated.get("file")
    if problem_file is not None:
        text, where = read(problem_file), str(problem_file)
    elif isinstance(file, dict) and isinstance(file.get("text"), str):
        text, where = file["text"], f"{evidence.path} (problem.file)"
    else:
        raise ProblemError(f"{evidence.path} does not hold the problem's text; give it with --problem FILE")
    if text_hash(text) != stated["reference"]["sha256"]:
        raise ProblemError(f"{where} is not the problem file that {evidence.path} was made for")
    return text, where


def _interface(variant: Variant) -> tuple[Any, ...]:
    """What must agree for two kernels to be variants of one operator."""
    problem = variant.problem
    tensors = tuple(problem.inputs.items()), tuple(problem.outputs.items())
    return problem.name, problem.axes, *tensors, _code(variant.reference), variant.imported


def _code(text: str) -> str:
    """A module without its docstring, comments and spacing."""
    body: Iterable[ast.stmt] = ast.parse(text).body
    return "\n".join(
        ast.unparse(one) for one in body if not (isinstance(one, ast.Expr) and isinstance(one.value, ast.Constant))
    )
