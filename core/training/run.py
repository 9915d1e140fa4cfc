"""A training run from texts to a model in the library: started, stopped, resumed and finished."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import cached_property
from math import inf, log
from pathlib import Path

from ..cells.ranking import describe_best_cells
from ..errors import StorageError, TrainingError
from ..file_io import write_atomically
from ..inference.library import LOSSES_SUFFIX, PLOT_SUFFIX, SAMPLES_SUFFIX, path_for_new_model
from ..inference.model_card import Card
from ..model import Model
from ..score import Score
from ..text.corpus import MAX_EVAL_CHARS, Corpus
from ..text.tokenizer import STAND_IN, Tokenizer
from .convert import to_model_file
from .copy_measurement import CopyMeasurement
from .corpus_cache import load_tokens
from .distributed import SINGLE_PROCESS, ProcessGroup
from .history_files import LossRow, SampleRow, to_lines
from .kept_weights import describe_choice, keeps_last
from .loss_plot import render_loss_svg
from .model import LSTMLanguageModel
from .new_card import make_card
from .new_characters import take_over_weights
from .ngram_baseline import MAX_COUNTED_CHARS, ngram_bits_per_char
from .request import TrainRequest
from .run_dir import RunDir
from .run_inputs import RunInputs, load_inputs, open_parent, prepare_inputs
from .samples import is_sample_due, write_samples
from .style_labels import encode_slices, rename_labels
from .style_weights import add_styles
from .tokenizer_training import MAX_TRAIN_CHARS, VOCABULARY_BOUNDS
from .train_config import checkpoint_bytes, require_batch_fits
from .trainer import Trainer, TrainProgress

NGRAM_ORDERS = {"letter counts": 1, "5-gram": 5}
"""Baselines by name: the order of an n-gram model."""


class TrainingRun:
    """A run from ``start_run`` or ``resume_run``. Iterate over ``train``, then save what ``measure`` returns.

    ``notes`` are messages to show before training. ``saved_step`` is the step of the newest checkpoint, None without
    one. Each process of a group has a run, and all call the same methods. Only rank 0 writes files and measures.
    """

    def __init__(
        self, request: TrainRequest, corpus: Corpus, tokenizer: Tokenizer, trainer: Trainer, run_dir: RunDir
    ) -> None:
        self.request = request
        self.corpus = corpus
        self.tokenizer = tokenizer
        self.trainer = trainer
        self.run_dir = run_dir
        self.saved_step: int | None = None
        self._sampled_step = 0
        self.notes = [*corpus.notes, *self._truncation_notes()]
        self._valid_texts = [part.text for part in corpus.valid]
        self.tokens_per_char = trainer.valid_token_count / max(1, sum(map(len, self._valid_texts)))

    def train(self) -> Iterator[TrainProgress]:
        """Train, save checkpoints and history, and yield after each step. A full disk stops saving, not training."""
        step = self.trainer.step
        for progress in self.trainer.run():
            note = self._save_due(progress, rolled_back=progress.step < step)
            step = progress.step
            yield replace(progress, note=note) if note else progress

    def save_checkpoint(self) -> None:
        """Save a checkpoint now. Raises StorageError."""
        state = self.trainer.make_checkpoint()
        if self.is_main:
            self.run_dir.save(state)
            self.saved_step = self.trainer.step

    @property
    def is_main(self) -> bool:
        """True for the process that writes files and prints."""
        return self.trainer.group.is_main

    def to_bits_per_char(self, nats_per_token: float) -> float:
        """Convert a loss from nats per token to bits per character."""
        return nats_per_token / log(2) * self.tokens_per_char

    @property
    def best_bits(self) -> float | None:
        """Best validation loss so far in bits per character; None before the first validation."""
        best = self.trainer.best_loss
        return self.to_bits_per_char(best) if best < inf else None

    def ngram_bits(self, texts: Sequence[str], order: int = 5) -> float:
        """Return the loss of an n-gram model of the training text on ``texts``, in bits per character."""
        if self.tokenizer.stand_in is None:
            return ngram_bits_per_char(self.corpus.train_text, texts, order)
        known = [self._replace_unknown(text) for text in (self.corpus.train_text[-MAX_COUNTED_CHARS:], *texts)]
        return ngram_bits_per_char(known[0], known[1:], order, uncounted=STAND_IN)

    def _replace_unknown(self, text: str) -> str:
        """Return the text as the model reads it, with the stand-in for unknown characters."""
        return self.tokenizer.decode(self.tokenizer.encode(text))

    @cached_property
    def baselines(self) -> dict[str, float]:
        """Losses of the n-gram models on the validation text, in bits per character, by name."""
        return {name: self.ngram_bits(self._valid_texts, order) for name, order in NGRAM_ORDERS.items()}

    def build_model(self) -> Model:
        """Return the best model so far, ready to generate."""
        return self._to_model(self.request.name, self.trainer.result(), Card())

    def _to_model(self, name: str, module: LSTMLanguageModel, card: Card) -> Model:
        return Model(name, to_model_file(module, self.tokenizer, card, self.trainer.config.styles))

    def measure_models(self) -> Iterator[tuple[Model, Score]]:
        """Yield the model that ``--keep`` asks for, complete as ``measure`` returns it, and the best one beside it."""
        if keeps_last(self.trainer, self.request.keep):
            yield self._measure(self._to_model(self.request.name, self.trainer.last(), self.build_card("last")))
            yield self._measure(self._to_model(self.request.beside_name, self.trainer.result(), self.build_card()))
        else:
            yield self.measure()

    def measure(self) -> tuple[Model, Score]:
        """Return the best model, with its card and index complete, and its score on the held-out text."""
        return self._measure(self._to_model(self.request.name, self.trainer.result(), self.build_card()))

    def _measure(self, model: Model) -> tuple[Model, Score]:
        score = model.score([part.text for part in self.corpus.test])
        copies = CopyMeasurement(self.corpus, self.request.read_options.item_end)
        cells = describe_best_cells(model, "".join(part.text for part in self.corpus.test))
        file = copies.complete(model, with_index=self.request.index)
        card = replace(self._add_losses(file.card, score), cells=cells)
        return Model(model.name, replace(file, card=card), model.runtime), score

    def save_model(self, model: Model, folder: Path | None = None) -> Path:
        """Save a model in the library, with the loss history and its plot, or alone in ``folder``. Return its path.

        Raises StorageError if the model cannot be saved. History and plot are left out if they cannot.
        """
        path = path_for_new_model(model.name, replace=True)
        if folder:
            path = folder / path.name
        model.file.save(path)
        if not folder:
            with contextlib.suppress(StorageError):
                self._write_sidecars(path)
        return path

    def build_card(self, keep: str = "best") -> Card:
        """Return the card of the model that is kept, without losses and copies."""
        kept = describe_choice(self.trainer, keep, self.best_bits)
        return make_card(self.request, self.corpus, self.trainer.epochs, self.trainer.seconds, kept)

    def _add_losses(self, card: Card, score: Score) -> Card:
        """Return the card with the losses of the held-out text."""
        return replace(
            card,
            nats_per_char_cold=round(score.nats_per_char_cold, 4),
            nats_per_char_stateful=round(score.nats_per_char_stateful, 4),
        )

    def _write_sidecars(self, path: Path) -> None:
        """Write losses, samples and the plot of the losses beside the model."""
        losses, samples = self.run_dir.losses.rows(), self.run_dir.samples.rows()
        plot = render_loss_svg(f"{self.request.name}: {self.corpus.name}", losses, self.baselines)
        files = {LOSSES_SUFFIX: to_lines(losses), SAMPLES_SUFFIX: to_lines(samples), PLOT_SUFFIX: plot.encode()}
        for suffix, data in files.items():
            write_atomically(path.with_name(path.stem + suffix), data)

    def _truncation_notes(self) -> list[str]:
        """Return messages about the parts of a huge text that are not used in full."""
        corpus, notes = self.corpus, []
        if len(corpus.text) > MAX_TRAIN_CHARS and self.tokenizer.kind in VOCABULARY_BOUNDS and not self.request.parent:
            notes.append(f"the vocabulary is built from {MAX_TRAIN_CHARS:,} characters, spread over the text")
        if len(corpus.train_text) > MAX_COUNTED_CHARS:
            notes.append(f"n-gram baselines count the last {MAX_COUNTED_CHARS:,} characters of the training text")
        if sum(end - start for start, end in corpus.parts.test) > MAX_EVAL_CHARS:
            notes.append(f"validation and held-out text are limited to {MAX_EVAL_CHARS:,} characters of each")
        return notes

    def go_back_to(self, step: int) -> None:
        """Delete the history after ``step``, which will be trained again. Raises StorageError."""
        self.run_dir.truncate_history(step)
        self._sampled_step = max((row.step for row in self.run_dir.samples.rows()), default=0)

    def _save_due(self, progress: TrainProgress, rolled_back: bool) -> str:
        """Save checkpoint and history if due. Return an error message, or ""."""
        try:
            if rolled_back and self.is_main:
                self.go_back_to(progress.step)
            if progress.save:
                self.save_checkpoint()  # first, since all processes of a group take part
            if progress.valid_loss is not None and self.is_main:
                self.run_dir.add_history(self._loss_row(progress, progress.valid_loss), self._sample_if_due(progress))
        except StorageError as error:
            return f"{error}; training continues, but cannot be resumed from here"
        return ""

    def _loss_row(self, progress: TrainProgress, valid_loss: float) -> LossRow:
        return LossRow(
            progress.step,
            round(progress.epoch, 4),
            round(progress.seconds, 1),
            round(self.to_bits_per_char(progress.train_loss), 5),
            round(self.to_bits_per_char(valid_loss), 5),
        )

    def _sample_if_due(self, progress: TrainProgress) -> list[SampleRow]:
        """Return what the weights of this step write at each temperature; nothing if the last samples are near."""
        if not is_sample_due(progress.step, self._sampled_step, progress.fraction == 1):
            return []
        self._sampled_step = progress.step
        model = self._to_model(self.request.name, self.trainer.last(), Card())
        epoch = round(progress.epoch, 4)
        return [SampleRow(progress.step, epoch, temperature, text) for temperature, text in write_samples(model)]


def start_run(
    request: TrainRequest, group: ProcessGroup = SINGLE_PROCESS, on_progress: Callable[[float], object] = lambda _: None
) -> TrainingRun:
    """Create a run. Raises TextError, ModelError, UsageError or StorageError before any training.

    In a group, other ranks than 0 wait for rank 0, and raise TrainingError if it cannot start.

    ``on_progress`` is called with the share of the text tokenized, 0 to 1. A large text takes minutes, once.
    """
    if not group.is_main:
        if not group.broadcast(False):
            raise TrainingError("the first process could not start")
        return resume_run(request.name, group)
    run_dir = RunDir(request.name)
    try:
        inputs = prepare_inputs(request, run_dir, group, on_progress)
        run_dir.require_space(checkpoint_bytes(inputs.config), 1 + (request.keep == "last"))
        run_dir.create(inputs.to_json())
    except BaseException:
        run_dir.discard_stdin()
        group.broadcast(False)
        raise
    group.broadcast(True)
    with run_dir.delete_on_error():
        return _build_run(inputs, run_dir, group)


def resume_run(name: str, group: ProcessGroup = SINGLE_PROCESS) -> TrainingRun:
    """Return the unfinished run of that name, at its last intact checkpoint.

    Raises TrainingError if there is none, if another release began it, or if its text has changed. Raises UsageError
    if ``name`` cannot be a model's name.
    """
    path_for_new_model(name, replace=True)
    run_dir = RunDir(name)
    inputs = load_inputs(run_dir)
    if group.is_main:
        run_dir.require_space(checkpoint_bytes(inputs.config), 1 + (inputs.request.keep == "last"))
    is_new = not run_dir.has_checkpoints
    run = _build_run(inputs, run_dir, group, is_new)
    state, notes = run_dir.load_last_good(run.trainer.restore)
    if state is None:
        run = run if is_new else _build_run(inputs, run_dir, group)
        notes.append("there is no usable checkpoint: training starts from the beginning")
    else:
        run.saved_step = run.trainer.step
        notes.append(f"resumed at step {run.trainer.step:,}, epoch {run.trainer.epochs:.1f}")
    run.notes += notes
    if group.is_main:
        run.go_back_to(run.trainer.step)
    return run


def _build_run(inputs: RunInputs, run_dir: RunDir, group: ProcessGroup, fresh: bool = True) -> TrainingRun:
    """Return the run at step 0, with the parent's weights if it is ``fresh`` and fine-tunes, else with random ones."""
    corpus, tokenizer = inputs.corpus, inputs.tokenizer
    parent = open_parent(inputs.request) if fresh else None
    styles = inputs.config.styles
    weights = take_over_weights(add_styles(parent, styles), tokenizer, corpus.counts) if parent else None
    train_ids = load_tokens(corpus, tokenizer)
    require_batch_fits(inputs.config, len(train_ids))  # run.json can ask for any batch, and so for any memory
    labels = rename_labels(train_ids.labels, corpus.label_names, styles)
    valid = encode_slices(corpus.valid, tokenizer, corpus.label_names, styles)
    trainer = Trainer(inputs.config, train_ids, valid[0], weights, group, labels, valid[1], tokenizer.stand_in)
    run = TrainingRun(inputs.request, corpus, tokenizer, trainer, run_dir)
    run.notes += inputs.notes
    return run
