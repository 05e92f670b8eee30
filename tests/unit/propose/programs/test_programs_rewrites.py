"""The proposer for programs that asks no model."""

from __future__ import annotations

from dataclasses import replace

import anyio
import pytest

from warploom.errors import NothingToPropose
from warploom.propose.programs.rewrites import Rewrites, stuck
from warploom.values.candidate import Candidate, Lineage, Proposal
from warploom.values.outcome import Failed
from warploom.values.request import Feedback, Individual, Request

TEXT = "# EVOLVE-BLOCK-START\na = 1.5\nb = 20\n\n\ndef f(x):\n    return x\n# EVOLVE-BLOCK-END\n"
ROOT = Candidate("p", "python", (("initial_program.py", TEXT),), "p")


def individual(text: str = TEXT) -> Individual:
    return Individual(replace(ROOT, sources=((ROOT.sources[0][0], text),)), Lineage(), 0.5, (0, 0, 0))


def request(number: int, operator: str = "", *others: Individual) -> Request:
    return Request(number, operator, (individual(),), others, None, 0, seed=number * 7919)


def proposed(proposer: Rewrites, asked: Request) -> Proposal:
    return anyio.run(proposer.propose, asked)


def told(proposer: Rewrites, asked: Request, proposal: Proposal, fitness: float | None) -> None:
    failed = Failed("verify", "no_score", "no")
    proposer.tell(Feedback(asked, proposal, failed, fitness, 0.5, 0.5, "not_added", 1.0))


def test_the_same_request_gives_the_same_program_and_says_what_changed() -> None:
    first, again = (proposed(Rewrites(), request(3, "tune")) for _ in range(2))
    assert first == again
    assert first.candidate.source != TEXT
    assert first.lineage.parents == (ROOT.id,)
    assert (first.lineage.proposer, first.lineage.operator) == ("rewrites", "tune")
    before, _, after = first.lineage.note.partition(" → ")
    number, _, line = after.partition(" in line ")
    assert first.candidate.source == TEXT.replace(f"= {before}", f"= {number}")
    assert TEXT.split("\n")[int(line) - 1].endswith(before)


@pytest.mark.parametrize(("wanted", "operators"), [("tune", {"tune"}), ("moves", {"tune", "vary"})])
def test_a_request_can_ask_for_a_kind_of_change(wanted: str, operators: set[str]) -> None:
    found = [proposed(Rewrites(), request(number, wanted)).lineage for number in range(1, 30)]
    assert {one.operator for one in found} == operators
    assert all((", " in one.note) == (one.operator == "vary") for one in found)


def test_crossover_takes_from_the_second_program_and_names_it() -> None:
    second = individual(TEXT.replace("return x", "return 2 * x"))
    made = proposed(Rewrites(), request(1, "crossover", second))
    assert made.candidate == second.candidate
    assert made.lineage.parents == (ROOT.id, second.candidate.id)
    assert made.lineage.note == f"f of {second.candidate.id}"
    numbers = proposed(Rewrites(), request(1, "crossover", individual(TEXT.replace("1.5", "2.5").replace("20", "30"))))
    assert numbers.candidate.source in (TEXT.replace("1.5", "2.5"), TEXT.replace("20", "30"))
    with pytest.raises(NothingToPropose):
        proposed(Rewrites(crossover=False), request(1, "crossover", second))


def test_what_was_told_is_not_proposed_again_also_after_a_restore() -> None:
    asked = request(5, "tune")
    proposer = Rewrites()
    first = proposed(proposer, asked)
    told(proposer, asked, first, 0.4)
    second = proposed(proposer, asked)
    assert second.candidate != first.candidate
    other = Rewrites()
    other.restore(proposer.snapshot())
    assert proposed(other, asked) == second


MANY = "".join(f"a{one} = {one}.125\n" for one in range(2, 60))


def test_an_operator_that_pays_is_chosen_more_often() -> None:
    def share(fitness: float) -> float:
        proposer, count = Rewrites(), 0
        for number in range(1, 120):
            asked = replace(request(number), parents=(individual(MANY),))
            made = proposed(proposer, asked)
            told(proposer, asked, made, fitness if made.lineage.operator == "tune" else 0.1)
            count += made.lineage.operator == "tune"
        return count / 119

    assert share(0.9) > 0.8
    assert share(0.5) < 0.7, "a score as high as the parent's is no gain"


def test_what_cannot_be_rewritten_is_said() -> None:
    assert stuck(ROOT) == ""
    assert "in rust" in stuck(replace(ROOT, language="rust"))
    assert "no number" in stuck(individual(TEXT.replace("1.5", "x").replace("20", "y")).candidate)
