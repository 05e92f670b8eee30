"""Sizes that a source names, and the same source with others."""

from typing import Any

import pytest

from warploom.problems.importers.sizes import compiled, named_sizes

TEXT = """
batch = 4
height = width = 2 * 8
rows, cols = 3, 1 << 4
shape = (batch, 6, 7)
typed: int = 9
rate = 0.5
zero = 0
flag = True
derived = batch * 2
def inside():
    local = 5
    return batch
where = "cuda"
also = "cuda:1"
"""


def run(sizes: dict[str, int], device: str = "cpu") -> dict[str, Any]:
    names: dict[str, Any] = {}
    exec(compiled(TEXT, "model.py", sizes, device), names)
    return names


def test_written_numbers_of_at_least_one_are_sizes() -> None:
    assert named_sizes(TEXT) == {
        "batch": 4,
        "height": 16,
        "width": 16,
        "rows": 3,
        "cols": 16,
        "shape_1": 6,
        "shape_2": 7,
        "typed": 9,
    }


def test_other_sizes_reach_what_is_made_from_them() -> None:
    names = run({"batch": 2, "width": 5, "cols": 11, "shape_2": 1, "typed": 8})
    assert (names["batch"], names["height"], names["width"]) == (2, 16, 5)
    assert (names["rows"], names["cols"], names["typed"]) == (3, 11, 8)
    assert names["shape"] == (2, 6, 1)
    assert names["derived"] == 4
    assert names["inside"]() == 2


def test_a_graphics_card_becomes_another_device() -> None:
    assert (run({})["where"], run({})["also"]) == ("cpu", "cpu")
    assert run({}, "meta")["where"] == "meta"


def test_a_call_of_cuda_becomes_a_move() -> None:
    class Tensor:
        def to(self, device: str) -> str:
            return device

    names: dict[str, Any] = {"x": Tensor()}
    exec(compiled("y = x.cuda()", "model.py", {}, "cpu"), names)
    assert names["y"] == "cpu"


@pytest.mark.parametrize("text", ["n = 1 << 60", "n = 2 ** 50", "n = 3 // 0", "n = -4", "n = f()", "n = 7 // 9"])
def test_what_is_no_size(text: str) -> None:
    assert named_sizes(text) == {}


def test_tracebacks_keep_the_lines_of_the_source() -> None:
    names: dict[str, Any] = {}
    with pytest.raises(ZeroDivisionError) as caught:
        exec(compiled("n = 4\nm = 8\n1 / 0\n", "model.py", {"n": 1, "m": 2}, "cpu"), names)
    assert caught.tb is not None
    assert caught.traceback[-1].lineno == 2, "counted from 0"


def test_without_content_there_is_no_generator() -> None:
    def draw(**named: object) -> dict[str, object]:
        return named

    class Torch:
        @staticmethod
        def Generator(*given: object, **named: object) -> tuple[object, ...]:  # noqa: N802 - as torch calls it
            return (*given, *named)

    def run_on(device: str) -> dict[str, Any]:
        names: dict[str, Any] = {"draw": draw, "torch": Torch}
        exec(compiled("g = torch.Generator(device='cuda')\nx = draw(n=1, generator=g)", "m.py", {}, device), names)
        return names

    assert (run_on("cpu")["g"], run_on("cpu")["x"]) == (("device",), {"n": 1, "generator": ("device",)})
    assert (run_on("meta")["g"], run_on("meta")["x"]) == ((), {"n": 1})
