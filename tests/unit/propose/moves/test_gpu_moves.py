"""Moves for Triton, CUDA and HIP: where they apply and what they write; that a search proposes them, and crosses."""

from __future__ import annotations

import random
import re
from pathlib import Path

import anyio
import pytest
from gpu_kernels import CUDA, CUDA_TILES, KERNELS, PRODUCT, TILED, TRITON, Kernel, move_of

from warploom.errors import NotApplicable, NothingToPropose
from warploom.problems.load import catalog_names, find_seed
from warploom.propose.crossover import cross_trees
from warploom.propose.moves.books import book_of
from warploom.propose.moves.cuda.copies import HELPERS
from warploom.propose.moves.verbatim import text_of, unit_of
from warploom.propose.recipe import Cookbook, materialise
from warploom.propose.without_model import WithoutModel
from warploom.search.proposers import Resting, make_proposer
from warploom.syntax import evolve_block
from warploom.toolchain.find import GPU_TOOLCHAINS
from warploom.values.candidate import Candidate, Lineage, Step
from warploom.values.config import RunConfig
from warploom.values.request import Individual, Request
from warploom.values.signature import signature
from warploom.values.target import parse_target

DOCS = Path(__file__).parents[4] / "docs" / "gpu.md"
TILES, ROWS = KERNELS["triton"]
BLOCKS, STRETCHES, CORNERS = KERNELS["cuda"]
LANGUAGES = ("triton", "cuda", "hip")
ALL = [(language, move.name) for language in LANGUAGES for move in book_of(language).moves]


def rejected(kernel: Kernel) -> str:
    """What the gate says of the text; "" where it takes it."""
    toolchain = GPU_TOOLCHAINS[kernel.language](parse_target(kernel.language).architectures)
    failed = toolchain.check_source(kernel.candidate, signature(kernel.problem))
    return failed.message if failed else ""


@pytest.mark.parametrize(("language", "name"), ALL)
def test_each_move_changes_the_kernel_everywhere_it_offers(language: str, name: str) -> None:
    move = move_of(language, name)
    done = 0
    for kernel in KERNELS[language]:
        for site in move.sites(unit_of(kernel.source)):
            for values in ({key: choices[0] for key, choices in site.choices.items()}, {}):
                made = kernel.moved(name, site.label, **values)
                assert made.source != kernel.source
                assert not rejected(made), made.source
                done += 1
    assert done
    with pytest.raises(NotApplicable):
        move.apply(unit_of(KERNELS[language][0].source), "nowhere", {})
    assert not move.sites(unit_of("neither Python nor C ("))


@pytest.mark.parametrize(("language", "name"), ALL)
def test_every_site_keeps_its_name_when_another_was_changed(language: str, name: str) -> None:
    """Or ``@every`` would skip some and change others twice."""
    move = move_of(language, name)
    for kernel in KERNELS[language]:
        labels = kernel.labels(name)
        done: list[str] = []
        while labels:
            kernel = kernel.moved(name, labels[0])
            done.append(labels[0])
            left = [site.label for site in move.sites(unit_of(kernel.source)) if site.label not in done]
            assert set(left) <= set(labels[1:]), (done, left)
            labels = left


def test_options_of_the_compiler_come_as_lines_of_their_own() -> None:
    assert TILES.labels("compiler_option") == ["num_stages", "maxnreg"]  # num_warps has its line
    assert "\nTUNE(num_stages, 4)\nLAUNCH(" in TILES.moved("compiler_option", "num_stages", value=4).source


def test_a_constant_takes_another_size() -> None:
    assert TILES.labels("constant") == ["DEEP"]
    assert "DEEP = tl.constexpr(64)" in TILES.moved("constant", "DEEP", value=64).source


def test_loads_and_stores_say_how_long_they_are_kept() -> None:
    assert TILES.labels("cache_hint") == ["product:out:1", "product:a:1", "product:b:1", "product:out:2"]
    source = TILES.moved("cache_hint", "product:a:1", hint="evict_first").source
    assert '(deep[None, :] < depth), other=0.0, eviction_policy="evict_first")' in source
    source = TILES.moved("cache_hint", "product:out:2", hint=".cs").source
    assert 'mask=(row < rows) & (col < cols), cache_modifier=".cs")' in source


def test_loops_are_pipelined_and_unrolled_on_their_own_terms() -> None:
    source = TILES.moved("loop_hint", "product:start:1", stages=4, unroll=2).source
    assert "in tl.range(0, depth, DEEP, num_stages=4, loop_unroll_factor=2):" in source


def test_a_sum_is_held_in_float16() -> None:
    source = TILES.moved("accumulate", "product:sums").source
    assert "tl.zeros((32, 32), dtype=tl.float16)" in source
    assert "tl.dot(left, right, sums, out_dtype=tl.float16)  # (a comment" in source


def test_programs_are_grouped() -> None:
    source = TILES.moved("grouped", group=4).source
    assert "tl.swizzle2d(tl.program_id(1), tl.program_id(0), tl.num_programs(1), tl.num_programs(0), 4)" in source
    assert "first(place_y)" in source
    assert "first(place_x)" in source
    assert not ROWS.labels("grouped"), "its grid has one place"
    helper = TRITON.replace("return block * 32", "return tl.program_id(1) * 32")
    assert not Kernel(PRODUCT, "triton", helper).labels("grouped"), "another function asks for its place too"


def test_programs_stay_and_take_block_after_block() -> None:
    source = ROWS.moved("persistent", programs=132).source
    assert "LAUNCH(grid=132)" in source
    assert "    block = tl.program_id(0)\n    while block < rows:\n" in source
    assert "        begin = block.to(tl.int64) * cols\n" in source
    source = TILES.moved("persistent").source
    assert "    while block_2 < ((cols + 31) // 32) * ((rows + 31) // 32):\n" in source
    assert "\n        block_2 += tl.num_programs(0)\n# EVOLVE" in source
    assert (
        "        block_x = block_2 % ((cols + 31) // 32)\n        block_y = block_2 // ((cols + 31) // 32)\n" in source
    )
    early = TRITON.replace('    """A tile."""', "    if rows == 0:\n        return")
    assert not Kernel(PRODUCT, "triton", early).labels("persistent")


def test_rows_that_are_multiples_of_sixteen_are_known_to_be_so() -> None:
    assert TILES.labels("aligned_axis") == ["product:cols+depth", "product:cols", "product:depth"]
    made = TILES.moved("aligned_axis", "product:cols+depth", divisor=16)
    assert "    if cols % 16 == 0 and depth % 16 == 0:\n        cols_aligned = cols // 16 * 16\n" in made.source
    assert "b + deep[:, None] * cols_aligned + col" in made.source
    assert "\n    else:\n" in made.source
    assert not [label for label in made.labels("aligned_axis") if "cols" in label]


def test_whole_blocks_go_without_the_mask_of_their_edge() -> None:
    source = TILES.moved("whole_blocks", "product:start:1").source
    assert "    start_whole = depth // DEEP * DEEP\n    for start in range(0, start_whole, DEEP):\n" in source
    assert "left = tl.load(a + row * depth + deep[None, :], mask=row < rows, other=0.0)" in source
    assert "right = tl.load(b + deep[:, None] * cols + col, mask=col < cols, other=0.0)" in source
    assert "    for start_rest in range(start_whole, depth, DEEP):\n        deep = start_rest + tl.arange(0" in source
    assert "mask=(deep[:, None] < depth) & (col < cols),\n" in source, "what is left keeps it"
    source = ROWS.moved("whole_blocks", "scaled:start:2").source
    assert "value = tl.load(x + begin + col)\n" in source
    assert "tl.store(out + begin + col, held + value * scale)\n" in source
    moving = TRITON.replace("deep = start +", "depth = depth + 0\n        deep = start +")
    assert not Kernel(PRODUCT, "triton", moving).labels("whole_blocks"), "the bound changes in the loop"
    twice = TRITON.replace("left = tl.load", "deep = deep + 1\n        left = tl.load")
    assert not Kernel(PRODUCT, "triton", twice).labels("whole_blocks"), "it is not the block's place any more"


def test_rows_of_one_block_are_read_once() -> None:
    assert not TILES.labels("one_pass")
    source = ROWS.moved("one_pass").source
    first, _, second = source.partition("    else:\n")
    assert "    if cols <= BLOCK:\n" in first
    assert first.count("tl.load(x ") == 1
    assert first.count("tl.load(out ") == 1
    assert second.count("tl.load(x ") == 2
    assert "value = held_1" in first
    between = ROWS.source.replace(
        "scale = tl.sum(total, 0)", "scale = tl.sum(total, 0)\n    tl.store(x + begin, scale)"
    )
    assert not Kernel(ROWS.problem, "triton", between).labels("one_pass"), "it was written to in between"
    other = ROWS.source.replace("tl.load(x + begin + col, mask=col < cols, other=0.0)\n    scale", "0.0\n    scale")
    assert not Kernel(ROWS.problem, "triton", other).labels("one_pass"), "nothing is read twice"


def test_programs_share_a_sum_where_there_are_few() -> None:
    assert TILES.labels("split_k") == ["product:start:1"]
    source = TILES.moved("split_k", split=2).source
    assert (
        "\nTUNE(SPLIT, 2, 1, 2, 4, 8, 16)\nTUNE(BUSY, 132, 66, 132, 264)\nLAUNCH(grid=((cols + 31) // 32, (rows"
        in source
    )
    assert "def product(a, b, out, rows, cols, depth, workspace, SPLIT: tl.constexpr, BUSY: tl.constexpr):" in source
    assert "    for start in range(part * DEEP, depth, parts * DEEP):\n" in source
    assert "        sums = tl.dot(left, right, sums)  # (a comment, with a bracket\n" in source
    assert "\n    if arrived == parts - 1:\n" in source
    assert re.search(r"tl\.store\(slot .*\n +tl\.debug_barrier\(\).*\n.*\n +arrived = tl\.atomic_add\(", source)
    assert "\n        tl.store(out + row * cols + col, total + sums," in source
    assert not ROWS.labels("split_k"), "the second loop reads the row again"
    folded = TRITON.replace("total + sums,", "total + tl.sum(sums, 0)[None, :],")
    made = Kernel(PRODUCT, "triton", folded).moved("split_k").source
    assert "    sums_sum = tl.sum(sums, 0)\n" in made, "what is exchanged is the smaller"
    assert "total + sums_sum[None, :]," in made


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("sums = tl.dot(left, right, sums)", "sums = tl.dot(left, right, 2 * sums)"),
        ("sums = tl.dot(left, right, sums)", "sums = tl.maximum(sums, tl.dot(left, right))"),
        ("sums = tl.zeros(", "sums = tl.full("),
        ("dtype=tl.float32)", "dtype=tl.float16)"),
        (
            "    for start in range(0, depth, DEEP):\n",
            "    for start in range(0, depth, DEEP):\n        total += 1\n        b += 0\n",
        ),
        (
            "    for start in range(0, depth, DEEP):\n",
            "    for start in range(0, depth, DEEP):\n        tl.store(out, 0.0)\n",
        ),
        ("total + sums,", "total + sums + start,"),
        ('    """A tile."""\n', "    if rows == 0:\n        return\n"),
        ("LAUNCH(grid=(", "LAUNCH(grid=(1, "),
        (
            "LAUNCH(grid=((cols + 31) // 32, (rows + 31) // 32))",
            "LAUNCH(grid=((cols + 31) // 32, 1), workspace=4 * rows)",
        ),
        ("depth):\n", "depth, workspace):\n"),
        ("(rows + 31) // 32))", f"(rows + 31) // 32 + {' + '.join(['0 * rows'] * 20)}))"),
    ],
    ids=range(12),
)
def test_no_other_loop_of_triton_is_shared(old: str, new: str) -> None:
    assert old in TRITON
    assert not Kernel(PRODUCT, "triton", TRITON.replace(old, new, 1)).labels("split_k")


def test_blocks_share_a_product_where_there_are_few() -> None:
    assert CORNERS.labels("split_k") == ["deep"]
    source = CORNERS.moved("split_k", split=8).source
    assert (
        "\nTUNE(SPLIT, 8, 1, 2, 4, 8, 16)\nTUNE(BUSY, 132, 66, 132, 264)\nLAUNCH(grid=((cols + TILE - 1) // TILE, ("
        in source
    )
    assert (
        "int64_t depth, float* workspace) {\n    const int64_t part = blockIdx.z, tile = blockIdx.x + blockIdx.y *"
        in source
    )
    assert "for (int64_t deep = part * 8; deep < depth; deep += parts * 8) {\n" in source
    assert "            if (r < rows && c < cols) own_part[r * cols + c] = total[i];\n" in source
    assert "out[r * cols + c] = parts > 1 ? sum_of_parts(workspace + r * cols + c, parts, whole) : total[i];" in source
    assert source.count("\n#pragma unroll\n") == 2
    counted = "        __threadfence();\n        __syncthreads();\n        if (threadIdx.x + threadIdx.y + threadIdx.z == 0) arrived"
    assert counted in source, "every thread's part is there before it is counted"
    assert "        __syncthreads();\n        __threadfence();\n        last = arrived == parts - 1;\n" in source
    assert "block=(TILE, TILE), workspace=4 * (" in source
    assert not BLOCKS.labels("split_k"), "its loop stands behind a return"
    assert not STRETCHES.labels("split_k"), "its output holds more than the sum"
    narrow = CUDA_TILES.replace("= total[i];", "= float(total[i]);")
    assert "= float(parts > 1 ? sum_of_parts(" in Kernel(TILED, "cuda", narrow).moved("split_k").source


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("if (here) total[0] +=", "if (here) total[0] = total[0] +"),
        ("if (here) total[0] +=", "if (here) total[0] += expf(0.0f) *"),
        ("if (here) total[0] +=", "if (deep > 99) return;\n            if (here) total[0] +="),
        ("= total[i];", "= total[i] + 1.0f;"),
        ("= total[i];", "= __half2float(a[i]);"),
        ("        if (r < rows", "        const float more = __half2float(a[0]);\n        if (r < rows"),
        ("        if (r < rows", "        out[0] = 0.0f;\n        if (r < rows"),
        ("r < rows && c < cols) out", "r < rows && c < wide) out"),
        ("    for (int64_t deep", "    for (int twice = 0; twice < 2; ++twice)\n    for (int64_t deep"),
        ("LAUNCH(grid=(", "LAUNCH(grid=(1, "),
        ("block=(TILE, TILE))", "block=(TILE, TILE), workspace=rows)"),
        ("(cols + TILE - 1)", f"({' + '.join(['0 * rows'] * 20)} + cols + TILE - 1)"),
    ],
    ids=range(12),
)
def test_no_other_loop_of_cuda_is_shared(old: str, new: str) -> None:
    assert old in CUDA_TILES
    assert not Kernel(TILED, "cuda", CUDA_TILES.replace(old, new, 1)).labels("split_k")


def test_blocks_that_stay_keep_their_workspace() -> None:
    for kernel, move in ((TILES, "persistent"), (CORNERS, "persistent_blocks")):
        made = kernel.moved("split_k").moved(move)
        assert "workspace=4 * " in made.source
        assert not rejected(made), made.source


def test_bounds_name_the_blocks_that_are_to_be_resident() -> None:
    source = BLOCKS.moved("launch_bounds", blocks=3).source
    assert 'extern "C" __global__ void __launch_bounds__(THREADS, 3)\nproduct(' in source
    made = STRETCHES.moved("launch_bounds", blocks=2)
    assert "void __launch_bounds__(THREADS, 2)\nscaled(" in made.source
    assert not made.labels("launch_bounds")
    flat = CUDA.replace("block=THREADS", "block=(THREADS // 2, 2)")
    assert "(THREADS / 2) * (2), 2)" in Kernel(PRODUCT, "cuda", flat).moved("launch_bounds").source


def test_loops_are_unrolled_but_not_those_of_comments() -> None:
    assert BLOCKS.labels("unroll_loop") == ["k:1"]
    assert STRETCHES.labels("unroll_loop") == ["place:1", "i:1", "begin:1", "i:2"]
    made = STRETCHES.moved("unroll_loop", "i:2", times=8)
    assert "#pragma unroll 8\n        for (int i = 0; i < WIDE; ++i) total" in made.source
    assert "#pragma unroll\n" not in made.source
    assert made.moved("unroll_loop", "i:2", times=2).source == made.source.replace("unroll 8", "unroll 2")


def test_pointers_are_restricted() -> None:
    source = BLOCKS.moved("restrict_pointers").source
    assert "product(const __half* __restrict__ a, const __half* __restrict__ b, float* __restrict__ out," in source


def test_loads_and_stores_go_through_a_cache_of_choice() -> None:
    loaded = "held = __ldcs(reinterpret_cast<const uint4*>(a + row * depth));"
    assert loaded in BLOCKS.moved("cached_load", by="__ldcs").source
    stored = BLOCKS.moved("streamed_store", by="__stcs").source
    assert "__stcs(&out[row * cols + col], out[row * cols + col] + total + 0 * held.x);" in stored


def test_copies_into_shared_memory_pass_the_registers_by() -> None:
    assert STRETCHES.labels("async_copy") == ["fetch:1", "fetch:2"]
    source = STRETCHES.moved("async_copy").source
    assert "            copy_async(at, from + begin + place);\n" in source
    guarded = STRETCHES.moved("async_copy", "fetch:2").source
    assert (
        "if (begin + place < cols) copy_async(at, from + begin + place); else *reinterpret_cast<uint4*>(at) ="
        in guarded
    )
    assert source.count(HELPERS) == 1
    assert source.count("copies_arrive(); __syncthreads();") == STRETCHES.source.count("__syncthreads();")
    elsewhere = STRETCHES.source.replace("fetch(row, slice, begin, cols)", "fetch(row, out, begin, cols)")
    assert not Kernel(STRETCHES.problem, "cuda", elsewhere).labels("async_copy"), "that is not shared memory"
    never = STRETCHES.source.replace("__syncthreads();", "__syncwarp();")
    assert not Kernel(STRETCHES.problem, "cuda", never).labels("async_copy"), "nobody waits"


def test_blocks_are_grouped_and_stay() -> None:
    grouped = STRETCHES.moved("grouped_blocks", group=8).source
    assert "const unsigned first_row = block_order / (8 * gridDim.x) * 8;" in grouped
    assert "col = block_x * (int64_t)THREADS + threadIdx.x;" in grouped
    assert "row = x + block_y * cols;" in grouped
    stays = STRETCHES.moved("persistent_blocks", blocks=264).source
    assert "LAUNCH(grid=264, block=THREADS)" in stays
    assert "    const int64_t turns = (int64_t)((cols + THREADS - 1) / THREADS) * (int64_t)rows;\n" in stays
    assert "for (int64_t turn = blockIdx.x; turn < turns; turn += gridDim.x) {\n        __syncthreads();\n" in stays
    assert "const unsigned block_x = turn % ((cols + THREADS - 1) / THREADS);" in stays
    assert "const unsigned block_y = turn / ((cols + THREADS - 1) / THREADS);" in stays
    assert "        if (col >= cols) continue;\n" in stays
    assert "        const unsigned block_x = turn;\n" in BLOCKS.moved("persistent_blocks").source
    inner = CUDA.replace("total += times", "if (k > 9) return; total += times")
    assert not Kernel(PRODUCT, "cuda", inner).labels("persistent_blocks"), "it returns from an inner loop"
    renamed = CUDA.replace("int64_t rows,", "int64_t lines,")
    assert not Kernel(PRODUCT, "cuda", renamed).labels("persistent_blocks"), "it does not know its grid"


def test_the_next_slice_is_fetched_while_this_one_is_used() -> None:
    assert STRETCHES.labels("double_buffer") == ["begin"]
    source = STRETCHES.moved("async_copy").moved("double_buffer").source
    assert "    __shared__ __align__(16) float slice_pair[2 * (WIDE)];\n" in source
    assert "        float* slice = slice_pair;\n        fetch(row, slice, begin, cols);\n    }\n" in source
    assert "        float* slice_next = slice_pair + (1 - turn) * (WIDE);\n" in source
    assert "            fetch(row, slice_next, begin_next, cols);\n" in source
    assert source.count("copies_arrive(); __syncthreads();") == 1, "one barrier a turn is enough"
    later = STRETCHES.source.replace("int64_t begin = 0", "int64_t begin = WIDE")
    assert "turn = (begin - WIDE) / WIDE % 2;" in Kernel(STRETCHES.problem, "cuda", later).moved("double_buffer").source
    used = STRETCHES.source.replace("        __syncthreads();\n    }\n", "    }\n")
    assert not Kernel(STRETCHES.problem, "cuda", used).labels("double_buffer")


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_search_proposes_every_move_and_opens_with_the_composites(language: str) -> None:
    seen: set[str] = set()
    openings: set[str] = set()
    flags: set[tuple[str, ...]] = set()
    for kernel in KERNELS[language]:
        proposer = WithoutModel(kernel.problem, language=language)
        parent = Individual(kernel.candidate, Lineage(), 0.0, (0, 0, 0))
        for number in range(1, 140):
            request = Request(number, "", (parent,), (), None, 0, seed=number, progress=0.9)
            try:
                made = anyio.run(proposer.propose, request)
            except NothingToPropose:
                continue
            seen |= {step.move for step in made.lineage.steps}
            flags |= {made.candidate.build_flags} - {()}
            openings |= {made.lineage.note} if made.lineage.operator == "open" else set()
            assert made.candidate.language == language
    assert {move.name for move in book_of(language).moves} <= seen | {"accumulate"}
    assert len(openings) == len(book_of(language).composites), sorted(openings)
    assert flags <= set(book_of(language).flag_sets)


@pytest.mark.parametrize("language", ["triton", "cuda"])
def test_a_run_proposes_by_the_book_of_its_language(language: str) -> None:
    config = RunConfig("product", target=language, proposer="moves")
    proposer = make_proposer(config, PRODUCT, {}, Resting(), None)  # type: ignore[arg-type]
    parent = Individual(KERNELS[language][0].candidate, Lineage(), 0.0, (0, 0, 0))
    made = anyio.run(proposer.propose, Request(1, "", (parent,), (), None, 0, seed=1))
    assert made.lineage.note == f"open: {book_of(language).composites[0].name}"


@pytest.mark.parametrize("language", LANGUAGES)
def test_flags_of_a_book_are_on_the_whitelist(language: str) -> None:
    toolchain = GPU_TOOLCHAINS[language](parse_target(language).architectures)
    for flags in book_of(language).flag_sets:
        kernel = KERNELS[language][0].candidate
        flagged = Candidate(kernel.problem, language, kernel.sources, kernel.entry_point, (), flags)
        assert toolchain.check_source(flagged, signature(PRODUCT)) is None


def test_every_composite_is_made_of_moves_of_its_book() -> None:
    for language in LANGUAGES:
        book = book_of(language)
        names = [move.name for move in book.moves]
        assert len(names) == len(set(names))
        assert all(pick.move in names for one in book.composites for pick in one.picks)
        assert set(book.priors) & set(names)


def test_tuning_finds_the_lines_of_a_gpu_kernel() -> None:
    proposer = WithoutModel(PRODUCT, language="triton")
    parent = Individual(TILES.candidate, Lineage(), 0.0, (0, 0, 0))
    made = anyio.run(proposer.propose, Request(50, "tune", (parent,), (), None, 0, seed=1))
    assert dict(made.candidate.parameters)["num_warps"] == 8


def test_steps_are_replayed_together_and_stay_in_the_evolve_block() -> None:
    steps: tuple[Step, ...] = (
        Step("whole_blocks", "@every"),
        Step("aligned_axis", "@first"),
        Step("persistent", "@first"),
    )
    steps += (Step("loop_hint", "@every"), Step("cache_hint", "@every"), Step("compiler_option", "@every"))
    root = ROWS.candidate
    replayed = Cookbook(book_of("triton").moves).replay(root, steps)
    assert {step.move for step in replayed.steps} == {step.move for step in steps}
    made = materialise(root, replayed)
    assert evolve_block.split(made.source)[::2] == evolve_block.split(root.source)[::2]
    assert not rejected(Kernel(ROWS.problem, "triton", made.source)), made.source


def test_a_function_of_one_kernel_takes_the_place_of_the_others_with_what_it_needs() -> None:
    other = CUDA.replace("return x * y;", "return SCALE * x * y;").replace(
        "__device__ float times", "#define SCALE 1.0f\n\n__device__ float times"
    )
    child = text_of(cross_trees(unit_of(CUDA), unit_of(other), random.Random(0)))
    assert "return SCALE * x * y;" in child
    assert "#define SCALE 1.0f\n" in child
    with pytest.raises(NothingToPropose):
        cross_trees(unit_of(CUDA), unit_of(CUDA), random.Random(0))
    with pytest.raises(NothingToPropose):
        cross_trees(unit_of(CUDA), unit_of(TRITON), random.Random(0))


def test_with_the_entry_point_come_its_launch_and_its_lines() -> None:
    tall = TRITON.replace("TUNE(num_warps, 4, 4, 8)", "TUNE(ROWS, 16, 16, 32)\nTUNE(num_warps, 4, 4, 8)")
    tall = tall.replace("rows, cols, depth):\n", "rows, cols, depth, ROWS: tl.constexpr):\n")
    tall = tall.replace("(rows + 31) // 32", "(rows + ROWS - 1) // ROWS").replace(
        "tl.arange(0, 32)[:", "tl.arange(0, ROWS)[:"
    )
    child = text_of(cross_trees(unit_of(TRITON), unit_of(tall), random.Random(0)))
    assert "TUNE(ROWS, 16, 16, 32)\n" in child
    assert child.count("LAUNCH(") == 1
    for one, two in ((TRITON, tall), (tall, TRITON)):
        crossed = text_of(cross_trees(unit_of(one), unit_of(two), random.Random(0)))
        assert not rejected(Kernel(PRODUCT, "triton", crossed)), crossed


def test_a_search_crosses_two_kernels() -> None:
    other = Kernel(PRODUCT, "cuda", CUDA.replace("return x * y;", "return y * x;"))
    first, second = (Individual(one.candidate, Lineage(), 0.0, (0, 0, 0)) for one in (BLOCKS, other))
    request = Request(60, "crossover", (first,), (second,), None, 0, seed=1)
    made = anyio.run(WithoutModel(PRODUCT, language="cuda").propose, request)
    assert made.lineage.operator == "cross"
    assert "return y * x;" in made.candidate.source


@pytest.mark.parametrize("language", ["triton", "cuda"])
def test_the_docs_say_how_many_sites_the_seeds_offer(language: str) -> None:
    text = DOCS.read_text()
    moves = book_of(language).moves
    assert f"| {language} seed | {' | '.join(f'`{move.name}`' for move in moves)} |" in text
    for name in catalog_names("gpu"):
        unit = unit_of(evolve_block.split(find_seed(name, language).read_text())[1])
        counts = [str(len(move.sites(unit)) or "·") for move in moves]
        row = next(line for line in _rows(text, language) if line.startswith(f"| `{name}` |"))
        assert row == f"| `{name}` | {' | '.join(counts)} |"


def _rows(text: str, language: str) -> list[str]:
    found = re.search(rf"^\| {language} seed \|.*\n(?:\|.*\n)+", text, re.MULTILINE)
    assert found is not None
    return found[0].split("\n")
