"""What moves the weights moves them as it should."""

from __future__ import annotations

import pytest
from afterglow.core.inference.model_file import Architecture

torch = pytest.importorskip("torch")

from afterglow.core.training.model import LSTMLanguageModel  # noqa: E402
from afterglow.core.training.optimizer import GATE_COUNT, GATES_LR_SCALE, Muon, build_optimizers, orthogonalize  # noqa: E402
from afterglow.core.training.train_config import TrainConfig  # noqa: E402
from torch import nn  # noqa: E402

WIDTH, INPUTS, RATE, MOMENTUM, DECAY = 24, 40, 0.01, 0.9, 0.1


@pytest.mark.parametrize("shape", [(4, 32, 32), (4, 16, 40), (4, 40, 16)])
def test_a_change_has_the_directions_of_the_gradient_all_about_as_long(shape: tuple[int, int, int]) -> None:
    drawn = torch.randn(shape, generator=torch.Generator().manual_seed(1))
    u, _, v = torch.linalg.svd(drawn, full_matrices=False)
    changes = orthogonalize(u @ torch.linspace(1, 0.05, min(shape[1:])).diag() @ v)
    turned = u.mT @ changes @ v.mT
    lengths = turned.diagonal(dim1=1, dim2=2)
    assert (lengths > 0.5).all()
    assert (lengths < 1.5).all()
    assert torch.allclose(turned, lengths.diag_embed(), atol=1e-3)


def test_the_scale_of_a_gradient_is_nothing_to_it_and_none_moves_nothing() -> None:
    gradients = torch.randn(4, 8, 8, generator=torch.Generator().manual_seed(1))
    assert torch.allclose(orthogonalize(gradients), orthogonalize(1e-3 * gradients), atol=1e-4)
    assert not orthogonalize(torch.zeros(4, 8, 8)).any()


@pytest.mark.parametrize("bf16", [True, False])
def test_each_gate_moves_as_torchs_own_muon_would_move_it(bf16: bool) -> None:
    dice = torch.Generator().manual_seed(1)
    weight = nn.Parameter(torch.randn(GATE_COUNT * WIDTH, INPUTS, generator=dice))
    begun = weight.detach().clone()
    gates = [nn.Parameter(gate.clone()) for gate in begun.chunk(GATE_COUNT)]
    ours = Muon([weight], MOMENTUM, DECAY)
    ours.param_groups[0] |= {"lr": RATE, "bf16": bf16}
    theirs = torch.optim.Muon(gates, RATE, DECAY, MOMENTUM, adjust_lr_fn="match_rms_adamw")
    for _ in range(5):
        weight.grad = torch.randn(weight.shape, generator=dice)
        for gate, gradient in zip(gates, weight.grad.chunk(GATE_COUNT), strict=True):
            gate.grad = gradient.clone()
        ours.step()
        theirs.step()
    moved, expected = weight.detach() - begun, torch.cat(list(gates)).detach() - begun
    assert (moved - expected).norm() < 0.02 * expected.norm()


def test_muon_has_the_weights_of_the_layers_and_adamw_all_else() -> None:
    model = LSTMLanguageModel(Architecture(9, 8, 2, 16))
    muon, adamw = build_optimizers(model, TrainConfig(model.architecture, batch_size=4, seq_len=64, weight_decay=DECAY))
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    moved = [{names[id(p)] for group in o.param_groups for p in group["params"]} for o in (muon, adamw)]
    assert moved[0] == {f"layers.{layer}.weight_{kind}_l0" for layer in range(2) for kind in ("ih", "hh")}
    assert moved[0] | moved[1] == set(names.values())
    assert not moved[0] & moved[1]
    assert [group["lr_scale"] for group in muon.param_groups] == [GATES_LR_SCALE]
    decays = {names[id(p)]: group["weight_decay"] for group in adamw.param_groups for p in group["params"]}
    assert {name for name, decay in decays.items() if decay} == {"embedding.weight", "projection.weight"}


def test_a_small_step_has_no_muon() -> None:
    model = LSTMLanguageModel(Architecture(9, 8, 2, 16))
    found = build_optimizers(model, TrainConfig(model.architecture, batch_size=3, seq_len=64))
    assert [type(optimizer) for optimizer in found] == [torch.optim.AdamW]
    assert {p for group in found[0].param_groups for p in group["params"]} == set(model.parameters())
