"""Checks that training on a device does what it does on the CPU: in bfloat16, resumed, and exported."""

from __future__ import annotations

import copy
from dataclasses import replace
from itertools import islice
from typing import Any

import numpy as np
import torch
from afterglow.core.inference.model_card import Card
from afterglow.core.text.tokenizer import CharTokenizer, Ids
from afterglow.core.training.calibration import cold_loss
from afterglow.core.training.convert import to_model_file, to_torch
from afterglow.core.training.distributed import SINGLE_PROCESS, ProcessGroup
from afterglow.core.training.request import TrainRequest
from afterglow.core.training.train_config import make_config
from afterglow.core.training.trainer import Trainer

from benchmarks.gpu_speed import Shape

LIMITS = {"bf16": 0.08, "resumed": 0.08, "device": 0.002, "int8": 0.05, "cpu": 0.15}
"""Largest differences in nats per character: of bfloat16 and float32 after some steps, of a resumed and an
uninterrupted run, of the same weights on the device and on the CPU, of int8 and float weights, of training on both."""


LEAST_GAIN = 0.1
"""Nats per character by which a run has to get below the loss of an untrained model."""


def check_training(device: torch.device, text: str, shape: Shape, steps: int) -> dict[str, Any]:
    """Train a small model in several ways. Return losses and differences, and "failed", what is out of bounds or ""."""
    tokenizer = CharTokenizer.from_text(text)
    ids = tokenizer.encode(text)
    group = ProcessGroup(device=device)
    runs = {
        "float32": train_small(shape, ids, group, steps, bf16=False),
        "bf16": train_small(shape, ids, group, steps, bf16=True),
        "resumed": train_in_two_parts(shape, ids, group, steps),
        "cpu": train_small(shape, ids, SINGLE_PROCESS, steps, bf16=False),
    }
    losses = {name: loss_of(trainer) for name, trainer in runs.items()}
    differences = compare(losses) | compare_exports(runs["bf16"], tokenizer)
    too_large = [name for name, value in differences.items() if not value <= LIMITS[name]]
    if not max(losses.values()) < np.log(tokenizer.size) - LEAST_GAIN:
        too_large.append(f"the loss stays at {max(losses.values())}")
    return {"losses": losses, "differences": differences, "failed": ", ".join(too_large)}


def train_small(shape: Shape, ids: Ids, group: ProcessGroup, steps: int, bf16: bool) -> Trainer:
    """Return a trainer that has taken ``steps`` steps."""
    trainer = new_trainer(shape, ids, group, steps, bf16)
    take_steps(trainer, steps)
    return trainer


def train_in_two_parts(shape: Shape, ids: Ids, group: ProcessGroup, steps: int) -> Trainer:
    """Return a trainer that has taken ``steps`` steps, half of them from a checkpoint of another one."""
    first = new_trainer(shape, ids, group, steps, bf16=False)
    take_steps(first, steps // 2)
    checkpoint = first.make_checkpoint()
    second = new_trainer(shape, ids, group, steps, bf16=False)
    second.restore(checkpoint)
    take_steps(second, steps - steps // 2)
    return second


def new_trainer(shape: Shape, ids: Ids, group: ProcessGroup, steps: int, bf16: bool) -> Trainer:
    """Return a trainer of a run that takes ``steps`` steps and validates on the end of the text."""
    train, valid = ids[: len(ids) * 9 // 10], ids[len(ids) * 9 // 10 :]
    request = TrainRequest(layers=shape.layers, width=shape.width, epochs=1, batch_size=min(32, len(train) // 600))
    config = make_config(int(ids.max()) + 1, len(train), request)
    config = replace(config, epochs=steps * config.tokens_per_step / len(train), seq_len=min(64, config.seq_len))
    trainer = Trainer(config, train, [valid], group=group)
    trainer.schedule = replace(trainer.schedule, bf16=bf16, threads=torch.get_num_threads())
    return trainer


def take_steps(trainer: Trainer, steps: int) -> None:
    """Train for a number of steps."""
    for _ in islice(trainer.run(), steps):
        pass


def loss_of(trainer: Trainer) -> float:
    """Return the validation loss of the weights of the last step."""
    return round(cold_loss(trainer.model.eval(), trainer.valid_slices), 4)


def compare(losses: dict[str, float]) -> dict[str, float]:
    """Return differences of the losses of the runs."""
    other = {"bf16": "float32", "resumed": "float32", "cpu": "float32"}
    return {name: round(abs(losses[name] - losses[base]), 4) for name, base in other.items()}


def compare_exports(trainer: Trainer, tokenizer: CharTokenizer) -> dict[str, float]:
    """Return differences of the losses of one model on the device, on the CPU, and as an int8 model file."""
    average, best = trainer.learner.ema_model.module.eval(), trainer.result()
    models = {
        "device": (average, copy.deepcopy(average).cpu()),
        "int8": (best, to_torch(to_model_file(best, tokenizer, Card()))),
    }
    losses = {name: [cold_loss(model, trainer.valid_slices) for model in pair] for name, pair in models.items()}
    return {name: round(abs(one - other), 5) for name, (one, other) in losses.items()}
