"""The kernel card: what an exported kernel does, why it is fast, what that rests on, and where it ends."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from warploom.export.gather import Operator, Row, Variant
from warploom.export.manifest import held_out, looked_at
from warploom.export.markdown import block, code, plain, table
from warploom.export.naming import Naming
from warploom.export.steps import steps
from warploom.judge.machine.busy import BUSY_SHARE
from warploom.search.noise import percent
from warploom.values.signature import signature
from warploom.values.speedup import Speedup, ratio


def card(operator: Operator, names: Naming, use: str, folder: str, limits: Sequence[str] = ()) -> str:
    """The card as Markdown.

    Args:
        operator: what is exported.
        names: what everything is called.
        use: the section that says how to use this format, as Markdown.
        folder: where the variants lie, "{id}" for the variant, as people see it from the card.
        limits: further limits of this format.
    """
    problem = operator.problem
    return (
        "\n\n".join(
            [
                f"# {names.distribution}",
                (
                    f"{_sentence(problem.title or problem.name)}. A CPU kernel that Warploom found: right on all "
                    f"it was checked with, and faster than PyTorch {operator.over} on the shapes below."
                ),
                "## Use",
                use,
                "## What it computes",
                block(operator.reference, "python"),
                f"As a C function: {code(signature(problem).c_declaration())}",
                "## Why it is fast",
                *_why(operator),
                "## Evidence",
                *_numbers(operator),
                *_measured(operator, folder),
                "## Limits",
                "\n".join(f"- {one}" for one in (*_limits(operator), *limits)),
                "## Verify it",
                *_verify(operator, folder),
                "## Evolve it again elsewhere",
                *_evolve(operator, folder),
            ]
        )
        + "\n"
    )


def _why(operator: Operator) -> list[str]:
    found = []
    for variant in operator.variants:
        if len(operator.variants) > 1:
            found.append(f"Variant {code(variant.id)}:")
        lines = steps(variant.evidence.document)
        found.append("\n".join(f"{number}. {line}" for number, line in enumerate(lines, 1)))
    found.append("The steps start from a plain loop nest; they are the search's record of what it did to the source.")
    return found


def _numbers(operator: Operator) -> list[str]:
    baselines = list(dict.fromkeys(name for row in operator.table for name in row.speedups))
    head = ["shape", *(f"times faster than {name}" for name in baselines)]
    rows = [[_shape(row), *(_interval(row.speedups.get(name)) for name in baselines)] for row in operator.table]
    found = [
        table(head, rows),
        (
            "Medians of randomly ordered pairs, with 95 % intervals. Both sides ran with all cores, threads "
            "bound and not spinning, on inputs and outputs that were there already: inside a model, memory and threads "
            "behave otherwise, so measure there too."
        ),
    ]
    if operator.slower:
        listed = "; ".join(code(str(one)) for one in operator.slower)
        found.append(
            f"Timed, not faster than {operator.over} beyond the noise, and so left to the reference: {listed}."
        )
    return found


def _measured(operator: Operator, folder: str) -> list[str]:
    rows = []
    for variant in operator.variants:
        claim = variant.evidence.document["claim"]
        rows.append(
            [
                code(folder.format(id=variant.id)),
                *(plain(claim.get(key) or "unknown") for key in ("hardware", "toolchain", "torch")),
                percent(variant.noise_floor),
                _share(claim.get("roofline_fraction")),
            ]
        )
    found = [table(["kernel", "processor", "compiler", "PyTorch", "noise floor", "share of the roofline"], rows)]
    busy = [one for variant in operator.variants if (one := _busy(variant)) > BUSY_SHARE]
    if busy:
        found.append(
            f"Measured while up to {max(busy):.0%} of the machine was at work for others: the numbers may be off by "
            "more than their intervals."
        )
    return found


def _busy(variant: Variant) -> float:
    """Share of the machine that was at work for others, where it was worth a note."""
    stated = variant.evidence.document["measured_in"].get("busy")
    return float(stated) if isinstance(stated, int | float) else 0.0


def _limits(operator: Operator) -> list[str]:
    problem = operator.problem
    checked = "; ".join(code(str(one)) for one in held_out(operator)) or "none"
    found = [
        (
            "Only the shapes of the table run the kernel. It was verified, and never timed, on the held-out shapes "
            f"{checked}."
        ),
        (
            "Tensors must lie on the CPU, be contiguous, begin at a multiple of 64 bytes, and have the dtypes "
            f"{', '.join(code(f'{name}: {tensor.dtype}') for name, tensor in problem.inputs.items())}."
        ),
        "Right means: within the tolerance of the problem on random inputs of many kinds. It is no proof.",
        (
            "The numbers belong to the processor and compiler above. Elsewhere it is built anew and may be slower: "
            "verify it there."
        ),
    ]
    if any(tensor.positive for tensor in problem.inputs.values()):
        listed = ", ".join(code(name) for name, tensor in problem.inputs.items() if tensor.positive)
        found.append(f"It was verified with positive values of {listed} only.")
    ranges = looked_at(problem, operator.table[0].workload)
    bounded = [name for name, (low, _) in zip(problem.inputs, ranges, strict=True) if low is not None]
    if bounded:
        found.append(
            f"Integers of {', '.join(map(code, bounded))} are looked through before each call: one out of "
            "takes the reference."
        )
    return found


def _verify(operator: Operator, folder: str) -> list[str]:
    lines = [f"warploom verify {folder.format(id=variant.id)}" for variant in operator.variants]
    return [
        (
            "The evidence is in here: raw samples, seeds, hashes. Whoever has Warploom can judge the kernel anew, "
            "and every shape of the table against the PyTorch of today:"
        ),
        block("\n".join([*lines, "warploom recheck ."]), "bash"),
    ]


def _evolve(operator: Operator, folder: str) -> list[str]:
    variant = operator.variants[0]
    word = _problem_word(variant)
    return [
        "From this kernel, on your machine, for your processor:",
        block(f"warploom evolve {word} --start {folder.format(id=variant.id)}/kernel.cpp", "bash"),
        "Other shapes: write them into the problem's `workloads`, evolve, and export both runs into one table."
        + ("" if word.isidentifier() else f" The problem file is in evidence.json under {code('problem.file.text')}."),
    ]


def _problem_word(variant: Variant) -> str:
    """The catalog's name, or a file to save the problem's text as."""
    stated: Any = variant.evidence.document["problem"]
    path = str(stated["reference"]["path"])
    name = variant.problem.name
    return name if path.endswith(f"/catalog/{name}/problem.py") else f"{name}.py"


def _shape(row: Row) -> str:
    return code(str(row.workload))


def _interval(value: Speedup | None) -> str:
    return f"{ratio(value.median)} ({ratio(value.low)} to {ratio(value.high)})" if value else "not timed"


def _share(fraction: object) -> str:
    return f"{fraction:.0%}" if isinstance(fraction, int | float) else "unknown"


def _sentence(text: str) -> str:
    words = plain(text).rstrip(".")
    return words[:1].upper() + words[1:]
