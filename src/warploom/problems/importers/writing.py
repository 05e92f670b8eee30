"""The text of a native problem file that holds a foreign program. Standard library only."""

from __future__ import annotations

import pprint
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from warploom.values.problem import Tensor

_TEMPLATE = '''"""{title}

Made by Warploom from {sources}. The sources are whole in here, and this file does not change when they do.
"""

from warploom import Problem, Tensor, Workload
from warploom.problems.importers.foreign import Foreign

reference = Foreign(
    {program},
    state={state},
    changed={changed},
    room={room},
)

problem = Problem(
    name={name!r},
    title={title!r},
    axes={axes},
    inputs={{{inputs}}},
    outputs={{{outputs}}},
    reference=reference.at({settings}),
    workloads=[{timed}],
    held_out=[{held_out}],
)
'''


@dataclass(frozen=True)
class ProblemText:
    """Everything a problem file says.

    Attributes:
        name: of the problem.
        title: of the problem.
        program: as plain values.
        inputs: name → tensor.
        outputs: name → tensor.
        state: names that the program gives to the inputs behind the arguments.
        changed: numbers of the inputs that the program writes to.
        room: places of example arguments that it fills.
        axes: axis → length at every setting.
        settings: shapes of the inputs → sizes; the first is timed, the others are held out.
        recipes: that the reference accepts; the first is timed.
    """

    name: str
    title: str
    program: Mapping[str, Any]
    inputs: Mapping[str, Tensor]
    outputs: Mapping[str, Tensor]
    state: Sequence[str]
    changed: Sequence[int]
    room: Sequence[int]
    axes: Mapping[str, Sequence[int]]
    settings: Mapping[Any, Mapping[str, Any]]
    recipes: Sequence[str]

    def render(self) -> str:
        """The problem file."""
        plain = self.title.replace("\\", "/").replace('"""', "'''")
        count = len(self.settings)
        shapes = list(range(1, count)) or [0]
        # Every shape once, then other magnitudes on the shapes in turn.
        first, *others = self.recipes
        held_out = [(shape, first) for shape in range(1, count)]
        held_out += [(shapes[place % len(shapes)], recipe) for place, recipe in enumerate(others, start=1)]
        return _TEMPLATE.format(
            title=plain,
            sources=", ".join(path for path, _ in self.program["files"]),
            name=self.name,
            program=pprint.pformat(dict(self.program), width=110, sort_dicts=False).replace("\n", "\n    "),
            state=list(self.state),
            changed=list(self.changed),
            room=list(self.room),
            axes=f"({', '.join(repr(axis) for axis in self.axes)}{',' if len(self.axes) == 1 else ''})",
            inputs=", ".join(f"{one!r}: {_tensor(tensor)}" for one, tensor in self.inputs.items()),
            outputs=", ".join(f"{one!r}: {_tensor(tensor)}" for one, tensor in self.outputs.items()),
            settings=repr(dict(self.settings)),
            timed=self._workload(0, first),
            held_out=", ".join(self._workload(*one) for one in held_out),
        )

    def _workload(self, number: int, recipe: str) -> str:
        words = [f"{axis}={lengths[number]}" for axis, lengths in self.axes.items()]
        return f"Workload({', '.join([*words, *([f'recipe={recipe!r}'] if recipe != 'normal' else [])])})"


def _tensor(tensor: Tensor) -> str:
    defaults = {field.name: field.default for field in fields(Tensor)}
    words = [repr(tensor.shape)]
    for name, default in defaults.items():
        value = getattr(tensor, name)
        if name != "shape" and value != default:
            words.append(f"{name}={value!r}")
    return f"Tensor({', '.join(words)})"
