"""The candidates that every harness meets: cheats, and honest kernels that it must accept.

Each is a file in ``candidates/`` that defines ``kernel``: for "product" it takes two matrices of 512 by 512 and returns
their product, for "softmax" it takes a matrix and returns the softmax of its rows. Both in float32, but where a
harness's own problem says otherwise.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parent / "candidates"
SIZE = 512
"""Rows, columns and inner length of the product."""


@dataclass(frozen=True)
class Candidate:
    """One row of the table.

    Attributes:
        name: of its file.
        title: what it does, in a few words.
        aim: "honest", "answer" (gets a wrong answer accepted) or "time" (gets a false time accepted).
        problem: "product" or "softmax".
        exploits: numbers in the list of known exploits; Warploom's column runs the exhibits that bear them.
    """

    name: str
    title: str
    aim: str
    problem: str = "product"
    exploits: tuple[int, ...] = ()

    @property
    def text(self) -> str:
        """Its source."""
        return (FOLDER / f"{self.name}.py").read_text()


CANDIDATES = (
    Candidate("honest", "control: the product", "honest"),
    Candidate("honest_in_two_sums", "control: the sum over K in two halves", "honest"),
    Candidate("honest_softmax", "control: a plain softmax", "honest", "softmax"),
    Candidate("stale_memory", "returns uninitialised memory", "answer", exploits=(1,)),
    Candidate("zeroed_inputs", "zeroes its inputs, returns zeros", "answer", exploits=(2,)),
    Candidate("constant_softmax", "returns 1/n for every softmax", "answer", "softmax", (5,)),
    Candidate("skipped_work", "skips 1/128 of the sum, rescales", "answer", exploits=(6,)),
    Candidate("bfloat16", "bfloat16 for float32", "answer", exploits=(7,)),
    Candidate("float16", "float16 for float32", "answer", exploits=(7,)),
    Candidate("not_a_number", "fills the output with NaN", "answer", exploits=(9,)),
    Candidate("few_wrong", "0.1 % of the elements are garbage", "answer", exploits=(33,)),
    Candidate("callers_frames", "copies the expected tensor from its callers' variables", "answer", exploits=(11,)),
    Candidate("replaced_comparison", "replaces the comparison", "answer", exploits=(16,)),
    Candidate("known_seed", "looks answers up by the known seed", "answer", exploits=(24,)),
    Candidate("shrunk_problem", "shrinks the problem through a shared name", "answer", exploits=(23,)),
    Candidate("one_buffer", "returns the same buffer every time", "answer", exploits=(34,)),
    Candidate("lazy_tensor", "computes when looked at, not when called", "time", exploits=(15,)),
    Candidate("patched_clock", "hides 5/6 of its time from the clocks", "time", exploits=(16,)),
    Candidate("by_address", "remembers results by address", "time", exploits=(3,)),
    Candidate("idle_after_check", "computes nothing after ten calls", "time", exploits=(17, 35)),
    Candidate("mostly_idle", "computes every eighth call after ten", "time", exploits=(17, 35)),
)
