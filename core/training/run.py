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
from ..inference.library import BESIDE, find, place_for
from ..inference.model_file import Card, ModelFile, open_model_file
from ..model import Model
from ..paths import require_writable, write_atomically
from ..score import Score
from ..text.copy_detection import LARGEST_SHARE, RUN, CopyIndex, Novelty, exact_runs
from ..text.corpus import MOST_JUDGED, Corpus, require_enough
from ..text.tokenizer import CharTokenizer, Tokenizer, from_header
from .convert import extended, to_model_file, to_torch
from .corpus_cache import corpus_on_disk, tidy, tokens_on_disk
from .distributed import ALONE, Group
from .loss_plot import svg
from .ngram_baseline import LONGEST_TEXT, bits_per_character
from .request import Wish, command, placed, wish_of
from .run_dir import RunFolder, recipe_of, recipe_values, require_free
from .schedule import Recipe
from .sizes import recipe_for, recipe_from, require_streams
from .tokenizer_training import MOST_LEARNED, SIZES, tokenizer_for
from .trainer import Progress, Trainer

ORDERS = {"letter counts": 1, "5-gram": 5}
"""The n-gram models that a loss is shown beside."""

SAMPLE: dict[str, Any] = {"length": 4000, "temperature": 0.8, "rng": 1, "stop": ()}
"""What the copy meter's figure in a card is measured on: what a card proposes, of lines one after the other."""


class Learning:
    """A run: make one with ``begin`` or ``resume``, iterate over ``steps``, and ``finish``.

    ``notes`` are lines that a person should see before it starts. Of a group of processes each has one, and all do the
    same; only the first writes to the disk, and it alone finishes.
    """

    def __init__(self, wish: Wish, corpus: Corpus, tokenizer: Tokenizer, trainer: Trainer, folder: RunFolder) -> None:
        self.wish, self.corpus, self.tokenizer = wish, corpus, tokenizer
        self.trainer, self.folder = trainer, folder
        self.notes = [*corpus.notes, *self._bounded()]
        self.tokens_per_char = len(trainer.validated) / max(1, len(corpus.validated))

    def steps(self) -> Iterator[Progress]:
        """Train; checkpoints and history are kept on the way. A full disk stops the saving, not the training."""
        step = self.trainer.step
        for progress in self.trainer.run():
            note, step = self._saved(progress, went_back=progress.step < step), progress.step
            yield replace(progress, note=note) if note else progress

    def keep(self) -> None:
        """Save a checkpoint now; raises StorageError."""
        state = self.trainer.state()
        if self.leads:
            self.folder.save(state)

    @property
    def leads(self) -> bool:
        """Whether this process is the one that writes and speaks."""
        return self.trainer.group.leads

    def bits(self, nats_per_token: float) -> float:
        """A loss in bits per character."""
        return nats_per_token / log(2) * self.tokens_per_char

    @property
    def best_bits(self) -> float | None:
        """The best validation loss so far, in bits per character; None before the first."""
        best = self.trainer.best_loss
        return self.bits(best) if best < inf else None

    def counted(self, text: str, order: int = 5) -> float:
        """What counting runs of ``order`` characters reaches on ``text``, in bits per character."""
        return bits_per_character(self.corpus.trained, text, order)

    @cached_property
    def baselines(self) -> dict[str, float]:
        """What counting reaches on the validation part, in bits per character, by name."""
        return {name: self.counted(self.corpus.validated, order) for name, order in ORDERS.items()}

    def model(self, card: Card | None = None) -> Model:
        """The best so far, playable."""
        return Model(self.wish.name, to_model_file(self.trainer.result(), self.tokenizer, card or Card()))

    def finish(self) -> tuple[Model, Score]:
        """Score the best model on the held-out part and put it into the library; raises StorageError."""
        model = self.model(self._card())
        score = model.score(self.corpus.held_out)
        copied = Novelty.of(exact_runs(model.generate("\n", **SAMPLE), self.corpus.trained))
        card = replace(
            model.file.card,
            longest_copied_run=copied.longest,
            copied_in_runs_of_16=round(copied.shares[RUN], 4),
            nats_per_char_cold=round(score.nats_per_char_cold, 4),
            nats_per_char_stateful=round(score.nats_per_char_stateful, 4),
        )
        place = self.place
        replace(model.file, card=card, index=self._index(model)).save(place)
        rows = "".join(f"{json.dumps(row)}\n" for row in self.folder.history())
        plot = svg(f"{self.wish.name}: {self.corpus.name}", self.folder.history(), self.baselines)
        for suffix, text in zip(BESIDE, (rows, plot), strict=True):
            write_atomically(place.with_suffix(suffix), text.encode())
        return Model(model.name, replace(model.file, card=card), model.runtime), score

    @property
    def place(self) -> Path:
        """Where the model goes."""
        return place_for(self.wish.name, replace=True)

    def _bounded(self) -> list[str]:
        """What a huge text is only looked at in part for."""
        corpus, notes = self.corpus, []
        if len(corpus.text) > MOST_LEARNED and self.tokenizer.kind in SIZES and not self.wish.start:
            notes.append(f"the vocabulary is learned from {MOST_LEARNED:,} characters, spread over all of it")
        if len(corpus.trained) > LONGEST_TEXT:
            notes.append(f"counting alone counts the last {LONGEST_TEXT:,} characters of those to learn from")
        if len(corpus.held_out) == MOST_JUDGED:
            notes.append(f"validation and held-out part are judged by their first {MOST_JUDGED:,} characters")
        return notes

    def _index(self, model: Model) -> CopyIndex | None:
        size = sum(tensor.nbytes for tensor in model.file.tensors.values())
        return CopyIndex.of(self.corpus.trained, int(LARGEST_SHARE * size)) if self.wish.index else None

    def _saved(self, progress: Progress, went_back: bool) -> str:
        """Put down what is due; why that was not possible, "" where it was."""
        try:
            if went_back and self.leads:
                self.folder.forget_after(progress.step)
            if progress.save:
                self.keep()  # first: in a group all have a part in it
            if progress.valid_loss is not None and self.leads:
                self.folder.add_history(self._row(progress))
        except StorageError as error:
            return f"{error}; training goes on, but could not be resumed"
        return ""

    def _row(self, p: Progress) -> dict[str, Any]:
        assert p.valid_loss is not None
        figures = {"step": p.step, "epoch": round(p.epoch, 4), "seconds": round(p.seconds, 1)}
        losses = {"train_bits": self.bits(p.train_loss), "valid_bits": self.bits(p.valid_loss)}
        return {**figures, **{name: round(value, 5) for name, value in losses.items()}}

    def _card(self) -> Card:
        wish, reading = self.wish, self.wish.reading
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
            command=command(wish),
            licence=wish.licence,
            made=datetime.now(UTC).date().isoformat(),
            settings=settings,
            parent=wish.start_name,
        )


def begin(wish: Wish, group: Group = ALONE, told: Callable[[float], object] = lambda _: None) -> Learning:
    """A new run; raises TextError, UsageError or StorageError before anything is trained.

    ``told`` hears how much of the text has been cut into tokens, which takes a large one minutes, once.
    """
    if not group.leads:
        if not group.told(False):
            raise TrainingError("the first process could not begin")
        return resume(wish.name, group)
    folder = RunFolder(wish.name)
    try:
        begun = _begun(wish, folder, group, told)
    except BaseException:
        folder.refuse()
        group.told(False)
        raise
    group.told(True)
    return _learning(*begun, folder, group)


def _begun(
    wish: Wish, folder: RunFolder, group: Group, told: Callable[[float], object]
) -> tuple[Wish, Corpus, Tokenizer, Recipe]:
    """What a run is to be, put down in its folder."""
    place = place_for(wish.name, wish.replace)
    require_free(wish.name, wish.replace)
    require_writable(place.parent)
    require_writable(folder.path.parent)
    wish = placed(wish, folder.keep_input)
    tidy()
    corpus = corpus_on_disk(wish.files, wish.reading)
    require_enough(corpus)
    parent = _parent(wish)
    tokenizer = _tokenizer(wish, corpus, parent)
    if tokenizer.size < 2:
        raise UsageError(f"no character but the space comes {wish.min_count:,} times: a smaller --min-count")
    count = len(tokens_on_disk(corpus, tokenizer, told))
    if parent:
        shape = replace(parent.architecture, vocabulary=tokenizer.size)
        recipe = recipe_from(shape, count, wish.wanted, group.size)
    else:
        recipe = recipe_for(tokenizer.size, count, wish.wanted, group.size)
    group.rows(recipe.batch)
    require_streams(recipe, count)
    about = {"wish": asdict(wish), "sha256": corpus.sha256, "tokenizer": tokenizer.header()}
    folder.begin({**about, "recipe": recipe_values(recipe)})
    return wish, corpus, tokenizer, recipe


def resume(name: str, group: Group = ALONE) -> Learning:
    """The unfinished run of that name, where its last good checkpoint left it.

    Raises TrainingError where there is none, or it is of another version or another text.
    """
    place_for(name, replace=True)
    folder = RunFolder(name)
    about = folder.about()
    wish = wish_of(about["wish"])
    corpus = corpus_on_disk(wish.files, wish.reading)
    if corpus.sha256 != about["sha256"]:
        raise TrainingError(
            f"{corpus.name} is not the text that the run {name!r} began with: it has changed since;"
            " put it back, or begin anew with --replace"
        )
    state, notes = folder.last_good()
    tokenizer, recipe = from_header(about["tokenizer"]), recipe_of(about["recipe"])
    learning = _learning(wish, corpus, tokenizer, recipe, folder, group, fresh=state is None)
    learning.notes += notes
    if state is None:
        learning.notes.append("nothing had been saved yet: it begins at the beginning")
    else:
        learning.trainer.restore(state)
        learning.notes.append(f"resumed at step {learning.trainer.step:,}, epoch {learning.trainer.epochs:.1f}")
    if group.leads:
        folder.forget_after(learning.trainer.step)
    return learning


def _learning(
    wish: Wish,
    corpus: Corpus,
    tokenizer: Tokenizer,
    recipe: Recipe,
    folder: RunFolder,
    group: Group,
    fresh: bool = True,
) -> Learning:
    parent = _parent(wish) if fresh else None
    start = extended(to_torch(parent), tokenizer.size) if parent else None
    trained, validated = tokens_on_disk(corpus, tokenizer), tokenizer.encode(corpus.validated)
    return Learning(wish, corpus, tokenizer, Trainer(recipe, trained, validated, start, group), folder)


def _parent(wish: Wish) -> ModelFile | None:
    """The model to go on from; raises ModelError or UsageError where it cannot be gone on from like this."""
    if wish.start is None:
        return None
    file = open_model_file(find(wish.start).path)
    kind = file.tokenizer.kind
    if wish.tokens not in (None, kind):
        raise UsageError(
            f"{wish.start} was trained on {kind} tokens and cannot go on with {wish.tokens} tokens:"
            " leave --tokens out, or --from"
        )
    if wish.wanted.size or wish.wanted.layers or wish.wanted.width:
        raise UsageError(f"{wish.start} keeps its size: leave --size, --layers and --width out, or --from")
    return file


def _tokenizer(wish: Wish, corpus: Corpus, parent: ModelFile | None) -> Tokenizer:
    if parent and not isinstance(parent.tokenizer, CharTokenizer):
        return parent.tokenizer
    if parent and isinstance(parent.tokenizer, CharTokenizer):
        return parent.tokenizer.extended(corpus.text, wish.min_count)
    return tokenizer_for(corpus.text, wish.tokens or "char", wish.vocabulary, wish.min_count)
