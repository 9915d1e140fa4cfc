"""The work of ``afterglow generate``: texts, or the items of a list, as text or JSON on standard output."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain

from ...core.command_line import echo_json, echo_notice, text_writer
from ...core.errors import UsageError
from ...core.events import Done, Event, PrefillProgress, Token
from ...core.generation.snapshot import Snapshot
from ...core.item_samples import Item, draw_items
from ...core.model import Model
from ...core.progress import drain
from ...core.sampling.rng import random_rng_seed
from ...core.settings import SPECS, Settings
from ...core.text.encoding import EncodingError, decode_utf8
from ...core.text.items import ITEM_ENDS, ItemSet
from ..progress_line import print_progress
from .reading_flags import ReadingFlags

MAX_FRUITLESS = 1000
"""Texts in a row that are drawn without finding another one to write, before it is said how many there are."""


@dataclass(frozen=True, slots=True)
class GenerateRequest:
    """The texts to write. ``json_kind`` is "tokens", "texts" or "": an object a token, an object a text, or text.

    If ``unique``, the texts are all different, none is empty, and none is in ``known``, which are lists of items.
    ``item_end`` is the text that ends an item of the model's list, "" if it has none.
    """

    seed: str
    count: int
    echo: bool = False
    json_kind: str = ""
    unique: bool = False
    known: Sequence[Callable[[str], bool]] = ()
    item_end: str = ""

    @property
    def beginning(self) -> str:
        """The end of the seed with which an item begins: what comes after the item before it."""
        return self.seed.rpartition(self.item_end)[2] if self.item_end else self.seed


def read_seed_from_stdin() -> str:
    """Return standard input without its last newline, or "" if it is a terminal. Raise TextError if not UTF-8."""
    if sys.stdin is None or sys.stdin.isatty():
        return ""
    return decode_utf8(sys.stdin.buffer.read(), "standard input").removesuffix("\n")


def find_known_items(model: Model, new: bool, lists: Sequence[str]) -> list[Callable[[str], bool]]:
    """Return functions that know the items of the model's list if ``new``, and those in the files ``lists``.

    Raise UsageError if the model does not know its items, TextError if a file cannot be read.
    """
    if new and not model.copies.knows_items:
        raise UsageError(f"{model.name} has no list of the items that it was trained on; name it: --not-in FILE")
    known: list[Callable[[str], bool]] = [model.copies.contains_item] if new else []
    if lists:
        from .generate import read_as_trained  # imported late: the readers of files take 15 ms of every start otherwise

        try:
            text = read_as_trained(model, lists, ReadingFlags()).text
        except EncodingError as error:
            raise error.without_option() from None
        known.append(ItemSet(text, model.file.card.item_end or ITEM_ENDS["line"]).__contains__)
    return known


def write_texts(model: Model, variants: Sequence[Settings], request: GenerateRequest) -> None:
    """Write continuations of the seed to standard output while they are generated. Notices go to standard error.

    ``variants`` are settings that differ in the temperature. The texts of each use the same random numbers.
    """
    settings = variants[0]
    start = _prefill(model, request.seed, settings.whole_seed)
    rng = random_rng_seed() if settings.rng is None else settings.rng
    output = TextOutput(settings, request)
    for each in variants:
        for events in _open_texts(model, start, each, rng, request):
            output.write(events, each)


def _open_texts(
    model: Model, start: Snapshot, settings: Settings, rng: int, request: GenerateRequest
) -> Iterable[Iterable[Event]]:
    """Return the events of each text that was asked for, at one temperature."""
    if request.unique:
        return _choose(draw_items(model, start, settings, rng), settings, request)
    if request.json_kind != "tokens" and request.item_end in settings.stop and not request.beginning.strip():
        return _skip_empty(model, start, settings, rng, request.count)
    return model.engine().open_samples(start, settings, rng, request.count)


def _prefill(model: Model, seed: str, whole_seed: bool) -> Snapshot:
    """Read a seed. Print notices, and the progress of a long seed, to standard error. Return the snapshot after it."""
    prefill = drain(model.prefill_chunks(seed, whole=whole_seed), partial(print_progress, "reading the seed"))
    for notice in prefill.notices:
        echo_notice(notice)
    return prefill.snapshot


def _skip_empty(model: Model, start: Snapshot, settings: Settings, rng: int, count: int) -> Iterator[Iterable[Event]]:
    """Yield the events of ``count`` texts that are not empty. Others are drawn for empty ones, up to 1,000."""
    first, missing = 0, count
    while missing and first < count + MAX_FRUITLESS:
        batch = model.engine().open_samples(start, settings, rng, missing, first)
        first += missing
        for events in batch:
            if (begun := _begin(events)) is not None:
                missing -= 1
                yield begun


def _begin(events: Iterator[Event]) -> Iterable[Event] | None:
    """Return the events of a text, as they come, once some of it is written.

    None if it ends without any text, or with the end of an item alone.
    """
    read: list[Event] = []
    for event in events:
        read.append(event)
        if isinstance(event, Token | Done) and event.text.strip():
            return chain(read, events)
    return None


def _choose(items: Iterator[Item], settings: Settings, request: GenerateRequest) -> Iterator[Iterable[Event]]:
    """Yield the events of as many items as asked for that are new and different, or say how many there are."""
    seen: set[str] = set()
    fruitless = cut = 0
    for item in items:
        text = (request.beginning + item.text).strip()
        is_whole = item.ended or not settings.stop
        if is_whole and text and text not in seen and not any(knows(text) for knows in request.known):
            seen.add(text)
            fruitless = cut = 0
            yield item.events
        else:
            fruitless += 1
            cut += not is_whole
        if len(seen) == request.count:
            return
        if fruitless == MAX_FRUITLESS:
            echo_notice(_explain_end(seen, request.count, cut))
            return


def _explain_end(found: Collection[str], wanted: int, cut: int) -> str:
    advice = "raise --length" if cut > MAX_FRUITLESS // 2 else "raise --temperature"
    return f"{len(found):,} of {wanted:,}: {MAX_FRUITLESS:,} more were drawn, and none was another one; {advice}"


class TextOutput:
    """Writes texts to standard output: as text with an empty line between them, or as JSON.

    Texts that end before a newline are lines, without empty lines between them.
    """

    def __init__(self, settings: Settings, request: GenerateRequest) -> None:
        self._seed = request.seed if request.echo else ""
        self._write_one = {"tokens": self._write_tokens, "texts": self._write_object}.get(
            request.json_kind, self._write_plain
        )
        self._between = "" if ITEM_ENDS["line"] in settings.stop else "\n"
        self._keeps_stop = settings.keep_stop
        self._number = 0
        self._temperature: object = None

    def write(self, events: Iterable[Event], settings: Settings) -> None:
        """Write the text of ``events``, drawn with ``settings``, as they come."""
        self._temperature = SPECS["temperature"].kind.to_json(settings.temperature)
        self._write_one(events)
        self._number += 1

    def _write_plain(self, events: Iterable[Event]) -> None:
        write, last = text_writer(), ""
        write((self._between if self._number else "") + self._seed)
        for event in events:
            if not isinstance(event, PrefillProgress):
                write(event.text)
                last = event.text or last
        write("" if self._keeps_stop and last.endswith("\n") else "\n")

    def _write_tokens(self, events: Iterable[Event]) -> None:
        """Print each token as a JSON object on a line. "sample" is the number of the text, from 0."""
        for event in events:
            if isinstance(event, Token):
                values = event._asdict()
                if values["bound"] is None:
                    del values["bound"]
                values["T"] = values.pop("temperature")
                echo_json({"sample": self._number, **values})

    def _write_object(self, events: Iterable[Event]) -> None:
        """Print a text as a JSON object on a line, with why it ended and its surprisal in bits (T = 1, no filters)."""
        text, bits, reason, tokens = self._seed, 0.0, "", 0
        for event in events:
            if isinstance(event, Token | Done):
                text += event.text
            if isinstance(event, Token):
                bits -= event.logprob / math.log(2)
            elif isinstance(event, Done):
                reason, tokens = event.reason, event.tokens
        figures = {"reason": reason, "tokens": tokens, "bits": round(bits, 4), "T": self._temperature}
        echo_json({"sample": self._number, "text": text, **figures})
