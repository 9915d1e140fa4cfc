"""Going on from a parent without ending worse than it. The numbers were measured: docs/experiments.md."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from ..text.tokenizer import Ids
from .calibration import block_losses
from .convert import FIRST_WEIGHTS
from .model import LSTMLanguageModel

PATIENCE = 2
"""Validations in a row without improvement after which training goes back to the best weights."""

MIN_GAIN = 5e-4
"""Nats per token that validation has to improve by at least to count. A low rate improves it a little for ever."""

RATE_STEP = 3.0
"""Factor by which the learning rate is lowered then."""

LOWEST_RATE = 1 / 30
"""Share of the learning rate below which training ends."""

LOWEST_FIRST_RATE = RATE_STEP**-12
"""The same as long as nothing is better than the parent: then the rate that was asked for was far too high."""

SHARES = (0.0, 0.2, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
"""Shares of the change from the parent to the best weights that are tried."""


STANDARD_ERRORS = 2
"""By how many standard errors of the validation loss a smaller change may be worse. One is usual, but the validation
text lies between learned passages and favours more change than what follows does."""


def lowest_rate(parent: Mapping[str, Tensor], best: Mapping[str, Tensor]) -> float:
    """Return the share of the learning rate below which training ends."""
    is_parent = all(torch.equal(weights, best[name]) for name, weights in parent.items())
    return LOWEST_FIRST_RATE if is_parent else LOWEST_RATE


def mix_with_parent(
    model: LSTMLanguageModel, parent: Mapping[str, Tensor], slices: Sequence[Ids], labels: Sequence[Ids] = ()
) -> float:
    """Average the weights of ``model`` with those of ``parent``, and return the share of the former.

    It is the smallest share that is worse than the best one by two standard errors over blocks of ``slices`` at most
    (Breiman et al. 1984, "Classification and Regression Trees", section 3.4.3). The parent knows more than the text;
    between the two weights lie models that know both (Wortsman et al. 2022, arXiv 2109.01903). 0 is the parent itself.
    What was learned of styles stays.
    """
    tuned = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    parent = _take_styles(parent, tuned, model.architecture.embedding)
    losses = []
    for share in SHARES:
        model.load_state_dict({name: parent[name].lerp(tensor, share) for name, tensor in tuned.items()})
        losses.append(block_losses(model.eval(), slices, labels))
    share = SHARES[choose_share(torch.stack(losses).nan_to_num())]
    model.load_state_dict({name: parent[name].lerp(tensor, share) for name, tensor in tuned.items()})
    return share


def _take_styles(parent: Mapping[str, Tensor], tuned: Mapping[str, Tensor], embedding: int) -> dict[str, Tensor]:
    """Return the weights of ``parent`` with the styles of ``tuned``. Token embeddings have the size ``embedding``."""
    first = torch.cat((parent[FIRST_WEIGHTS][:, :embedding], tuned[FIRST_WEIGHTS][:, embedding:]), 1)
    styles = {name: tensor for name, tensor in tuned.items() if name.startswith("styles.")}
    return {**parent, FIRST_WEIGHTS: first, **styles}


def choose_share(losses: Tensor) -> int:
    """Return the index of the first row of ``losses``, (shares, blocks), within two standard errors of the best.

    The error is that of the mean difference, over blocks, between the row and the best one.
    """
    best = losses[losses.mean(1).argmin()]
    worse = losses - best
    error = worse.std(1, correction=min(1, losses.shape[1] - 1)) / losses.shape[1] ** 0.5
    return int((worse.mean(1) <= STANDARD_ERRORS * error).nonzero()[0])
