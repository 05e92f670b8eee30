"""Prompts for CUDA, HIP, Triton and OpenCL: what each says, what only C++'s may say, and how answers are taken."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio
import pytest

from warploom.errors import ConfigError, SourceError
from warploom.propose.moves.books import book_of
from warploom.propose.moves.protocol import meaning_of
from warploom.propose.writer import Writer
from warploom.propose.writing.answer import read
from warploom.propose.writing.draft import draft
from warploom.propose.writing.excerpt import code_length
from warploom.propose.writing.material import Attempt, Material
from warploom.propose.writing.memory import twin_key
from warploom.propose.writing.operators import OPERATORS
from warploom.propose.writing.prompt import INGREDIENTS, PROMPT_CHARACTERS
from warploom.propose.writing.templates import SHIPPED
from warploom.propose.writing.tongue import TONGUES
from warploom.propose.writing.wording import prompts_for
from warploom.testing.minds import Notebook, ScriptedMind
from warploom.values.behaviour import Resolution
from warploom.values.candidate import Candidate, Lineage
from warploom.values.language import SUFFIXES
from warploom.values.outcome import Build, Failed, Passed, Timing, Verdict
from warploom.values.problem import Problem, Reference, Tensor, Workload
from warploom.values.request import Individual, Request
from warploom.values.signature import signature

PROBLEM = Problem(
    name="half",
    title="half of it",
    axes=("rows", "cols"),
    inputs={"x": Tensor("rows cols", "bfloat16")},
    outputs={"out": Tensor("rows cols", "bfloat16")},
    reference=Reference("half.py", "half", "0"),
    workloads=[Workload(rows=300, cols=4096)],
    held_out=[Workload(rows=31, cols=1033, recipe="spikes")],
    operations="1000*rows*cols",
)
OPENCL_PROBLEM = replace(PROBLEM, inputs={"x": Tensor("rows cols")}, outputs={"out": Tensor("rows cols")})
RESOLUTION = Resolution((4, 4, 4), gpu=True)

CUDA = """#include <cuda_bf16.h>

// EVOLVE-BLOCK-START
TUNE(THREADS, 256, 128, 256)
LAUNCH(grid=rows, block=THREADS)
extern "C" __global__ void half(const __nv_bfloat16* x, __nv_bfloat16* out, int64_t rows, int64_t cols) {
    for (int64_t col = threadIdx.x; col < cols; col += THREADS) {
        out[blockIdx.x * cols + col] = __float2bfloat16(0.5f * __bfloat162float(x[blockIdx.x * cols + col]));
    }
}
// EVOLVE-BLOCK-END
"""
HIP = CUDA.replace("#include <cuda_bf16.h>\n\n", "").replace("__nv_bfloat16", "__bf16")
HIP = re.sub(r"__float2bfloat16\((.*)\)\);", r"(__bf16)(\1));", HIP).replace("__bfloat162float", "(float)")
TRITON = '''"""Half."""

import triton
import triton.language as tl

# EVOLVE-BLOCK-START
TUNE(BLOCK, 1024, 512, 1024)
LAUNCH(grid=rows)


@triton.jit
def half(x, out, rows, cols, BLOCK: tl.constexpr):
    begin = tl.program_id(0).to(tl.int64) * cols
    for start in range(0, cols, BLOCK):
        col = start + tl.arange(0, BLOCK)
        tl.store(out + begin + col, 0.5 * tl.load(x + begin + col, mask=col < cols), mask=col < cols)  # 7 // 2


# EVOLVE-BLOCK-END
'''
OPENCL = """// EVOLVE-BLOCK-START
TUNE(GROUP, 16, 8, 16)
LAUNCH(grid=(rows + GROUP - 1) // GROUP, block=GROUP)
__kernel void half(__global const float* x, __global float* out, long rows, long cols) {
    const long i = get_global_id(0);
    if (i >= rows) return;
    for (long j = 0; j < cols; ++j) out[i * cols + j] = 0.5f * x[i * cols + j];
}
// EVOLVE-BLOCK-END
"""
SOURCES: dict[str, str] = {"cuda": CUDA, "hip": HIP, "triton": TRITON, "opencl": OPENCL}
ON_GPU = ("cuda", "hip", "triton")

ENVIRONMENT: dict[str, Any] = {
    "toolchain": "the compiler 1",
    "hardware": {
        "cpu": "Fastmaker 9000 (family 26 model 2) avx512f",
        "cores": 6,
        "caches_bytes": {"L1": 49152},
        "gpu": {
            "name": "Made-up H1",
            "capability": [9, 0],
            "units": 132,
            "clock_khz": 1980000,
            "memory_bytes": 80 << 30,
            "l2_bytes": 50 << 20,
        },
    },
    "roofline": {"bytes_per_ns": {"67108864": 3200.0}, "operations_per_ns": 1000000.0},
}
FACTS = {
    "registers": 168,
    "threads": 512,
    "shared_bytes": 4096,
    "spill_bytes": 24,
    "occupancy_percent": 12,
    "blocks_per_unit": 1,
    "matrix_instructions": 0,
    "global_loads": 3,
    "wide_accesses": 0,
}


def candidate(language: str, text: str = "") -> Candidate:
    problem = OPENCL_PROBLEM if language == "opencl" else PROBLEM
    return Candidate(problem.hash, language, ((f"half{SUFFIXES[language]}", text or SOURCES[language]),), "half")


def passed(facts: Mapping[str, int] = FACTS, times: float = 1.0, **environment: Any) -> Passed:
    timings = tuple(Timing(PROBLEM.workloads[0], name, (1e4 / times,) * 6, (2e4,) * 6) for name in ("eager", "compile"))
    return Passed(Build("", "", "c", (), "", 0, facts), Verdict(()), timings, environment=environment)


def material(language: str, **fields: Any) -> Material:
    base = candidate(language)
    other = replace(base, sources=((base.sources[0][0], base.source.replace("0.5", "0.50")),))
    individual = Individual(other, Lineage(note="another way"), 0.5, (1, 1, 1))
    whole = Material(
        task=OPENCL_PROBLEM if language == "opencl" else PROBLEM,
        environment=ENVIRONMENT,
        resolution=Resolution((4, 4, 4), gpu=language != "opencl"),
        operator="improve",
        base=base,
        lineage=Lineage(("p",), "moves", "grow"),
        evaluation=passed(),
        fitness=0.7,
        cell=(0, 1, 0),
        partner=individual,
        inspirations=(individual, replace(individual, candidate=replace(other, parameters=(("A", 1),)))),
        attempts=(Attempt("improve: it", "1.01 times as fast"),),
        elsewhere=(Attempt("explore: all", "0.97 times as fast"),),
        target_cell=(3, 3, 3),
        hints=("mind the edges",),
    )
    return replace(whole, **fields)


def prompt(found: Material, *, plan: bool = False) -> str:
    prompts = prompts_for(found.task, language=found.base.language)
    return "\n".join(message.text for message in prompts.first(found, plan=plan))


# ------------------------------------------------------------ what a prompt says

CALLED: dict[str, tuple[str, ...]] = {
    "cuda": (
        "You improve one CUDA kernel that computes a fixed result on an NVIDIA GPU.",
        'extern "C" __global__ void half(const __nv_bfloat16* x, __nv_bfloat16* out, int64_t rows, int64_t cols)',
        "`LAUNCH(grid=…, block=…, shared=…)`",
        "LAUNCH(grid=((cols + THREADS - 1) // THREADS, rows), block=THREADS)",
        "bfloat16 is `__nv_bfloat16`",
        "`<mma.h>`",
        "`workspace=BYTES` in the LAUNCH line, an expression as of the grid, adds a last parameter, `float* workspace`",
        "cp.async",
        "what each block, each warp and each thread does",
    ),
    "hip": (
        "You improve one HIP kernel that computes a fixed result on an AMD GPU.",
        'extern "C" __global__ void half(const __bf16* x, __bf16* out, int64_t rows, int64_t cols)',
        "bfloat16 is `__bf16`",
        "__builtin_amdgcn_mfma",
        "what each block, each wavefront and each thread does",
    ),
    "triton": (
        "You improve one Triton kernel that computes a fixed result on a GPU.",
        "@triton.jit\ndef half(x, out, rows, cols, BLOCK: tl.constexpr):",
        "LAUNCH(grid=((cols + BLOCK - 1) // BLOCK, rows))",
        "num_warps, num_stages, maxnreg, waves_per_eu are no arguments",
        "the axes as int32, then the workspace if there is one, then `tl.constexpr` ones",
        "`workspace=BYTES` in the LAUNCH line, an expression as of the grid, adds an argument `workspace`",
        "every function has\n  `@triton.jit` and nothing else above it",
        "what each program and each of its blocks does",
    ),
    "opencl": (
        "You improve one OpenCL kernel that computes a fixed result on a CPU, through PoCL.",
        "__kernel void half(__global const float* x, __global float* out, long rows, long cols)",
        "LAUNCH(grid=(rows + GROUP - 1) // GROUP, block=GROUP)",
        "OpenCL C 3.0",
        "what each work-group and each work-item does",
    ),
}

ONLY_CPP = (
    "OpenMP",
    "C++17",
    "g++",
    "intrinsics",
    "vector lane",
    "```cpp",
    "__attribute__((",
    "C++ function",
    '#include "',
)
"""What only the prompt for C++ may say."""

ONLY_CPU = ("Fastmaker", "AVX", "cores at work", "512-bit", "GFLOP/s in float32", "it is serial", "vectorised", "SIMD")
"""What nobody may say of a GPU."""


@pytest.mark.parametrize("language", SOURCES)
def test_each_language_is_asked_for_in_its_own_words(language: str) -> None:
    text = prompt(material(language)) + prompt(material(language, operator="explore"), plan=True)
    for words in (*CALLED[language], "what has often paid".capitalize(), "the compiler 1"):
        assert words in text, words
    for other in CALLED:
        if other != language:
            assert CALLED[other][0] not in text
    assert f"```{TONGUES[language].fence}\n{candidate(language).source.rstrip()}\n```" in text


@pytest.mark.parametrize("language", SOURCES)
@pytest.mark.parametrize("operator", OPERATORS)
def test_what_is_said_to_writers_of_cpp_is_said_to_nobody_else(language: str, operator: str) -> None:
    for plan in (False, True):
        text = prompt(material(language, operator=operator), plan=plan)
        assert not [words for words in ONLY_CPP if words in text]
        assert language == "opencl" or not [words for words in ONLY_CPU if words in text]
        for secret in ("1033", "31,", "spikes", "held"):
            assert secret not in text
        assert len(text) < PROMPT_CHARACTERS
    prompts = prompts_for(PROBLEM, language=language)
    for kind in ("code", "duplicate", "unusable"):
        text = prompts.again(kind, candidate(language), complaint="no", whole=True).text
        assert "cpp" not in text
        assert kind == "duplicate" or f"```{TONGUES[language].fence} fence" in text


@pytest.mark.parametrize("language", ["cuda", "triton"])
def test_the_example_of_a_launch_is_one_for_the_axes_that_there_are(language: str) -> None:
    single = Problem("half", ("n",), {"x": Tensor("n")}, {"out": Tensor("n")}, PROBLEM.reference, [Workload(n=8)])
    text = prompt(material(language, task=single, evaluation=None))
    size = "BLOCK" if language == "triton" else "THREADS"
    assert f"LAUNCH(grid=(n + {size} - 1) // {size}" in text


@pytest.mark.parametrize("language", ["cpp", *SOURCES])
def test_what_has_paid_and_what_is_data_are_two_paragraphs(language: str) -> None:
    templates = prompts_for(PROBLEM, language=language).templates
    words = dict.fromkeys(("kernel", "place"), "it")
    assert "\n\nWhat has often paid" in (text := templates.render("system", words))
    assert ".\n\nWhat stands between fences" in text


def test_sums_of_half_precision_are_asked_for_in_float32_and_half_precision_of_float32_is_refused() -> None:
    assert "Sums have to be kept in float32." in prompt(material("cuda"))
    assert "Half precision does not pass." in prompt(material("opencl"))
    assert "Half precision does not pass." not in prompt(material("cuda"))


def without_gpu(found: Material) -> Material:
    hardware = {key: value for key, value in ENVIRONMENT["hardware"].items() if key != "gpu"}
    return replace(found, environment=ENVIRONMENT | {"hardware": hardware})


def with_facts(found: Material, **facts: int) -> Material:
    return replace(found, evaluation=passed(FACTS | facts))


GPU_SOURCES: list[tuple[str, str, Callable[[Material], Material]]] = [
    ("device", "Made-up H1 (sm_90a): 132 multiprocessors at up to 1.98 GHz, 80 GiB of memory, 50 MiB of L2 cache", without_gpu),
    ("limits", "64 warps of 32 threads and 32 blocks at most; it has 65536 registers", without_gpu),
    ("shared memory", "228 KiB of shared memory (a block 227 KiB at most)", without_gpu),
    ("features", "wgmma on tiles in shared memory", without_gpu),
    ("bandwidth", "3200 GB/s for 64 MiB", without_gpu),
    ("peak", "units: 1000 TFLOP/s", without_gpu),
    ("registers", "registers of a thread: 168", lambda m: with_facts(m, registers=64)),
    ("spills", "registers are spilled, 24 bytes of them", lambda m: with_facts(m, spill_bytes=0)),
    ("local memory", "an index into them is not known", lambda m: with_facts(m, spill_bytes=0)),
    ("occupancy", "12 % of those that could be; the limit is: registers", lambda m: with_facts(m, occupancy_percent=50)),
    ("matrix units", "no matrix unit is at work", lambda m: with_facts(m, matrix_instructions=4)),
    ("wide accesses", "none is wide", lambda m: with_facts(m, wide_accesses=2)),
    ("last round", "rows=300, cols=4096: 300 blocks where 264 are resident", lambda m: with_facts(m, blocks_per_unit=1)),
    ("cold", "the L2 cache is written over", lambda m: replace(m, evaluation=None)),
    ("profile", "31.4 % of the bandwidth of its memory", lambda m: with_facts(m)),
    ("stalls", "why warps waited: long scoreboard 61 %, barrier 9 %", lambda m: with_facts(m)),
    ("target", "asynchronous copies: data goes from global into shared memory", lambda m: replace(m, target_cell=None)),
    ("rewrites", "`compiler_option` (3 places): A TUNE line for an option of the compiler that has none.", lambda m: replace(m, base=candidate("triton", "x"))),
]  # fmt: skip


@pytest.mark.parametrize(("words", "remove"), [row[1:] for row in GPU_SOURCES], ids=[row[0] for row in GPU_SOURCES])
def test_what_is_known_of_a_gpu_and_a_kernel_reaches_the_prompt(
    words: str, remove: Callable[[Material], Material]
) -> None:
    profile = {"dram_percent": 31.4, "stalls": {"long scoreboard": 61.0, "barrier": 9.0}}
    facts = FACTS | {"blocks_per_unit": 2}
    if words.startswith("an index"):
        facts = facts | {"spill_bytes": 0, "local_accesses": 3}
    full = material("triton", evaluation=passed(facts, profile=profile))
    assert prompt(full).count(words) == 1
    assert words not in prompt(remove(full))


def test_opencl_runs_on_cores_and_is_told_so() -> None:
    found = material("opencl", evaluation=passed({"threads": 16, "private_bytes": 64, "instructions": 99}))
    text = prompt(found)
    assert "Fastmaker 9000, 6 cores at work" in text
    assert "work-items of a work-group: 16" in text
    assert "bytes of private memory of a work-item: 64" in text
    assert "it is serial" not in text, "its work-groups are spread without a word in the source"


def test_too_few_blocks_for_the_units_are_told_by_shape() -> None:
    text = TRITON.replace("LAUNCH(grid=rows)", "LAUNCH(grid=(cols + BLOCK - 1) // BLOCK)")
    assert "rows=300, cols=4096: 4 blocks for 132 units" in prompt(material("triton", base=candidate("triton", text)))
    assert "blocks for 132 units" not in prompt(material("triton"))


def test_much_workspace_is_told_by_shape() -> None:
    much = TRITON.replace("LAUNCH(grid=rows)", "LAUNCH(grid=rows, workspace=4 * rows * cols)")
    much = much.replace("cols, BLOCK", "cols, workspace, BLOCK")
    said = "rows=300, cols=4096: 4.688 MiB of workspace are filled with zeros first, and the problem moves 4.688 MiB in all"
    assert said in prompt(material("triton", base=candidate("triton", much)))
    little = much.replace("4 * rows * cols", "4 * rows")
    assert "of workspace are filled" not in prompt(material("triton", base=candidate("triton", little)))
    assert "of workspace are filled" not in prompt(material("triton"))


def test_the_rewrites_of_a_kernel_are_those_that_its_book_offers_there() -> None:
    text = prompt(material("cuda"))
    for move in book_of("cuda").moves:
        offered = f"`{move.name}` ("
        assert (offered in text) == (move.name in {"restrict_pointers", "launch_bounds", "unroll_loop", "persistent_blocks", "streamed_store"})  # fmt: skip
        assert offered not in text or meaning_of(move) in text
    assert "Mechanical rewrites" not in prompt(material("opencl"))


def test_an_inspiration_is_cut_with_a_remark_of_its_language() -> None:
    long = TRITON.replace("# EVOLVE-BLOCK-END", "# one more line\n" * 500 + "# EVOLVE-BLOCK-END")
    other = Individual(candidate("triton", long), Lineage(), 0.4, (1, 1, 1))
    text = prompt(material("triton", partner=None, inspirations=(other,)))
    assert re.search(r"\n# … \d+ more lines\n```", text)


def test_a_compilers_message_reaches_a_repair() -> None:
    failed = Failed("build", "compile_error", "half.py:12:8: no such name", "half.py:12:8: no such name\n    tl.lod(")
    text = prompt(material("triton", operator="repair", evaluation=failed, fitness=None, cell=None))
    assert "it does not compile" in text
    assert "tl.lod(" in text


@pytest.mark.parametrize("language", SOURCES)
def test_every_ingredient_of_a_language_is_rehearsed_and_every_template_has_its_use(
    language: str, tmp_path: Path
) -> None:
    folders = [SHIPPED / name for name in TONGUES[language].folders]
    assert all(folder.is_dir() for folder in folders)
    names = {path.stem for folder in folders for path in folder.glob("*.j2")} | {"machine", "compiler", "bottleneck"}
    assert names <= {*INGREDIENTS, *OPERATORS, "advice"}
    for name in names:
        own = tmp_path / name
        own.mkdir()
        (own / f"{name}.j2").write_text("{{ no_such_thing }}")
        with pytest.raises(ConfigError, match=f"{name}.j2:1: 'no_such_thing' is undefined"):
            Writer(PROBLEM, None, Notebook(), RESOLUTION, prompts=own, language=language)


# ------------------------------------------------------------ how answers are taken


def made(language: str, text: str) -> Candidate:
    base = candidate(language)
    return draft(base, read(text), signature(OPENCL_PROBLEM if language == "opencl" else PROBLEM)).candidate


def block(source: str) -> str:
    return source.partition("EVOLVE-BLOCK-START\n")[2].rpartition("\n")[0].rpartition("\n")[0] + "\n"


@pytest.mark.parametrize("language", SOURCES)
def test_edits_and_whole_programs_change_the_evolve_block_alone(language: str) -> None:
    source = SOURCES[language]
    changed = source.replace("0.5", "0.25")
    edit = "<<<<<<< SEARCH\n0.5\n=======\n0.25\n>>>>>>> REPLACE\n"
    assert made(language, f"IDEA: less\n\n{edit}").source == changed
    for word in (TONGUES[language].fence, "", "cpp" if language in ("cuda", "hip") else TONGUES[language].fence):
        assert made(language, f"Here.\n\n```{word}\n{changed}```\n").source == changed
    alone = made(language, f"```{TONGUES[language].fence}\n{block(changed)}```").source
    assert alone == changed.replace("\n\n\n# EVOLVE", "\n# EVOLVE"), "empty lines around the block may go"
    assert made(language, changed).source == changed, "the program itself, without any fence"
    head = source.split("\n")[0]
    with pytest.raises(SourceError, match="line 1"):
        made(language, f"<<<<<<< SEARCH\n{head}\n=======\n{head} // more\n>>>>>>> REPLACE\n")
    with pytest.raises(SourceError, match="no fence of the answer defines half"):
        made(language, f"```{TONGUES[language].fence}\nint other;\n```")


BROKEN = [
    ("triton", "BLOCK: tl.constexpr", "BLOCK: tl.constexpr, WIDE: tl.constexpr", "WIDE: each tl.constexpr argument needs its TUNE"),
    ("triton", "def half(x, out,", "def half(out, x,", "the signature differs from @triton.jit def half"),
    ("triton", "    begin =", "    begin = (", "line 13"),
    ("triton", "LAUNCH(grid=rows)", "LAUNCH(grid=heads)", "heads"),
    ("triton", "@triton.jit", "@triton.autotune([], [])", "half must be decorated with @triton.jit"),
    ("cuda", "LAUNCH(grid=rows, block=THREADS)", "", "the source has no LAUNCH lines"),
    ("cuda", "block=THREADS", "block=2048", "a block has 1 to 1024 threads"),
    ("hip", "TUNE(THREADS, 256, 128, 256)", "TUNE(THREADS)", "cannot be read"),
    ("opencl", "block=GROUP", "block=GROUP, shared=4", "LAUNCH knows no shared"),
]  # fmt: skip


@pytest.mark.parametrize(("language", "old", "new", "said"), BROKEN)
def test_what_no_compiler_needs_to_see_goes_back_at_once(language: str, old: str, new: str, said: str) -> None:
    assert old in SOURCES[language]
    with pytest.raises(SourceError, match=re.escape(said)):
        made(language, f"```{TONGUES[language].fence}\n{SOURCES[language].replace(old, new)}```")


@pytest.mark.parametrize("language", SOURCES)
def test_comments_are_no_code_and_make_no_other_kernel(language: str) -> None:
    mark = TONGUES[language].comment
    same = candidate(language, f"{mark} a remark\n{SOURCES[language]}")
    assert code_length(same) == code_length(candidate(language))
    assert twin_key(same) == twin_key(candidate(language))
    other = candidate(language, SOURCES[language].replace("0.5", "0.25"))
    assert twin_key(other) != twin_key(candidate(language))


def test_where_a_line_is_indented_to_is_another_triton_kernel() -> None:
    inside, behind = ("if a:\n    b = 1\n    c = 2\n", "if a:\n    b = 1\nc = 2\n")
    assert twin_key(candidate("triton", inside)) != twin_key(candidate("triton", behind))
    assert twin_key(candidate("triton", inside)) == twin_key(candidate("triton", inside.replace("    ", "  ")))


def test_lines_of_the_preprocessor_are_apart_in_cuda() -> None:
    one, two = ("#define A\nint x;", "#define A int x;")
    assert twin_key(candidate("cuda", one)) != twin_key(candidate("cuda", two))


def test_a_division_is_no_comment_in_triton() -> None:
    longer = TRITON.replace("begin + col, 0.5", "begin + col, 8 // 2 * 0.5")
    assert code_length(candidate("triton", longer)) == code_length(candidate("triton")) + len("8//2*")


@pytest.mark.parametrize("language", SOURCES)
def test_a_writer_of_a_language_proposes_in_it(language: str) -> None:
    problem = OPENCL_PROBLEM if language == "opencl" else PROBLEM
    changed = SOURCES[language].replace("0.5", "0.25")
    notebook = Notebook(ENVIRONMENT)
    mind = ScriptedMind((f"IDEA: less\n```{TONGUES[language].fence}\n{changed}```",), notebook)
    writer = Writer(problem, mind, notebook, RESOLUTION, language=language)
    request = Request(1, "rewrite", (Individual(candidate(language), Lineage(), 0.1, (0, 0, 0)),), (), None, 0, 1)
    proposal = anyio.run(writer.propose, request)
    assert (proposal.candidate.language, proposal.candidate.source) == (language, changed)
    assert CALLED[language][0] in mind.asked[0].messages[0].text
