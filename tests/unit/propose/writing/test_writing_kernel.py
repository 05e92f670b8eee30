"""What source and build say of a kernel's slowness."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from warploom.propose.writing.about_kernel import bottleneck_facts, compiler_facts, timings_facts
from warploom.propose.writing.about_others import EXCERPT_CHARACTERS, inspirations_facts
from warploom.propose.writing.about_problem import problem_facts
from warploom.propose.writing.material import Material
from warploom.values.outcome import Passed

PARALLEL = "#pragma omp parallel for\n"


def with_facts(material: Material, **facts: int) -> Material:
    assert isinstance(material.evaluation, Passed)
    build = replace(material.evaluation.build, facts=facts)
    return replace(material, evaluation=replace(material.evaluation, build=build))


def threaded(material: Material) -> Material:
    name, text = material.base.sources[0]
    return replace(material, base=replace(material.base, sources=((name, PARALLEL + text),)))


def taking(material: Material, ns: float) -> Material:
    assert isinstance(material.evaluation, Passed)
    timings = tuple(replace(timing, samples_ns=(ns,) * 6) for timing in material.evaluation.timings)
    return replace(material, evaluation=replace(material.evaluation, timings=timings))


def findings(material: Material) -> str:
    found = bottleneck_facts(material)
    assert found is not None
    return "\n".join(found["findings"])


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        ({"instructions": 9}, "not vectorised: no instruction"),
        ({"instructions": 99, "zmm_instructions": 3, "missed_loops": 2}, "2 loops are not vectorised"),
        ({"instructions": 9, "ymm_instructions": 3, "vector_spills": 7}, "spilled to the stack 7 times"),
        ({"instructions": 9, "ymm_instructions": 3, "math_calls": 4}, "the maths library in 4 places"),
        ({"instructions": 9, "ymm_instructions": 3, "gathers": 5}, "gathers single elements into vectors in 5 places"),
    ],
)
def test_each_fact_that_costs_time_is_found(desk: Any, facts: dict[str, int], words: str) -> None:
    material = threaded(desk.material())
    clean = {"instructions": 9, "ymm_instructions": 3}
    assert words in findings(with_facts(material, **facts))
    assert words not in findings(with_facts(material, **clean))


def test_loops_around_explicit_vectors_are_no_complaint(desk: Any) -> None:
    explicit = with_facts(threaded(desk.material()), instructions=9, zmm_instructions=3, missed_loops=2)
    assert "not vectorised" not in findings(explicit)


def test_threads_are_read_off_the_code_not_off_comments(desk: Any) -> None:
    assert "serial" in findings(desk.material())
    assert "serial" not in findings(threaded(desk.material()))
    name, text = desk.material().base.sources[0]
    boast = replace(desk.material(), base=replace(desk.material().base, sources=((name, "// " + PARALLEL + text),)))
    assert "serial" in findings(boast)


def test_near_the_roofline_and_far_from_every_limit(desk: Any) -> None:
    material = with_facts(threaded(desk.material()), instructions=9, ymm_instructions=3)
    assert findings(taking(material, 2.0e6)).startswith("it is near the roofline")
    assert findings(taking(material, 3.0e6)) == ""
    assert findings(taking(material, 9.0e6)).startswith("neither bandwidth nor arithmetic explains its time")


def test_the_limit_is_named_for_each_shape(desk: Any) -> None:
    found = bottleneck_facts(taking(desk.material(), 3.58e6))
    assert found is not None
    (row,) = found["rows"]
    assert (row["bound"], round(row["fraction"], 1)) == ("memory", 0.5)
    heavy = replace(desk.problem, operations="2000*rows*cols")
    bound = bottleneck_facts(desk.material(task=heavy))
    assert bound is not None
    assert bound["rows"][0]["bound"] == "arithmetic"


def test_what_the_reference_does_not_read_need_not_be_moved(desk: Any) -> None:
    material = taking(desk.material(), 3.58e6)
    whole = bottleneck_facts(material)
    shape = material.problem.workloads[0]
    stated = {str(shape): material.problem.traffic_bytes(shape) // 8}
    less = replace(material, environment={**material.environment, "traffic_bytes": stated})
    found = bottleneck_facts(less)
    assert whole is not None
    assert found is not None
    assert found["rows"][0]["from_memory_ms"] == pytest.approx(whole["rows"][0]["from_memory_ms"] / 8)
    assert found["rows"][0]["memory_ms"] < whole["rows"][0]["memory_ms"] / 4
    shapes = [problem_facts(one)["workloads"][0]["mebibytes"] for one in (material, less)]
    assert shapes[1] == pytest.approx(shapes[0] / 8)


def test_a_block_of_many_calls_is_held_against_memory(desk: Any) -> None:
    large_cache = {"bytes_per_ns": {"65536": 310.0, "8589934592": 37.5}, "operations_per_ns": 236.0}
    material = replace(desk.material(), environment={"roofline": large_cache})
    block = tuple(replace(timing, calls=(10_000, 10_000)) for timing in material.evaluation.timings)
    for timings, beyond in ((material.evaluation.timings, False), (block, True)):
        found = bottleneck_facts(replace(material, evaluation=replace(material.evaluation, timings=timings)))
        assert found is not None
        assert all((row["memory_ms"] == row["from_memory_ms"]) is beyond for row in found["rows"])


def test_a_failed_kernel_has_neither_times_nor_limits(desk: Any) -> None:
    material = desk.material(evaluation=None)
    assert (timings_facts(material), bottleneck_facts(material), compiler_facts(material)) == (None, None, None)


def test_an_inspiration_is_an_excerpt_of_its_evolve_block(desk: Any) -> None:
    body = "".join(f"    x[{number}] = {number};\n" for number in range(1000))
    material = desk.material(partner=None, inspirations=(desk.individual(body, 0.8, (1, 1, 1)),))
    found = inspirations_facts(material)
    assert found is not None
    text = found["kernels"][0]["sources"][0]["text"]
    assert text.startswith("    x[0] = 0;\n")
    assert len(text) < EXCERPT_CHARACTERS + 40
    assert text.endswith("more lines")
    assert "EVOLVE-BLOCK" not in text
