"""Concrete lengths at several settings become words."""

from warploom.problems.importers.words import Words, plain
from warploom.values.shape import extents

SETTINGS = [{"rows": 64, "cols": 48, "taps": 3}, {"rows": 1, "cols": 7, "taps": 3}, {"rows": 9, "cols": 21, "taps": 3}]


def check(words: Words, lengths: list[int], word: str) -> None:
    for number, length in enumerate(lengths):
        axes = {name: values[number] for name, values in words.axes.items()}
        assert extents(word, axes) == (length,)


def test_a_length_that_never_changes_is_a_number() -> None:
    words = Words(SETTINGS, ())
    assert words.word([3, 3, 3], "x_0") == "3"
    assert words.axes == {}


def test_a_length_that_is_a_size_gets_its_name() -> None:
    words = Words(SETTINGS, ())
    assert words.shape([(64, 48), (1, 7), (9, 21)], "x") == "rows cols"
    assert words.axes == {"rows": (64, 1, 9), "cols": (48, 7, 21)}


def test_lengths_that_follow_from_sizes() -> None:
    for lengths, wanted in {
        (62, -1, 7): "rows-2",
        (96, 14, 42): "2*cols",
        (97, 15, 43): "2*cols+1",
        (24, 3, 10): "cols//2",
        (25, 4, 11): "(cols+2)//2",
        (64 * 48, 7, 189): "rows*cols",
    }.items():
        words = Words(SETTINGS, ())
        assert words.word(lengths, "out_0") == wanted
        check(words, list(lengths), wanted)


def test_any_other_length_is_an_axis_of_its_own() -> None:
    words = Words(SETTINGS, ("out",))
    assert words.word([10, 999, 4], "out_1") == "out_1"
    assert words.word([10, 999, 4], "y_0") == "out_1", "and known from then on"
    assert words.axes == {"out_1": (10, 999, 4)}


def test_names_are_plain_and_their_own() -> None:
    assert plain("conv.weight") == "conv_weight"
    assert plain("1_a") == "n1_a"
    assert plain("_x") == "x"
    assert plain("int") == "int_2"
    assert plain("x", {"x", "x_2"}) == "x_3"
    assert plain("größe") == "gr__e"
    words = Words([{"x": 4}, {"x": 5}, {"x": 6}], ("x",))
    assert words.word([4, 5, 6], "x_0") == "x_2", "an axis may not be called as a tensor is"
