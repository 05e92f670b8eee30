"""Names that tensors, axes and kernels may have: they appear in C-like signatures as they stand."""

from __future__ import annotations

import re

from warploom.errors import ProblemError
from warploom.values.problem import Problem

_IDENTIFIER = re.compile(r"[A-Za-z][A-Za-z0-9_]*")

_WORDS = """
alignas alignof and and_eq asm auto bitand bitor bool break case catch char char8_t char16_t char32_t class compl
concept const consteval constexpr constinit const_cast continue co_await co_return co_yield decltype default delete
do double dynamic_cast else enum explicit export extern false float for friend goto if inline int long mutable
namespace new noexcept not not_eq nullptr operator or or_eq private protected public register reinterpret_cast
requires return restrict short signed sizeof static static_assert static_cast struct switch template this
thread_local throw true try typedef typeid typename union unsigned using virtual void volatile wchar_t while xor
xor_eq main
"""
RESERVED: frozenset[str] = frozenset(_WORDS.split())
"""Words that C or C++ keeps for itself."""


def check_names(problem: Problem) -> None:
    """Every name must be usable, once, in a C-like signature.

    Raises:
        ProblemError: a name is no ASCII identifier, is a reserved word, or stands for two things.
    """
    seen: dict[str, str] = {}
    named = [
        ("problem", problem.name),
        *(("input", name) for name in problem.inputs),
        *(("output", name) for name in problem.outputs),
        *(("axis", name) for name in problem.axes),
    ]
    for role, name in named:
        if not _IDENTIFIER.fullmatch(name) or name in RESERVED:
            why = "is a reserved word of C++" if name in RESERVED else "is no plain identifier"
            raise ProblemError(f"{role} name {name!r} {why}; it stands in the kernel's signature, so choose another")
        if name in seen:
            raise ProblemError(f"{name!r} names both the {seen[name]} and the {role}; every name may be used once")
        seen[name] = role
