"""Hyperparameters of a run, derived from the request and the length of the text."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Annotated, Any

from ..errors import UsageError
from ..inference.model_file import MAX_DIMENSIONS, Architecture
from ..inference.styles import MAX_STYLES
from ..setting_styles import is_style_name
from .request import MAX_LIMIT, TrainRequest
from .saved_keys import CONFIG_KEYS, from_file_keys, to_file_keys
from .sizes import (
    MODEL_SIZES,
    SHORT_RUN_EPOCHS,
    SMALL_TEXT_TOKENS,
    Dropout,
    ModelSize,
    choose_size,
    nearest_size,
)
from .style_weights import style_width
from .typed_json import Between, Count, Positive, Share

MIN_SEQ_LEN = 16
"""Minimum number of tokens through which gradients flow."""

MAX_SEQ_LEN = 64
"""Maximum number of tokens through which gradients flow."""

DEFAULT_BATCH_SIZE = 32
"""Streams in a batch if the text is long enough. Larger batches are faster and generalize worse."""

MIN_MUON_TOKENS_PER_UNIT = 16
"""Muon is used if a step has at least this many tokens per hidden unit. Its matrix products then cost a third of the
model's."""


NO_OPTIONS = TrainRequest()
"""A request without options."""

UNLIMITED_SPEEDS = dict.fromkeys(MODEL_SIZES, math.inf)
"""Speeds by size of a machine to which time is no limit."""


Limit = Annotated[float, Between(0, MAX_LIMIT, unlimited=True)]
Decay = Annotated[float, Between(0, 0.999_999)]


@dataclass(frozen=True, slots=True)
class TrainConfig:
    """Hyperparameters. Training ends after ``minutes`` or ``epochs``, whichever comes first.

    A run with neither is open-ended. Its learning rate stays at ``learning_rate`` until validation stops improving, at
    most for ``max_flat_epochs``, and then decays. In other runs it decays after ``flat_fraction`` of the steps. The
    decay ends at ``final_rate_fraction`` of the peak. ``state_reset_prob`` is the probability per step and stream that
    the hidden state is set to zero. ``evaluations`` is the number of validations in a run with an end. ``styles`` are
    the names of the model's styles. ``finetune`` is True for a run that goes on from a parent: it never ends worse than
    that, goes back to the best weights and lowers its rate if validation does not improve, and ends if no rate helps.
    """

    architecture: Architecture
    dropout: Dropout = field(default_factory=Dropout)
    minutes: Limit = math.inf
    epochs: Limit = math.inf
    max_flat_epochs: Annotated[float, Between(0, MAX_LIMIT)] = 60.0
    batch_size: Positive = DEFAULT_BATCH_SIZE
    seq_len: Annotated[int, Between(1, 4_096)] = MAX_SEQ_LEN
    learning_rate: Annotated[float, Between(0, 1_000)] = 4e-3
    betas: tuple[Decay, Decay] = (0.9, 0.99)
    momentum: Decay = 0.95
    weight_decay: Annotated[float, Between(0, 1_000)] = 0.02
    warmup_steps: Positive = 30
    flat_fraction: Share = 0.4
    final_rate_fraction: Share = 0.01
    grad_clip: Annotated[float, Between(0, 1e6)] = 0.5
    ema_decay: Share = 0.998
    state_reset_prob: Share = 0.03
    evaluations: Positive = 20
    seed: Count = 1
    styles: tuple[str, ...] = ()
    finetune: bool = False

    @property
    def tokens_per_step(self) -> int:
        """Tokens in a batch, ``batch_size`` x ``seq_len``."""
        return self.batch_size * self.seq_len

    @property
    def use_muon(self) -> bool:
        """True if Muon's matrix products, which grow with the width, are a small part of a step."""
        return self.tokens_per_step >= MIN_MUON_TOKENS_PER_UNIT * self.architecture.width

    @property
    def is_open_ended(self) -> bool:
        """True if neither ``minutes`` nor ``epochs`` is given."""
        return self.minutes == math.inf and self.epochs == math.inf


def make_config(
    vocabulary: int,
    tokens: int,
    request: TrainRequest = NO_OPTIONS,
    processes: int = 1,
    speeds: Mapping[str, float] = UNLIMITED_SPEEDS,
) -> TrainConfig:
    """Return the configuration for a text of ``tokens``. A short text gets fewer streams and shorter sequences.

    Each of several processes gets as many streams as a single one would. ``speeds`` are the tokens a second that all of
    them read with a model of each size. Without them, the time is not taken to limit the size.
    """
    readable = {name: 60 * request.minutes * speed for name, speed in speeds.items()}
    size_by_width = nearest_size(request.width) if request.width else None
    name = request.size or size_by_width or choose_size(tokens, readable)
    epochs = min(request.epochs, readable[name] / tokens)
    size = MODEL_SIZES[name]
    layers, width = request.layers or size.layers, request.width or size.width
    architecture = Architecture(vocabulary, size.embedding, layers, width)
    return _build_config(architecture, _choose_regularization(size, epochs), tokens, request, processes)


def make_finetune_config(
    architecture: Architecture, tokens: int, request: TrainRequest, processes: int = 1
) -> TrainConfig:
    """Return the configuration for fine-tuning a model: a lower learning rate, so that it forgets less.

    If the last weights are to be kept, nothing leads back to the parent.
    """
    size = _choose_regularization(MODEL_SIZES[nearest_size(architecture.width)], request.epochs)
    rate = size.learning_rate / (4 if tokens < SMALL_TEXT_TOKENS else 2)
    config = _build_config(architecture, replace(size, learning_rate=rate), tokens, request, processes)
    return replace(config, finetune=request.keep == "best")


def require_batch_fits(config: TrainConfig, tokens: int) -> None:
    """Raise UsageError if the streams of a batch would be too short to train on."""
    limit = max(1, tokens // (2 * MIN_SEQ_LEN))
    if config.batch_size > limit:
        raise UsageError(
            f"the text is too small for a batch of {config.batch_size:,} streams: --batch {limit:,} at most"
        )


def checkpoint_bytes(config: TrainConfig) -> int:
    """Return the size of a checkpoint's tensors: weights, average, best, parent, two moments of each; the states."""
    architecture = config.architecture
    biases = 4 * architecture.width * architecture.layers  # torch has two for each gate
    count = len(config.styles)
    styles = style_width(count, architecture.width) * (count + 4 * architecture.width)
    states = 2 * architecture.layers * config.batch_size * architecture.width
    return 4 * ((5 + config.finetune) * (architecture.parameters + biases + styles) + states)


def config_to_json(config: TrainConfig) -> dict[str, Any]:
    """Return the JSON values that run.json stores."""
    return to_file_keys(asdict(config), CONFIG_KEYS)


def config_from_json(values: object) -> TrainConfig:
    """Return the configuration stored in run.json.

    Raises ValueError if it is damaged, TrainingError if another release wrote it.
    """
    config = from_file_keys(TrainConfig, values, CONFIG_KEYS)
    for name, largest in MAX_DIMENSIONS.items():
        if not 1 <= getattr(config.architecture, name) <= largest:
            raise ValueError(f"{name} is out of range")
    if not all(map(is_style_name, config.styles)) or not len(set(config.styles)) == len(config.styles) <= MAX_STYLES:
        raise ValueError("its styles do not have distinct names of one word each")
    return config


def _build_config(
    architecture: Architecture, size: ModelSize, tokens: int, request: TrainRequest, processes: int
) -> TrainConfig:
    dropout = size.dropout
    batch_size = request.batch_size or processes * max(1, min(DEFAULT_BATCH_SIZE, tokens // 2_000 // processes))
    return TrainConfig(
        architecture,
        dropout if request.dropout is None else dropout.scaled(request.dropout),
        minutes=request.minutes,
        epochs=request.epochs,
        batch_size=batch_size,
        seq_len=min(MAX_SEQ_LEN, max(MIN_SEQ_LEN, tokens // batch_size // 4)),
        learning_rate=request.learning_rate or size.learning_rate,
        weight_decay=size.weight_decay,
        ema_decay=size.ema_decay ** (batch_size / DEFAULT_BATCH_SIZE),
    )


def _choose_regularization(size: ModelSize, epochs: float) -> ModelSize:
    """Return ``size``, with dropout and weight decay of "medium" if it is "small" and reads its text often."""
    medium = MODEL_SIZES["medium"]
    if size.width == MODEL_SIZES["small"].width and epochs > SHORT_RUN_EPOCHS:
        return replace(size, dropout=medium.dropout, weight_decay=medium.weight_decay)
    return size
