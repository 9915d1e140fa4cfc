"""One training run as a whole: from texts to a model in the library, begun, stopped, resumed and finished."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from datetime import UTC, datetime
from functools import cached_property
from math import inf, log
from pathlib import Path
from typing import Any

from ..errors import StorageError, TrainingError, UsageError
from ..file_io import require_writable, write_atomically
from ..inference.library import SIDECAR_SUFFIXES, find_model, path_for_new_model
from ..inference.model_file import Card, ModelFile, open_model_file
from ..model import Model
from ..score import Score
from ..text.copy_detection import MAX_INDEX_SHARE, MIN_RUN, CopyIndex, CopyReport, copied_run_lengths
from ..text.corpus import MAX_EVAL_CHARS, Corpus, require_enough
from ..text.tokenizer import CharTokenizer, Tokenizer, from_header
from .convert import extend_vocabulary, to_model_file, to_torch
from .corpus_cache import load_corpus, load_tokens, prune_cache
from .distributed import SINGLE_PROCESS, ProcessGroup
from .loss_plot import render_loss_svg
from .ngram_baseline import MAX_COUNTED_CHARS, ngram_bits_per_char
from .request import TrainRequest, as_command_line, request_from_json, resolve_paths
from .run_dir import RunDir, config_from_json, config_to_json, require_no_unfinished_run
from .schedule import TrainConfig
from .sizes import make_config, make_finetune_config, require_batch_fits
from .tokenizer_training import MAX_TRAIN_CHARS, VOCABULARY_BOUNDS, build_tokenizer
from .trainer import Trainer, TrainProgress

NGRAM_ORDERS = {"letter counts": 1, "5-gram": 5}
"""The n-gram models that a loss is shown beside."""

COPY_SAMPLE_SETTINGS: dict[str, Any] = {"length": 4000, "temperature": 0.8, "rng": 1, "stop": ()}
"""What the copy meter's figure in a card is measured on: what a card proposes, of lines one after the other."""


class TrainingRun:
    """A run: make one with ``begin`` or ``resume``, iterate over ``steps``, and ``finish``.

    ``notes`` are lines that a person should see before it starts. Of a group of processes each has one, and all do the
    same; only the first writes to the disk, and it alone finishes.
    """

    def __init__(
        self, request: TrainRequest, corpus: Corpus, tokenizer: Tokenizer, trainer: Trainer, run_dir: RunDir
    ) -> None:
        self.request, self.corpus, self.tokenizer = request, corpus, tokenizer
        self.trainer, self.run_dir = trainer, run_dir
        self.notes = [*corpus.notes, *self._truncation_notes()]
        self.tokens_per_char = len(trainer.valid_ids) / max(1, len(corpus.valid_text))

    def train(self) -> Iterator[TrainProgress]:
        """Train; checkpoints and history are kept on the way. A full disk stops the saving, not the training."""
        step = self.trainer.step
        for progress in self.trainer.run():
            note, step = self._save_due(progress, went_back=progress.step < step), progress.step
            yield replace(progress, note=note) if note else progress

    def save_checkpoint(self) -> None:
        """Save a checkpoint now; raises StorageError."""
        state = self.trainer.make_checkpoint()
        if self.is_main:
            self.run_dir.save(state)

    @property
    def is_main(self) -> bool:
        """Whether this process is the one that writes and speaks."""
        return self.trainer.group.is_main

    def to_bits_per_char(self, nats_per_token: float) -> float:
        """A loss in bits per character."""
        return nats_per_token / log(2) * self.tokens_per_char

    @property
    def best_bits(self) -> float | None:
        """The best validation loss so far, in bits per character; None before the first."""
        best = self.trainer.best_loss
        return self.to_bits_per_char(best) if best < inf else None

    def ngram_bits(self, text: str, order: int = 5) -> float:
        """What counting runs of ``order`` characters reaches on ``text``, in bits per character."""
        return ngram_bits_per_char(self.corpus.train_text, text, order)

    @cached_property
    def baselines(self) -> dict[str, float]:
        """What counting reaches on the validation part, in bits per character, by name."""
        return {name: self.ngram_bits(self.corpus.valid_text, order) for name, order in NGRAM_ORDERS.items()}

    def build_model(self, card: Card | None = None) -> Model:
        """The best so far, playable."""
        return Model(self.request.name, to_model_file(self.trainer.result(), self.tokenizer, card or Card()))

    def finish(self) -> tuple[Model, Score]:
        """Score the best model on the held-out part and put it into the library; raises StorageError."""
        model = self.build_model(self._build_card())
        score = model.score(self.corpus.test_text)
        copied = CopyReport.from_runs(
            copied_run_lengths(model.generate("\n", **COPY_SAMPLE_SETTINGS), self.corpus.train_text)
        )
        card = replace(
            model.file.card,
            longest_copied_run=copied.longest,
            copied_in_runs_of_16=round(copied.shares[MIN_RUN], 4),
            nats_per_char_cold=round(score.nats_per_char_cold, 4),
            nats_per_char_stateful=round(score.nats_per_char_stateful, 4),
        )
        place = self.output_path
        replace(model.file, card=card, index=self._build_index(model)).save(place)
        rows = "".join(f"{json.dumps(row)}\n" for row in self.run_dir.history())
        plot = render_loss_svg(f"{self.request.name}: {self.corpus.name}", self.run_dir.history(), self.baselines)
        for suffix, text in zip(SIDECAR_SUFFIXES, (rows, plot), strict=True):
            write_atomically(place.with_suffix(suffix), text.encode())
        return Model(model.name, replace(model.file, card=card), model.runtime), score

    @property
    def output_path(self) -> Path:
        """Where the model goes."""
        return path_for_new_model(self.request.name, replace=True)

    def _truncation_notes(self) -> list[str]:
        """What a huge text is only looked at in part for."""
        corpus, notes = self.corpus, []
        if len(corpus.text) > MAX_TRAIN_CHARS and self.tokenizer.kind in VOCABULARY_BOUNDS and not self.request.start:
            notes.append(f"the vocabulary is learned from {MAX_TRAIN_CHARS:,} characters, spread over all of it")
        if len(corpus.train_text) > MAX_COUNTED_CHARS:
            notes.append(f"counting alone counts the last {MAX_COUNTED_CHARS:,} characters of those to learn from")
        if len(corpus.test_text) == MAX_EVAL_CHARS:
            notes.append(f"validation and held-out part are judged by their first {MAX_EVAL_CHARS:,} characters")
        return notes

    def _build_index(self, model: Model) -> CopyIndex | None:
        size = sum(tensor.nbytes for tensor in model.file.tensors.values())
        return CopyIndex.build(self.corpus.train_text, int(MAX_INDEX_SHARE * size)) if self.request.index else None

    def _save_due(self, progress: TrainProgress, went_back: bool) -> str:
        """Put down what is due; why that was not possible, "" where it was."""
        try:
            if went_back and self.is_main:
                self.run_dir.truncate_history(progress.step)
            if progress.save:
                self.save_checkpoint()  # first: in a group all have a part in it
            if progress.valid_loss is not None and self.is_main:
                self.run_dir.add_history(self._history_row(progress))
        except StorageError as error:
            return f"{error}; training goes on, but could not be resumed"
        return ""

    def _history_row(self, p: TrainProgress) -> dict[str, Any]:
        assert p.valid_loss is not None
        figures = {"step": p.step, "epoch": round(p.epoch, 4), "seconds": round(p.seconds, 1)}
        losses = {"train_bits": self.to_bits_per_char(p.train_loss), "valid_bits": self.to_bits_per_char(p.valid_loss)}
        return {**figures, **{name: round(value, 5) for name, value in losses.items()}}

    def _build_card(self) -> Card:
        request, reading = self.request, self.request.reading
        settings: dict[str, Any] = {"temperature": 0.8}
        if reading.lines:
            settings["stop"] = ["\n"]
        return Card(
            corpus=self.corpus.name,
            corpus_sha256=self.corpus.sha256,
            characters=len(self.corpus.text),
            boilerplate_kept=self.corpus.boilerplate_kept,
            encoding=reading.encoding,
            field=reading.field,
            column=reading.column,
            lines=reading.lines,
            split=reading.split,
            epochs=round(self.trainer.epochs, 2),
            seconds=round(self.trainer.seconds, 1),
            command=as_command_line(request),
            licence=request.licence,
            made=datetime.now(UTC).date().isoformat(),
            settings=settings,
            parent=request.start_name,
        )


def start_run(
    request: TrainRequest, group: ProcessGroup = SINGLE_PROCESS, on_progress: Callable[[float], object] = lambda _: None
) -> TrainingRun:
    """A new run; raises TextError, UsageError or StorageError before anything is trained.

    ``told`` hears how much of the text has been cut into tokens, which takes a large one minutes, once.
    """
    if not group.is_main:
        if not group.broadcast(False):
            raise TrainingError("the first process could not begin")
        return resume_run(request.name, group)
    folder = RunDir(request.name)
    try:
        begun = _prepare_run(request, folder, group, on_progress)
    except BaseException:
        folder.discard_stdin()
        group.broadcast(False)
        raise
    group.broadcast(True)
    return _build_run(*begun, folder, group)


def _prepare_run(
    request: TrainRequest, run_dir: RunDir, group: ProcessGroup, on_progress: Callable[[float], object]
) -> tuple[TrainRequest, Corpus, Tokenizer, TrainConfig]:
    """What a run is to be, put down in its folder."""
    place = path_for_new_model(request.name, request.replace)
    require_no_unfinished_run(request.name, request.replace)
    require_writable(place.parent)
    require_writable(run_dir.path.parent)
    request = resolve_paths(request, run_dir.save_stdin)
    prune_cache()
    corpus = load_corpus(request.files, request.reading)
    require_enough(corpus)
    parent = _open_parent(request)
    tokenizer = _choose_tokenizer(request, corpus, parent)
    if tokenizer.size < 2:
        raise UsageError(f"no character but the space comes {request.min_count:,} times: a smaller --min-count")
    count = len(load_tokens(corpus, tokenizer, on_progress))
    if parent:
        shape = replace(parent.architecture, vocabulary=tokenizer.size)
        config = make_finetune_config(shape, count, request.wanted, group.world_size)
    else:
        config = make_config(tokenizer.size, count, request.wanted, group.world_size)
    group.rows(config.batch)
    require_batch_fits(config, count)
    about = {"wish": asdict(request), "sha256": corpus.sha256, "tokenizer": tokenizer.header()}
    run_dir.create({**about, "recipe": config_to_json(config)})
    return request, corpus, tokenizer, config


def resume_run(name: str, group: ProcessGroup = SINGLE_PROCESS) -> TrainingRun:
    """The unfinished run of that name, where its last good checkpoint left it.

    Raises TrainingError where there is none, or it is of another version or another text.
    """
    path_for_new_model(name, replace=True)
    folder = RunDir(name)
    about = folder.read_metadata()
    request = request_from_json(about["wish"])
    corpus = load_corpus(request.files, request.reading)
    if corpus.sha256 != about["sha256"]:
        raise TrainingError(
            f"{corpus.name} is not the text that the run {name!r} began with: it has changed since;"
            " put it back, or begin anew with --replace"
        )
    state, notes = folder.load_last_good()
    tokenizer, config = from_header(about["tokenizer"]), config_from_json(about["recipe"])
    learning = _build_run(request, corpus, tokenizer, config, folder, group, fresh=state is None)
    learning.notes += notes
    if state is None:
        learning.notes.append("nothing had been saved yet: it begins at the beginning")
    else:
        learning.trainer.restore(state)
        learning.notes.append(f"resumed at step {learning.trainer.step:,}, epoch {learning.trainer.epochs:.1f}")
    if group.is_main:
        folder.truncate_history(learning.trainer.step)
    return learning


def _build_run(
    request: TrainRequest,
    corpus: Corpus,
    tokenizer: Tokenizer,
    config: TrainConfig,
    run_dir: RunDir,
    group: ProcessGroup,
    fresh: bool = True,
) -> TrainingRun:
    parent = _open_parent(request) if fresh else None
    start = extend_vocabulary(to_torch(parent), tokenizer.size) if parent else None
    trained, validated = load_tokens(corpus, tokenizer), tokenizer.encode(corpus.valid_text)
    return TrainingRun(request, corpus, tokenizer, Trainer(config, trained, validated, start, group), run_dir)


def _open_parent(request: TrainRequest) -> ModelFile | None:
    """The model to go on from; raises ModelError or UsageError where it cannot be gone on from like this."""
    if request.start is None:
        return None
    file = open_model_file(find_model(request.start).path)
    kind = file.tokenizer.kind
    if request.tokens not in (None, kind):
        raise UsageError(
            f"{request.start} was trained on {kind} tokens and cannot go on with {request.tokens} tokens:"
            " leave --tokens out, or --from"
        )
    if request.wanted.size or request.wanted.layers or request.wanted.width:
        raise UsageError(f"{request.start} keeps its size: leave --size, --layers and --width out, or --from")
    return file


def _choose_tokenizer(request: TrainRequest, corpus: Corpus, parent: ModelFile | None) -> Tokenizer:
    if parent and not isinstance(parent.tokenizer, CharTokenizer):
        return parent.tokenizer
    if parent and isinstance(parent.tokenizer, CharTokenizer):
        return parent.tokenizer.extended(corpus.text, request.min_count)
    return build_tokenizer(corpus.text, request.tokens or "char", request.vocabulary, request.min_count)
