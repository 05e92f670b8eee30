"""Prompts about programs with an evaluator of their own, and answers to them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import anyio
import pytest

from warploom.errors import ConfigError, SourceError
from warploom.problems.importers.address import Address
from warploom.problems.importers.openevolve import Folder, read_folder
from warploom.propose.writer import Writer
from warploom.propose.writing import answer
from warploom.propose.writing.about_program import ARTIFACT_CHARACTERS, INGREDIENTS, OPERATORS
from warploom.propose.writing.draft import draft
from warploom.propose.writing.material import Material
from warploom.propose.writing.memory import twin_key
from warploom.propose.writing.rehearsal import rehearsal
from warploom.propose.writing.templates import SHIPPED
from warploom.propose.writing.wording import prompts_for
from warploom.testing.minds import Notebook, ScriptedMind
from warploom.values.behaviour import Resolution
from warploom.values.candidate import Candidate, Lineage, Proposal
from warploom.values.measure import SCORE
from warploom.values.outcome import Build, Failed, Passed, Verdict
from warploom.values.request import Feedback, Individual, Request
from warploom.values.score import Score

PROGRAM = "import math\n# EVOLVE-BLOCK-START\ndef guess():\n    return 4\n# EVOLVE-BLOCK-END\n"
CONFIG = "prompt: {system_message: 'Guess the number that the evaluator has in mind.'}\nevaluator: {timeout: 25}\n"
RESOLUTION = Resolution((2, 2, 2))


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    path = tmp_path / "guessing"
    path.mkdir()
    (path / "initial_program.py").write_text(PROGRAM)
    (path / "evaluator.py").write_text("def evaluate(path): ...\n")
    (path / "config.yaml").write_text(CONFIG)
    return read_folder(Address("openevolve", str(path)))


def candidate(folder: Folder, text: str = PROGRAM) -> Candidate:
    return Candidate(folder.hash, folder.language, ((folder.file, text),), folder.name)


def material(folder: Folder, **fields: object) -> Material:
    said = Score(
        0.25, {"off": 3.0, "exact": False}, {"stdout": "x" * 5000 + "too low"}, ("stage1",), "stage2 wants 0.5"
    )
    scored = Passed(Build("", "", "", (), "", 0), Verdict(()), (), score=said)
    second = Individual(candidate(folder, PROGRAM.replace("4", "6")), Lineage(note="six"), SCORE.of(0.5), (0, 0, 0))
    whole = Material(
        folder, {}, RESOLUTION, "improve", candidate(folder), Lineage(), scored, SCORE.of(0.25), inspirations=(second,)
    )
    return replace(whole, **fields)  # type: ignore[arg-type]


def prompt(folder: Folder, **fields: object) -> str:
    return "\n\n".join(one.text for one in prompts_for(folder).first(material(folder, **fields)))


# ------------------------------------------------------------ prompts


def test_a_prompt_has_the_folders_words_the_program_its_score_and_what_was_said(folder: Folder) -> None:
    text = prompt(folder, hints=("think of seven",))
    for wanted in (
        "Guess the number that the evaluator has in mind.",
        f"```python\n{PROGRAM}```",
        "It has a score of 0.25.",
        "- off: 3\n- exact: false\n",
        "later stages: stage2 wants 0.5",
        "too low",
        "A score of 0.5: six",
        "return 6",
        "after 25 seconds a stage",
        "Only the lines between `EVOLVE-BLOCK-START`",
        "think of seven",
        "<<<<<<< SEARCH",
    ):
        assert wanted in text
    assert len(text) < 12_000, "of a long artifact the end alone"
    assert "x" * ARTIFACT_CHARACTERS not in text


@pytest.mark.parametrize("operator", OPERATORS)
def test_no_prompt_speaks_of_kernels_or_speed(folder: Folder, operator: str) -> None:
    prompts = prompts_for(folder)
    for made_up in rehearsal(folder, RESOLUTION):
        for plan in (False, True):
            text = "\n".join(one.text for one in prompts.first(replace(made_up, operator=operator), plan=plan)).lower()
            assert not [word for word in ("kernel", "speed", "pytorch", "eager", "c++", "cpp") if word in text]
    for kind in ("code", "duplicate", "unusable"):
        text = prompts.again(kind, material(folder).base, complaint="no", whole=True).text.lower()
        assert not [word for word in ("kernel", "cpp") if word in text]


def test_every_template_for_programs_is_used(folder: Folder) -> None:
    names = {path.stem for path in (SHIPPED / "program").glob("*.j2")}
    used = {*INGREDIENTS, *OPERATORS, "system", "body", "as_edits", "as_program", "code", "duplicate"}
    assert names <= used
    for name in INGREDIENTS:
        assert any(INGREDIENTS[name](one) for one in rehearsal(folder, RESOLUTION)), name


def test_a_failure_and_a_second_program_are_told(folder: Folder) -> None:
    failed = Failed("verify", "no_score", "evaluator.py:3: ValueError: not a number")
    text = prompt(folder, evaluation=failed, fitness=None, operator="repair")
    assert "It has no score: its evaluator gives it none" in text
    assert "ValueError: not a number" in text
    partner = Individual(candidate(folder, PROGRAM.replace("4", "9")), Lineage(), SCORE.of(0.75), (0, 0, 0))
    assert "The second program\n\nIt has a score of 0.75." in prompt(folder, partner=partner, operator="crossover")


def test_a_users_template_wins_and_is_tried_before_the_run(folder: Folder, tmp_path: Path) -> None:
    own = tmp_path / "own"
    own.mkdir()
    (own / "metrics.j2").write_text("MINE {{ metrics | length }}")
    assert "MINE 2" in "".join(one.text for one in prompts_for(folder, own).first(material(folder)))
    (own / "metrics.j2").write_text("{{ nothing }}")
    with pytest.raises(ConfigError, match=r"metrics\.j2:1"):
        Writer(folder, None, Notebook(), RESOLUTION, prompts=own)


def test_a_description_says_what_is_to_be_done(folder: Folder) -> None:
    text = prompts_for(folder).description(material(folder))
    assert "Guess the number" in text
    assert "initial_program.py" in text


# ------------------------------------------------------------ answers


def made(folder: Folder, text: str, base: str = PROGRAM) -> str:
    return draft(candidate(folder, base), answer.read(text), None).candidate.source


def test_edits_a_fence_and_a_bare_program_are_taken(folder: Folder) -> None:
    wanted = PROGRAM.replace("4", "7")
    assert made(folder, "<<<<<<< SEARCH\n    return 4\n=======\n    return 7\n>>>>>>> REPLACE") == wanted
    assert made(folder, f"IDEA: seven\n```python\n{wanted}```") == wanted
    assert made(folder, wanted) == wanted
    assert made(folder, "```python\ndef guess():\n    return 7\n```") == wanted, "a text without markers is the block"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("I have no idea.", "holds no edit and no program"),
        (f"```python\n{PROGRAM.replace('4', '(')}```", "line 4: '(' was never closed"),
        (f"```python\n{PROGRAM.replace('math', 'os')}```", "line 1 lies outside the evolve block"),
        (f"```python\n{PROGRAM}```", "changes nothing"),
    ],
)
def test_an_answer_that_cannot_be_scored(folder: Folder, text: str, said: str) -> None:
    with pytest.raises(SourceError, match=said.replace("(", r"\(")):
        made(folder, text)


def test_another_language_is_taken_as_it_is(folder: Folder) -> None:
    base = Candidate("p", "rust", (("initial_program.rs", "fn main() {}\n"),), "p")
    assert (
        draft(base, answer.read("```rust\nfn main() { run(); }\n```"), None).candidate.source
        == "fn main() { run(); }\n"
    )
    with pytest.raises(SourceError, match="no program"):
        draft(base, answer.read("fn main() { run(); }"), None)


def test_twins_differ_in_comments_alone_and_indentation_is_no_layout(folder: Folder) -> None:
    keys = [
        twin_key(candidate(folder, text))
        for text in (
            PROGRAM,
            PROGRAM.replace("return 4", "return  4  # four"),
            PROGRAM.replace("    return 4", "    if 1:\n        pass\n    return 4"),
            PROGRAM.replace("    return 4", "    if 1:\n        pass\n        return 4"),
        )
    ]
    assert keys[0] == keys[1]
    assert len(set(keys)) == 3


def test_a_model_writes_programs_and_learns_from_scores(folder: Folder) -> None:
    notebook = Notebook()
    mind = ScriptedMind(["IDEA: seven\n```python\n" + PROGRAM.replace("4", "7") + "```"] * 3, notebook)
    writer = Writer(folder, mind, notebook, RESOLUTION)
    parent = Individual(candidate(folder), Lineage(), SCORE.of(0.25), (0, 0, 0))
    asked = Request(1, "rewrite", (parent,), (), None, 0, seed=1)
    proposal = anyio.run(writer.propose, asked)
    assert proposal.candidate.source == PROGRAM.replace("4", "7")
    assert (proposal.lineage.operator, proposal.lineage.note) == ("rewrite", "seven")
    passed = Passed(Build("", "", "", (), "", 0), Verdict(()), (), score=Score(0.75))
    notebook.evaluations[proposal.candidate.id] = passed
    scores = (SCORE.of(0.75), SCORE.of(0.25), SCORE.of(0.25))
    writer.tell(Feedback(asked, Proposal(proposal.candidate, proposal.lineage), passed, *scores, "improved"))
    _, messages = writer.prepare(replace(asked, number=2))
    assert "rewrite: seven: a score of 0.75, where the program it was made from had 0.25" in messages[1].text
    names = {writer.prepare(replace(asked, number=n, seed=n, operator="")).operator for n in range(60)}
    assert names == {"improve", "rewrite", "explore"}, "no tuning lines and no simpler kernels are asked for"
