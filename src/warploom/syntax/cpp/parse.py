"""C++ text to tree, with tree-sitter. What lies outside the subset becomes a Raw node and keeps its text."""

from __future__ import annotations

import re

import tree_sitter_cpp
from tree_sitter import Language, Node, Parser

from warploom.syntax.cpp.parse_expression import Names, text_of, tidy_type
from warploom.syntax.cpp.parse_statement import VEILED, block, unveil
from warploom.syntax.cpp.tree import Function, Parameter, RawItem, Unit

_LANGUAGE = Language(tree_sitter_cpp.language())
_TUNE = re.compile(rb"^([ \t]*)TUNE\(", re.MULTILINE)
_GROUPS = {"linkage_specification": "body", "namespace_definition": "body"}

MOST_NESTED = 120
"""An item nested deeper stays Raw: trees are walked by recursion. Kernels as people and moves write them reach 35."""


def parse(source: str) -> Unit:
    """The tree of this text, canonical as :mod:`warploom.syntax.cpp.tree` says. Text it cannot read becomes Raw."""
    data = _TUNE.sub(rb"\1" + VEILED.encode(), source.encode())
    root = Parser(_LANGUAGE).parse(data).root_node
    plain = _without_inner_comments(data, root)
    if plain != data:
        root = Parser(_LANGUAGE).parse(plain).root_node
    return Unit(tuple(_items(root.children)))


def _without_inner_comments(data: bytes, root: Node) -> bytes:
    """The text with spaces for every comment in the middle of a function's header or of a statement.

    The tree has no place for them, and what is written on one line would become part of a ``//`` comment.
    """
    if b"//" not in data and b"/*" not in data:
        return data
    text, cursor = bytearray(data), root.walk()
    parents: list[str] = []
    while True:
        node = cursor.node
        inner = bool(parents) and parents[-1] != "compound_statement" and "function_definition" in parents
        if node is not None and node.type == "comment" and inner and not text_of(node).startswith(VEILED):
            text[node.start_byte : node.end_byte] = re.sub(rb"[^\n]", b" ", data[node.start_byte : node.end_byte])
        kind = "" if node is None else node.type
        if cursor.goto_first_child():
            parents.append(kind)
            continue
        while not cursor.goto_next_sibling():
            if not cursor.goto_parent():
                return bytes(text)
            parents.pop()


# ---------------------------------------------------------------- top level


def _items(nodes: list[Node]) -> list[Function | RawItem]:
    items: list[Function | RawItem] = []
    raw_row = -1  # the row on which the last raw item ended: what follows on the same line belongs to it
    for node in nodes:
        if node.type == "\n":
            continue
        deep = _deeper_than(node, MOST_NESTED)
        found = None if deep else _function(node)
        if found is not None:
            items.append(found)
            raw_row = -1
            continue
        body = node.child_by_field_name(_GROUPS[node.type]) if node.type in _GROUPS and not deep else None
        if body is not None and body.type == "declaration_list":
            opening = text_of(node)[: body.start_byte - node.start_byte].strip()
            items += [RawItem(f"{opening} {{"), *_items(body.children[1:-1]), RawItem("}")]
            raw_row = -1
            continue
        text = unveil(text_of(node)).rstrip()
        if not text:
            continue
        last = items[-1] if items else None
        if node.start_point.row == raw_row and isinstance(last, RawItem):
            items[-1] = RawItem(f"{last.text}{'' if text == ';' else ' '}{text}")
        else:
            items.append(RawItem(text))
        raw_row = node.end_point.row if node.end_point.column else node.end_point.row - 1
    return items


def _deeper_than(node: Node, most: int) -> bool:
    """Whether anything in this node lies more than so many levels below it."""
    cursor, level = node.walk(), 0
    while level <= most:
        if cursor.goto_first_child():
            level += 1
            continue
        while not cursor.goto_next_sibling():
            if not cursor.goto_parent():
                return False
            level -= 1
    return True


def _function(node: Node) -> Function | None:
    """The function that this top-level node defines, or None."""
    lead = ""
    inner = node
    while inner.type in ("template_declaration", "linkage_specification"):
        child = inner.children[-1]
        if child.type not in ("template_declaration", "function_definition"):
            return None
        lead += text_of(inner)[: child.start_byte - inner.start_byte]
        inner = child
    body = inner.child_by_field_name("body")
    kind = inner.child_by_field_name("type")
    declarator = inner.child_by_field_name("declarator")
    if inner.type != "function_definition" or body is None or kind is None or declarator is None:
        return None
    first = next(child for child in inner.children if child.type == "type_qualifier" or child == kind)
    stars = ""
    while declarator.type in ("pointer_declarator", "reference_declarator"):
        child = declarator.children[-1]
        stars += text_of(declarator)[: child.start_byte - declarator.start_byte]
        declarator = child
    parts = declarator.children
    if declarator.type != "function_declarator" or len(parts) != 2 or parts[0].type not in ("identifier",):
        return None
    if body.type != "compound_statement" or parts[1].has_error:
        return None
    parameters = []
    if any(child.type == "..." for child in parts[1].children):
        return None
    for child in parts[1].named_children:
        parameter = _parameter(child)
        if parameter is None:
            return None
        parameters.append(parameter)
    whole = text_of(inner)
    # Attributes may stand between the type and the name: they belong to the prefix.
    middle = whole[kind.end_byte - inner.start_byte : parts[0].start_byte - inner.start_byte].replace(stars, "", 1)
    lead += whole[: first.start_byte - inner.start_byte]
    result = whole[first.start_byte - inner.start_byte : kind.end_byte - inner.start_byte]
    prefix = "\n".join(" ".join(line.split()) for line in f"{lead} {middle}".strip().splitlines())
    names = Names(parameter.name for parameter in parameters)
    names.reserve(text_of(body))
    return Function(text_of(parts[0]), tidy_type(result + stars), tuple(parameters), block(body, names), prefix)


def _parameter(node: Node) -> Parameter | None:
    if node.type != "parameter_declaration":
        return Parameter("void", "") if text_of(node) == "void" else None
    declarator = node.child_by_field_name("declarator")
    if declarator is None:
        return None if text_of(node) != "void" else Parameter("void", "")
    name = declarator
    while name.type in ("pointer_declarator", "reference_declarator"):
        name = name.children[-1]
    if name.type != "identifier" or name.end_byte != node.end_byte:
        return None
    return Parameter(tidy_type(text_of(node)[: name.start_byte - node.start_byte]), text_of(name))
