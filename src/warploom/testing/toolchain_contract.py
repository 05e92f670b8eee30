"""What every toolchain must do, as tests to subclass.

In your own test module, define a fixture ``example`` that gives a :class:`ToolchainExample` and subclass
:class:`ToolchainContract`; pytest does the rest.
"""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

from warploom.toolchain.protocol import Toolchain
from warploom.values.candidate import Candidate
from warploom.values.outcome import Build, Failed
from warploom.values.signature import Signature


@dataclass(frozen=True)
class ToolchainExample:
    """What the suite needs to know about a language.

    Attributes:
        toolchain: the one under test.
        signature: of the example's kernel.
        source: a right kernel; it holds a TUNE line whose name and two choices are ``tune``.
        tune: (name, first choice, second choice), the first being the default.
        broken: the source with one line that does not compile.
        other_signature: a kernel of the same name with other arguments.
        bad_flag: a flag that is not allowed.
        file: what the source is called.
        declaration: how a candidate has to write the entry point; "" for the C declaration.
    """

    toolchain: Toolchain
    signature: Signature
    source: str
    tune: tuple[str, int, int]
    broken: str
    other_signature: str
    bad_flag: str
    file: str = "kernel.cpp"
    declaration: str = ""

    def candidate(self, source: str | None = None) -> Candidate:
        """A candidate with this source, the right one by default."""
        text = self.source if source is None else source
        return Candidate("0" * 16, self.toolchain.language, ((self.file, text),), self.signature.entry_point, (), ())


class ToolchainContract:
    """The suite."""

    def test_version_is_one_line(self, example: ToolchainExample) -> None:
        """A version is recorded with every build and shown to people."""
        version = example.toolchain.version()
        assert version
        assert "\n" not in version

    def test_a_right_source_builds(self, example: ToolchainExample, tmp_path: Path) -> None:
        """The artifact exists, is what its hash says, and its facts are numbers."""
        assert example.toolchain.check_source(example.candidate(), example.signature) is None
        build = example.toolchain.build(example.candidate(), example.signature, tmp_path)
        assert isinstance(build, Build), build
        assert hashlib.sha256(Path(build.artifact).read_bytes()).hexdigest() == build.sha256
        assert build.elapsed_ns > 0
        assert build.toolchain == example.toolchain.version()
        assert all(isinstance(value, int) for value in build.facts.values())
        assert not any(str(tmp_path) in word for word in build.command)

    def test_the_cache_answers_the_second_time(self, example: ToolchainExample, tmp_path: Path) -> None:
        """The same content gives the same build for nothing; a damaged artifact is built again."""
        first = example.toolchain.build(example.candidate(), example.signature, tmp_path)
        second = example.toolchain.build(example.candidate(), example.signature, tmp_path)
        assert isinstance(first, Build)
        assert isinstance(second, Build)
        assert second == replace(first, elapsed_ns=0)
        artifact = Path(first.artifact)
        artifact.chmod(0o755)
        artifact.write_bytes(b"damaged")
        third = example.toolchain.build(example.candidate(), example.signature, tmp_path)
        assert isinstance(third, Build)
        assert third.elapsed_ns > 0
        assert hashlib.sha256(artifact.read_bytes()).hexdigest() == third.sha256

    def test_whatever_changes_behaviour_changes_the_build(self, example: ToolchainExample, tmp_path: Path) -> None:
        """A parameter names another build; a parameter given as its default does not."""
        name, default, other = example.tune
        builds = [
            example.toolchain.build(replace(example.candidate(), parameters=given), example.signature, tmp_path)
            for given in ((), ((name, default),), ((name, other),))
        ]
        assert all(isinstance(build, Build) for build in builds)
        paths = [build.artifact for build in builds if isinstance(build, Build)]
        assert paths[0] == paths[1] != paths[2]

    def test_concurrent_builders_agree(self, example: ToolchainExample, tmp_path: Path) -> None:
        """Several builds of one candidate at once leave one whole artifact and no scraps."""
        with ThreadPoolExecutor(4) as pool:
            builds = list(
                pool.map(lambda _: example.toolchain.build(example.candidate(), example.signature, tmp_path), range(4))
            )
        assert all(isinstance(build, Build) for build in builds)
        assert len({build.artifact for build in builds if isinstance(build, Build)}) == 1
        assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []

    def test_a_broken_source_fails_with_the_compilers_words(self, example: ToolchainExample, tmp_path: Path) -> None:
        """The message says where in the candidate's own file; nothing is left in the cache."""
        failed = example.toolchain.build(example.candidate(example.broken), example.signature, tmp_path)
        assert isinstance(failed, Failed)
        assert (failed.stage, failed.kind) == ("build", "compile_error")
        line = next(
            number
            for number, (right, wrong) in enumerate(
                zip(example.source.splitlines(), example.broken.splitlines(), strict=True), start=1
            )
            if right != wrong
        )
        assert f"{example.file}:{line}:" in failed.message
        assert failed.log_tail
        assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []

    def test_another_signature_is_rejected(self, example: ToolchainExample, tmp_path: Path) -> None:
        """What was expected is named."""
        failed = example.toolchain.build(example.candidate(example.other_signature), example.signature, tmp_path)
        assert isinstance(failed, Failed)
        assert failed.kind == "rejected"
        assert (example.declaration or example.signature.c_declaration()) in failed.message

    def test_flags_outside_the_whitelist_are_rejected(self, example: ToolchainExample, tmp_path: Path) -> None:
        """By both ways in, before anything is run."""
        candidate = replace(example.candidate(), build_flags=(example.bad_flag,))
        for failed in (
            example.toolchain.check_source(candidate, example.signature),
            example.toolchain.build(candidate, example.signature, tmp_path),
        ):
            assert isinstance(failed, Failed)
            assert (failed.stage, failed.kind) == ("source", "rejected")
            assert example.bad_flag in failed.message

    def test_unknown_parameters_and_values_are_rejected(self, example: ToolchainExample) -> None:
        """A parameter must be declared, and take one of its choices."""
        name, _, other = example.tune
        for given in (("NO_SUCH", 1), (name, other + 977)):
            candidate = replace(example.candidate(), parameters=(given,))
            failed = example.toolchain.check_source(candidate, example.signature)
            assert isinstance(failed, Failed)
            assert given[0] in failed.message
