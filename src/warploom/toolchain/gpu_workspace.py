"""Scratch memory of a GPU kernel: its LAUNCH line asks for it, and its entry point takes it behind the axes."""

from __future__ import annotations

import re
from collections.abc import Iterator

from warploom.values.launch import Launch
from warploom.values.signature import WORKSPACE, Signature

_ASK = f"LAUNCH(grid=…, {WORKSPACE}=BYTES)"


def as_launched(signature: Signature, launch: Launch) -> Signature:
    """The calling convention of a kernel: the problem's, and behind that a workspace where the launch has one.

    Raises:
        SourceError: the problem has an argument of that name.
    """
    return signature.with_workspace() if launch.workspace else signature


def disagreement(source: str, signature: Signature, declaration: str) -> Iterator[str]:
    """A line where the entry point takes a workspace that no LAUNCH line gives, or does not take the one it gives.

    Args:
        source: of the kernel.
        signature: as it is launched.
        declaration: as the language writes that.
    """
    found = re.search(rf"\b{re.escape(signature.entry_point)}\s*\((?P<words>[^(){{}}]*)\)\s*[{{:]", source)
    if found is None or any(one.name == WORKSPACE and one.role != WORKSPACE for one in signature.arguments):
        return
    takes = re.search(rf"\b{WORKSPACE}\b", found["words"]) is not None
    if takes and not signature.has_workspace:
        yield f"the kernel takes a {WORKSPACE}, and its LAUNCH line gives none; write {_ASK}"
    if signature.has_workspace and not takes:
        yield f"the LAUNCH line gives a {WORKSPACE}, and the kernel does not take it; the source needs {declaration}"
