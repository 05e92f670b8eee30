"""Lower references of every family and call what came out: ``python lowering_harness.py DIRECTORY [CASE…]``.

Each case is a function with many outputs, one an operator or a use of one. It is traced at three shapes, lowered, built
without optimisation and called at these and at a fourth one that was not traced. Prints a JSON object: case →
complaints. A process of its own, because it imports torch.
"""

import ctypes
import inspect
import json
import subprocess
import sys
from collections.abc import Callable
from math import prod
from pathlib import Path
from typing import Any
from unittest import mock

import torch
from torch.nn import functional as f

from warploom.problems.lowering import trace
from warploom.problems.lowering.lower import written
from warploom.problems.lowering.trace import traces
from warploom.values.problem import ITEM_BYTES, Problem, Tensor, Workload
from warploom.values.shape import extents
from warploom.values.signature import signature

CASES: dict[str, tuple[Callable[..., Any], dict[str, Tensor], list[dict[str, int]]]] = {}
AXES = [{"n": 6, "m": 10}, {"n": 3, "m": 7}, {"n": 4, "m": 9}]
"""The first is timed, the others held out; mostly a fourth one that is not traced follows."""


def case(**inputs: str | Tensor) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    def enter(function: Callable[..., Any]) -> Callable[..., Any]:
        tensors = {name: one if isinstance(one, Tensor) else Tensor(one) for name, one in inputs.items()}
        # Lengths of windows that differ elsewhere may be the same at the few shapes that are traced.
        last = AXES[1] if function.__name__ in ("pools", "convolutions") else {"n": 5, "m": 12}
        CASES[function.__name__] = (function, tensors, [*AXES, last])
        return function

    return enter


@case(x="n m", y="n m", row="m")
def pointwise(x, y, row):  # type: ignore[no-untyped-def]
    p, inside = x.abs() + 0.5, torch.tanh(x) * 0.9
    return (
        *(
            one(x)
            for one in (torch.abs, torch.atan, torch.asinh, torch.ceil, torch.cos, torch.erf, torch.exp, torch.sin)
        ),
        *(one(x) for one in (torch.expm1, torch.floor, torch.neg, torch.relu, torch.round, torch.sigmoid, torch.sign)),
        *(one(x) for one in (torch.square, torch.tanh, torch.trunc, torch.sinh, torch.cosh, torch.tan, torch.exp2)),
        *(
            one(p)
            for one in (torch.log, torch.log2, torch.log10, torch.log1p, torch.sqrt, torch.rsqrt, torch.reciprocal)
        ),
        *(one(inside) for one in (torch.acos, torch.asin, torch.atanh)),
        *(one(x, y) for one in (torch.add, torch.sub, torch.mul, torch.maximum, torch.minimum, torch.atan2)),
        *(one(x, p) for one in (torch.div, torch.fmod, torch.remainder, torch.floor_divide)),
        *(p**power for power in (2, 3, 4, -1, -2, 0.5, -0.5, 1.7)),
        torch.pow(p, y),
        torch.div(x, p, rounding_mode="trunc"),
        torch.div(x, p, rounding_mode="floor"),
        torch.add(x, y, alpha=3),
        2.0 - x,
        x * row + row.exp(),
        x / x.shape[1],
        x * x.shape[1] ** -0.5,
        torch.where(x > y, x, row),
        torch.where((x > 0) & (y < 1) | ~(x == y), x, -1.0),
        x.masked_fill(x < 0.1, 7.0),
        torch.lerp(x, y, 0.3),
        torch.addcmul(x, x, y, value=2),
    )


@case(x="n m", slope="1")
def activations(x, slope):  # type: ignore[no-untyped-def]
    return (
        *(one(x) for one in (f.relu6, f.selu, f.silu, f.mish, f.hardswish, f.hardsigmoid, f.softsign, f.logsigmoid)),
        *(
            one(x)
            for one in (f.gelu, f.elu, f.celu, f.leaky_relu, f.hardtanh, f.tanhshrink, f.softshrink, f.hardshrink)
        ),
        f.gelu(x, approximate="tanh"),
        f.elu(x, alpha=0.3),
        f.softplus(x, beta=2, threshold=3),
        f.threshold(x, 0.1, 20.0),
        f.prelu(x, slope),
        f.glu(torch.cat((x, x * 2), 1)),
        torch.clamp(x, -0.5, 0.25),
        torch.clamp(x, min=0.1),
        torch.clamp_max(x, 0.1),
        f.gelu(f.gelu(x * x) * x),
        f.dropout(x, 0.5, training=False),
    )


@case(x="n m 5", many="700")
def reductions(x, many):  # type: ignore[no-untyped-def]
    best, place = torch.max(x, dim=1)
    least, where = torch.min(x, dim=2, keepdim=True)
    return (
        x.sum(),
        x.sum(1),
        x.sum((0, 2)),
        x.sum(-1, keepdim=True) * 2,
        x.mean(),
        x.mean(1),
        x.mean((1, 2)),
        many.mean(),
        many.square().sum(),
        x.prod(2),
        x.amax(1),
        x.amin((0, 1)),
        x.max(),
        x.min(),
        best,
        place,
        least,
        where,
        x.argmax(0),
        x.argmin(2),
        x.argmax(),
        x.var(1),
        x.var((0, 2), correction=0),
        x.std(2),
        torch.norm(x),
        torch.norm(x, p=1, dim=1),
        torch.linalg.vector_norm(x, dim=2, keepdim=True),
        torch.logsumexp(x, 1),
        (x > 0).any(1),
        (x > -3).all(2),
        (x > 0).sum(1),
        x.cumsum(1),
        x.cumsum(2),
        (x * 0.1 + 1).cumprod(1),
        x.flip(1).cumsum(1).flip(1),
        many.cumsum(0),
        x.cumsum(1) - x,
    )


@case(x="n 6 m 4", weight="6", bias="6", last="4")
def norms(x, weight, bias, last):  # type: ignore[no-untyped-def]
    return (
        torch.softmax(x, 1),
        torch.softmax(x, -1),
        torch.log_softmax(x, 1),
        f.gelu(torch.softmax(f.gelu(x), -1)),
        f.layer_norm(x, (4,), last, last),
        f.layer_norm(x, (x.shape[2], 4)),
        f.group_norm(x, 3, weight, bias),
        f.instance_norm(x),
        f.batch_norm(x, None, None, weight, bias, training=True),
        f.batch_norm(x, bias, weight.abs(), weight, bias),
        f.rms_norm(x, (4,), last),
        f.normalize(x, dim=1),
        x / x.abs().mean(1, keepdim=True),
        x * torch.rsqrt(x.pow(2).mean(1, keepdim=True) + 1e-5),
    )


@case(a="n m", b="m 5", v="m", s="m m", batch="n m 3", other="n 3 4")
def products(a, b, v, s, batch, other):  # type: ignore[no-untyped-def]
    return (
        a @ b,
        (a @ b).relu() + 1,
        torch.softmax(a @ b, 1),
        f.linear(a, b.T, b[0]),
        torch.addmm(b[0], a, b, beta=2, alpha=3),
        a @ v,
        v @ v,
        torch.outer(v, v),
        a.T @ a,
        batch @ other,
        torch.baddbmm(batch, batch @ other[:, :, :3], s[:3, :3].expand(batch.shape[0], 3, 3)),
        torch.einsum("nmk,nkl->ml", batch, other),
        torch.einsum("nmk,kl->nml", batch, b[:3]),
        torch.tril(s) @ torch.tril(s),
        torch.triu(s, 1),
        torch.diag(v) @ b,
        f.scaled_dot_product_attention(batch[:, None], batch[:, None], batch[:, None]),
        torch.cdist(a, a[:2]) if False else torch.bmm(batch.transpose(1, 2), batch),
        (a @ b).sum(1),
        (a @ b).view(a.shape[0], 1, 5).expand(-1, 3, -1).amax(2),
    )


@case(
    x="n 4 m",
    y="n 4 m 8",
    z="2 4 m 5 6",
    w="6 4 3",
    g="8 2 3 3",
    t="4 6 2 3",
    d="4 1 3 3",
    c="3 4 2 2 2",
    b="6",
    e="n 1 3",
)
def convolutions(x, y, z, w, g, t, d, c, b, e):  # type: ignore[no-untyped-def]
    return (
        f.conv1d(x, w, b),
        f.conv1d(x, w, b, stride=2, padding=1, dilation=2),
        f.conv2d(y, g, groups=2),
        f.conv2d(y, g, groups=2, stride=(2, 1), padding=(1, 2), dilation=(1, 2)),
        f.conv2d(y, d, groups=4, padding=1),
        f.conv2d(y, d[:, :, :1, :1].expand(-1, 4, -1, -1)),
        f.conv3d(z, c),
        f.conv3d(z, c, stride=2, padding=1),
        f.conv_transpose1d(x, w[:4, :, :].transpose(1, 2)[:, :, :2], stride=3),
        f.conv_transpose2d(y, t, b),
        f.conv_transpose2d(y, t, b, stride=2, padding=1, output_padding=1),
        f.conv_transpose2d(y, t, stride=(2, 3), padding=(0, 1), dilation=(2, 1)),
        f.conv_transpose2d(y, t[:, :3], groups=2),
        f.conv_transpose3d(z, c.transpose(0, 1).expand(4, 3, 2, 2, 2), stride=2, padding=1),
        f.conv_transpose2d(y, t[..., :2], b, stride=3, padding=1).relu() * 2,
        f.conv_transpose2d(y, t, stride=(1, 2)).transpose(1, 3).exp(),
        f.conv_transpose2d(y, t, stride=2, padding=1).mean(dim=(2, 3)),
        f.conv_transpose2d(y, t, b, stride=2, output_padding=1)[..., :9, :9]
        + f.conv_transpose2d(y, t, stride=3)[..., :9, :9],
        f.conv1d(x, w, b).relu() * 2,
        f.group_norm(f.conv2d(y, g, groups=2), 4),
        f.conv1d(x.transpose(0, 1), e, groups=x.shape[0]),
        f.conv1d(x.transpose(0, 1), e.repeat_interleave(2, dim=0), groups=x.shape[0]),
        f.conv_transpose1d(x.transpose(0, 1), e, groups=x.shape[0], stride=2),
    )


@case(x="n 3 m", y="n 3 m 8", z="2 3 m 5 6")
def pools(x, y, z):  # type: ignore[no-untyped-def]
    return (
        f.max_pool1d(x, 3),
        f.max_pool1d(x, 3, stride=2, padding=1, dilation=2),
        f.max_pool2d(y, 2),
        f.max_pool2d(y, 3, stride=2, padding=1, ceil_mode=True),
        f.max_pool3d(z, 2),
        f.avg_pool1d(x, 4, stride=2, padding=1),
        f.avg_pool2d(y, (2, 3), stride=1),
        f.avg_pool2d(y, 3, stride=2, padding=1, ceil_mode=True, count_include_pad=False),
        f.avg_pool2d(y, 2, divisor_override=3),
        f.avg_pool3d(z, 2, padding=1),
        f.adaptive_avg_pool1d(x, 4),
        f.adaptive_avg_pool2d(y, 1),
        f.adaptive_avg_pool2d(y, (3, 4)),
        f.adaptive_avg_pool3d(z, (1, 2, 3)),
        f.adaptive_max_pool2d(y, (2, 3)),
        f.max_pool2d(f.avg_pool2d(y, 2).exp(), 2),
    )


@case(x="n m 6", y="n m 6", rows=Tensor("5", "int64", low=0, high="n"), at=Tensor("n m 2", "int64", low=0, high=6))
def places(x, y, rows, at):  # type: ignore[no-untyped-def]
    filled = x.clone()
    filled[:, 1:3] = y[:, :2] * 2
    filled[0] = 5.0
    return (
        torch.cat((x, y, x * 2), 1),
        torch.stack((x, y), 1),
        f.pad(x, (1, 2, 0, 3), value=2.0),
        f.pad(x, (-1, 2)),
        f.pad(x, (1, 2), mode="reflect"),
        f.pad(x, (2, 1), mode="replicate"),
        x[:, 1:, ::2],
        x[:, -2:],
        x[1],
        x[..., -1],
        x.permute(2, 0, 1),
        x.transpose(0, 2).reshape(6, -1),
        x.reshape(x.shape[0], -1) * 2,
        (x * 2).view(x.shape[0], x.shape[1], 2, 3).amax(2),
        x.flip((0, 2)),
        torch.roll(x, 2, 1),
        x.repeat(1, 2, 1),
        torch.gather(x, 2, at),
        x.index_select(0, rows),
        x[rows],
        x[:, rows % 3, :],
        f.embedding(rows, x[0]),
        f.one_hot(rows, 8),
        torch.arange(x.shape[1]) * 2 + x[0, :, 0],
        torch.zeros_like(x).scatter(2, at, 3.0),
        torch.diagonal(x, dim1=1, dim2=2),
        torch.full((3,), 4.5),
        x.unsqueeze(1).squeeze(1),
        torch.chunk(x, 2, 2)[1],
        torch.split(x, [1, 5], 2)[1],
        x.tril(),
        filled,
        x,
        x.detach(),
        torch.cat((torch.zeros_like(x[:, :1]), x.cumsum(1)[:, :-1]), 1),
        f.interpolate(x, scale_factor=2, mode="nearest"),
    )


@case(x="n m", y="n m", labels=Tensor("n", "int64", low=0, high="m"), z="n m")
def losses(x, y, labels, z):  # type: ignore[no-untyped-def]
    signs = torch.sign(y)
    return (
        f.mse_loss(x, y),
        f.l1_loss(x, y),
        f.smooth_l1_loss(x, y),
        f.huber_loss(x, y, delta=0.4),
        f.cross_entropy(x, labels),
        f.cross_entropy(x, labels, label_smoothing=0.1),
        f.nll_loss(x, labels, reduction="sum"),
        f.kl_div(torch.log_softmax(x, 1), torch.softmax(y, 1), reduction="batchmean"),
        f.binary_cross_entropy_with_logits(x, torch.sigmoid(y)),
        f.hinge_embedding_loss(x, signs),
        torch.mean(torch.clamp(1 - x * signs, min=0)),
        f.triplet_margin_loss(x, y, z),
        f.cosine_embedding_loss(x, y, signs[:, 0]),
        torch.mean(1 - f.cosine_similarity(x, y, dim=1)),
        f.soft_margin_loss(x, signs),
        f.margin_ranking_loss(x, y, signs, margin=0.2),
        f.poisson_nll_loss(x, y.abs()),
    )


@case(
    i=Tensor("n m", "int32", low=-9, high=9), k=Tensor("m", "int64", low=1, high=5), keep=Tensor("n m", "bool"), x="n m"
)
def whole_numbers(i, k, keep, x):  # type: ignore[no-untyped-def]
    return (
        i + k,
        i * 3 - 1,
        i // k,
        i % k,
        i / k,
        torch.clamp(i, -2, 3),
        torch.relu(k - 3),
        i.sum(1),
        i.amax(1),
        (x * keep).cumsum(1),
        x.masked_fill(keep, 0.0),
        keep.logical_not() | (i > 0),
        i.to(torch.float32) * x,
        x.to(torch.int64),
        keep.float().mean(),
        torch.bitwise_and(i, 3),
        keep.sum(),
        i.float().double() / 3,
        torch.where(keep, i, k),
    )


def drawn(tensor: Tensor, axes: dict[str, int], generator: torch.Generator) -> torch.Tensor:
    shape = extents(tensor.shape, axes)
    if tensor.dtype.startswith("float"):
        return torch.randn(shape, generator=generator).to(getattr(torch, tensor.dtype))
    high = axes[tensor.high] if isinstance(tensor.high, str) else tensor.high or 2
    low = tensor.low if isinstance(tensor.low, int) else 0
    return torch.randint(low, high, shape, generator=generator).to(getattr(torch, tensor.dtype))


def complaints(name: str, folder: Path) -> list[str]:
    function, inputs, shapes = CASES[name]
    generator = torch.Generator().manual_seed(3)
    calls = []
    for axes in shapes:
        tensors = [drawn(one, axes, generator) for one in inputs.values()]
        calls.append((axes, tensors, [one.contiguous() for one in function(*tensors)]))
    dtypes = [str(one.dtype).removeprefix("torch.") for one in calls[0][2]]
    outputs = {f"out_{place}": Tensor("1", dtype) for place, dtype in enumerate(dtypes)}  # shapes are the trace's
    workloads = [Workload("normal", **axes) for axes in shapes]
    problem = Problem(name, ("n", "m"), inputs, outputs, function, workloads[:1], workloads[1:-1])
    with mock.patch.object(trace, "check_returned"):
        source = written(problem, traces(problem))
    path = folder / f"{name}.cpp"
    path.write_text(source)
    library = folder / f"{name}.so"
    flags = [
        "-std=c++17",
        "-O0",
        "-fopenmp",
        "-fPIC",
        "-shared",
        "-w",
        "-fsanitize=bounds",
        "-fsanitize-undefined-trap-on-error",
    ]
    done = subprocess.run(["g++", *flags, "-o", str(library), str(path)], capture_output=True, text=True)
    if done.returncode:
        return [next(line for line in done.stderr.splitlines() if "error" in line)]
    kernel = getattr(ctypes.CDLL(str(library)), signature(problem).entry_point)
    kernel.restype = None
    found = []
    for axes, tensors, wanted in calls:
        results = [
            torch.full(
                (prod(one.shape) * ITEM_BYTES[str(one.dtype).removeprefix("torch.")] + 64,), 0x5A, dtype=torch.uint8
            )
            for one in wanted
        ]
        pointers = [ctypes.c_void_p(one.data_ptr()) for one in (*[t.contiguous() for t in tensors], *results)]
        kernel(*pointers, ctypes.c_int64(axes["n"]), ctypes.c_int64(axes["m"]))
        for place, (result, one) in enumerate(zip(results, wanted, strict=True)):
            if (result[-64:] != 0x5A).any():
                found.append(f"output {place} at {axes}: written beyond its end")
            answer = result[:-64].view(one.dtype).reshape(one.shape)
            if not torch.allclose(answer.double(), one.double(), rtol=1e-4, atol=1e-5, equal_nan=True):
                found.append(
                    f"output {place} at {axes}: {answer.flatten()[:4].tolist()} for {one.flatten()[:4].tolist()}"
                )
    return found


def main(folder: Path, names: list[str]) -> dict[str, list[str]]:
    torch.set_num_threads(1)
    found: dict[str, list[str]] = {}
    for name in names or list(CASES):
        assert len(inspect.signature(CASES[name][0]).parameters) == len(CASES[name][1])
        try:
            found[name] = complaints(name, folder)
        except Exception as error:
            if names:
                raise
            found[name] = [f"{type(error).__name__}: {str(error)[:300]}"]
    return found


if __name__ == "__main__":
    with torch.no_grad():
        print(json.dumps(main(Path(sys.argv[1]), sys.argv[2:])))
