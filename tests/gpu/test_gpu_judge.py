"""The judge of kernels on a GPU, whole, through a driver that stands in for one: honest ones pass, cheats fail by type."""

from __future__ import annotations

import importlib
import json
import stat
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from warploom.archive import journal as journals
from warploom.cli import judge as judge_command
from warploom.cli.main import BAD_INPUT, PASSED, run
from warploom.errors import ConfigError, ProblemError, ReferenceFailed
from warploom.judge import places
from warploom.judge.evaluate import LocalJudge
from warploom.judge.fault import Fault
from warploom.judge.fleet import Fleet, make_judge
from warploom.judge.gpu import gauge as gpu_gauge
from warploom.judge.gpu import offline
from warploom.judge.gpu.gauge import GpuGauge, matrix_peak
from warploom.judge.gpu.offline import measure_offline
from warploom.judge.gpu.place import CLOCK, MOST_CALLS, Gpu
from warploom.judge.gpu.profile import figures, profile
from warploom.judge.gpu.sanitizer import sanitize
from warploom.judge.places import find_place, require_device
from warploom.judge.reference.channel import environment
from warploom.judge.reference.process import ReferenceProcess
from warploom.problems import load_problem
from warploom.problems.load import cache_directory
from warploom.sandbox.autopsy import WorkerFailed
from warploom.sandbox.gpu_device import GpuDevice
from warploom.sandbox.gpu_process import GpuProcess
from warploom.sandbox.lease import Lease
from warploom.sandbox.limits import Limits
from warploom.sandbox.runner import Interruptible
from warploom.search.agents.opening import open_run
from warploom.search.best.evidence import read_evidence
from warploom.search.run import local_parts
from warploom.testing.chat_server import Call, ChatServer, Reaction
from warploom.values.candidate import Candidate, Proposal
from warploom.values.config import RunConfig
from warploom.values.job import Effort, Job
from warploom.values.mint import refusal
from warploom.values.outcome import Build, Evaluation, Failed, Passed
from warploom.values.problem import Problem, Reference
from warploom.values.speedup import speedup

pytestmark = pytest.mark.torch


PROBLEM_FILE = """
from warploom import Problem, Tensor, Tolerance, Workload

def weigh(x, w):
    return x * w, (x * w).sum(dim=1)

problem = Problem(
    name="weigh",
    axes=("rows", "cols"),
    inputs={"x": Tensor("rows cols"), "w": Tensor("cols")},
    outputs={"out": Tensor("rows cols"), "total": Tensor("rows")},
    reference=weigh,
    workloads=[Workload(rows=8, cols=64)],
    held_out=[Workload(rows=1, cols=1), Workload(rows=3, cols=33, recipe="wide")],
    tolerance=Tolerance(factor=8.0, absolute=1e-4),
)
"""

KERNEL = """
TUNE(THREADS, 8, 4, 8)
LAUNCH(grid=rows, block=THREADS)
{before}
extern "C" __global__ void weigh(
    const float* x, const float* w, float* out, float* total, int64_t rows, int64_t cols) {{
    const float* from = x + blockIdx.x * cols;
    float* to = out + blockIdx.x * cols;
    {first}
    for (int64_t col = threadIdx.x; col < cols; col += THREADS) to[col] = {value};
    if (threadIdx.x == 0) {{
        double sum = 0;
        for (int64_t col = 0; col < cols; ++col) sum += from[col] * (double)w[col];
        total[blockIdx.x] = sum;
    }}
    {last}
}}
"""
VALUE = "from[col] * w[col]"


@pytest.fixture(scope="module")
def problem(here: GpuDevice, tmp_path_factory: pytest.TempPathFactory) -> Problem:
    path = tmp_path_factory.mktemp("problem") / "weigh.py"
    path.write_text(PROBLEM_FILE)
    return load_problem(path)


def path_of(problem: Problem) -> str:
    assert isinstance(problem.reference, Reference)
    return problem.reference.path


@pytest.fixture(scope="module")
def judge(problem: Problem, here: GpuDevice, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalJudge]:
    folder = tmp_path_factory.mktemp("judge")
    lease = Lease(folder / "lease")
    limits = Limits(call_seconds=1.5, start_seconds=30.0)
    with LocalJudge(problem, cache=cache_directory(), limits=limits, lease=lease, language="cuda") as local:
        yield local


def kernel(problem: Problem, value: str = VALUE, before: str = "", first: str = "", last: str = "") -> Candidate:
    text = KERNEL.format(value=value, before=before, first=first, last=last)
    return Candidate(problem.hash, "cuda", (("kernel.cu", text),), problem.name)


def judged(
    judge: LocalJudge,
    words: Mapping[str, str] | None = None,
    effort: Effort = "screen",
    rival: Candidate | None = None,
) -> Evaluation:
    candidate = kernel(judge.problem, **(words or {}))
    return judge.evaluate(Job(candidate, judge.problem.hash, effort, rival=rival))


def sanitizer(folder: Path, says: str) -> None:
    """A program that runs another and writes what it is told to its log."""
    program = folder / "compute-sanitizer"
    program.write_text(
        "#!/bin/sh\n"
        'while [ "$1" != --log-file ]; do shift; done\n'
        f"printf '%s\\n' '{says}' > \"$2\"\nshift 2\nexec \"$@\"\n"
    )
    program.chmod(program.stat().st_mode | stat.S_IXUSR)


def test_an_honest_kernel_is_promoted_with_everything_that_is_claimed(
    judge: LocalJudge, here: GpuDevice, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sanitizer(tmp_path, "========= ERROR SUMMARY: 0 errors")
    asked = profiler(tmp_path, NCU)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    rival = kernel(judge.problem, before="// the same")
    found = judged(judge, None, "promote", rival)
    assert isinstance(found, Passed), found
    assert found.verdict.passed
    assert {check.held_out for check in found.verdict.checks} == {True, False}
    alone = {"eager", "compile", "incumbent"}
    assert {timing.baseline for timing in found.timings} == alone | {"eager offline", "compile offline"}
    for timing in found.timings:
        assert (timing.clock, timing.device) == (CLOCK, here.name)
        assert timing.calls[0] <= MOST_CALLS or timing.baseline.endswith("offline")
    for baseline in (*alone, "eager offline"):
        count = {str(timing.workload) for timing in found.timings if timing.baseline == baseline}
        assert count == {str(workload) for workload in judge.problem.workloads}
    over_itself = speedup(found.timings, "incumbent")
    assert over_itself is not None
    assert 0.5 < over_itself.median < 2
    assert found.environment["jail"] == "gpu process"
    assert found.environment["roofline"] > 0
    assert found.environment["sanitizer"] == "memcheck: no error"
    assert found.environment["profile"] == figures(NCU.splitlines())
    words = asked.read_text()
    assert "--kernel-name weigh " in words
    launches = [line for line in (tmp_path / "seen").read_text().splitlines() if line.startswith("launch")]
    assert len(launches) == 1, "there was one call to look at"
    assert "sm__throughput.avg.pct_of_peak_sustained_elapsed" in words
    job = Job(kernel(judge.problem), judge.problem.hash, "promote")
    assert refusal(job, found) == ""


HEAD = (
    '"ID","Process ID","Process Name","Host Name","Kernel Name","Context","Stream","Block Size","Grid Size","Device","CC",'
    '"Section Name","Metric Name","Metric Unit","Metric Value"'
)
ROW = '"0","77","python3.12","127.0.0.1","weigh","1","7","(8, 1, 1)","(8, 1, 1)","0","9.0","Command line profiler metrics",'
STALLED = "smsp__average_warps_issue_stalled_{}_per_issue_active.ratio"
NCU = "\n".join(
    [
        "==PROF== Connected to process 77 (/usr/bin/python3.12)",
        '==PROF== Profiling "weigh" - 0: 0%....50%....100% - 8 passes',
        "==PROF== Disconnected from process 77",
        HEAD,
        f'{ROW}"gpu__dram_throughput.avg.pct_of_peak_sustained_elapsed","%","61.25"',
        f'{ROW}"lts__t_sector_hit_rate.pct","%","n/a"',
        f'{ROW}"sm__throughput.avg.pct_of_peak_sustained_elapsed","%","7.50"',
        f'{ROW}"{STALLED.format("long_scoreboard")}","inst","1,206"',
        f'{ROW}"{STALLED.format("barrier")}","inst","201"',
        f'{ROW}"{STALLED.format("wait")}","inst","201.0"',
        f'{ROW}"{STALLED.format("sleeping")}","inst","0"',
    ]
)
"""What Nsight Compute 2025 prints with ``--csv --metrics``."""


def profiler(folder: Path, says: str, *, runs: bool = True) -> Path:
    """A program ``ncu`` that, as the real one, tells what it saw when the process that it watched has ended.

    Returns:
        Where it writes down how it was called.
    """
    (folder / "says").write_text(says)
    program = folder / "ncu"
    program.write_text(
        f'#!/bin/sh\necho "$@" > {folder}/asked\n'
        'while [ "$1" != --log-file ]; do shift; done\nlog=$2\nshift 2\n'
        f'{"" if runs else "#"}FAKE_CUDA_LOG={folder}/seen "$@"\ncp {folder}/says "$log"\n'
    )
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return folder / "asked"


def test_a_profilers_figures_are_read_off_its_csv() -> None:
    stalls = {"long scoreboard": 75.0, "barrier": 12.5, "wait": 12.5}
    assert figures(NCU.splitlines()) == {"compute_percent": 7.5, "dram_percent": 61.25, "stalls": stalls}
    assert figures(["==PROF== Connected", "no figures"]) == {}
    assert figures([HEAD]) == {}


def test_a_profiler_that_is_not_permitted_is_named_and_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = "==ERROR== ERR_NVGPUCTRPERM - The user does not have permission to access NVIDIA GPU Performance Counters"
    profiler(tmp_path, said, runs=False)

    def refused(before: Sequence[str]) -> GpuProcess:
        subprocess.run([*before, "true"], check=True)
        raise WorkerFailed("crash", "the process that holds the GPU is gone")

    assert profile(refused, lambda process: None, "weigh") == {}
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    assert profile(refused, lambda process: None, "weigh") == {"profile": f"ncu could not run: {said}"}
    profiler(tmp_path, "", runs=False)
    gone = {"profile": "ncu could not run: the process that holds the GPU is gone"}
    assert profile(refused, lambda process: None, "weigh") == gone


def test_what_holds_for_all_evaluations_names_the_device_and_what_is_not_protected(
    judge: LocalJudge, here: GpuDevice
) -> None:
    said = judge.describe()
    assert said["hardware"]["gpu"]["name"] == here.name
    assert said["toolchain"] == "fake nvcc 1, driver 13.0"
    assert said["clock"] == CLOCK
    assert said["reference"]["device"] == "cpu"
    assert "without a jail" in said["sandbox"]["gaps"][0]
    assert len(said["roofline"]["bytes_per_ns"]) > 1
    assert said["roofline"]["operations_per_ns"] == matrix_peak(here) == 4 * 4096


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("wrong_result", {"value": "0"}),
        ("wrong_result", {"value": f"__bfloat162float(__float2bfloat16({VALUE}))"}),
        ("wrong_result", {"value": f"cols % 32 ? {VALUE} : from[col]"}),
        ("not_finite", {"value": f"col ? {VALUE} : NAN"}),
        ("unwritten_output", {"first": "if (cols % 2) return;"}),
        ("out_of_bounds", {"last": "if (blockIdx.x == 0) out[rows * cols] = 1;"}),
        ("out_of_bounds", {"last": "if (blockIdx.x == 0) total[-1] = 1;"}),
        ("input_changed", {"last": "const_cast<float*>(w)[0] = 1;"}),
        ("crash", {"last": "*(volatile int*)8 = 1;"}),
        ("timeout", {"before": "#include <unistd.h>", "last": "for (;;) usleep(1000);"}),
        # Finishes a call in the next one: its output has been collected by then.
        (
            "unwritten_output",
            {
                "before": "static float* late;",
                "first": "if (blockIdx.x + threadIdx.x == 0) { if (late) late[0] = 1; late = out; }",
                "value": f"blockIdx.x + col ? {VALUE} : to[0]",
            },
        ),
        # Another answer each time, and each within the tolerance.
        (
            "nondeterministic",
            {
                "before": "static unsigned calls;",
                "first": "if (blockIdx.x + threadIdx.x == 0) ++calls;",
                "value": f"{VALUE} + (calls % 2 ? 5e-5f : -4e-5f)",
            },
        ),
    ],
)
def test_a_cheat_or_a_mistake_fails_by_its_kind(judge: LocalJudge, kind: str, words: dict[str, str]) -> None:
    found = judged(judge, words)
    assert isinstance(found, Failed)
    assert (found.stage, found.kind) == ("verify", kind), found
    assert found.environment["jail"] == "gpu process"


@pytest.mark.parametrize(
    "words",
    [
        # Tells timed calls by their number.
        {
            "before": "static unsigned calls;",
            "first": "if (blockIdx.x + threadIdx.x == 0) ++calls;",
            "value": f"calls > 12 ? 0 : {VALUE}",
        },
        # Remembers its first answer to a shape, and gives it again.
        {
            "before": "static float kept[1 << 12]; static int64_t last; static int seen;",
            "first": "if (blockIdx.x + threadIdx.x == 0) { seen = cols == last ? seen + 1 : 0; last = cols; }",
            "value": f"seen ? kept[blockIdx.x * cols + col] : (kept[blockIdx.x * cols + col] = {VALUE})",
        },
    ],
    ids=["counts its calls", "keeps its answers"],
)
def test_a_kernel_that_cheats_while_it_is_timed_fails_there(judge: LocalJudge, words: dict[str, str]) -> None:
    found = judged(judge, words)
    assert isinstance(found, Failed)
    assert (found.stage, found.kind) == ("time", "wrong_result"), found


def with_workspace(problem: Problem, size: str = "4 * rows", last: str = "") -> Candidate:
    """The kernel with scratch memory, in which it leaves a mark a row: whoever finds one gives zeros."""
    count = "if (threadIdx.x == 0) workspace[blockIdx.x] += 1; __syncthreads();"
    made = kernel(problem, f"workspace[blockIdx.x] == 1 ? {VALUE} : 0", first=count, last=last)
    text = made.source.replace("block=THREADS", f"block=THREADS, workspace={size}")
    return replace(made, sources=(("kernel.cu", text.replace("int64_t cols) {", "int64_t cols, float* workspace) {")),))


def test_a_kernel_finds_zeros_in_its_workspace_whatever_call_it_is(judge: LocalJudge) -> None:
    found = judge.evaluate(Job(with_workspace(judge.problem), judge.problem.hash))
    assert isinstance(found, Passed), found


@pytest.mark.parametrize(
    ("kind", "words", "said"),
    [
        ("out_of_bounds", {"last": "if (blockIdx.x == 0) workspace[rows] = 1;"}, "outside of its workspace"),
        ("out_of_bounds", {"last": "if (blockIdx.x == 0) workspace[-1] = 1;"}, "outside of its workspace"),
        ("limit", {"size": "4 * rows - 4"}, "the LAUNCH line: a workspace of 0 bytes"),
        ("limit", {"size": "4 * rows * 1000000000"}, "the LAUNCH line: a workspace of 4000000000 bytes"),
    ],
)
def test_a_workspace_is_guarded_and_bounded(judge: LocalJudge, kind: str, words: dict[str, str], said: str) -> None:
    found = judge.evaluate(Job(with_workspace(judge.problem, **words), judge.problem.hash))
    assert isinstance(found, Failed)
    assert (found.stage, found.kind) == ("verify", kind), found
    assert said in found.message


@pytest.fixture
def started(judge: LocalJudge, tmp_path: Path) -> Iterator[Callable[[Mapping[str, str]], GpuProcess]]:
    """Starts a kernel as the judge does."""
    with ExitStack() as stack:

        def start(words: Mapping[str, str]) -> GpuProcess:
            candidate = kernel(judge.problem, **words)
            build = judge._place.build(candidate, tmp_path)
            assert isinstance(build, Build)
            process = stack.enter_context(judge._place.start(build, candidate))
            assert isinstance(process, GpuProcess)
            assert not isinstance(process, Interruptible), "its calls get their inputs one by one"
            return process

        yield start


def test_calls_back_to_back_are_checked_too(
    judge: LocalJudge, started: Callable[[Mapping[str, str]], GpuProcess]
) -> None:
    session = judge._prepared()
    # Alone there are four calls in a block, at rising addresses.
    words = {
        "before": "static const float* before; static int rising;",
        "first": "if (blockIdx.x + threadIdx.x == 0) { rising = x > before ? rising + 1 : 0; before = x; }",
        "value": f"rising > 8 ? 0 : {VALUE}",
    }
    with pytest.raises(Fault, match="back to back") as raised:
        measure_offline(started(words), session, [], ("eager",))
    assert (raised.value.stage, raised.value.kind) == ("time", "wrong_result")
    found, notes = measure_offline(started({}), session, [], ("eager",))
    assert [len(timing.samples_ns) for timing in found] == [offline.PAIRS]
    assert notes == {}


def test_a_baseline_that_is_lost_back_to_back_costs_those_figures_alone(
    judge: LocalJudge, started: Callable[[Mapping[str, str]], GpuProcess], monkeypatch: pytest.MonkeyPatch
) -> None:
    def lost(self: ReferenceProcess, deadline_s: float, graph: bool) -> int:
        self.kill()
        raise ReferenceFailed("it cannot be captured")

    monkeypatch.setattr(ReferenceProcess, "run_together", lost)
    session = judge._prepared()
    assert measure_offline(started({}), session, [], ("eager",)) == (
        [],
        {"offline": "not measured: it cannot be captured"},
    )
    assert session.reference.description["device"] == "cpu"


def test_after_a_crash_the_next_candidate_is_judged_as_ever(judge: LocalJudge) -> None:
    crashed = judged(judge, {"last": "*(volatile int*)16 = 1;"})
    assert isinstance(crashed, Failed)
    assert "CUDA_ERROR_ILLEGAL_ADDRESS" in crashed.message
    assert isinstance(judged(judge), Passed)


def test_a_text_in_another_language_and_one_that_does_not_build_are_told_apart(judge: LocalJudge) -> None:
    foreign = replace(kernel(judge.problem), language="cpp", sources=(("kernel.cpp", "void weigh();"),))
    found = judge.evaluate(Job(foreign, judge.problem.hash))
    assert isinstance(found, Failed)
    assert (found.stage, found.kind) == ("source", "rejected")
    assert "cpp candidate does not run on Fake GPU 0" in found.message
    broken = judged(judge, {"value": "nothing"})
    assert isinstance(broken, Failed)
    assert broken.kind == "compile_error"


def test_what_a_sanitizer_finds_fails_the_candidate(
    judge: LocalJudge, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sanitizer(tmp_path, "========= Invalid __global__ write of size 4 bytes")
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    failed = judged(judge, None, "promote")
    assert isinstance(failed, Failed)
    assert (failed.stage, failed.kind) == ("verify", "out_of_bounds")
    assert failed.message == "compute-sanitizer: Invalid __global__ write of size 4 bytes"


def test_a_sanitizer_that_cannot_run_is_no_verdict(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(before: Sequence[str]) -> GpuProcess:
        raise WorkerFailed("crash", "Device not supported")

    monkeypatch.setattr("shutil.which", lambda program: None)
    assert sanitize(refused, lambda process: None) == {}
    monkeypatch.setattr("shutil.which", lambda program: f"/bin/{program}")
    assert sanitize(refused, lambda process: None) == {"sanitizer": "memcheck could not run: Device not supported"}


def test_a_calibration_is_kept_and_peaks_only_rise(
    judge: LocalJudge, here: GpuDevice, problem: Problem, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lease = Lease(tmp_path / "lease")
    gauge = GpuGauge(here, problem, "key", tmp_path, lease, Limits())
    taken = gauge.current()
    assert taken.noise_floor > 0
    assert len(taken.itself) == gpu_gauge.COMPARISONS
    again = GpuGauge(here, problem, "key", tmp_path, lease, Limits())
    monkeypatch.setattr(GpuGauge, "_take", lambda self: pytest.fail("it was taken anew"))
    assert again.current() == taken
    again.raise_peaks()
    for size, peak in again.current().peaks.bytes_per_ns.items():
        assert peak >= taken.peaks.bytes_per_ns[size]


def test_only_a_reference_on_a_gpu_sees_gpus(tmp_path: Path) -> None:
    assert environment(tmp_path)["CUDA_VISIBLE_DEVICES"] == ""
    assert "CUDA_VISIBLE_DEVICES" not in environment(tmp_path, "cuda:1")


def test_each_device_has_a_lease_of_its_own(here: GpuDevice, problem: Problem, tmp_path: Path) -> None:
    one = Gpu(problem, "cuda", here, tmp_path, Limits(), None)
    other = Gpu(problem, "cuda", replace(here, uuid="ff" * 16), tmp_path, Limits(), None)
    assert one.lease.path != other.lease.path


def test_a_language_goes_to_the_first_device_that_runs_it(here: GpuDevice, monkeypatch: pytest.MonkeyPatch) -> None:
    old = replace(here, name="old", capability=(3, 5))
    monkeypatch.setattr(places, "find_devices", lambda: (old, here))
    assert require_device("triton") == here
    with pytest.raises(ConfigError, match="what is here cannot run it"):
        require_device("hip")
    monkeypatch.setattr(places, "find_devices", lambda: ())
    with pytest.raises(ConfigError, match="cuda runs on a GPU, and there is none here; `warploom build`"):
        require_device("cuda")


def test_several_gpus_of_a_kind_are_a_fleet_and_each_judges_one_at_a_time(
    here: GpuDevice, problem: Problem, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    second, other = replace(here, index=1, uuid="22" * 16), replace(here, index=2, name="another kind")
    monkeypatch.setattr(places, "find_devices", lambda: (here, other, second))
    fleet = make_judge(problem, cache=tmp_path, language="cuda")
    assert isinstance(fleet, Fleet)
    meeting = threading.Barrier(2)

    def evaluate(self: LocalJudge, job: Job) -> Evaluation:
        meeting.wait(20)  # both are at work, or nobody comes
        return Failed("judge", "rejected", str(self._place.lease.path))

    monkeypatch.setattr(LocalJudge, "evaluate", evaluate)
    job = Job(kernel(problem), problem.hash)
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(fleet.evaluate, [job] * 4))
    assert len({one.message for one in found if isinstance(one, Failed)}) == len(fleet) == 2
    fleet.close()

    def prepared(self: Fleet) -> None:
        raise ReferenceFailed("a fleet was prepared")

    monkeypatch.setattr(Fleet, "prepare", prepared)
    with pytest.raises(ReferenceFailed, match="a fleet was prepared"):
        local_parts(RunConfig(path_of(problem), "cuda"), problem, None, tmp_path)
    monkeypatch.setattr(places, "find_devices", lambda: (here, other))
    assert isinstance(make_judge(problem, cache=tmp_path, language="cuda"), LocalJudge)
    assert isinstance(make_judge(problem, cache=tmp_path, language="cpp"), LocalJudge)


def test_somebody_elses_program_is_not_judged_on_a_gpu(
    problem: Problem, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("warploom.judge.reference.channel.is_foreign_file", lambda path: True)
    with pytest.raises(ProblemError, match="is not judged on a GPU"):
        ReferenceProcess(problem, tmp_path, "cuda")


def test_the_benchmark_has_a_row_for_what_passes_and_for_what_fails(judge: LocalJudge) -> None:
    benchmark = importlib.import_module("benchmarks.gpu")
    right = benchmark.row_of(judge, kernel(judge.problem), "screen")
    wrong = benchmark.row_of(judge, kernel(judge.problem, value="0"), "screen")
    assert right["eager"]["low"] <= right["eager"]["median"] <= right["eager"]["high"]
    assert right["compile"] is None
    assert [one["baseline"] for one in right["workloads"]] == ["eager"]
    assert wrong["failed"].startswith("verify: wrong_result: ")
    assert len(benchmark.shown([right, wrong]).splitlines()) == 4
    assert json.dumps([right, wrong])


# ------------------------------------------------------------ the command line


STAGED = """
TUNE(THREADS, 8, 4, 8)
LAUNCH(grid=rows, block=THREADS)
extern "C" __global__ void weigh(
    const float* x, const float* w, float* out, float* total, int64_t rows, int64_t cols) {
    __shared__ __align__(16) float weights[64];
    double sum = 0;
    for (int64_t begin = 0; begin < cols; begin += 64) {
        for (int64_t place = threadIdx.x * 4; place < 64; place += THREADS * 4) {
            if (cols % 4 == 0 && begin + place < cols) {
                *reinterpret_cast<uint4*>(weights + place) = *reinterpret_cast<const uint4*>(w + begin + place);
                continue;
            }
            for (int i = 0; i < 4; ++i) weights[place + i] = begin + place + i < cols ? w[begin + place + i] : 0;
        }
        __syncthreads();
        const float* from = x + blockIdx.x * cols + begin;
        for (int64_t col = threadIdx.x; col < 64 && begin + col < cols; col += THREADS) {
            out[blockIdx.x * cols + begin + col] = from[col] * weights[col];
        }
        if (threadIdx.x == 0) {
            for (int64_t col = 0; col < 64 && begin + col < cols; ++col) sum += from[col] * (double)weights[col];
        }
        __syncthreads();
    }
    if (threadIdx.x == 0) total[blockIdx.x] = sum;
}
"""


FAILED_TO_BUILD = 'It failed at the stage "build": it does not compile'


def told(folder: Path) -> list[tuple[Proposal, Evaluation | None]]:
    """Every candidate of a run with what came of it."""
    with journals.read(folder) as journal:
        return [(journal.proposal(one), journal.evaluation(one)) for one in journal.candidates()]


def evolved(
    problem: Problem, folder: Path, capsys: pytest.CaptureFixture[str], source: str, *words: str
) -> dict[str, Any]:
    """What ``warploom evolve`` says of a run from this kernel."""
    start = folder / "start.cu"
    start.write_text(source)
    head = [
        "evolve",
        path_of(problem),
        "--target",
        "cuda",
        "--start",
        str(start),
        "--run",
        str(folder / "run"),
        "--json",
    ]
    assert run([*head, *words]) == PASSED
    said: dict[str, Any] = json.loads(capsys.readouterr().out.strip().splitlines()[-1])
    return said


def test_evolve_changes_and_tunes_a_kernel_on_a_gpu(
    judge: LocalJudge,
    problem: Problem,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    said = evolved(problem, tmp_path, capsys, STAGED, "--proposer", "moves", "--evaluations", "5")
    assert said["evaluations"] == 5
    assert said["best"]
    evidence = read_evidence(tmp_path / "run" / "best" / "evidence.json")
    assert evidence.candidate.language == "cuda"
    copied = [found for made, found in told(tmp_path / "run") if "copy_async(weights" in made.candidate.source]
    assert copied
    assert all(isinstance(found, Passed) for found in copied), copied


def test_a_model_is_asked_for_cuda_and_mends_what_does_not_compile(
    judge: LocalJudge,
    problem: Problem,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    pytest.importorskip("openai", reason="the extra llm is not installed")
    monkeypatch.setenv("OPENAI_API_KEY", "sk-1234567")
    broken = kernel(problem, value="nothing").source.lstrip()
    mended = kernel(problem, value=f"1.0f * {VALUE}").source.lstrip()

    def react(call: Call) -> Reaction:
        return Reaction(f"IDEA: once more\n```cuda\n{mended if FAILED_TO_BUILD in call.prompt else broken}```")

    with ChatServer(react) as server:
        words = ["--proposer", "llm", "--model", "m", "--base-url", server.base_url, "--in-flight", "1"]
        said = evolved(problem, tmp_path, capsys, kernel(problem).source, *words, "--evaluations", "3", "--seed", "1")
        first, *others = server.calls
    assert said["evaluations"] == 3
    system = str(first.body["messages"][0]["content"])
    assert "You improve one CUDA kernel that computes a fixed result on an NVIDIA GPU." in system
    assert "Fake GPU 0 (sm_90a): 4 multiprocessors" in first.prompt
    assert "registers of a thread: 32" in first.prompt
    assert "compiled by fake nvcc 1, driver 13.0" in first.prompt
    repair = next(call.prompt for call in others if FAILED_TO_BUILD in call.prompt)
    line = broken[: broken.index("nothing")].count("\n") + 1
    assert f":{line}:" in repair.partition("The compiler said:")[2]
    outcomes = {made.candidate.source: (made.lineage.operator, found) for made, found in told(tmp_path / "run")}
    operator, found = outcomes[mended]
    assert operator == "repair"
    assert isinstance(found, Passed)


def test_an_agent_is_asked_for_cuda_and_answers_in_it(
    judge: LocalJudge, problem: Problem, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, start = str(tmp_path / "run"), tmp_path / "start.cu"
    start.write_text(kernel(problem).source)
    words = ["--problem", path_of(problem), "--target", "cuda", "--start", str(start), "--json"]
    assert run(["ask", folder, *words]) == PASSED
    asked = json.loads(capsys.readouterr().out)
    assert 'extern "C" __global__ void weigh(const float* x' in asked["prompt"]
    assert "Fake GPU 0 (sm_90a)" in asked["prompt"]
    with open_run(folder) as opened:
        assert "`LAUNCH(grid=…, block=…, shared=…)`" in opened.describe()
    start.write_text(kernel(problem, value=f"1.0f * {VALUE}").source)
    assert run(["tell", folder, str(asked["id"]), str(start), "--json"]) == PASSED
    assert json.loads(capsys.readouterr().out)["passed"]


def test_without_a_gpu_nothing_is_judged_and_the_way_out_is_named(
    problem: Problem, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(places, "find_devices", lambda: ())
    source = tmp_path / "mine.cu"
    source.write_text(kernel(problem).source)
    path = str(path_of(problem))
    for words in (
        ["judge", path, str(source)],
        ["evolve", path, "--target", "cuda", "--start", str(source), "--run", str(tmp_path / "run")],
    ):
        assert run(words) == BAD_INPUT
        said = capsys.readouterr().err
        assert "cuda runs on a GPU, and there is none here; `warploom build` compiles it without one" in said
    assert not (tmp_path / "run").exists()


def test_judge_names_what_is_not_protected_on_a_gpu(here: GpuDevice) -> None:
    jail, gaps = judge_command.sandbox_of("cuda")
    assert jail == "gpu process"
    assert len(gaps) == 1
    assert judge_command.judged_language(Path("kernel.cu")) == "cuda"
    assert judge_command.judged_language(Path("kernel.py")) == "triton"


def test_the_place_of_a_language_follows_from_it(here: GpuDevice, problem: Problem, tmp_path: Path) -> None:
    place = find_place("triton", problem, tmp_path, Limits(), None)
    assert isinstance(place, Gpu)
    assert find_place("cpp", problem, tmp_path, Limits(), None).setting.torch == ""
