"""An audit lets no pretender of a good problem survive, and says what is wrong with a bad one."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from warploom.errors import ReferenceFailed
from warploom.judge.auditing.advice import advise, findings
from warploom.judge.auditing.audit import SETS, audit
from warploom.problems.load import load_problem
from warploom.values.audit import Audit, Encounter, Finding, Pretender, Trial
from warploom.values.problem import Problem, Reference, Tensor, Workload
from warploom.values.tolerance import Tolerance

HEAD = """
from warploom import Problem, Tensor, Tolerance, Workload
"""

GOOD = """
def unit_rows(x, weight):
    return x / x.norm(dim=-1, keepdim=True) * weight

problem = Problem(
    name="unit_rows",
    axes=("rows", "cols"),
    inputs={"x": Tensor("rows cols"), "weight": Tensor("cols")},
    outputs={"out": Tensor("rows cols")},
    reference=unit_rows,
    workloads=[Workload(rows=64, cols=128)],
    held_out=[
        Workload(rows=1, cols=2),
        Workload(rows=5, cols=37),
        Workload(rows=3, cols=67, recipe="wide"),
        Workload(rows=9, cols=19, recipe="special"),
    ],
)
"""

# No held-out workload, a loose tolerance, an input of no use, and an oracle that is float32 inside.
BAD = """
def scaled(x, unused):
    return (x.float() * 2.0).to(x.dtype)

problem = Problem(
    name="scaled",
    axes=("n",),
    inputs={"x": Tensor("n"), "unused": Tensor("n")},
    outputs={"out": Tensor("n")},
    reference=scaled,
    workloads=[Workload(n=4000)],
    tolerance=Tolerance(relative=0.01),
)
"""

# Draws inside, and is infinite everywhere.
WILD = """
import torch

def wild(x):
    return torch.rand_like(x) / 0.0 + torch.rand(1).to(x.dtype)

problem = Problem(
    name="wild",
    axes=("n",),
    inputs={"x": Tensor("n")},
    outputs={"out": Tensor("n"), "noise": Tensor("n")},
    reference=lambda x: (wild(x), x + torch.rand_like(x)),
    workloads=[Workload(n=100)],
    held_out=[Workload(n=3, recipe="large")],
)
"""


def audited(text: str, folder: Path, said: list[str] | None = None) -> Audit:
    path = folder / "problem.py"
    path.write_text(HEAD + text)
    lines = said if said is not None else []
    return audit(load_problem(path, folder / "descriptions"), folder / "cache", seed=3, say=lines.append)


def titles(found: Audit) -> set[str]:
    return {trial.pretender.title for trial in found.survivors}


@pytest.mark.torch
def test_a_good_problem_passes_and_every_pretender_was_caught_somewhere(tmp_path: Path) -> None:
    said: list[str] = []
    found = audited(GOOD, tmp_path, said)
    assert found.passed
    assert titles(found) == set()
    assert not [finding for finding in found.findings if finding.grave]
    assert found.checks == SETS * 5
    assert len(said) == 5
    caught = {trial.pretender.title: trial for trial in found.trials}
    assert caught["right on timed shapes only"].caught_at == (
        "rows=1,cols=2",
        "rows=5,cols=37",
        "rows=3,cols=67:wide",
        "rows=9,cols=19:special",
    )
    assert caught["right on multiples of 8 only"].units > 1
    assert caught["right on ordinary inputs only"].caught_at == ("rows=3,cols=67:wide", "rows=9,cols=19:special")
    assert caught["inputs in tfloat32"].units > 1
    assert caught["weight kept from an earlier call"].caught_at
    assert all(one.held_out for one in caught["right on timed shapes only"].encounters), "caught before"


@pytest.mark.torch
def test_a_bad_problem_lets_pretenders_survive_and_says_how_to_mend_it(tmp_path: Path) -> None:
    found = audited(BAD, tmp_path)
    assert not found.passed
    survivors = titles(found)
    assert {
        "right on timed shapes only",
        "right on multiples of 8 only",
        "right on ordinary inputs only",
        "unused kept from an earlier call",
        "inputs in bfloat16",
        "inputs in float16",
        "outputs in bfloat16",
        "last 5 % of unused along n",
    } <= survivors
    assert not {"zero", "constant", "a copy of x", "every 1000th row left out", "last 5 % of x along n"} & survivors
    # A pretender that passes a set meets the second one too, as a promotion follows a screening.
    (timed,) = (trial for trial in found.survivors if trial.pretender.title == "right on timed shapes only")
    assert [(one.workload, one.held_out, one.guard) for one in timed.encounters] == [("n=4000", False, "")] * SETS
    grave = [finding.what for finding in found.findings if finding.grave]
    assert grave == ["the float64 oracle is none: a change of the inputs that only float64 can hold changes nothing"]


@pytest.mark.torch
def test_a_wild_reference_is_found_out(tmp_path: Path) -> None:
    found = audited(WILD, tmp_path)
    assert not found.passed
    grave = " / ".join(finding.what for finding in found.findings if finding.grave)
    assert "different answers to the same inputs" in grave
    assert "100 of 200 output elements are NaN or infinite at n=100" in grave
    remarks = " / ".join(finding.what for finding in found.findings if not finding.grave)
    assert "3 of 6 output elements are NaN or infinite at n=3:large" in remarks
    assert [finding.grave for finding in found.findings] == sorted((f.grave for f in found.findings), reverse=True)


@pytest.mark.torch
def test_a_reference_that_changes_its_input_is_told_so(tmp_path: Path) -> None:
    changing = GOOD.replace("return x / x.norm", "return x.div_(2) / x.norm")
    with pytest.raises(ReferenceFailed, match="does the reference change an input"):
        audited(changing, tmp_path)


# ------------------------------------------------------------ what is made of it, without PyTorch

PROBLEM = Problem(
    "p",
    ("n",),
    {"x": Tensor("n")},
    {"out": Tensor("n")},
    Reference("p.py", "p", ""),
    [Workload(n=8)],
    [Workload(n=1)],
    Tolerance(factor=32.0),
)
SOUND: Mapping[str, Any] = {"repeats": True, "not_finite": 0, "elements": 8, "narrow": "", "eager_ns": 5e6}


def trial(family: str, rule: str, *units: float, guard: str = "") -> Trial:
    met = tuple(Encounter("n=8", False, guard, one) for one in units)
    return Trial(Pretender(family, rule, (), rule), met)


def test_a_pretender_survives_when_it_met_a_check_and_none_caught_it() -> None:
    assert trial("precision", "rounded", 0.2, 0.5).survived
    assert trial("precision", "rounded", 0.2, 0.5).units == 0.5
    assert not trial("precision", "rounded", 2.0, guard="wrong_result").survived
    assert not trial("precision", "rounded").survived
    caught = Trial(
        Pretender("case", "rows", (), "rows"),
        (Encounter("n=8", False, "", 0.5), Encounter("n=1", True, "wrong_result", 9.0)),
    )
    assert not caught.survived
    assert caught.caught_at == ("n=1",)
    assert caught.met_at == ("n=8", "n=1")
    sound = Audit("p", "0", (caught,), (), 4)
    assert sound.passed
    assert not Audit("p", "0", (caught,), (Finding(True, "a", "b"),), 4).passed
    assert Audit("p", "0", (caught,), (Finding(False, "a", "b"),), 4).passed
    assert not Audit("p", "0", (caught, trial("constant", "zero", 0.1)), (), 4).passed


def test_advice_names_the_factor_that_would_catch_it() -> None:
    assert "Tolerance(factor=4)" in advise(PROBLEM, trial("precision", "rounded", 0.5))
    loose = Problem(**{**vars(PROBLEM), "tolerance": Tolerance(relative=0.01)})
    assert "lower absolute=0 and relative=0.01" in advise(loose, trial("precision", "rounded", 0.5))
    assert "no tolerance" in advise(PROBLEM, trial("constant", "zero", 0.0))
    assert "recipe='offset'" in advise(PROBLEM, trial("part", "tail", 0.5))
    for rule, word in (("timed_only", "other shapes"), ("even_only", "37"), ("recipes_only", "recipe")):
        assert word in advise(PROBLEM, trial("case", rule, 0.1))


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        ({"eager_ns": 2e5}, "takes 0.2 ms"),
        ({"eager_ns": 9e7}, "takes 90 ms"),
        ({"repeats": False}, "different answers"),
        ({"narrow": "output 'out' is float32"}, "oracle is none"),
        ({"not_finite": 3}, "3 of 8 output elements"),
    ],
)
def test_each_fact_that_is_off_is_a_finding(facts: Mapping[str, Any], said: str) -> None:
    about = {workload: {**SOUND, **facts} for workload in (*PROBLEM.workloads, *PROBLEM.held_out)}
    assert [one for one in findings(PROBLEM, about) if said in one.what]
    sound = dict.fromkeys((*PROBLEM.workloads, *PROBLEM.held_out), SOUND)
    assert not [one for one in findings(PROBLEM, sound) if said in one.what]


def test_a_dtype_named_for_one_shape_only_is_no_finding() -> None:
    about = {PROBLEM.workloads[0]: SOUND, PROBLEM.held_out[0]: {**SOUND, "narrow": "nothing changes at one element"}}
    assert not [one for one in findings(PROBLEM, about) if "oracle" in one.what]


def test_what_the_workloads_lack_is_remarked() -> None:
    about = dict.fromkeys((*PROBLEM.workloads, *PROBLEM.held_out), SOUND)
    assert [one.what for one in findings(PROBLEM, about) if "swallows" in one.what]
    assert not [one for one in findings(PROBLEM, about) if "length 1" in one.what]
    bare = Problem(**{**vars(PROBLEM), "held_out": [Workload(n=9, recipe="special")]})
    about = dict.fromkeys((*bare.workloads, *bare.held_out), SOUND)
    assert [one.what for one in findings(bare, about)] == ["no held-out workload has an axis of length 1"]
    sole = [Workload(), Workload(recipe="special")]
    shapes = {"axes": (), "inputs": {"x": Tensor("4")}, "outputs": {"out": Tensor("4")}, "operations": ""}
    fixed = Problem(**{**vars(PROBLEM), **shapes, "workloads": sole, "held_out": sole})
    said = findings(fixed, dict.fromkeys(sole, SOUND))
    assert not [one for one in said if "length 1" in one.what], "a problem without axes can have none"
