"""The tolerance accepts honest rounding and refuses half precision."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from warploom.errors import WrongReference
from warploom.judge.comparison.compare import Comparison, Expected, compare
from warploom.judge.comparison.tolerance import Calibrated, calibrate, neighbourhood_max, typical
from warploom.judge.content.inputs import decode, draw, encode
from warploom.judge.content.layout import Array
from warploom.values.problem import Problem, Reference, Tensor, Workload
from warploom.values.shape import extents
from warploom.values.tolerance import Tolerance

pytestmark = pytest.mark.torch

FACTOR = 16.0


def calibrated(
    function: Callable[..., Any],
    shapes: dict[str, str],
    out: str,
    workload: Workload,
    seed: int = 0,
    dtype: str = "float32",
    factor: float = FACTOR,
) -> tuple[list[Array], Calibrated]:
    axes = workload.extents
    problem = Problem(
        name="p",
        axes=tuple(axes),
        inputs={name: Tensor(shape, dtype) for name, shape in shapes.items()},
        outputs={"out": Tensor(out, dtype)},
        reference=Reference("p.py", "p", ""),
        workloads=[workload],
        tolerance=Tolerance(factor=factor),
    )
    rng = np.random.default_rng(seed)
    arrays = [
        draw(tensor, workload.recipe, int(np.prod(extents(tensor.shape, axes))), axes, rng)
        for tensor in problem.inputs.values()
    ]
    kinds = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float64": torch.float64}
    tensors = [
        torch.frombuffer(bytearray(array.tobytes()), dtype=kinds[dtype]).view(extents(tensor.shape, axes))
        for array, tensor in zip(arrays, problem.inputs.values(), strict=True)
    ]
    (found,) = calibrate(lambda *arguments: (function(*arguments),), tensors, problem, axes, seed)
    return [decode(a, dtype).reshape(t.shape) for a, t in zip(arrays, tensors, strict=True)], found


def judged(own: Array, found: Calibrated, dtype: str = "float32") -> Comparison:
    stored = encode(own.reshape(-1), dtype)
    return compare(stored, dtype, Expected(found.expected, found.tolerance, found.otherwise), 1)


def half(values: Array, dtype: str) -> Array:
    return decode(encode(values.reshape(-1), dtype), dtype).reshape(values.shape)


def exp_by_polynomial(x: Array) -> Array:
    """Within a few units in the last place: Cody-Waite reduction and a degree 6 polynomial, all in float32."""
    n = np.rint(x * np.float32(1.44269504))
    r = (x - n * np.float32(0.693359375)) - n * np.float32(-2.12194440e-4)
    p: Array = np.full_like(r, 1.9875691500e-4)
    for c in (1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1, 5.0000001201e-1):
        p = p * r + np.float32(c)
    return np.ldexp(p * r * r + r + np.float32(1), n.astype(np.int32)).astype(np.float32)


# ------------------------------------------------------------ softmax


@pytest.mark.parametrize("recipe", ["normal", "large", "offset", "ties"])
@pytest.mark.parametrize(("rows", "cols"), [(64, 513), (1, 7)])
def test_softmax(recipe: str, rows: int, cols: int) -> None:
    (x,), found = calibrated(
        lambda x: torch.softmax(x, -1), {"x": "rows cols"}, "rows cols", Workload(rows=rows, cols=cols, recipe=recipe)
    )

    def softmax(values: Array, exp: Callable[[Array], Array] = np.exp) -> Array:
        e = exp(values - values.max(axis=1, keepdims=True))
        return e / np.cumsum(e, axis=1, dtype=np.float32)[:, -1:]  # one after another, as a plain loop adds

    assert judged(softmax(x), found).guard == ""
    if recipe != "large":
        assert judged(softmax(x, exp_by_polynomial), found).guard == ""
    if rows > 1:
        assert judged(half(softmax(x), "bfloat16"), found).guard == "wrong_result"
        assert judged(half(softmax(x), "float16"), found).guard == "wrong_result"
        if recipe != "ties":
            assert judged(softmax(half(x, "bfloat16")), found).guard == "wrong_result"


def test_the_default_accepts_a_plain_loop_over_thousands_and_refuses_half_precision() -> None:
    (x,), found = calibrated(
        lambda x: torch.softmax(x, -1),
        {"x": "rows cols"},
        "rows cols",
        Workload(rows=64, cols=4096),
        factor=Tolerance().factor,
    )
    e = np.exp(x - x.max(axis=1, keepdims=True))
    in_order = e / np.cumsum(e, axis=1, dtype=np.float32)[:, -1:]
    honest = judged(in_order, found)
    assert honest.guard == ""
    assert honest.max_rel_error > 4 / Tolerance().factor, "four error levels would not do"
    for dtype in ("bfloat16", "float16"):
        assert judged(half(in_order, dtype), found).max_rel_error > 8
        rounded = half(x, dtype)
        e = np.exp(rounded - rounded.max(axis=1, keepdims=True))
        assert judged(e / e.sum(axis=1, keepdims=True), found).max_rel_error > 8


# ------------------------------------------------------------ matmul


def matmul_in_order(a: Array, b: Array, block: int = 1) -> Array:
    total = np.zeros((a.shape[0], b.shape[1]), dtype=np.float32)
    for k in range(0, a.shape[1], block):
        total += a[:, k : k + block] @ b[k : k + block]
    return total


@pytest.mark.parametrize("recipe", ["normal", "wide", "spikes", "offset"])
def test_matmul(recipe: str) -> None:
    (a, b), found = calibrated(
        torch.matmul,
        {"a": "m k", "b": "k n"},
        "m n",
        Workload(m=33, k=300, n=40, recipe=recipe),
    )
    for block in (1, 8, 300):
        assert judged(matmul_in_order(a, b, block), found).guard == "", block
    for dtype in ("bfloat16", "float16"):
        with np.errstate(all="ignore"):
            cheap = matmul_in_order(half(a, dtype), half(b, dtype), 300)
        assert judged(cheap, found).guard == "wrong_result", dtype
    skipped = matmul_in_order(a[:, :-1], b[:-1], 300)
    assert judged(skipped, found).guard == "wrong_result"


# ------------------------------------------------------------ sum


@pytest.mark.parametrize("recipe", ["normal", "offset", "wide"])
@pytest.mark.parametrize("rows", [1, 50])
def test_sum(recipe: str, rows: int) -> None:
    (x,), found = calibrated(
        lambda x: torch.sum(x, dim=1),
        {"x": "rows terms"},
        "rows",
        Workload(rows=rows, terms=1000, recipe=recipe),
        seed=rows,
    )
    in_order = np.cumsum(x, axis=1, dtype=np.float32)[:, -1]
    lanes = np.cumsum(x.reshape(rows, 125, 8), axis=1, dtype=np.float32)[:, -1].sum(axis=1, dtype=np.float32)
    assert judged(in_order, found).guard == ""
    assert judged(lanes, found).guard == ""
    assert judged(np.cumsum(half(x, "bfloat16"), axis=1, dtype=np.float32)[:, -1], found).guard == "wrong_result"
    assert judged(np.zeros(rows, "f4"), found).guard == "wrong_result"
    sampled = 2 * x[:, ::2].sum(axis=1, dtype=np.float32)
    assert judged(sampled, found).guard == "wrong_result"


def test_a_running_sum_in_order_is_right_everywhere() -> None:
    (x,), found = calibrated(
        lambda x: torch.cumsum(x, -1), {"x": "rows cols"}, "rows cols", Workload(rows=400, cols=500), factor=64.0
    )
    assert judged(np.cumsum(x, axis=1, dtype=np.float32), found).guard == ""


# ------------------------------------------------------------ the rest of it


def test_poles_make_no_room_elsewhere() -> None:
    """Near its poles a tangent is off by thousands; zeros everywhere must not pass for that."""
    for seed in range(3):
        (x,), found = calibrated(torch.tan, {"x": "n"}, "n", Workload(n=1 << 18), seed, factor=64.0)
        assert judged(np.tan(x), found).guard == ""
        zeros = judged(np.zeros_like(x), found)
        assert zeros.guard == "wrong_result"
        ordinary = np.abs(found.expected) < 2
        assert np.median(found.tolerance[ordinary]) < 0.2
        shortcut = half(x, "bfloat16")
        assert judged(np.tan(shortcut), found).guard == "wrong_result"


def test_the_typical_error_knows_no_outliers_and_forgets_no_crowd() -> None:
    errors, exact = np.full(100_000, 2.0), np.full(100_000, 0.1)
    assert typical(errors, exact) == 2.0
    errors[:900] = 1e9
    assert typical(errors, exact) == 2.0
    errors[:50_000] = 20.0
    assert typical(errors, exact) == pytest.approx(np.sqrt((400 + 4) / 2))
    assert typical(np.array([3.0]), np.array([1.0])) == 3.0


def test_what_lies_between_two_saturated_ends_has_room() -> None:
    """Of a clamped product a few elements are not clamped; they are off by what the sum before them is off."""
    errors, exact = np.full(100_000, 1e-8), np.full(100_000, 4e-8)
    errors[::500] = 1e-3
    assert typical(errors, exact) == pytest.approx(1e-3 / np.sqrt(500), rel=1e-3)


def test_special_values_are_what_the_oracle_says() -> None:
    (x,), found = calibrated(
        lambda x: torch.softmax(x, -1), {"x": "rows cols"}, "rows cols", Workload(rows=60, cols=20, recipe="special")
    )
    with np.errstate(all="ignore"):
        e = np.exp(x - x.max(axis=1, keepdims=True))
        honest = e / e.sum(axis=1, keepdims=True)
        e = np.exp(np.fmax(x - np.fmax.reduce(x, axis=1, keepdims=True), -80))  # fmax takes the number
        clamped = e / e.sum(axis=1, keepdims=True)
        ignoring = np.nan_to_num(honest)
    assert np.isnan(found.expected).any()
    assert np.isfinite(found.expected).any()
    assert judged(honest, found).guard == ""
    assert judged(ignoring, found).guard == "not_finite"
    assert judged(clamped, found).guard != ""


def test_where_the_reference_overflows_either_answer_counts() -> None:
    (x,), found = calibrated(
        lambda x: x / torch.sqrt((x * 1e18 * x * 1e18).mean(1, keepdim=True)),
        {"x": "rows cols"},
        "rows cols",
        Workload(rows=3, cols=50, recipe="large"),
    )
    assert found.otherwise is not None or np.isfinite(found.expected).all()
    exact = x.astype(np.float64)
    exact = exact / np.sqrt((exact * 1e18 * exact * 1e18).mean(1, keepdims=True))
    assert judged(exact.astype(np.float32), found).guard == ""


def test_bfloat16_problems_allow_bfloat16_rounding_and_no_more() -> None:
    (x,), found = calibrated(lambda x: x * 1.5, {"x": "n"}, "n", Workload(n=3000), dtype="bfloat16")
    assert judged(x * np.float32(1.5), found, "bfloat16").guard == ""
    assert judged(x * np.float32(1.5 * (1 + 2**-2)), found, "bfloat16").guard == "wrong_result"


def test_double_problems_refuse_single_precision() -> None:
    (x,), found = calibrated(lambda x: x * 3, {"x": "n"}, "n", Workload(n=300), dtype="float64")
    assert found.expected.dtype == np.float64
    assert judged(x * 3, found, "float64").guard == ""
    assert judged((x.astype("f4") * np.float32(3)).astype("f8"), found, "float64").guard == "wrong_result"


def test_absolute_and_relative_are_added() -> None:
    workload = Workload(n=10)
    problem = Problem(
        name="p",
        axes=("n",),
        inputs={"x": Tensor("n")},
        outputs={"out": Tensor("n")},
        reference=Reference("p.py", "p", ""),
        workloads=[workload],
        tolerance=Tolerance(factor=1e-9, absolute=0.5, relative=0.25),
    )
    x = torch.full((10,), 8.0)
    (found,) = calibrate(lambda x: (x,), [x], problem, workload.extents, 0)
    assert found.tolerance == pytest.approx(np.full(10, 2.5))


def test_integer_outputs_are_exact_and_wrong_shapes_are_refused() -> None:
    workload = Workload(n=10)
    problem = Problem(
        name="p",
        axes=("n",),
        inputs={"x": Tensor("n")},
        outputs={"at": Tensor("1", "int64"), "any": Tensor("1", "bool")},
        reference=Reference("p.py", "p", ""),
        workloads=[workload],
    )
    x = torch.arange(10.0)
    at, anything = calibrate(lambda x: (x.argmax().view(1), (x > 8).any().view(1)), [x], problem, workload.extents, 0)
    assert at.expected.tolist() == [9]
    assert anything.expected.tolist() == [1]
    with pytest.raises(WrongReference, match=r"returns float32 .* for at, and outputs declares int64"):
        calibrate(lambda x: (x[:1], x[:1]), [x], problem, workload.extents, 0)
    with pytest.raises(WrongReference, match="returns 1 tensor, and outputs declares at int64"):
        calibrate(lambda x: (x[:1],), [x], problem, workload.extents, 0)


def test_neighbourhood_reaches_one_block_to_each_side() -> None:
    error = np.zeros(1000)
    error[200] = 1.0
    spread = neighbourhood_max(error)
    assert spread.shape == (1000,)
    assert np.flatnonzero(spread).tolist() == list(range(128, 320))
