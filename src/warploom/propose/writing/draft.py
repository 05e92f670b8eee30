"""An answer made into a candidate, under the rules that can be checked before it costs an evaluation."""

from __future__ import annotations

import ast
from dataclasses import dataclass

from warploom.errors import SourceError
from warploom.propose.writing import edit
from warploom.propose.writing.answer import Answer, Fence, defines
from warploom.propose.writing.tongue import tongue_of
from warploom.syntax import evolve_block, launch, tune
from warploom.toolchain.find import find_toolchain
from warploom.values.candidate import Candidate, Scalar
from warploom.values.signature import Signature

MOST_BYTES = 256 << 10
"""All files of a candidate together."""

_NO_PROGRAM = "the answer holds no edit and no program; give SEARCH/REPLACE blocks, or the whole file in one fence"


@dataclass(frozen=True)
class Draft:
    """What came of an answer: the candidate, and the idea in a line."""

    candidate: Candidate
    idea: str


def draft(base: Candidate, answer: Answer, signature: Signature | None) -> Draft:
    """The candidate that an answer makes of a base.

    Args:
        base: what the model was shown; its flags stay, and so do the parameters whose ``TUNE`` lines stay.
        answer: taken apart.
        signature: the problem's; None for a program that is no kernel.

    Raises:
        SourceError: the answer cannot be used; the message is written for the model.
    """
    if answer.edits:
        sources = _edited(base, answer)
    else:
        sources = _rewritten(base, answer) if signature is not None else _program(base, answer)
    if sum(len(text.encode()) for _, text in sources) > MOST_BYTES:
        raise SourceError(f"the files are larger than {MOST_BYTES >> 10} KiB together")
    if sources == base.sources:
        raise SourceError("the answer changes nothing")
    candidate = Candidate(
        base.problem,
        base.language,
        sources,
        base.entry_point,
        _parameters(base, sources[0][1]) if signature is not None else (),
        base.build_flags,
    )
    if signature is None:
        _check_program(candidate)
        return Draft(candidate, answer.idea)
    rejected = find_toolchain(base.language).check_source(candidate, signature)
    if rejected:
        raise SourceError(rejected.message)
    if candidate.language == "triton":
        _check_python(launch.remove(tune.resolve(candidate.source, dict(candidate.parameters))))
    return Draft(candidate, answer.idea)


def _edited(base: Candidate, answer: Answer) -> tuple[tuple[str, str], ...]:
    """The files after the edits; a fence that names a new file adds it."""
    known = dict(base.sources)
    main = base.sources[0][0]
    for name in known:
        own = [one for one in answer.edits if (one.file if one.file in known else main) == name]
        known[name] = _within(base, name, edit.apply(known[name], own)) if own else known[name]
    added = {name: _ended(text) for name, text in _named(base, answer).items() if name not in known}
    return tuple((known | added).items())


def _rewritten(base: Candidate, answer: Answer) -> tuple[tuple[str, str], ...]:
    """The files that the answer gives whole; those it does not mention stay."""
    files = dict(base.sources)
    main, entry_point = base.sources[0][0], base.entry_point
    named = {name: text for name, text in _named(base, answer).items() if name != main}
    whole = _main(base, answer) or answer.bare_program(entry_point, base.language)
    if not whole and not named:
        raise SourceError(
            f"no fence of the answer defines {entry_point}; give the whole file" if answer.fences else _NO_PROGRAM
        )
    if whole:
        files[main] = _within(base, main, _ended(whole))
    for name, text in named.items():
        files[name] = _within(base, name, _ended(text)) if name in files else _ended(text)
    return tuple(files.items())


def _program(base: Candidate, answer: Answer) -> tuple[tuple[str, str], ...]:
    """The one file of a program: the last fence that may be it, or an answer that is nothing else."""
    main = base.sources[0][0]
    fences = [fence.text for fence in answer.fences if fence.file in ("", main)]
    bare = answer.text if not answer.fences and _is_bare(base, answer.text) else ""
    if not fences and not bare:
        raise SourceError(_NO_PROGRAM)
    return ((main, _within(base, main, _ended(fences[-1] if fences else bare))),)


def _is_bare(base: Candidate, text: str) -> bool:
    """Whether an answer without fences is a program: Python statements, or a text with the markers in it."""
    if base.language != "python":
        return evolve_block.START in text
    try:
        return any(not isinstance(one, ast.Expr) for one in ast.parse(text).body)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False


def _check_program(candidate: Candidate) -> None:
    """Raise SourceError for Python that cannot be read; of other languages the evaluator will say."""
    if candidate.language == "python":
        _check_python(candidate.source)


def _check_python(text: str) -> None:
    """Raise SourceError for a text that Python cannot read."""
    try:
        ast.parse(text)
    except SyntaxError as error:
        raise SourceError(f"line {error.lineno}: {error.msg}") from None
    except (ValueError, RecursionError, MemoryError) as error:
        raise SourceError(f"the program cannot be read: {error}") from None


def _named(base: Candidate, answer: Answer) -> dict[str, str]:
    """The fenced files that have a name and can be part of a candidate."""
    endings = tongue_of(base.language).endings
    return {fence.file: fence.text for fence in answer.fences if fence.file.rpartition(".")[2].lower() in endings}


def _main(base: Candidate, answer: Answer) -> str:
    """The program among the fences: the last that defines the entry point, in the right language if one is."""
    unnamed = [fence for fence in answer.fences if fence.file in ("", base.sources[0][0])]
    programs = [fence for fence in unnamed if defines(fence.text, base.entry_point, base.language)]
    fitting = [fence for fence in programs if _language(fence) in tongue_of(base.language).fences]
    chosen = (fitting or programs)[-1:]
    return chosen[0].text if chosen else ""


def _language(fence: Fence) -> str:
    words = fence.info.replace(":", " ").split()
    return words[0].lower() if words else ""


def _ended(text: str) -> str:
    return text.strip("\n") + "\n"


def _within(base: Candidate, name: str, text: str) -> str:
    """The file with its lines outside the evolve block as they were.

    Blanks at the ends of those lines may differ, and a text without any marker is taken for the block alone.

    Raises:
        SourceError: another line outside the block changed.
    """
    parent = dict(base.sources)[name]
    before, _, after = evolve_block.split(parent)
    if not before and not after:
        return text
    if evolve_block.START not in text and evolve_block.END not in text:
        return evolve_block.join(before, text, after)
    own_before, block, own_after = evolve_block.split(text)
    if _plain(own_before) == _plain(before) and _plain(own_after) == _plain(after):
        return evolve_block.join(before, block, after)
    evolve_block.enforce(parent, text)
    return text


def _plain(text: str) -> list[str]:
    return [line.rstrip() for line in text.strip().split("\n")]


def _parameters(base: Candidate, source: str) -> tuple[tuple[str, Scalar], ...]:
    """The base's values for those ``TUNE`` lines that are still as they were; a line that changed starts anew.

    Raises:
        SourceError: a TUNE line that cannot be read.
    """
    before = {line.name: (line.default, line.choices) for line in tune.declared(base.source)}
    same = {line.name for line in tune.declared(source) if before.get(line.name) == (line.default, line.choices)}
    return tuple((name, value) for name, value in base.parameters if name in same)
