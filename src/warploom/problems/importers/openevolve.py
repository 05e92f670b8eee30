"""``openevolve:DIR``: a program with an evaluator, as OpenEvolve has it. Nothing foreign is run in this process.

The folder holds ``initial_program.py`` (or with another ending), ``evaluator.py`` and, where it wants other than the
defaults, ``config.yaml``. The evaluator scores a program; how is its business. It runs in the jail of imported
programs (:mod:`warploom.problems.jail`), sees its folder read-only, and has its cascade of stages and its artifacts.
Of the configuration, what concerns evaluating holds. Models, database and search are Warploom's own: such keys are set
aside and named, and unknown ones are named too.
"""

from __future__ import annotations

import ast
import difflib
import hashlib
import json
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from warploom.errors import ProblemError
from warploom.problems.apart import ask_apart
from warploom.problems.importers.address import Address
from warploom.problems.importers.program import Found
from warploom.problems.importers.sources import LARGEST_BYTES, must_define, read_source
from warploom.problems.importers.words import plain
from warploom.values.score import Score

FORMAT = "openevolve"
EVALUATOR, PROGRAM = "evaluator.py", "initial_program"
CONFIGURATIONS = ("config.yaml", "config.yml", "config_phase_1.yaml")
SECONDS_TO_START = 60.0

_HOLD: Mapping[str, type | tuple[type, ...]] = {
    "evaluator.timeout": (int, float),
    "evaluator.cascade_evaluation": bool,
    "evaluator.cascade_thresholds": list,
    "evaluator.enable_artifacts": bool,
    "database.feature_dimensions": list,
    "prompt.system_message": str,
}
"""Keys that hold here → what they must be."""

LANGUAGES: Mapping[str, str] = {
    ".py": "python",
    ".rs": "rust",
    ".r": "r",
    ".cpp": "cpp",
    ".cc": "cpp",
    ".c": "c",
    ".go": "go",
    ".java": "java",
    ".js": "javascript",
    ".ts": "typescript",
    ".jl": "julia",
    ".sh": "bash",
    ".metal": "metal",
    ".cu": "cuda",
}
"""Ending of a program's file → its language; of another ending the ending itself."""

_WORDS = """
max_iterations checkpoint_interval log_level log_dir random_seed language file_suffix diff_based_evolution
max_code_length diff_pattern early_stopping_patience convergence_threshold early_stopping_metric max_tasks_per_child
allow_full_rewrites evaluator.max_retries evaluator.memory_limit_mb evaluator.cpu_limit evaluator.parallel_evaluations
evaluator.distributed evaluator.use_llm_feedback evaluator.llm_feedback_weight evaluator.max_artifact_storage
"""
_OURS = frozenset(_WORDS.split())
"""Keys of OpenEvolve that Warploom's own settings take the place of."""

_OUR_SECTIONS = ("llm", "prompt", "database", "evolution_trace")


@dataclass(frozen=True)
class Folder:
    """A program and its evaluator.

    Attributes:
        path: of the folder.
        file: name of the program's file.
        program: its text, where a search begins.
        evaluator: text of the evaluator, and of the modules beside it that it imports.
        timeout_s: of each stage.
        cascade: whether stages are run one after another, where the evaluator has them.
        thresholds: that the score of stage 1, 2, … must reach for the next.
        artifacts: whether what the evaluator says beside the numbers is kept.
        features: metrics that are no part of a mean.
        instructions: what the configuration tells a model to do; "" where it has no words for it.
        set_aside: keys of the configuration that Warploom's own settings take the place of.
        unknown: keys that OpenEvolve does not have either, each with the nearest that it has.
        trust: whether the evaluator runs as the user does, without a jail.
    """

    path: Path
    file: str
    program: str
    evaluator: str = ""
    timeout_s: float = 300.0
    cascade: bool = True
    thresholds: tuple[float, ...] = (0.5, 0.75, 0.9)
    artifacts: bool = True
    features: tuple[str, ...] = ("complexity", "diversity")
    instructions: str = ""
    set_aside: tuple[str, ...] = field(default=())
    unknown: tuple[str, ...] = field(default=())
    trust: bool = False

    @property
    def name(self) -> str:
        """Of the folder, as an identifier."""
        return plain(self.path.name)

    @property
    def address(self) -> Address:
        """Where it lies."""
        return Address(FORMAT, str(self.path), trust=self.trust)

    @property
    def language(self) -> str:
        """Of the program, by the ending of its file."""
        ending = Path(self.file).suffix.lower()
        return LANGUAGES.get(ending, ending.removeprefix(".") or "text")

    @cached_property
    def hash(self) -> str:
        """Hash of everything that changes a score: evaluator and settings, not where the folder lies or begins."""
        settings = (self.timeout_s, self.cascade, self.thresholds, self.features, Path(self.file).suffix)
        return hashlib.sha256(json.dumps([self.evaluator, *settings]).encode()).hexdigest()[:16]

    def describe(self) -> dict[str, Any]:
        """The folder as plain JSON values, for the record of a run."""
        words = {"name": self.name, "title": f"{self.path.name}: a program with an evaluator of its own"}
        return {**words, "hash": self.hash, "evaluator": self.evaluator, "file": self.file, "language": self.language}


def find(address: Address) -> Found:
    """Nothing: such a folder has a score and no reference.

    Raises:
        ProblemError: always; says what can be done with it.
    """
    read_folder(address)
    raise ProblemError(
        f"{address}: it has an evaluator in the place of a reference, so that no speed can be judged; "
        f"`warploom score {address.place}` runs it, `warploom evolve {address}` evolves its program"
    )


def read_folder(address: Address) -> Folder:
    """The folder at an address; its evaluator is read, not run.

    Raises:
        ProblemError: a file is missing or cannot be used; one line.
    """
    path = Path(address.root, address.place).expanduser().absolute()
    if not path.is_dir():
        raise ProblemError(f"{address}: there is no folder {path}")
    programs = sorted(one for one in path.glob(f"{PROGRAM}.*") if one.is_file())
    if not programs:
        raise ProblemError(f"{address}: there is no {PROGRAM}.py in {path}, nor one with another ending")
    program = next((one for one in programs if one.suffix == ".py"), programs[0])
    evaluator = read_source(path / EVALUATOR, address)
    must_define(evaluator, ("evaluate",), path / EVALUATOR, address)
    found = next((path / name for name in CONFIGURATIONS if (path / name).is_file()), None)
    keys = _keys(found, address) if found else {}
    held: dict[str, Any] = {}
    for key, kind in _HOLD.items():
        if key in keys:
            value = keys[key]
            if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
                raise ProblemError(f"{address}: {found}: {key} cannot be {value!r}")
            held[key] = value
    thresholds = held.get("evaluator.cascade_thresholds", Folder.thresholds)
    if not all(isinstance(one, int | float) for one in thresholds):
        raise ProblemError(f"{address}: {found}: evaluator.cascade_thresholds must be numbers, not {thresholds!r}")
    if not held.get("evaluator.timeout", 1) > 0:
        raise ProblemError(f"{address}: {found}: evaluator.timeout must be above 0")
    others = [key for key in keys if key not in _HOLD]
    ours = [key for key in others if key in _OURS or key.partition(".")[0] in _OUR_SECTIONS]
    return Folder(
        path,
        program.name,
        _text(program, address),
        "\0".join((evaluator, *(_text(one, address) for one in _beside(path, evaluator, program)))),
        timeout_s=float(held.get("evaluator.timeout", Folder.timeout_s)),
        cascade=held.get("evaluator.cascade_evaluation", Folder.cascade),
        thresholds=tuple(float(one) for one in thresholds),
        artifacts=held.get("evaluator.enable_artifacts", Folder.artifacts),
        features=tuple(map(str, held.get("database.feature_dimensions", Folder.features))),
        instructions=_instructions(held.get("prompt.system_message", "")),
        set_aside=tuple(ours),
        unknown=tuple(_near(key) for key in others if key not in ours),
        trust=address.trust,
    )


def score(folder: Folder, program: str, started: Callable[[subprocess.Popen[bytes]], None] | None = None) -> Score:
    """What the folder's evaluator says of a program.

    Args:
        folder: with the evaluator.
        program: the text that is scored.
        started: given the evaluator's process, so that another thread can end it.

    Raises:
        ProblemError: the evaluator could not be run to its end, or gave no score; one line.
    """
    request = {
        "folder": str(folder.path),
        "program": program,
        "suffix": Path(folder.file).suffix,
        "timeout_s": folder.timeout_s,
        "cascade": folder.cascade,
        "thresholds": list(folder.thresholds),
        "artifacts": folder.artifacts,
        "features": list(folder.features),
    }
    stages = 1 + len(folder.thresholds) if folder.cascade else 1
    answer = ask_apart(
        ["-m", "warploom.problems.importers.openevolve_score"],
        name=f"openevolve:{folder.path.name}",
        what="evaluator",
        foreign=not folder.trust,
        deadline_s=SECONDS_TO_START + stages * folder.timeout_s,
        request=json.dumps(request).encode(),
        shown=(folder.path,),
        started=started,
    )
    try:
        return Score(
            float(answer["value"]),
            {str(name): one if isinstance(one, bool) else float(one) for name, one in answer["metrics"].items()},
            {str(name): str(one) for name, one in answer["artifacts"].items()},
            tuple(map(str, answer["stages"])),
            str(answer["stopped"]),
        )
    except (LookupError, TypeError, ValueError, AttributeError):
        raise ProblemError(f"openevolve:{folder.path.name}: the evaluator's process gave no score") from None


def _keys(path: Path, address: Address) -> dict[str, Any]:
    """Every key of a configuration, those of sections as ``section.key``."""
    import yaml  # type: ignore[import-untyped]  # optuna brings it; here alone, for it takes a while

    try:
        whole = yaml.safe_load(_text(path, address)) or {}
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise ProblemError(f"{address}: {path} is no YAML: {' '.join(str(error).split())[:200]}") from None
    if not isinstance(whole, dict):
        raise ProblemError(f"{address}: {path} is no configuration: a mapping of keys is wanted")
    found: dict[str, Any] = {}
    for key, value in whole.items():
        if isinstance(value, dict):
            found |= {f"{key}.{inner}": one for inner, one in value.items()}
        else:
            found[str(key)] = value
    return found


def _instructions(message: str) -> str:
    """The words of a system message; one word alone names a template of OpenEvolve's own."""
    return message.strip() if len(message.split()) > 1 else ""


def _beside(folder: Path, evaluator: str, program: Path) -> list[Path]:
    """The files beside an evaluator that it imports, in order of their names."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(evaluator)):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module.partition(".")[0])
    files = (folder / f"{name}.py" for name in sorted(names))
    return [path for path in files if path.is_file() and path != program]


def _near(key: str) -> str:
    close = difflib.get_close_matches(key, (*_HOLD, *_OURS), n=1, cutoff=0.6)
    return f"{key} (did you mean {close[0]}?)" if close else key


def _text(path: Path, address: Address) -> str:
    try:
        if path.stat().st_size > LARGEST_BYTES:
            raise ProblemError(f"{address}: {path} is larger than a source file is ({LARGEST_BYTES >> 20} MiB at most)")
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise ProblemError(f"{address}: {path}: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise ProblemError(f"{address}: {path}: a source is UTF-8 text; byte {error.start} is none") from None
