"""``python -m warploom.problems.describe PATH…``: the problems of these files as a JSON list on standard output.

Run in a process of its own, because running the files imports torch. Whatever they print goes to standard
error. Exit status 2 and one line, the last on standard error, when a file cannot be used.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from warploom.errors import ProblemError
from warploom.problems.native import detach, execute, read
from warploom.values.problem import describe


def main(arguments: list[str]) -> int:
    """Print the descriptions of the problem files named by the arguments."""
    answer = os.dup(1)
    os.dup2(2, 1)
    descriptions = []
    try:
        for path in map(Path, arguments):
            text = read(path)
            descriptions.append(describe(detach(execute(path), path, text)))
    except ProblemError as error:
        sys.stdout.flush()
        sys.stderr.write(f"\n{error}\n")
        return 2
    with os.fdopen(answer, "w", encoding="utf-8") as stream:
        json.dump(descriptions, stream)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
