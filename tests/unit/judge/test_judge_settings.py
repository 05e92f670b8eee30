from pathlib import Path

from warploom.judge.reference import environment
from warploom.sandbox.jail import find_jail


def test_both_sides_get_the_same_threads() -> None:
    own = find_jail().environment()
    other = environment(int(own["OMP_NUM_THREADS"]), Path("cache"))
    shared = {name for name in (*own, *other) if name.startswith(("OMP_", "GOMP_"))} - {"OMP_DYNAMIC"}
    assert {"OMP_PROC_BIND", "OMP_PLACES", "OMP_WAIT_POLICY"} <= shared
    assert {name: own.get(name) for name in shared} == {name: other.get(name) for name in shared}
    assert own["OMP_PROC_BIND"] == "true"
