"""An exported kernel where it ends up: installed into a fresh environment, called, compiled, differentiated, switched off.

Two kernels are exported. One is right. The other, "marked", adds one to its first output, so that it shows which path
a call took, whatever the counters say.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest

from warploom.cli.main import FAILED, run
from warploom.export.gather import gather
from warploom.export.hub import hub
from warploom.export.naming import naming
from warploom.export.source import source
from warploom.export.torch_package import torch_package
from warploom.export.write import write
from warploom.testing.evidence import PICK_SCALE, PICK_SCALE_KERNEL, pick_scale_problem, write_evidence

pytestmark = [pytest.mark.torch, pytest.mark.timeout(600)]

MARKED = PICK_SCALE_KERNEL.replace("- gain[j];", "- gain[j] + 1.0f;")

CHECKS = '''
import importlib.util, json, os, re, sys, threading, traceback
sys.modules["warploom"] = None  # any import of it fails
import torch
import marked
from pathlib import Path

variant = marked.MANIFEST["table"][0]["variant"]
KERNEL = f"kernel/{variant}"

def draw(rows=8, cols=32, seed=0):
    g = torch.Generator().manual_seed(seed)
    pick = torch.randint(0, cols, (rows,), generator=g)
    return torch.randn(rows, cols, generator=g), pick, torch.randn(cols, generator=g)

def took(*inputs, call=None):
    """Which path a call took by its values, and by the counters; both outputs are right but for the mark."""
    marked.reset_counts()
    scaled, chosen = (call or marked.pick_scale)(*inputs)
    wanted, picked = marked.reference(*inputs)
    assert torch.equal(chosen, picked) and scaled.dtype == wanted.dtype
    off = (scaled - wanted).double()
    assert torch.allclose(off, off.round(), atol=1e-4)
    values = {0: "reference", 1: "kernel"}[int(off.mean().round())]
    (path, count), = marked.counts().items()
    assert count == 1 and path.startswith(values + "/"), (path, count, values)
    return path

def table():
    assert took(*draw()) == KERNEL
    assert took(*draw(16, 64)) == KERNEL
    assert "measured faster" in marked.explain(*draw())

def shape():
    assert took(*draw(3, 7)) == "reference/shape"
    assert took(*draw(64, 16)) == "reference/shape"
    assert "not in the table" in marked.explain(*draw(3, 7))

def dtype():
    x, pick, gain = draw()
    assert took(x.double(), pick, gain.double()) == "reference/dtype"
    assert took(x.bfloat16(), pick, gain.bfloat16()) == "reference/dtype"

def layout():
    x, pick, gain = draw()
    assert took(x.t().contiguous().t(), pick, gain) == "reference/layout"

def alignment():
    x, pick, gain = draw()
    moved = torch.empty(x.numel() + 1)[1:].view_as(x).copy_(x)
    assert moved.is_contiguous()
    assert took(moved, pick, gain) == "reference/alignment"

def range_():
    x, pick, gain = draw()
    for wrong in (-1, 32):
        pick[3] = wrong
        marked.reset_counts()
        try:
            marked.pick_scale(x, pick, gain)
        except RuntimeError as error:
            assert "out of bounds" in str(error)
        else:
            raise AssertionError("the reference would have refused it")
        assert marked.counts() == {"reference/range": 1}

def device():
    assert "not on the CPU" in marked.explain(*(one.to("meta") for one in draw()))
    scaled, chosen = marked.pick_scale(*(one.to("meta") for one in draw(5, 6)))
    assert scaled.shape == (5, 6) and chosen.shape == (5,) and scaled.device.type == "meta"
    inputs = draw()
    with torch.device("meta"):  # another default device
        assert marked.pick_scale(*inputs)[0].device.type == "cpu"

def switch():
    for words, path in (("1", "reference/disabled"), ("pick_scale", "reference/disabled"), ("all", "reference/disabled"),
                        ("other, MARKED", "reference/disabled"), ("0", KERNEL), ("", KERNEL), ("other", KERNEL)):
        os.environ["WARPLOOM_DISABLE"] = words
        assert took(*draw()) == path, words
    del os.environ["WARPLOOM_DISABLE"]
    assert took(*draw()) == KERNEL

def compiled():
    call = torch.compile(marked.pick_scale, fullgraph=True)
    assert took(*draw(), call=call) == KERNEL
    assert took(*draw(seed=1), call=call) == KERNEL
    assert took(*draw(5, 6), call=call) == "reference/shape"
    os.environ["WARPLOOM_DISABLE"] = "1"
    assert took(*draw(), call=call) == "reference/disabled"
    del os.environ["WARPLOOM_DISABLE"]

def gradients():
    for call in (marked.pick_scale, torch.compile(marked.pick_scale, fullgraph=True)):
        for rows, cols in ((8, 32), (3, 7)):
            x, pick, gain = draw(rows, cols)
            found, wanted = [], []
            for function, into in ((call, found), (marked.reference, wanted)):
                leaves = x.clone().requires_grad_(), gain.clone().requires_grad_()
                scaled, chosen = function(leaves[0], pick, leaves[1])
                (scaled.sin().sum() + chosen.square().sum()).backward()
                into += [one.grad for one in leaves]
            # The marked forward pass shifts what sin sees; the backward formula itself is the reference's.
            shift = 1.0 if (rows, cols) == (8, 32) else 0.0
            scaled = (2 * x - gain + shift).cos()
            chosen = 2 * x.gather(1, pick[:, None])
            assert torch.allclose(found[1], -scaled.sum(0), atol=1e-5)
            assert torch.allclose(found[0], (2 * scaled).scatter_add(1, pick[:, None], chosen), atol=1e-5)
            if not shift:
                assert all(torch.allclose(one, other) for one, other in zip(found, wanted))
    x, pick, gain = draw(3, 7)
    x, gain = x.double().requires_grad_(), gain.double().requires_grad_()
    assert torch.autograd.gradcheck(lambda a, b: marked.pick_scale(a, pick, b), (x, gain))
    assert torch.autograd.gradgradcheck(lambda a, b: marked.pick_scale(a, pick, b)[0].square(), (x, gain))

def autocast():
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert took(*draw()) == KERNEL
        assert took(*draw(3, 7)) == "reference/shape"

def threads():
    marked.reset_counts()
    inputs = draw(16, 64)
    wanted = marked.pick_scale(*inputs)[0]
    right = []
    def many():
        right.extend(torch.equal(marked.pick_scale(*inputs)[0], wanted) for _ in range(50))
    workers = [threading.Thread(target=many) for _ in range(4)]
    [one.start() for one in workers]; [one.join() for one in workers]
    assert all(right) and marked.counts() == {KERNEL: 201}

def fresh_outputs():
    inputs = draw()
    one, other = marked.pick_scale(*inputs)[0], marked.pick_scale(*inputs)[0]
    assert one.data_ptr() != other.data_ptr()
    x, pick, gain = draw(3, 7)
    before = x.clone()
    marked.pick_scale(x, pick, gain)[0].zero_()
    assert torch.equal(x, before)

def one_openmp():
    lines = Path("/proc/self/maps").read_text().splitlines()
    found = {line.split()[-1] for line in lines if "/" in line and re.match(r"lib\\w*omp", Path(line.split()[-1]).name)}
    assert len(found) == 1, found
    assert any("warploom-kernels" in line or "cache" in line for line in lines if line.endswith(".so"))

def hub():
    """As the loader of Hugging Face kernels does it: by path, under the id of the metadata; here the older layout's."""
    place = Path(os.environ["HUB"]) / "build" / "torch-cpu"
    name = json.loads((place / "metadata.json").read_text())["id"]
    spec = importlib.util.spec_from_file_location(name, place / "pick_scale_kernel" / "__init__.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    inputs = draw()
    assert torch.equal(module.pick_scale(*inputs)[0], marked.reference(*inputs)[0])
    (path, count), = module.counts().items()
    assert path.startswith("kernel/") and count == 1
    assert hasattr(getattr(torch.ops, name), "pick_scale")

results = {}
for check in (table, shape, dtype, layout, alignment, range_, device, switch, compiled, gradients, autocast, threads,
              fresh_outputs, one_openmp, hub):
    try:
        check()
        results[check.__name__] = "right"
    except Exception:
        results[check.__name__] = traceback.format_exc()
print(json.dumps(results))
'''
NAMES = (
    "table", "shape", "dtype", "layout", "alignment", "range_", "device", "switch", "compiled", "gradients", "autocast",
    "threads", "fresh_outputs", "one_openmp", "hub",
)  # fmt: skip

WITHOUT_COMPILER = """
import json, sys, warnings
import torch
import marked
x, pick, gain = torch.ones(8, 32), torch.zeros(8, dtype=torch.int64), torch.zeros(32)
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    values = [float(marked.pick_scale(x, pick, gain)[0][0, 0]) for _ in range(3)]
said = [str(one.message) for one in caught if issubclass(one.category, RuntimeWarning)]
from marked.__main__ import main
sys.argv = ["marked", "status"]
status = main()
print(json.dumps({"status": status} | {"values": values, "counts": marked.counts(), "said": said}))
"""


class Place:
    """Exports, and a fresh environment with two of them installed."""

    def __init__(self, root: Path) -> None:
        self.root = root
        write_evidence(root / "evidence" / "right", pick_scale_problem(), PICK_SCALE, PICK_SCALE_KERNEL)
        write_evidence(root / "evidence" / "marked", pick_scale_problem(), PICK_SCALE, MARKED)
        right, marked = (gather([root / "evidence" / name]) for name in ("right", "marked"))
        write(torch_package(right, naming(right.problem)), root / "right")
        write(torch_package(marked, naming(marked.problem, "marked")), root / "marked")
        write(hub(right, naming(right.problem)), root / "hub")
        write(source(right, naming(right.problem)), root / "source")
        venv.create(root / "venv", with_pip=False, symlinks=True)
        self.python = root / "venv" / "bin" / "python"
        paths = sysconfig.get_paths(vars={"base": str(root / "venv"), "platbase": str(root / "venv")})
        # PyTorch is at hand as if it were installed there; installing it anew would take minutes.
        Path(paths["purelib"], "installed.pth").write_text(f"{sysconfig.get_paths()['purelib']}\n")
        pip = [sys.executable, "-m", "pip", "--python", str(self.python), "--disable-pip-version-check", "install"]
        words = [
            "--quiet",
            "--no-index",
            "--no-deps",
            "--no-build-isolation",
            str(root / "right"),
            str(root / "marked"),
        ]
        done = subprocess.run([*pip, *words], capture_output=True, text=True, timeout=300, check=False)
        assert done.returncode == 0, done.stderr

    def run(self, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
        clean = {name: value for name, value in os.environ.items() if name not in ("CXX", "WARPLOOM_DISABLE")}
        # Threads that spin beside other work, as test suites have it, cost forty times the work.
        own = {"WARPLOOM_KERNEL_CACHE": str(self.root / "cache"), "HUB": str(self.root / "hub")}
        found = clean | {"OMP_WAIT_POLICY": "passive"} | own | environment
        return subprocess.run(
            [str(self.python), *words],
            cwd=self.root,
            env=found,
            capture_output=True,
            text=True,
            timeout=500,
            check=False,
        )


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    return Place(tmp_path_factory.mktemp("installed"))


@pytest.fixture(scope="module")
def results(place: Place) -> dict[str, str]:
    done = place.run("-c", CHECKS)
    assert done.returncode == 0, done.stderr
    found: dict[str, str] = json.loads(done.stdout.splitlines()[-1])
    return found


@pytest.mark.parametrize("name", NAMES)
def test_the_installed_operator(results: dict[str, str], name: str) -> None:
    assert results[name] == "right"


def test_every_check_is_looked_at(results: dict[str, str]) -> None:
    assert set(results) == set(NAMES)


def test_the_packages_own_tests_pass_where_it_is_installed_and_find_a_wrong_kernel(place: Place) -> None:
    """They run ``opcheck``, ``torch.compile(fullgraph=True)`` and the comparison with float64."""
    chosen = ["-k", "test_pick_scale_kernel or of_the_table", "right/tests", "marked/tests"]
    done = place.run("-m", "pytest", "-q", "-p", "no:cacheprovider", "-W", "ignore", "--tb=no", "-rf", *chosen)
    assert "2 failed, 6 passed" in done.stdout, done.stdout + done.stderr
    failed = [line for line in done.stdout.splitlines() if line.startswith("FAILED")]
    assert [line.partition("[")[0].rpartition("/")[2] for line in failed] == [
        "test_marked.py::test_a_shape_of_the_table_runs_the_kernel_and_is_right"
    ] * 2


def test_without_a_compiler_it_warns_once_and_what_was_built_ahead_runs(place: Place) -> None:
    alone = {"CXX": "no-such-compiler", "WARPLOOM_KERNEL_CACHE": str(place.root / "empty")}
    done = place.run("-c", WITHOUT_COMPILER, **alone)
    status, said = done.stdout.splitlines()
    found = json.loads(said)
    assert found["values"] == [2.0, 2.0, 2.0]
    assert found["counts"] == {"reference/build": 3}
    assert len(found["said"]) == 1
    assert "no C++ compiler" in found["said"][0]
    assert found["status"] == 1
    assert "the reference runs instead" in status
    built = place.run("-m", "marked", "build", "--here")
    assert built.returncode == 0, built.stderr
    assert "/marked/built/" in built.stdout
    status, said = place.run("-c", WITHOUT_COMPILER, **alone).stdout.splitlines()
    found = json.loads(said)
    assert found["status"] == 0
    assert "runs here, for rows=8, cols=32; rows=16, cols=64" in status
    assert found["values"] == [3.0, 3.0, 3.0]
    assert found["said"] == []


@pytest.mark.usefixtures("judge_cache", "eager_only")
def test_recheck_finds_the_wrong_one_with_the_real_judge(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    problem = place.root / "evidence" / "marked" / "problem.py"
    assert run(["recheck", str(place.root / "marked"), "--problem", str(problem), "--json"]) == FAILED
    found = json.loads(capsys.readouterr().out)
    assert found["verdict"] == "failed"
    assert found["kernels"][0]["failure"]["kind"] == "wrong_result"


def test_the_source_builds_times_itself_and_checks_itself(place: Place) -> None:
    folder = place.root / "source"
    make = ["make", "-s", "-C", str(folder)]
    subprocess.run(make, check=True, capture_output=True, timeout=120)
    timed = subprocess.run([folder / "benchmark"], check=True, capture_output=True, text=True, timeout=60).stdout
    assert [line.partition(":")[0] for line in timed.splitlines()] == ["rows=8, cols=32", "rows=16, cols=64"]
    checked = place.run(str(folder / "check.py"))
    assert checked.returncode == 0, checked.stderr
    assert checked.stdout.count("of what is allowed") == 3
    wrong = folder / "kernel.cpp"
    wrong.write_text(MARKED)
    subprocess.run([*make, "libpick_scale_kernel.so"], check=True, capture_output=True, timeout=120)
    assert place.run(str(folder / "check.py")).returncode == 1
