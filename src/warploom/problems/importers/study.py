"""``python -m warploom.problems.importers.study < REQUEST``: a native problem file made of a foreign program.

Run in a process of its own, because it runs the program. The request and the answer are JSON objects; whatever the
program prints goes to standard error. Exit status 2 and one line, the last on standard error, when it cannot be used.
"""

from __future__ import annotations

import json
import math
import os
import resource
import sys
import traceback
import warnings
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import torch

from warploom.errors import ProblemError
from warploom.problems.importers.budget import BUDGETS, Budget
from warploom.problems.importers.caller import Caller, check, filled, kind, used_state
from warploom.problems.importers.draws import accepted, own_draws, tensor_of
from warploom.problems.importers.instance import SEED, Instance, seeded
from warploom.problems.importers.program import Program
from warploom.problems.importers.scale import Scale, Seen, Sizes, TooLarge, glance, lighter, look
from warploom.problems.importers.sizes import named_sizes
from warploom.problems.importers.words import Words, plain
from warploom.problems.importers.writing import ProblemText
from warploom.values.problem import Tensor

MEMORY_BYTES = 24 << 30
"""Address space of this process; PyTorch alone takes some of it."""

RECIPE_ORDER = ("normal", "own", "offset", "wide", "spikes", "large", "tiny")


@dataclass(frozen=True)
class Request:
    """What is to be studied; fields as in :class:`warploom.problems.importers.program.Found`.

    ``address`` and ``places``, file → path, are for messages and for nothing else.
    """

    program: Program
    name: str
    title: str
    scale: str
    address: str = ""
    places: Mapping[str, str] = field(default_factory=dict)


def study(request: Request) -> str:
    """The text of the problem file; the first of a program's own settings that can be made to fit is timed.

    Raises:
        ProblemError: the program cannot be run, or not be judged.
    """
    settings = request.program.settings
    programs = [replace(request.program, settings=settings[first:]) for first in range(len(settings))]
    programs = programs or [request.program]
    # What can be small at another of its settings need not be large.
    tries = [*((one, BUDGETS[:1]) for one in programs[:-1]), *((one, BUDGETS) for one in reversed(programs))]
    for program, budgets in tries[:-1]:
        with suppress(TooLarge):
            return _study(replace(request, program=program), budgets)
    return _study(replace(request, program=programs[0]), BUDGETS)


def _study(request: Request, budgets: Sequence[Budget]) -> str:
    program = request.program
    fixed, written, start, device = _start(program, request.scale)
    scale = Scale(partial(_see, program, fixed, device), start)
    timed = scale.shrunk(budgets) if request.scale == "auto" else dict(start)
    names = scale.data(timed)
    if not program.settings:  # what is neither varied nor made smaller keeps what is written
        timed = {name: value for name, value in timed.items() if name in names or value != written[name]}
    settings = [timed, *scale.small(timed, names)]
    seen = [found for found in map(scale.seen, settings) if found is not None]
    return _text(request, [{**fixed, **one} for one in settings], seen, _shrunk(written, timed))


def _text(request: Request, settings: Sequence[Sizes], seen: Sequence[Seen], shrunk: str) -> str:
    """Everything about the tensors, found at real settings."""
    program = request.program
    small = settings[-1]
    instances = [Instance(program, setting) for setting in settings]
    state = used_state(lambda seed: Instance(program, small, seed=seed), program.training)
    room = filled(Caller(lambda: Instance(program, small)))
    caller = Caller(lambda: Instance(program, small), state, room)
    check(caller)
    again = own_draws(lambda seed: Instance(program, seeded(small, seed), seed=seed), caller)
    changed = caller.changes(caller.tensors())
    examples = [[t for place, t in enumerate(one.examples().values()) if place not in room] for one in instances]
    shapes = [
        tuple(tuple(t.shape) for t in (*own, *(one.state[name] for name in state)))
        for own, one in zip(examples, instances, strict=True)
    ]
    names: list[str] = []
    drawn_names = [*(one for place, one in enumerate(instances[0].examples()) if place not in room), *state]
    for name in drawn_names:
        names.append(plain(name, {*names, request.name}))
    results = caller.plain(caller.tensors())
    outs = ["out"] if len(results) == 1 else [f"out_{number}" for number in range(len(results))]
    outs = [plain(name, {*names, request.name}) for name in outs]
    words = Words(settings, (*names, *outs, request.name))
    texts = [words.shape([one[place] for one in shapes], name) for place, name in enumerate(names)]
    out_shapes = [one.outputs for one in seen]
    out_texts = [words.shape([one[place] for one in out_shapes], name) for place, name in enumerate(outs)]
    drawn = [[*own, *(one.state[n] for n in state)] for own, one in zip(examples, instances, strict=True)]
    tensors = [
        tensor_of(name, text, [one[place] for one in drawn], words.axes, [one[place] for one in again])
        for place, (name, text) in enumerate(zip(names, texts, strict=True))
    ]
    sound = all(instances[0].is_sound(name, one) for name, one in zip(drawn_names, tensors, strict=True))
    tensors, recipes = accepted(caller, tensors, again, ours=sound)
    if recipes == ["own"]:  # bytes that stand for other numbers: a few draws do not show them all
        tensors = [
            replace(one, low=None, high=None) if instances[0].has_bytes(name) else one
            for name, one in zip(drawn_names, tensors, strict=True)
        ]
    return ProblemText(
        name=request.name,
        title=_title(request.title, shrunk),
        program=program.to_mapping(),
        inputs=dict(zip(names, tensors, strict=True)),
        outputs={
            name: Tensor(text, kind(result, name)) for name, text, result in zip(outs, out_texts, results, strict=True)
        },
        state=state,
        changed=changed,
        room=room,
        axes=words.axes,
        settings=dict(zip(shapes, settings, strict=True)),
        recipes=[recipe for recipe in RECIPE_ORDER if recipe in recipes],
    ).render()


def _start(program: Program, scale: str) -> tuple[dict[str, Any], dict[str, int], dict[str, int], str]:
    """What stays as it is, the sizes as written, those to begin with, and where shapes are looked for.

    On tensors without content if the program runs on those; else on real ones, at the smallest of its own settings.

    Raises:
        Exception: it runs nowhere; whatever the program raised.
    """
    settings = list(program.settings) or [named_sizes(program.files[-1][1])]
    device, begin = "meta", None
    try:
        look(program, settings[0] if program.settings else {}, "meta")
    except Exception:  # noqa: BLE001 - foreign code; tried again where it is at home
        device = "cpu"
        if scale == "auto":
            settings.sort(key=lambda one: math.prod(_whole(one).values()))
            begin = _light(program, settings[0]) if program.settings else None
        look(program, {**settings[0], **(begin or {})} if program.settings else {}, "cpu")
    sizes = _whole(settings[0])
    fixed = {name: value for name, value in settings[0].items() if name not in sizes}
    return fixed, sizes, begin or sizes, device


def _light(program: Program, setting: Mapping[str, Any]) -> Sizes | None:
    """Sizes at which the arguments are small enough, found without a call, then a call; None where there are none."""
    try:
        sizes = Scale(lambda some: glance(program, {**setting, **some}), _whole(setting)).shrunk()
        return lighter(lambda some: look(program, {**setting, **some}, "cpu"), sizes)
    except Exception:  # noqa: BLE001 - foreign code; it is then begun with as it is written
        return None


def _whole(setting: Mapping[str, Any]) -> dict[str, int]:
    """The sizes of a setting: a seed is none, nor is a number of ranks, a share or a word."""
    none = ("seed", "world_size")
    return {name: value for name, value in setting.items() if type(value) is int and value >= 1 and name not in none}


def _see(program: Program, fixed: Mapping[str, Any], device: str, sizes: Mapping[str, Any]) -> Seen:
    return look(program, {**fixed, **sizes}, device)


def _shrunk(written: Mapping[str, int], timed: Mapping[str, Any]) -> str:
    smaller = [(name, value, timed[name]) for name, value in written.items() if timed.get(name, value) != value]
    return ", ".join(f"{name} {before} → {now}" for name, before, now in smaller)


def _title(title: str, shrunk: str) -> str:
    return f"{title} (made smaller to be judged here: {shrunk})" if shrunk else title


def _explain(error: BaseException, request: Request) -> str:
    """One line: where in the program, what happened."""
    said = " ".join(str(error).split())[:400]
    if isinstance(error, ProblemError):
        return f"{request.address}: {said}"
    own = {path: request.places.get(path, path) for path, _ in request.program.files}
    if isinstance(error, SyntaxError) and error.filename in own:
        return f"{request.address}: {own[error.filename]}:{error.lineno}: {error.msg}"
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename in own]
    place = f"{own[frames[-1].filename]}:{frames[-1].lineno}: " if frames else ""
    return f"{request.address}: {place}{type(error).__name__}{': ' if said else ''}{said}"


def main() -> int:
    """Answer the request on standard input."""
    values = json.load(sys.stdin)
    request = Request(**{**values, "program": Program.from_mapping(values["program"])})
    answer = os.dup(1)
    os.dup2(2, 1)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    warnings.simplefilter("ignore")
    torch.manual_seed(SEED)
    try:
        text = study(request)
    except (Exception, SystemExit) as error:  # noqa: BLE001 - foreign code
        sys.stdout.flush()
        sys.stderr.write(f"\n{_explain(error, request)}\n")
        sys.stderr.flush()
        return 2
    with os.fdopen(answer, "w", encoding="utf-8") as stream:
        json.dump({"text": text}, stream)
    return 0


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    os._exit(code)  # whatever threads the program left behind
