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
from ...core.events import Event, Notice, PrefillProgress, Token
from ...core.generation.snapshot import Snapshot
from ...core.inference.library import find_model
from ...core.inference.model_file import open_model_file
from ...core.model import Model, drain, load
from ...core.render.sanitize import escape_controls
from ...core.sampling.rng import PositionRNG, random_rng_seed
from ...core.score import Score
from ...core.settings import Settings
from ...core.text.cleaning import decode_bytes
from ...core.text.copy_detection import CopyReport, copied_run_lengths, indexed_run_lengths
from ...core.text.corpus import Corpus, read_corpora
from ...core.text.formats import ReadOptions
from ..progress_line import print_progress


def read_seed_from_stdin() -> str:
    """Standard input verbatim, without one final newline; "" where it is a terminal. Raises TextError if not UTF-8."""
    if sys.stdin is None or sys.stdin.isatty():
        return ""
    return decode_bytes(sys.stdin.buffer.read(), "utf-8", "standard input").removesuffix("\n")


def generate(model: Model, seed: str, settings: Settings, count: int, echo: bool, as_json: bool) -> None:
    """Write ``count`` texts that go on from ``seed`` to standard output as they come; what was odd goes to stderr."""
    start = _prefill(model, seed, settings.whole_seed)
    engine, rng = model.engine(), random_rng_seed() if settings.rng is None else settings.rng
    streams = [
        engine.open(start, settings, PositionRNG(rng, take), max_unread=settings.length, keep_snapshots=False)
        for take in range(count)
    ]
    for number, stream in enumerate(streams):
        if number and not as_json:
            print()
        write = _json_writer(number) if as_json else _plain_writer(sys.stdout)
        if echo and not as_json:
            write(Notice(seed))
        for event in engine.iter_events(stream):
            write(event)
        if not as_json:
            print(flush=True)


def _prefill(model: Model, seed: str, whole_seed: bool) -> Snapshot:
    """Read a seed; what is odd about it goes to standard error, and onto a terminal how far a long one is."""
    reading = drain(model.prefill_chunks(seed, whole=whole_seed), partial(print_progress, "reading the seed"))
    for notice in reading.notices:
        print(f"afterglow: {notice}", file=sys.stderr)
    return reading.snapshot


def evaluate(model: Model, path: Path, encoding: str | None) -> dict[str, Any]:
    """Score a model on a text; of the text that it was trained on only what was held out."""
    corpus = _read_as_trained(model, [str(path)], encoding)
    own = corpus.sha256 == model.file.card.corpus_sha256
    score = model.score(corpus.test_text if own else corpus.text[:])
    part = f"the held-out last {corpus.split.test} %" if own else "all of it"
    unseen = len(model.tokenizer.unknown_characters("".join(corpus.counts)))
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
    corpus = _read_as_trained(model, texts, encoding) if texts else None
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
        return (
            told
            | CopyReport.from_runs(copied_run_lengths(written, corpus.train_text if own else corpus.text)).to_dict()
        )
    assert index
    told |= {"against": "the index in the model file", "of_copied_runs_of_32_it_notices": index.coverage(32)}
    return told | CopyReport.from_runs(indexed_run_lengths(written, index)).to_dict()


def _read_as_trained(model: Model, texts: Sequence[str], encoding: str | None) -> Corpus:
    """Texts read as the model's own was."""
    card = model.file.card
    how = ReadOptions(encoding or card.encoding, card.boilerplate_kept, card.field, card.column, card.lines, card.split)
    return read_corpora(texts, how)


def card(name: str) -> dict[str, Any]:
    """What a model says of itself, and its shape."""
    entry = find_model(name)
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


def _plain_writer(out: TextIO) -> Callable[[Event], None]:
    """Writes text as it comes: as it is into a pipe, harmless onto a terminal."""
    safe = escape_controls if out.isatty() else str

    def write(event: Event) -> None:
        if not isinstance(event, PrefillProgress):
            out.write(safe(event.text))
            out.flush()

    return write


def _json_writer(sample: int) -> Callable[[Event], None]:
    """Writes a JSON object a line for every token."""

    def write(event: Event) -> None:
        if isinstance(event, Token):
            values = event._asdict()
            if values["bound"] is None:
                del values["bound"]
            values["T"] = values.pop("temperature")
            print(json.dumps({"sample": sample, **values}), flush=True)

    return write
