"""What of a source is worth showing and counting: not the support code that rewrites put on top of every kernel."""

from __future__ import annotations

import re
from collections.abc import Sequence

from warploom.propose.writing.tongue import tongue_of
from warploom.values.candidate import Candidate

_SUPPORT = re.compile(r"^#ifndef (WARPLOOM_\w+)$")


def excerpt(text: str, most: int, comment: str = "//") -> str:
    """The evolve block's first lines without support code, with a remark where lines were left out.

    Args:
        text: a source.
        most: characters.
        comment: what begins one in its language.
    """
    lines = text.split("\n")
    start = next((number for number, line in enumerate(lines) if "EVOLVE-BLOCK-START" in line), -1)
    end = next((number for number, line in enumerate(lines) if "EVOLVE-BLOCK-END" in line), len(lines))
    block = without_support(lines[start + 1 : end])
    kept: list[str] = []
    for line in block:
        most -= len(line) + 1
        if most < 0:
            return "\n".join([*kept, f"{comment} … {len(block) - len(kept)} more lines"])
        kept.append(line)
    return "\n".join(kept)


def without_support(lines: Sequence[str]) -> list[str]:
    """The lines with a remark in the place of each include-guarded block of support code."""
    kept: list[str] = []
    depth = 0
    for number, line in enumerate(lines):
        if depth:
            word = line.lstrip().removeprefix("#").lstrip() if line.lstrip().startswith("#") else ""
            depth += word.startswith("if")
            depth -= word.startswith("endif")
            continue
        opened = _SUPPORT.match(line)
        if opened and number + 1 < len(lines) and lines[number + 1].split() == ["#define", opened[1]]:
            kept.append(f"// … {opened[1]}: support code, the same in every kernel that has it")
            depth = 1
        else:
            kept.append(line)
    return kept


def code_length(candidate: Candidate) -> int:
    """Characters of code, without comments, white space and support code: leaving that out makes no kernel simpler."""
    tongue = tongue_of(candidate.language)
    own = ("\n".join(without_support(text.split("\n"))) for _, text in candidate.sources)
    return sum(len("".join(tongue.without_comments(text).split())) for text in own)
