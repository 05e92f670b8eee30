"""Statements of the text to statements of the tree."""

from __future__ import annotations

from tree_sitter import Node

from warploom.syntax.cpp.parse_expression import Names, expression, text_of, tidy_type
from warploom.syntax.cpp.tree import (
    Assign,
    Binary,
    Block,
    Comment,
    Declare,
    Evaluate,
    Expression,
    If,
    Index,
    Loop,
    Name,
    Number,
    RawExpression,
    RawStatement,
    Return,
    Statement,
    Unary,
)

VEILED = "//NE("
"""A TUNE line has no semicolon and would derail the parser: it goes through it as a comment of the same length."""


def unveil(text: str) -> str:
    """The TUNE line as it was written."""
    return "TUNE(" + text[len(VEILED) :] if text.startswith(VEILED) else text


def block(node: Node, names: Names) -> tuple[Statement, ...]:
    """The statements between a pair of braces."""
    with names.scope():
        return _statements(node.children[1:-1], names)


def _statements(nodes: list[Node], names: Names) -> tuple[Statement, ...]:
    found: list[Statement] = []
    pragmas: list[str] = []
    for node in nodes:
        if node.type == "preproc_call" and text_of(node).lstrip("# \t").startswith("pragma"):
            words = text_of(node).replace("\\\n", " ").split(None)
            text = " ".join(words).replace("# pragma", "#pragma")
            pragmas.append(names.rewrite(text.removeprefix("#pragma ")))
            continue
        made = _statement(node, names)
        if pragmas and made:
            first = made[0]
            if isinstance(first, Loop):
                made[0] = Loop(
                    first.variable, first.lower, first.upper, first.body, first.step, first.type, tuple(pragmas)
                )
            elif isinstance(first, Block):
                made[0] = Block(first.body, tuple(pragmas))
            else:
                found += [RawStatement(f"#pragma {pragma}") for pragma in pragmas]
            pragmas = []
        found += made
    return (*found, *(RawStatement(f"#pragma {pragma}") for pragma in pragmas))


def _statement(node: Node, names: Names) -> list[Statement]:
    """One statement of the text: several of the tree for ``float a, b;``, none for ``;``."""
    if node.has_error:
        return [_raw(node, names)]
    match node.type:
        case ";":
            return []
        case "comment":
            text = text_of(node)
            if text.startswith(VEILED):
                return [RawStatement(unveil(text))]
            lines = text.removeprefix("//").removeprefix("/*").removesuffix("*/").splitlines()
            # A backslash at the end of a "//" line would make the next statement part of the comment.
            plain = (line.strip().removeprefix("* ").rstrip("\\ \t") for line in lines)
            return [Comment(line) for line in plain if line]
        case "compound_statement":
            return [Block(block(node, names))]
        case "return_statement":
            values = [child for child in node.named_children if child.type != "comment"]
            return [Return(expression(values[0], names) if values else None)]
        case "if_statement":
            return _if(node, names)
        case "for_statement":
            return _for(node, names)
        case "declaration":
            return _declaration(node, names)
        case "expression_statement":
            values = [child for child in node.named_children if child.type != "comment"]
            return [_effect(values[0], names)] if len(values) == 1 else []
        case _:
            return [_raw(node, names)]


def _raw(node: Node, names: Names) -> RawStatement:
    """Verbatim, with the indentation of the first line taken off the others."""
    column = node.start_point.column
    first, *rest = text_of(node).rstrip().split("\n")
    lines = [first, *(line[min(column, len(line) - len(line.lstrip())) :] for line in rest)]
    return RawStatement(names.rewrite(unveil("\n".join(lines))))


def _body(node: Node, names: Names) -> tuple[Statement, ...]:
    if node.type == "compound_statement":
        return block(node, names)
    with names.scope():
        return tuple(_statement(node, names))


def _if(node: Node, names: Names) -> list[Statement]:
    clause = node.child_by_field_name("condition")
    then = node.child_by_field_name("consequence")
    other = node.child_by_field_name("alternative")
    if clause is None or then is None or len(clause.named_children) != 1 or node.children[1] != clause:
        return [_raw(node, names)]
    value = clause.named_children[0]
    if value.type == "declaration":
        return [_raw(node, names)]
    condition, first = expression(value, names), _body(then, names)
    otherwise: tuple[Statement, ...] = ()
    if other is not None:
        inner = next(child for child in other.named_children if child.type != "comment")
        otherwise = _body(inner, names)
    return [If(condition, first, otherwise)]


def _for(node: Node, names: Names) -> list[Statement]:
    start = node.child_by_field_name("initializer")
    test = node.child_by_field_name("condition")
    advance = node.child_by_field_name("update")
    body = node.child_by_field_name("body")
    if start is None or test is None or advance is None or body is None or start.type != "declaration":
        return [_raw(node, names)]
    declarator = start.child_by_field_name("declarator")
    kind = start.child_by_field_name("type")
    if kind is None or declarator is None or declarator.type != "init_declarator":
        return [_raw(node, names)]
    declarators = start.children_by_field_name("declarator")
    name = declarator.child_by_field_name("declarator")
    value = declarator.child_by_field_name("value")
    if name is None or value is None or name.type != "identifier" or len(declarators) != 1:
        return [_raw(node, names)]
    old = text_of(name)
    step = _step(advance, old, names)
    operator = test.child_by_field_name("operator")
    left = test.child_by_field_name("left")
    right = test.child_by_field_name("right")
    canonical = test.type == "binary_expression" and operator is not None and left is not None and right is not None
    if not canonical or step is None or operator is None or left is None or right is None:
        return [_raw(node, names)]
    if text_of(left) != old or operator.type not in ("<", "<="):
        return [_raw(node, names)]
    lower = expression(value, names)
    upper = expression(right, names)
    if operator.type == "<=":
        upper = _plus_one(upper)
    with names.scope():
        variable = names.declare(old)
        inner = _body(body, names)
    return [Loop(variable, lower, upper, inner, step, tidy_type(text_of(kind)))]


def _plus_one(value: Expression) -> Expression:
    match value:
        case Binary("-", left, Number("1")):
            return left
        case _:
            return Binary("+", value, Number("1"))


def _step(node: Node, variable: str, names: Names) -> Expression | None:
    if node.type == "update_expression" and text_of(node) in (f"++{variable}", f"{variable}++"):
        return Number("1")
    if node.type != "assignment_expression":
        return None
    left, operator, right = node.children[0], node.children[1].type, node.children[-1]
    if text_of(left) != variable:
        return None
    if operator == "+=":
        return expression(right, names)
    value = expression(right, names)
    match value:
        case Binary("+", Name(text), step) if operator == "=" and text == variable:
            return step
    return None


def _declaration(node: Node, names: Names) -> list[Statement]:
    declarators = node.children_by_field_name("declarator")
    if not declarators:
        return [_raw(node, names)]
    base = text_of(node)[: declarators[0].start_byte - node.start_byte]
    made: list[tuple[str, str, Node | None, list[Node]]] = []
    for declarator in declarators:
        value = None
        if declarator.type == "init_declarator":
            value = declarator.child_by_field_name("value")
            if (
                value is None
                or value.type == "argument_list"
                or (value.type == "initializer_list" and "=" not in [c.type for c in declarator.children])
            ):
                return [_raw(node, names)]
            inner = declarator.child_by_field_name("declarator")
            assert inner is not None
            declarator = inner
        start, top = declarator.start_byte, declarator
        while declarator.type in ("pointer_declarator", "reference_declarator"):
            declarator = declarator.children[-1]
        extents: list[Node] = []
        stem = text_of(top)
        while declarator.type == "array_declarator":
            size = declarator.child_by_field_name("size")
            inner = declarator.child_by_field_name("declarator")
            if size is None or inner is None:
                return [_raw(node, names)]
            extents.insert(0, size)
            declarator = inner
        if declarator.type != "identifier":
            return [_raw(node, names)]
        if any(child.type == "attribute_specifier" for child in top.children):
            return [_raw(node, names)]
        made.append((tidy_type(base + stem[: declarator.start_byte - start]), text_of(declarator), value, extents))
    found: list[Statement] = []
    for kind, name, value, sizes in made:
        first = expression(value, names) if value is not None else None
        lengths = tuple(expression(size, names) for size in sizes)
        found.append(Declare(names.rewrite(kind), names.declare(name), first, lengths))
    return found


def _effect(node: Node, names: Names) -> Statement:
    if node.type == "update_expression":
        place = node.child_by_field_name("argument")
        sign = "+=" if "++" in text_of(node) else "-="
        if place is not None and place.type in ("identifier", "subscript_expression"):
            return Assign(expression(place, names), sign, Number("1"))
    if node.type == "assignment_expression":
        target = expression(node.children[0], names)
        operator = node.children[1].type
        value = expression(node.children[-1], names)
        plain = isinstance(target, Name | Index) or (isinstance(target, Unary) and target.op == "*")
        if plain and node.children[-1].type != "assignment_expression":
            if operator in ("=", "+=", "-=", "*=", "/="):
                return Assign(target, operator, value)
            return Assign(target, "=", Binary(operator[:-1], target, value))
        return RawStatement(names.rewrite(f"{text_of(node)};"))
    value = expression(node, names)
    return RawStatement(f"{value.text};") if isinstance(value, RawExpression) else Evaluate(value)
