"""``afterglow train``: from a text to a model in the library, and what is said on the way."""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from math import inf, log
from pathlib import Path
from typing import Any

from ..core.corpus import Corpus, read_corpus, require_enough
from ..core.library import place_for
from ..core.model import Model
from ..core.modelfile import Card
from ..core.paths import require_writable
from ..core.tokenizer import ByteTokenizer, CharTokenizer, Tokenizer
from ..core.training.convert import to_model_file
from ..core.training.recipes import recipe_for, size_for
from ..core.training.train import Progress, Trainer
from ..core.visible import visible
from .oneshot import figures

DEFAULT_MINUTES = 10.0


@dataclass(frozen=True, slots=True)
class Wish:
    """What was asked for on the command line."""

    name: str
    encoding: str = "utf-8"
    keep_boilerplate: bool = False
    tokens: str = "char"
    size: str | None = None
    minutes: float | None = None
    epochs: float | None = None
    licence: str = ""
    replace: bool = False


def train(path: Path, wish: Wish) -> dict[str, Any]:
    """Train on a text file and put the model into the library; returns its figures. Ctrl-C keeps the best so far."""
    place = place_for(wish.name, wish.replace)
    require_writable(place.parent)
    corpus = read_corpus(path, wish.encoding, wish.keep_boilerplate)
    require_enough(corpus)
    tokenizer: Tokenizer = ByteTokenizer() if wish.tokens == "byte" else CharTokenizer.of(corpus.text)
    trainer = _trainer(corpus, tokenizer, wish)
    _say_what_is_coming(corpus, trainer)
    _watch(trainer, tokenizer)
    model = Model(wish.name, to_model_file(trainer.result(), tokenizer, _card(corpus, wish, trainer)))
    _say("judging it on the held-out last 10 %")
    score = model.score(corpus.held_out)
    card = replace(
        model.file.card,
        nats_per_char_cold=round(score.nats_per_char_cold, 4),
        nats_per_char_stateful=round(score.nats_per_char_stateful, 4),
    )
    replace(model.file, card=card).save(place)
    return {"model": wish.name, "path": str(place), "seconds": round(trainer.seconds, 1), **figures(score)}


def _trainer(corpus: Corpus, tokenizer: Tokenizer, wish: Wish) -> Trainer:
    minutes = DEFAULT_MINUTES if wish.minutes is None and wish.epochs is None else wish.minutes or inf
    size = wish.size or size_for(minutes)
    recipe = recipe_for(tokenizer.size, len(corpus.text), size, minutes, wish.epochs or inf)
    return Trainer(recipe, tokenizer.encode(corpus.trained), tokenizer.encode(corpus.validated))


def _card(corpus: Corpus, wish: Wish, trainer: Trainer) -> Card:
    return Card(
        corpus=corpus.name,
        corpus_sha256=corpus.sha256,
        characters=len(corpus.text),
        boilerplate_kept=corpus.boilerplate_kept,
        encoding=wish.encoding,
        epochs=round(trainer.epochs, 2),
        seconds=round(trainer.seconds, 1),
        command=f"afterglow train {corpus.name} --name {wish.name}{_options(wish)}",
        licence=wish.licence,
        made=datetime.now(UTC).date().isoformat(),
        settings={"temperature": 0.8},
    )


def _options(wish: Wish) -> str:
    named = {"minutes": wish.minutes, "epochs": wish.epochs, "size": wish.size}
    return "".join(
        f" --{name} {value:g}" if isinstance(value, float) else f" --{name} {value}"
        for name, value in named.items()
        if value
    )


def _watch(trainer: Trainer, tokenizer: Tokenizer) -> None:
    """Train to the end, or to Ctrl-C, telling how it goes."""
    try:
        for progress in trainer.run():
            if progress.valid_loss is not None:
                _say(_measured(progress))
                if progress.best and progress.fraction > 0.1:
                    _say(f"    {_sample(trainer, tokenizer)}")
            elif sys.stderr.isatty():
                print(f"\r\x1b[K{_line(progress)}", end="", file=sys.stderr, flush=True)
    except KeyboardInterrupt:
        trainer.check()
        _say(f"stopped after {_clock(trainer.seconds)}; the best so far is kept")


def _say_what_is_coming(corpus: Corpus, trainer: Trainer) -> None:
    for note in corpus.notes:
        _say(note)
    shape, recipe = trainer.recipe.architecture, trainer.recipe
    bounds = [
        f"{value:g} {unit}" for value, unit in ((recipe.minutes, "minutes"), (recipe.epochs, "epochs")) if value < inf
    ]
    split = "88 % to learn from, 2 % to check with, 10 % held out"
    _say(f"{corpus.name}: {len(corpus.text):,} characters, {len(set(corpus.text))} distinct; {split}")
    size = f"{shape.layers} LSTM layers of {shape.width}, {shape.parameters:,} parameters"
    _say(f"{size}; {' or '.join(bounds)}; Ctrl-C stops and keeps the best")


def _line(p: Progress) -> str:
    left = p.seconds / p.fraction - p.seconds if p.fraction > 0.01 else None
    shown = f"{_clock(left)} left" if left is not None else "starting"
    speed = f"epoch {p.epoch:.1f} · {p.chars_per_second:,.0f} tokens/s"
    return f"{p.fraction:4.0%} · {shown} · {speed} · training {p.train_loss / log(2):.3f} bits"


def _measured(p: Progress) -> str:
    assert p.valid_loss is not None
    return f"{_line(p)} · validation {p.valid_loss / log(2):.3f} bits{' (best)' if p.best else ''}"


def _sample(trainer: Trainer, tokenizer: Tokenizer) -> str:
    """A line of what it writes by now."""
    model = Model("sample", to_model_file(trainer.result(), tokenizer, Card()))
    return visible(model.generate("\n", length=72, temperature=0.8, rng=1)).strip("\n").replace("\n", " ⏎ ")


def _clock(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"


def _say(line: str) -> None:
    start = "\r\x1b[K" if sys.stderr.isatty() else ""
    print(f"{start}{line}", file=sys.stderr, flush=True)
