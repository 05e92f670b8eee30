"""Answers about a tree are remembered by the tree's identity.

Trees are immutable, so an answer stays true; and hashing a tree costs as much as walking it, so ``lru_cache``, which
hashes its arguments, would gain nothing.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from functools import wraps
from typing import TypeVar

Tree = TypeVar("Tree")
Answer = TypeVar("Answer")

MOST_ANSWERS = 256


def remembered(most: int = MOST_ANSWERS) -> Callable[[Callable[[Tree], Answer]], Callable[[Tree], Answer]]:
    """Decorates a function of one immutable tree. The answer is shared: callers must not change it.

    Args:
        most: answers kept; the oldest goes first.
    """

    def decorate(find: Callable[[Tree], Answer]) -> Callable[[Tree], Answer]:
        # The tree is kept beside its answer, so its id cannot be given to another object meanwhile.
        answers: OrderedDict[int, tuple[Tree, Answer]] = OrderedDict()

        @wraps(find)
        def ask(tree: Tree) -> Answer:
            known = answers.get(id(tree))
            if known is not None:
                return known[1]
            answer = find(tree)
            answers[id(tree)] = (tree, answer)
            if len(answers) > most:
                answers.popitem(last=False)
            return answer

        return ask

    return decorate
