"""Each rule makes the wrong answer it is named for."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from warploom.judge.auditing.pretenders import pretenders
from warploom.judge.reference.pretend import RULES, Absent, Scene, examine, pretend
from warploom.judge.reference.rounding import round_significand, round_to, rounded_products
from warploom.values.audit import FAMILIES
from warploom.values.problem import FLOATS, Problem, Reference, Tensor, Workload

pytestmark = pytest.mark.torch

TIMED = Workload(rows=40, inner=16, cols=24)
OTHER = Workload(rows=8, inner=16, cols=24)
ODD = Workload(rows=7, inner=5, cols=3, recipe="wide")
PROBLEM = Problem(
    name="matmul",
    axes=("rows", "inner", "cols"),
    inputs={"a": Tensor("rows inner"), "b": Tensor("inner cols")},
    outputs={"out": Tensor("rows cols")},
    reference=Reference("matmul.py", "matmul", ""),
    workloads=[TIMED],
    held_out=[OTHER, ODD],
)


def matmul(a: torch.Tensor, b: torch.Tensor) -> tuple[torch.Tensor, ...]:
    return (a @ b,)


def scene(workload: Workload = TIMED, function: Any = matmul, seed: int = 0) -> Scene:
    generator = torch.Generator().manual_seed(seed)
    n = workload.extents

    def drawn() -> list[torch.Tensor]:
        return [
            torch.randn(n["rows"], n["inner"], generator=generator),
            torch.randn(n["inner"], n["cols"], generator=generator),
        ]

    return Scene(PROBLEM, workload, function, drawn(), drawn())


def answer(rule: str, *arguments: Any, at: Scene | None = None) -> torch.Tensor:
    (found,) = pretend(at or scene(), rule, arguments)
    return found


def test_every_pretender_of_a_problem_has_a_rule_and_gives_a_wrong_answer() -> None:
    tried = pretenders(PROBLEM)
    assert {one.rule for one in tried} == set(RULES)
    assert {one.family for one in tried} == set(FAMILIES)
    assert len({one.title for one in tried}) == len(tried)
    for one in tried:
        wrong = False
        for workload in (TIMED, OTHER, ODD):
            here = scene(workload)
            (found,) = pretend(here, one.rule, one.arguments)
            assert found.shape == here.right[0].shape, one.title
            assert found.dtype == torch.float32, one.title
            wrong = wrong or not torch.equal(found, here.right[0])
        assert wrong, one.title


def test_constants_know_no_right_answer() -> None:
    here = scene()
    assert not answer("zero", at=here).any()
    middle = (here.other[0].min() + here.other[0].max()) / 2
    assert torch.allclose(answer("constant", at=here), middle)
    assert torch.allclose(answer("mean", at=here), here.right[0].mean(-1, keepdim=True).expand(40, 24), atol=1e-6)


def test_the_mean_of_a_single_number_is_of_another_one() -> None:
    here = scene(Workload(rows=1, inner=16, cols=1))
    assert answer("mean", at=here).item() == pytest.approx(here.other[0].item())


def test_replays_use_other_inputs() -> None:
    here = scene()
    assert torch.equal(answer("replayed", at=here), here.other[0])
    assert torch.equal(answer("stale", "b", at=here), here.tensors[0] @ here.others[1])
    copied = answer("copied", "a", at=here)
    assert torch.equal(copied.flatten()[:640], here.tensors[0].flatten())
    assert torch.equal(copied.flatten()[640:], here.tensors[0].flatten()[:320])


def test_a_part_is_left_out_and_the_rest_is_right() -> None:
    here = scene()
    a, b = here.tensors
    assert torch.allclose(answer("tail", "a", 1, 0.005, at=here), a[:, :15] @ b[:15], atol=1e-5)
    assert torch.allclose(answer("tail", "b", 0, 0.25, at=here), a[:, :12] @ b[:12], atol=1e-5)
    rows = answer("rows", 10, at=here)
    assert not rows[9::10].any()
    kept = [row for row in range(40) if row % 10 != 9]
    assert torch.equal(rows[kept], here.right[0][kept])
    few = answer("rows", 1000, at=here)
    assert torch.equal(few[:-1], here.right[0][:-1])
    assert not few[-1].any()


def test_cases_are_right_where_they_say() -> None:
    right = {
        rule: [bool(answer(rule, *arguments, at=scene(workload)).any()) for workload in (TIMED, OTHER, ODD)]
        for rule, arguments in (("timed_only", ()), ("even_only", (8,)), ("recipes_only", ()))
    }
    assert right == {
        "timed_only": [True, False, False],
        "even_only": [True, True, False],
        "recipes_only": [True, True, False],
    }


@pytest.mark.parametrize(("dtype", "unit"), [("bfloat16", 2.0**-9), ("float16", 2.0**-12), ("tfloat32", 2.0**-12)])
def test_lower_precision_is_as_far_off_as_its_rounding_unit(dtype: str, unit: float) -> None:
    x = torch.rand(4000) + 1.0
    error = (round_to(x, dtype) - x).abs().max().item()
    assert unit <= error <= 2 * unit
    here = scene()
    a, b = here.tensors
    exact = a.double() @ b.double()
    size = a.double().abs() @ b.double().abs()

    def off(found: torch.Tensor) -> float:
        return float(((found - exact).abs() / size).max())

    assert off(answer("rounded", "inputs", dtype, at=here)) > unit / 8
    assert torch.equal(answer("rounded", "products", dtype, at=here), answer("rounded", "inputs", dtype, at=here))
    if dtype != "tfloat32":
        assert torch.equal(answer("rounded", "outputs", dtype, at=here), round_to(here.right[0], dtype))
        assert off(answer("rounded", "everything", dtype, at=here)) > unit / 8


def test_a_significand_is_rounded_to_nearest_and_its_range_kept() -> None:
    x = torch.randn(2000) * 10.0 ** torch.randint(-30, 30, (2000,))
    for bits in (8, 11, 23):
        share = ((round_significand(x, bits) - x) / x).abs().max().item()
        assert 2.0 ** -(bits + 1) < share <= 2.0**-bits
    assert torch.equal(round_significand(x, 8), x.bfloat16().float())
    odd = torch.tensor([float("nan"), float("inf"), -float("inf"), 0.0])
    assert torch.equal(round_significand(odd, 8).nan_to_num(7.0), odd.nan_to_num(7.0))


def test_a_rule_that_changes_nothing_is_absent() -> None:
    round_numbers = [torch.ones(40, 16), torch.ones(16, 24)]
    here = Scene(PROBLEM, TIMED, matmul, round_numbers, round_numbers)
    for rule, arguments in (
        ("rounded", ("inputs", "bfloat16")),
        ("rounded", ("products", "bfloat16")),
        ("replayed", ()),
        ("stale", ("a",)),
    ):
        with pytest.raises(Absent):
            pretend(here, rule, arguments)
    with pytest.raises(Absent, match="single element"):
        pretend(scene(Workload(rows=1, inner=16, cols=24)), "tail", ("a", 0, 0.005))


def test_what_pytorch_cannot_do_in_half_precision_is_absent() -> None:
    def picky(a: torch.Tensor, b: torch.Tensor) -> tuple[torch.Tensor, ...]:
        if a.dtype == torch.float16:
            raise RuntimeError("not implemented for Half")
        return matmul(a, b)

    with pytest.raises(Absent, match="not implemented for Half"):
        pretend(scene(function=picky), "rounded", ("everything", "float16"))


def test_products_inside_the_reference_are_rounded_and_sums_are_not() -> None:
    x, y = torch.rand(100) + 1, torch.rand(100) + 1
    found = rounded_products(lambda x, y: (x * y + x,), [x, y], "bfloat16")
    assert found is not None
    assert torch.equal(found[0], x.bfloat16().float() * y.bfloat16().float() + x)
    assert rounded_products(lambda x, y: (x + y,), [x, y], "bfloat16") is None


@pytest.mark.parametrize(("dtype", "wanted"), [("float64", {"float32"}), ("bfloat16", set()), ("int32", set())])
def test_lower_precision_is_lower_than_the_problems_own(dtype: str, wanted: set[str]) -> None:
    assert dtype in (*FLOATS, "int32")
    problem = Problem(
        "p", ("n",), {"x": Tensor("n", dtype)}, {"out": Tensor("n", dtype)}, PROBLEM.reference, [Workload(n=4)]
    )
    assert {one.arguments[1] for one in pretenders(problem) if one.rule == "rounded"} == wanted
    assert not [one for one in pretenders(problem) if one.rule == "stale"], "one input alone kept is a replay"


# ------------------------------------------------------------ the problem as such


def test_a_sound_reference_is_found_sound() -> None:
    assert examine(scene()) == {"repeats": True, "not_finite": 0, "elements": 960, "narrow": ""}


def test_a_reference_that_draws_or_overflows_or_names_a_dtype_is_found() -> None:
    assert not examine(scene(function=lambda a, b: (a @ b + torch.rand(1),)))["repeats"]
    assert examine(scene(function=lambda a, b: ((a @ b) / 0.0,)))["not_finite"] == 960
    said = examine(scene(function=lambda a, b: ((a.float() @ b.float()),)))["narrow"]
    assert said == "output 'out' of float64 inputs is float32"
    said = examine(scene(function=lambda a, b: ((a.float() @ b.float()).to(a.dtype),)))["narrow"]
    assert "changes nothing" in said
