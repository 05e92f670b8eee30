"""Triton: which program does what, and what it may assume of the axes."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from warploom.errors import NotApplicable
from warploom.propose.moves.protocol import Move, Phase, Site
from warploom.propose.moves.verbatim import triton_at, triton_of, unit_of
from warploom.syntax import launch as launch_line
from warploom.syntax.cpp.tree import Unit
from warploom.syntax.span import Edit, edited
from warploom.syntax.triton_text import TritonText, assigned, calls, indented, pointer
from warploom.values.candidate import Scalar

GROUPS = (8, 4, 16, 2)
PROGRAMS = (264, 132, 528, 1056)
"""Multiples of the 132 multiprocessors of a Hopper GPU."""

_PROGRAM = re.compile(r"tl\.program_id\((?:axis=)?([012])\)")


@dataclass(frozen=True)
class Grouped:
    """Programs of a grid of two in groups of rows, so that neighbours in time share what is cached. Site: the kernel.

    Source: the order of programs in Triton's tutorial on matrix products.
    """

    name: str = "grouped"
    phase: Phase = Phase.LOOPS

    def sites(self, unit: Unit) -> Sequence[Site]:
        """Kernels that use both places of a grid of two or three."""
        source = triton_of(unit)
        return [Site(_kernel(source).name, {"group": GROUPS})] if source is not None and _plane(source) else ()

    def apply(self, unit: Unit, label: str, parameters: Mapping[str, Scalar]) -> Unit:
        """Both places are taken from ``tl.swizzle2d``."""
        source = triton_at(unit)
        if label != _kernel(source).name or not _plane(source):
            raise NotApplicable("the grid has one place, or the kernel asks for one alone")
        x, y = source.fresh("place_x"), source.fresh("place_y")
        begin, end = source.body(_kernel(source))
        group = parameters.get("group", GROUPS[0])
        own = {"0": x, "1": y}
        body = _PROGRAM.sub(lambda found: own.get(found[1], found[0]), source.text[begin:end])
        ids, sizes = "tl.program_id(1), tl.program_id(0)", "tl.num_programs(1), tl.num_programs(0)"
        head = f"{_margin(source)}{y}, {x} = tl.swizzle2d({ids}, {sizes}, {group})\n"
        return unit_of(edited(source.text, [Edit(begin, end, head + body)]))


def _kernel(source: TritonText) -> ast.FunctionDef:
    assert source.kernel is not None
    return source.kernel


def _margin(source: TritonText) -> str:
    return " " * _kernel(source).body[-1].col_offset


def _asked(source: TritonText) -> set[str]:
    """Which places of the grid the kernel asks for; none where other functions ask too, or its size is asked for."""
    begin, end = source.body(_kernel(source))
    rest = source.text[:begin] + source.text[end:]
    if "program_id" in rest or "num_programs" in source.text or "swizzle2d" in source.text:
        return set()
    return set(_PROGRAM.findall(source.text[begin:end]))


def _plane(source: TritonText) -> bool:
    return len(source.grid) >= 2 and {"0", "1"} <= _asked(source)


@dataclass(frozen=True)
class Persistent:
    """A fixed number of programs, each of which takes one block after another. Site: the kernel."""

    name: str = "persistent"
    phase: Phase = Phase.THREADS

    def sites(self, unit: Unit) -> Sequence[Site]:
        """Kernels without an early return whose grid can be reckoned from what they are given."""
        source = triton_of(unit)
        return [Site(_kernel(source).name, {"programs": PROGRAMS})] if source is not None and _counted(source) else ()

    def apply(self, unit: Unit, label: str, parameters: Mapping[str, Scalar]) -> Unit:
        """The body in a loop over what was the grid; blocks are taken in the order in which programs began."""
        source = triton_at(unit)
        if label != _kernel(source).name or not _counted(source):
            raise NotApplicable("the kernel returns early, or does not know its grid")
        assert source.launch is not None
        block, margin = source.fresh("block"), _margin(source)
        begin, end = source.body(_kernel(source))
        extents = [word if word.isidentifier() else f"({word})" for word in source.grid]
        own = {"0": block, "1": "0", "2": "0"}
        lines = []
        if len(extents) > 1:
            turns = (f"{block} % {extents[0]}", f"{block} // {extents[0]}", f"{block} // ({' * '.join(extents[:2])})")
            own = {str(place): source.fresh(f"block_{letter}") for place, letter in enumerate("xyz")}
            second = f"{turns[1]} % {extents[1]}" if len(extents) > 2 else turns[1]
            values = dict(zip("012", (turns[0], second, turns[2]), strict=True))
            lines = [f"{own[place]} = {values[place]}" for place in sorted(_asked(source))]
        body = _PROGRAM.sub(lambda found: own[found[1]], source.text[begin:end])
        head = f"{margin}{block} = tl.program_id(0)\n{margin}while {block} < {' * '.join(extents)}:\n"
        head += "".join(f"{margin}    {line}\n" for line in lines)
        tail = f"\n{margin}    {block} += tl.num_programs(0)"
        words = {**source.launched, "grid": [str(parameters.get("programs", PROGRAMS[0]))]}
        edits = [Edit(*source.launch, launch_line.written(words)), Edit(begin, end, f"{head}{indented(body)}{tail}")]
        return unit_of(edited(source.text, edits))


def _counted(source: TritonText) -> bool:
    """Whether the body can stand in a loop over the grid, whose extents it can reckon."""
    returns = any(isinstance(node, ast.Return) for node in ast.walk(_kernel(source)))
    places = {str(place) for place, _ in enumerate(source.grid)}
    asked = _asked(source)
    if source.launch is None or returns or not asked or not asked <= places:
        return False
    trees = [ast.parse(word) for word in source.grid]
    named = {node.id for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Name)}
    return named <= {argument.arg for argument in _kernel(source).args.args} - assigned(_kernel(source))


@dataclass(frozen=True)
class AlignedAxis:
    """The body twice: once where axes are multiples of 16, which allows wide loads, and as it was for all others.

    Site: ``kernel:axes``, the axes joined by ``+``. Axes are plain integers to the compiler, so without this no row but
    the first is known to be aligned.
    """

    name: str = "aligned_axis"
    phase: Phase = Phase.VECTOR

    def sites(self, unit: Unit) -> Sequence[Site]:
        """Axes that something is multiplied by: distances between rows."""
        source = triton_of(unit)
        if source is None or _returns(source):
            return ()
        axes = _strides(source)
        groups = [axes, *((axis,) for axis in axes)] if len(axes) > 1 else [axes] if axes else []
        return [Site(f"{_kernel(source).name}:{'+'.join(group)}", {"divisor": (16, 8, 32)}) for group in groups]

    def apply(self, unit: Unit, label: str, parameters: Mapping[str, Scalar]) -> Unit:
        """Both bodies under an ``if``."""
        source = triton_at(unit)
        name, _, words = label.partition(":")
        axes = tuple(words.split("+"))
        if name != _kernel(source).name or not set(axes) <= set(_strides(source)) or _returns(source):
            raise NotApplicable(f"{words} are not distances of {name}")
        divisor = parameters.get("divisor", 16)
        begin, end = source.body(_kernel(source))
        body = source.text[begin:end]
        own = {axis: source.fresh(f"{axis}_aligned") for axis in axes}
        wide = re.sub(rf"\b({'|'.join(axes)})\b(?!\s*=[^=])", lambda found: own[found[1]], body)
        condition = " and ".join(f"{axis} % {divisor} == 0" for axis in axes)
        margin = _margin(source)
        lines = [f"{margin}if {condition}:"]
        lines += [f"{margin}    {own[axis]} = {axis} // {divisor} * {divisor}" for axis in axes]
        text = "\n".join([*lines, indented(wide), f"{margin}else:", indented(body)])
        return unit_of(edited(source.text, [Edit(begin, end, text)]))


def _returns(source: TritonText) -> bool:
    return any(isinstance(node, ast.Return) for node in ast.walk(_kernel(source)))


def _strides(source: TritonText) -> tuple[str, ...]:
    """Axes (arguments that are no pointer and no constant) that stand in a product, unless they are aligned already."""
    kernel = _kernel(source)
    plain = {argument.arg for argument in kernel.args.args if argument.annotation is None}
    first = (node for node in ast.walk(kernel) if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult))
    factors = {part.id for node in first for part in (node.left, node.right) if isinstance(part, ast.Name)}
    accesses = (call for call in calls(kernel) if ast.unparse(call.func) in ("tl.load", "tl.store") and call.args)
    pointers = {pointer(call.args[0]) for call in accesses}
    done = {name for name in plain if f"{name}_aligned" in source.names}
    return tuple(sorted((plain & factors) - pointers - done - assigned(kernel)))


MOVES: tuple[Move, ...] = (Grouped(), Persistent(), AlignedAxis())
