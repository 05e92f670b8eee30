"""The hand recipes of the blocking families still apply to their seeds and keep the results on small odd shapes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from recipes_blocking import RECIPES
from snippets_blocking import same

import warploom
from conftest import Argument, Build
from warploom.propose.moves.cpp.book import MOVES
from warploom.syntax import evolve_block
from warploom.syntax.cpp.parse import parse
from warploom.syntax.cpp.render import render

CATALOG = Path(warploom.__file__).parent / "problems" / "catalog"
BOOK = {move.name: move for move in MOVES}
RNG = np.random.default_rng(0)


def data(sizes: tuple[int, ...], *shapes: tuple[int, ...]) -> list[Argument]:
    return [*(RNG.standard_normal(shape).astype(np.float32) for shape in shapes), *sizes]


def product(m: int, k: int, n: int) -> list[Argument]:
    return data((m, k, n), (m, k), (k, n), (m, n))


def linear(m: int, k: int, n: int) -> list[Argument]:
    return data((m, k, n), (m, k), (n, k), (n,), (m, n))


def batched(b: int, m: int, k: int, n: int) -> list[Argument]:
    return data((b, m, k, n), (b, m, k), (b, k, n), (b, m, n))


def strided(b: int, c: int, h: int, w: int, f: int) -> list[Argument]:
    out = (b, f, (h - 11) // 4 + 1, (w - 11) // 4 + 1)
    return data((b, c, h, w, f), (b, c, h, w), (f, c, 11, 11), (f,), out)


def mish(b: int, c: int, h: int, w: int, f: int) -> list[Argument]:
    return data((b, c, h, w, f), (b, c, h, w), (f, c, 3, 3), (f,), (b, f, h - 2, w - 2))


def depthwise(b: int, c: int, h: int, w: int) -> list[Argument]:
    return data((b, c, h, w), (b, c, h, w), (c, 3, 3), (b, c, h - 2, w - 2))


def pool(b: int, c: int, h: int, w: int) -> list[Argument]:
    return data((b, c, h, w), (b, c, h, w), (b, c, h - 3, w - 3))


def prefill(h: int, t: int, d: int) -> list[Argument]:
    return data((h, t, d), (h, t, d), (h, t, d), (h, t, d), (h, t, d))


def decode(h: int, kv: int, t: int, d: int) -> list[Argument]:
    return data((h, kv, t, d), (h, d), (kv, t, d), (kv, t, d), (h, d))


def gemv(m: int, n: int) -> list[Argument]:
    weight = RNG.integers(-128, 128, (m, n)).astype(np.int8)
    return [weight, *data((m, n), (m,), (n,), (m,))]


PRODUCTS = [product(*s) for s in ((1, 1, 1), (13, 7, 79), (6, 3, 64), (7, 5, 17))]
DECODES = [decode(*s) for s in ((1, 1, 1, 1), (10, 2, 37, 128), (6, 2, 5, 20), (3, 3, 19, 33), (14, 2, 9, 17))]
CASES: dict[str, list[list[Argument]]] = {
    "matmul_512": PRODUCTS,
    "matmul_1024": PRODUCTS,
    "matmul_tall_skinny": PRODUCTS,
    "bmm": [batched(*s) for s in ((1, 1, 1, 1), (3, 13, 7, 70), (2, 6, 5, 64))],
    "gemm_swish": [linear(*s) for s in ((1, 1, 1), (13, 7, 79), (9, 33, 32))],
    "conv2d_11x11": [strided(*s) for s in ((1, 1, 11, 11, 1), (2, 3, 15, 39, 5), (1, 2, 19, 51, 83))],
    "conv_mish": [mish(*s) for s in ((1, 1, 3, 3, 1), (2, 3, 5, 21, 9), (1, 2, 4, 68, 17))],
    "depthwise_conv": [depthwise(*s) for s in ((1, 1, 3, 3), (2, 3, 5, 21), (1, 2, 4, 81))],
    "max_pool": [pool(*s) for s in ((1, 1, 4, 4), (2, 3, 5, 21), (1, 2, 6, 82))],
    "attention": [prefill(*s) for s in ((1, 1, 1), (2, 37, 33), (1, 67, 20), (3, 9, 64))],
    "int8_gemv": [gemv(*s) for s in ((1, 1), (9, 33), (7, 100), (4, 64))],
    "gqa_decode": DECODES,
    "gqa_decode_40_8": DECODES,
}


def test_recipes(build: Build) -> None:
    assert set(RECIPES) == set(CASES)
    sources = []
    for name, steps in RECIPES.items():
        _, seed, _ = evolve_block.split((CATALOG / name / "seed.cpp").read_text())
        unit = parse(seed)
        for step in steps:
            offered = {site.label for site in BOOK[step.move].sites(unit)} if step.move != "parallel" else {step.site}
            assert step.site in offered, f"{step} is not among {offered}"
            unit = BOOK[step.move].apply(unit, step.site, dict(step.parameters))
        assert parse(render(unit)) == unit
        sources += [seed, render(unit)]
    libraries = build([joined(sources[0::2]), joined(sources[1::2])])
    for name, cases in CASES.items():
        same((libraries[0], name), (libraries[1], name), cases, 5e-5)


def joined(texts: list[str]) -> str:
    return "\n".join(texts)
