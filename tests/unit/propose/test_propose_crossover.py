import random

import pytest

from warploom.errors import NothingToPropose
from warploom.propose.crossover import cross_parameters, cross_recipes, cross_trees
from warploom.syntax.cpp.parse import parse
from warploom.syntax.cpp.render import render
from warploom.values.candidate import Candidate, Step

PLAIN = """
static float square(float v) { return v * v; }
extern "C" void f(const float* x, float* out, int64_t n) {
  for (int64_t i = 0; i < n; ++i) {
    out[i] = square(x[i]);
  }
}
"""
OTHER_HELPER = PLAIN.replace("return v * v;", "return v * v * 1.0f;")
OTHER_LOOP = PLAIN.replace("out[i] = square(x[i]);", "float v = x[i];\n out[i] = v * v;")
FOREIGN_LOOP = PLAIN.replace("for (int64_t i", "float bias = 1.0f;\n for (int64_t i").replace(
    "out[i] = square(x[i]);", "out[i] = x[i] + bias;"
)


def _candidate(source: str, parameters: tuple[tuple[str, int], ...] = ()) -> Candidate:
    return Candidate("p", "cpp", (("kernel.cpp", source),), "f", parameters)


def test_recipes_mix_steps_of_both_parents() -> None:
    first = (Step("a", "@every", (("n", 1),)), Step("b", "f:i"))
    second = (Step("a", "@every", (("n", 2),)), Step("c", "f:i"))
    children = [cross_recipes(first, second, random.Random(seed)) for seed in range(40)]
    assert any({step.move for step in child} == {"a", "b", "c"} for child in children)
    assert {dict(step.parameters)["n"] for child in children for step in child if step.move == "a"} == {1, 2}


def test_the_same_recipe_twice_has_nothing_to_cross() -> None:
    recipe = (Step("a", "@every"),)
    with pytest.raises(NothingToPropose):
        cross_recipes(recipe, recipe, random.Random(0))


@pytest.mark.parametrize("donor", [OTHER_HELPER, OTHER_LOOP])
def test_a_function_or_loop_of_the_same_type_is_exchanged(donor: str) -> None:
    children = {render(cross_trees(parse(PLAIN), parse(donor), random.Random(seed))) for seed in range(8)}
    assert render(parse(donor)) in children


def test_a_loop_whose_names_mean_nothing_here_is_not_taken() -> None:
    children = {render(cross_trees(parse(PLAIN), parse(FOREIGN_LOOP), random.Random(seed))) for seed in range(8)}
    assert all("bias" not in child or "float bias" in child for child in children)


def test_parents_without_a_common_part_are_said() -> None:
    with pytest.raises(NothingToPropose, match="fits"):
        cross_trees(parse(PLAIN), parse('extern "C" void g(float* out) { out[0] = 1.0f; }'), random.Random(0))


def test_tuned_values_come_from_either_parent_and_only_where_the_child_declares_them() -> None:
    source = "TUNE(BLOCK, 16, 16, 32, 64)\n" + PLAIN
    first, second = _candidate(source, (("BLOCK", 32),)), _candidate(source, (("BLOCK", 64), ("GONE", 1)))
    seen = {cross_parameters(first, second, source, random.Random(seed)) for seed in range(12)}
    assert seen == {(("BLOCK", 32),), (("BLOCK", 64),)}


def test_a_loop_brings_the_definitions_it_needs() -> None:
    donor = "typedef float wide __attribute__((vector_size(64)));\n" + PLAIN.replace(
        "out[i] = square(x[i]);", "wide v = {};\n out[i] = v[0] + x[i];"
    )
    children = [render(cross_trees(parse(PLAIN), parse(donor), random.Random(seed))) for seed in range(4)]
    assert all("typedef float wide" in child for child in children)
