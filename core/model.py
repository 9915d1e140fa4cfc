"""Open a model and use it from scripts and notebooks: text, probabilities, losses."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from . import score as scoring
from .errors import ModelError, SettingError, StateError
from .events import Token
from .generation import snapshot as snapshots
from .generation.engine import MAX_BURST_TOKENS, Engine
from .generation.snapshot import Snapshot
from .generation.stream import StreamOptions
from .generation.token_history import MAX_HISTORY
from .generation.voices import StyledRuntime, VoiceReader, guide, read_chunks
from .generation.worker import Worker
from .generation.written_text import WrittenText
from .html_views import HtmlView
from .inference import library
from .inference.backends import fastest_runtime
from .inference.model_file import ModelFile, open_model_file
from .inference.runtime import Runtime, require_ids
from .progress import drain
from .sampling.filters import log_softmax
from .sampling.logit_bias import require_effective_bias
from .sampling.rng import PositionRNG, random_rng_seed
from .sanitize import list_characters
from .setting_styles import PLAIN_VOICE
from .settings import Settings, merge_layers
from .text.copy_detection import CopyDetector
from .text.copy_tracker import CopyTracker
from .text.tokenizer import Ids, Tokenizer

MAX_SEED_TOKENS = MAX_HISTORY
"""Maximum tokens read of a seed: its last ones. An LSTM must step through each, and forgets older ones anyway."""

if TYPE_CHECKING:
    from .cells.ranking import CellRanking
    from .cells.similar import Embedding
    from .cells.traces import TraceBlock


class Prefill(NamedTuple):
    """The result of reading a seed: the snapshot after it, and notices for the user, one line each."""

    snapshot: Snapshot
    notices: list[str]


class Model(HtmlView):
    """Weights, tokenizer and runtime of a named model. Holds no hidden state, so many streams can share it."""

    def __init__(self, name: str, file: ModelFile, runtime: Runtime | None = None) -> None:
        self.name = name
        self.file = file
        self.copies = file.copy_indexes()
        """The indexes of the training texts, by which copies are found."""
        self.runtime = runtime or fastest_runtime(file)
        self.voices = VoiceReader(self.runtime, file.styles, name)
        self.settings = merge_layers(file.card.settings)
        self.token_text = lru_cache(maxsize=None)(lambda token: file.tokenizer.decode([token]))
        """Return the text of a single token id. Cached."""

    @property
    def tokenizer(self) -> Tokenizer:
        """The tokenizer stored in the model file."""
        return self.file.tokenizer

    def engine(self) -> Engine:
        """Return a new engine that uses these weights."""
        return Engine(self.runtime, self.tokenizer, self.voices)

    def worker(self) -> Worker:
        """Return a new engine on its own thread. The caller must close it."""
        return Worker(self.engine())

    def require_effective(self, settings: Settings) -> None:
        """Raise SettingError if ``style``, ``ban`` or ``bias`` has no effect on this model."""
        self.voices.require_known(settings)
        require_effective_bias(self.tokenizer, settings)

    def copy_detector(self) -> CopyDetector | None:
        """Return a detector of text copied from the training text, or None if the file has no index."""
        return self.copies.detector()

    def copy_tracker(self) -> CopyTracker | None:
        """Return a tracker of the copied tokens of a text, or None if the file has no index."""
        return self.copies.tracker()

    def dump_state(self, snapshot: Snapshot) -> bytes:
        """Return ``snapshot`` as bytes for ``load_state``."""
        return snapshots.to_bytes(snapshot, self.file.sha256)

    def load_state(self, data: bytes) -> Snapshot:
        """Return the snapshot in ``data``. Raises StateError if it is damaged or of another model."""
        snapshot = snapshots.from_bytes(data, self.file.sha256, self._initial_snapshot())
        if not self.voices.knows(snapshot.voice):
            raise StateError("this saved state is of a style that the model does not have; read the text again")
        return snapshot

    def stream(self, seed: str = "", **settings: object) -> Iterator[Token]:
        """Return an iterator over the tokens that continue ``seed``, as they are drawn.

        Keyword arguments are settings (temperature=0.8, length=200, rng=7, …; see ``Settings``) and override those of
        the model card. Raises SettingError for a value out of range. Characters that the tokenizer does not know are
        read as ``tokenizer.replacement``.

        >>> tokens = load("shakespeare").stream("ROMEO:", temperature=0.8, length=40)
        >>> len("".join(token.text for token in tokens))
        40
        """
        chosen = self.settings.changed(**settings)
        start = self.read_seed(seed, chosen)
        engine = self.engine()
        rng = PositionRNG(random_rng_seed() if chosen.rng is None else chosen.rng)
        options = StreamOptions(chosen, rng, max_unread=MAX_BURST_TOKENS, keep_snapshots=False)
        stream = engine.open(start, options)
        return (event for event in engine.iter_events(stream) if isinstance(event, Token))

    def generate(self, seed: str = "", **settings: object) -> str:
        """Return the text that continues ``seed``, without ``seed``. Takes the keyword arguments of ``stream``."""
        return "".join(token.text for token in self.stream(seed, **settings))

    def write(self, seed: str = "", **settings: object) -> WrittenText:
        """Return ``seed`` and the tokens that continue it. A notebook shows them in heat colors."""
        from .cells.written_units import WrittenUnits

        return WrittenText(seed, list(self.stream(seed, **settings)), units=WrittenUnits(self, seed, settings))

    def read_seed(self, seed: str, settings: Settings) -> Snapshot:
        """Return the snapshot that a text with these settings continues, but for its style."""
        return self.read(seed, whole=settings.whole_seed).snapshot

    def distribution(self, text: str = "", style: object = "off", style_strength: float = 1.0) -> dict[str, float]:
        """Return the model's probabilities (T = 1, no filters) of the next token, by its text, likeliest first.

        Tokens that are not whole characters (single bytes) are summed under U+FFFD. ``style`` and ``style_strength``
        are the settings; of a ramp, the beginning counts. Raises SettingError if the model does not have the style.

        >>> list(load("shakespeare").distribution("To be or not to b"))[0]
        'e'
        """
        chosen = Settings().changed(style=style, style_strength=style_strength)
        self.voices.require_known(chosen)
        snapshot = self.voices.restyle(self.read(text).snapshot, chosen.voice.at(0))
        probs = np.exp(log_softmax(guide(snapshot.rows, chosen.style_strength)[None])[0])
        by_text: dict[str, float] = {}
        for token, p in enumerate(probs):
            token_text = self.tokenizer.decode([token])
            by_text[token_text] = by_text.get(token_text, 0.0) + float(p)
        return dict(sorted(by_text.items(), key=lambda item: -item[1]))

    def score(
        self, text: str | Sequence[str], on_progress: Callable[[float], None] = lambda _: None, style: object = "off"
    ) -> scoring.Score:
        """Return the cold and the stateful loss of ``text`` per character, and the surprisal of each token (T = 1).

        Of several texts, each is read from the zero state. Calls ``on_progress`` with the share done, 0 to 1. All of
        ``text`` is read under ``style``, a value of the setting. Raises TextError if ``text`` has fewer than 2 tokens,
        SettingError if ``style`` is a ramp, or none of the model's.

        >>> score = load("shakespeare").score("ROMEO:\\nWhat light is that?")
        >>> score.bits_per_char_stateful < 5, len(score.surprise)
        (True, 25)
        """
        chosen = Settings().changed(style=style)
        self.voices.require_known(chosen)
        if chosen.voice.moves:
            raise SettingError("a text is scored in one style; give a ramp's ends one after the other")
        runtime = StyledRuntime(self.runtime, self.voices, chosen.voice.mix)
        fold = self.file.card.fold_case
        folded = fold(text) if isinstance(text, str) else list(map(fold, text))
        return scoring.score(runtime, self.tokenizer, folded, on_progress)

    def trace(self, text: str, after: Snapshot | None = None) -> Iterator[TraceBlock]:
        """Return an iterator over the state and the gates at each token of ``text``: see ``core.cells.traces``."""
        from .cells.traces import trace

        return trace(self, self.tokenizer.encode(self.file.card.fold_case(text)), after)

    def embed(self, text: str) -> Embedding:
        """Return the mean h of the last layer over ``text`` and its last h, each (H,). Not of a mixture: UsageError."""
        from .cells.similar import embed

        return embed(self, self.tokenizer.encode(self.file.card.fold_case(text)))

    def rank_cells(self, text: str, on_progress: Callable[[float], object] = lambda _: None) -> CellRanking:
        """Return the cells that follow quotation marks, lines and so on in ``text``: see ``core.cells.ranking``."""
        from .cells.ranking import rank_cells

        return drain(rank_cells(self, self.file.card.fold_case(text)), on_progress)

    def read(self, text: str, after: Snapshot | None = None, whole: bool = False) -> Prefill:
        """Read ``text`` (prefill), continuing from ``after``, or from the zero state if that is None.

        From the zero state an empty text is read as a newline, or as the end of an item of the model's list. Of a text
        of more than 8,192 tokens only the last 8,192 are read, from the zero state, unless ``whole``. The text is read
        under the style of ``after``, without style after a ramp and from the zero state: a stream in a style reads its
        latest tokens again before it draws.
        """
        return drain(self.prefill_chunks(text, after, whole))

    def prefill_chunks(
        self, text: str, after: Snapshot | None = None, whole: bool = False
    ) -> Generator[float, None, Prefill]:
        """Read as ``read`` does, in chunks. After each chunk of a long text, yield the share read so far, 0 to 1.

        Returns the ``Prefill``. Closing the generator stops it.
        """
        text = self.file.card.fold_case(text)
        notices = self.unknown_character_notices(text)
        return (yield from self._prefill_ids(self.tokenizer.encode(text), after, whole, notices))

    def read_ids(self, ids: Ids, whole: bool = False) -> Snapshot:
        """Read tokens (T,) from the zero state, as ``read`` does with those of a text.

        Raises UsageError for an id that is no token.
        """
        require_ids(ids, self.tokenizer.size)
        return drain(self._prefill_ids(ids, None, whole, [])).snapshot

    def _prefill_ids(
        self, ids: Ids, after: Snapshot | None, whole: bool, notices: list[str]
    ) -> Generator[float, None, Prefill]:
        if after is None:
            ids = ids if len(ids) else self.tokenizer.encode(self.file.card.item_end or "\n")
            after = self._initial_snapshot()
        if after.voice.moves:
            after = self.voices.restyle(after, PLAIN_VOICE)
        if len(ids) > MAX_SEED_TOKENS and not whole:
            notices.append(f"only the last {MAX_SEED_TOKENS:,} of {len(ids):,} tokens were read; whole-seed reads all")
            after = Snapshot(self.runtime.zeros(1), after.logits, after.position + len(ids) - MAX_SEED_TOKENS)
            ids = ids[-MAX_SEED_TOKENS:]
        return Prefill((yield from read_chunks(self.voices, self.tokenizer, after, ids)), notices)

    def unknown_character_notices(self, text: str) -> list[str]:
        """Return a line that names the characters of ``text`` that the model has never seen; [] if there are none."""
        unknown = self.tokenizer.unknown_characters(text)
        if not unknown:
            return []
        shown = list_characters(unknown, most=10)
        return [f"{self.name} has never seen {shown}: read as {self.tokenizer.replacement!r}"]

    def advance(self, start: Snapshot, ids: Ids) -> Snapshot:
        """Return the snapshot after ``start`` and the tokens ``ids``, read under its style, which is no ramp."""
        return drain(read_chunks(self.voices, self.tokenizer, start, ids))

    def _initial_snapshot(self) -> Snapshot:
        """Return the zero state. Its logits have no meaning."""
        return Snapshot(self.runtime.zeros(1), np.zeros(self.tokenizer.size, np.float32), 0)


def load(name: str = library.DEFAULT_MODEL, make_runtime: Callable[[ModelFile], Runtime] | None = None) -> Model:
    """Return the model with this name or path, or a mixture such as "shakespeare:0.6 + tolstoy:0.4".

    Raises ModelError if it is missing or unusable.

    ``make_runtime`` makes the runtime, for example ``training.torch_runtime.TorchRuntime``; None is the int8 runtime.
    """
    if "+" in name and (mixture := _load_mixture(name, make_runtime)):
        return mixture
    entry = library.find_model(name)
    file = open_model_file(entry.path)
    try:
        return Model(entry.name, file, make_runtime(file) if make_runtime else None)
    except MemoryError:
        raise ModelError(f"{entry.path} does not fit in the memory that is free") from None


def _load_mixture(name: str, make_runtime: Callable[[ModelFile], Runtime] | None) -> Model | None:
    """Return a mixture of models, None if ``name`` is that of one model. Raises ModelError."""
    from .inference.mixture import MixtureRuntime, open_mixture, split_mixture

    if not split_mixture(name):
        return None
    name, mixture = open_mixture(name)
    return Model(name, mixture, MixtureRuntime(mixture, make_runtime or fastest_runtime))
