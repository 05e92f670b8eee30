"""``pytorch:FILE:NAME``: a function or a ``torch.nn.Module`` class in a Python file, with example arguments beside it.

The file says what it is called with: ``get_inputs()`` or ``example_inputs``, each a tensor, a list or a tuple of
arguments, or a dictionary of keywords; ``NAME_inputs`` goes before both, where one file holds several. What a class is
constructed with stands in ``get_init_inputs()`` or ``NAME_init_inputs``. Modules are put in evaluation mode.
"""

from __future__ import annotations

from pathlib import Path

from warploom.errors import ProblemError
from warploom.problems.importers.address import Address
from warploom.problems.importers.program import Found, Program
from warploom.problems.importers.sources import defined, must_define, read_source


def find(address: Address) -> Found:
    """The program at an address such as ``pytorch:model.py:Block``.

    Raises:
        ProblemError: no such file or name, or no example arguments.
    """
    file, _, name = address.place.rpartition(":")
    if not file or not name.isidentifier():
        raise ProblemError(f"{address}: give file and name, as in pytorch:model.py:Block")
    path = Path(address.root, file).expanduser().absolute()
    text = read_source(path, address)
    must_define(text, (name,), path, address)
    names = defined(text)
    inputs = next((one for one in (f"{name}_inputs", "get_inputs", "example_inputs") if one in names), None)
    if inputs is None:
        raise ProblemError(
            f"{address}: {path} does not say what {name} is called with; add to it: "
            f"def get_inputs(): return [torch.randn(…), …]"
        )
    made = next((one for one in (f"{name}_init_inputs", "get_init_inputs") if one in names), "")
    program = Program(((str(path), text),), name, arguments=inputs, construction=made, training=False)
    return Found(program, name, f"{name} of {path.name}")
