"""A transformer block in plain PyTorch, with and without exported kernels: the same output, and what it takes.

    python benchmarks/transformer_block.py OPERATOR=PACKAGE…     # started by benchmarks/export.py

The block has the shapes of a model of 0.6 billion parameters: width 1024, 16 query heads on 8 key-value heads of 128,
a feed-forward part of 3072. Two scenes: *prefill* of 2048 tokens, and *decode* of one token after 4096. In each,
operators are replaced one for one; PyTorch does everything else. Times are of an ordinary PyTorch process: fresh
outputs, its own threads, which wait as the environment says (benchmarks/export.py: without spinning). Prints one JSON
object.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import sys
import time
from collections.abc import Callable, Mapping
from functools import partial
from importlib import import_module
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

WIDTH, HEADS, KV_HEADS, HEAD, FEED = 1024, 16, 8, 128, 3072
TOKENS, CONTEXT = 2048, 4096
EPSILON = 1e-6
LEAST_PAIRS = 5
Operator = Callable[..., Tensor]


def rms_norm_rows(x: Tensor, weight: Tensor) -> Tensor:
    """(rows, cols), (cols) → (rows, cols)."""
    return x * torch.rsqrt(x.square().mean(dim=-1, keepdim=True) + EPSILON) * weight


def swiglu(gate: Tensor, up: Tensor) -> Tensor:
    """Twice (rows, cols) → (rows, cols)."""
    return functional.silu(gate) * up


def gqa_decode(query: Tensor, keys: Tensor, values: Tensor) -> Tensor:
    """(heads, dim), twice (kv heads, context, dim) → (heads, dim)."""
    attended = functional.scaled_dot_product_attention(query[None, :, None], keys[None], values[None], enable_gqa=True)
    return attended[0, :, 0]


PLAIN: Mapping[str, Operator] = {"rms_norm_rows": rms_norm_rows, "swiglu": swiglu, "gqa_decode": gqa_decode}


class Block(nn.Module):
    """Attention and a gated feed-forward part, each behind a norm and beside a residual.

    Args:
        operators: name in :data:`PLAIN` → what computes it.
    """

    def __init__(self, operators: Mapping[str, Operator]) -> None:
        super().__init__()
        self.operators = dict(operators)
        self.query, self.key, self.value = (_linear(WIDTH, heads * HEAD) for heads in (HEADS, KV_HEADS, KV_HEADS))
        self.out = _linear(HEADS * HEAD, WIDTH)
        self.gate, self.up, self.down = _linear(WIDTH, FEED), _linear(WIDTH, FEED), _linear(FEED, WIDTH)
        self.before = nn.Parameter(torch.rand(WIDTH) + 0.5)
        self.between = nn.Parameter(torch.rand(WIDTH) + 0.5)

    def forward(self, x: Tensor, keys: Tensor | None = None, values: Tensor | None = None) -> Tensor:
        """(tokens, width) → (tokens, width); with keys and values of a context, x is the one token after it."""
        normed = self.operators["rms_norm_rows"](x, self.before)
        query = self.query(normed)
        if keys is not None:
            attended = self.operators["gqa_decode"](query.view(HEADS, HEAD), keys, values).reshape(1, -1)
        else:
            q, k, v = (_by_head(part) for part in (query, self.key(normed), self.value(normed)))
            mixed = functional.scaled_dot_product_attention(q, k, v, is_causal=True, enable_gqa=True)
            attended = mixed[0].transpose(0, 1).reshape(len(x), -1)
        x = x + self.out(attended)
        normed = self.operators["rms_norm_rows"](x, self.between)
        result: Tensor = x + self.down(self.operators["swiglu"](self.gate(normed), self.up(normed)))
        return result


def _linear(cols: int, rows: int) -> nn.Linear:
    layer = nn.Linear(cols, rows, bias=False)
    nn.init.normal_(layer.weight, std=1 / math.sqrt(cols))
    return layer


def _by_head(part: Tensor) -> Tensor:
    """(tokens, heads × dim) → (1, heads, tokens, dim)."""
    return part.view(len(part), -1, HEAD).transpose(0, 1)[None]


def paired(one: Callable[[], object], other: Callable[[], object], seconds: float) -> dict[str, float]:
    """Medians of calls in turn, in milliseconds, and the median of their ratios."""
    times: tuple[list[float], list[float]] = ([], [])
    for call in (one, other, one, other):
        call()
    end = time.perf_counter() + seconds
    while time.perf_counter() < end or len(times[0]) < LEAST_PAIRS:
        order = ((0, one), (1, other)) if len(times[0]) % 2 else ((1, other), (0, one))
        for side, call in order:
            begin = time.perf_counter_ns()
            call()
            times[side].append((time.perf_counter_ns() - begin) / 1e6)
    ratios = [first / second for first, second in zip(*times, strict=True)]
    return {
        "plain_ms": statistics.median(times[0]),
        "kernels_ms": statistics.median(times[1]),
        "times_faster": statistics.median(ratios),
        "pairs": len(ratios),
    }


def scene(plain: Block, mine: Block, inputs: tuple[Tensor, ...], packages: Mapping[str, Any], seconds: float) -> Any:
    """Output, paths and time of the block with kernels beside the plain one; compiled as well."""
    for package in packages.values():
        package.reset_counts()
    expected, found = plain(*inputs), mine(*inputs)
    paths = {name: package.counts() for name, package in packages.items()}
    result: dict[str, Any] = {
        "largest_difference": float((found - expected).abs().max()),
        "largest_value": float(expected.abs().max()),
        "paths": paths,
        "eager": paired(lambda: plain(*inputs), lambda: mine(*inputs), seconds),
    }
    compiled = [torch.compile(block, fullgraph=True, dynamic=False) for block in (plain, mine)]
    result["compiled_difference"] = float((compiled[1](*inputs) - expected).abs().max())
    result["compiled"] = paired(lambda: compiled[0](*inputs), lambda: compiled[1](*inputs), seconds)
    return result


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("packages", nargs="+", metavar="OPERATOR=PACKAGE")
    parser.add_argument("--seconds", type=float, default=8.0, help="of each measurement")
    parser.add_argument("--scenes", default="prefill,decode")
    words = parser.parse_args()
    packages = {name: import_module(package) for name, _, package in (one.partition("=") for one in words.packages)}
    replaced = {name: getattr(package, name) for name, package in packages.items()}
    torch.manual_seed(0)
    plain, mine = Block(PLAIN), Block({**PLAIN, **replaced})
    mine.load_state_dict(plain.state_dict())
    cache = torch.randn(KV_HEADS, CONTEXT, HEAD), torch.randn(KV_HEADS, CONTEXT, HEAD)
    operands = {
        "rms_norm_rows": (torch.randn(TOKENS, WIDTH), torch.rand(WIDTH)),
        "swiglu": (torch.randn(TOKENS, FEED), torch.randn(TOKENS, FEED)),
        "gqa_decode": (torch.randn(HEADS, HEAD), *cache),
    }
    with torch.no_grad():
        kernels = {
            name: paired(partial(PLAIN[name], *operands[name]), partial(replaced[name], *operands[name]), words.seconds)
            for name in replaced
        }
        small = torch.randn(3, 5), torch.randn(3, 5)
        guard = paired(lambda: swiglu(*small), lambda: replaced["swiglu"](*small), 1.0) if "swiglu" in replaced else {}
        inputs = {"prefill": (torch.randn(TOKENS, WIDTH),), "decode": (torch.randn(1, WIDTH), *cache)}
        scenes = {name: scene(plain, mine, inputs[name], packages, words.seconds) for name in words.scenes.split(",")}
    found = {"threads": torch.get_num_threads(), "kernels": kernels, "a_tiny_fallback": guard, "block": scenes}
    sys.stdout.write(json.dumps(found) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
