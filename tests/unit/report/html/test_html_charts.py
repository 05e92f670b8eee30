"""What is drawn: every candidate, interval and limit has its mark, and no words of strangers are markup."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from xml.etree import ElementTree

import pytest

from warploom.report.html.family import Kin
from warploom.report.html.figures.bars import Bar, bars
from warploom.report.html.figures.cells import cells, key
from warploom.report.html.figures.frame import across, legend, short_number
from warploom.report.html.figures.roofline import roofline
from warploom.report.html.figures.speedup import closer, speedup
from warploom.report.html.figures.tree import tree
from warploom.report.html.gallery import NARROW, WIDE, gallery
from warploom.report.html.page import draw, template
from warploom.report.html.palette import DARK, HEATS, LIGHT, fixed, heat
from warploom.report.html.side_by_side import folded, side_by_side
from warploom.report.html.story import Story
from warploom.report.html.svg import LETTER, Drawing, Scale, element


def classes(drawing: Drawing | None) -> list[str]:
    assert drawing is not None
    return re.findall(r'class="([^"]*)"', drawing.markup())


def count(drawing: Drawing | None, class_: str) -> int:
    return classes(drawing).count(class_)


@pytest.mark.parametrize("width", [WIDE, NARROW])
def test_the_climb_has_every_candidate_record_trial_and_failure(story: Story, width: int) -> None:
    drawing = speedup(story.climb, width)
    assert count(drawing, "dot") == 6 + 1, "six passed, one in the legend"
    assert count(drawing, "record") == 4
    assert count(drawing, "whisker") == 4 + 1, "four records and what was promoted"
    assert count(drawing, "held") == 1 + 1
    assert count(drawing, "refused") == 1 + 1
    assert count(drawing, "fail") == 3 + 1
    assert count(drawing, "noise") == 1 + 1
    assert count(drawing, "line-eager") == 1 + 1
    assert count(drawing, "line-compile") == 1 + 1


def test_intervals_and_noise_floor_have_their_size(story: Story) -> None:
    drawing = closer(replace(story.climb, noise_floor=0.05), WIDE)
    assert drawing is not None
    root = ElementTree.fromstring(drawing.markup())
    bands = [one for one in root.iter("rect") if one.get("class") == "noise" and float(one.get("width", 0)) > 100]
    rules = {
        words.text: float(words.get("y", 0)) - 4
        for words in root.iter("text")
        if words.get("text-anchor") == "end" and (words.text or "").endswith("×")
    }
    (low, at_low), (high, at_high) = sorted((float(name[:-1]), y) for name, y in rules.items() if name)[:2]
    pixels = (at_low - at_high) / (high - low)
    wanted = 1.8 * (math.exp(0.05) - math.exp(-0.05)) * pixels
    assert float(bands[0].get("height", 0)) == pytest.approx(wanted, abs=0.5)


def test_of_many_candidates_only_where_they_lie_is_drawn(story: Story, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("warploom.report.html.figures.speedup.MOST_DOTS", 3)
    drawing = speedup(story.climb, WIDE)
    assert count(drawing, "dot") == 0
    assert count(drawing, "cloud") > 1


def test_of_many_failures_one_stroke_stands_for_several(story: Story, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("warploom.report.html.figures.speedup.LEAST_APART", WIDE)
    drawing = speedup(story.climb, WIDE)
    assert drawing is not None
    assert count(drawing, "fail") == 1 + 1
    assert "3 of 9 failed" in drawing.markup()


def test_the_tree_marks_the_way_to_the_best(story: Story) -> None:
    assert story.best is not None
    for width in (WIDE, NARROW):
        drawing = tree(story.kin, story.best.candidate.id, width)
        assert count(drawing, "way") == 2 + 1
        assert count(drawing, "branch") == 1
        assert count(drawing, "held") == 1 + 1
    assert tree(story.kin[:1], "", WIDE) is None


def test_the_grid_shows_the_elites_of_an_island(story: Story) -> None:
    filling = story.history.filling
    for width in (WIDE, NARROW):
        drawing = cells([], filling.now, filling.resolution, 0, width)
        filled = [name for name in classes(drawing) if name.startswith("cell ")]
        assert len(filled) == 2
        assert count(drawing, "empty") == filling.resolution.cells - 2
        with_past = cells(filling.frames, filling.now, filling.resolution, 0, width)
        assert count(with_past, "empty") > count(drawing, "empty")
    assert "register blocks" in key(filling.resolution, filling.now, WIDE).markup()


def test_the_roofline_has_a_mark_for_each_kernel(story: Story) -> None:
    assert story.roof is not None
    for plot in (story.roof, replace(story.roof, by_operations=False)):
        drawing = roofline(plot, WIDE)
        for name in ("best", "seed", "eager", "compile"):
            assert count(drawing, f"of-{name}") == 1 + 1


def test_bars_are_as_long_as_their_values() -> None:
    drawing = bars([Bar("a", 4.0, "4"), Bar("b", 1.0, "1")], "some", WIDE)
    assert drawing is not None
    root = ElementTree.fromstring(drawing.markup())
    long, short = (float(one.get("width", 0)) for one in root.iter("rect") if one.get("class") == "bar")
    assert long == pytest.approx(4 * short, abs=0.3)
    assert bars([], "none", WIDE) is None


@pytest.mark.parametrize(
    ("scale", "ticks"),
    [
        (Scale(0, 46, 0, 100), [0, 10, 20, 30, 40]),
        (Scale(0.04, 2, 0, 100, log=True), [0.05, 0.1, 0.2, 0.5, 1, 2]),
        (Scale(1, 1e9, 0, 100, log=True), [1, 100, 1e4, 1e6, 1e8]),
        (Scale(3, 3, 0, 100), [3]),
    ],
)
def test_ticks_are_round_and_few(scale: Scale, ticks: list[float]) -> None:
    assert scale.ticks(6) == pytest.approx(ticks)


def test_a_logarithmic_scale_puts_equal_ratios_equally_far_apart() -> None:
    scale = Scale(0.1, 10, 0, 200, log=True)
    assert scale(1) == pytest.approx(100)
    assert scale(1e9) <= 204, "what lies beyond stays at the edge"


def test_whatever_is_drawn_is_escaped(hostile: str) -> None:
    drawing = Drawing(WIDE, 100, hostile)
    drawing.text((0, 0), hostile, hostile, tip=hostile)
    drawing.fitting((0, 0), hostile * 9, 100)
    drawing.dot((1, 1), 2, hostile, hostile)
    text = str(drawing.markup())
    root = ElementTree.fromstring(text)
    assert {one.tag for one in root.iter()} == {"svg", "text", "circle", "title"}
    assert "\x1b" not in text
    assert element("text", "a & b") == "<text>a &amp; b</text>"


def test_both_schemes_know_every_colour_that_the_style_sheets_use() -> None:
    used = set(re.findall(r"var\(--([a-z0-9-]+)\)", template("chart.css") + template("page.css")))
    assert used <= set(LIGHT)
    assert set(LIGHT) == set(DARK)
    assert "var(" not in fixed(template("chart.css"))
    assert fixed("x{fill:var(--ink)}", DARK) == f"x{{fill:{DARK['ink']}}}"


def contrast(one: str, other: str) -> float:
    def light(colour: str) -> float:
        parts = [int(colour[index : index + 2], 16) / 255 for index in (1, 3, 5)]
        red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    low, high = sorted((light(one), light(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("scheme", [LIGHT, DARK])
def test_words_stand_out_from_their_ground(scheme: dict[str, str]) -> None:
    """Level AA of WCAG 2.2: a contrast of at least 4.5."""
    pairs = [(ink, "ground") for ink in ("ink", "quiet", "accent", "seed", "eager", "compile", "good", "bad")]
    pairs += [(ink, "raised") for ink in ("ink", "quiet", "accent", "good")]
    pairs += [(ink, ground) for ink in ("ink", "keyword", "comment", "literal") for ground in ("added", "removed")]
    pairs += [("caution-ink", "caution")]
    pairs += [("ink", f"heat-{index}") for index in range(4)] + [("ground", f"heat-{index}") for index in (4, 5)]
    assert {
        pair: round(contrast(scheme[pair[0]], scheme[pair[1]]), 2)
        for pair in pairs
        if contrast(scheme[pair[0]], scheme[pair[1]]) < 4.5
    } == {}


def test_shades_cover_the_range() -> None:
    assert [heat(share / 10) for share in (-1, 0, 5, 10, 99)] == ["heat-0", "heat-0", "heat-3", "heat-5", "heat-5"]
    assert HEATS == 6


def test_every_figure_is_drawn_at_both_widths_within_its_edges(story: Story) -> None:
    figures = gallery(story)
    assert {"speedup", "family-tree", "grid-island-1", "roofline", "paid-moves", "time", "failures"} <= {
        figure.name for figure in figures
    }
    for figure in figures:
        for width in (WIDE, NARROW):
            root = ElementTree.fromstring(draw(figure, width).markup())
            assert root.get("width") == str(width)
            places = [float(one.get("x", 0)) for one in root.iter("text")]
            assert all(0 <= x <= width for x in places), figure.name
            tall = float(root.get("height", 0))
            assert all(0 <= float(one.get("y", 0)) <= tall for one in root.iter("text")), figure.name


def test_two_sources_side_by_side(hostile: str) -> None:
    rows = side_by_side("int a;\nint b;\n", f"int a;\nfloat b; // {hostile}\nint c;\n")
    assert [(row.left and row.left[0], row.right and row.right[0], row.changed) for row in rows] == [
        (1, 1, False),
        (2, 2, True),
        (None, 3, True),
    ]
    assert rows[1].right is not None
    assert '<span class="keyword">float</span>' in rows[1].right[1]
    assert "<script" not in rows[1].right[1]
    assert "&lt;script&gt;" in rows[1].right[1]


def test_comments_over_several_lines_and_strings_stay_in_their_lines() -> None:
    text = '/* one\ntwo */\n#define X \\\n 1\nconst char* s = "<b>";\n\n'
    rows = side_by_side(text, text)
    assert len(rows) == 6
    assert all(row.left is not None and row.left[1].count("<span") == row.left[1].count("</span>") for row in rows)
    assert "&lt;b&gt;" in str(rows[4].left)


def test_helpers_that_moves_bring_along_are_folded() -> None:
    text = "a\n#ifndef WARPLOOM_VECTORS\n#define WARPLOOM_VECTORS\n#if X\nb\n#endif\n#endif\nc\n"
    note = "// WARPLOOM_VECTORS: 6 lines of helpers, in the whole source below"
    assert folded(text.splitlines()) == [(1, "a"), (2, note), (8, "c")]
    assert [row.right and row.right[0] for row in side_by_side("a\n", text)] == [1, 2, 8]
    cut_off = text.splitlines()[:4]
    assert [number for number, _ in folded(cut_off)] == [1, 2, 3, 4]


def test_the_words_of_a_legend_take_as_much_room_as_they_need() -> None:
    def second(first: str) -> float:
        drawing = Drawing(WIDE, 100, "a legend")
        legend(drawing, [("dot", "dot", first), ("dot", "dot", "next")], 0)
        return next(
            float(one.get("x", 0))
            for one in ElementTree.fromstring(drawing.markup()).iter("text")
            if one.text == "next"
        )

    assert second("illi") < second("nnnn") < second("mmmm")
    assert second("mmmm") > 4 * 11, "eleven pixels are an m of twelve"


def test_the_last_word_of_an_axis_stays_within_the_chart() -> None:
    drawing = Drawing(NARROW, 100, "an axis")
    across(drawing, Scale(0, 1e6, 10, NARROW - 5), 50, short_number, "")
    last = next(one for one in ElementTree.fromstring(drawing.markup()).iter("text") if one.text == "1,000,000")
    assert float(last.get("x", 0)) + len("1,000,000") * LETTER / 2 <= NARROW + 0.1


def test_a_best_that_has_children_is_named_on_the_side_that_it_came_from() -> None:
    """To its right, at the same height, stand its children with their own figures."""
    kin = [
        Kin(f"{depth:016x}", f"{depth - 1:016x}" if depth else "", depth / 2, "grow", depth, 0, depth < 3, depth == 3)
        for depth in range(4)
    ]
    inner, root = (tree(kin, kin[best].candidate, 1100) for best in (2, 0))
    assert inner is not None
    assert re.search(r'text-anchor="end"[^>]*>the best, 2.72×<', inner.markup())
    assert root is not None
    assert re.search(r'text-anchor="start"[^>]*>the best, 1.00×<', root.markup()), "on the left there is no room"
