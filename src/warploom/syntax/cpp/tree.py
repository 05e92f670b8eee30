"""The nodes. All are frozen and hashable; a rewrite makes a new tree.

Conventions that every move may rely on after ``parse``:

* A canonical ``for (T v = lower; v < upper; v += step)`` is a :class:`Loop`; ``<=`` is normalised to ``<``
  with ``upper + 1``, ``++v`` to step 1. Every other loop is a RawStatement.
* Loop variables are unique within a function: a second loop over ``j`` is renamed ``j2``, a third ``j3``.
  A loop is therefore addressed by ``"function:variable"``, its *label*.
* Local names are unique within a function in the same way.
* ``a += b`` is Assign(op="+="); ``m = std::max(m, x)`` stays Assign(op="=") with a Call.
"""

from __future__ import annotations

from dataclasses import dataclass

# ---------------------------------------------------------------- expressions


@dataclass(frozen=True)
class Name:
    """An identifier, possibly qualified: ``x``, ``std::max``."""

    text: str


@dataclass(frozen=True)
class Number:
    """A literal, kept as written: ``1.0f``, ``0``, ``1e-5f``."""

    text: str


@dataclass(frozen=True)
class Index:
    """``base[index]``; a chain for arrays of arrays."""

    base: Expression
    index: Expression


@dataclass(frozen=True)
class Call:
    """``function(arguments)``; ``function`` as written, template arguments included."""

    function: str
    arguments: tuple[Expression, ...]


@dataclass(frozen=True)
class Unary:
    """``op operand``: ``-``, ``!``, ``~``, ``*``, ``&``."""

    op: str
    operand: Expression


@dataclass(frozen=True)
class Binary:
    """``left op right``."""

    op: str
    left: Expression
    right: Expression


@dataclass(frozen=True)
class Ternary:
    """``condition ? then : otherwise``."""

    condition: Expression
    then: Expression
    otherwise: Expression


@dataclass(frozen=True)
class Cast:
    """``(type)operand``; ``static_cast<type>(operand)`` and ``type(operand)`` for built-in types parse to it too."""

    type: str
    operand: Expression


@dataclass(frozen=True)
class RawExpression:
    """An expression outside the subset, verbatim."""

    text: str


Expression = Name | Number | Index | Call | Unary | Binary | Ternary | Cast | RawExpression

# ---------------------------------------------------------------- statements


@dataclass(frozen=True)
class Declare:
    """``type name = value;`` or ``type name[e0][e1] = value;``; ``type`` holds const, alignas and the pointer star."""

    type: str
    name: str
    value: Expression | None = None
    extents: tuple[Expression, ...] = ()


@dataclass(frozen=True)
class Assign:
    """``target op value;`` with op one of ``= += -= *= /=``; target is a Name, Index or dereference."""

    target: Expression
    op: str
    value: Expression


@dataclass(frozen=True)
class Loop:
    """``for (type variable = lower; variable < upper; variable += step) { body }``.

    ``pragmas`` stand on the lines before it, without ``#pragma``: ``"omp parallel for"``.
    """

    variable: str
    lower: Expression
    upper: Expression
    body: tuple[Statement, ...]
    step: Expression = Number("1")
    type: str = "int64_t"
    pragmas: tuple[str, ...] = ()


@dataclass(frozen=True)
class If:
    """``if (condition) { then } else { otherwise }``."""

    condition: Expression
    then: tuple[Statement, ...]
    otherwise: tuple[Statement, ...] = ()


@dataclass(frozen=True)
class Block:
    """``{ body }``: a scope of its own. ``pragmas`` stand before it (``"omp parallel"``)."""

    body: tuple[Statement, ...]
    pragmas: tuple[str, ...] = ()


@dataclass(frozen=True)
class Evaluate:
    """An expression for its effect: ``store16(p, v);``."""

    value: Expression


@dataclass(frozen=True)
class Return:
    """``return value;``."""

    value: Expression | None = None


@dataclass(frozen=True)
class Comment:
    """``// text`` on a line of its own."""

    text: str


@dataclass(frozen=True)
class RawStatement:
    """A statement outside the subset (while, goto, preprocessor, asm), verbatim. Moves assume it touches everything."""

    text: str


Statement = Declare | Assign | Loop | If | Block | Evaluate | Return | Comment | RawStatement

# ---------------------------------------------------------------- top level


@dataclass(frozen=True)
class Parameter:
    """``type name``; ``type`` as written, with const, star and ``__restrict__``."""

    type: str
    name: str


@dataclass(frozen=True)
class Function:
    """``prefix result name(parameters) { body }``; ``prefix`` holds extern "C", static, attributes, template lines."""

    name: str
    result: str
    parameters: tuple[Parameter, ...]
    body: tuple[Statement, ...]
    prefix: str = ""


@dataclass(frozen=True)
class RawItem:
    """Anything else at top level, verbatim: includes, typedefs, macros, comments, TUNE lines, helper templates."""

    text: str


@dataclass(frozen=True)
class Unit:
    """The contents of the evolve block (the whole file when there are no markers)."""

    items: tuple[Function | RawItem, ...]

    def function(self, name: str) -> Function:
        """The function of this name; KeyError when there is none."""
        for item in self.items:
            if isinstance(item, Function) and item.name == name:
                return item
        raise KeyError(name)

    @property
    def functions(self) -> tuple[Function, ...]:
        """The functions, in order."""
        return tuple(item for item in self.items if isinstance(item, Function))
