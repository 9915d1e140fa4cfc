"""Advice on the model to go on from: how well each model reads a text before it has learned any of it."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ..errors import AfterglowError
from ..inference.backends import fastest_runtime
from ..inference.library import ModelEntry, list_models
from ..inference.model_file import ModelFile, open_model_file
from ..sampling.filters import log_softmax
from ..text.chunks import TextLike
from ..text.corpus import Corpus
from ..text.look_alikes import find_look_alikes
from ..text.tokenizer import CharTokenizer, Tokenizer
from .ngram_baseline import ngram_bits_per_char
from .request import TrainRequest

SLICES = 32
"""Slices of the text that are read side by side, spread evenly over it."""

SLICE_CHARS = 192
"""Characters of a slice. With 32 slices a model of 2 x 768 takes a quarter of a second on two cores."""

WARM_UP_TOKENS = 32
"""First tokens of a slice, which are read and not judged: a model has to see where it is."""

MAX_OWN_MODELS = 8
"""The user's models that are tried, the newest ones, so that advice takes about two seconds however many there are."""

SMALL_TEXT_CHARS = 200_000
"""Characters below which a text is too small to learn all of its language from."""

MAX_SHARE_OF_LETTER_BITS = 0.9
"""A model helps if it loses less than this share of what letter counts lose. Of eleven kinds of text, prose lies below
0.7, and notations, code, other languages and lists of another kind above 0.92 (docs/experiments.md)."""

AUTO = "auto"
"""The value of ``--from`` for the model that reads the text best."""


@dataclass(frozen=True, slots=True)
class Reading:
    """The loss of a model on a text before it is trained on it, in ``bits`` per character.

    ``missing`` are the characters of the text that it lacks, ``alike`` of those the ones that look like one it has.
    """

    name: str
    bits: float
    missing: tuple[str, ...] = ()
    alike: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Advice:
    """Losses of models on a text, the best first, and that of the text's own letter counts, in bits per character."""

    readings: tuple[Reading, ...]
    letter_bits: float
    is_small: bool

    def best(self, ngram_bits: float = math.inf) -> Reading | None:
        """Return the reading of the model to go on from, or None if training from nothing is as good.

        If the text is not small, a model must also read it better than ``ngram_bits``, the loss of its own 5-gram.
        """
        limit = MAX_SHARE_OF_LETTER_BITS * self.letter_bits
        limit = limit if self.is_small else min(limit, ngram_bits)
        return next((reading for reading in self.readings[:1] if reading.bits < limit), None)

    def describe(self, reading: Reading | None) -> str:
        """Return one line about the best ``reading``; if it is None, about there being none."""
        if reading:
            return (
                f"{reading.name} reads this text at {reading.bits:.2f} bits/char as it is"
                f" (letter counts: {self.letter_bits:.2f})"
            )
        nearest = "".join(f"; {reading.name}, the best: {reading.bits:.2f}" for reading in self.readings[:1])
        return f"no model reads this text much better than letter counts ({self.letter_bits:.2f} bits/char{nearest})"


def choose_parent(request: TrainRequest, corpus: Corpus) -> tuple[TrainRequest, tuple[str, ...]]:
    """Return the request with the best model in place of ``auto``, if it has that, and a note about the choice."""
    if request.parent != AUTO:
        return request, ()
    advice = advise(corpus, request.tokens)
    ngram_bits = (
        math.inf if advice.is_small else ngram_bits_per_char(corpus.train_text, [part.text for part in corpus.valid], 5)
    )
    best = advice.best(ngram_bits)
    note = f"{advice.describe(best)}: {f'--from {best.name}' if best else 'training from nothing'}"
    return replace(request, parent=best.name if best else None), (note,)


def advise(corpus: Corpus, kind: str | None = None) -> Advice:
    """Return how the bundled models and the user's newest models of characters read a text to train on.

    With ``kind``, only models of that kind of tokens are tried. Models that have learned this text are not.
    """
    text, counts = corpus.train_text, corpus.counts
    slices = _take_slices(text)
    costs = _letter_costs(counts)
    candidates = ((entry, file) for entry, file in _candidates(kind) if file.card.corpus_sha256 != corpus.sha256)
    readings = sorted((_read(entry.name, file, slices, costs) for entry, file in candidates), key=_order)
    letter_bits = sum(n * costs[character] for character, n in counts.items()) / sum(counts.values())
    return Advice(tuple(readings), letter_bits, len(text) < SMALL_TEXT_CHARS)


def _order(reading: Reading) -> tuple[float, str]:
    return reading.bits, reading.name


def _take_slices(text: TextLike) -> list[str]:
    """Return slices of equal length: of a text that is shorter than all of them, shorter ones."""
    length = min(SLICE_CHARS, max(1, len(text) // SLICES))
    starts = np.linspace(0, len(text) - length, SLICES).astype(int)
    return [text[start : start + length] for start in map(int, starts)]


def _letter_costs(counts: Mapping[str, int]) -> dict[str, float]:
    """Return the bits that each character costs by letter counts."""
    total = sum(counts.values())
    return {character: -math.log2(n / total) for character, n in counts.items()}


def _candidates(kind: str | None) -> Iterator[tuple[ModelEntry, ModelFile]]:
    """Yield the bundled models and the user's newest ones, with their files. Leaves out those that cannot be read."""
    entries = list_models()
    own = sorted((entry for entry in entries if not entry.bundled), key=_age)[:MAX_OWN_MODELS]
    for entry in [entry for entry in entries if entry.bundled] + own:
        try:
            file = open_model_file(entry.path)
        except AfterglowError:
            continue
        if file.tokenizer.kind == kind or (kind is None and (entry.bundled or file.tokenizer.kind == "char")):
            yield entry, file


def _age(entry: ModelEntry) -> float:
    try:
        return -entry.path.stat().st_mtime
    except OSError:
        return math.inf


def _read(name: str, file: ModelFile, slices: list[str], costs: Mapping[str, float]) -> Reading:
    """Return how the model reads ``slices``."""
    missing, alike = find_missing(file.tokenizer, costs)
    table = str.maketrans(alike)
    rows = [file.tokenizer.encode(part.translate(table)) for part in slices]
    length = min(map(len, rows))
    first = 1 + min(WARM_UP_TOKENS, length // 4)
    bits = _token_bits(file, np.stack([row[:length] for row in rows]))[:, first - 1 :]
    if missing:  # it is a model of characters: one token each
        bits = _charge_missing(bits, [part[first:length] for part in slices], missing, alike, costs)
    characters = sum(len(file.tokenizer.decode(row[first:length])) for row in rows)
    return Reading(name, float(bits.sum()) / max(1, characters), tuple(missing), tuple(alike))


def find_missing(tokenizer: Tokenizer, characters: Iterable[str]) -> tuple[list[str], dict[str, str]]:
    """Return those of ``characters`` that a tokenizer lacks, and the known look-alikes of those that have one."""
    missing = tokenizer.unknown_characters("".join(characters))
    known = tokenizer.characters if isinstance(tokenizer, CharTokenizer) else []
    return missing, find_look_alikes(missing, known)


def _charge_missing(
    bits: NDArray[np.float64],
    parts: list[str],
    missing: list[str],
    alike: Mapping[str, str],
    costs: Mapping[str, float],
) -> NDArray[np.float64]:
    """Return ``bits`` (rows, n) of the characters of ``parts`` as a model will have them that can write them all.

    A character without a look-alike costs what it does by letter counts, the others what is left. Characters that
    share a token share its probability by letter counts, as ``extend_vocabulary`` has it.
    """
    fixed = {character: costs[character] for character in missing if character not in alike}
    left = -math.log2(max(1e-9, 1 - sum(2**-cost for cost in fixed.values())))
    shares = {character: 2**-cost for character, cost in costs.items() if character not in fixed}
    totals: defaultdict[str, float] = defaultdict(float)
    for character, share in shares.items():
        totals[alike.get(character, character)] += share
    extra = {c: left + math.log2(totals[alike.get(c, c)] / share) for c, share in shares.items()}
    own = [[fixed.get(c, 0.0) for c in part] for part in parts]
    added = [[extra.get(c, 0.0) for c in part] for part in parts]
    return np.where(np.array(own) > 0, own, bits + added)


def _token_bits(file: ModelFile, ids: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the bits of every token but the first, (rows, n - 1), of ids (rows, n), each row from the zero state."""
    runtime = fastest_runtime(file)
    stepper = runtime.stepper(runtime.zeros(len(ids)))
    bits = np.empty((len(ids), ids.shape[1] - 1))
    for at in range(bits.shape[1]):
        stepper.step(ids[:, at])
        bits[:, at] = -log_softmax(stepper.logits.astype(np.float64))[np.arange(len(ids)), ids[:, at + 1]]
    return bits / math.log(2)
