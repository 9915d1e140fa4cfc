"""Backpropagation through time in numpy gives the gradients of torch, and those of finite differences."""

from __future__ import annotations

import numpy as np
import pytest
from afterglow.core.inference.model_file import Architecture
from afterglow.core.learning import lstm
from afterglow.core.learning.parameters import Parameters

ARCHITECTURE = Architecture(vocabulary=7, embedding=5, layers=2, width=6)
IDS = np.array([3, 1, 4, 1, 5, 6, 2, 0, 5, 3, 5, 1, 2, 6, 4, 0, 2, 1, 3, 5])
TARGETS = np.roll(IDS, -1)


@pytest.fixture
def parameters() -> Parameters:
    parameters = Parameters(ARCHITECTURE)
    parameters.flat[:] = np.random.default_rng(3).normal(0, 0.5, len(parameters.flat))
    return parameters


@pytest.fixture
def state(parameters: Parameters) -> lstm.State:
    """A state after some tokens, so that the gradients of the recurrent weights begin with the first token."""
    return lstm.forward(parameters.named, IDS[:4], lstm.zero_state(parameters.named)).state


def compute_gradients(parameters: Parameters, state: lstm.State) -> tuple[float, Parameters]:
    """Return the sum of the losses of ``TARGETS``, and its gradients."""
    gradients = Parameters(ARCHITECTURE)
    gradients.flat[:] = np.nan  # every one has to be written
    tape = lstm.forward(parameters.named, IDS, state)
    losses, d_logits = lstm.cross_entropy(tape.logits, TARGETS)
    lstm.backward(parameters.named, tape, d_logits, gradients.named)
    return float(losses.sum()), gradients


def test_the_loss_and_every_gradient_are_those_of_torch(parameters: Parameters, state: lstm.State) -> None:
    torch = pytest.importorskip("torch")
    from afterglow.core.training.model import LSTMLanguageModel

    module = LSTMLanguageModel(ARCHITECTURE).double()
    named = {name: torch.from_numpy(values.astype(np.float64)) for name, values in parameters.named.items()}
    torch_names = {"embedding.weight": "embedding.weight", "projection.weight": "projection.weight"}
    torch_names |= {"projection.bias": "projection.bias"}
    for n in range(ARCHITECTURE.layers):
        torch_names |= {f"lstm.{n}.weight_{kind}": f"layers.{n}.weight_{kind}_l0" for kind in ("ih", "hh")}
        torch_names[f"lstm.{n}.bias"] = f"layers.{n}.bias_ih_l0"
    weights = {torch_name: named[name] for name, torch_name in torch_names.items()}
    zeros = {f"layers.{n}.bias_hh_l0": torch.zeros(4 * ARCHITECTURE.width) for n in range(ARCHITECTURE.layers)}
    module.load_state_dict(weights | zeros)
    states = [tuple(torch.from_numpy(each.astype(np.float64))[None, None] for each in layer) for layer in state]
    logits, _ = module(torch.from_numpy(IDS)[None], states)
    loss = torch.nn.functional.cross_entropy(logits[0], torch.from_numpy(TARGETS), reduction="sum")
    loss.backward()

    ours, gradients = compute_gradients(parameters, state)
    assert ours == pytest.approx(loss.item(), rel=1e-6)
    theirs = dict(module.named_parameters())
    for name, torch_name in torch_names.items():
        expected = theirs[torch_name].grad.numpy()
        np.testing.assert_allclose(gradients.named[name], expected, rtol=1e-5, atol=1e-5, err_msg=name)


@pytest.mark.parametrize("name", list(Parameters(ARCHITECTURE).named))
def test_gradients_are_the_slopes_of_the_loss(name: str, parameters: Parameters, state: lstm.State) -> None:
    """Along a random direction, the loss changes as the gradient says."""
    direction = np.random.default_rng(5).normal(size=parameters.named[name].shape).astype(np.float32)
    slope = float((compute_gradients(parameters, state)[1].named[name] * direction).sum())
    step = np.float32(1e-2 / np.linalg.norm(direction))
    losses = []
    for sign in (1, -2):  # to one side, then to the other
        parameters.named[name][...] += sign * step * direction
        losses.append(compute_gradients(parameters, state)[0])
    assert (losses[0] - losses[1]) / (2 * float(step)) == pytest.approx(slope, rel=5e-3, abs=5e-2)
