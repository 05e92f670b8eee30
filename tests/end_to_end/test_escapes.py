"""Ways out of the jail. Under bubblewrap none succeeds; without it one may only where the jail names the gap.

What a worker may do to itself, and how it ends for it, stands in ``test_sandbox_attacks.py``.
"""

from __future__ import annotations

import fcntl
import os
import resource
import select
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from warploom.sandbox.buffers import SharedBuffer
from warploom.sandbox.candidate_process import Call, CandidateProcess, WorkerFailed
from warploom.sandbox.jail import Jail, bare_jail, bubblewrap_jails, find_jail
from warploom.sandbox.limits import MIB, Limits
from warploom.sandbox.runner import Interruptible
from warploom.toolchain.cpp import CppToolchain
from warploom.toolchain.cpp_jail import BuildJail
from warploom.values.candidate import Candidate
from warploom.values.outcome import Build, Failed
from warploom.values.signature import Argument, Signature

SECRET = "the-planted-secret"
HEAD = """
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
extern char** environ;
static int holds(const char* path, const char* text) {
    static char data[1 << 16];
    int f = open(path, O_RDONLY);
    if (f < 0) return 0;
    long n = read(f, data, sizeof data);
    close(f);
    return n > 0 && memmem(data, n, text, strlen(text)) != 0;
}
#define OWNER @OWNER@
#define SECRET "@SECRET@"
#define FOLDER "@FOLDER@"
#define PORT @PORT@
#define SUCCESS (out[1] = 1)
#define KERNEL extern "C" void kernel(const float* x, float* out, int64_t n)
"""
SIGNATURE = Signature(
    "kernel",
    (Argument("x", "float32", "input"), Argument("out", "float32", "output"), Argument("n", "int64", "axis")),
)

Compile = Callable[[str, dict[str, str]], Path]
Attempt = tuple[float, str]
"""What the kernel wrote (1: it says that it got out), and how it ended by fault, "" when it did not."""


def jails() -> list[Jail]:
    path = shutil.which("bwrap")
    bare = [bare_jail("left out for this test", own_user=own) for own in (os.geteuid() == 0, False)]
    choices = [find_jail(), *(bubblewrap_jails(path) if path else ()), *bare]
    return [jail for jail in dict.fromkeys(choices) if not jail.works()]


@pytest.fixture(params=jails(), ids=lambda jail: f"{jail.name}-{'own-user' if jail.own_user else 'same-user'}")
def jail(request: pytest.FixtureRequest) -> Jail:
    chosen = request.param
    assert isinstance(chosen, Jail)
    return chosen


@pytest.fixture(scope="module")
def place() -> Iterator[tuple[Path, socket.socket]]:
    """A folder that anyone may read and write, and a server on loopback."""
    with tempfile.TemporaryDirectory() as name, socket.create_server(("127.0.0.1", 0)) as server:
        Path(name).chmod(0o777)
        server.settimeout(0.02)
        yield Path(name), server


@pytest.fixture
def world(place: tuple[Path, socket.socket], monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, str]]:
    """Secrets in the environment, at home and in a run directory; afterwards nobody may have called the server."""
    folder, server = place
    for inside in ("home", "run"):
        shutil.rmtree(folder / inside, ignore_errors=True)
        (folder / inside).mkdir()
        (folder / inside).chmod(0o777)
        (folder / inside / "secret").write_text(SECRET)
        (folder / inside / "secret").chmod(0o666)
    monkeypatch.setenv("PLANTED", SECRET)
    monkeypatch.setenv("HOME", str(folder / "home"))
    port = server.getsockname()[1]
    yield {"FOLDER": str(folder), "PORT": str(port), "OWNER": str(os.getpid()), "SECRET": SECRET}
    with pytest.raises(TimeoutError):
        server.accept()


@pytest.fixture(scope="module")
def libraries(tmp_path_factory: pytest.TempPathFactory) -> Compile:
    made: dict[str, Path] = {}

    def build(text: str, words: dict[str, str]) -> Path:
        whole = HEAD + text
        for name, word in words.items():
            whole = whole.replace(f"@{name}@", word)
        if whole not in made:
            folder = tmp_path_factory.mktemp("kernel")
            source, made[whole] = folder / "kernel.cpp", folder / "kernel.so"
            source.write_text(whole)
            command = ["g++", "-O1", "-fopenmp", "-fPIC", "-shared", "-o", str(made[whole]), str(source)]
            subprocess.run(command, check=True, timeout=60)
        return made[whole]

    return build


def attempt(
    library: Path, jail: Jail, limits: Limits | None = None, after: Callable[[SharedBuffer], None] | None = None
) -> Attempt:
    with SharedBuffer(8192) as source, SharedBuffer(8192) as sink:
        try:
            with CandidateProcess(library, "kernel", jail, limits or Limits()) as process:
                process.stage([Call(source, sink, (("input", 0), ("output", 0), ("axis", 4)))])
                process.run(30.0)
        except WorkerFailed as failed:
            return struct.unpack("4f", sink.memory[:16])[1], f"{failed.kind}: {failed.message}"
        if after:
            after(sink)
        return struct.unpack("4f", sink.memory[:16])[1], ""


READ = (
    'if (getenv("PLANTED")) SUCCESS; for (char** e = environ; *e; e++) if (strstr(*e, SECRET)) SUCCESS;',
    'if (holds(FOLDER "/home/secret", SECRET)) SUCCESS;',
    'if (holds(FOLDER "/run/secret", SECRET)) SUCCESS;',
    'char p[64]; sprintf(p, "/proc/%d/environ", OWNER); if (holds(p, SECRET)) SUCCESS;',
    'char p[64]; sprintf(p, "/proc/%d/environ", getppid()); if (holds(p, SECRET)) SUCCESS;',
    'char p[64]; sprintf(p, "/proc/%d/mem", OWNER); if (open(p, O_RDONLY) >= 0) SUCCESS;',
    (
        "for (int i = 3; i < 4096; i++) { struct stat s; if (!fstat(i, &s) && S_ISDIR(s.st_mode)) {"
        ' int f = openat(i, "../../../../../../../../" FOLDER "/run/secret", O_RDONLY); if (f >= 0) SUCCESS; } }'
    ),
)
WRITE = (
    'if (open(FOLDER "/run/new", O_CREAT | O_WRONLY, 0666) >= 0) SUCCESS;',
    'if (open(FOLDER "/run/secret", O_WRONLY | O_TRUNC) >= 0) SUCCESS;',
    'if (open(FOLDER "/run/secret", O_RDONLY | O_TRUNC) >= 0) SUCCESS;',
    'if (unlink(FOLDER "/run/secret") == 0) SUCCESS;',
    'if (rename(FOLDER "/run/secret", FOLDER "/run/moved") == 0 || symlink("/", FOLDER "/run/link") == 0) SUCCESS;',
    'if (chmod(FOLDER "/run/secret", 0600) == 0 || truncate(FOLDER "/run/secret", 0) == 0) SUCCESS;',
)
OTHERS = (
    "if (kill(OWNER, SIGSTOP) == 0 || kill(-1, SIGKILL) == 0 || syscall(SYS_tkill, OWNER, SIGSTOP) == 0) SUCCESS;",
    "siginfo_t s = {}; s.si_code = SI_QUEUE; if (syscall(SYS_rt_sigqueueinfo, OWNER, SIGUSR1, &s) == 0) SUCCESS;",
    "long f = syscall(434, OWNER, 0); if (f >= 0 && syscall(424, f, SIGSTOP, 0, 0) == 0) SUCCESS;",
    "struct rlimit r = {64, 64}; if (syscall(SYS_prlimit64, OWNER, RLIMIT_NOFILE, &r, 0) == 0) SUCCESS;",
    "if (setpriority(PRIO_PROCESS, OWNER, 19) == 0) SUCCESS;",
    # The kernel sends the signal, when something moves on the descriptor, in the name of whoever owns it.
    "for (int i = 0; i < 4096; i++) if (fcntl(i, F_SETOWN, OWNER) == 0 && fcntl(i, F_SETSIG, SIGKILL) == 0) SUCCESS;",
    "for (int i = 0; i < 4096; i++) if (fcntl(i, F_SETOWN, getpid()) == 0 && fcntl(i, F_SETSIG, SIGCONT) == 0) SUCCESS;",
    "if (syscall(SYS_ptrace, 16, OWNER, 0, 0) == 0) SUCCESS;",
    (
        "char b[8]; struct { void* p; size_t n; } l = {b, 8}, r = {(void*)environ, 8};"
        " if (syscall(SYS_process_vm_readv, OWNER, &l, 1, &r, 1, 0) == 8) SUCCESS;"
    ),
)
REACH = (
    (
        "int s = syscall(SYS_socket, 2, 1, 0); struct { short f; unsigned short p; unsigned a; char z[8]; } to ="
        " {2, __builtin_bswap16(PORT), 0x0100007f, {}}; if (s >= 0 && syscall(SYS_connect, s, &to, 16) == 0) SUCCESS;"
    ),
    "if (syscall(SYS_io_uring_setup, 4, 0) >= 0) SUCCESS;",
)
NEXT = (
    (
        "char* p = (char*)((uintptr_t)out & ~4095ul); for (int i = 0; i < 4096; i++)"
        " if (fcntl(i, 1033, 0x10) == 0) SUCCESS;"
    ),
    (
        "char* p = (char*)((uintptr_t)x & ~4095ul); if (madvise(p, 4096, 21) == 0 || madvise(p, 4096, 20) == 0"
        " || madvise(p, 4096, 25) == 0) SUCCESS;"
    ),
    "char* p = (char*)((uintptr_t)out & ~4095ul); if (madvise(p, 4096, 9) == 0) SUCCESS;",
)


def allowed(jail: Jail, words: tuple[str, ...]) -> bool:
    """Whether the jail names a gap that begins so."""
    return any(gap.startswith(words) for gap in jail.gaps)


@pytest.mark.parametrize("body", READ)
def test_secrets_stay_secret(body: str, jail: Jail, world: dict[str, str], libraries: Compile) -> None:
    found, _ = attempt(libraries(f"KERNEL {{ {body} }}", world), jail)
    assert found == 0 or allowed(jail, ("files: a candidate can read",))


@pytest.mark.parametrize("body", WRITE)
def test_nothing_outside_is_written(body: str, jail: Jail, world: dict[str, str], libraries: Compile) -> None:
    run = Path(world["FOLDER"], "run")
    before = sorted((path.name, path.stat().st_mode) for path in run.iterdir())
    found, _ = attempt(libraries(f"KERNEL {{ {body} }}", world), jail)
    if not allowed(jail, ("files:",)):
        assert found == 0
        assert sorted((path.name, path.stat().st_mode) for path in run.iterdir()) == before
        assert (run / "secret").read_text() == SECRET


@pytest.mark.parametrize("body", [*READ[1:3], WRITE[0], WRITE[3]])
def test_without_a_jail_the_attempts_succeed(body: str, world: dict[str, str], libraries: Compile) -> None:
    """So what is seen to fail above fails for the jail."""
    found, _ = attempt(libraries(f"KERNEL {{ {body} }}", world), Jail("rlimits", ("all",), user_namespace=False))
    assert found == 1


@pytest.mark.parametrize("body", OTHERS)
def test_no_other_process_is_touched(body: str, jail: Jail, world: dict[str, str], libraries: Compile) -> None:
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    found, said = attempt(libraries(f"KERNEL {{ {body} }}", world), jail)
    assert found == 0
    assert not said or "SIGSYS" in said
    assert resource.getrlimit(resource.RLIMIT_NOFILE) == limits


def test_cores_are_bound_only_where_the_gap_is_named(jail: Jail, world: dict[str, str], libraries: Compile) -> None:
    cores = os.sched_getaffinity(0)
    body = """cpu_set_t s; CPU_ZERO(&s); CPU_SET(@CORE@, &s);
        if (syscall(SYS_sched_setaffinity, OWNER, sizeof s, &s) == 0) SUCCESS;"""
    world["CORE"] = str(min(cores))
    try:
        found, _ = attempt(libraries(f"KERNEL {{ {body} }}", world), jail)
        bound = os.sched_getaffinity(0) != cores
    finally:
        os.sched_setaffinity(0, cores)
    named = allowed(jail, ("cores:",))
    assert not bound or named
    assert found == 0 or named


@pytest.mark.parametrize("body", REACH)
def test_no_server_is_reached(body: str, jail: Jail, world: dict[str, str], libraries: Compile) -> None:
    found, said = attempt(libraries(f"KERNEL {{ {body} }}", world), jail)
    assert found == 0
    assert "SIGSYS" in said


@pytest.mark.parametrize("body", NEXT)
def test_nothing_is_done_to_memory_that_others_use(
    body: str, jail: Jail, world: dict[str, str], libraries: Compile
) -> None:
    def still_an_output(sink: SharedBuffer) -> None:
        assert not fcntl.fcntl(sink.fd, 1034) & 0x18

    found, _ = attempt(libraries(f"KERNEL {{ {body} }}", world), jail, after=still_an_output)
    assert found == 0


@pytest.mark.parametrize(
    "body",
    [
        # A stack that grows downwards is counted by no limit on private memory, nor are tables of empty pages.
        (
            "char* p = (char*)mmap(0, 1ul << 33, 3, MAP_PRIVATE | MAP_ANONYMOUS | MAP_GROWSDOWN | MAP_NORESERVE, -1, 0);"
            " if (p == MAP_FAILED) return; for (long i = 0; i < 300l << 20; i += 4096) p[i] = 1; SUCCESS;"
        ),
        (
            "char* p = (char*)mmap(0, 1ul << 40, 1, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);"
            " if (p != MAP_FAILED) SUCCESS;"
        ),
    ],
)
def test_memory_that_nobody_counts_is_refused(body: str, jail: Jail, world: dict[str, str], libraries: Compile) -> None:
    library = libraries(f"KERNEL {{ {body} }}", world)
    assert attempt(library, jail, Limits(memory_bytes=192 * MIB)) == (0.0, "")


def test_nobody_outlives_the_deadline(jail: Jail, world: dict[str, str], libraries: Compile) -> None:
    """Every signal caught or ignored, a hundred threads at work, the leader gone."""
    text = """
        static void* work(void* p) { volatile float* out = (float*)p; for (;;) out[2] = out[2] + 1; }
        KERNEL {
            for (int s = 1; s < 65; s++) signal(s, SIG_IGN);
            sigset_t all; sigfillset(&all); sigprocmask(SIG_BLOCK, &all, 0);
            pthread_t t; for (int i = 0; i < 20; i++) pthread_create(&t, 0, work, out);
            syscall(SYS_exit, 0); }"""
    library = libraries(text, world)
    with SharedBuffer(8192) as source, SharedBuffer(8192) as sink:
        process = CandidateProcess(library, "kernel", jail, Limits())
        process.stage([Call(source, sink, (("input", 0), ("output", 0), ("axis", 4)))])
        with pytest.raises(WorkerFailed) as caught:
            process.run(0.4)
        assert caught.value.kind == "timeout"
        seen = sink.memory[:16]
        time.sleep(0.1)
        assert sink.memory[:16] == seen


def test_what_is_done_before_the_stop_is_on_the_clock(
    jail: Jail, world: dict[str, str], libraries: Compile, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker that answers first and computes until it is stopped must not gain by that."""
    real = signal.pidfd_send_signal

    def slowly(pidfd: int, number: int) -> None:
        if number == signal.SIGSTOP:
            time.sleep(0.05)
        real(pidfd, number)

    library = libraries("KERNEL { }", world)
    with (
        SharedBuffer(8192) as source,
        SharedBuffer(8192) as sink,
        CandidateProcess(library, "kernel", jail, Limits()) as process,
    ):
        process.stage([Call(source, sink, (("input", 0), ("output", 0), ("axis", 4)))])
        monkeypatch.setattr(signal, "pidfd_send_signal", slowly)
        assert process.run(5.0) > 50_000_000


def test_an_answer_that_is_there_counts_however_late_it_is_looked_for(
    jail: Jail, world: dict[str, str], libraries: Compile, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The judge is one process among others: what it has no time for is not the candidate's hang."""
    real = signal.pidfd_send_signal
    library = libraries("KERNEL { }", world)
    with (
        SharedBuffer(8192) as source,
        SharedBuffer(8192) as sink,
        CandidateProcess(library, "kernel", jail, Limits()) as process,
    ):

        def then_away(pidfd: int, number: int) -> None:
            real(pidfd, number)
            if number == signal.SIGCONT:
                select.select([process._worker._channel], [], [], 60)
                time.sleep(0.2)

        process.stage([Call(source, sink, (("input", 0), ("output", 0), ("axis", 4)))])
        monkeypatch.setattr(signal, "pidfd_send_signal", then_away)
        assert process.run(0.1) > 200_000_000


def test_a_block_ends_after_as_many_calls_as_were_asked_for_and_says_whose_inputs_were_read(
    jail: Jail, world: dict[str, str], libraries: Compile
) -> None:
    library = libraries("KERNEL { static float kept; if (x[0] == 9) kept = x[0]; else out[0] = x[0]; }", world)
    page, seven, nine = 4096, struct.pack("f", 7), struct.pack("f", 9)
    with (
        SharedBuffer(8 * page) as source,
        SharedBuffer(page) as sink,
        CandidateProcess(library, "kernel", jail, Limits()) as process,
    ):
        assert isinstance(process, Interruptible)
        process.stage(
            [
                Call(source, sink, (("input", place * page), ("output", 64 * place), ("axis", 4)), place * page, page)
                for place in range(8)
            ]
        )
        for place in range(8):
            source.memory[place * page : place * page + 4] = nine if place == 2 else seven
        for asked in (3, 8, 1):
            sink.memory[:] = bytes(page)
            assert process.run_first(asked, 20.0) == set(range(asked))
            written = [sink.memory[64 * place : 64 * place + 4] == seven for place in range(8)]
            assert written == [place < asked and place != 2 for place in range(8)]


def test_where_nobody_tells_what_was_read_it_is_not_known(
    jail: Jail, world: dict[str, str], libraries: Compile, monkeypatch: pytest.MonkeyPatch
) -> None:
    library = libraries("KERNEL { out[0] = x[0]; }", world)
    with (
        SharedBuffer(4096) as source,
        SharedBuffer(4096) as sink,
        CandidateProcess(library, "kernel", jail, Limits()) as process,
    ):
        process.stage([Call(source, sink, (("input", 0), ("output", 0), ("axis", 4)))])
        assert process.run_first(1, 20.0) == {0}
        monkeypatch.setattr("warploom.sandbox.pages.forget", lambda pid: False)
        assert process.run_first(1, 20.0) is None


def _note_cores(counts: set[int]) -> bool:
    """Note how many cores this process may use now; never the moment to look."""
    counts.add(len(os.sched_getaffinity(0)))
    return False


def test_a_look_sees_the_middle_of_a_block_and_the_worker_goes_on(
    jail: Jail, world: dict[str, str], libraries: Compile, monkeypatch: pytest.MonkeyPatch
) -> None:
    library = libraries("KERNEL { for (volatile int i = 0; i < 5000000; i++) { } out[0] = x[0]; }", world)
    seven, seen = struct.pack("f", 7), b""
    with (
        SharedBuffer(8192) as source,
        SharedBuffer(8192) as sink,
        CandidateProcess(library, "kernel", jail, Limits()) as process,
    ):

        def look() -> None:
            nonlocal seen
            seen = sink.memory[: 8 * 64]

        process.stage([Call(source, sink, (("input", 0), ("output", 64 * place), ("axis", 4))) for place in range(8)])
        source.memory[:4] = seven
        spent, attempts = None, 0
        while spent is None and attempts < 20:  # on a busy machine the block may be over before it is looked at
            attempts += 1
            sink.memory[:] = bytes(8192)
            spent = process.run_and_look(20.0, lambda: sink.memory[:4] == seven, 10.0, look)
        assert spent is not None
        assert 0 < spent[0] < spent[1]
        assert seen[:4] == seven
        assert all(sink.memory[64 * place : 64 * place + 4] == seven for place in range(8))
        seen = b""
        for aside in (0, 1):
            monkeypatch.setattr("secrets.randbelow", [lambda _: 0, lambda _: 1][aside])
            cores, during = os.sched_getaffinity(0), set[int]()
            noting = partial(_note_cores, during)
            assert process.run_and_look(20.0, noting, 2.0, look) is None
            assert during == {1 if aside else len(cores)}
            assert os.sched_getaffinity(0) == cores
        assert seen == b""


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ("__builtin_ia32_ldmxcsr(__builtin_ia32_stmxcsr() | 0x8000);", "denormals"),
        ("__builtin_ia32_ldmxcsr(__builtin_ia32_stmxcsr() | 0x40);", "denormals"),
        ("__builtin_ia32_ldmxcsr(__builtin_ia32_stmxcsr() | 0x2000);", "rounding"),
        ("__builtin_ia32_ldmxcsr(__builtin_ia32_stmxcsr() | 0x4000);", "rounding"),
        ("__builtin_ia32_ldmxcsr(__builtin_ia32_stmxcsr() | 0x6000);", "rounding"),
    ],
)
@pytest.mark.skipif(os.uname().machine != "x86_64", reason="the modes are set by an instruction of x86-64")
def test_a_mode_of_the_processor_left_behind_is_a_failure(
    change: str, word: str, world: dict[str, str], libraries: Compile
) -> None:
    _, said = attempt(libraries(f"KERNEL {{ {change} }}", world), find_jail())
    assert said.startswith("wrong_result: the kernel left the processor in another mode")
    assert word in said


# ------------------------------------------------------------ the compiler reads strangers' text

EMBED = (
    '#include "@FOLDER@/run/secret"',
    'asm(".section .rodata; .incbin \\"@FOLDER@/run/secret\\"");',
    '#if __has_include("@FOLDER@/run/secret")\n#error @SECRET@\n#endif',
    'const char held[] = {\n#embed "@FOLDER@/run/secret"\n};',
    '#include "/proc/self/environ"',
    'asm(".section .rodata; .incbin \\"/proc/self/environ\\"");',
)


@pytest.mark.parametrize("text", EMBED)
@pytest.mark.parametrize("fallback", [False, True], ids=["chosen", "without-bubblewrap"])
def test_no_file_of_the_host_gets_into_a_build(
    text: str, fallback: bool, world: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if fallback:
        monkeypatch.setattr("warploom.toolchain.cpp.find_build_jail", lambda compiler: BuildJail(""))
    for name, word in world.items():
        text = text.replace(f"@{name}@", word)
    source = f'{text}\nextern "C" void kernel(const float* x, float* out, long n) {{ out[0] = x[0]; }}\n'
    toolchain = CppToolchain()
    found = toolchain.build(Candidate("0" * 16, "cpp", (("kernel.cpp", source),), "kernel"), SIGNATURE, tmp_path)
    if isinstance(found, Failed):
        leaked = SECRET in f"{found.message} {found.log_tail}"
    else:
        assert isinstance(found, Build)
        leaked = SECRET.encode() in Path(found.artifact).read_bytes()
    assert not leaked or any(gap.startswith("build:") for gap in toolchain.gaps)
