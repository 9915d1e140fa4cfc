"""A model's weights for the characters that it has never read."""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor

from ..inference.model_file import ModelFile
from ..text.look_alikes import find_look_alikes
from ..text.tokenizer import CharTokenizer, Tokenizer
from .convert import to_torch
from .model import LSTMLanguageModel

TOKEN_ROWS = ("embedding.weight", "projection.weight")
"""Weights with a row for each token."""


def take_over_weights(parent: ModelFile, tokenizer: Tokenizer, counts: Mapping[str, int]) -> Mapping[str, Tensor]:
    """Return the parent's weights for ``tokenizer``, which may have characters more, with ``counts`` in the text."""
    model = to_torch(parent)
    if isinstance(parent.tokenizer, CharTokenizer) and isinstance(tokenizer, CharTokenizer):
        return extend_vocabulary(model, parent.tokenizer, tokenizer, counts)
    return model.state_dict()


def extend_vocabulary(
    model: LSTMLanguageModel, tokenizer: CharTokenizer, extended: CharTokenizer, counts: Mapping[str, int]
) -> dict[str, Tensor]:
    """Return the weights of ``model``, which reads ``tokenizer``, for ``extended``, which has more characters.

    A new character takes over the rows of one that looks like it, and a share of its probability by ``counts``. On a
    book with curly quotation marks, a model of straight ones begins 0.34 bits per character lower that way than
    without (docs/experiments.md). Any other's embedding is the mean, and its bias the lowest.
    """
    new = extended.size - tokenizer.size
    weights = dict(model.state_dict())
    for name in TOKEN_ROWS:
        weights[name] = torch.cat([weights[name], weights[name].mean(0, keepdim=True).expand(new, -1)])
    bias = weights["projection.bias"]
    drawn = [token for token in range(tokenizer.size) if token != tokenizer.stand_in]
    weights["projection.bias"] = torch.cat([bias, bias[drawn].min().expand(new)])
    look_alikes = find_look_alikes(extended.characters[tokenizer.size :], tokenizer.characters)
    for known in dict.fromkeys(look_alikes.values()):
        family = [known, *(character for character, target in look_alikes.items() if target == known)]
        _share_rows(weights, [extended.characters.index(c) for c in family], [1 + counts.get(c, 0) for c in family])
    return weights


def _share_rows(weights: dict[str, Tensor], family: list[int], counts: list[int]) -> None:
    """Give all tokens of ``family`` the rows of the first, and its probability in proportion to ``counts``."""
    for name in TOKEN_ROWS:
        weights[name][family[1:]] = weights[name][family[0]].clone()
    shares = torch.tensor([math.log(count / sum(counts)) for count in counts])
    weights["projection.bias"][family] = weights["projection.bias"][family[0]] + shares
