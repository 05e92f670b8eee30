"""Programs that name narrow types, hold tensors in objects, run on several ranks, or need what GPUs alone have."""

import math
from dataclasses import dataclass
from typing import Any

import pytest
import torch

from warploom.errors import ProblemError, WrongReference
from warploom.judge.content.own_draws import draw
from warploom.problems.importers.exact import in_double
from warploom.problems.importers.nesting import leaves, refill
from warploom.problems.importers.program import Program
from warploom.problems.importers.stand_ins import scaled_mm
from warploom.problems.importers.study import Request, study
from warploom.problems.native import execute
from warploom.values.problem import Problem, Tensor, Workload

pytestmark = pytest.mark.torch

FLOAT64 = torch.float64


def bring(tmp_path: Any, text: str, entry: str = "ref_kernel", **how: Any) -> Problem:
    how = {"arguments": "generate_input", "one_argument": True, "training": False, **how}
    if how["arguments"] == "generate_input":
        how.setdefault("settings", ({"size": 96, "seed": 5},))
    program = Program((("foreign.py", f"import torch\nfrom torch import nn\n{text}"),), entry, **how)
    path = tmp_path / "problem.py"
    path.write_text(study(Request(program, "imported", "a title", "auto")))
    return execute(path)


def call(problem: Problem, *tensors: torch.Tensor) -> tuple[torch.Tensor, ...]:
    assert callable(problem.reference)
    return tuple(problem.reference(*tensors))


# ------------------------------------------------------------ exactly


def test_nothing_that_is_float64_is_narrowed() -> None:
    x = torch.linspace(0, 1, 7, dtype=FLOAT64) / 3
    half = torch.ones(7, 7, dtype=torch.float16) / 4
    with in_double():
        for found in (x.float(), x.half(), x.bfloat16(), x.to(torch.float32), x.to(half), x.to(dtype=torch.float16)):
            assert found.dtype is FLOAT64
            assert torch.equal(found, x)
        assert x.type(torch.float32).dtype is x.type("torch.FloatTensor").dtype is x.type_as(half).dtype is FLOAT64
        assert x.to("cpu", torch.bfloat16).dtype is FLOAT64
        assert x.sum(dtype=torch.float32).dtype is x.softmax(0, dtype=torch.float32).dtype is FLOAT64
        room = torch.zeros(7, dtype=torch.float16)
        room[...] = x
        assert torch.equal(room, x)
        assert torch.allclose(half @ x, x.sum().expand(7) / 4), "what meets a wide tensor is widened"
        assert torch.arange(7, dtype=torch.bfloat16).dtype is torch.bfloat16, "a constant keeps the value it was given"
        assert half.float().dtype is torch.float32
        assert x.to(torch.int32).dtype is torch.int32
        assert x.to(torch.float8_e4m3fn).dtype is torch.float8_e4m3fn
        with pytest.raises(RuntimeError, match="size"):
            half[:3] @ x[:2]
    assert x.float().dtype is torch.float32
    assert torch.get_default_dtype() is torch.float32


def test_a_reference_that_names_types_has_an_exact_answer(tmp_path: Any) -> None:
    text = """
def generate_input(size, seed):
    return torch.randn(size, generator=torch.Generator(device="cuda").manual_seed(seed))
def ref_kernel(data):
    return (data.half() / 3).to(torch.float32).sum(dtype=torch.float64).to(torch.float32)
"""
    problem = bring(tmp_path, text)
    x = torch.linspace(0.1, 1, 96, dtype=FLOAT64)
    (plain,), (exact,) = call(problem, x.float()), call(problem, x)
    assert (plain.dtype, exact.dtype) == (torch.float32, FLOAT64)
    assert float(exact) == pytest.approx(float(x.sum()) / 3, rel=1e-14)
    assert float(plain) != pytest.approx(float(exact), rel=1e-7)


# ------------------------------------------------------------ own draws


def test_the_programs_own_generator_stands_beside_our_recipes(tmp_path: Any) -> None:
    text = "n = 64\ndef f(x, y): return x + y\ndef get_inputs(): return [torch.rand(n), torch.randint(0, 5, (n,))]\n"
    how: dict[str, Any] = {"arguments": "get_inputs", "one_argument": False}
    problem = bring(tmp_path, text, "f", **how)
    assert [one.recipe for one in problem.held_out].count("own") == 1
    assert problem.workloads[0].recipe == "normal"
    first, again, other = (draw(problem, {"n": 64}, seed) for seed in (1, 1, 2))
    assert torch.equal(first[0], again[0])
    assert not torch.equal(first[0], other[0])
    assert float(first[0].min()) >= 0
    with pytest.raises(WrongReference, match="outside of the range"):
        draw(execute_with(tmp_path, "high=5", "high=2"), {"n": 64}, 1)
    same = bring(tmp_path, text.replace("torch.rand(n), torch.randint(0, 5, (n,))", "torch.ones(n), 3"), "f", **how)
    assert "own" not in {one.recipe for one in same.held_out}, "a generator that always draws the same is none"


def execute_with(tmp_path: Any, old: str, new: str) -> Problem:
    text = (tmp_path / "problem.py").read_text()
    assert text.count(old) == 1
    (tmp_path / "other.py").write_text(text.replace(old, new))
    return execute(tmp_path / "other.py")


def test_arguments_with_a_distribution_of_their_own(tmp_path: Any) -> None:
    text = """
def generate_input(size, seed):
    torch.manual_seed(seed)
    x = torch.rand(size)
    return x, x.cumsum(0)
def ref_kernel(data):
    x, sums = data
    return torch.log(sums[-1] - sums + x) + torch.sqrt(sums - x + 1e-3)
"""
    problem = bring(tmp_path, text)
    assert {one.recipe for one in (*problem.workloads, *problem.held_out)} == {"own"}
    x, sums = draw(problem, problem.workloads[0].extents, 11)
    assert torch.equal(sums, x.cumsum(0))
    assert problem.workloads == [Workload(recipe="own", size=96)]


def test_a_reference_without_a_generator_draws_nothing() -> None:
    problem = Problem("f", (), {}, {"out": Tensor("")}, math.sqrt, [Workload()])
    with pytest.raises(WrongReference, match=r"a method own_inputs\(shapes, seed\)"):
        draw(problem, {}, 1)


# ------------------------------------------------------------ objects


@dataclass
class Setup:
    weight: torch.Tensor
    times: int
    rest: Any = None


def test_tensors_in_objects_are_found_and_replaced() -> None:
    module = torch.nn.Linear(2, 3)
    given = (Setup(torch.ones(2), 4, {"k": [torch.zeros(1)]}), module)
    named = dict(leaves(given))
    assert list(named) == ["_0_weight", "_0_rest_k_0", "_1_weight", "_1_bias"]
    others = [torch.full_like(one, 7.0) for one in named.values()]
    setup, other = refill(given, iter(others))
    assert torch.equal(setup.weight, torch.full((2,), 7.0))
    assert setup.times == 4
    assert float(other(torch.ones(1, 2)).detach()[0, 0]) == 21
    assert float(given[0].weight[0]) == 1
    assert not torch.equal(module.weight, other.weight)


def test_an_object_that_a_call_changes_is_new_in_every_call(tmp_path: Any) -> None:
    text = """
class Cache(nn.Module):
    def __init__(self, size):
        super().__init__()
        self.register_buffer("data", torch.zeros(size + 4, dtype=torch.bfloat16))
        self.length = 0
    def forward(self, x):
        self.data = self.data.to(x.dtype)
        self.data[self.length : self.length + len(x)] = x
        self.length += len(x)
        return self.data, self.length
def generate_input(size, seed):
    torch.manual_seed(seed)
    cache = Cache(size)
    cache(torch.randn(3, dtype=torch.bfloat16))
    return torch.randn(size, dtype=torch.bfloat16), cache
def ref_kernel(data):
    x, cache = data
    return cache(x)[0] * 2
"""
    problem = bring(tmp_path, text)
    assert [tensor.dtype for tensor in problem.inputs.values()] == ["bfloat16", "bfloat16"]
    x, data = torch.randn(96).bfloat16(), torch.randn(100).bfloat16()
    (first,), (second,) = call(problem, x, data), call(problem, x, data)
    assert torch.equal(first, second)
    assert torch.equal(first, 2 * torch.cat([data[:3], x, data[-1:]]))


# ------------------------------------------------------------ ranks


def test_the_ranks_of_a_job_are_one_call(tmp_path: Any) -> None:
    text = """
import torch.distributed as dist
def generate_input(rank, world_size, size, seed):
    device = torch.device(f"cuda:{rank}")
    generator = torch.Generator(device=device)
    generator.manual_seed(seed + rank)
    return torch.randn(size * world_size, generator=generator, device=device), rank
def ref_kernel(data):
    x, rank = data
    world = dist.get_world_size()
    every = torch.empty(world * len(x), device=x.device)
    dist.all_gather_into_tensor(every, x)
    mine = torch.empty(len(x) // world, device=x.device)
    dist.reduce_scatter_tensor(mine, x)
    swapped = torch.empty_like(x)
    dist.all_to_all_single(swapped, x)
    total = x.clone()
    dist.all_reduce(total)
    return every.sum() + rank, mine, swapped, total
"""
    problem = bring(tmp_path, text, settings=({"world_size": 2, "size": 40, "seed": 3},), ranks=True)
    assert len(problem.inputs) == 2
    assert len(problem.outputs) == 8
    for dtype in (torch.float32, FLOAT64):
        x, y = torch.randn(80, dtype=dtype), torch.randn(80, dtype=dtype)
        found = call(problem, x, y)
        assert {one.dtype for one in found} == {dtype}
        torch.testing.assert_close(found[0] + 1, found[4])
        torch.testing.assert_close(found[1], (x + y)[:40])
        torch.testing.assert_close(found[5], (x + y)[40:])
        assert torch.equal(found[2], torch.cat([x[:40], y[:40]]))
        assert torch.equal(found[6], torch.cat([x[40:], y[40:]]))
        assert torch.equal(found[3], found[7])


def test_what_goes_wrong_on_one_rank_is_said(tmp_path: Any) -> None:
    text = """
def generate_input(rank, world_size, size, seed):
    return torch.ones(size), rank
def ref_kernel(data):
    if data[1]:
        raise ValueError("rank 1 cannot")
    torch.distributed.barrier()
    return data[0]
"""
    with pytest.raises(ValueError, match="rank 1 cannot"):
        bring(tmp_path, text, settings=({"world_size": 2, "size": 40, "seed": 3},), ranks=True)


# ------------------------------------------------------------ what GPUs alone have


def blocked(scales: torch.Tensor) -> torch.Tensor:
    """The order that cuBLAS wants, shape [rows, columns]."""
    rows, columns = scales.shape[0] // 128, scales.shape[1] // 4
    blocks = scales.view(rows, 128, columns, 4).permute(0, 2, 1, 3)
    return blocks.reshape(-1, 4, 32, 4).transpose(1, 2).reshape(-1, 32, 16).flatten()


def test_products_of_four_bits() -> None:
    generator = torch.Generator().manual_seed(1)
    m, n, k = 128, 256, 128
    table = [0, 0.5, 1, 1.5, 2, 3, 4, 6]
    codes = [torch.randint(0, 16, (rows, k), generator=generator) for rows in (m, n)]
    scales = [torch.randint(1, 5, (rows, k // 16), generator=generator).to(torch.float8_e4m3fn) for rows in (m, n)]
    values = [
        torch.tensor([-table[code - 8] if code > 7 else table[code] for code in one.flatten().tolist()]).view(one.shape)
        * scale.float().repeat_interleave(16, dim=1)
        for one, scale in zip(codes, scales, strict=True)
    ]
    a, b = (one[:, 0::2].add(16 * one[:, 1::2]).to(torch.uint8).view(torch.float4_e2m1fn_x2) for one in codes)
    found = scaled_mm(a, b.transpose(0, 1), blocked(scales[0]), blocked(scales[1]), out_dtype=torch.float32)
    assert torch.equal(found, values[0] @ values[1].T)


def test_types_of_eight_bits_are_bytes_to_a_kernel(tmp_path: Any) -> None:
    text = """
def generate_input(size, seed):
    torch.manual_seed(seed)
    return torch.randn(size, device="cuda").to(torch.float8_e4m3fn), torch.randn(size)
def ref_kernel(data):
    return data[0].to(torch.float32) * data[1]
"""
    problem = bring(tmp_path, text)
    assert [tensor.dtype for tensor in problem.inputs.values()] == ["uint8", "float32"]
    packed = torch.tensor([1.5, -2.0] * 48).to(torch.float8_e4m3fn)
    (found,) = call(problem, packed.view(torch.uint8), torch.full((96,), 3.0))
    assert found.tolist() == [4.5, -6.0] * 48
    assert "own" in {one.recipe for one in problem.held_out}


# ------------------------------------------------------------ sizes


def test_a_task_whose_first_sizes_are_too_large_is_timed_at_others(tmp_path: Any) -> None:
    text = """
def generate_input(lengths, seed):
    torch.manual_seed(seed)
    return [torch.randn(length) for length in lengths]
def ref_kernel(data):
    return [one * 2 for one in data]
"""
    settings = ({"lengths": [1 << 30, 8], "seed": 1}, {"lengths": [96, 40], "seed": 1})
    problem = bring(tmp_path, text, settings=settings)
    assert [tensor.shape for tensor in problem.inputs.values()] == ["96", "40"]
    with pytest.raises(ProblemError, match="it is too large"):
        bring(tmp_path, text, settings=settings[:1])


def test_arguments_are_made_smaller_before_a_call_that_needs_content(tmp_path: Any) -> None:
    text = """
def generate_input(size, seed):
    return torch.randn(size, device="cuda")
def ref_kernel(data):
    assert len(data) < 1 << 26, "called before it was made smaller"
    return data * float(data[0].item())
"""
    problem = bring(tmp_path, text, settings=({"size": 1 << 27, "seed": 1},))
    assert problem.workloads[0].extents["size"] < 1 << 25
    assert f"size {1 << 27} →" in problem.title


def test_products_in_half_precision_are_made_smaller(tmp_path: Any) -> None:
    text = """
n = 1024
def f(x, y): return x @ y
def get_inputs(): return [torch.rand(n, n, dtype=torch.{}), torch.rand(n, n, dtype=torch.{})]
"""
    how: dict[str, Any] = {"arguments": "get_inputs", "one_argument": False}
    sizes = {
        kind: bring(tmp_path, text.format(kind, kind), "f", **how).workloads[0].extents["n"]
        for kind in ("float32", "float16")
    }
    assert sizes["float16"] < sizes["float32"]
