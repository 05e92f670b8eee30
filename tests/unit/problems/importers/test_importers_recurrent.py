"""Recurrent layers are counted by two of their steps, as if all had been looked at."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.torch

from warploom.problems.importers import recurrent, scale  # noqa: E402
from warploom.problems.importers.program import Program  # noqa: E402

TEXT = """
import torch
from torch import nn
steps, batch = 7, 3
class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.{layer}
    def forward(self, x):
        out, state = self.layer(x)
        return out, state[0]
def get_inputs():
    return [torch.rand({shape}, 5)]
"""


@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        ("LSTM(5, 6, 2, batch_first=True, bidirectional=True)", "batch, steps"),
        ("GRU(5, 6, 2)", "steps, batch"),
        ("RNN(5, 6)", "steps, batch"),
        ("LSTM(5, 6)", "steps"),
    ],
)
def test_two_steps_stand_for_all(layer: str, shape: str, monkeypatch: pytest.MonkeyPatch) -> None:
    program = Program((("foreign.py", TEXT.format(layer=layer, shape=shape)),), "Model")

    def looks() -> list[scale.Seen]:
        return [scale.look(program, {"steps": steps}, "meta") for steps in (1, 2, 7)]

    found = looks()
    assert found == [scale.look(program, {"steps": steps}, "cpu") for steps in (1, 2, 7)], "shapes"
    monkeypatch.setattr(recurrent, "_LAYERS", ())
    for one, other in zip(found, looks(), strict=True):
        assert (one.touched_bytes, one.operations) == (other.touched_bytes, other.operations)
        assert one.operations > 0


def test_a_long_sequence_takes_few_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    program = Program((("foreign.py", TEXT.format(layer="LSTM(5, 6)", shape="steps, batch")),), "Model")
    calls: list[object] = []
    real = scale._Touched.__torch_dispatch__

    def counted(self: scale._Touched, func: object, types: object, args: object = (), kwargs: object = None) -> object:
        calls.append(func)
        return real(self, func, types, args, kwargs)

    monkeypatch.setattr(scale._Touched, "__torch_dispatch__", counted)
    scale.look(program, {"steps": 5000}, "meta")
    assert len(calls) < 1000
