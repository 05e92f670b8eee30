"""What models cost a run, and what an improvement cost."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from warploom.report.tally import Tally
from warploom.values.exchange import Spending

MODEL = "llm:"
"""What the names of proposers begin with whose kernels a model wrote."""


class ModelsReport:
    """What was spent on models and what came of it.

    Args:
        spending: by model; "" for requests without an answer.
        tally: of the run.
    """

    def __init__(self, spending: Mapping[str, Spending], tally: Tally) -> None:
        self.by_model = dict(spending)
        self.total = Spending.sum(spending.values())
        self._tally = tally
        self.improvements = sum(count for name, count in tally.improved.items() if name.startswith(MODEL))

    def to_object(self) -> dict[str, Any]:
        """As JSON values.

        Returns:
            ``tokens``, ``usd``, ``requests``, ``unpriced`` (answers whose price is unknown: ``usd`` leaves them out),
            ``improvements`` (of the run's best, by kernels that models wrote), ``per_improvement`` with ``tokens``
            and ``usd`` (null where there was none, or where a price is unknown), and ``by_model`` with the same sums,
            ``proposed`` and ``improved``.
        """
        tally = self._tally
        return {
            **self.total.to_mapping(),
            "improvements": self.improvements,
            "per_improvement": {"tokens": self._each(self.total.tokens), "usd": self._each_usd},
            "by_model": {
                name or "unanswered": {
                    **spent.to_mapping(),
                    "proposed": tally.proposed[MODEL + name],
                    "improved": tally.improved[MODEL + name],
                }
                for name, spent in self.by_model.items()
            },
        }

    def _each(self, amount: float) -> float | None:
        return round(amount / self.improvements, 6) if self.improvements else None

    @property
    def _each_usd(self) -> float | None:
        return None if self.total.unpriced else self._each(self.total.usd)

    def line(self) -> str:
        """For people; "" where no model was asked."""
        if self.total == Spending():
            return ""
        said = spent(self.total, {})
        if not self.improvements:
            return f"{said}; none of their kernels became the best"
        times = "once" if self.improvements == 1 else f"{self.improvements} times"
        each = f"{self.total.tokens / self.improvements:,.0f} tokens"
        if self._each_usd is not None:
            each += f" or ${self._each_usd:.4f}"
        return f"{said}; improved the best {times}, for {each} each time"


def spent(spending: Spending, config: Mapping[str, Any]) -> str:
    """What was spent and, where there are caps, of how much.

    Args:
        spending: so far.
        config: of the run; caps are read from it.
    """
    tokens, usd, requests = (config.get(name) for name in ("max_tokens_total", "max_usd", "max_requests"))
    parts = [
        f"{spending.tokens:,}{f' of {tokens:,}' if tokens else ''} tokens",
        f"{spending.requests:,}{f' of {requests:,}' if requests else ''} requests",
    ]
    if not spending.unpriced:
        parts.append(f"${spending.usd:.4f}{f' of ${usd:g}' if usd else ''}")
    elif spending.usd:
        parts.append(f"${spending.usd:.4f} and what has no known price")
    else:
        parts.append("price unknown")
    return " · ".join(parts)
