"""A model that is ready to play, and the plain calls for scripts and notebooks."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from dataclasses import replace
from functools import lru_cache
from typing import Any, NamedTuple, TypeVar

import numpy as np

from . import score as scoring
from .events import Token
from .generation import snapshot as snapshots
from .generation.engine import MAX_BURST_TOKENS, Engine
from .generation.snapshot import MAX_HISTORY, Snapshot, TokenHistory
from .generation.worker import Worker
from .inference import library
from .inference.backends import fastest_runtime
from .inference.model_file import ModelFile, open_model_file
from .inference.runtime import Runtime, select_rows
from .sampling.filters import log_softmax
from .sampling.rng import PositionRNG, random_rng_seed
from .settings import merge_layers
from .text.copy_detection import CopyDetector, CopyTracker
from .text.tokenizer import Ids, Tokenizer

MAX_SEED_TOKENS = MAX_HISTORY
"""How much of the end of a very long seed is read: an LSTM has to take every step, and its memory fades long before."""

PREFILL_CHUNK = 4096
"""Tokens of a long seed that are read at a time: about a quarter of a second."""

T = TypeVar("T")


class Prefill(NamedTuple):
    """A seed that has been read: where that leads, and what the reader should know of it, a line each."""

    snapshot: Snapshot
    notices: list[str]


class Model:
    """Weights, tokenizer and runtime under a name. Holds no state of any text: many streams can share it."""

    def __init__(self, name: str, file: ModelFile, runtime: Runtime | None = None) -> None:
        self.name, self.file = name, file
        self.runtime = runtime or fastest_runtime(file)
        self.settings = merge_layers(file.card.settings)
        self.token_text = lru_cache(maxsize=None)(lambda token: file.tokenizer.decode([token]))
        """The text of a token by itself."""

    @property
    def tokenizer(self) -> Tokenizer:
        """How this model cuts text into tokens."""
        return self.file.tokenizer

    def engine(self) -> Engine:
        """A new engine over this model's weights."""
        return Engine(self.runtime, self.tokenizer)

    def worker(self) -> Worker:
        """A new engine on a thread of its own, for many readers; close it."""
        return Worker(self.engine())

    def copy_detector(self) -> CopyDetector | None:
        """What marks runs copied from the training text as text comes; None where the file has no index."""
        return CopyDetector(self.file.index) if self.file.index else None

    def copy_tracker(self) -> CopyTracker | None:
        """What tells of every token of a text whether it is copied; None where the file has no index."""
        meter = self.copy_detector()
        return CopyTracker(meter) if meter else None

    def dump_state(self, snapshot: Snapshot) -> bytes:
        """A snapshot as bytes, for ``restored``."""
        return snapshots.to_bytes(snapshot, self.file.sha256)

    def load_state(self, data: bytes) -> Snapshot:
        """The snapshot in ``data``; raises StateError where it is damaged or belongs to another model."""
        return snapshots.from_bytes(data, self.file.sha256, self._initial_snapshot())

    def stream(self, seed: str = "", **settings: Any) -> Iterator[Token]:
        """Yield tokens that go on from ``seed``, as they are drawn.

        Keywords are settings by name (temperature=0.8, length=200, rng=7, …; see ``Settings``), over the model's own.
        Raises SettingError for a value out of range. Characters that the model has never seen are read as its
        stand-in, ``tokenizer.stand_in``.

        >>> tokens = load("shakespeare").stream("ROMEO:", temperature=0.8, length=40)
        >>> len("".join(token.text for token in tokens))
        40
        """
        chosen = self.settings.changed(**settings)
        start = self.read(seed, whole=chosen.whole_seed).snapshot
        engine = self.engine()
        dice = PositionRNG(random_rng_seed() if chosen.rng is None else chosen.rng)
        stream = engine.open(start, chosen, dice, max_unread=MAX_BURST_TOKENS, keep_snapshots=False)
        return (event for event in engine.iter_events(stream) if isinstance(event, Token))

    def generate(self, seed: str = "", **settings: Any) -> str:
        """The text that goes on from ``seed``, without it; the keywords of ``stream``."""
        return "".join(token.text for token in self.stream(seed, **settings))

    def distribution(self, text: str = "") -> dict[str, float]:
        """The model's own probabilities (T = 1) for what comes after ``text``, likeliest first, by token text.

        Over bytes, those that are no character by themselves stand together under U+FFFD.

        >>> list(load("shakespeare").distribution("To be or not to b"))[0]
        'e'
        """
        probs = np.exp(log_softmax(self.read(text).snapshot.logits[None].astype(np.float64))[0])
        chances: dict[str, float] = {}
        for token, p in enumerate(probs):
            shown = self.tokenizer.decode([token])
            chances[shown] = chances.get(shown, 0.0) + float(p)
        return dict(sorted(chances.items(), key=lambda chance: -chance[1]))

    def score(self, text: str, on_progress: Callable[[float], None] = lambda _: None) -> scoring.Score:
        """Loss on ``text`` per character under both protocols, and the surprise of every token, all at T = 1.

        Raises TextError for a text of under 2 tokens.

        >>> score = load("shakespeare").score("ROMEO:\\nWhat light is that?")
        >>> score.bits_per_char_stateful < 5, len(score.surprise)
        (True, 25)
        """
        return scoring.score(self.runtime, self.tokenizer, text, on_progress)

    def read(self, text: str, after: Snapshot | None = None, whole: bool = False) -> Prefill:
        """Read ``text`` from the beginning, or ``behind`` a snapshot. Nothing at the beginning is read as a new line.

        Of a text over 8,192 tokens the end is read, unless ``whole``.
        """
        return drain(self.prefill_chunks(text, after, whole))

    def prefill_chunks(
        self, text: str, after: Snapshot | None = None, whole: bool = False
    ) -> Generator[float, None, Prefill]:
        """``read`` a piece at a time: yields the share of a long text that has been read. Close it to stop it."""
        ids = self.tokenizer.encode(text)
        if after is None:
            ids = ids if len(ids) else self.tokenizer.encode("\n")
            after = self._initial_snapshot()
        notices = self._unknown_character_notices(text)
        if len(ids) > MAX_SEED_TOKENS and not whole:
            notices.append(f"of {len(ids):,} tokens the last {MAX_SEED_TOKENS:,} were read; whole-seed reads all")
            after = Snapshot(self.runtime.zeros(1), after.logits, after.position + len(ids) - MAX_SEED_TOKENS)
            ids = ids[-MAX_SEED_TOKENS:]
        return Prefill((yield from self._advance_chunks(after, ids)), notices)

    def advance(self, start: Snapshot, ids: Ids) -> Snapshot:
        """The snapshot behind ``start`` and these tokens."""
        return drain(self._advance_chunks(start, ids))

    def _advance_chunks(self, start: Snapshot, ids: Ids) -> Generator[float, None, Snapshot]:
        if not len(ids):
            return replace(start, pending_text="")
        steps = self.runtime.stepper(start.state)
        for at in range(0, len(ids), PREFILL_CHUNK):
            steps.step_many(ids[at : at + PREFILL_CHUNK, None])
            if len(ids) > PREFILL_CHUNK:
                yield min(1.0, (at + PREFILL_CHUNK) / len(ids))
        decoder = self.tokenizer.decoder(start.remainder)
        for token in ids.tolist():
            decoder.push(token)
        state, logits = select_rows(steps.state, [0]), steps.logits[0].copy()
        history = TokenHistory(ids, start.history)
        return Snapshot(state, logits, start.position + len(ids), decoder.remainder, "", history)

    def _initial_snapshot(self) -> Snapshot:
        """Where nothing was read yet; its logits mean nothing."""
        return Snapshot(self.runtime.zeros(1), np.zeros(self.tokenizer.size, np.float32), 0)

    def _unknown_character_notices(self, text: str) -> list[str]:
        unseen = self.tokenizer.unknown_characters(text)
        if not unseen:
            return []
        shown = " ".join(ascii(c)[1:-1] if not c.isprintable() else c for c in unseen[:10])
        more = f" and {len(unseen) - 10} more" if len(unseen) > 10 else ""
        return [f"{self.name} has never seen {shown}{more}: read as {self.tokenizer.replacement!r}"]


def drain(generator: Generator[float, None, T], on_progress: Callable[[float], object] = lambda _: None) -> T:
    """What a generator of shares returns in the end; each share is ``told``."""
    while True:
        try:
            on_progress(next(generator))
        except StopIteration as end:
            return end.value  # type: ignore[no-any-return]


def load(name: str = library.DEFAULT_MODEL, make_runtime: Callable[[ModelFile], Runtime] | None = None) -> Model:
    """Open a model by name or path. Raises ModelError, one line, where there is none or it is not usable.

    ``make_runtime`` replaces the int8 runtime, for example by ``training.runtime.TorchRuntime``.
    """
    entry = library.find_model(name)
    file = open_model_file(entry.path)
    return Model(entry.name, file, make_runtime(file) if make_runtime else None)
