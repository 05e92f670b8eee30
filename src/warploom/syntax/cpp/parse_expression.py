"""Expressions of the text to expressions of the tree, and the names that are in scope while reading."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from tree_sitter import Node

from warploom.syntax.cpp.tree import (
    Binary,
    Call,
    Cast,
    Expression,
    Index,
    Name,
    Number,
    RawExpression,
    Ternary,
    Unary,
)

IDENTIFIER = re.compile(r"(?<![\w.])[A-Za-z_]\w*")
_BUILT_IN = re.compile(
    r"(unsigned |signed )?(float|double|bool|char|short|int|long|long long|unsigned|size_t|ptrdiff_t|u?int\w*_t)"
)
_TYPE_LIKE = re.compile(
    r"(const )?([\w:]+_t|[fiu]\d+x\d+|__m\d+\w*|float|double|bool|char|short|int|long|unsigned|signed).*"
)
_STATIC_CAST = re.compile(r"static_cast<(.*)>", re.DOTALL)


def text_of(node: Node) -> str:
    """The text of this node."""
    return (node.text or b"").decode()


def tidy_type(text: str) -> str:
    """One spelling a type: ``const float *`` and ``const float*`` are the same."""
    words = " ".join(text.split())
    words = re.sub(r"\s*([*&])", r"\1", words)
    return re.sub(r"([*&])(?=\w)", r"\1 ", words).strip()


class Names:
    """Local names of one function: each declaration gets a name of its own."""

    def __init__(self, parameters: Iterable[str]) -> None:
        """Start with the names of the parameters."""
        self._taken = set(parameters)
        self._scopes: list[dict[str, str]] = [{name: name for name in self._taken}]
        self._mentioned: set[str] = set()
        self._next: dict[str, int] = {}

    def reserve(self, text: str) -> None:
        """No fresh name may be one that this text mentions."""
        self._mentioned |= set(IDENTIFIER.findall(text))

    @contextmanager
    def scope(self) -> Iterator[None]:
        """A pair of braces."""
        self._scopes.append({})
        yield
        self._scopes.pop()

    def declare(self, name: str) -> str:
        """Enter a declaration; gives the unique name it goes by from here."""
        unique = name
        stem = f"{name}_" if name[-1].isdigit() else name
        number = self._next.get(stem, 2)  # what was taken stays taken: thousands of one name need no thousand looks
        while unique in self._taken or (unique != name and unique in self._mentioned):
            unique = f"{stem}{number}"
            number += 1
        self._next[stem] = number
        self._taken.add(unique)
        self._scopes[-1][name] = unique
        return unique

    def lookup(self, name: str) -> str:
        """The unique name that ``name`` stands for here."""
        for scope in reversed(self._scopes):
            if name in scope:
                return scope[name]
        return name

    def rewrite(self, text: str) -> str:
        """Text outside the subset, with the names it mentions replaced."""
        return IDENTIFIER.sub(lambda found: self.lookup(found.group()), text)


def expression(node: Node, names: Names) -> Expression:
    """The expression of this node; RawExpression where it lies outside the subset."""
    made = None if node.has_error else _known(node, names)
    return RawExpression(names.rewrite(" ".join(text_of(node).split()))) if made is None else made


def _known(node: Node, names: Names) -> Expression | None:
    match node.type:
        case "identifier":
            return Name(names.lookup(text_of(node)))
        case "qualified_identifier" | "true" | "false":
            return Name(text_of(node))
        case "number_literal":
            return Number(text_of(node))
        case "parenthesized_expression" if len(node.named_children) == 1:
            return expression(node.named_children[0], names)
        case "subscript_expression":
            return _subscript(node, names)
        case "call_expression":
            return _call(node, names)
        case "unary_expression" | "pointer_expression":
            operand = node.child_by_field_name("argument")
            assert operand is not None
            prefix, value = text_of(node.children[0]), expression(operand, names)
            # The parser takes "-1" for one literal: "-(1)" is the same.
            if prefix in "+-" and isinstance(value, Number) and value.text[0] not in "+-":
                return Number(prefix + value.text)
            return Unary(prefix, value)
        case "binary_expression":
            left, sign, right = (node.child_by_field_name(field) for field in ("left", "operator", "right"))
            if left is None or sign is None or right is None:
                return None
            return Binary(sign.type, expression(left, names), expression(right, names))
        case "conditional_expression":
            parts = [node.child_by_field_name(field) for field in ("condition", "consequence", "alternative")]
            first, second, third = (expression(part, names) if part is not None else None for part in parts)
            return Ternary(first, second, third) if first and second and third else None
        case "cast_expression":
            return _cast(node, names)
        case _:
            return None


def _subscript(node: Node, names: Names) -> Expression | None:
    base = node.child_by_field_name("argument")
    places = node.child_by_field_name("indices")
    if base is None or places is None or len(places.named_children) != 1:
        return None
    return Index(expression(base, names), expression(places.named_children[0], names))


def _call(node: Node, names: Names) -> Expression | None:
    function = node.child_by_field_name("function")
    listed = node.child_by_field_name("arguments")
    if function is None or listed is None:
        return None
    name = text_of(function)
    arguments = tuple(expression(child, names) for child in listed.named_children if child.type != "comment")
    cast = _STATIC_CAST.fullmatch(name)
    if len(arguments) == 1 and cast:
        return Cast(tidy_type(cast.group(1)), arguments[0])
    if len(arguments) == 1 and _BUILT_IN.fullmatch(name):
        return Cast(name, arguments[0])
    if function.type not in ("identifier", "qualified_identifier", "template_function"):
        return None
    return Call(names.lookup(" ".join(name.split())), arguments)


def _cast(node: Node, names: Names) -> Expression | None:
    kind = node.child_by_field_name("type")
    value = node.child_by_field_name("value")
    if kind is None or value is None:
        return None
    text = tidy_type(text_of(kind))
    # "(a) - b" reads as a cast to a type named a: it is one only when a looks like a type.
    if value.type in ("unary_expression", "pointer_expression") and not (_TYPE_LIKE.match(text) or "*" in text):
        operand = value.child_by_field_name("argument")
        assert operand is not None
        return Binary(text_of(value.children[0]), Name(names.lookup(text)), expression(operand, names))
    return Cast(text, expression(value, names))
