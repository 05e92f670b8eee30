"""Programs of strangers: what they can see and do, and that each bad one is one clear line."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest

from warploom.cli.main import run
from warploom.errors import ProblemError, ReferenceFailed
from warploom.judge.reference.process import ReferenceProcess
from warploom.problems import jail, load
from warploom.problems.importers import bring
from warploom.problems.load import load_problem
from warploom.problems.native import text_hash
from warploom.problems.trust import FOREIGN, is_foreign, is_foreign_file
from warploom.sandbox.buffers import SharedBuffer
from warploom.values.problem import Workload

NATIVE = """
from warploom import Problem, Tensor, Workload

def twice(x):
    return x + x

problem = Problem(
    name="twice",
    axes=("n",),
    inputs={"x": Tensor("n")},
    outputs={"out": Tensor("n")},
    reference=twice,
    workloads=[Workload(n=4096)],
)
"""

SNOOP = """
import os, signal, socket
found = []
def attempt(name, action):
    try:
        if action():
            found.append(name)
    except (OSError, ValueError):
        pass
attempt("home", lambda: "HOME-SECRET" in open(SECRET).read())
attempt("environment", lambda: "ENVIRONMENT-SECRET" in repr(dict(os.environ)))
attempt("parent's environment", lambda: open(f"/proc/{PARENT}/environ").read())
attempt("network", lambda: not socket.create_connection(("127.0.0.1", PORT), timeout=2).close())
attempt("folder of the file", lambda: [name for name in os.listdir(os.path.dirname(SECRET)) if name == "home"])
attempt("written", lambda: open(os.path.join(os.path.dirname(SECRET), "written"), "w").write("x"))
attempt("own file written", lambda: open(__file__, "a").write("x"))
attempt("installed package written", lambda: open(os.path.join(os.path.dirname(os.__file__), "x.py"), "w").write("x"))
attempt("process seen", lambda: os.kill(PARENT, 0) is None)
raise RuntimeError("found: " + (", ".join(found) or "nothing"))
"""


@pytest.fixture
def jailed() -> None:
    try:
        jail.find_jail()
    except ProblemError as error:
        pytest.skip(str(error))


@pytest.fixture
def listener() -> int:
    server = socket.create_server(("127.0.0.1", 0))
    threading.Thread(target=_accept, args=(server,), daemon=True).start()
    return int(server.getsockname()[1])


def _accept(server: socket.socket) -> None:
    with server:
        server.accept()[0].close()


@pytest.fixture
def foreign(tmp_path: Path, jailed: None) -> Callable[[str], Path]:
    def write(text: str, mark: str = FOREIGN) -> Path:
        path = tmp_path / "foreign.py"
        path.write_text(mark + text)
        return path

    return write


def refusal(path: Path) -> str:
    with pytest.raises(ProblemError) as caught:
        load_problem(path, path.parent / "cache")
    message = str(caught.value)
    assert "\n" not in message
    assert "Traceback" not in message
    assert str(path) in message
    return message


# ------------------------------------------------------------ what a program sees


def snoop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, listener: int) -> str:
    (tmp_path / "home").write_text("HOME-SECRET")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("MY_SETTING", "ENVIRONMENT-SECRET")
    names = {"SECRET": str(tmp_path / "home"), "PARENT": os.getpid(), "PORT": listener}
    return "".join(f"{name} = {value!r}\n" for name, value in names.items()) + SNOOP


def test_a_foreign_file_sees_nothing_and_changes_nothing(
    foreign: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, listener: int
) -> None:
    assert refusal(foreign(snoop(tmp_path, monkeypatch, listener))).endswith("RuntimeError: found: nothing")


def test_a_file_of_the_users_own_runs_as_the_user(
    foreign: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, listener: int
) -> None:
    """The probes find what is there to be found, so that finding nothing means something."""
    text = snoop(tmp_path, monkeypatch, listener).replace('attempt("installed', '# attempt("installed')
    said = refusal(foreign(text, mark=""))
    for name in ("home", "environment", "network", "folder of the file", "written", "own file written", "process seen"):
        assert name in said.partition("found: ")[2].split(", ")


# ------------------------------------------------------------ what a program does


def test_a_loop_without_end(foreign: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(load, "DEADLINE_SECONDS", 1.0)
    assert "took longer than 1 s; is there a loop without end?" in refusal(foreign("while True: pass\n"))


def test_a_flood(foreign: Callable[[str], Path]) -> None:
    assert "the problem file printed more than 16 MiB" in refusal(foreign("while True: print('x' * 100000)\n"))


def test_an_exit(foreign: Callable[[str], Path]) -> None:
    said = refusal(foreign("import os\nos.write(2, b'bye')\nos._exit(0)\n"))
    assert "ended its process (exit status 0) before it was understood: bye" in said
    assert "found no problem" not in said
    assert "SystemExit: 0" in refusal(foreign("raise SystemExit(0)\n"))


def test_a_forged_answer(foreign: Callable[[str], Path]) -> None:
    forge = "import json, os\nfor number in range(1, 64):\n    try: os.write(number, json.dumps({answer}).encode())\n"
    forge += "    except OSError: pass\nos._exit({status})\n"
    text = forge.format(answer={"text": "print('mine')"}, status=0)
    assert "was not described" in refusal(foreign(text))
    assert "describes no problem (" in refusal(foreign(forge.format(answer=[{"reference": {"name": "x"}}], status=0)))
    named = {
        "name": "system", "axes": ["n"], "inputs": {}, "outputs": {'x; int y"': {"shape": "n"}}, "held_out": [],
        "workloads": [{"n": 1}], "tolerance": {}, "title": "", "operations": "", "reference": {"name": "x"},
    }  # fmt: skip
    assert "is no plain identifier" in refusal(foreign(forge.format(answer=[named], status=0)))
    path = foreign("import os\nos.write(2, b'all is well: give me more rights')\nos._exit(2)\n")
    assert refusal(path).startswith(f"{path}: all is well")


def test_children_end_with_it(foreign: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jail, "_PROCESSES", 64)
    text = """
import ctypes, os, time
for number in range(3000):
    try:
        child = os.fork()
    except OSError:
        break
    if not child:
        ctypes.CDLL(None).prctl(15, b"wl-left-behind", 0, 0, 0)
        os.setsid()
        time.sleep(60)
        os._exit(0)
time.sleep(0.2)
raise RuntimeError("more than all" if number == 2999 else "bounded")
"""
    assert refusal(foreign(text)).endswith("RuntimeError: bounded")
    deadline = time.monotonic() + 60
    while any(_name(path) == "wl-left-behind" for path in Path("/proc").glob("[0-9]*")):
        assert time.monotonic() < deadline, "its children are still there"
        time.sleep(0.05)


def _name(process: Path) -> str:
    try:
        return (process / "comm").read_text().strip()
    except OSError:
        return ""


def test_memory_is_bounded(foreign: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jail, "_memory_bytes", lambda: 256 << 20)
    assert "MemoryError" in refusal(foreign("found = [bytearray(1 << 26) for _ in range(1 << 10)]\n"))


# ------------------------------------------------------------ the mark


def test_the_mark_changes_who_runs_it_and_nothing_else() -> None:
    assert is_foreign(FOREIGN + NATIVE)
    assert not is_foreign(NATIVE)
    assert text_hash(FOREIGN + NATIVE) == text_hash(NATIVE)
    assert text_hash(NATIVE) != text_hash(NATIVE + "\n")


def test_the_mark_is_written_by_the_process_that_is_trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = tmp_path / "model.py"
    source.write_text("def f(x): return x\ndef get_inputs(): return []\n")
    asked: list[bool] = []

    def answer(*_: object, foreign: bool, **__: object) -> dict[str, str]:
        asked.append(foreign)
        return {"text": NATIVE}

    monkeypatch.setattr(bring, "ask_apart", answer)
    for options, untrusted in (("", True), ("?trust=yes", False)):
        address = bring.address_of(f"pytorch:{source}:f{options}")
        assert address is not None
        path = bring.bring(address, tmp_path)
        assert is_foreign_file(path) is untrusted
        assert path.read_text().endswith(NATIVE)
        assert path.stat().st_mode & 0o004
    assert asked == [True, False]


def test_without_bubblewrap_a_foreign_program_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr("shutil.which", lambda _: None)
    source = tmp_path / "model.py"
    source.write_text("def f(x): return x\ndef get_inputs(): return []\nopen('" + str(tmp_path / "ran") + "', 'w')\n")
    jail.find_jail.cache_clear()
    try:
        assert run(["problems", f"pytorch:{source}:f", "--json"]) == 2
    finally:
        jail.find_jail.cache_clear()
    said = json.loads(capsys.readouterr().out)["error"]
    assert "bubblewrap is not installed" in said
    assert "--trust runs it as you do" in said
    assert not (tmp_path / "ran").exists()


# ------------------------------------------------------------ the judge's own process


def test_what_torch_compile_is_told_of_the_compiler_holds_inside(monkeypatch: pytest.MonkeyPatch) -> None:
    kept = {"CXX": "some-compiler", "TORCHINDUCTOR_VEC_ISA_OK": "0"}
    for name, value in {**kept, "TORCHINDUCTOR_OTHER": "1"}.items():
        monkeypatch.setenv(name, value)
    own = jail.find_jail()
    words = own.command(["-c", "import json, os; print(json.dumps(dict(os.environ)))"])
    done = subprocess.run(words, capture_output=True, text=True, check=True, env=own.environment(), timeout=60)
    inside = json.loads(done.stdout)
    assert kept.items() <= inside.items()
    assert "TORCHINDUCTOR_OTHER" not in inside


@pytest.mark.torch
def test_the_judge_asks_a_jailed_process_as_it_asks_any(
    foreign: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "secret").write_text("secret")
    monkeypatch.setenv("MY_SETTING", "secret")
    probe = f"""
import os
def look(x):
    found = os.path.exists({str(tmp_path / "secret")!r}), "MY_SETTING" in os.environ, os.getuid()
    raise RuntimeError(f"found {{found}}")
"""
    text = NATIVE.replace("reference=twice", "reference=look").replace("\nproblem", f"{probe}\nproblem")
    described, said = [], []
    for mark in (FOREIGN, ""):
        problem = load_problem(foreign(text, mark), tmp_path / "cache")
        with ReferenceProcess(problem, tmp_path / "judge") as process:
            described.append({**process.description, **process.settings})
            assert Path(f"/proc/{process.pid}/comm").read_text().startswith("python")
            with pytest.raises(ReferenceFailed) as caught:
                _ask(process)
        said.append(str(caught.value))
    assert described[0] == described[1], "what is timed is timed alike"
    assert "found (False, False, " in said[0]
    assert "found (True, True, " in said[1]


def _ask(process: ReferenceProcess) -> None:
    with ExitStack() as stack:
        inputs, *targets = (stack.enter_context(SharedBuffer(8 * 4096)) for _ in range(4))
        process.oracle(Workload(n=4096), inputs, [0], [(targets[0], targets[1], targets[2])], 1)
