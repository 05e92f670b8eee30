"""Foreign programs become native problems that compute the same."""

import re
import tempfile
from pathlib import Path
from typing import Any

import pytest
import torch

from warploom.errors import ProblemError
from warploom.problems.importers import study as study_module
from warploom.problems.importers.budget import Budget
from warploom.problems.importers.caller import Caller
from warploom.problems.importers.program import Program
from warploom.problems.importers.study import Request, study
from warploom.problems.native import execute
from warploom.values.problem import Problem, Tensor, Workload
from warploom.values.shape import extents

pytestmark = pytest.mark.torch

HEAD = "import torch\nfrom torch import nn\n"
LINEAR = (
    HEAD
    + """
batch_size, features, out_features = 64, 48, 24
class Model(nn.Module):
    def __init__(self, features, out_features):
        super().__init__()
        self.linear = nn.Linear(features, out_features)
        self.norm = nn.BatchNorm1d(out_features)
    def forward(self, x):
        return torch.relu(self.norm(self.linear(x)))
def get_inputs():
    return [torch.rand(batch_size, features)]
def get_init_inputs():
    return [features, out_features]
"""
)


def function(body: str, arguments: str, head: str = "n, m = 32, 40") -> str:
    return f"{HEAD}{head}\ndef f(x, *others, **named):\n    {body}\ndef get_inputs():\n    return {arguments}\n"


def bring(text: str, entry: str = "f", scale: str = "auto", **how: Any) -> tuple[Problem, str]:
    if entry == "Model":
        how = {"construction": "get_init_inputs", **how}
    program = Program((("foreign.py", text),), entry, **how)
    return executed(study(Request(program, "imported", "a title", scale)))


def executed(text: str) -> tuple[Problem, str]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "problem.py")
        path.write_text(text)
        return execute(path), text


def inputs(problem: Problem, workload: Workload, dtype: torch.dtype | None = None) -> list[torch.Tensor]:
    found = []
    for tensor in problem.inputs.values():
        shape, own = extents(tensor.shape, workload.extents), getattr(torch, tensor.dtype)
        values = torch.randn(shape) if own.is_floating_point else torch.zeros(shape)
        found.append(values.abs().to(dtype if dtype and own.is_floating_point else own))
    return found


def call(problem: Problem, tensors: list[torch.Tensor]) -> tuple[torch.Tensor, ...]:
    assert callable(problem.reference)
    with torch.no_grad():
        return tuple(problem.reference(*tensors))


def refusal(text: str, entry: str = "f", **how: Any) -> str:
    with pytest.raises(ProblemError) as caught:
        bring(text, entry, **how)
    return str(caught.value)


# ------------------------------------------------------------ tensors


def test_weights_are_inputs_and_statistics_of_training_are_not() -> None:
    problem, _ = bring(LINEAR, "Model")
    assert {name: tensor.shape for name, tensor in problem.inputs.items()} == {
        "x": "batch_size features",
        "linear_weight": "24 features",
        "linear_bias": "24",
        "norm_weight": "24",
        "norm_bias": "24",
    }
    assert problem.outputs == {"out": Tensor("batch_size 24")}
    assert problem.inputs["linear_weight"].scale == pytest.approx(1 / (3 * 48) ** 0.5, rel=0.1)
    assert problem.workloads == [Workload(batch_size=64, features=48)]
    assert problem.operations == "", "what the reference does is no bound: the judge would convict whoever needs less"
    assert problem.title == "a title"


def test_the_reference_is_the_module_with_the_weights_it_is_given() -> None:
    problem, _ = bring(LINEAR, "Model")
    for workload in (*problem.workloads, *problem.held_out):
        for dtype in (torch.float32, torch.float64):
            x, weight, bias, gamma, beta = tensors = inputs(problem, workload, dtype)
            found = torch.nn.functional.linear(x, weight, bias)
            found = (found - found.mean(0)) / torch.sqrt(found.var(0, unbiased=False) + 1e-5) * gamma + beta
            (out,) = call(problem, tensors)
            assert out.dtype is dtype
            torch.testing.assert_close(out, torch.relu(found), rtol=1e-3, atol=1e-3)


def test_a_module_for_inference_takes_its_statistics_as_inputs() -> None:
    problem, _ = bring(LINEAR, "Model", training=False)
    assert list(problem.inputs)[-2:] == ["norm_running_mean", "norm_running_var"]
    assert problem.inputs["norm_running_var"].positive
    assert not problem.inputs["norm_running_mean"].positive


def test_constants_of_a_module_stay_with_it_and_random_buffers_do_not() -> None:
    text = """
n = 32
class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.register_buffer("mask", torch.tril(torch.ones(4, 4)))
        self.register_buffer("noise", torch.randn(4))
        self.unused = nn.Parameter(torch.randn(5))
    def forward(self, x):
        return x @ self.mask + self.noise
def get_inputs():
    return [torch.randn(n, 4)]
"""
    problem, _ = bring(HEAD + text, "Model")
    assert list(problem.inputs) == ["x", "noise"]


FLAT = """
n = 32
class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(n, 8)
        self.shift = nn.Parameter(torch.tensor(-30.0))
        self.unused = nn.Parameter(torch.randn(5))
    def forward(self, x):
        return torch.relu(self.linear(x) + self.shift)
def get_inputs():
    return [torch.rand(n, n)]
"""


def test_weights_are_inputs_where_the_examples_do_not_show_it() -> None:
    problem, _ = bring(HEAD + FLAT, "Model")
    assert list(problem.inputs) == ["x", "shift", "linear_weight", "linear_bias"]


def test_the_numbers_of_dropout_are_an_input_where_nothing_is_left_to_drop() -> None:
    text = """
n = 32
class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.dropout = nn.Dropout(0.2)
    def forward(self, x):
        return self.dropout(torch.clamp(x, 0.0, 0.0))
def get_inputs():
    return [torch.rand(n, n)]
"""
    problem, _ = bring(HEAD + text, "Model")
    assert list(problem.inputs) == ["x", "dropout_noise"]


def test_hundreds_of_weights_take_one_call(monkeypatch: pytest.MonkeyPatch) -> None:
    text = """
n = 8
class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.ModuleList([nn.Linear(n, n) for _ in range(60)])
    def forward(self, x):
        for layer in self.layers:
            x = x + torch.tanh(layer(x))
        return x
def get_inputs():
    return [torch.rand(4, n)]
"""
    calls: list[object] = []
    real = Caller.exact

    def counted(self: Caller, *tensors: Any, **how: Any) -> list[torch.Tensor]:
        calls.append(how)
        return real(self, *tensors, **how)

    monkeypatch.setattr(Caller, "exact", counted)
    problem, _ = bring(HEAD + text, "Model")
    assert len(problem.inputs) == 121
    assert len(calls) < 20


@pytest.mark.parametrize("body", ["x.detach() * self.scale.detach()", "x.mul_(self.scale)", "self.scale.mul_(1) * x"])
def test_weights_are_found_without_gradients(body: str) -> None:
    text = f"""
n = 8
class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.randn(n))
    def forward(self, x):
        return {body}
def get_inputs():
    return [torch.rand(4, n)]
"""
    problem, _ = bring(HEAD + text, "Model")
    assert list(problem.inputs) == ["x", "scale"]


def test_integers_stay_integers_within_their_range() -> None:
    text = function(
        "return torch.nn.functional.cross_entropy(x, others[0])",
        "[torch.rand(n, m), torch.randint(0, m, (4 * n,))[:n]]",
        "n, m = 512, 32",
    )
    problem, _ = bring(text)
    assert problem.inputs["others_0"] == Tensor("n", "int64", low=0, high="m")
    assert problem.outputs["out"].shape == ""
    fixed = function("return x[others[0]]", "[torch.rand(7, n), torch.randint(2, 5, (m,))]")
    assert bring(fixed)[0].inputs["others_0"] == Tensor("m", "int64", low=2, high=5)


def test_values_are_of_the_size_and_sign_that_the_reference_needs() -> None:
    problem, _ = bring(function("return torch.log(x) + others[0]", "[torch.rand(n, m), 0.01 * torch.randn(m)]"))
    assert problem.inputs["x"].positive
    assert problem.inputs["x"].scale == 1.0
    assert not problem.inputs["others_0"].positive
    assert problem.inputs["others_0"].scale == pytest.approx(0.01, rel=0.5)
    assert not bring(function("return torch.exp(-x * x)", "[torch.rand(n, m)]"))[0].inputs["x"].positive


def test_recipes_that_overflow_the_reference_are_left_out() -> None:
    tame, _ = bring(function("return x + 1", "[torch.rand(n, m)]"))
    assert {one.recipe for one in tame.held_out} == {"normal", "own", "offset", "wide", "spikes", "large", "tiny"}
    wild, _ = bring(function("return torch.exp(x)", "[torch.rand(n, m)]"))
    assert {one.recipe for one in wild.held_out} == {"normal", "own", "tiny"}


def test_a_reference_that_writes_to_its_input_is_given_a_copy() -> None:
    problem, text = bring(function("return x.mul_(2) + others[0]", "[torch.rand(n, m), torch.rand(m)]"))
    assert "changed=[0]" in text
    tensors = inputs(problem, problem.workloads[0])
    kept = [one.clone() for one in tensors]
    (out,) = call(problem, tensors)
    assert torch.equal(tensors[0], kept[0])
    assert torch.equal(out, 2 * kept[0] + kept[1])


def test_nested_arguments_and_several_results() -> None:
    text = function(
        'return {"a": x[0] + others[0]["k"], "b": [x[1].T, float(others[1]), None, x[1].sum().item() > 0]}',
        '[(torch.randn(n, m), torch.randn(n, m)), {"k": torch.randn(m), "mode": "same"}, 3]',
    )
    problem, _ = bring(text)
    assert list(problem.inputs) == ["x_0", "x_1", "others_0_k"]
    assert {name: (one.shape, one.dtype) for name, one in problem.outputs.items()} == {
        "out_0": ("n m", "float32"),
        "out_1": ("m n", "float32"),
        "out_2": ("", "float32"),
        "out_3": ("", "bool"),
    }
    tensors = inputs(problem, problem.workloads[0])
    a, b, three, _ = call(problem, tensors)
    assert torch.equal(a, tensors[0] + tensors[2])
    assert torch.equal(b, tensors[1].T)
    assert float(three) == 3


def test_keywords_and_single_tensors_as_example_arguments() -> None:
    named, _ = bring(function('return x + named["bias"]', "dict(bias=torch.randn(m), x=torch.randn(n, m))"))
    assert list(named.inputs) == ["bias", "x"]
    text = HEAD + "n = 9\ndef f(x):\n    return -x\nexample_inputs = torch.randn(n)\n"
    assert list(bring(text, arguments="example_inputs")[0].inputs) == ["x"]


def test_names_that_c_keeps_for_itself_are_changed() -> None:
    text = HEAD + "float = 12\ndef f(int):\n    return int + 1\ndef get_inputs():\n    return [torch.rand(float)]\n"
    problem, _ = bring(text)
    assert (list(problem.inputs), problem.axes) == (["int_2"], ("float_2",))


DROPOUT = """
n, m = 40, 30
class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.drop = nn.Dropout(0.25)
        self.channels = nn.Dropout2d(0.5)
        self.never = nn.Dropout(0.0)
    def forward(self, x):
        return self.never(self.channels(self.drop(x)))
def get_inputs():
    return [torch.rand(n, m, 3, 2)]
"""


def test_the_numbers_of_dropout_are_an_input() -> None:
    problem, _ = bring(HEAD + DROPOUT, "Model")
    assert problem.inputs["drop_noise"] == Tensor("n m 3 2", "int16", low=0, high=1000)
    assert problem.inputs["channels_noise"].shape == "n m 1 1"
    x, noise, channels = inputs(problem, problem.workloads[0])
    noise.random_(0, 1000)
    channels.random_(0, 1000)
    (out,) = call(problem, [x, noise, channels])
    torch.testing.assert_close(out, x * (noise >= 250) / 0.75 * (channels >= 500) / 0.5)
    assert 0.3 < float((out != 0).float().mean()) < 0.45


def test_dropout_does_nothing_where_nothing_is_trained() -> None:
    assert list(bring(HEAD + DROPOUT, "Model", training=False)[0].inputs) == ["x"]


# ------------------------------------------------------------ sizes


def test_what_is_too_large_is_made_smaller_and_says_so() -> None:
    text = function("return torch.relu(x)", "[torch.rand(batch, m)]", "batch, m = 4096, 393216")
    problem, _ = bring(text)
    (workload,) = problem.workloads
    assert problem.traffic_bytes(workload) <= 64 << 20
    assert workload.extents == {"batch": 32, "m": 196608}
    assert problem.title == "a title (made smaller to be judged here: batch 4096 → 32, m 393216 → 196608)"


def test_full_scale_leaves_it_as_it_is() -> None:
    text = function("return torch.relu(x)", "[torch.rand(batch, m)]", "batch, m = 2048, 9000")
    auto, full = bring(text)[0], bring(text, scale="full")[0]
    assert full.workloads[0].extents == {"batch": 2048, "m": 9000}
    assert full.title == "a title"
    assert auto.workloads[0].extents["batch"] < 2048


def test_a_size_that_is_written_nowhere_cannot_be_made_smaller() -> None:
    said = refusal(function("return torch.relu(x)", "[torch.rand(65536, 9000)]"))
    assert "it is too large: about" in said
    assert "name more of them at module level, or give --scale full" in said


def test_what_cannot_become_small_may_be_larger(monkeypatch: pytest.MonkeyPatch) -> None:
    text = function("return x @ x.T", "[torch.rand(batch, 900)]", "batch = 256")
    small = Budget(30e6, 64 << 10, 1)

    def batch(*budgets: Budget) -> int:
        monkeypatch.setattr(study_module, "BUDGETS", (small, *budgets))
        (workload,) = bring(text)[0].workloads
        return workload.extents["batch"]

    assert batch() == 16
    assert batch(Budget(30e6, 600 << 10, 1)) == 16, "the first that can be reached holds"
    monkeypatch.undo()
    small = Budget(30e6, 2 << 10, 1)
    assert batch(Budget(30e6, 600 << 10, 1)) == 128
    with pytest.raises(ProblemError, match="it is too large"):
        batch(Budget(30e6, 3 << 10, 1))


def test_sizes_stay_awhile_before_they_nearly_vanish(monkeypatch: pytest.MonkeyPatch) -> None:
    text = function("return torch.relu(x)", "[torch.rand(n, 4000)]", "n = 64")
    for least, n in ((1, 2), (8, 32)):
        monkeypatch.setattr(study_module, "BUDGETS", (Budget(30e6, 64 << 10, least), Budget(30e6, 1 << 20, 8)))
        assert bring(text)[0].workloads[0].extents["n"] == n


def test_a_network_keeps_its_parts_at_every_size(monkeypatch: pytest.MonkeyPatch) -> None:
    text = """
layers, width, out = 40, 64, 5
class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.ModuleList([nn.Linear(width, width) for _ in range(layers)])
        self.last = nn.Identity() if width == out else nn.Linear(width, out)
    def forward(self, x):
        for layer in self.layers:
            x = torch.tanh(layer(x))
        return self.last(x)
def get_inputs():
    return [torch.rand(8, width)]
"""
    monkeypatch.setattr(study_module, "BUDGETS", (Budget(30e6, 48 << 10, 1),))
    problem, written = bring(HEAD + text, "Model")
    assert len(problem.inputs) == 1 + 2 * 41
    assert "layers" not in problem.title
    assert "width 64 → 16" in problem.title
    assert "'width': 7" in written
    assert "'width': 5" not in written, "no shape at which the last layer is another"


def test_held_out_shapes_are_small_awkward_and_told_apart() -> None:
    problem, _ = bring(function("return x + 1", "[torch.rand(n, m)]", "n, m = 96, 96"))
    shapes = [workload.extents for workload in problem.held_out if workload.recipe == "normal"]
    assert {"n": 1, "m": 1} in shapes
    assert any(one["n"] != one["m"] and one["n"] % 8 and one["m"] % 8 for one in shapes)
    assert problem.outputs["out"].shape == "n m"


def test_a_size_at_which_the_program_fails_is_not_used() -> None:
    text = function("assert x.shape[0] % 4 == 0\n    return x.reshape(4, -1).sum(0)", "[torch.rand(n)]", "n = 64")
    problem, _ = bring(text)
    assert problem.held_out
    assert all(workload.extents["n"] % 4 == 0 for workload in problem.held_out)
    assert problem.outputs["out"].shape == "n//4"


def test_sizes_that_belong_together_change_together() -> None:
    text = function(
        "return x * others[0]", "[torch.rand(batch, *shape), torch.rand(batch)]", "batch = 32768\nshape = (32768,)"
    )
    problem, _ = bring(text)
    (workload,) = problem.workloads
    assert workload.extents["batch"] < 32768
    assert problem.inputs["x"].shape == "batch batch"
    assert len(problem.held_out) > 2


def test_a_program_that_needs_real_tensors_begins_with_the_smallest_of_its_settings() -> None:
    text = """
import torch
def generate_input(size):
    assert size < 100, "too much for this test"
    return torch.ones(size)
def ref_kernel(data):
    return data * float(data[0].item())
"""
    how: dict[str, Any] = {
        "arguments": "generate_input",
        "settings": ({"size": 1000}, {"size": 40}),
        "one_argument": True,
    }
    problem, _ = bring(text, "ref_kernel", **how)
    assert problem.workloads[0].extents == {"size": 40}
    with pytest.raises(AssertionError, match="too much"):
        bring(text, "ref_kernel", scale="full", **how)


def test_what_only_the_weights_know_stays_a_number() -> None:
    text = """
batch_size, channels, kernel = 16, 8, 3
size = 20
class Model(nn.Module):
    def __init__(self, channels, kernel):
        super().__init__()
        self.conv = nn.Conv2d(channels, 12, kernel, bias=False)
    def forward(self, x):
        return self.conv(x)
def get_inputs():
    return [torch.rand(batch_size, channels, size, size + 4)]
def get_init_inputs():
    return [channels, kernel]
"""
    problem, _ = bring(HEAD + text, "Model")
    assert problem.inputs["x"].shape == "batch_size channels size size+4"
    assert problem.inputs["conv_weight"].shape == "12 channels 3 3"
    assert problem.outputs["out"].shape == "batch_size 12 size-2 size+2"


# ------------------------------------------------------------ a task with its own sizes


def test_a_task_of_gpu_mode() -> None:
    text = """
from task import ready
import torch
def generate_input(size, width, seed, mode):
    gen = torch.Generator(device="cuda")
    gen.manual_seed(seed)
    x = torch.randn(size, width, device="cuda", generator=gen, dtype=torch.float32)
    return x, torch.empty_like(x), {"mode": mode}
def ref_kernel(data):
    x, out, config = data
    out[...] = ready(x.cuda()) if config["mode"] == "ready" else x
    return out
"""
    settings = ({"size": 512, "width": 48, "seed": 3, "mode": "ready"}, {"size": 9, "width": 3, "seed": 4, "mode": "-"})
    program = Program(
        (("task.py", "def ready(x): return x * 2\n"), ("reference.py", text)),
        "ref_kernel",
        arguments="generate_input",
        settings=settings,
        one_argument=True,
    )
    problem, _ = executed(study(Request(program, "task", "a task", "auto")))
    assert problem.workloads == [Workload(size=512, width=48)]
    assert {name: one.shape for name, one in problem.inputs.items()} == {"data_0": "size width"}, (
        "room for results is no input"
    )
    tensors = inputs(problem, problem.held_out[1])
    (first,) = call(problem, tensors)
    call(problem, [-one for one in tensors])
    assert torch.equal(first, 2 * tensors[0]), "one call does not write into the results of another"
    assert call(problem, [one.double() for one in tensors])[0].dtype is torch.float64


# ------------------------------------------------------------ what cannot be judged


def test_random_numbers_inside() -> None:
    said = refusal(function("return torch.nn.functional.dropout(x, 0.5)", "[torch.rand(n, m)]"))
    assert "the same inputs give different outputs: it draws random numbers" in said


def test_a_type_that_is_named() -> None:
    assert bring(function("return x.to(torch.float32) * 2", "[torch.rand(n, m)]"))
    body = 'return torch.from_numpy(x.numpy().astype("float32")) * 2'
    said = refusal(function(body, "[torch.rand(n, m)]"))
    assert "output 0 of float64 inputs is float32: the reference names a type" in said


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("return None", "returns no tensor and no number"),
        ('return "text"', "returns a str; tensors and numbers can be judged"),
        ("return torch.complex(x, x)", "output 0 is complex64"),
        ("return x / 0 * 0", "gives NaN or infinities on its own arguments"),
        ("return torch.log(1 - x) + torch.log(x - 0.2)", "gives NaN or infinities on its own arguments"),
    ],
)
def test_results_that_no_kernel_can_be_compared_with(body: str, said: str) -> None:
    assert said in refusal(function(body, "[torch.rand(n, m)]"))


def test_what_a_program_must_define() -> None:
    assert "it defines no get_inputs" in refusal(HEAD + "def f(x): return x\n")
    assert "f is int, not a function" in refusal(HEAD + "f = 3\ndef get_inputs(): return []\n")
    assert "do not fit what they are made for" in refusal(
        HEAD + "def f(x): return x\ndef get_inputs(): return [1, 2]\n"
    )


def test_the_example_of_the_documentation_is_a_problem() -> None:
    page = Path(__file__).parents[4] / "docs" / "importing.md"
    (text,) = re.findall(r"```python\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
    problem, _ = bring(text, "Gate", construction="get_init_inputs", training=False)
    assert list(problem.inputs) == ["x", "linear_weight", "linear_bias"]
    assert problem.axes == ("batch_size", "features")
