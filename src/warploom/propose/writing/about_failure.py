"""Why a kernel failed, told without what is held out and without how the judge works."""

from __future__ import annotations

import re
from typing import Any

from warploom.propose.writing.about_problem import RECIPES
from warploom.propose.writing.material import Material
from warploom.values.outcome import Failed

KINDS: dict[str, str] = {
    "rejected": "it breaks a rule that can be read off its text",
    "compile_error": "it does not compile",
    "load_error": "it could not be loaded",
    "crash": "it crashed",
    "timeout": "it took far too long",
    "out_of_memory": "it used too much memory",
    "limit": "it did what no kernel needs",
    "protocol": "it disturbed the process that it runs in",
    "wrong_result": "its results are wrong",
    "not_finite": "it gives NaN or infinity where the reference does not, or the other way round",
    "unwritten_output": "it leaves elements of an output unwritten when it returns",
    "out_of_bounds": "it writes outside of its outputs",
    "input_changed": "it changes its inputs",
    "nondeterministic": "it gives another result when it is run again on the same inputs: look for a data race",
    "too_fast": "it cannot have done all the work",
    "reference": "the reference failed, which is not the kernel's fault",
    "no_score": "its evaluator gives it none",
}
"""Kinds of failure in words."""

_HELD_OUT = re.compile(r"held-out workload \d+ of \d+ \((?P<recipe>\w+) values\)|one of the held-out workloads")
_RECIPE = re.compile(r"with (?P<recipe>\w+) values")
_NUMBERED = re.compile(r"\belement \d+ ")
_COUNTS = re.compile(r"\((?:as were )?(?P<part>\d+) of (?P<whole>\d+) (?P<rest>near it are off|near it|differ)\)")


def failure_facts(material: Material) -> dict[str, Any] | None:
    """Stage, kind and evidence; the compiler's messages when the build failed. None for a kernel that passed."""
    failed = material.failed
    if failed is None:
        return None
    return {
        "stage": failed.stage,
        "kind": failed.kind,
        "words": KINDS.get(failed.kind, failed.kind),
        "message": evidence(failed),
        # What a kernel prints may be the shapes it was called with, held-out ones too.
        "log": failed.log_tail.strip() if failed.stage == "build" else "",
    }


def evidence(failed: Failed) -> str:
    """The message of a failure as a proposer may see it.

    A held-out workload is neither named nor counted, and its size does not show through indices and shares of it.
    """
    message = failed.message
    if failed.stage == "time":
        if failed.kind == "unwritten_output" and " call" in message:
            return "the outputs of a call were not complete when it returned"
        if failed.kind == "too_fast":
            return "it was faster than the machine can move the data or do the operations"
    found = _HELD_OUT.search(message)
    if found is None:
        return _RECIPE.sub(lambda match: f"with {_values(match['recipe'])}", message)
    values = _values(found["recipe"]) if found["recipe"] else ""
    message = _HELD_OUT.sub("on a shape that is not shown" + (f", {values}" if values else ""), message)
    return _COUNTS.sub(_share, _NUMBERED.sub("an element ", message))


def _values(recipe: str) -> str:
    return RECIPES.get(recipe, "") or ("" if recipe == "normal" else f"{recipe} values")


def _share(match: re.Match[str]) -> str:
    part, whole = int(match["part"]), int(match["whole"])
    words = "all" if part == whole else "most" if 2 * part > whole else "some"
    return f"({words} of those near it, too)"
