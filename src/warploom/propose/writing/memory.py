"""What a writer remembers of a run: what was tried on which kernel, which failures are worth mending, what is known.

All of it is bounded, so that cost and snapshots stay flat however long a run is.
"""

from __future__ import annotations

import ast
import hashlib
import re
from collections import OrderedDict
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from warploom.propose.writing.about_failure import KINDS, evidence
from warploom.propose.writing.material import Attempt
from warploom.propose.writing.operators import OPERATORS
from warploom.propose.writing.templates import in_a_line
from warploom.propose.writing.tongue import TONGUES
from warploom.syntax.dialect import DIALECTS
from warploom.syntax.fingerprint import fingerprint
from warploom.values.candidate import Candidate
from warploom.values.measure import SPEEDUP, Measure
from warploom.values.outcome import Failed
from warploom.values.request import Feedback

MOST_KERNELS = 128
"""Kernels whose attempts are remembered."""

MOST_ATTEMPTS = 8
"""Of each kernel, the newest."""

MOST_IDEAS = 12
"""Of all kernels, the newest that a model had."""

MOST_KNOWN = 2048
"""Kernels by which near-duplicates are recognised."""

MOST_FAILURES = 16
REPAIRS = 2
"""Tries to mend a failure, those on what came of an earlier try included."""


class Memory:
    """Learned from every outcome of a run; see :meth:`learn`.

    Args:
        measure: what fitness is called.
    """

    def __init__(self, measure: Measure = SPEEDUP) -> None:
        self._measure = measure
        self._attempts: OrderedDict[str, list[Attempt]] = OrderedDict()
        self._ideas: list[tuple[str, Attempt]] = []
        self._failures: OrderedDict[str, int] = OrderedDict()
        self._known: OrderedDict[str, tuple[int, str]] = OrderedDict()
        self.told = 0
        """Outcomes learned so far."""

    def learn(self, feedback: Feedback) -> None:
        """One more outcome, of whatever proposer."""
        self.told += 1
        candidate, lineage = feedback.proposal.candidate, feedback.proposal.lineage
        result = _result(feedback, self._measure)
        _put(self._known, twin_key(candidate), (self.told, f"{candidate.id}: {result}"[:160]), MOST_KNOWN)
        for parent in lineage.parents[:1]:
            what = f"{lineage.operator}: {lineage.note}" if lineage.note else lineage.operator
            attempt = Attempt(in_a_line(what, 200), in_a_line(result, 240))
            tried = [*self._attempts.get(parent, []), attempt]
            _put(self._attempts, parent, tried[-MOST_ATTEMPTS:], MOST_KERNELS)
            if lineage.operator in OPERATORS and lineage.note:
                self._ideas = [*self._ideas, (parent, attempt)][-MOST_IDEAS:]
        if lineage.operator in OPERATORS:
            tries = REPAIRS
            if lineage.operator == "repair" and lineage.parents:
                tries = self._failures.pop(lineage.parents[0], 1) - 1
            failed = feedback.evaluation
            if isinstance(failed, Failed) and failed.kind != "reference" and tries > 0:
                _put(self._failures, candidate.id, tries, MOST_FAILURES)

    def not_mended(self, candidate: str) -> None:
        """A try to mend this failure led to nothing."""
        tries = self._failures.get(candidate, 0) - 1
        if tries > 0:
            self._failures[candidate] = tries
        else:
            self._failures.pop(candidate, None)

    @property
    def failures(self) -> tuple[str, ...]:
        """Failed candidates that are worth mending, oldest first."""
        return tuple(self._failures)

    def attempts(self, candidate: str) -> tuple[Attempt, ...]:
        """What was tried on this kernel, oldest first."""
        return tuple(self._attempts.get(candidate, ()))

    def elsewhere(self, candidate: str) -> tuple[Attempt, ...]:
        """Ideas that models had for other kernels, oldest first."""
        return tuple(attempt for parent, attempt in self._ideas if parent != candidate)

    def twin(self, candidate: Candidate, told: int) -> str:
        """Which kernel that was judged before is the same but for comments, layout and names; "" when none is.

        Args:
            candidate: to look for.
            told: only the first so many outcomes count, so that the answer does not depend on what was told while a
                model was thinking.
        """
        when, words = self._known.get(twin_key(candidate), (0, ""))
        return words if 0 < when <= told else ""

    def snapshot(self) -> dict[str, Any]:
        """Everything as JSON values."""
        return {
            "attempts": {key: [[one.what, one.result] for one in tried] for key, tried in self._attempts.items()},
            "ideas": [[parent, one.what, one.result] for parent, one in self._ideas],
            "failures": dict(self._failures),
            "known": {key: list(entry) for key, entry in self._known.items()},
            "told": self.told,
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """The inverse of :meth:`snapshot`."""
        self._attempts = OrderedDict(
            (key, [Attempt(what, result) for what, result in tried]) for key, tried in state["attempts"].items()
        )
        self._ideas = [(parent, Attempt(what, result)) for parent, what, result in state.get("ideas", [])]
        self._failures = OrderedDict((key, int(tries)) for key, tries in state["failures"].items())
        self._known = OrderedDict((key, (int(when), str(words))) for key, (when, words) in state["known"].items())
        self.told = int(state["told"])


def twin_key(candidate: Candidate) -> str:
    """Sixteen hex digits, the same for candidates that differ in comments, layout and names of locals alone."""
    digest = hashlib.sha256()
    parts = [*(text for _, text in candidate.sources), repr(candidate.parameters), repr(candidate.build_flags)]
    for place, text in enumerate(parts):
        word = _shape(text, candidate.language) if place < len(candidate.sources) else text
        digest.update(f"{len(word)}:{word}".encode(errors="replace"))
    return digest.hexdigest()[:16]


@lru_cache(maxsize=128)
def _shape(text: str, language: str) -> str:
    """The fingerprint of a source; asked for when it is drafted and again when it was judged.

    Of Python and Triton the syntax tree; of CUDA and HIP the words, by lines only where the preprocessor reads; of a
    language that nothing here knows the text itself.
    """
    try:
        if language in ("python", "triton"):
            return ast.dump(ast.parse(text))
        if language in TONGUES and language not in DIALECTS:
            return _words(TONGUES[language].without_comments(text))
        return fingerprint(text) if language in DIALECTS else text.strip()
    except (SyntaxError, ValueError, RecursionError, MemoryError):  # thousands of brackets in one another
        return " ".join(text.split())


def _words(text: str) -> str:
    lines = (re.findall(r"\w+|\S", line) for line in text.split("\n"))
    return " ".join("\n".join(["", *line, ""]) if line[0] == "#" else " ".join(line) for line in lines if line)


def _result(feedback: Feedback, measure: Measure) -> str:
    """What came of a proposal, in words that a prompt may hold."""
    evaluation = feedback.evaluation
    if isinstance(evaluation, Failed):
        return f"{KINDS.get(evaluation.kind, evaluation.kind)} ({evidence(evaluation)})"
    if feedback.fitness is None:
        return "not timed"
    words = measure.words(feedback.fitness)
    parents = feedback.request.parents
    same = bool(parents) and feedback.proposal.lineage.parents[:1] == (parents[0].candidate.id,)
    if feedback.parent_fitness is not None and same:
        # Its parent may be measured again later: what it reached then belongs to the figure.
        words += f", where the {measure.what} it was made from had {measure.number(feedback.parent_fitness)}"
    return words


def _put(memory: OrderedDict[str, Any], key: str, value: Any, most: int) -> None:
    memory[key] = value
    memory.move_to_end(key)
    while len(memory) > most:
        memory.popitem(last=False)
