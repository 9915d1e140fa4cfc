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
from .generation.engine import BURST, Engine
from .generation.snapshot import MOST_REMEMBERED, History, Snapshot
from .generation.worker import Worker
from .inference import library
from .inference.backends import int8_runtime
from .inference.model_file import ModelFile, open_model_file
from .inference.runtime import Runtime, selected
from .sampling.filters import log_softmax
from .sampling.rng import Dice, fresh_rng
from .settings import layered
from .text.copy_detection import CopyMarks, CopyMeter
from .text.tokenizer import Ids, Tokenizer

SEED_TOKENS = MOST_REMEMBERED
"""How much of the end of a very long seed is read: an LSTM has to take every step, and its memory fades long before."""

PIECE = 4096
"""Tokens of a long seed that are read at a time: about a quarter of a second."""

T = TypeVar("T")


class Reading(NamedTuple):
    """A seed that has been read: where that leads, and what the reader should know of it, a line each."""

    snapshot: Snapshot
    notices: list[str]


class Model:
    """Weights, tokenizer and runtime under a name. Holds no state of any text: many streams can share it."""

    def __init__(self, name: str, file: ModelFile, runtime: Runtime | None = None) -> None:
        self.name, self.file = name, file
        self.runtime = runtime or int8_runtime(file)
        self.settings = layered(file.card.settings)
        self.text_of = lru_cache(maxsize=None)(lambda token: file.tokenizer.decode([token]))
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

    def copy_meter(self) -> CopyMeter | None:
        """What marks runs copied from the training text as text comes; None where the file has no index."""
        return CopyMeter(self.file.index) if self.file.index else None

    def copy_marks(self) -> CopyMarks | None:
        """What tells of every token of a text whether it is copied; None where the file has no index."""
        meter = self.copy_meter()
        return CopyMarks(meter) if meter else None

    def dumped(self, snapshot: Snapshot) -> bytes:
        """A snapshot as bytes, for ``restored``."""
        return snapshots.dumped(snapshot, self.file.sha256)

    def restored(self, data: bytes) -> Snapshot:
        """The snapshot in ``data``; raises StateError where it is damaged or belongs to another model."""
        return snapshots.loaded(data, self.file.sha256, self._unread())

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
        dice = Dice(fresh_rng() if chosen.rng is None else chosen.rng)
        stream = engine.open(start, chosen, dice, ahead=BURST, keep=False)
        return (event for event in engine.play(stream) if isinstance(event, Token))

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

    def score(self, text: str, progress: Callable[[float], None] = lambda _: None) -> scoring.Score:
        """Loss on ``text`` per character under both protocols, and the surprise of every token, all at T = 1.

        Raises TextError for a text of under 2 tokens.

        >>> score = load("shakespeare").score("ROMEO:\\nWhat light is that?")
        >>> score.bits_per_char_stateful < 5, len(score.surprise)
        (True, 25)
        """
        return scoring.score(self.runtime, self.tokenizer, text, progress)

    def read(self, text: str, behind: Snapshot | None = None, whole: bool = False) -> Reading:
        """Read ``text`` from the beginning, or ``behind`` a snapshot. Nothing at the beginning is read as a new line.

        Of a text over 8,192 tokens the end is read, unless ``whole``.
        """
        return drained(self.reading(text, behind, whole))

    def reading(
        self, text: str, behind: Snapshot | None = None, whole: bool = False
    ) -> Generator[float, None, Reading]:
        """``read`` a piece at a time: yields the share of a long text that has been read. Close it to stop it."""
        ids = self.tokenizer.encode(text)
        if behind is None:
            ids = ids if len(ids) else self.tokenizer.encode("\n")
            behind = self._unread()
        notices = self._unseen(text)
        if len(ids) > SEED_TOKENS and not whole:
            notices.append(f"of {len(ids):,} tokens the last {SEED_TOKENS:,} were read; whole-seed reads all")
            behind = Snapshot(self.runtime.zeros(1), behind.logits, behind.position + len(ids) - SEED_TOKENS)
            ids = ids[-SEED_TOKENS:]
        return Reading((yield from self._advancing(behind, ids)), notices)

    def advanced(self, start: Snapshot, ids: Ids) -> Snapshot:
        """The snapshot behind ``start`` and these tokens."""
        return drained(self._advancing(start, ids))

    def _advancing(self, start: Snapshot, ids: Ids) -> Generator[float, None, Snapshot]:
        if not len(ids):
            return replace(start, held="")
        steps = self.runtime.stepper(start.state)
        for at in range(0, len(ids), PIECE):
            steps.run(ids[at : at + PIECE, None])
            if len(ids) > PIECE:
                yield min(1.0, (at + PIECE) / len(ids))
        decoder = self.tokenizer.decoder(start.remainder)
        for token in ids.tolist():
            decoder.push(token)
        state, logits = selected(steps.state, [0]), steps.logits[0].copy()
        history = History(ids, start.history)
        return Snapshot(state, logits, start.position + len(ids), decoder.remainder, "", history)

    def _unread(self) -> Snapshot:
        """Where nothing was read yet; its logits mean nothing."""
        return Snapshot(self.runtime.zeros(1), np.zeros(self.tokenizer.size, np.float32), 0)

    def _unseen(self, text: str) -> list[str]:
        unseen = self.tokenizer.unseen(text)
        if not unseen:
            return []
        shown = " ".join(ascii(c)[1:-1] if not c.isprintable() else c for c in unseen[:10])
        more = f" and {len(unseen) - 10} more" if len(unseen) > 10 else ""
        return [f"{self.name} has never seen {shown}{more}: read as {self.tokenizer.stand_in!r}"]


def drained(pieces: Generator[float, None, T], told: Callable[[float], object] = lambda _: None) -> T:
    """What a generator of shares returns in the end; each share is ``told``."""
    while True:
        try:
            told(next(pieces))
        except StopIteration as end:
            return end.value  # type: ignore[no-any-return]


def load(name: str = library.DEFAULT_MODEL, make_runtime: Callable[[ModelFile], Runtime] | None = None) -> Model:
    """Open a model by name or path. Raises ModelError, one line, where there is none or it is not usable.

    ``make_runtime`` replaces the int8 runtime, for example by ``training.runtime.TorchRuntime``.
    """
    entry = library.find(name)
    file = open_model_file(entry.path)
    return Model(entry.name, file, make_runtime(file) if make_runtime else None)
