"""Imported problems through the whole of Warploom, and folders that mean harm or are broken."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from warploom.errors import ProblemError
from warploom.judge.evaluate import LocalJudge
from warploom.problems.importers import bring
from warploom.problems.jail import find_jail
from warploom.problems.load import load_problem
from warploom.sandbox.lease import Lease
from warploom.values.candidate import Candidate
from warploom.values.job import Job
from warploom.values.outcome import Evaluation, Failed, Passed

MODEL = """
import torch
from torch import nn

batch_size = 256
features = 96
out_features = 40

class Model(nn.Module):
    def __init__(self, features, out_features):
        super().__init__()
        self.linear = nn.Linear(features, out_features)

    def forward(self, x, keep):
        y = self.linear(x)
        best = torch.argmax(y, dim=1)
        return y.relu_().masked_fill_(keep == 0, 0.0), best

def get_inputs():
    return [torch.rand(batch_size, features), torch.randint(0, 2, (batch_size, 1))]

def get_init_inputs():
    return [features, out_features]
"""

KERNEL = """
#include <cstdint>
extern "C" void level1_7_gated_linear(const float* x, const int64_t* keep, const float* weight, const float* bias,
                                      float* out_0, int64_t* out_1, int64_t batch_size, int64_t features) {
    for (int64_t i = 0; i < batch_size; ++i) {
        int64_t best = 0;
        double most = -1e300;
        for (int64_t j = 0; j < 40; ++j) {
            double sum = bias[j];
            for (int64_t k = 0; k < features; ++k) sum += double(x[i * features + k]) * weight[j * features + k];
            if (sum > most) { most = sum; best = j; }
            out_0[i * 40 + j] = keep[i] == 0 || sum < 0 ? 0.0f : float(sum);
        }
        out_1[i] = best;
    }
}
"""


@pytest.fixture(autouse=True)
def jailed() -> None:
    try:
        find_jail()
    except ProblemError as error:
        pytest.skip(str(error))


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    level = tmp_path / "checkout" / "level1"
    level.mkdir(parents=True)
    (level / "7_Gated_linear.py").write_text(MODEL)
    return level.parent


def warploom(*words: str, timeout_s: float = 250) -> tuple[int, dict[str, object], str]:
    done = subprocess.run(
        [sys.executable, "-m", "warploom", *words, "--json"], capture_output=True, timeout=timeout_s, check=False
    )
    return done.returncode, json.loads(done.stdout), done.stderr.decode()


@pytest.mark.torch
def test_a_kernel_for_an_imported_problem_is_judged(checkout: Path, judge_cache: Path) -> None:
    root = str(checkout)
    code, shown, _ = warploom("problems", "kernelbench:1/7", "--root", root)
    assert code == 0
    assert shown["signature"] == (
        'extern "C" void level1_7_gated_linear(const float* x, const int64_t* keep, const float* linear_weight, '
        "const float* linear_bias, float* out_0, int64_t* out_1, int64_t batch_size, int64_t features)"
    )
    problem = load_problem(f"kernelbench:1/7?root={root}")
    assert problem.hash == shown["hash"]
    lease = Lease(checkout / "lease")
    with LocalJudge(problem, cache=judge_cache, seed=5, lease=lease) as judge:

        def judged(source: str) -> Evaluation:
            candidate = Candidate(problem.hash, "cpp", (("kernel.cpp", source),), problem.name)
            return judge.evaluate(Job(candidate, problem.hash))

        right, wrong = judged(KERNEL), judged(KERNEL.replace("sum < 0 ?", "sum < -0.5 ?"))
        assert isinstance(right, Passed), right
        assert isinstance(wrong, Failed)
        assert wrong.kind == "wrong_result"
        assert judge.describe()["baselines"]["compile"] == {"mode": "default", "dynamic": False}
        drawn = [check for check in right.verdict.checks if check.workload.endswith(":own")]
        assert drawn, "the program's own generator was asked, in the jail"


# ------------------------------------------------------------ files that cannot be used


def failure(tmp_path: Path, text: str, inputs: str = "def get_inputs(): return [torch.rand(8)]") -> str:
    path = tmp_path / "foreign.py"
    path.write_text(f"import torch\n{inputs}\n{text}\n")
    with pytest.raises(ProblemError) as caught:
        load_problem(f"pytorch:{path}:f", tmp_path / "cache")
    message = str(caught.value)
    assert "\n" not in message
    assert "Traceback" not in message
    assert message.startswith(f"pytorch:{path}:f: ")
    return message


@pytest.mark.torch
def test_what_a_broken_program_says_comes_back_as_one_line(tmp_path: Path) -> None:
    place = f"{tmp_path}/foreign.py:3: "
    assert f"{place}ModuleNotFoundError: No module named 'nowhere'" in failure(
        tmp_path, "import nowhere\ndef f(x): ..."
    )
    said = failure(tmp_path, "def f(x): raise ValueError('first\\nsecond')")
    assert f"{place}ValueError: first second" in said
    assert "SystemExit" in failure(tmp_path, "def f(x): raise SystemExit(0)")


@pytest.mark.torch
def test_a_program_that_ends_its_process(tmp_path: Path) -> None:
    said = failure(tmp_path, 'def f(x): return x\nimport os\nprint(\'{"text": "mine"}\', flush=True)\nos._exit(0)')
    assert "ended its process (exit status 0) before it was understood" in said


def test_a_program_that_never_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bring, "DEADLINE_SECONDS", 1.0)
    said = failure(tmp_path, "def f(x): ...\nwhile True: pass")
    assert "took longer than 1 s; is there a loop without end?" in said


@pytest.mark.torch
def test_a_program_that_takes_all_memory(tmp_path: Path) -> None:
    said = failure(tmp_path, "def f(x): return x", "def get_inputs(): return [bytearray(1 << 45)]")
    assert "MemoryError" in said


@pytest.mark.torch
def test_a_program_sees_no_keys_and_its_file_is_kept_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_API_KEY", "secret")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    path = tmp_path / "foreign.py"
    path.write_text(
        "import os, torch\nassert 'SOME_API_KEY' not in os.environ\nn = 8\ndef f(x): return x + x\n"
        "def get_inputs(): return [torch.rand(n)]\n"
    )
    first = load_problem(f"pytorch:{path}:f")
    assert os.environ["SOME_API_KEY"] == "secret"
    monkeypatch.setattr("subprocess.Popen", None)
    monkeypatch.setattr("subprocess.run", None)
    again = load_problem(f"pytorch:{path}:f")
    assert again == first, "the second time nothing is run"
    elsewhere = tmp_path / "elsewhere" / "foreign.py"
    elsewhere.parent.mkdir()
    elsewhere.write_text(path.read_text())
    assert load_problem(f"pytorch:{elsewhere}:f") == first, "where a checkout lies is no part of the problem"
    path.write_text(path.read_text().replace("x + x", "3 * x"))
    with pytest.raises(TypeError):
        load_problem(f"pytorch:{path}:f")
