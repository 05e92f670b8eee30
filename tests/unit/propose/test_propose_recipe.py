import pytest

from warploom.propose.moves.cpp.book import COMPOSITES, MOVES
from warploom.propose.recipe import FLAGS_MOVE, Cookbook, materialise
from warploom.syntax.cpp.tree import Loop
from warploom.syntax.cpp.walk import walk
from warploom.values.candidate import Candidate, Step

SOURCE = """#include <cmath>
// EVOLVE-BLOCK-START
extern "C" void f(const float* x, float* out, int64_t rows, int64_t cols) {
    for (int64_t i = 0; i < rows; ++i) {
        for (int64_t j = 0; j < cols; ++j) {
            out[i * cols + j] = x[i * cols + j] * 2.0f;
        }
    }
}
// EVOLVE-BLOCK-END
"""
ROOT = Candidate("p", "cpp", (("kernel.cpp", SOURCE),), "f")
VECTORS = Step("vectorise", "@every")
THREADS = Step("parallel", "@outermost")


@pytest.fixture
def cookbook() -> Cookbook:
    return Cookbook(MOVES)


def test_steps_are_replayed_in_phase_order_whatever_order_they_came_in(cookbook: Cookbook) -> None:
    forth = cookbook.replay(ROOT, [VECTORS, THREADS])
    back = cookbook.replay(ROOT, [THREADS, VECTORS])
    assert forth.unit == back.unit
    assert [step.move for step in back.steps] == ["vectorise", "parallel"]


def test_a_step_that_does_not_apply_is_dropped(cookbook: Cookbook) -> None:
    replay = cookbook.replay(ROOT, [Step("vectorise", "f:nowhere"), THREADS, Step("no_such_move", "@every")])
    assert replay.steps == (THREADS,)


def test_a_selector_survives_a_step_before_it(cookbook: Cookbook) -> None:
    tiled = cookbook.replay(ROOT, [Step("tile", "f:j", (("size", 64),)), VECTORS])
    assert [step.move for step in tiled.steps] == ["tile", "vectorise"]
    assert "load16" in materialise(ROOT, tiled).source


def test_only_loops_of_the_entry_point_are_outermost(cookbook: Cookbook) -> None:
    source = materialise(ROOT, cookbook.replay(ROOT, [THREADS])).source
    assert source.count("omp parallel for") == 1


def test_parameters_that_a_site_does_not_offer_fall_back_to_its_best_guess(cookbook: Cookbook) -> None:
    plain = cookbook.replay(ROOT, [Step("tile", "f:j")])
    odd = cookbook.replay(ROOT, [Step("tile", "f:j", (("size", 7),))])
    assert plain.unit == odd.unit
    assert cookbook.replay(ROOT, [Step("tile", "f:j", (("size", 32),))]).unit != plain.unit


def test_choices_of_each_step_are_kept_for_the_tuner(cookbook: Cookbook) -> None:
    (applied,) = cookbook.replay(ROOT, [Step("tile", "f:j")]).applied
    assert 64 in applied.choices["size"]


def test_flags_are_a_step_like_any_other(cookbook: Cookbook) -> None:
    step = Step(FLAGS_MOVE, "unit", (("flag0", "-O2"),))
    candidate = materialise(ROOT, cookbook.replay(ROOT, [step, VECTORS]))
    assert candidate.build_flags == ("-O2",)
    assert candidate.id != materialise(ROOT, cookbook.replay(ROOT, [VECTORS])).id


def test_text_outside_the_evolve_block_stays(cookbook: Cookbook) -> None:
    candidate = materialise(ROOT, cookbook.replay(ROOT, [VECTORS, THREADS]))
    assert candidate.source.startswith("#include <cmath>\n// EVOLVE-BLOCK-START")
    assert candidate.source.endswith("// EVOLVE-BLOCK-END\n")


def test_replaying_twice_gives_the_same_tree_and_asks_the_moves_once(cookbook: Cookbook) -> None:
    first = cookbook.replay(ROOT, [VECTORS, THREADS])
    assert cookbook.replay(ROOT, [VECTORS, THREADS]).unit is first.unit


def test_every_site_offered_at_first_is_taken_but_not_the_loops_made_on_the_way(cookbook: Cookbook) -> None:
    replay = cookbook.replay(ROOT, [Step("unroll", "@every", (("factor", 4),))])
    loops = [node for function in replay.unit.functions for node in walk(function.body) if isinstance(node, Loop)]
    assert len(loops) <= 4


def test_composites_name_moves_that_exist() -> None:
    assert {pick.move for composite in COMPOSITES for pick in composite.picks} <= {move.name for move in MOVES}
