"""The compiled recurrence against torch's own LSTM, and against itself among other rows and on other threads."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from types import SimpleNamespace

import pytest

torch = pytest.importorskip("torch")

from afterglow.core.training import lstm_kernel  # noqa: E402
from afterglow.core.training.model import weight_drop  # noqa: E402
from torch import Tensor, nn  # noqa: E402

compiled = pytest.mark.skipif(lstm_kernel.LSTM_KERNEL is None, reason="no kernel: not built, or not for this processor")

Example = tuple[nn.LSTM, Tensor, tuple[Tensor, Tensor], Tensor]


@pytest.fixture(autouse=True)
def threads() -> Iterator[None]:
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def example(inputs: int, width: int, rows: int, steps: int) -> Example:
    """A layer, its input, the state before, and how much every h counts."""
    torch.manual_seed(width + rows)
    state = torch.rand(1, rows, width) - 0.5, torch.randn(1, rows, width)
    return nn.LSTM(inputs, width), torch.randn(steps, rows, inputs), state, torch.randn(steps, rows, width)


def outcome(example: Example, ours: bool) -> dict[str, Tensor]:
    """What comes out, and the gradients of all that goes in."""
    layer, x, state, counts = example
    layer.zero_grad()
    x = x.clone().requires_grad_()
    with torch.autocast("cpu", torch.bfloat16, enabled=ours):
        if ours:
            assert lstm_kernel.LSTM_KERNEL
            y, (h, c) = lstm_kernel.run_lstm(lstm_kernel.LSTM_KERNEL, x, state, dict(layer.named_parameters()))
        else:
            y, (h, c) = layer(x, state)
    (y.float() * counts).sum().backward()
    gradients = {name: p.grad.clone() for name, p in layer.named_parameters()}
    return {"y": y.detach().float(), "h": h.detach().float(), "c": c.detach(), "x": x.grad, **gradients}


@compiled
@pytest.mark.parametrize(
    ("inputs", "width", "rows", "steps"),
    [(128, 64, 1, 1), (64, 64, 7, 3), (20, 128, 5, 40), (128, 320, 32, 64), (512, 512, 13, 16)],
)
def test_it_is_torchs_lstm_within_bfloat16(inputs: int, width: int, rows: int, steps: int) -> None:
    made = example(inputs, width, rows, steps)
    exact, ours = outcome(made, ours=False), outcome(made, ours=True)
    for name, expected in exact.items():
        error = (ours[name] - expected).norm() / expected.norm()
        assert error < 0.01, f"{name}: {error:.4f} of its size"


@compiled
@pytest.mark.parametrize("threads", [2, 3, 5])
def test_threads_change_no_bit(threads: int) -> None:
    made = example(64, 128, 17, 9)
    torch.set_num_threads(1)
    alone = outcome(made, ours=True)
    torch.set_num_threads(threads)
    for name, shared in outcome(made, ours=True).items():
        assert torch.equal(shared, alone[name]), name


@compiled
def test_a_row_knows_nothing_of_the_others() -> None:
    layer, x, state, counts = example(64, 64, 11, 6)
    every = outcome((layer, x, state, counts), ours=True)
    for row in range(11):
        only = slice(row, row + 1)
        before = state[0][:, only], state[1][:, only]
        alone = outcome((layer, x[:, only], before, counts[:, only]), ours=True)
        assert torch.equal(alone["y"], every["y"][:, only])
        assert torch.equal(alone["c"], every["c"][:, only])
        assert torch.equal(alone["x"], every["x"][:, only])


@compiled
def test_gates_that_are_driven_to_their_ends_stay_finite() -> None:
    layer, x, state, counts = example(64, 64, 4, 8)
    for sign in (1e4, -1e4):
        ends = outcome((layer, sign * x, state, counts), ours=True)
        assert all(bool(tensor.isfinite().all()) for tensor in ends.values())


@compiled
def test_what_is_not_a_number_is_passed_on_and_not_hidden() -> None:
    layer, x, state, counts = example(64, 64, 4, 8)
    x[3, 2, 5] = torch.nan
    y = outcome((layer, x, state, counts), ours=True)["y"]
    assert bool(y[3:, 2].isnan().all())
    assert not bool(y[:, [0, 1, 3]].isnan().any())


@compiled
def test_it_is_for_whole_blocks_in_bfloat16_on_a_cpu() -> None:
    x = torch.zeros(1, 1, 8)
    with torch.autocast("cpu", torch.bfloat16):
        assert lstm_kernel.find_kernel(nn.LSTM(8, 192), x)
        assert not lstm_kernel.find_kernel(nn.LSTM(8, 100), x)
        assert not lstm_kernel.find_kernel(nn.LSTM(8, 192), x.to("meta"))
    with torch.autocast("cpu", torch.float16):
        assert not lstm_kernel.find_kernel(nn.LSTM(8, 192), x)
    assert not lstm_kernel.find_kernel(nn.LSTM(8, 192), x)


def test_without_a_compiler_or_the_processor_torch_does_it(monkeypatch: pytest.MonkeyPatch) -> None:
    for there in (None, SimpleNamespace(supported=0)):
        monkeypatch.setitem(sys.modules, "afterglow.core.training.kernel_bf16", there)
        assert lstm_kernel.load_lstm_kernel() is None
    monkeypatch.setattr(lstm_kernel, "LSTM_KERNEL", None)
    with torch.autocast("cpu", torch.bfloat16):
        assert not lstm_kernel.find_kernel(nn.LSTM(8, 64), torch.zeros(1, 1, 8))


@pytest.mark.parametrize("probability", [0.1, 0.5])
def test_weights_are_dropped_as_often_as_was_asked_for_and_the_others_make_up_for_it(probability: float) -> None:
    torch.manual_seed(3)
    weights = torch.ones(1024, 256, requires_grad=True)
    kept = weight_drop(weights, probability)
    assert kept.unique().tolist() == pytest.approx([0.0, 1 / (1 - probability)])
    for n in range(4):  # four of them share a throw
        assert (kept.flatten()[n::4] == 0).float().mean().item() == pytest.approx(probability, abs=0.01)
    pairs = (kept.flatten()[0::4] == 0) & (kept.flatten()[1::4] == 0)
    assert pairs.float().mean().item() == pytest.approx(probability**2, abs=0.01)
    kept.sum().backward()
    assert torch.equal(weights.grad, kept.detach())
