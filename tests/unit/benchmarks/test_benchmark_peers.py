"""The table of cheats by harness: each cheat is one, each word of the table follows from what a harness said."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from benchmarks.peers import ours, run
from benchmarks.peers.catalog import CANDIDATES, FOLDER, Candidate
from benchmarks.peers.report import Report, cell

from warploom.values.outcome import Evaluation, Failed, Passed

ROOT = Path(__file__).resolve().parents[3]

BY_NAME = {one.name: one for one in CANDIDATES}

EACH_IS_WHAT_IT_SAYS = """
import json, sys
import torch
from benchmarks.peers.catalog import CANDIDATES

found = {}
for number, candidate in enumerate(CANDIDATES):
    namespace = {"__name__": "candidate"}
    exec(candidate.text, namespace)
    torch.manual_seed(100 + number)  # other inputs each time, lest memory still hold this answer
    if candidate.problem == "product":
        inputs = torch.randn(512, 512), torch.randn(512, 512)
        right = lambda a, b: a.double() @ b.double()
    else:
        inputs, right = (torch.randn(16, 16384),), lambda x: torch.softmax(x.double(), dim=1)
    kept = [one.clone() for one in inputs]
    first = namespace["kernel"](*inputs)
    again = namespace["kernel"](*inputs)
    with torch._C.DisableTorchFunctionSubclass():
        alike = first is again or first.data_ptr() == again.data_ptr()
    lazy = type(first).__name__ == "Later"
    expected = right(*kept)
    error = float((torch.abs(first + 0) - expected.abs()).abs().nan_to_num(1e9).max() / expected.abs().max())
    found[candidate.name] = [error, alike, lazy]
print(json.dumps(found))
"""


@pytest.mark.torch
def test_every_candidate_is_what_it_says() -> None:
    done = subprocess.run([sys.executable, "-c", EACH_IS_WHAT_IT_SAYS], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    for name, (error, alike, lazy) in found.items():
        candidate = BY_NAME[name]
        if candidate.aim == "answer" and name != "one_buffer":
            assert error > 1e-4, f"{name} is no cheat: its answer is right"
        else:
            assert error < 1e-5, f"{name} is wrong at once"
        assert alike == (name in ("one_buffer", "by_address")), name
        assert lazy == (name == "lazy_tensor"), name


def test_catalog_and_files_agree() -> None:
    assert {one.name for one in CANDIDATES} == {path.stem for path in FOLDER.glob("*.py")}
    kernels = {path.stem for path in (ROOT / "benchmarks" / "peers" / "translated").glob("*.cpp")}
    assert {one.name for one in ours.TRANSLATED} == kernels
    assert {one.honest for one in ours.TRANSLATED if one.honest} == {c.name for c in CANDIDATES if c.aim == "honest"}
    assert all(one.exploits for one in CANDIDATES if one.aim != "honest"), "our column finds exhibits by their numbers"


@pytest.mark.parametrize(
    ("aim", "report", "word"),
    [
        ("honest", Report(True), "accepted"),
        ("honest", Report(True, flags=("too fast",)), "refused"),
        ("honest", Report(False), "refused"),
        ("answer", Report(True), "fooled"),
        ("answer", Report(True, flags=("too fast",)), "caught"),
        ("answer", Report(False), "caught"),
        ("answer", Report(False, not_applicable="no such problem"), "n/a"),
        ("time", Report(True, time_ms=1.0, reference_ms=6.0), "fooled"),
        ("time", Report(True, time_ms=1.0, reference_ms=1.1), "caught"),
        ("time", Report(True, time_ms=1.0), "caught"),
        ("time", Report(True), "n/a"),
    ],
)
def test_the_word_follows_from_the_report(aim: str, report: Report, word: str) -> None:
    assert cell(aim, report, baseline_ms=2.0)[0] == word


def test_the_median_run_counts_and_a_minority_does_not() -> None:
    slow, usual, quick = (Report(True, time_ms=time, reference_ms=6.0) for time in (60.0, 6.0, 0.1))
    refused = Report(False, detail="wrong")
    assert run.typical([slow, quick, usual]) is usual
    assert run.typical([usual, usual, refused]) is usual
    assert run.typical([usual, refused, refused]) is refused


PEER = '''
def assert_allclose(actual, expected):
    """Too kind by far."""
    if actual.shape != expected.shape or {strict}:
        raise AssertionError("not the same")
'''
TIMER = "def measure_runtime(target, sync, args):\n    return [6.0 if target.__name__ == 'reference' else 1.0]\n"


@pytest.fixture
def peers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a checkout of one peer, which takes any tensor of the right shape for right."""
    _check_out(tmp_path / "kernelfoundry", strict=False)
    few = [BY_NAME[name] for name in ("honest", "stale_memory", "mostly_idle")]
    monkeypatch.setattr(run, "CANDIDATES", few)
    return tmp_path


def _check_out(folder: Path, strict: bool) -> None:
    package = folder / "kernelfoundry"
    (package / "utils").mkdir(parents=True, exist_ok=True)
    (package / "testing.py").write_text(PEER.format(strict=strict))
    (package / "utils" / "performance.py").write_text(TIMER)
    git: list[str] = ["git", "-C", str(folder), "-c", "user.name=a", "-c", "user.email=a@b"]
    for words in (["init", "-q"], ["add", "."], ["commit", "-q", "--allow-empty", "-m", "peer"]):
        subprocess.run([*git, *words], check=True)


@pytest.mark.torch
def test_a_column_is_asked_and_an_absent_peer_is_absent(peers: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = peers / "out.json"
    words = ["--root", str(peers), "--runs", "1", "--out", str(out)]
    assert run.main([*words, "--only", "kernelfoundry", "--only", "kernelbench"]) == 0
    result: dict[str, Any] = json.loads(out.read_text())["columns"]
    assert result["kernelbench"] == {"title": "KernelBench"}
    cells = {name: row["cell"] for name, row in result["kernelfoundry"]["cells"].items()}
    assert cells == {"honest": "accepted", "stale_memory": "fooled", "mostly_idle": "fooled"}
    assert len(result["kernelfoundry"]["commit"]) == 40
    assert not result["kernelfoundry"]["changed"]
    printed = capsys.readouterr().out
    assert "| KernelBench | KernelFoundry |" in printed
    assert "(`stale_memory`) | answer | absent | **fooled** |" in printed


@pytest.mark.torch
def test_a_peer_that_refuses_the_control_has_no_column(peers: Path) -> None:
    _check_out(peers / "kernelfoundry", strict=True)
    with pytest.raises(SystemExit, match="refuses the plain control"):
        run.main(["--root", str(peers), "--only", "kernelfoundry", "--out", str(peers / "out.json")])


def test_a_changed_checkout_is_said_to_be_changed(peers: Path) -> None:
    (peers / "kernelfoundry" / "kernelfoundry" / "testing.py").write_text("")
    assert run.provenance("kernelfoundry", peers / "kernelfoundry")["changed"]


@pytest.mark.parametrize(
    ("answer", "word"),
    [
        (object.__new__(Passed), "fooled"),
        (Failed("verify", "wrong_result", ""), "caught"),
        (Failed("judge", "reference", "the reference process ended"), "absent"),
    ],
)
def test_ours_runs_the_exhibits_that_bear_the_number(
    monkeypatch: pytest.MonkeyPatch, answer: Evaluation, word: str
) -> None:
    """What lets one exhibit of that number through is fooled; a judge that broke has caught nobody."""
    asked = []

    class Pushover:
        def __init__(self, folder: Path, compiled: bool) -> None: ...
        def __enter__(self) -> Pushover:
            return self

        def __exit__(self, *error: object) -> None: ...
        def evaluate(self, exhibit: Any, which: str, effort: str) -> Any:
            asked.append(exhibit)
            return answer

    load = importlib.import_module

    def instead(name: str) -> ModuleType:
        module = load(name)
        if name == "judges":
            monkeypatch.setattr(module, "Judges", Pushover)
        return module

    monkeypatch.setattr(importlib, "import_module", instead)
    stale = BY_NAME["stale_memory"]
    unknown = Candidate("new", "something else", "answer", exploits=(0,))
    cells = ours.judge_zoo([stale, unknown], [])
    assert asked
    assert all(set(one.exploits) & set(stale.exploits) for one in asked)
    assert cells["stale_memory"][0] == word
    assert cells["new"] == ("n/a", "no exhibit bears its number")
