"""The rules of the house that a tool can check."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "src" / "warploom"
SOURCES = sorted(path for path in PACKAGE.rglob("*.py") if "catalog" not in path.parts)
LONGEST = 300
HIDING_WORDS = {"utils", "util", "helpers", "helper", "core", "manager", "misc"}
HEAVY = {"torch", "optuna", "numpy", "tree_sitter", "anyio", "sqlite3"}


def names(paths: list[Path]) -> list[str]:
    return [str(path.relative_to(PACKAGE)) for path in paths]


@pytest.mark.parametrize("path", SOURCES, ids=names(SOURCES))
def test_a_source_file_is_short_or_says_why_not(path: Path) -> None:
    text = path.read_text()
    lines = text.count("\n")
    assert lines <= LONGEST or "# long: " in text, f"{lines} lines: split it, or write `# long: <reason>` in it"


@pytest.mark.parametrize("path", SOURCES, ids=names(SOURCES))
def test_no_name_hides_what_a_file_holds(path: Path) -> None:
    words = {word for part in path.relative_to(PACKAGE).with_suffix("").parts for word in part.split("_")}
    assert not words & HIDING_WORDS


INHERITING = {
    "export/runtime/library.py": "a user's own program",
    "toolchain/hip_compile.py": "in the jail",
    "toolchain/opencl_compile.py": "in the jail",
}
"""Files whose children may have the environment as it is, and where they are."""


def inheriting(tree: ast.Module) -> Iterator[str]:
    """Calls that start a program with the whole environment, in which the key to a model may be."""
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Call)
            and ast.unparse(node.func)
            in {f"subprocess.{name}" for name in ("run", "Popen", "call", "check_call", "check_output")}
            and "env" not in {keyword.arg for keyword in node.keywords}
        ):
            yield f"line {node.lineno}: say env=…, as in env=without_keys(os.environ)"


@pytest.mark.parametrize("path", SOURCES, ids=names(SOURCES))
def test_a_program_that_is_started_does_not_get_the_keys(path: Path) -> None:
    if str(path.relative_to(PACKAGE)) not in INHERITING:
        assert list(inheriting(ast.parse(path.read_text()))) == []


def test_the_check_for_keys_sees_a_program_that_gets_them() -> None:
    assert list(inheriting(ast.parse("subprocess.run(['g++'], check=True)")))
    assert not list(inheriting(ast.parse("subprocess.run(['g++'], check=True, env={})")))
    for name in INHERITING:
        assert list(inheriting(ast.parse((PACKAGE / name).read_text()))), f"{name} needs no exception any more"


def local_imports(tree: ast.Module) -> Iterator[str]:
    for function in ast.walk(tree):
        if not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        for node in ast.walk(function):
            if isinstance(node, ast.ImportFrom):
                if node.level or (node.module or "").split(".")[0] == "warploom":
                    yield f"line {node.lineno}: from {node.module} import …"
            elif isinstance(node, ast.Import):
                yield from (
                    f"line {node.lineno}: import {alias.name}"
                    for alias in node.names
                    if alias.name.split(".")[0] == "warploom"
                )


@pytest.mark.parametrize("path", SOURCES, ids=names(SOURCES))
def test_first_party_imports_stand_at_the_top(path: Path) -> None:
    assert list(local_imports(ast.parse(path.read_text()))) == []


def test_the_check_for_local_imports_sees_one() -> None:
    tree = ast.parse("def f():\n    from warploom.values import problem\n    import warploom.errors\n    import os\n")
    assert len(list(local_imports(tree))) == 2


def modules_after(statement: str) -> set[str]:
    code = f"import sys\n{statement}\nprint(*sorted(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    return set(done.stdout.splitlines()[-1].split())


def test_importing_warploom_is_light() -> None:
    loaded = modules_after("import warploom")
    assert not loaded & (HEAVY | {"typer", "rich"})


def test_help_loads_no_command_and_nothing_heavy() -> None:
    loaded = modules_after("from warploom.cli.main import run\nassert run(['--help']) == 0")
    assert not loaded & HEAVY
    assert {name for name in loaded if name.startswith("warploom.cli.")} == {"warploom.cli.main"}


def test_the_driver_never_loads_torch() -> None:
    every = "\n".join(f"import warploom.cli.{name}" for name in sorted(commands()))
    assert "torch" not in modules_after(every)


def commands() -> set[str]:
    not_commands = {"__init__", "main", "console", "follow", "addressed", "finding", "doctor_models"}
    return {path.stem for path in (PACKAGE / "cli").glob("*.py")} - not_commands


def test_every_command_is_listed_and_every_listed_one_exists() -> None:
    from warploom.cli.main import COMMANDS

    assert set(COMMANDS) == commands()


def test_public_names_exist() -> None:
    import warploom

    assert [name for name in warploom.__all__ if not hasattr(warploom, name)] == []
    assert len(warploom.__all__) <= 12


@pytest.mark.parametrize("script", ["scripts/setup", "scripts/test", "scripts/demo", "scripts/gpu", ".ci/run"])
def test_scripts_are_executable_and_parse(script: str) -> None:
    path = ROOT / script
    assert path.stat().st_mode & 0o111
    subprocess.run(["bash", "-n", str(path)], check=True, timeout=10)


PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]


@pytest.mark.parametrize("page", PAGES, ids=[str(page.relative_to(ROOT)) for page in PAGES])
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)#]+)", page.read_text())
    assert [link for link in links if "://" not in link and not (page.parent / link).exists()] == []
