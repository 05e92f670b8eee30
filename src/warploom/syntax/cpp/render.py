"""Tree to C++ text: four spaces, one statement a line, no more brackets than the meaning needs."""

from __future__ import annotations

import re

from warploom.syntax.cpp.tree import (
    Assign,
    Binary,
    Block,
    Call,
    Cast,
    Comment,
    Declare,
    Evaluate,
    Expression,
    Function,
    If,
    Index,
    Loop,
    Name,
    Number,
    RawExpression,
    RawItem,
    RawStatement,
    Return,
    Statement,
    Ternary,
    Unary,
    Unit,
)

_LEVELS = (
    ("||",),
    ("&&",),
    ("|",),
    ("^",),
    ("&",),
    ("==", "!="),
    ("<", ">", "<=", ">="),
    ("<<", ">>"),
    ("+", "-"),
    ("*", "/", "%"),
)
_PRECEDENCE = {op: level for level, group in enumerate(_LEVELS, start=2) for op in group}
_TERNARY, _UNARY, _PRIMARY = 1, 12, 13
_INDENT = "    "
# Raw text that needs no brackets anywhere: braces, a string, sizeof, a member or its call.
_ATOM = re.compile(r"\{.*\}|\".*\"|'.*'|sizeof\([\w:<> ]*\)|[\w:.]+(\([\w:., ]*\))?", re.DOTALL)


def render(unit: Unit) -> str:
    """The text of this tree; ``parse(render(parse(text))) == parse(text)``."""
    pieces: list[str] = []
    for place, item in enumerate(unit.items):
        previous = unit.items[place - 1] if place else None
        if previous is not None and not (isinstance(item, RawItem) and isinstance(previous, RawItem)):
            # A comment that stands before a function belongs to it.
            joined = isinstance(previous, RawItem) and previous.text.startswith(("//", "/*"))
            pieces.append("" if not joined else "\0")
        pieces.append(item.text if isinstance(item, RawItem) else render_function(item))
    return "\n".join(piece for piece in pieces if piece != "\0") + "\n"


def render_function(function: Function) -> str:
    """The text of one function, without a line end."""
    parameters = ", ".join(f"{parameter.type} {parameter.name}".strip() for parameter in function.parameters)
    lines = [f"{function.prefix}{' ' if function.prefix else ''}{function.result} {function.name}({parameters}) {{"]
    lines += _lines(function.body, 1)
    return "\n".join([*lines, "}"])


def render_statements(statements: tuple[Statement, ...], depth: int = 0) -> str:
    """The text of these statements, ``depth`` levels in."""
    return "\n".join(_lines(statements, depth))


def _lines(statements: tuple[Statement, ...], depth: int) -> list[str]:
    return [line for statement in statements for line in _statement(statement, depth)]


def _statement(statement: Statement, depth: int) -> list[str]:
    pad = _INDENT * depth
    match statement:
        case Declare(kind, name, value, extents):
            sizes = "".join(f"[{render_expression(extent)}]" for extent in extents)
            start = "" if value is None else f" = {_operand(value, _TERNARY)}"
            return [f"{pad}{kind} {name}{sizes}{start};"]
        case Assign(target, op, value):
            return [f"{pad}{render_expression(target)} {op} {_operand(value, _TERNARY)};"]
        case Loop():
            return _loop(statement, depth)
        case If():
            return _if(statement, depth)
        case Block(body, pragmas):
            return [*(f"{pad}#pragma {pragma}" for pragma in pragmas), f"{pad}{{", *_lines(body, depth + 1), f"{pad}}}"]
        case Evaluate(value):
            return [f"{pad}{render_expression(value)};"]
        case Return(value):
            return [f"{pad}return;" if value is None else f"{pad}return {render_expression(value)};"]
        case Comment(text):
            return [f"{pad}// {text}".rstrip()]
        case RawStatement(text):
            return [f"{pad}{line}" if line else "" for line in text.split("\n")]


def _loop(loop: Loop, depth: int) -> list[str]:
    pad = _INDENT * depth
    variable = loop.variable
    step = f"++{variable}" if loop.step == Number("1") else f"{variable} += {render_expression(loop.step)}"
    lower = render_expression(loop.lower)
    upper = _right("<", loop.upper)
    return [
        *(f"{pad}#pragma {pragma}" for pragma in loop.pragmas),
        f"{pad}for ({loop.type} {variable} = {lower}; {variable} < {upper}; {step}) {{",
        *_lines(loop.body, depth + 1),
        f"{pad}}}",
    ]


def _if(statement: If, depth: int) -> list[str]:
    pad = _INDENT * depth
    lines = [f"{pad}if ({render_expression(statement.condition)}) {{", *_lines(statement.then, depth + 1)]
    otherwise = statement.otherwise
    if len(otherwise) == 1 and isinstance(otherwise[0], If):
        chained = _if(otherwise[0], depth)
        return [*lines, f"{pad}}} else {chained[0].lstrip()}", *chained[1:]]
    if otherwise:
        lines += [f"{pad}}} else {{", *_lines(otherwise, depth + 1)]
    return [*lines, f"{pad}}}"]


def render_expression(expression: Expression) -> str:
    """The text of one expression."""
    return _text(expression)[0]


def _operand(expression: Expression, level: int) -> str:
    """The text of an operand, in brackets when it binds less tightly than ``level``."""
    text, own = _text(expression)
    return text if own >= level else f"({text})"


def _opens_angle(expression: Expression) -> bool:
    return isinstance(expression, Binary) and expression.op == "<"


def _right(op: str, expression: Expression) -> str:
    """The text of what stands on the right of a binary operator."""
    angle = op == "<" and isinstance(expression, Binary) and expression.op == ">>"
    return f"({_text(expression)[0]})" if angle else _operand(expression, _PRECEDENCE.get(op, 0) + 1)


def _text(expression: Expression) -> tuple[str, int]:
    match expression:
        case Name(text) | Number(text):
            return text, _PRIMARY
        case RawExpression(text):
            return text, _PRIMARY if _ATOM.fullmatch(text) else 0
        case Index(base, index):
            return f"{_operand(base, _PRIMARY)}[{render_expression(index)}]", _PRIMARY
        case Call(function, arguments):
            # "f(a < b, c > d)" reads as a template too.
            level = _PRECEDENCE["<"] + 1 if len(arguments) > 1 else _TERNARY
            listed = ", ".join(_operand(one, level if _opens_angle(one) else _TERNARY) for one in arguments)
            return f"{function}({listed})", _PRIMARY
        case Unary(op, operand):
            inner = _operand(operand, _UNARY)
            # "--x" and "&&x" would be other operators.
            return (f"{op}({inner})" if inner[:1] == op[-1:] else f"{op}{inner}"), _UNARY
        case Cast(kind, operand):
            inner = _operand(operand, _UNARY)
            # "(T)-x" and "(T)*x" read as subtraction and product to a parser that does not know T.
            return (f"({kind})({inner})" if inner[:1] in "+-*&" else f"({kind}){inner}"), _UNARY
        case Binary(op, left, right):
            level = _PRECEDENCE.get(op, 0)
            # "a < b > c" and "a < b >> c" read as a template to a parser that does not know a.
            angle = op in (">", ">=") and _opens_angle(left)
            first = f"({_text(left)[0]})" if angle else _operand(left, level)
            return f"{first} {op} {_right(op, right)}", level
        case Ternary(condition, then, otherwise):
            first = _operand(condition, _TERNARY + 1)
            return f"{first} ? {_operand(then, _TERNARY)} : {_operand(otherwise, _TERNARY)}", _TERNARY
