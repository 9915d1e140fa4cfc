"""Train a model of English on a GPU for the time that is left, and write what another run can go on from."""

from __future__ import annotations

import json
import math
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from afterglow.core.training.calibration import cold_loss
from afterglow.core.training.convert import to_model_file
from afterglow.core.training.distributed import ProcessGroup
from afterglow.core.training.model import LSTMLanguageModel
from afterglow.core.training.request import TrainRequest
from afterglow.core.training.run import TrainingRun, start_run
from afterglow.core.training.trainer import TrainProgress
from safetensors.torch import load_file, save_file
from torch import Tensor
from torch.nn import functional

from benchmarks.gpu_speed import Shape

PRINT_SECONDS, SAVE_SECONDS = 10.0, 60.0
"""Seconds of training between lines, and between saves of the weights."""

PIECE = 4096
"""Tokens that are read at a time for the stateful loss."""


@dataclass(frozen=True, slots=True)
class EnglishPlan:
    """A folder of texts or a text, the shape of the model, the minutes of training, and the streams in a batch.

    ``rate`` is the peak learning rate, None for that of the size. ``weights`` are those of a run to go on from.
    """

    texts: Path
    shape: Shape
    minutes: float
    batch: int
    rate: float | None = None
    weights: Path | None = None

    def request(self) -> TrainRequest:
        """Return the request of the run. Texts in a folder are labelled by author."""
        layers, width = self.shape
        label = "file" if self.texts.is_dir() else ""
        plan = {"minutes": self.minutes, "batch_size": self.batch, "learning_rate": self.rate, "label": label}
        return TrainRequest("english", (str(self.texts),), layers=layers, width=width, replace=True, **plan)


def train_english(plan: EnglishPlan, out: Path, device: torch.device) -> dict[str, Any]:
    """Train, and return the losses of the held-out text in nats per character.

    ``out`` gets english.safetensors, the int8 model, weights.safetensors, the averaged weights in float16, and
    history.jsonl, the losses on the way.
    """
    run = start_run(plan.request(), ProcessGroup(device=device))
    if plan.weights:
        load_weights(run, plan.weights)
    speed = train(run, out)
    losses = evaluate(run, device)
    card = replace(run.build_card(), **losses)
    to_model_file(run.trainer.result(), run.tokenizer, card, run.trainer.config.styles).save(
        out / "english.safetensors"
    )
    save_weights(run, out)
    bits = round(losses["nats_per_char_stateful"] / math.log(2), 4)
    size = {"parameters": run.trainer.config.architecture.parameters, "steps": run.trainer.step}
    return {"bits_per_char": bits, **losses, **size, "epochs": card.epochs, "characters_per_second": round(speed)}


def train(run: TrainingRun, out: Path) -> float:
    """Train to the end of the time. Print and save on the way. Return the characters per second."""
    out.mkdir(parents=True, exist_ok=True)
    printed = saved = time.monotonic()
    progress: TrainProgress | None = None
    with (out / "history.jsonl").open("a", encoding="utf-8") as history:
        for progress in run.trainer.run():
            now = time.monotonic()
            if progress.valid_loss is not None:
                bits = run.to_bits_per_char(progress.valid_loss)
                row = {"step": progress.step, "epoch": round(progress.epoch, 3), "valid_bits": round(bits, 4)}
                history.write(f"{json.dumps({**row, 'seconds': round(progress.seconds, 1)})}\n")
                history.flush()
            if now - printed > PRINT_SECONDS or progress.valid_loss is not None:
                printed = now
                print(describe(run, progress))
            if now - saved > SAVE_SECONDS:
                saved = now
                save_weights(run, out)
    return progress.tokens_per_second if progress else 0.0


def describe(run: TrainingRun, progress: TrainProgress) -> str:
    """Return a line about a step."""
    losses = f"training {run.to_bits_per_char(progress.train_loss):.3f} bits/char"
    if progress.valid_loss is not None:
        losses += f", validation {run.to_bits_per_char(progress.valid_loss):.4f}"
    speed = f"{progress.tokens_per_second:,.0f} characters/s"
    return f"step {progress.step:,}, epoch {progress.epoch:.2f}, {progress.seconds:.0f} s, {speed}, {losses}"


def evaluate(run: TrainingRun, device: torch.device) -> dict[str, float]:
    """Return the cold and the stateful loss of the held-out text in nats per character."""
    model = run.trainer.result().to(device)
    slices = [run.tokenizer.encode(part.text) for part in run.corpus.test]
    slices = [ids for ids in slices if len(ids) > 1]
    total = sum(stateful_nats(model, torch.from_numpy(ids).to(device)) for ids in slices)
    stateful = total / sum(len(ids) - 1 for ids in slices)
    return {"nats_per_char_cold": round(cold_loss(model, slices), 4), "nats_per_char_stateful": round(stateful, 4)}


@torch.no_grad()
def stateful_nats(model: LSTMLanguageModel, ids: Tensor) -> float:
    """Return the sum of the surprisal of ids (n,) but the first, in one pass with the state carried."""
    total, states = 0.0, None
    for start in range(0, len(ids) - 1, PIECE):
        piece = ids[start : start + PIECE + 1]
        logits, states = model(piece[None, :-1], states)
        total += functional.cross_entropy(logits[0].float(), piece[1:], reduction="sum").item()
    return total


def save_weights(run: TrainingRun, out: Path) -> None:
    """Write the averaged weights in float16: half as large as float32, and ten times as fine as the int8 model."""
    state = run.trainer.learner.ema_model.module.state_dict()
    save_file({name: tensor.half().cpu().contiguous() for name, tensor in state.items()}, out / "weights.safetensors")


def load_weights(run: TrainingRun, path: Path) -> None:
    """Put saved weights into a new run, in place of the random ones. The optimizer begins without momentum."""
    state = {name: tensor.float() for name, tensor in load_file(path).items()}
    for module in (run.trainer.model, run.trainer.learner.ema_model.module):
        module.load_state_dict(state)
