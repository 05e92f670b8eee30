"""Triton: what the compiler is told about loads, loops, sums, constants and warps. What is computed stays."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from warploom.errors import NotApplicable
from warploom.propose.moves.protocol import Move, Phase, Site
from warploom.propose.moves.verbatim import triton_at, triton_of, unit_of
from warploom.syntax.cpp.tree import Unit
from warploom.syntax.span import Edit, edited
from warploom.syntax.triton_text import TritonText, calls, loops, pointer
from warploom.values.candidate import Scalar

OPTIONS: Mapping[str, Sequence[Scalar]] = {
    "num_warps": (4, 8, 2, 1, 16),
    "num_stages": (3, 2, 4, 1, 5),
    "maxnreg": (128, 96, 64, 168, 232),
}
"""``waves_per_eu`` is not among them: it says something to AMD's GPUs alone, where ``maxnreg`` says nothing."""

LOAD_HINTS = ("evict_first", "evict_last", ".cg", ".ca")
STORE_HINTS = ("evict_first", ".cs", ".cg", "evict_last")
_SMALLEST, _LARGEST = 16, 256


@dataclass(frozen=True)
class CompilerOption:
    """A ``TUNE`` line for an option of the compiler that has none. Site: the option."""

    name: str = "compiler_option"
    phase: Phase = Phase.JAM

    def sites(self, unit: Unit) -> Sequence[Site]:
        """Options without a line; those that have one are the tuner's."""
        source = triton_of(unit)
        if source is None or source.launch is None:
            return ()
        return [Site(name, {"value": values}) for name, values in OPTIONS.items() if name not in source.tuned]

    def apply(self, unit: Unit, label: str, parameters: Mapping[str, Scalar]) -> Unit:
        """The line stands above the LAUNCH line."""
        source = triton_at(unit)
        if label not in OPTIONS or label in source.tuned or source.launch is None:
            raise NotApplicable(f"{label} has its line or is no option")
        begin = source.launch[0]
        line = f"TUNE({label}, {parameters.get('value', OPTIONS[label][0])})\n"
        return unit_of(edited(source.text, [Edit(begin, begin, line)]))


@dataclass(frozen=True)
class Constant:
    """Another value for a constant at the top, ``BLOCK = tl.constexpr(64)``. Site: its name."""

    name: str = "constant"
    phase: Phase = Phase.LAYOUT

    def sites(self, unit: Unit) -> Sequence[Site]:
        """Constants that are powers of two: sizes of blocks."""
        source = triton_of(unit)
        if source is None:
            return ()
        return [Site(name, {"value": _near(value)}) for name, value, _ in _constants(source)]

    def apply(self, unit: Unit, label: str, parameters: Mapping[str, Scalar]) -> Unit:
        """The constant with its new value."""
        source = triton_at(unit)
        for name, value, node in _constants(source):
            if name == label:
                wanted = parameters.get("value", _near(value)[0])
                return unit_of(edited(source.text, [source.replace(node, str(wanted))]))
        raise NotApplicable(f"there is no constant {label}")


def _constants(source: TritonText) -> Iterator[tuple[str, int, ast.Constant]]:
    for statement in source.tree.body:
        match statement:
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.Call(func=function, args=[ast.Constant() as node])):
                value = node.value
                if ast.unparse(function).endswith("constexpr") and type(value) is int and value.bit_count() == 1:
                    yield name, value, node
            case _:
                pass


def _near(value: int) -> tuple[int, ...]:
    sizes = [size for size in (_SMALLEST << step for step in range(9)) if size <= max(_LARGEST, 4 * value)]
    return tuple(sorted((size for size in sizes if size != value), key=lambda size: (abs(size - 2 * value), size)))


@dataclass(frozen=True)
class CacheHint:
    """How long a load or store is kept in the caches. Site: ``function:pointer:number``."""

    name: str = "cache_hint"
    phase: Phase = Phase.VECTOR

    def sites(self, unit: Unit) -> Sequence[Site]:
        """Loads and stores that say nothing of it yet."""
        source = triton_of(unit)
        if source is None:
            return ()
        return [Site(label, {"hint": LOAD_HINTS if load else STORE_HINTS}) for label, load, _ in _accesses(source)]

    def apply(self, unit: Unit, label: str, parameters: Mapping[str, Scalar]) -> Unit:
        """The access with the hint as its last argument."""
        source = triton_at(unit)
        for own, load, call in _accesses(source):
            if own == label:
                hint = str(parameters.get("hint", (LOAD_HINTS if load else STORE_HINTS)[0]))
                word = "cache_modifier" if hint.startswith(".") else "eviction_policy"
                return unit_of(edited(source.text, [_added(source, call, f'{word}="{hint}"')]))
        raise NotApplicable(f"there is no access {label}")


def _accesses(source: TritonText) -> Iterator[tuple[str, bool, ast.Call]]:
    seen: dict[str, int] = {}
    for function in source.functions:
        for call in calls(function):
            kind = ast.unparse(call.func)
            if kind not in ("tl.load", "tl.store") or not call.args:
                continue
            base = f"{function.name}:{pointer(call.args[0])}"
            seen[base] = seen.get(base, 0) + 1
            if not {word.arg for word in call.keywords} & {"cache_modifier", "eviction_policy"}:
                yield f"{base}:{seen[base]}", kind == "tl.load", call


def _added(source: TritonText, call: ast.Call, words: str) -> Edit:
    """The edit that gives a call one more argument."""
    nodes = [*call.args, *(keyword.value for keyword in call.keywords)]
    if not nodes:
        end = source.span(call)[1] - 1
        return Edit(end, end, words)
    end = max(source.span(node)[1] for node in nodes)
    while (
        source.text[end] == ")"
        and source.text[source.span(call)[0] : end].count("(") > source.text[source.span(call)[0] : end].count(")") + 1
    ):
        end += 1  # brackets around the last argument
    return Edit(end, end, f", {words}")


@dataclass(frozen=True)
class LoopHint:
    """A loop that is pipelined or unrolled on its own terms: ``tl.range``. Site: ``function:variable:number``."""

    name: str = "loop_hint"
    phase: Phase = Phase.BLOCKING

    def sites(self, unit: Unit) -> Sequence[Site]:
        """Loops over a plain ``range``."""
        source = triton_of(unit)
        if source is None:
            return ()
        choices: Mapping[str, Sequence[Scalar]] = {"stages": (0, 2, 3, 4, 1), "unroll": (2, 1, 4)}
        return [Site(label, choices) for label, _ in _loops(source)]

    def apply(self, unit: Unit, label: str, parameters: Mapping[str, Scalar]) -> Unit:
        """The loop over ``tl.range``; 0 stages leave that to the compiler, an unrolling of 1 is none."""
        source = triton_at(unit)
        for own, loop in _loops(source):
            if own == label:
                stages, unroll = int(parameters.get("stages", 0)), int(parameters.get("unroll", 2))
                words = [f"num_stages={stages}"] if stages else []
                words += [f"loop_unroll_factor={unroll}"] if unroll > 1 else []
                if not words:
                    raise NotApplicable(f"nothing is said of {label}")
                edits = [source.replace(loop.func, "tl.range"), _added(source, loop, ", ".join(words))]
                return unit_of(edited(source.text, edits))
        raise NotApplicable(f"there is no loop {label}")


def _loops(source: TritonText) -> Iterator[tuple[str, ast.Call]]:
    for function in source.functions:
        for label, loop in loops(function):
            if isinstance(loop.iter, ast.Call) and ast.unparse(loop.iter.func) == "range" and loop.iter.args:
                yield label, loop.iter


@dataclass(frozen=True)
class Accumulate:
    """A sum of matrix products in float16, which some matrix units make twice as fast. Site: ``function:sum``.

    The judge's tolerance decides whether the problem bears it.
    """

    name: str = "accumulate"
    phase: Phase = Phase.ALGEBRA

    def sites(self, unit: Unit) -> Sequence[Site]:
        """Sums that begin as float32 zeros and are the third argument of a ``tl.dot``."""
        source = triton_of(unit)
        return [Site(label) for label, _, _ in _sums(source)] if source is not None else ()

    def apply(self, unit: Unit, label: str, parameters: Mapping[str, Scalar]) -> Unit:
        """Zeros and products in float16."""
        source = triton_at(unit)
        for own, dtype, dots in _sums(source):
            if own == label:
                edits = [source.replace(dtype, "tl.float16")]
                edits += [_added(source, dot, "out_dtype=tl.float16") for dot in dots]
                return unit_of(edited(source.text, edits))
        raise NotApplicable(f"there is no sum {label}")


def _sums(source: TritonText) -> Iterator[tuple[str, ast.expr, list[ast.Call]]]:
    for function in source.functions:
        dots = [call for call in calls(function) if ast.unparse(call.func) == "tl.dot" and len(call.args) == 3]
        for node in ast.walk(function):
            match node:
                case ast.Assign(
                    targets=[ast.Name(id=name)],
                    value=ast.Call(func=made, keywords=[ast.keyword(arg="dtype", value=dtype)]),
                ) if ast.unparse(made) == "tl.zeros" and ast.unparse(dtype) == "tl.float32":
                    own = [dot for dot in dots if ast.unparse(dot.args[2]) == name and not dot.keywords]
                    if own:
                        yield f"{function.name}:{name}", dtype, own
                case _:
                    pass


MOVES: tuple[Move, ...] = (CompilerOption(), Constant(), CacheHint(), LoopHint(), Accumulate())
