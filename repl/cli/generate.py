"""One answer and done: ``afterglow generate`` for pipes and scripts, ``afterglow eval`` for figures."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any, TextIO

from ...core.errors import TextError
from ...core.events import Event, Notice, Progress, Token
from ...core.generation.snapshot import Snapshot
from ...core.inference.library import find
from ...core.inference.model_file import open_model_file
from ...core.model import Model, drained, load
from ...core.render.sanitize import visible
from ...core.sampling.rng import Dice, fresh_rng
from ...core.score import Score
from ...core.settings import Settings
from ...core.text.cleaning import decoded
from ...core.text.copy_detection import Novelty, exact_runs, noticed_runs
from ...core.text.corpus import Corpus, read_corpora
from ...core.text.formats import Reading
from ..progress_line import show_share


def seed_from_stdin() -> str:
    """Standard input verbatim, without one final newline; "" where it is a terminal. Raises TextError if not UTF-8."""
    if sys.stdin is None or sys.stdin.isatty():
        return ""
    return decoded(sys.stdin.buffer.read(), "utf-8", "standard input").removesuffix("\n")


def generate(model: Model, seed: str, settings: Settings, count: int, echo: bool, as_json: bool) -> None:
    """Write ``count`` texts that go on from ``seed`` to standard output as they come; what was odd goes to stderr."""
    start = _read(model, seed, settings.whole_seed)
    engine, rng = model.engine(), fresh_rng() if settings.rng is None else settings.rng
    streams = [
        engine.open(start, settings, Dice(rng, take), ahead=settings.length, keep=False) for take in range(count)
    ]
    for number, stream in enumerate(streams):
        if number and not as_json:
            print()
        write = _json_line(number) if as_json else _plain(sys.stdout)
        if echo and not as_json:
            write(Notice(seed))
        for event in engine.play(stream):
            write(event)
        if not as_json:
            print(flush=True)


def _read(model: Model, seed: str, whole: bool) -> Snapshot:
    """Read a seed; what is odd about it goes to standard error, and onto a terminal how far a long one is."""
    reading = drained(model.reading(seed, whole=whole), partial(show_share, "reading the seed"))
    for notice in reading.notices:
        print(f"afterglow: {notice}", file=sys.stderr)
    return reading.snapshot


def evaluate(model: Model, path: Path, encoding: str | None) -> dict[str, Any]:
    """Score a model on a text; of the text that it was trained on only what was held out."""
    corpus = _read_like(model, [str(path)], encoding)
    own = corpus.sha256 == model.file.card.corpus_sha256
    score = model.score(corpus.held_out if own else corpus.text[:])
    part = f"the held-out last {corpus.split.held_out} %" if own else "all of it"
    unseen = len(model.tokenizer.unseen("".join(corpus.counts)))
    return {"model": model.name, "text": corpus.name, "part": part, "unseen": unseen, **figures(score)}


def novelty(
    name: str, texts: Sequence[str], length: int, temperature: float | None, rng: int, encoding: str | None
) -> dict[str, Any]:
    """How much of what a model writes is copied: exact against texts, else as far as its index notices."""
    model = load(name)
    chosen = model.settings.temperature if temperature is None else temperature
    index = model.file.index
    if not texts and index is None:
        raise TextError(f"{model.name} has no index of its text; name the text: afterglow novelty {name} TEXT")
    corpus = _read_like(model, texts, encoding) if texts else None
    settings: dict[str, Any] = {"length": length, "temperature": chosen, "rng": rng, "stop": ()}
    written = model.generate("\n", **settings)
    told: dict[str, Any] = {
        "model": model.name,
        "characters": length,
        "temperature": chosen if isinstance(chosen, float) else str(chosen),
    }
    if corpus:
        own = corpus.sha256 == model.file.card.corpus_sha256
        told |= {"against": f"{corpus.name}, {'what was learned from' if own else 'all of it'}"}
        return told | Novelty.of(exact_runs(written, corpus.trained if own else corpus.text)).figures()
    assert index
    told |= {"against": "the index in the model file", "of_copied_runs_of_32_it_notices": index.coverage(32)}
    return told | Novelty.of(noticed_runs(written, index)).figures()


def _read_like(model: Model, texts: Sequence[str], encoding: str | None) -> Corpus:
    """Texts read as the model's own was."""
    card = model.file.card
    how = Reading(encoding or card.encoding, card.boilerplate_kept, card.field, card.column, card.lines, card.split)
    return read_corpora(texts, how)


def card(name: str) -> dict[str, Any]:
    """What a model says of itself, and its shape."""
    entry = find(name)
    file = open_model_file(entry.path)
    shape = {**asdict(file.architecture), "parameters": file.architecture.parameters, "tokens": file.tokenizer.kind}
    known = {key: value for key, value in asdict(file.card).items() if value not in ("", None, {})}
    return {"model": entry.name, "path": str(entry.path), **shape, **known}


def figures(score: Score) -> dict[str, Any]:
    """All figures of a score by name."""
    names = [
        f"{unit}_{kind}" for kind in ("cold", "stateful") for unit in ("nats_per_char", "bits_per_char", "perplexity")
    ]
    names += ["best_temperature", "nats_gained"]
    return {"characters": score.characters, **{name: getattr(score, name) for name in names}}


def _plain(out: TextIO) -> Callable[[Event], None]:
    """Writes text as it comes: as it is into a pipe, harmless onto a terminal."""
    safe = visible if out.isatty() else str

    def write(event: Event) -> None:
        if not isinstance(event, Progress):
            out.write(safe(event.text))
            out.flush()

    return write


def _json_line(sample: int) -> Callable[[Event], None]:
    """Writes a JSON object a line for every token."""

    def write(event: Event) -> None:
        if isinstance(event, Token):
            values = event._asdict()
            if values["bound"] is None:
                del values["bound"]
            values["T"] = values.pop("temperature")
            print(json.dumps({"sample": sample, **values}), flush=True)

    return write
