"""The runtime that builds a kernel where it is used: keys, cache, compiler, and what it says when it cannot."""

from __future__ import annotations

import ctypes
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from warploom.export.gather import gather
from warploom.export.manifest import manifest, variant_files
from warploom.export.naming import naming
from warploom.export.runtime import library
from warploom.testing.evidence import PICK_SCALE_KERNEL

Make = Callable[..., Path]
Prepared = tuple[Path, dict[str, Any]]


@pytest.fixture(autouse=True)
def fresh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A cache of its own, and nothing remembered of the compiler."""
    monkeypatch.setenv(library.CACHE_VARIABLE, str(tmp_path / "cache"))
    monkeypatch.delenv("CXX", raising=False)
    library.find_compiler.cache_clear()
    yield
    library.find_compiler.cache_clear()


def prepare(make: Make, folder: Path, **changes: Any) -> Prepared:
    operator = gather([make(folder.name, **changes)])
    (found,) = manifest(operator, naming(operator.problem))["variants"].values()
    for name, text in variant_files(operator.variants[0]).items():
        (folder / name).write_text(text)
    return folder, found


def compilers(monkeypatch: pytest.MonkeyPatch, words: str) -> None:
    monkeypatch.setenv("CXX", words)
    library.find_compiler.cache_clear()


def test_a_kernel_is_built_once_loaded_and_right(make: Make, tmp_path: Path) -> None:
    folder, variant = prepare(make, tmp_path / "v")
    kernel = library.load(folder, variant, tmp_path / "package")
    (built,) = (tmp_path / "cache").rglob("*.so")
    stamp = built.stat().st_mtime_ns
    x, pick, gain = (ctypes.c_float * 2)(1, 2), (ctypes.c_int64 * 1)(1), (ctypes.c_float * 2)(10, 20)
    scaled, chosen = (ctypes.c_float * 2)(), (ctypes.c_float * 1)()
    kernel(*(ctypes.addressof(one) for one in (x, pick, gain, scaled, chosen)), 1, 2)
    assert (list(scaled), list(chosen)) == ([-8.0, -16.0], [2.0])
    library.load(folder, variant, tmp_path / "package")
    assert built.stat().st_mtime_ns == stamp
    assert (tmp_path / "cache").stat().st_mode & 0o777 == 0o700


def test_whatever_a_library_depends_on_is_in_its_key(
    make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, variant = prepare(make, tmp_path / "v")
    into = tmp_path / "cache"
    first = library.build(folder, variant, into)
    assert library.build(folder, variant, into) == first
    places = {first, library.build(folder, variant | {"flags": [*variant["flags"], "-O1"]}, into)}
    (folder / "kernel.cpp").write_text(f"{PICK_SCALE_KERNEL}// changed\n")
    places.add(library.build(folder, variant, into))
    monkeypatch.setattr(library, "_processor", lambda: "another")
    places.add(library.build(folder, variant, into))
    monkeypatch.setattr(
        library, "openmp_runtime", lambda: "/nowhere/libgomp-1234.so.1"
    )  # cannot be linked: its own then
    places.add(library.build(folder, variant, into))
    compilers(monkeypatch, f"{shutil.which('g++')} -DANOTHER")
    places.add(library.build(folder, variant, into))
    assert len(places) == 6


def test_without_a_compiler_only_what_was_built_before_runs(
    make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, variant = prepare(make, tmp_path / "v")
    package = tmp_path / "package"
    compilers(monkeypatch, "no-such-compiler")
    with pytest.raises(library.CannotBuild, match="no C\\+\\+ compiler"):
        library.load(folder, variant, package)
    compilers(monkeypatch, "g++")
    library.build(folder, variant, library.built_folder(package))
    compilers(monkeypatch, "no-such-compiler")
    assert callable(library.load(folder, variant, package))
    assert not list((tmp_path / "cache").rglob("*.so"))
    compilers(monkeypatch, "g++")
    library.build(folder, variant, library.cache_folder())
    compilers(monkeypatch, "no-such-compiler")
    assert callable(library.load(folder, variant, tmp_path / "other"))


def test_a_compiler_that_refuses_is_quoted_in_one_line(make: Make, tmp_path: Path) -> None:
    folder, variant = prepare(make, tmp_path / "v")
    (folder / "kernel.cpp").write_text('extern "C" int pick_scale();\n')
    with pytest.raises(library.CannotBuild, match=r"conflicting declaration|ambiguating") as caught:
        library.load(folder, variant, tmp_path)
    assert "\n" not in str(caught.value)
    assert not list((tmp_path / "cache").rglob("*.so"))


def test_a_cache_that_others_may_write_to_is_not_used(make: Make, tmp_path: Path) -> None:
    folder, variant = prepare(make, tmp_path / "v")
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache").chmod(0o777)
    with pytest.raises(library.CannotBuild, match="others may write"):
        library.load(folder, variant, tmp_path)
    (tmp_path / "cache").chmod(0o700)
    assert callable(library.load(folder, variant, tmp_path))


def test_a_cache_that_cannot_be_made_is_told(make: Make, tmp_path: Path) -> None:
    folder, variant = prepare(make, tmp_path / "v")
    (tmp_path / "cache").write_text("a file")
    with pytest.raises(library.CannotBuild, match=library.CACHE_VARIABLE):
        library.load(folder, variant, tmp_path)


def test_a_library_without_the_kernel_is_told(make: Make, tmp_path: Path) -> None:
    folder, variant = prepare(make, tmp_path / "v")
    with pytest.raises(library.CannotBuild, match="cannot be loaded"):
        library.load(folder, variant | {"entry_point": "another"}, tmp_path)
