from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from typing import Any

import anyio
import pytest

from warploom.errors import BudgetSpent, NothingToPropose, SourceError
from warploom.propose.writer import Writer
from warploom.propose.writing.conversation import QUOTED_CHARACTERS
from warploom.propose.writing.operators import OPERATORS
from warploom.testing.minds import Line
from warploom.values.candidate import Lineage, Proposal
from warploom.values.outcome import Failed
from warploom.values.request import Request

BODY = """extern "C" void tripled(const float* x, const float* weight, float* out, int64_t rows, int64_t cols) {
    for (int64_t i = 0; i < rows * cols; ++i) {
        out[i] = 3.0f * x[i] + weight[i % cols];
    }
}
"""
WHOLE = f"IDEA: one loop\n\n```cpp\n{BODY}```\n"
EDIT = "IDEA: a shorter number\n<<<<<<< SEARCH\n3.0f * x\n=======\n3.f * x\n>>>>>>> REPLACE\n"
WRONG = Failed("verify", "wrong_result", "workload rows=2048,cols=4096: output 'out': element 5 is 1, expected 2")


def propose(writer: Writer, request: Request) -> Proposal:
    async def run() -> Proposal:
        return await writer.propose(request)

    return anyio.run(run)


def declines(writer: Writer, request: Request) -> str:
    with pytest.raises(NothingToPropose) as caught:
        propose(writer, request)
    return str(caught.value)


def test_an_answer_becomes_a_candidate_with_its_lineage(desk: Any) -> None:
    writer, mind = desk.writer([EDIT])
    request = desk.request()
    made = propose(writer, request)
    parent = request.parents[0].candidate
    assert made.candidate.source == parent.source.replace("3.0f * x", "3.f * x")
    exchange = mind.asked[0]
    assert made.lineage == Lineage(
        (parent.id,), "llm:scripted", "improve", note="a shorter number", prompt=exchange.id, tokens=100, cost_usd=0.001
    )
    assert exchange.messages == writer.prepare(request).messages
    assert (exchange.number, exchange.turn, exchange.operator) == (1, 0, "improve")


def test_an_edit_that_matches_nowhere_goes_back_with_the_nearest_text(desk: Any) -> None:
    writer, mind = desk.writer([EDIT.replace("3.0f * x", "3.0 * x[i * cols + j]"), EDIT])
    made = propose(writer, desk.request())
    assert made.candidate.source.count("3.f * x") == 1
    again = mind.asked[1].messages
    assert again[:2] == mind.asked[0].messages
    assert (again[2].role, again[2].text) == ("assistant", mind.asked[0].answer)
    assert "its SEARCH is not in the source. The nearest text is:" in again[3].text
    assert "    7 |             out[i * cols + j] = 3.0f * x[i * cols + j] + weight[j];" in again[3].text
    assert made.lineage.prompt == mind.asked[1].id
    assert (made.lineage.tokens, made.lineage.cost_usd) == (200, 0.002)


def test_the_whole_program_is_asked_for_when_edits_keep_failing(desk: Any) -> None:
    bad = EDIT.replace("3.0f * x", "nowhere")
    writer, mind = desk.writer([bad, bad, WHOLE])
    made = propose(writer, desk.request())
    assert BODY in made.candidate.source
    assert made.lineage.operator == "improve"
    assert "complete, in one" not in mind.asked[1].messages[-1].text
    assert "complete, in one" in mind.asked[2].messages[-1].text


def test_a_line_outside_the_block_goes_back_by_its_number(desk: Any) -> None:
    writer, mind = desk.writer([EDIT.replace("3.0f * x", "#include <cstdint>"), EDIT])
    propose(writer, desk.request())
    assert "line 1 lies outside the evolve block" in mind.asked[1].messages[-1].text


@pytest.mark.parametrize(
    ("answers", "reason"),
    [
        (["no", "no", "no"], "scripted: no answer could be used: the answer holds no edit and no program"),
        ([Line("", "stop")] * 3, "scripted: no answer could be used: the answer was empty"),
        ([Line(WHOLE, "length")] * 3, "scripted: no answer could be used: the answer was cut off"),
        ([Line("I will not", "refusal")], "scripted: refused: I will not"),
        ([Line("", "malformed", "no JSON")], "scripted: no JSON"),
        ([Line("", "error", "no answer in 60 s")], "scripted: no answer in 60 s"),
        ([Line("", "context")] * 2, "scripted: the prompt is too long for it"),
    ],
)
def test_what_cannot_be_used_ends_with_a_reason(desk: Any, answers: list[Any], reason: str) -> None:
    writer, mind = desk.writer(answers)
    assert declines(writer, desk.request()).startswith(reason)
    assert len(mind.asked) == len(answers)


def test_a_prompt_that_is_too_long_is_sent_again_at_half_the_size(desk: Any) -> None:
    long = "\n".join(f"    // line {number}" for number in range(3000))
    request = desk.request(
        inspirations=(desk.individual(long, 0.8, (1, 1, 1)),), parents=(desk.individual(long + "int a;\n"),)
    )
    writer, mind = desk.writer([Line("", "context"), WHOLE], prompt_characters=30_000)
    propose(writer, request)
    first, second = (sum(len(message.text) for message in exchange.messages) for exchange in mind.asked)
    assert second <= 15_000 < first <= 30_000


def test_a_near_duplicate_costs_no_evaluation_and_is_told(desk: Any) -> None:
    writer, mind = desk.writer(
        [
            WHOLE,
            WHOLE.replace("int64_t i", "int64_t k").replace("[i", "[k").replace("i <", "k <").replace("++i", "++k"),
            EDIT,
        ]
    )
    request = desk.request("rewrite")
    first = propose(writer, request)
    writer.tell(desk.feedback(request, first))
    second = propose(writer, desk.request("rewrite", 2))
    assert second.candidate.source.count("3.f * x") == 1
    said = mind.asked[2].messages[-1].text
    assert "the same as one that was judged already" in said
    assert f"{first.candidate.id}: 2.72 times the speed of PyTorch eager" in said


def test_near_duplicates_end_after_the_second(desk: Any) -> None:
    writer, mind = desk.writer([WHOLE] * 3)
    request = desk.request("rewrite")
    writer.tell(desk.feedback(request, propose(writer, request)))
    assert "the same as one judged before" in declines(writer, desk.request("rewrite", 2))
    assert len(mind.asked) == 3


def test_what_was_told_while_a_model_was_thinking_does_not_count(desk: Any) -> None:
    made: list[Proposal] = []

    def meanwhile(messages: object) -> str:
        writer.tell(desk.feedback(desk.request("rewrite"), made[0]))
        return WHOLE

    writer, _ = desk.writer([WHOLE, meanwhile])
    made.append(propose(writer, desk.request("rewrite")))
    assert propose(writer, desk.request("rewrite", 2)).candidate == made[0].candidate


def test_an_idea_is_planned_first_and_written_then(desk: Any) -> None:
    writer, mind = desk.writer(["Three ideas: ...", WHOLE])
    made = propose(writer, desk.request("explore"))
    assert "no code" in mind.asked[0].messages[1].text
    assert mind.asked[1].messages[2].text == "Three ideas: ..."
    assert "Now write the kernel by your plan." in mind.asked[1].messages[3].text
    assert (made.lineage.operator, made.lineage.tokens) == ("explore", 200)


def test_a_crossover_has_two_parents(desk: Any) -> None:
    other = desk.individual(BODY, 0.9, (1, 1, 1))
    writer, _ = desk.writer([WHOLE.replace("3.0f", "3.f")])
    request = desk.request("crossover", inspirations=(other,))
    assert propose(writer, request).lineage.parents == (request.parents[0].candidate.id, other.candidate.id)
    assert other.candidate.source in writer.prepare(request).messages[1].text


def test_a_simplification_must_be_shorter(desk: Any) -> None:
    writer, mind = desk.writer(
        [WHOLE.replace("++i) {", "++i) {\n  const int unused = 12345678901234567890;" * 3), WHOLE]
    )
    made = propose(writer, desk.request("simplify"))
    assert "it has to become shorter" in mind.asked[1].messages[-1].text
    assert BODY in made.candidate.source


def test_a_parameterised_kernel_must_have_new_tune_lines(desk: Any) -> None:
    plain = "IDEA: tune\n```cpp\nTUNE(FACTOR, 3)\n" + BODY.replace("3.0f", "FACTOR") + "```"
    writer, mind = desk.writer([plain, plain.replace("TUNE(FACTOR, 3)", "TUNE(FACTOR, 3, 3, 4)")])
    made = propose(writer, desk.request("parameterise"))
    assert "no new TUNE" in mind.asked[1].messages[-1].text
    assert "TUNE(FACTOR, 3, 3, 4)" in made.candidate.source


def test_a_failure_of_its_own_is_mended(desk: Any) -> None:
    writer, mind = desk.writer([WHOLE.replace("3.0f", "2.0f"), EDIT.replace("3.0f * x", "2.0f * x")])
    request = desk.request("rewrite")
    broken = propose(writer, request)
    writer.tell(desk.feedback(request, broken, WRONG))
    again = desk.request("repair", 2)
    assert writer.prepare(again).operator == f"repair:{broken.candidate.id}"
    mended = propose(writer, again)
    assert mended.candidate.source == broken.candidate.source.replace("2.0f * x", "3.f * x")
    assert (mended.lineage.parents, mended.lineage.operator) == ((broken.candidate.id,), "repair")
    prompt = mind.asked[1].messages[1].text
    assert "element 5 is 1, expected 2" in prompt
    assert mind.asked[1].operator == f"repair:{broken.candidate.id}"


def test_a_second_try_to_mend_knows_of_the_first_and_of_kernels_that_work(desk: Any) -> None:
    first = WHOLE.replace("3.0f", "2.0f")
    writer, mind = desk.writer([first, EDIT.replace("3.0f * x", "2.0f * x"), EDIT.replace("3.0f * x", "3.f * x")])
    request = desk.request("rewrite")
    broken = propose(writer, request)
    writer.tell(desk.feedback(request, broken, WRONG))
    again = desk.request("repair", 2)
    still = propose(writer, again)
    writer.tell(desk.feedback(again, still, WRONG))
    operator, messages = writer.prepare(desk.request("repair", 3))
    assert operator == f"repair:{still.candidate.id}"
    assert "repair: a shorter number: its results are wrong" in messages[1].text
    assert "repair: a shorter number" not in mind.asked[1].messages[1].text
    works = request.parents[0].candidate.source.splitlines()[-4].strip()
    assert works in messages[1].text.partition("# Other kernels")[2]


def test_a_long_answer_is_quoted_in_part(desk: Any) -> None:
    writer, mind = desk.writer(["word " * 50_000, EDIT])
    propose(writer, desk.request())
    quoted = mind.asked[1].messages[2].text
    assert quoted.startswith("word word")
    assert len(quoted) < QUOTED_CHARACTERS + 10


def test_requests_at_work_together_mend_different_failures(desk: Any) -> None:
    writer, _ = desk.writer()
    broken = []
    for number in range(3):
        request = desk.request("rewrite", number)
        made = Proposal(
            desk.candidate(f"int a{number};"), Lineage((request.parents[0].candidate.id,), "llm:m", "rewrite")
        )
        writer.tell(desk.feedback(request, made, WRONG))
        broken.append(f"repair:{made.candidate.id}")
    operators = [writer.prepare(desk.request("repair", number)).operator for number in range(10, 13)]
    assert sorted(operators) == sorted(broken)


def chosen(writer: Writer, desk: Any, count: int = 100, **fields: Any) -> Counter[str]:
    one = desk.request("", **fields)
    requests = (replace(one, seed=seed) for seed in range(count))
    return Counter(writer.prepare(request).operator.partition(":")[0] for request in requests)


def test_the_bandit_chooses_among_what_is_possible(desk: Any) -> None:
    writer, _ = desk.writer()
    assert set(chosen(writer, desk, 300)) == {"improve", "rewrite", "explore", "simplify", "parameterise"}
    other = desk.individual(BODY, 0.9, (1, 1, 1))
    assert "crossover" in chosen(writer, desk, inspirations=(other,))
    single, _ = desk.writer(crossover=False)
    assert "crossover" not in chosen(single, desk, inspirations=(other,))
    tuned = desk.individual("TUNE(A, 1, 1, 2)\n" + BODY, 0.9, (1, 1, 1))
    assert "parameterise" not in chosen(writer, desk, parents=(tuned,))


def test_fresh_failures_get_a_share_of_the_requests_until_they_are_mended(desk: Any) -> None:
    writer, _ = desk.writer([WHOLE])
    request = desk.request("rewrite")
    broken = propose(writer, request)
    writer.tell(desk.feedback(request, broken, WRONG))
    assert 10 < chosen(writer, desk)["repair"] < 70
    for number in (2, 3):
        asked = desk.request("repair", number)
        bad = desk.writer(["no"] * 3)[0]
        bad.restore(writer.snapshot())
        declines(bad, asked)
        writer.declined(asked)
    assert "repair" not in chosen(writer, desk)


def test_the_operator_that_pays_is_chosen_more_often(desk: Any) -> None:
    for learning in (True, False):
        writer, _ = desk.writer(bandit=learning)
        before = chosen(writer, desk)["rewrite"]
        for number in range(20):
            request = desk.request("rewrite", number)
            made = Proposal(
                desk.candidate(f"int a{number};"), Lineage((request.parents[0].candidate.id,), "llm:m", "rewrite")
            )
            writer.tell(desk.feedback(request, made, fitness=2.0))
        after = chosen(writer, desk)["rewrite"]
        assert after > 2 * before if learning else after == before


def test_a_request_that_came_to_nothing_counts_against_its_operator(desk: Any) -> None:
    writer, mind = desk.writer(["no"] * 90)
    before = chosen(writer, desk)["improve"]
    for number in range(1000, 1030):
        request = desk.request("improve", number)
        declines(writer, request)
        writer.declined(request)
    assert chosen(writer, desk)["improve"] < before / 2
    assert len(mind.told) == 90
    assert all(feedback is None for _, feedback in mind.told)
    writer.declined(desk.request("improve", 5000))
    assert len(mind.told) == 90, "a request that no model was asked for"


def test_the_mind_hears_what_came_of_each_answer(desk: Any) -> None:
    writer, mind = desk.writer(["a plan", "no", WHOLE])
    request = desk.request("explore")
    made = propose(writer, request)
    feedback = desk.feedback(request, made)
    writer.tell(feedback)
    assert mind.told == [(mind.asked[1], None), (mind.asked[2], feedback)], "a plan is half of an answer"


def test_what_others_tried_reaches_the_prompt(desk: Any) -> None:
    writer, _ = desk.writer()
    request = desk.request()
    made = Proposal(
        desk.candidate("int a;"), Lineage((request.parents[0].candidate.id,), "moves", "grow:tile", note="tile 64")
    )
    before = writer.prepare(request).messages[1].text
    writer.tell(desk.feedback(request, made, WRONG))
    after = writer.prepare(request).messages[1].text
    assert "grow:tile: tile 64: its results are wrong" in after
    assert "tile 64" not in before


def test_the_same_request_and_answers_give_the_same_candidate_and_state(desk: Any) -> None:
    other = desk.individual(BODY, 0.9, (1, 1, 1))
    script = [WHOLE.replace("3.0f", f"3.{'0' * zeros}f") for zeros in range(2, 40)]
    runs = []
    for _ in range(2):
        desk.notebook.exchanges.clear()
        writer, _ = desk.writer(script)
        made = []
        for number in range(12):
            request = desk.request("", number, inspirations=(other,))
            try:
                made.append(propose(writer, request))
                writer.tell(desk.feedback(request, made[-1], WRONG if number % 3 == 0 else None, number / 10))
            except NothingToPropose:
                writer.declined(request)
        runs.append((made, writer.snapshot()))
    assert runs[0] == runs[1]
    again, mind = desk.writer()
    again.restore(json.loads(json.dumps(runs[0][1])))
    assert mind.restored == [runs[0][1]["mind"]] != [{"told": 0}]
    assert again.snapshot()["operators"] == runs[0][1]["operators"]
    assert again.snapshot()["memory"] == runs[0][1]["memory"]
    assert chosen(again, desk) == chosen(writer, desk)


def test_an_answer_from_before_a_kill_is_read_as_what_was_asked_then(desk: Any) -> None:
    writer, _ = desk.writer([WHOLE])
    first = propose(writer, desk.request("simplify", 7))
    later, mind = desk.writer([])
    made = propose(later, desk.request("", 7))
    assert made == first
    assert made.lineage.operator == "simplify"
    assert mind.asked == [], "what was paid for is not asked again"


def test_a_cap_ends_it(desk: Any) -> None:
    writer, _ = desk.writer(["no"])
    with pytest.raises(BudgetSpent):
        propose(writer, desk.request())


def test_an_agent_is_handed_the_prompt_and_answers_once(desk: Any) -> None:
    writer = Writer(desk.problem, None, desk.notebook, desk.resolution)
    request = desk.request("explore")
    operator, messages = writer.prepare(request)
    assert (operator, messages[0].role, messages[1].role) == ("explore", "system", "user")
    assert "complete, in one" in messages[1].text
    made = writer.receive(request, operator, WHOLE, proposer="agent", prompt="abc")
    assert (made.lineage.proposer, made.lineage.prompt, made.lineage.operator) == ("agent", "abc", "explore")
    with pytest.raises(SourceError, match="no edit and no program"):
        writer.receive(request, operator, "I am not sure")
    writer.tell(desk.feedback(request, made))
    with pytest.raises(SourceError, match=made.candidate.id):
        writer.receive(request, operator, WHOLE)
    with pytest.raises(NothingToPropose, match="no model"):
        propose(writer, request)


def test_a_parent_whose_cell_is_not_known_is_shown_without_its_kind(desk: Any) -> None:
    writer, _ = desk.writer()
    request = desk.request(parents=(desk.individual(cell=()),), inspirations=(desk.individual(BODY, 0.9, ()),))
    for operator in ("improve", "crossover"):
        assert (
            "kind"
            not in writer.prepare(replace(request, operator=operator)).messages[1].text.partition("# Your task")[0]
        )
    aimed = replace(request, target_cell=(1, 2, 3))
    assert (
        "Aim for memory: vectors; computation: online; spread: threads and SIMD."
        in writer.prepare(aimed).messages[1].text
    )


def test_what_is_to_be_repaired_must_be_known(desk: Any) -> None:
    writer, _ = desk.writer()
    with pytest.raises(SourceError, match="feedbeef"):
        writer.receive(desk.request(), "repair:feedbeef", WHOLE)
    with pytest.raises(SourceError, match="known: improve, rewrite"):
        writer.receive(desk.request(), "invent", WHOLE)
    with pytest.raises(NothingToPropose, match="no kernel to start from"):
        writer.prepare(desk.request(parents=()))


@pytest.mark.parametrize("operator", OPERATORS)
def test_every_operator_makes_a_candidate(desk: Any, operator: str) -> None:
    tuned = WHOLE.replace("extern", "TUNE(FACTOR, 3, 3, 4)\nextern", 1).replace("3.0f", "FACTOR")
    writer, _ = desk.writer(
        ["a plan", WHOLE] if operator == "explore" else [tuned if operator == "parameterise" else WHOLE]
    )
    other = desk.individual("int other;", 0.9, (1, 1, 1))
    made = propose(writer, desk.request(operator, inspirations=(other,)))
    assert made.lineage.operator == operator
    assert made.lineage.note
