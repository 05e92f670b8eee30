"""The launcher of an OpenCL kernel: C++ text that gives it the calling convention of every other kernel on a CPU.

PoCL compiles a kernel into a function that runs one work-group. The launcher is the loop over work-groups around it, as
in PoCL's own scheduler where that is built with OpenMP (``lib/CL/devices/pthread/pthread_scheduler.c``). So the
library that comes out is loaded, called, watched and timed like one from C++, and the threads that run work-groups are
those that the rules for a timed process know.
"""

from __future__ import annotations

import re

from warploom.values.launch import Launch
from warploom.values.signature import Signature

MOST_LOCALS = 16
"""Arrays in local memory that one kernel may have."""

ALIGNMENT_BYTES = 128
"""Of everything in local memory, as PoCL aligns it (``MAX_EXTENDED_ALIGNMENT``)."""

_TEXT = """\
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

// What a work-group is told of the whole: `struct pocl_context` of PoCL {major}.
struct WarploomContext {{
    uint64_t groups[3], offset[3], local[3];
    unsigned char* printf_buffer;
    uint32_t* printf_position;
    uint32_t printf_capacity;
    {tail}
}};

extern "C" void {symbol}(void** arguments, WarploomContext* context, size_t x, size_t y, size_t z);

static thread_local char* warploom_local = nullptr;  // kept: a work-group finds in it what another left

static void warploom_run(const void* const* values, const int64_t* grid) {{
    const int64_t groups = grid[0] * grid[1] * grid[2];
    #pragma omp parallel
    {{
        unsigned char printed[64];
        uint32_t position = 0;
        WarploomContext context = {{}};
        for (int axis = 0; axis < 3; ++axis) context.groups[axis] = grid[axis];
        context.local[0] = {block[0]}, context.local[1] = {block[1]}, context.local[2] = {block[2]};
        context.work_dim = 3;
        context.printf_buffer = printed, context.printf_position = &position;
        void* locals[{most}] = {{}};
        void* arguments[{count} + {most} + 1] = {{}};
        for (int at = 0; at < {count}; ++at) arguments[at] = (void*)values[at];
        if ({local_bytes} && !warploom_local) {{
            warploom_local = (char*)aligned_alloc({alignment}, {most} * {stride});
            if (!warploom_local) abort();
        }}
        for (int at = 0; {local_bytes} && at < {most}; ++at) {{
            locals[at] = warploom_local + at * {stride};
            arguments[{count} + at] = &locals[at];
        }}
        #pragma omp for schedule(guided)
        for (int64_t group = 0; group < groups; ++group) {{
            {symbol}(arguments, &context, group % grid[0], group / grid[0] % grid[1], group / grid[0] / grid[1]);
        }}
    }}
}}

{declaration} {{
    {constants}
    const void* const warploom_values[] = {{{values}}};
    const int64_t warploom_grid[] = {{{grid}}};
    for (int64_t extent : warploom_grid) {{
        if (extent <= 0) return;
    }}
    warploom_run(warploom_values, warploom_grid);
}}
"""

_TAILS = {3: "uint32_t work_dim;"}
_LATER = "unsigned char* global_variables; uint32_t work_dim, execution_failed;"


def launcher(signature: Signature, launch: Launch, local_bytes: int, major: int) -> str:
    """The text of the launcher.

    Args:
        signature: of the kernel; the launcher has its name and arguments.
        launch: its grid, and a block of three extents.
        local_bytes: local memory of one work-group; each of its arrays is given room for all of it.
        major: of PoCL's version, which decides what a work-group is told.
    """
    stride = -(-local_bytes // ALIGNMENT_BYTES) * ALIGNMENT_BYTES + ALIGNMENT_BYTES
    return _TEXT.format(
        major=major,
        tail=_TAILS.get(major, _LATER),
        symbol=f"_pocl_kernel_{signature.entry_point}_workgroup",
        declaration=signature.c_declaration(),
        constants=" ".join(f"const int64_t {name} = {value};" for name, value in _constants(launch)),
        values=", ".join(f"&{argument.name}" for argument in signature.arguments),
        grid=", ".join(f"int64_t({c_expression(word)})" for word in launch.grid),
        block=launch.block,
        most=MOST_LOCALS,
        count=len(signature.arguments),
        local_bytes=local_bytes,
        alignment=ALIGNMENT_BYTES,
        stride=stride,
    )


def c_expression(word: str) -> str:
    """An expression of a LAUNCH line in C: extents are never negative, so that both divide alike."""
    return re.sub(r"//", "/", word)


def _constants(launch: Launch) -> list[tuple[str, int]]:
    """The constants that the grid names."""
    named = set(re.findall(r"[A-Za-z_]\w*", " ".join(launch.grid)))
    return [(name, value) for name, value in launch.constants.items() if name in named]
