"""Triton: loops without needless masks, and passes over a row that share what they read."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass

from warploom.errors import NotApplicable
from warploom.propose.moves.protocol import Move, Phase, Site
from warploom.propose.moves.triton.passes import read_once
from warploom.propose.moves.verbatim import triton_at, triton_of, unit_of
from warploom.syntax.cpp.tree import Unit
from warploom.syntax.span import Edit, edited
from warploom.syntax.triton_text import TritonText, assigned, indented, loops
from warploom.values.candidate import Scalar

_RANGES = ("range", "tl.range")
_ACCESSES = ("tl.load", "tl.store")


@dataclass(frozen=True)
class Walk:
    """``for variable in range(0, stop, step)``.

    Attributes:
        label: ``function:variable:number``.
        loop: the statement.
        variable: which it counts.
        stop: as written, without needless spaces.
        step: likewise.
    """

    label: str
    loop: ast.For
    variable: str
    stop: str
    step: str

    @property
    def free(self) -> set[str]:
        """Names in its bounds."""
        return set(re.findall(r"[A-Za-z_]\w*", f"{self.stop} {self.step}"))


def walks(source: TritonText) -> Iterator[Walk]:
    """Every such loop whose bounds do not change in it."""
    for function in source.functions:
        for label, loop in loops(function):
            match loop.iter:
                case ast.Call(func=func, args=[ast.Constant(value=0), stop, step]) if ast.unparse(func) in _RANGES:
                    walk = Walk(label, loop, ast.unparse(loop.target), ast.unparse(stop), ast.unparse(step))
                    if not loop.orelse and not walk.free & assigned(loop):
                        yield walk
                case _:
                    pass


@dataclass(frozen=True)
class WholeBlocks:
    """A loop over blocks in two: the whole ones without the mask of their edge, then what is left, if anything.

    Site: ``function:variable:number``. Both loops together make the turns that the one made.
    """

    name: str = "whole_blocks"
    phase: Phase = Phase.LOOPS

    def sites(self, unit: Unit) -> Sequence[Site]:
        """Loops ``range(0, stop, STEP)`` with a mask that asks whether ``start + tl.arange(0, STEP) < stop``."""
        source = triton_of(unit)
        return [Site(walk.label) for walk in walks(source) if _bare(walk)] if source is not None else ()

    def apply(self, unit: Unit, label: str, parameters: Mapping[str, Scalar]) -> Unit:
        """The whole blocks keep the loop's variable; what is left has one of its own."""
        source = triton_at(unit)
        for walk in walks(source):
            bare = _bare(walk) if walk.label == label else None
            if bare is None:
                continue
            whole, rest = source.fresh(f"{walk.variable}_whole"), source.fresh(f"{walk.variable}_rest")
            _bounds(bare)[1] = ast.Name(whole)
            begin, end = source.lines(walk.loop)
            stop, step = (word if word.isidentifier() else f"({word})" for word in (walk.stop, walk.step))
            head = f"{' ' * walk.loop.col_offset}{whole} = {stop} // {step} * {step}\n"
            left = [source.replace(_bounds(walk.loop)[0], whole)]
            left += [
                source.replace(node, rest)
                for node in ast.walk(walk.loop)
                if isinstance(node, ast.Name) and node.id == walk.variable
            ]
            tail = edited(source.text[begin:end], [Edit(one.begin - begin, one.end - begin, one.text) for one in left])
            text = f"{head}{indented(ast.unparse(bare), walk.loop.col_offset)}\n{tail}"
            return unit_of(edited(source.text, [Edit(begin, end, text)]))
        raise NotApplicable(f"no mask of {label} asks for the edge")


def _bounds(loop: ast.For) -> list[ast.expr]:
    assert isinstance(loop.iter, ast.Call)
    return loop.iter.args


def _bare(walk: Walk) -> ast.For | None:
    """A copy of the loop for whole blocks; None where no mask becomes less."""
    inside = _Inside(walk)
    copy = deepcopy(walk.loop)
    made = inside.visit(copy)
    assert isinstance(made, ast.For)
    return made if inside.dropped else None


class _Inside(ast.NodeTransformer):
    """Takes out of masks what is true in every whole block."""

    def __init__(self, walk: Walk) -> None:
        self._stop = walk.stop
        self.dropped = 0
        given: dict[str, list[ast.expr]] = {}
        for node in ast.walk(walk.loop):
            match node:
                case ast.Assign(targets=[ast.Name(id=name)], value=value):
                    given.setdefault(name, []).append(value)
                case ast.AugAssign(target=ast.Name(id=name), value=value):
                    given.setdefault(name, []).extend((value, value))
                case _:
                    pass
        once = {name: values[0] for name, values in given.items() if len(values) == 1}
        both = {walk.variable, f"tl.arange(0, {walk.step})"}
        self._places = {name for name, value in once.items() if _terms(value) == both}
        self._sure: set[str] = set()
        self._sure = {name for name, value in once.items() if self._always(value)}

    def _always(self, mask: ast.expr) -> bool:
        match _unlifted(mask):
            case ast.Compare(left=left, ops=[ast.Lt()], comparators=[bound]):
                place = _unlifted(left)
                return isinstance(place, ast.Name) and place.id in self._places and ast.unparse(bound) == self._stop
            case ast.BinOp(left=left, op=ast.BitAnd(), right=right):
                return self._always(left) and self._always(right)
            case ast.Name(id=name):
                return name in self._sure
            case _:
                return False

    def visit_BinOp(self, node: ast.BinOp) -> ast.expr:
        self.generic_visit(node)
        if isinstance(node.op, ast.BitAnd) and self._always(node.left) != self._always(node.right):
            self.dropped += 1
            return node.right if self._always(node.left) else node.left
        return node

    def visit_Call(self, node: ast.Call) -> ast.expr:
        self.generic_visit(node)
        masks = [word.value for word in node.keywords if word.arg == "mask"]
        if ast.unparse(node.func) in _ACCESSES and masks and self._always(masks[0]):
            self.dropped += 1
            node.keywords = [word for word in node.keywords if word.arg not in ("mask", "other")]
        return node


def _terms(expression: ast.expr) -> set[str]:
    """Of ``start + tl.arange(0, STEP)[None, :]``: both sides of the plus, as they are before they are lifted."""
    match _unlifted(expression):
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            return {ast.unparse(_unlifted(left)), ast.unparse(_unlifted(right))}
        case _:
            return set()


def _unlifted(expression: ast.expr) -> ast.expr:
    """``col`` of ``col[None, :]``."""
    while isinstance(expression, ast.Subscript):
        expression = expression.value
    return expression


@dataclass(frozen=True)
class OnePass:
    """The body twice: once for rows that fit into one block, each read a single time, and as it was for all others.

    Passes over the same row become one: what the first has loaded the others take from registers. Site: the kernel.
    """

    name: str = "one_pass"
    phase: Phase = Phase.ALGEBRA

    def sites(self, unit: Unit) -> Sequence[Site]:
        """Kernels with two loops at least over the same blocks that load the same."""
        source = triton_of(unit)
        return [Site(_kernel(source).name)] if source is not None and _straight(source) is not None else ()

    def apply(self, unit: Unit, label: str, parameters: Mapping[str, Scalar]) -> Unit:
        """Both bodies under an ``if``."""
        source = triton_at(unit)
        straight = _straight(source) if label == _kernel(source).name else None
        if straight is None:
            raise NotApplicable("no two passes of the kernel read the same")
        condition, body = straight
        begin, end = source.body(_kernel(source))
        margin = _kernel(source).body[-1].col_offset
        lines = (
            f"{' ' * margin}if {condition}:",
            *(indented(ast.unparse(ast.fix_missing_locations(one)), margin + 4) for one in body),
            f"{' ' * margin}else:",
            indented(source.text[begin:end]),
        )
        return unit_of(edited(source.text, [Edit(begin, end, "\n".join(lines))]))


def _kernel(source: TritonText) -> ast.FunctionDef:
    assert source.kernel is not None
    return source.kernel


def _straight(source: TritonText) -> tuple[str, list[ast.stmt]] | None:
    """When the loops make one turn, and the statements then; None where nothing is gained by it."""
    kernel = _kernel(source)
    found: dict[tuple[str, str], list[Walk]] = {}
    for walk in walks(source):
        if walk.loop in kernel.body:
            found.setdefault((walk.stop, walk.step), []).append(walk)
    most = max(found.values(), key=len, default=[])
    if len(most) < 2 or any(isinstance(node, ast.Return) for node in ast.walk(kernel)):
        return None
    if most[0].free & assigned(kernel):
        return None  # the body reckons its bounds itself
    once = {id(walk.loop): walk for walk in most}
    body: list[ast.stmt] = []
    for statement in source.statements(kernel):
        own = once.get(id(statement))
        if own is None:
            body.append(deepcopy(statement))
        else:
            body += [_Put(own.variable).visit(deepcopy(one)) for one in own.loop.body]
    held = read_once(body, source.fresh)
    return None if held is None else (f"{most[0].stop} <= {most[0].step}", held)


class _Put(ast.NodeTransformer):
    """A loop's first and only turn: 0 for its variable."""

    def __init__(self, variable: str) -> None:
        self._variable = variable

    def visit_Name(self, node: ast.Name) -> ast.expr:
        return ast.Constant(0) if node.id == self._variable and isinstance(node.ctx, ast.Load) else node


MOVES: tuple[Move, ...] = (WholeBlocks(), OnePass())
