"""``gpumode:DIR``: a task folder of GPU MODE's kernel competitions: ``task.yml``, ``reference.py``, ``task.py``.

``generate_input(**sizes)`` makes the argument, ``ref_kernel(data)`` is the reference. Or ``generate_inputs`` makes
arguments, of which ``reference_forward`` takes all but the last and ``reference_backward`` all, and both together are
the reference; the batch that their harness passes is its ``B``. The first benchmark is timed; our checks take the place
of ``check_implementation``. What is on a GPU there is on the CPU here.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from warploom.errors import ProblemError
from warploom.problems.importers.address import Address
from warploom.problems.importers.program import Found, Program
from warploom.problems.importers.sizes import named_sizes
from warploom.problems.importers.sources import defined, must_define, read_source

_NEEDED = ("generate_input", "ref_kernel")
_BOTH = ("generate_inputs", "reference_forward", "reference_backward")
_BOTH_AS_ONE = """
from reference import generate_inputs, reference_backward, reference_forward


def generate_input(**sizes):
    return generate_inputs(**sizes)


def ref_kernel(data):
    return reference_forward(*data[:-1]), reference_backward(*data)
"""
_OTHERS = ("submission.py", "eval.py", "reference.py")


def find(address: Address) -> Found:
    """The program of a task folder.

    Raises:
        ProblemError: no such folder, or it lacks what the format asks for.
    """
    folder = Path(address.root, address.place).expanduser().absolute()
    path = folder / "task.yml"
    task = _task(path, address)
    files = [(str(folder / source), read_source(folder / source, address)) for source in _sources(task, path, address)]
    more: dict[str, Any] = {}
    if set(_BOTH) <= defined(files[-1][1]):
        harness = named_sizes(read_source(folder / "eval.py", address))
        more = {"batch_size": harness["B"], "seed": 1} if "B" in harness else {"seed": 1}
        files.append((str(folder / "both.py"), _BOTH_AS_ONE))
    must_define(files[-1][1], _NEEDED, Path(files[-1][0]), address)
    cases = [case for key in ("benchmarks", "tests") for case in task.get(key) or () if isinstance(case, Mapping)]
    if not cases:
        raise ProblemError(f"{address}: {path} lists no benchmarks and no tests: there are no sizes to judge at")
    settings = tuple({**more, **{str(name): value for name, value in case.items()}} for case in cases)
    program = Program(
        tuple(files),
        "ref_kernel",
        arguments="generate_input",
        settings=settings,
        one_argument=True,
        training=False,
        ranks=bool(task.get("multi_gpu")),
    )
    words = folder.name.removesuffix("_py")
    return Found(program, words, f"GPU MODE {folder.parent.name}/{folder.name}")


def _task(path: Path, address: Address) -> Mapping[str, Any]:
    import yaml  # type: ignore[import-untyped]  # optuna brings it; here alone, for it takes a while

    try:
        task = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ProblemError(f"{address}: {path}: {error.strerror}") from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise ProblemError(f"{address}: {path} is no YAML: {' '.join(str(error).split())[:200]}") from None
    if not isinstance(task, Mapping):
        raise ProblemError(f"{address}: {path} is no task: a mapping with files and tests is wanted")
    return task


def _sources(task: Mapping[str, Any], path: Path, address: Address) -> list[str]:
    """The files that the reference may import, and the reference itself last, relative to the folder."""
    listed = task.get("files")
    if not isinstance(listed, list):
        raise ProblemError(f"{address}: {path} lists no files")
    entries = {
        str(one["name"]): str(one["source"])
        for one in listed
        if isinstance(one, Mapping) and "name" in one and "source" in one
    }
    own = [source for name, source in entries.items() if name.endswith(".py") and name not in _OTHERS]
    return [*own, entries.get("reference.py", "reference.py")]
