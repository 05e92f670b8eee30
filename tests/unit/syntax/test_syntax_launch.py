from __future__ import annotations

import pytest

from warploom.errors import ProblemError, SourceError
from warploom.syntax import launch
from warploom.values.launch import Launch

KEYS = ("grid", "block", "shared", "workspace")


def read(line: str) -> Launch:
    return launch.read(f"// kernel\n{line}\nint x;\n", ("rows", "heads"), {"THREADS": 64, "KIND": "a"}, KEYS)


def test_grid_block_and_shared_memory_are_read() -> None:
    found = read("LAUNCH(grid=((rows + 3) // 4, heads), block=(THREADS, 2), shared=4 * THREADS)  // four rows a block")
    assert found == Launch(("(rows + 3) // 4", "heads", "1"), (64, 2), 256, {"THREADS": 64})
    assert found.blocks({"rows": 10, "heads": 7}) == (3, 7, 1)


def test_a_line_may_end_as_the_language_wants() -> None:
    assert read("LAUNCH(grid=rows, block=32);").block == (32,)
    for comment in ("# a comment (with brackets)", "// rows // 2 (two a block)", "; // )(", "\r"):
        assert read(f"  LAUNCH(grid=rows // 2, block=32)  {comment}").grid == ("rows // 2", "1", "1")


def test_removing_it_keeps_line_numbers() -> None:
    assert launch.remove("a\nLAUNCH(grid=1, block=1)\nb\n") == "a\n\nb\n"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("", "no LAUNCH lines"),
        ("LAUNCH(grid=1, block=1)\nLAUNCH(grid=1, block=1)", "2 LAUNCH lines"),
        ("LAUNCH(grid=rows)", "line 2: the block is missing"),
        ("LAUNCH(rows, 32)", "line 2: .*cannot be read"),
        ("LAUNCH(grid=rows, block=32", "line 2: .*cannot be read"),
        ("LAUNCH(grid=cols, block=32)", "line 2: .*'cols'"),
        ("LAUNCH(grid=rows, block=rows)", "line 2: .*'rows'"),
        ("LAUNCH(grid=rows, block=KIND)", "line 2: .*'KIND'"),
        ("LAUNCH(grid=rows, block=0)", "1 to 1024 threads"),
        ("LAUNCH(grid=rows, block=2048)", "1 to 1024 threads"),
        ("LAUNCH(grid=rows, block=32, shared=-4)", "no negative shared memory"),
        ("LAUNCH(grid=(1, 1, 1, 1), block=32)", "one to three extents"),
        ("LAUNCH(grid=__import__('os').getpid(), block=32)", "not an integer expression"),
        ("LAUNCH(grid=rows, block=32, stream=1)", "LAUNCH knows no stream"),
        ("LAUNCH(**rows)", "LAUNCH knows no None"),
        ("LAUNCH(grid=rows, block=32 // 0)", "divides by zero"),
        ("LAUNCH(grid=rows, block=32) + 1", "cannot be read"),
        ("LAUNCH)(", "no LAUNCH lines"),
        ("LAUNCH(grid=rows, block=32, workspace=cols)", "line 2: .*'cols'"),
        ("LAUNCH(grid=rows, block=32, workspace=(4, rows))", "line 2: a workspace is one number of bytes"),
        ("LAUNCH(grid=rows, block=32, workspace=0)", "line 2: a workspace of 0 bytes"),
        ("LAUNCH(grid=rows, block=32, workspace=-THREADS)", "line 2: a workspace of -64 bytes"),
        ("LAUNCH(grid=rows, block=32, workspace=1073741825)", "ask for 1 to 1073741824 at every shape, or for none"),
        ("LAUNCH(" + "/" * 200_000, "cannot be read"),
        ("LAUNCH(grid=" + "(" * 3000 + ", block=1)", "cannot be read"),
    ],
)
def test_what_cannot_be_read_names_its_line(line: str, said: str) -> None:
    with pytest.raises(SourceError, match=said):
        read(line)


def test_a_workspace_follows_from_the_workload_and_is_bounded() -> None:
    found = read("LAUNCH(grid=rows, block=32, workspace=4 * rows * THREADS)")
    assert found.workspace == "4 * rows * THREADS"
    assert found.workspace_bytes({"rows": 10, "heads": 7}) == 2560
    assert read("LAUNCH(grid=rows, block=32)").workspace_bytes({"rows": 10}) == 0
    for rows in (0, 1 << 24):
        with pytest.raises(ProblemError, match=f"a workspace of {256 * rows} bytes"):
            found.workspace_bytes({"rows": rows})


def test_a_launch_without_a_workspace_is_written_as_if_there_were_no_such_thing() -> None:
    plain = {"grid": ("rows", "1", "1"), "block": (32,), "shared_bytes": 0, "constants": {"THREADS": 64}}
    assert read("LAUNCH(grid=rows, block=32)").as_json() == plain
    assert read("LAUNCH(grid=rows, block=32, workspace=rows)").as_json() == {**plain, "workspace": "rows"}


def test_who_has_no_workspace_says_what_there_is() -> None:
    with pytest.raises(SourceError, match="LAUNCH knows no workspace; it takes: grid, block"):
        launch.read("LAUNCH(grid=1, block=1, workspace=4)", (), {}, ("grid", "block"))
