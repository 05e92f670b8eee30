"""scripts/setup on machines that lack things, with stand-ins for the tools it calls."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TOOLS = ("bash", "env", "cat", "cut", "sha256sum", "dirname", "readlink", "chmod", "mkdir")

PYTHON = """#!/bin/bash
# Stands in for Python: answers questions, "makes" virtual environments, notes what pip is told.
echo "python $*" >> "$LOG"
case "$*" in
  *"-m venv"*) mkdir -p .venv/bin; cat "$0" > .venv/bin/python; echo > .venv/bin/warploom; chmod +x .venv/bin/*;;
  *sys.prefix*) echo "$PWD/.venv";;
  *version_info\\[:2\\]*) echo 3.11;;
esac
"""
APT = """#!/bin/bash
echo "apt-get $*" >> "$LOG"
case "$*" in
  install*) for name in g++ bwrap; do echo > "$BIN/$name"; chmod +x "$BIN/$name"; done;;
esac
"""


class Machine:
    def __init__(self, folder: Path) -> None:
        self.checkout, self.bin, self.log = folder / "checkout", folder / "bin", folder / "log"
        (self.checkout / "scripts").mkdir(parents=True)
        self.bin.mkdir()
        self.log.touch()
        for name in ("pyproject.toml", "constraints.txt", "scripts/setup"):
            shutil.copy(ROOT / name, self.checkout / name)
        for tool in TOOLS:
            found = shutil.which(tool)
            assert found is not None
            (self.bin / tool).symlink_to(found)
        self.put("python3", PYTHON)
        self.user(1000)

    def put(self, name: str, text: str = "#!/bin/bash\n") -> None:
        (self.bin / name).write_text(text)
        (self.bin / name).chmod(0o755)

    def user(self, number: int) -> None:
        self.put("id", f"#!/bin/bash\necho {number}\n")

    def setup(self, *words: str) -> subprocess.CompletedProcess[str]:
        self.log.write_text("")
        environment = {"PATH": str(self.bin), "LOG": str(self.log), "BIN": str(self.bin), "HOME": os.environ["HOME"]}
        command = [str(self.checkout / "scripts" / "setup"), *words]
        return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_root_on_debian_gets_what_is_missing_and_the_second_time_nothing_happens(machine: Machine) -> None:
    machine.put("apt-get", APT)
    machine.user(0)
    done = machine.setup()
    assert done.returncode == 0, done.stderr
    log = machine.log.read_text()
    assert log.count("apt-get update") == 1
    assert "install" in log
    assert "g++ bubblewrap" in log
    assert "-m pip install --quiet --disable-pip-version-check -c constraints.txt -e .[dev]" in log
    again = machine.setup()
    assert again.returncode == 0
    assert again.stderr == ""
    assert "pip" not in machine.log.read_text()


def test_it_sets_up_again_when_the_dependencies_change_or_it_is_told_to(machine: Machine) -> None:
    machine.put("g++")
    machine.put("bwrap")
    assert machine.setup().returncode == 0
    assert machine.setup("--force").returncode == 0
    assert "pip install" in machine.log.read_text()
    with (machine.checkout / "constraints.txt").open("a") as constraints:
        constraints.write("# changed\n")
    assert machine.setup().returncode == 0
    assert "pip install" in machine.log.read_text()


def test_others_on_debian_are_told_what_to_type(machine: Machine) -> None:
    machine.put("apt-get", APT)
    done = machine.setup()
    assert done.returncode == 1
    assert "sudo apt-get update && sudo apt-get install -y g++ bubblewrap" in done.stderr
    assert "apt-get" not in machine.log.read_text()


def test_elsewhere_the_names_are_given(machine: Machine) -> None:
    done = machine.setup()
    assert done.returncode == 1
    assert "g++ bubblewrap" in done.stderr


def test_without_bubblewrap_it_goes_on_and_says_so(machine: Machine) -> None:
    machine.put("g++")
    done = machine.setup()
    assert done.returncode == 0, done.stderr
    assert "weaker sandbox" in done.stderr


def test_an_old_python_is_not_taken(machine: Machine) -> None:
    machine.put("g++")
    machine.put("bwrap")
    machine.put("python3", "#!/bin/bash\nexit 1\n")
    done = machine.setup()
    assert done.returncode == 1
    assert "WARPLOOM_PYTHON" in done.stderr
