"""Every move on every GPU seed of the catalog: how often it applies, whether what it makes builds and is right; no GPU.

    python benchmarks/gpu_moves.py                              # all seeds, both languages
    python benchmarks/gpu_moves.py --names rms_norm_bf16 --languages triton

A move is applied at all of its sites at once, with its best guesses. What it makes is built for sm_90a (Triton: and for
gfx942), and checked at the held-out workloads: Triton in its interpreter, CUDA on the CPU. Writes
``benchmarks/results/gpu_moves.json`` and prints the tables of ``docs/gpu.md``, then whatever is wrong.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from warploom.errors import ToolchainError
from warploom.judge.correctness.interpreted import check_interpreted
from warploom.problems.load import cache_directory, catalog_names, find_seed, load_problem
from warploom.propose.moves.books import book_of
from warploom.propose.recipe import Cookbook, materialise
from warploom.toolchain.find import GPU_TOOLCHAINS
from warploom.toolchain.triton import TritonToolchain
from warploom.values.candidate import Candidate, Step
from warploom.values.language import SUFFIXES
from warploom.values.outcome import Build
from warploom.values.problem import Problem
from warploom.values.signature import signature
from warploom.values.target import parse_target

RESULTS = Path(__file__).parent / "results" / "gpu_moves.json"
HARNESS = Path(__file__).parents[1] / "tests" / "unit" / "problems" / "gpu_seed_harness.py"
TARGETS = {"triton": "triton:sm_90a,gfx942", "cuda": "cuda:sm_90a"}
FACTS = ("registers", "spill_bytes", "shared_bytes", "wide_accesses", "async_copies", "targets_built")


def made(problem: Problem, language: str) -> dict[str, tuple[int, Candidate]]:
    """Move → how many sites the seed offers it, and the seed changed at all of them; none for a move without sites."""
    text = find_seed(problem.name, language).read_text()
    root = Candidate(problem.hash, language, ((f"kernel{SUFFIXES[language]}", text),), problem.name)
    cookbook = Cookbook(book_of(language).moves)
    unit = cookbook.replay(root, ()).unit
    found = {}
    for name in cookbook.moves:
        sites = len(cookbook.sites(name, unit))
        if sites:
            changed = materialise(root, cookbook.replay(root, [Step(name, "@every")]))
            found[name] = (sites, replace(changed, sources=((changed.sources[0][0], few(changed.source)),)))
    return found


def few(source: str) -> str:
    """Three blocks where a fixed number stays, so that each takes several turns at small shapes."""
    return re.sub(r"^LAUNCH\(grid=264\b", "LAUNCH(grid=3", source, flags=re.MULTILINE)


def built(problem: Problem, candidate: Candidate, cache: Path) -> dict[str, Any]:
    """Facts of the build, or ``wrong``: why there is none."""
    toolchain = GPU_TOOLCHAINS[candidate.language](parse_target(TARGETS[candidate.language]).architectures)
    answer = toolchain.build(candidate, signature(problem), cache)
    if not isinstance(answer, Build):
        return {"wrong": f"{answer.kind}: {answer.message}"}
    return {name: answer.facts[name] for name in FACTS if name in answer.facts}


def interpreted(problem: Problem, candidate: Candidate, cache: Path) -> str:
    """What Triton's interpreter found wrong; "" for nothing."""
    toolchain = TritonToolchain(parse_target("triton").architectures)
    answer = check_interpreted(problem, candidate, toolchain, cache, seed=5)
    return answer.failed.message if answer.failed else ""


def run_on_cpu(candidates: dict[str, Candidate]) -> dict[str, str]:
    """Problem → what was wrong with its CUDA candidate on the CPU; "" for nothing."""
    with tempfile.TemporaryDirectory() as folder:
        words = []
        for name, candidate in candidates.items():
            path = Path(folder) / f"{name}.cu"
            path.write_text(candidate.source)
            words.append(f"{name}={path}")
        command = [sys.executable, str(HARNESS), folder, *words]
        done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        if len(candidates) == 1:
            return dict.fromkeys(candidates, done.stderr[-400:])
        return {name: said for one in candidates.items() for name, said in run_on_cpu(dict([one])).items()}
    return {name: "; ".join(said["complaints"]) for name, said in json.loads(done.stdout).items()}


def run(names: Sequence[str], languages: Sequence[str], moves: Sequence[str], cache: Path) -> dict[str, Any]:
    """Build and check everything; languages whose compiler is absent are left out, and all moves but these, if any."""
    problems = {name: load_problem(name) for name in names}
    rows: list[dict[str, Any]] = []
    absent = {}
    for language in languages:
        try:
            GPU_TOOLCHAINS[language](parse_target(TARGETS[language]).architectures).version()
        except ToolchainError as error:
            absent[language] = str(error)
            continue
        changed = {name: made(problems[name], language) for name in names}
        for move in (one.name for one in book_of(language).moves if not moves or one.name in moves):
            own = {name: found[move][1] for name, found in changed.items() if move in found}
            wrong = run_on_cpu(own) if own and language == "cuda" else {}
            for name, candidate in own.items():
                if language == "triton":
                    wrong[name] = interpreted(problems[name], candidate, cache)
                rows.append(
                    {
                        "problem": name,
                        "language": language,
                        "move": move,
                        "sites": changed[name][move][0],
                        "build": built(problems[name], candidate, cache),
                        "wrong": wrong[name],
                    }
                )
                print(".", end="", flush=True, file=sys.stderr)
    print(file=sys.stderr)
    return {"absent": absent, "moved": rows}


def table(language: str, names: Sequence[str], rows: Sequence[dict[str, Any]]) -> str:
    """As it stands in the docs: how many sites each seed offers each move."""
    moves = [move.name for move in book_of(language).moves]
    sites = {(row["problem"], row["move"]): row["sites"] for row in rows if row["language"] == language}
    lines = [f"| {language} seed | {' | '.join(f'`{move}`' for move in moves)} |", "|---" * (len(moves) + 1) + "|"]
    lines += [f"| `{name}` | {' | '.join(str(sites.get((name, move), '·')) for move in moves)} |" for name in names]
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--names", nargs="+", default=catalog_names("gpu"), help="problems of the GPU room (all)")
    parser.add_argument("--languages", nargs="+", default=list(TARGETS), choices=list(TARGETS), help="languages (all)")
    parser.add_argument("--moves", nargs="+", default=(), help="names of moves (all)")
    parser.add_argument("--out", type=Path, default=RESULTS, help="where the JSON goes")
    options = parser.parse_args(arguments)
    result = run(options.names, options.languages, options.moves, cache_directory() / "builds")
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(result, indent=1) + "\n")
    for language in options.languages:
        print(f"{table(language, options.names, result['moved'])}\n")
    bad = 0
    for row in result["moved"]:
        said = "; ".join(filter(None, (row["build"].get("wrong"), row["wrong"])))
        if said:
            print(f"{row['problem']} {row['language']} {row['move']}: {said}")
            bad += 1
    print(f"{len(result['moved'])} kernels, {bad} wrong")
    return 1 if bad or result["absent"] else 0


if __name__ == "__main__":
    raise SystemExit(main())
