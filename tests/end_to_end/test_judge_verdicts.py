"""The real judge on real kernels: honest ones pass, cheats and mistakes fail by type."""

from __future__ import annotations

import math
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from warploom.errors import ReferenceFailed
from warploom.judge import session as session_module
from warploom.judge import stages
from warploom.judge.correctness.oracle import CheckedSet, with_room
from warploom.judge.evaluate import LocalJudge
from warploom.judge.mint import judge_version
from warploom.judge.promotion import INCUMBENT, promotes
from warploom.judge.reference.process import ReferenceProcess
from warploom.judge.timing.bench import Bench
from warploom.judge.timing.measure import measure
from warploom.judge.timing.sampling import FAR, PROMOTE
from warploom.problems import load_problem
from warploom.sandbox.candidate_process import CandidateProcess
from warploom.sandbox.lease import Lease
from warploom.sandbox.limits import Limits
from warploom.values.candidate import Candidate
from warploom.values.job import Effort, Job
from warploom.values.mint import refusal
from warploom.values.outcome import Build, Evaluation, Failed, Passed, Timing
from warploom.values.problem import Problem, Reference
from warploom.values.speedup import log_ratios, speedup

pytestmark = [pytest.mark.torch, pytest.mark.usefixtures("brief")]

PROBLEM_FILE = """
from warploom import Problem, Tensor, Tolerance, Workload

def centre(x):
    return x - x.mean(dim=1, keepdim=True), x.argmax(dim=1)

problem = Problem(
    name="centre",
    axes=("rows", "cols"),
    inputs={"x": Tensor("rows cols")},
    outputs={"out": Tensor("rows cols"), "best": Tensor("rows", "int64")},
    reference=centre,
    workloads=[Workload(rows=128, cols=1024), Workload(rows=64, cols=768)],
    held_out=[Workload(rows=1, cols=1), Workload(rows=7, cols=33), Workload(rows=3, cols=517, recipe="wide")],
    tolerance=Tolerance(factor=8.0, absolute=1e-3),
)
"""

KERNEL = """
#include <cstdint>
#include <cstring>
#include <thread>
#include <chrono>
#include <vector>
{before}
static void work(const float* x, float* out, int64_t* best, int64_t rows, int64_t cols) {{
    for (int64_t i = 0; i < rows; ++i) {{
        float sum = 0.0f;
        int64_t top = 0;
        for (int64_t j = 0; j < cols; ++j) {{
            sum += x[i * cols + j];
            if (x[i * cols + j] > x[i * cols + top]) top = j;
        }}
        for (int64_t j = 0; j < cols; ++j) out[i * cols + j] = x[i * cols + j] - sum / cols;
        best[i] = top;
    }}
}}
extern "C" void centre(const float* x, float* out, int64_t* best, int64_t rows, int64_t cols) {{
    {body}
}}
"""
HONEST = "work(x, out, best, rows, cols);"


@pytest.fixture(scope="module")
def problem(tmp_path_factory: pytest.TempPathFactory) -> Problem:
    folder = tmp_path_factory.mktemp("problem")
    path = folder / "centre.py"
    path.write_text(PROBLEM_FILE)
    return load_problem(path, cache=folder)


@pytest.fixture(scope="module")
def judge(problem: Problem, judge_cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalJudge]:
    # A lease of its own: what is asked here is the verdict, and other tests may time meanwhile.
    lease = Lease(tmp_path_factory.mktemp("judge") / "lease")
    with LocalJudge(problem, cache=judge_cache, lease=lease) as local:
        yield local


def kernel(problem: Problem, body: str = HONEST, before: str = "") -> Candidate:
    text = KERNEL.format(body=body, before=before)
    return Candidate(problem.hash, "cpp", (("kernel.cpp", text),), problem.name)


def judged(judge: LocalJudge, body: str, before: str = "", effort: Effort = "screen") -> Evaluation:
    return judge.evaluate(Job(kernel(judge.problem, body, before), judge.problem.hash, effort))


# ------------------------------------------------------------ honest kernels


def test_an_honest_kernel_passes_with_everything_that_is_claimed(judge: LocalJudge) -> None:
    found = judged(judge, HONEST)
    assert isinstance(found, Passed), found
    assert found.verdict.passed
    assert [check.held_out for check in found.verdict.checks] == [True] * 3 + [False] * 2
    assert {str(timing.workload) for timing in found.timings} == {str(w) for w in judge.problem.workloads}
    assert {timing.baseline for timing in found.timings} == {"eager"}
    assert all(len(timing.samples_ns) >= 3 for timing in found.timings)
    assert all(timing.calls[0] > 1 for timing in found.timings), "a short kernel is called several times a block"
    assert set(found.elapsed_ns) == {"build", "load", "verify", "time"}
    assert all(elapsed > 0 for elapsed in found.elapsed_ns.values())
    assert {"jail", "hardware", "noise_floor", "roofline", "calibration"} <= set(found.environment)
    assert 0 < found.environment["round_trip_ns"] < 10_000_000
    assert 0 < found.environment["roofline"] < 1.25
    candidate = kernel(judge.problem)
    assert refusal(Job(candidate, judge.problem.hash), found) == ""
    assert found.mint is not None
    assert found.mint.judge == judge_version()


def test_an_artifact_that_was_swapped_after_the_build_is_refused(
    judge: LocalJudge, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An instant kernel is put in the place of the one that was built, after the judge looked and before it loads."""
    start = stages.start
    swapped = judge.evaluate(Job(kernel(judge.problem, "(void)work;"), judge.problem.hash))
    assert isinstance(swapped, Failed)

    def swap(build: Build, *rest: Any) -> CandidateProcess:
        path = Path(build.artifact)
        other = next(one for one in path.parent.parent.glob("*/kernel.so") if one.read_bytes() != path.read_bytes())
        kept = path.read_bytes()
        path.unlink()
        path.write_bytes(other.read_bytes())
        try:
            return start(build, *rest)
        finally:
            path.write_bytes(kept)

    monkeypatch.setattr(stages, "start", swap)
    found = judged(judge, HONEST)
    assert isinstance(found, Failed), found
    assert (found.stage, found.kind) == ("load", "rejected")
    assert found.message.count("sha256") == 1
    assert len(re.findall(r"[0-9a-f]{64}", found.message)) == 2


def test_a_promotion_is_measured_against_every_baseline_and_verified_again(judge: LocalJudge) -> None:
    found = judged(judge, HONEST, effort="promote")
    assert isinstance(found, Passed), found
    baselines = {timing.baseline for timing in found.timings}
    described = judge.describe()["baselines"]["compile"]
    assert baselines == ({"eager"} if "absent" in described else {"eager", "compile"})
    for timing in found.timings:
        # On a busy machine a compiled reference can be so slow that a few pairs tell as much.
        left = timing.baseline != "eager" and len(timing.samples_ns) >= PROMOTE.few and min(log_ratios(timing)) > FAR
        assert len(timing.samples_ns) >= PROMOTE.least or left
    # Held-out ones, timed ones, timed shapes with held-out values, timed shapes first, timed calls.
    assert len(found.verdict.checks) == 3 + 2 + 2 + 2 + 2 * PROMOTE.strict
    assert sum(check.held_out for check in found.verdict.checks) == 3 + 2
    seeds = [check.seed for check in found.verdict.checks]
    assert len(set(seeds)) >= len(seeds) - 2, "only the fresh process may see the set that the first one saw"
    assert 0.0 <= found.environment["busy"] <= 1.0


def test_strictly_compared_calls_are_of_blocks_all_over_the_timing(
    judge: LocalJudge, monkeypatch: pytest.MonkeyPatch
) -> None:
    lay, keep, blocks, kept = Bench.lay_poison, Bench.keep, Counter[str](), dict[str, list[int]]()

    def laid(bench: Bench, calls: int) -> None:
        blocks[str(bench.workload)] += 1
        lay(bench, calls)

    def keeping(bench: Bench, made: int) -> None:
        kept.setdefault(str(bench.workload), []).append(blocks[str(bench.workload)])
        keep(bench, made)

    monkeypatch.setattr(Bench, "lay_poison", laid)
    monkeypatch.setattr(Bench, "keep", keeping)
    assert isinstance(judged(judge, HONEST, effort="promote"), Passed)
    for workload in map(str, judge.problem.workloads):
        last = kept[workload][-PROMOTE.strict :]
        assert len(set(last)) == PROMOTE.strict, "of as many blocks"
        assert max(last) < blocks[workload], "of which none need be the last"
    assert isinstance(judged(judge, HONEST), Passed)
    assert sum(map(len, kept.values())) % PROMOTE.strict == 0, "a screening keeps none"


def test_timed_shapes_meet_held_out_values_with_room(judge: LocalJudge, monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[int] = []

    def recorded(checked: CheckedSet) -> CheckedSet:
        given.append(checked.seed)
        return with_room(checked)

    monkeypatch.setattr(session_module, "with_room", recorded)
    assert isinstance(judged(judge, HONEST), Passed)
    assert given == [], "a screening has no such checks"
    found = judged(judge, HONEST, effort="promote")
    assert isinstance(found, Passed), found
    assert len(given) == 2
    assert set(given) <= {check.seed for check in found.verdict.checks if check.held_out}


@pytest.mark.parametrize("calms", [True, False])
def test_a_promotion_among_bystanders_is_measured_again_once_they_are_gone(
    judge: LocalJudge, calms: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    shares = iter([0.6, *[0.01] * 9])
    monkeypatch.setattr("warploom.judge.machine.busy.Bystanders.share", lambda self: next(shares))
    monkeypatch.setattr("warploom.judge.machine.busy.Quiet.wait", lambda self: calms)
    monkeypatch.setattr(session_module.Session, "drift", lambda self, bench, timing: 0.0)
    monkeypatch.setattr("warploom.judge.timing.watch.Watch.blind", not calms)
    found = judged(judge, HONEST, effort="promote")
    assert isinstance(found, Passed), found
    assert found.environment["busy"] == (0.01 if calms else 0.6)
    assert found.environment.get("measured_again", []) == (["rows=128,cols=1024"] if calms else [])
    workloads = sorted({str(timing.workload) for timing in found.timings})
    assert found.environment.get("unwatched", []) == ([] if calms else workloads), "what no look told is said"


def test_the_best_so_far_is_timed_side_by_side(judge: LocalJudge) -> None:
    """Ten times the work must not be promoted over the plain kernel, nor the plain kernel held back by it."""
    plain = kernel(judge.problem)
    slow = kernel(judge.problem, f"for (volatile int n = 0; n < 10; n = n + 1) {{ {HONEST} }}")
    for candidate, rival, wanted in ((plain, slow, True), (slow, plain, False)):
        found = judge.evaluate(Job(candidate, judge.problem.hash, "promote", rival=rival))
        assert isinstance(found, Passed)
        side_by_side = speedup(found.timings, INCUMBENT)
        assert side_by_side is not None
        assert (side_by_side.median > 4) is wanted
        assert promotes(found.timings, 0.0, judge.noise_floor) is wanted
        assert found.environment["incumbent"] == rival.id


def test_a_rival_that_fails_is_not_the_candidates_fault(judge: LocalJudge) -> None:
    for body, before in (
        ("no_such_name();", ""),
        (HONEST + "if (++calls > 3) *(volatile int*)nullptr = 1;", "static int calls;"),
        ("if (!first) first = rows; if (first == 128) return;" + HONEST, "static int64_t first;"),  # wrong beside it
    ):
        rival = kernel(judge.problem, body, before)
        found = judge.evaluate(Job(kernel(judge.problem), judge.problem.hash, "promote", rival=rival))
        assert isinstance(found, Passed)
        assert INCUMBENT not in {timing.baseline for timing in found.timings}


def test_a_timed_shape_meets_the_special_values_and_one_other_recipe(judge: LocalJudge) -> None:
    session, bench = judge._prepared(), judge._prepared().benches[0]
    problem = session.problem
    drawn = {tuple(session.stressing(bench)) for _ in range(60)}
    recipes = {workload.recipe for workload in problem.held_out} - {bench.workload.recipe}
    others = recipes - {"special"}
    wanted = {(*((one,) if one else ()), *(("special",) if "special" in recipes else ())) for one in others or {""}}
    assert drawn == wanted


def test_threads_and_reordered_sums_are_honest(judge: LocalJudge) -> None:
    body = """
    #pragma omp parallel for
    for (int64_t i = 0; i < rows; ++i) {
        float sum = 0.0f;
        #pragma omp simd reduction(+:sum)
        for (int64_t j = 0; j < cols; ++j) sum += x[i * cols + j];
        int64_t top = 0;
        for (int64_t j = 1; j < cols; ++j) if (x[i * cols + j] > x[i * cols + top]) top = j;
        for (int64_t j = 0; j < cols; ++j) out[i * cols + j] = x[i * cols + j] - sum * (1.0f / cols);
        best[i] = top;
    }"""
    assert isinstance(judged(judge, body), Passed)


def test_more_work_takes_more_time(judge: LocalJudge) -> None:
    """An injected slowdown is recovered: ten times the work is at least four times slower."""
    plain, slow = judged(judge, HONEST), judged(judge, f"for (volatile int n = 0; n < 10; n = n + 1) {{ {HONEST} }}")
    assert isinstance(plain, Passed)
    assert isinstance(slow, Passed)
    fast, late = speedup(plain.timings), speedup(slow.timings)
    assert fast is not None
    assert late is not None
    assert fast.median / late.median > 4


def test_out_of_reach_candidates_get_fewer_pairs(judge: LocalJudge) -> None:
    candidate = kernel(judge.problem, f"for (volatile int n = 0; n < 5; n = n + 1) {{ {HONEST} }}")
    found = judge.evaluate(Job(candidate, judge.problem.hash, incumbent=math.log(1000)))
    assert isinstance(found, Passed)
    assert all(len(timing.samples_ns) == 3 for timing in found.timings)


# ------------------------------------------------------------ mistakes and cheats

CHEATS = {
    "zeros": ("memset(out, 0, 4 * rows * cols); memset(best, 0, 8 * rows);", "", "verify", "wrong_result"),
    "nothing": ("", "", "verify", "unwritten_output"),
    "last row missing": ("work(x, out, best, rows > 1 ? rows - 1 : 1, cols);", "", "verify", "unwritten_output"),
    "nan": (HONEST + 'out[0] = __builtin_nanf("");', "", "verify", "not_finite"),
    "wrong integer": (HONEST + "best[rows - 1] += 1;", "", "verify", "wrong_result"),
    "behind the end": (HONEST + "out[rows * cols] = 1.0f;", "", "verify", "out_of_bounds"),
    "before the start": (HONEST + "best[-1] = 1;", "", "verify", "out_of_bounds"),
    "changes its input": (HONEST + "*const_cast<float*>(x) = 0.0f;", "", "verify", "crash"),
    "crash": ("*(volatile int*)nullptr = 1;", "", "verify", "crash"),
    "hang": ("for (volatile int n = 1; n; ) {}", "", "verify", "timeout"),
    "half precision": (
        HONEST + "for (int64_t i = 0; i < rows * cols; ++i)"
        " { uint32_t u; memcpy(&u, out + i, 4); u &= 0xFFFF0000u; memcpy(out + i, &u, 4); }",
        "",
        "verify",
        "wrong_result",
    ),
    "one shape only": ("work(x, out, best, rows, 1024);", "", "verify", None),
    "timed shapes only": ("if (cols >= 700) work(x, out, best, rows, cols);", "", "verify", "unwritten_output"),
    "random": (
        HONEST + "static uint32_t n = 1; for (int64_t i = 0; i < rows * cols; ++i)"
        " { n = n * 1664525u + 1013904223u; out[i] += (n >> 31) ? 4e-4f : -4e-4f; }",
        "",
        "verify",
        "nondeterministic",
    ),
    "drifts": (HONEST + "if (++calls > 14) out[rows * cols / 2] += 1.0f;", "static int calls;", "time", "wrong_result"),
    "caches by address": (
        "for (auto& one : kept) if (one.x == x && one.rows == rows) {"
        " memcpy(out, one.out.data(), 4 * rows * cols); memcpy(best, one.best.data(), 8 * rows); return; }"
        + HONEST
        + "kept.push_back({x, rows, {out, out + rows * cols}, {best, best + rows}});",
        (
            "struct One { const float* x; int64_t rows; std::vector<float> out; std::vector<int64_t> best; };"
            "static std::vector<One> kept;"
        ),
        None,
        "wrong_result",
    ),
    "finishes late": (
        "std::thread([=] { std::this_thread::sleep_for(std::chrono::milliseconds(100)); " + HONEST + " }).detach();",
        "",
        "verify",
        "unwritten_output",
    ),
    "no such name": ("centre_missing(x);", "", "build", "compile_error"),
}


@pytest.mark.parametrize("name", CHEATS)
def test_a_cheat_fails_by_type(judge: LocalJudge, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    body, before, stage, kind = CHEATS[name]
    if kind == "timeout":
        monkeypatch.setattr(judge, "_limits", Limits(call_seconds=1.0))
    found = judged(judge, body, before)
    assert isinstance(found, Failed), name
    assert stage is None or found.stage == stage, found
    assert kind is None or found.kind == kind, found
    assert found.message
    assert set(found.elapsed_ns) >= {"build", "load", "verify", "time"}
    for shape in ("rows=7", "cols=33", "517"):
        assert shape not in found.message, "held-out shapes are never shown"


def test_a_job_for_another_problem_is_refused(judge: LocalJudge) -> None:
    job = Job(kernel(judge.problem), "0" * 16)
    found = judge.evaluate(job)
    assert isinstance(found, Failed)
    assert found.stage == "judge"
    found = judge.evaluate(Job(replace(job.candidate, problem="0" * 16), judge.problem.hash))
    assert isinstance(found, Failed)


# ------------------------------------------------------------ the trusted side


def reference_of(judge: LocalJudge) -> ReferenceProcess:
    assert judge._session is not None
    return judge._session.reference


def test_a_reference_that_dies_is_started_again(judge: LocalJudge) -> None:
    judge.prepare()
    before = reference_of(judge)
    os.kill(before.pid, signal.SIGKILL)
    assert isinstance(judged(judge, HONEST + "// again"), Passed)
    assert reference_of(judge) is not before


def test_a_reference_that_dies_twice_is_the_judges_failure(judge: LocalJudge, monkeypatch: pytest.MonkeyPatch) -> None:
    judge.prepare()

    def fail(*_: object) -> ReferenceProcess:
        raise ReferenceFailed("no more")

    with monkeypatch.context() as patch:
        patch.setattr(session_module, "ReferenceProcess", fail)
        os.kill(reference_of(judge).pid, signal.SIGKILL)
        found = judged(judge, HONEST + "// twice")
    assert isinstance(found, Failed)
    assert (found.stage, found.kind) == ("judge", "reference")
    assert isinstance(judged(judge, HONEST + "// back"), Passed)


def test_a_broken_reference_is_told_at_once(tmp_path: Path, judge_cache: Path) -> None:
    path = tmp_path / "broken.py"
    path.write_text(PROBLEM_FILE.replace("x.argmax(dim=1)", "x.argmax(dim=7)"))
    with (
        pytest.raises(ReferenceFailed, match=r"Dimension out of range.*broken\.py:5"),
        LocalJudge(load_problem(path, cache=tmp_path), cache=judge_cache, lease=Lease(tmp_path / "lease")) as local,
    ):
        local.prepare()


def test_the_reference_ends_with_its_parent(problem: Problem, tmp_path: Path) -> None:
    assert isinstance(problem.reference, Reference)
    script = (
        "import os, sys\n"
        "from pathlib import Path\n"
        "from warploom.judge.reference.process import ReferenceProcess\n"
        "from warploom.problems import load_problem\n"
        f"one = ReferenceProcess(load_problem({problem.reference.path!r}), Path({str(tmp_path)!r}))\n"
        "print(one.pid, flush=True)\n"
        "os._exit(1)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=120, check=False)
    pid = int(done.stdout)
    deadline = time.monotonic() + 60
    while Path(f"/proc/{pid}/status").exists() and "Z" not in Path(f"/proc/{pid}/stat").read_text().split()[2]:
        assert time.monotonic() < deadline, "it is still there"
        time.sleep(0.05)


def test_the_parent_never_imports_torch() -> None:
    script = "import sys, warploom.judge.evaluate; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], timeout=60, check=False).returncode == 0


def test_what_it_says_of_itself_is_whole(judge: LocalJudge) -> None:
    described = judge.describe()
    assert {"hardware", "toolchain", "sandbox", "roofline", "noise_floor", "reference", "baselines", "clock"} <= set(
        described
    )
    assert described["noise_floor"] >= 0.01
    assert described["reference"]["environment"]["OMP_WAIT_POLICY"] == "passive"
    folders = [value for value in described["reference"]["environment"].values() if "/" in value]
    assert folders == [], "evidence is shown to others"
    assert all(ns > 0 for ns in described["baselines"]["eager"]["eager_ns"].values())


def test_closing_ends_an_evaluation_in_another_thread(
    problem: Problem, judge_cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is closed as soon as the kernel is timed, which would go on for long."""
    timing = threading.Event()

    def announced(*given: Any) -> list[Timing]:
        timing.set()
        return measure(*given)

    monkeypatch.setattr(stages, "measure", announced)
    local = LocalJudge(problem, cache=judge_cache, lease=Lease(tmp_path / "lease"))
    local.prepare()
    pid = reference_of(local).pid
    found: list[Evaluation] = []
    body = "if (rows > 60) std::this_thread::sleep_for(std::chrono::milliseconds(100)); " + HONEST
    thread = threading.Thread(target=lambda: found.append(judged(local, body, effort="promote")))
    thread.start()
    assert timing.wait(120)
    local.close()
    thread.join(120)
    assert isinstance(found[0], Failed)
    assert (found[0].stage, found[0].kind) == ("judge", "reference")
    assert not Path(f"/proc/{pid}").exists()
    local.close()
