"""The process that holds a GPU, through a driver that stands in for one: what each guard sees, and what a window holds."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from warploom.cli import doctor
from warploom.judge.content.guards import overwritten
from warploom.judge.content.layout import view
from warploom.judge.timing.bench import Bench
from warploom.sandbox.autopsy import WorkerFailed
from warploom.sandbox.gpu_device import GpuDevice, find_devices
from warploom.sandbox.gpu_process import GpuProcess
from warploom.sandbox.gpu_worker_process import GpuWorkerProcess
from warploom.sandbox.limits import Limits
from warploom.toolchain.find import find_toolchain
from warploom.toolchain.gpu_bundle import Bundle, read_bundle
from warploom.values.candidate import Candidate
from warploom.values.outcome import Build
from warploom.values.problem import Problem, Reference, Tensor, Workload
from warploom.values.signature import signature

PROBLEM = Problem(
    "scale",
    ("n", "deed"),
    {"x": Tensor("n"), "y": Tensor("n")},
    {"out": Tensor("n"), "most": Tensor("1")},
    Reference("", "scale", ""),
    (Workload(n=100, deed=9),),
)

KERNEL = """
#include <cstdio>
#include <unistd.h>
LAUNCH(grid=(n + 31) // 32, block=32, shared=65536)
static int calls = 0;
extern "C" __global__ void scale(const float* x, const float* y, float* out, float* most, int64_t n, int64_t deed) {
    extern __shared__ unsigned char room[];
    int64_t i = blockIdx.x * 32 + threadIdx.x;
    room[65535] = 1;
    if (i < n) out[i] = 2 * x[i] + y[i];
    if (i != 0) return;
    most[0] = ++calls;
    if (deed == 1) out[-1] = 1;
    if (deed == 2) out[n] = 1;
    if (deed == 3) const_cast<float*>(y)[3] = 1;
    if (deed == 4) *(volatile int*)8 = 1;
    if (deed == 5) for (;;) usleep(1000);
    if (deed == 6) usleep(20000);
    if (deed == 7) _exit(3);
    if (deed == 8) for (int line = 0; line < 2000; ++line) printf("%070d\\n", line);
    if (deed == 8) fflush(stdout);
}
"""
ROOM = """
LAUNCH(grid=(n + 31) // 32, block=32, workspace=4 * n)
extern "C" __global__ void scale(const float* x, const float* y, float* out, float* most, int64_t n, int64_t deed,
                                 float* workspace) {
    int64_t i = blockIdx.x * 32 + threadIdx.x;
    if (i < n) {
        out[i] = 2 * x[i] + y[i] + workspace[i];
        workspace[i] = 7;
    }
    if (i != 0) return;
    most[0] = 1;
    if (deed == 1) reinterpret_cast<char*>(workspace)[-1] ^= 1;
    if (deed == 8) reinterpret_cast<char*>(workspace)[4 * n] ^= 1;
}
"""
"""With scratch memory, in which it leaves something behind."""

LIMITS = Limits(start_seconds=20.0)
Started = Callable[..., GpuProcess]


@pytest.fixture(scope="module")
def bundle(here: GpuDevice, tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return built(KERNEL, here, tmp_path_factory.mktemp("build"))


def built(source: str, device: GpuDevice, folder: Path) -> Bundle:
    assert device.architecture is not None
    candidate = Candidate("0" * 16, "cuda", (("kernel.cu", source),), "scale")
    made = find_toolchain("cuda", [device.architecture]).build(candidate, signature(PROBLEM), folder)
    assert isinstance(made, Build), made
    return read_bundle(Path(made.artifact))


@pytest.fixture(scope="module")
def room(here: GpuDevice, tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """The kernel with a workspace."""
    return built(ROOM, here, tmp_path_factory.mktemp("room"))


@pytest.fixture
def start(bundle: Bundle, here: GpuDevice) -> Iterator[Started]:
    with ExitStack() as stack:
        yield lambda **changes: stack.enter_context(GpuProcess(replace(bundle, **changes), PROBLEM, here, LIMITS))


@pytest.fixture
def log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], list[str]]:
    """What the driver was asked since, a line a call."""
    path = tmp_path / "log"
    path.touch()
    monkeypatch.setenv("FAKE_CUDA_LOG", str(path))

    def read() -> list[str]:
        lines = path.read_text().splitlines()
        path.write_text("")
        return lines

    return read


def bench_of(deed: int = 9, calls: int = 1, n: int = 100) -> Bench:
    made = Bench(PROBLEM, Workload(n=n, deed=deed), np.random.default_rng(1))
    made.make_room(calls)
    made.renew(calls)
    return made


def run(process: GpuProcess, bench: Bench, calls: int = 1, seconds: float = 10.0) -> int:
    """One block of calls on poisoned outputs; nanoseconds."""
    process.stage(bench.calls(bench.windows(calls)))
    bench.renew(calls)
    bench.lay_poison(calls)
    return process.run(seconds)


def test_a_call_reads_its_own_inputs_and_writes_where_the_judge_looks(start: Started) -> None:
    process, bench = start(), bench_of(calls=3)
    for _ in range(2):
        run(process, bench, 3)
        placed = {id(call.output): call for call in map(bench.timed_call, range(3))}
        assert len(placed) == 3
        for output, laid in zip(bench.outputs, bench.laid, strict=True):
            call = placed[id(output)]
            x, y = (np.frombuffer(bench.inputs.memory, np.float32, 100, offset) for offset in call.offsets)
            assert np.array_equal(view(output, bench.outputs_layout.regions[0]), 2 * x + y)
            assert overwritten(output, bench.outputs_layout, laid) == ""


def test_what_is_written_beside_an_output_comes_back_with_it(start: Started) -> None:
    for deed, said in ((1, "before the start of out"), (2, "behind the end of out")):
        bench = bench_of(deed)
        run(start(), bench)
        assert overwritten(bench.outputs[0], bench.outputs_layout, bench.laid[0]).endswith(said)


def test_an_output_that_is_not_written_comes_back_as_the_judge_laid_it(start: Started, bundle: Bundle) -> None:
    less = replace(bundle.launch, grid=("n // 64", "1", "1"))
    bench = bench_of()
    run(start(launch=less), bench)
    out = view(bench.outputs[0], bench.outputs_layout.regions[0]).view("u4")
    assert (out[32:] == bench.laid[0].words[0]).all()
    assert not (out[:32] == bench.laid[0].words[0]).any()


def test_an_input_that_was_written_to_is_a_failure(start: Started) -> None:
    with pytest.raises(WorkerFailed) as raised:
        run(start(), bench_of(3))
    assert (raised.value.kind, raised.value.stage) == ("input_changed", "")


def test_an_illegal_access_ends_the_worker_and_no_other(start: Started) -> None:
    process, other = start(), start()
    with pytest.raises(WorkerFailed, match="CUDA_ERROR_ILLEGAL_ADDRESS from the kernel") as raised:
        run(process, bench_of(4))
    assert raised.value.kind == "crash"
    with pytest.raises(WorkerFailed):
        run(process, bench_of())
    assert run(other, bench_of()) > 0


def test_a_process_that_is_gone_is_a_crash(start: Started) -> None:
    with pytest.raises(WorkerFailed, match="status 3") as raised:
        run(start(), bench_of(7))
    assert raised.value.kind == "crash"


def test_a_kernel_that_does_not_end_is_a_timeout_and_its_process_is_gone(start: Started) -> None:
    process, begin = start(), time.monotonic()
    with pytest.raises(WorkerFailed) as raised:
        run(process, bench_of(5), seconds=0.5)
    assert raised.value.kind == "timeout"
    assert time.monotonic() - begin < 10
    assert not Path(f"/proc/{process.pid}").exists()


def test_a_kernel_that_prints_without_end_is_ended(start: Started) -> None:
    with pytest.raises(WorkerFailed, match="printed more than 65536 bytes") as raised:
        run(start(), bench_of(8))
    assert raised.value.kind == "limit"


def test_what_runs_back_to_back_was_never_seen_before(start: Started, log: Callable[[], list[str]]) -> None:
    process, bench = start(), bench_of(calls=2)
    run(process, bench, 2)
    log()
    process.run_together(10.0, graph=False)
    verbs = [line.split()[0] for line in log()]
    before, timed = verbs[: verbs.index("upload")], verbs[verbs.index("upload") :]
    assert before.count("launch") == timed.count("launch") == 2
    assert timed.index("launch") > max(place for place, verb in enumerate(timed) if verb == "upload")


def test_the_window_waits_for_the_whole_device(start: Started) -> None:
    assert run(start(), bench_of(6)) > 20e6


def test_the_host_counts_where_events_tell_of_less(start: Started, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAKE_CUDA_EVENTS", "nothing")
    assert run(start(), bench_of(6)) > 20e6


def test_events_count_where_they_tell_of_more(start: Started, monkeypatch: pytest.MonkeyPatch) -> None:
    process, bench = start(), bench_of()
    run(process, bench)
    monkeypatch.setenv("FAKE_CUDA_EVENTS", "more")
    with pytest.raises(WorkerFailed, match="cannot be"):  # so much more that the owner's clock knows better
        run(start(), bench)


def test_each_call_is_brought_made_and_collected_before_the_next(start: Started, log: Callable[[], list[str]]) -> None:
    process, bench = start(), bench_of(calls=2)
    process.stage(bench.calls(bench.windows(2)))
    bench.lay_poison(2)
    log()
    process.run(10.0)
    verbs = [line.split()[0] for line in log()]
    once = ["upload", "upload", "clear", "synchronize", "launch", "synchronize", "download", "download"]
    assert verbs == once * 2


def test_more_than_the_l2_cache_is_written_over(start: Started, here: GpuDevice, log: Callable[[], list[str]]) -> None:
    run(start(), bench_of())
    cleared = [int(line.split()[1]) for line in log() if line.startswith("clear")]
    assert cleared
    assert min(cleared) >= 4 * here.l2_bytes


def test_only_the_inputs_of_a_call_are_brought_to_the_device(start: Started, log: Callable[[], list[str]]) -> None:
    bench = bench_of(calls=4)
    run(start(), bench, 4)
    brought = [int(line.split()[1]) for line in log() if line.startswith("upload")][::2]
    assert max(brought) <= bench.layout.size_bytes
    assert len(brought) == 4


def test_calls_back_to_back_are_one_window_and_can_be_a_graph(start: Started, log: Callable[[], list[str]]) -> None:
    process, bench = start(), bench_of(calls=3)
    for graph, launches, replays in ((False, 6, 0), (True, 3, 2)):
        run(process, bench, 3)
        bench.renew(3)
        bench.lay_poison(3)
        log()
        assert process.run_together(10.0, graph) > 0
        verbs = [line.split()[0] for line in log()]
        assert (verbs.count("launch"), verbs.count("replay")) == (launches, replays)
        for call in map(bench.timed_call, range(3)):
            x, y = (np.frombuffer(bench.inputs.memory, np.float32, 100, offset) for offset in call.offsets)
            assert np.array_equal(view(call.output, bench.outputs_layout.regions[0]), 2 * x + y)


def test_blocks_follow_the_workload(start: Started, log: Callable[[], list[str]]) -> None:
    process = start()
    for n in (1, 33):
        run(process, bench_of(n=n))
    assert [line for line in log() if line.startswith("launch")] == ["launch 1 32", "launch 2 32"]


def test_a_launch_that_the_device_does_not_take_is_a_limit(start: Started, bundle: Bundle) -> None:
    with pytest.raises(WorkerFailed, match="INVALID_VALUE") as raised:
        run(start(launch=replace(bundle.launch, block=(1025,))), bench_of())
    assert raised.value.kind == "limit"


def test_what_does_not_fit_into_the_device_is_out_of_memory(start: Started, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAKE_CUDA_MEMORY", str(33 << 20))
    bench = bench_of(n=1 << 18)
    with pytest.raises(WorkerFailed, match="OUT_OF_MEMORY") as raised:
        run(start(), bench)
    assert raised.value.kind == "out_of_memory"


def test_code_that_is_none_or_for_another_gpu_does_not_load(start: Started, bundle: Bundle) -> None:
    for changes, said in (
        ({"data": dict.fromkeys(bundle.data, b"text" * 99)}, "INVALID_IMAGE"),
        ({"codes": {name: replace(code, kernel="other") for name, code in bundle.codes.items()}}, "NOT_FOUND"),
        ({"codes": {"sm_80": next(iter(bundle.codes.values()))}}, "compiled for sm_80, and Fake GPU 0 is sm_90a"),
    ):
        with pytest.raises(WorkerFailed, match=said) as raised:
            start(**changes)
        assert (raised.value.kind, raised.value.stage) == ("load_error", "load")


def test_a_driver_that_is_not_there_is_no_device() -> None:
    assert find_devices("libno-such-driver.so") == ()


def test_a_device_says_what_it_is(device: GpuDevice) -> None:
    assert device.name == "Fake GPU 0"
    assert device.architecture is not None
    assert device.architecture.name == "sm_90a"
    assert (device.units, device.l2_bytes, device.pageable) == (4, 1 << 20, False)
    assert device.driver_version == "driver 13.0"
    assert replace(device, capability=(3, 5)).architecture is None


def test_every_device_is_listed(driver: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAKE_CUDA_DEVICES", "2")
    find_devices.cache_clear()
    try:
        assert [one.torch for one in find_devices(driver)] == ["cuda:0", "cuda:1"]
    finally:
        find_devices.cache_clear()


def test_a_worker_ends_with_its_owner(here: GpuDevice) -> None:
    worker = GpuWorkerProcess(here, LIMITS)
    worker._channel.close()
    worker._process.wait(10)
    worker.close()


def test_a_worker_needs_nothing_but_the_standard_library() -> None:
    code = "import sys, warploom.sandbox.gpu_worker\nprint(*sorted(name.partition('.')[0] for name in sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    foreign = set(done.stdout.split()) - set(sys.stdlib_module_names) - {"warploom"}
    assert not {name for name in foreign if not name.startswith(("_", "sitecustomize"))}


def test_doctor_names_the_gpu_or_says_that_there_is_none(device: GpuDevice, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "find_devices", lambda: (device,))
    found = {one.name: one.detail.split(" (")[0] for one in doctor._gpus()}
    assert found["gpu"] == "Fake GPU 0, sm_90a, driver 13.0"
    monkeypatch.setattr(doctor, "find_devices", lambda: ())
    assert {one.name: one.detail.split(" (")[0] for one in doctor._gpus()}["gpu"] == "absent"


def test_tritons_kernels_get_short_axes_scratch_that_is_null_and_their_own_threads(
    start: Started, bundle: Bundle, log: Callable[[], list[str]]
) -> None:
    codes = {name: replace(code, threads=64, arguments=("null", "null")) for name, code in bundle.codes.items()}
    process = start(language="triton", codes=codes, launch=replace(bundle.launch, block=()))
    bench = bench_of()
    (call,) = bench.calls(bench.windows(1))
    assert process._words(call).split()[-4:] == ["w100", "w9", "n", "n"]
    assert start()._words(call).split()[-2:] == ["q100", "q9"]
    run(process, bench)
    assert [line for line in log() if line.startswith("launch")] == ["launch 4 64"]


def right(bench: Bench, calls: int) -> bool:
    """Whether each call found zeros in its workspace, and an output with its margins as they were."""
    laid = {id(output): one for output, one in zip(bench.outputs, bench.laid, strict=True)}
    found = []
    for call in map(bench.timed_call, range(calls)):
        x, y = (np.frombuffer(bench.inputs.memory, np.float32, 100, offset) for offset in call.offsets)
        found.append(np.array_equal(view(call.output, bench.outputs_layout.regions[0]), 2 * x + y))
        found.append(overwritten(call.output, bench.outputs_layout, laid[id(call.output)]) == "")
    return all(found)


def test_a_workspace_is_zeros_in_each_call_and_nothing_stays_in_it(
    start: Started, room: Bundle, log: Callable[[], list[str]]
) -> None:
    process, bench = start(codes=room.codes, data=room.data, launch=room.launch), bench_of(calls=3)
    for _ in range(2):
        run(process, bench, 3)
        assert right(bench, 3)
    for graph in (False, True):
        run(process, bench, 3)
        bench.renew(3)
        bench.lay_poison(3)
        log()
        process.run_together(10.0, graph)
        assert right(bench, 3)
        verbs = [line for line in log() if line.startswith(("zero", "launch"))]
        assert verbs == ["zero 400 0", "launch 4 32"] * (3 if graph else 6), (
            "the graph holds them, and is replayed twice"
        )


def test_the_window_holds_the_filling_of_the_workspace(
    start: Started, room: Bundle, log: Callable[[], list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAKE_CUDA_ZEROS", "slow")
    process, bench = start(codes=room.codes, data=room.data, launch=room.launch), bench_of()
    process.stage(bench.calls(bench.windows(1)))
    bench.lay_poison(1)
    log()
    assert process.run(10.0) > 20e6
    verbs = [line.split()[0] for line in log()]
    assert verbs == ["upload", "upload", "clear", "synchronize", "zero", "launch", "synchronize", *["download"] * 4]


@pytest.mark.parametrize("deed", [1, 8])
def test_what_is_written_beside_a_workspace_is_a_failure(start: Started, room: Bundle, deed: int) -> None:
    with pytest.raises(WorkerFailed, match="the kernel wrote outside of its workspace") as raised:
        run(start(codes=room.codes, data=room.data, launch=room.launch), bench_of(deed))
    assert (raised.value.kind, raised.value.stage) == ("out_of_bounds", "")


def test_workspaces_of_other_sizes_are_given_back(
    start: Started, room: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There is room for one of 4 MiB beside what clears the cache, not for two."""
    monkeypatch.setenv("FAKE_CUDA_MEMORY", str(40 << 20))
    launch = replace(room.launch, workspace=f"{4 << 20} + n")
    process = start(codes=room.codes, data=room.data, launch=launch)
    for n in (100, 99, 98, 97):
        run(process, bench_of(7, n=n))
    with pytest.raises(WorkerFailed, match="OUT_OF_MEMORY") as raised:
        run(start(codes=room.codes, data=room.data, launch=replace(launch, workspace=str(9 << 20))), bench_of(7))
    assert raised.value.kind == "out_of_memory"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"workspace": "n - 100"}, "a workspace of 0 bytes"),
        ({"workspace": "n * (1 - deed)"}, "a workspace of -600 bytes"),
        ({"workspace": "n * 100000000"}, "a workspace of 10000000000 bytes"),
        ({"workspace": "n // (n - 100)"}, "divides by zero"),
        ({"grid": ("n // (n - 100)", "1", "1")}, "divides by zero"),
    ],
)
def test_a_launch_that_cannot_be_had_at_a_shape_is_a_limit(
    start: Started, room: Bundle, changes: dict[str, Any], said: str
) -> None:
    process = start(codes=room.codes, data=room.data, launch=replace(room.launch, **changes))
    with pytest.raises(WorkerFailed, match=f"the LAUNCH line: .*{said}") as raised:
        run(process, bench_of(7))
    assert raised.value.kind == "limit"
    assert not Path(f"/proc/{process.pid}").exists()
