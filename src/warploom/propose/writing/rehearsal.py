"""Made-up material with something of every ingredient: a user's templates are tried on it before a run begins."""

from __future__ import annotations

from dataclasses import replace

from warploom.problems.importers.openevolve import Folder
from warploom.propose.writing.about_problem import declaration
from warploom.propose.writing.material import Attempt, Material
from warploom.propose.writing.tongue import tongue_of
from warploom.values.behaviour import Resolution
from warploom.values.candidate import Candidate, Lineage, Step
from warploom.values.language import source_file
from warploom.values.outcome import Build, Failed, Passed, Timing, Verdict
from warploom.values.problem import Problem
from warploom.values.request import Individual
from warploom.values.score import Score
from warploom.values.signature import signature

_GPU = {
    "name": "a GPU",
    "capability": [9, 0],
    "units": 132,
    "clock_khz": 1_000_000,
    "memory_bytes": 1 << 36,
    "l2_bytes": 1 << 25,
}
_ENVIRONMENT = {
    "toolchain": "g++ 12",
    "hardware": {"cpu": "a processor avx2", "cores": 2, "caches_bytes": {"L1": 32768}, "gpu": _GPU},
    "roofline": {"bytes_per_ns": {"1048576": 20.0}, "operations_per_ns": 100.0},
}

_C_BODY = "TUNE(TILE, 8, 4, 8)\nLAUNCH(grid=1, block=32)\n{} {{}}\n"
_BODIES = {
    "cpp": "TUNE(TILE, 8, 4, 8)\nvoid {name}() {{}}\n",
    "opencl": _C_BODY,
    "cuda": _C_BODY,
    "hip": _C_BODY,
    "triton": "TUNE(num_stages, 8, 4, 8)\nLAUNCH(grid=1)\n\n\n@triton.jit\ndef {name}():\n    pass\n",
}
"""Language → the evolve block of a made-up kernel, by its declaration or its name."""


def rehearsal(problem: Problem | Folder, resolution: Resolution, language: str = "cpp") -> tuple[Material, Material]:
    """Material about a kernel or program that passed, and about one that failed.

    Args:
        problem: what it is for.
        resolution: of the archive's cells.
        language: of the kernel.
    """
    if isinstance(problem, Folder):
        return _of_program(problem, resolution)
    return _of_kernel(problem, resolution, language)


def _of_program(folder: Folder, resolution: Resolution) -> tuple[Material, Material]:
    candidate = Candidate(folder.hash, folder.language, ((folder.file, "made up\n"),), folder.name)
    other = Candidate(folder.hash, folder.language, ((folder.file, "made up too\n"),), folder.name)
    third = Candidate(folder.hash, folder.language, ((folder.file, "made up again\n"),), folder.name)
    lineage = Lineage((other.id,), "rehearsal", "improve", note="made up")
    said = Score(0.5, {"a": 0.5, "b": True}, {"note": "made up"}, ("stage1",), "stage2 wants 0.6")
    partner = Individual(other, lineage, 0.4, (0, 0, 0))
    whole = Material(
        task=folder,
        environment={},
        resolution=resolution,
        operator="improve",
        base=candidate,
        lineage=lineage,
        evaluation=Passed(Build("", "", "", (), "", 0), Verdict(()), (), score=said),
        fitness=0.5,
        partner=partner,
        inspirations=(partner, Individual(third, lineage, 0.3, (0, 1, 0))),
        attempts=(Attempt("improve: made up", "a score of 0.4"),),
        elsewhere=(Attempt("explore: made up", "a score of 0.3"),),
        hints=("made up",),
    )
    failed = Failed("verify", "no_score", "an error")
    return whole, Material(folder, {}, resolution, "repair", candidate, lineage, failed)


def _of_kernel(problem: Problem, resolution: Resolution, language: str) -> tuple[Material, Material]:
    own, comment = signature(problem), tongue_of(language).comment
    body = _BODIES[language].format(declaration(language, own), name=own.entry_point)
    text = f"{comment} EVOLVE-BLOCK-START\n{body}{comment} EVOLVE-BLOCK-END\n"
    file = source_file(problem.name, language)
    candidate = Candidate(problem.hash, language, ((file, text),), problem.name, (("TILE", 8),))
    other = replace(candidate, sources=((file, f"{comment} other\n{text}"),), parameters=(("TILE", 4),))
    lineage = Lineage((other.id,), "rehearsal", "improve", "", (Step("move", "site"),), "made up")
    individual = Individual(other, lineage, 0.5, (1, 1, 1), 0)
    third = replace(candidate, sources=((file, f"{comment} third\n{text}"),), parameters=())
    timings = [
        Timing(workload, baseline, (1e6, 1.1e6, 1e6), (2e6, 2.2e6, 2e6))
        for workload in problem.workloads
        for baseline in ("eager", "compile")
    ]
    facts = {"instructions": 10, "vectorised_loops": 1, "missed_loops": 1, "registers": 32, "spill_bytes": 8}
    build, seen = Build("", "", "g++ 12", (), "a remark", 0, facts), {"profile": {"compute_percent": 50.0}}
    passed = Passed(build, Verdict(()), tuple(timings), environment=seen)
    whole = Material(
        task=problem,
        environment=_ENVIRONMENT,
        resolution=resolution,
        operator="improve",
        base=candidate,
        lineage=lineage,
        evaluation=passed,
        fitness=0.7,
        cell=(0, 0, 0),
        partner=individual,
        inspirations=(individual, Individual(third, lineage, 0.4, (0, 1, 0), 1)),
        attempts=(Attempt("improve: made up", "1.1 times as fast"),),
        elsewhere=(Attempt("explore: made up", "0.9 times as fast"),),
        target_cell=(1, 1, 1),
        hints=("made up",),
    )
    failed = Failed("build", "compile_error", "an error", "error: an error")
    return whole, Material(problem, _ENVIRONMENT, resolution, "repair", candidate, lineage, failed)
