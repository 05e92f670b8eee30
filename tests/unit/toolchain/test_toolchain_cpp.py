"""The C++ toolchain with the real compiler."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from warploom.errors import ToolchainError
from warploom.toolchain import cpp, cpp_cache, cpp_headers, cpp_jail
from warploom.toolchain.cpp import DEFAULT_FLAGS, CppToolchain
from warploom.toolchain.cpp_symbols import looked_up
from warploom.toolchain.find import find_toolchain
from warploom.values.candidate import Candidate
from warploom.values.outcome import Build, Failed
from warploom.values.signature import Argument, Signature

SIGNATURE = Signature(
    "scale",
    (Argument("x", "float32", "input"), Argument("out", "float32", "output"), Argument("n", "int64", "axis")),
)
DEFINITION = 'extern "C" void scale(const float* x, float* out, int64_t n)'
PLAIN = f"""#include <stdint.h>
{DEFINITION} {{
    for (int64_t i = 0; i < n; i++) out[i] = 2 * x[i];
}}
"""


def candidate(source: str, flags: tuple[str, ...] = (), extra: tuple[tuple[str, str], ...] = ()) -> Candidate:
    return Candidate("0" * 16, "cpp", (("kernel.cpp", source), *extra), "scale", (), flags)


def build(source: str, cache: Path, flags: tuple[str, ...] = (), toolchain: CppToolchain | None = None) -> Build:
    made = (toolchain or CppToolchain()).build(candidate(source, flags), SIGNATURE, cache)
    assert isinstance(made, Build), made
    return made


def failure(source: str, cache: Path, toolchain: CppToolchain | None = None) -> Failed:
    made = (toolchain or CppToolchain()).build(candidate(source), SIGNATURE, cache)
    assert isinstance(made, Failed), made
    return made


def test_an_absent_compiler_says_how_to_get_it() -> None:
    with pytest.raises(ToolchainError, match="apt install clang"):
        CppToolchain("clang++-0").version()
    with pytest.raises(ToolchainError, match=r"apt install g\+\+"):
        CppToolchain("/nowhere/g++").version()


def test_languages_are_found_by_name() -> None:
    assert find_toolchain("cpp").language == "cpp"
    with pytest.raises(ToolchainError, match="cobol"):
        find_toolchain("cobol")


def test_diagnostics_keep_the_candidates_own_line_numbers(tmp_path: Path) -> None:
    source = "#include <cmath>\nTUNE(A, 1, 2)\n" + PLAIN.replace("2 * x[i]", "nothing")
    assert failure(source, tmp_path).message.startswith("kernel.cpp:5:")


def test_it_links_without_the_candidates_fast_math(tmp_path: Path) -> None:
    """A library linked with fast-math sets flush-to-zero when it is loaded (see docs on timing)."""
    made = build(PLAIN, tmp_path, ("-Ofast", "-ffast-math"))
    assert "-Ofast" in made.command
    symbols = subprocess.run(["nm", made.artifact], capture_output=True, text=True, check=True).stdout
    assert "set_fast_math" not in symbols


def test_unresolved_symbols_are_found_at_the_build(tmp_path: Path) -> None:
    failed = failure(
        PLAIN.replace("2 * x[i]", "another(x[i])").replace(DEFINITION, f"float another(float);\n{DEFINITION}"), tmp_path
    )
    assert failed.kind == "compile_error"
    assert "another" in failed.log_tail


@pytest.mark.parametrize(
    "source",
    [
        PLAIN.replace('extern "C" void', "static void"),
        PLAIN.replace('extern "C" void', 'extern "C" int'),
        PLAIN.replace("const float* x", "const double* x"),
        PLAIN.replace("const float* x, float* out", "float* out, const float* x"),
        f"#include <stdint.h>\n{DEFINITION};\n",
    ],
)
def test_a_wrong_or_missing_entry_point_names_what_was_expected(source: str, tmp_path: Path) -> None:
    failed = failure(source, tmp_path)
    assert failed.kind == "rejected"
    assert DEFINITION in failed.message


def test_the_entry_point_may_be_spelt_freely(tmp_path: Path) -> None:
    build(
        PLAIN.replace("float* out", "float* __restrict__ out")
        .replace("int64_t n", "const int64_t count")
        .replace("< n", "< count"),
        tmp_path,
    )


def test_a_source_that_never_names_the_entry_point_is_rejected_unread(tmp_path: Path) -> None:
    failed = failure("int other(int a) { return a; }", tmp_path)
    assert (failed.stage, failed.kind) == ("source", "rejected")


@pytest.mark.parametrize("name", ["../kernel.cpp", "/etc/x.cpp", "kernel.o", ".hidden", "a b.cpp"])
def test_file_names_stay_inside_the_build(name: str, tmp_path: Path) -> None:
    odd = Candidate("0" * 16, "cpp", ((name, PLAIN),), "scale", (), ())
    failed = CppToolchain().check_source(odd, SIGNATURE)
    assert failed is not None
    assert "file name" in failed.message


def test_further_files_can_be_included(tmp_path: Path) -> None:
    source = '#include "factor.h"\n' + PLAIN.replace("2 *", "FACTOR *")
    made = CppToolchain().build(candidate(source, extra=(("factor.h", "#define FACTOR 3\n"),)), SIGNATURE, tmp_path)
    assert isinstance(made, Build), made


def test_the_compiler_sees_no_file_of_the_host(tmp_path: Path) -> None:
    if not cpp_jail.find_build_jail(CppToolchain()._path).bubblewrap:
        pytest.skip("bubblewrap does not work here; the toolchain names the gap")
    secret = tmp_path / "secret.h"
    secret.write_text("#define the_seed 42\n!planted!\n")
    for path in ("/etc/passwd", str(secret), "/proc/self/environ"):
        failed = failure(f'#include "{path}"\n{PLAIN}', tmp_path / "cache")
        assert "No such file" in failed.message
        assert "planted" not in failed.log_tail
    failed = failure(f'{PLAIN}\nasm(".incbin \\"{secret}\\"");', tmp_path / "cache")
    assert failed.kind == "compile_error"


def test_without_bubblewrap_it_builds_and_names_the_gap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    which = shutil.which
    monkeypatch.setattr(shutil, "which", lambda name: None if name == "bwrap" else which(name))
    cpp_jail.find_build_jail.cache_clear()
    try:
        assert "#include" in CppToolchain().gaps[0]
        build("#include <cmath>\n" + PLAIN, tmp_path)
        assert failure(BOMBS["wide"] + PLAIN, tmp_path, CppToolchain(timeout_s=1.0)).kind == "timeout"
    finally:
        cpp_jail.find_build_jail.cache_clear()


BOMBS = {
    "deep": "template <long N> struct T { typedef typename T<N - 1>::type type; }; T<1000000>::type never;",
    "wide": "template <int N, int M> struct W { static const long v = W<N - 1, 2 * M>::v + W<N - 1, 2 * M + 1>::v; };"
    "template <int M> struct W<0, M> { static const long v = M; }; long never = W<28, 1>::v;",
    "large": "char large[1l << 31] = {1};",
    "endless": '#include "kernel.cpp"',
}


@pytest.mark.parametrize("bomb", BOMBS)
def test_compile_bombs_end_in_time(bomb: str, tmp_path: Path) -> None:
    begin = time.monotonic()
    failed = failure(f"{PLAIN}\n{BOMBS[bomb]}\n", tmp_path, CppToolchain(timeout_s=1.0))
    assert time.monotonic() - begin < 20
    assert failed.kind in ("compile_error", "timeout")
    assert failed.message
    assert len(failed.log_tail) < 10_000
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_precompiled_headers_are_used_and_change_nothing(tmp_path: Path) -> None:
    """Once made, the text they were made from is not read any more: an error planted there is never seen."""
    source = "#include <cmath>\n#include <algorithm>\n" + PLAIN.replace("2 * x[i]", "std::max(0.0f, std::sqrt(x[i]))")
    made = build(source, tmp_path)
    assert made.log == ""
    (header,) = (tmp_path / "headers").glob("*/pre.h")
    assert header.read_text() == "#include <algorithm>\n#include <cmath>\n"
    assert header.with_name("pre.h.gch").stat().st_size > 1_000_000
    header.write_text("#error the text was read\n")
    for flags in ((), ("-O2", "-funroll-loops"), ("-fno-tree-vectorize", "-fno-trapping-math")):
        again = build(source + "// another\n", tmp_path, flags)
        assert again.log == "", flags
    assert len(list((tmp_path / "headers").iterdir())) == 1


def test_flags_that_change_macros_get_headers_of_their_own(tmp_path: Path) -> None:
    source = "#include <cfloat>\n#include <limits>\n" + PLAIN
    for flags in (("-ffast-math",), ("-fno-math-errno",), ("-mprefer-vector-width=512",), ("-Ofast",)):
        assert build(source, tmp_path, flags).log == "", flags
    assert len(list((tmp_path / "headers").iterdir())) == 4


def test_only_what_a_candidate_includes_is_put_before_it(tmp_path: Path) -> None:
    assert cpp_headers.heavy_includes((("a", "#include <stdint.h>\n"),)) == ()
    assert cpp_headers.heavy_includes((("a", "# include <vector>\n"), ("b", "#include <cmath>\n"))) == (
        "cmath",
        "vector",
    )
    failed = failure("#include <cmath>\n" + PLAIN.replace("2 * x[i]", "std::vector<float>(3)[0]"), tmp_path)
    assert "vector" in failed.message


@pytest.mark.parametrize("name", ["dlsym", "dlopen", "dlmopen", "dladdr1", "dl_iterate_phdr", "_dl_find_object"])
def test_a_library_that_looks_up_other_code_is_not_taken(name: str, tmp_path: Path) -> None:
    declared = f'#include <stdint.h>\nextern "C" void* {name}(const char*, int);\nstatic void* seen;\n'
    used = f'seen = {name}("x", 2), out[i] ='
    failed = failure(declared + PLAIN.split("\n", 1)[1].replace("out[i] =", used), tmp_path)
    assert (failed.stage, failed.kind) == ("build", "rejected")
    assert f"asks for {name}" in failed.message


@pytest.mark.parametrize("name", ["my_dlsym", "dlsyms", "dl_symbols"])
def test_a_kernel_may_have_names_of_its_own(name: str, tmp_path: Path) -> None:
    own = f"static float {name}(float x) {{ return 2 * x; }}\n"
    text = PLAIN.replace(DEFINITION, own + DEFINITION).replace("2 * x[i]", f"{name}(x[i])")
    assert build(text, tmp_path).artifact


def test_a_build_that_was_kept_is_looked_at_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = build(PLAIN, tmp_path)
    refused = Failed("build", "rejected", "no")
    monkeypatch.setattr(cpp, "rejection", lambda library, log: refused if str(library) == kept.artifact else None)
    assert failure(PLAIN, tmp_path) is refused


@pytest.mark.parametrize(
    ("library", "name"),
    [(b"\0dlsym\0", "dlsym"), (b"\0my_dlsym\0", "dlsym"), (b"\0dlsyms\0dlsy\0", ""), (b"\0_dl_open\0", "_dl_open")],
)
def test_a_name_counts_also_at_the_end_of_another(library: bytes, name: str) -> None:
    """Where two names end alike, a linker keeps the longer one and points into it."""
    assert looked_up(library) == name


def test_the_key_counts_everything(tmp_path: Path) -> None:
    other = PLAIN.replace("2 *", "3 *")
    paths = {
        build(source, tmp_path, flags).artifact
        for source in (PLAIN, other)
        for flags in ((), ("-O2",), ("-O2", "-funroll-loops"))
    }
    assert len(paths) == 6
    assert cpp_cache.key(("ab", "c")) != cpp_cache.key(("a", "bc"))


def test_a_build_of_another_compiler_is_not_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = build(PLAIN, tmp_path)
    newer = CppToolchain()
    monkeypatch.setitem(newer.__dict__, "_version", "g++ 99.1.0")
    assert build(PLAIN, tmp_path, toolchain=newer).artifact != first.artifact


def test_a_build_that_was_put_in_the_place_of_another_is_made_anew(tmp_path: Path) -> None:
    first, other = build(PLAIN, tmp_path), build(PLAIN.replace("2 *", "3 *"), tmp_path)
    place = Path(first.artifact).parent
    shutil.rmtree(place)
    shutil.copytree(Path(other.artifact).parent, place)  # whole, its record included
    again = build(PLAIN, tmp_path)
    assert again.sha256 == first.sha256 != other.sha256
    assert cpp_cache.sha256(Path(again.artifact)) == first.sha256


def test_the_record_in_the_cache_is_plain_json(tmp_path: Path) -> None:
    made = build(PLAIN, tmp_path)
    record = json.loads((Path(made.artifact).parent / "build.json").read_text())
    assert record["sha256"] == made.sha256
    assert tuple(record["command"])[: 1 + len(DEFAULT_FLAGS)] == ("g++", *DEFAULT_FLAGS)
    assert Path(made.artifact).stat().st_mode & 0o222 == 0


def test_a_library_that_would_fill_the_cache_is_rejected(tmp_path: Path) -> None:
    failed = failure(f"char filler[40 << 20] = {{1}};\n{PLAIN}", tmp_path)
    assert (failed.kind, failed.message) == ("rejected", "the library is 40 MiB large; at most 16 MiB are kept")
    assert not list(tmp_path.rglob("kernel.so"))
    build(f"char scratch[40 << 20];\n{PLAIN}", tmp_path)


def test_a_library_in_the_cache_is_held_to_the_limit_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = build(PLAIN, tmp_path)
    monkeypatch.setattr("warploom.toolchain.cpp._ARTIFACT_BYTES", first.facts["artifact_bytes"] - 1)
    assert failure(PLAIN, tmp_path).kind == "rejected"


def test_a_listing_of_endless_code_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its facts are left out; the judge has no time to lose on it."""
    many = f'asm(".text; .rept 20000; nop; .endr");\n{PLAIN}'
    assert build(many, tmp_path / "read").facts["instructions"] > 20_000
    monkeypatch.setattr(cpp, "_REPORT_BYTES", 100_000)
    made = build(many, tmp_path / "unread")
    assert "instructions" not in made.facts
    assert "artifact_bytes" in made.facts


def test_what_the_compiler_quotes_cannot_steer_a_terminal(tmp_path: Path) -> None:
    failed = failure(f'#error "\033[2J gone \033]0;title\x07"\n{PLAIN}', tmp_path)
    assert "gone" in failed.message
    assert not set("\033\x07") & set(failed.message + failed.log_tail)
