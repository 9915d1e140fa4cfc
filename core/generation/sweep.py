"""One seed continued with several values of one setting and the same random numbers, so that only it differs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from random import Random

from ..events import Done, Event, Token
from ..sampling.rng import PositionRNG
from ..settings import Settings
from .engine import Engine
from .snapshot import Snapshot
from .stream import Stream, StreamOptions


@dataclass(slots=True)
class Column:
    """The text with one value of the setting, after the snapshot ``start``.

    ``tail`` is text that was withheld until the end, ``reason`` is that of Done.
    """

    settings: Settings
    start: Snapshot
    stream: Stream
    tokens: list[Token] = field(default_factory=list)
    tail: str = ""
    reason: str = ""

    @property
    def text(self) -> str:
        """The whole text so far."""
        return "".join(token.text for token in self.tokens) + self.tail

    def record(self, event: Event) -> None:
        """Append an event of the stream."""
        if isinstance(event, Token):
            self.tokens.append(event)
        elif isinstance(event, Done):
            self.tail, self.reason = event.text, event.reason


class Sweep:
    """Columns of text, one for each value of a setting, generated side by side or one after another."""

    def __init__(
        self,
        engine: Engine,
        seed: str,
        start: Snapshot,
        settings: Settings,
        rng: int,
        setting: str,
        values: Sequence[object],
        blind: bool = False,
    ) -> None:
        """Open a column for each value of ``setting``. If ``blind``, shuffle them and hide the values."""
        self.seed = seed
        self.setting = setting
        self._engine = engine
        self._first_difference: int | None = None
        self.hidden = blind
        """True while the values are kept from the reader."""
        if blind:
            values = Random(rng).sample(values, len(values))
        chosen = [settings.changed(**{setting: value}) for value in values]
        self.columns = [
            Column(each, start, engine.open(start, StreamOptions(each, PositionRNG(rng)))) for each in chosen
        ]

    def name(self, number: int) -> str:
        """Return the value of a column, as "T 0.20" or "style poe", or its number while the values are hidden."""
        if self.hidden:
            return f"text {number + 1}"
        value = self.value(number)
        return f"T {value:.2f}" if isinstance(value, float) else self.columns[number].settings.format([self.setting])

    def value(self, number: int) -> object:
        """Return the value of the setting in a column."""
        return getattr(self.columns[number].settings, self.setting)

    def play(self) -> Iterator[Event]:
        """Generate all columns, one token each per step, into ``columns``.

        Yields one event a step, of the first unfinished column, for pacing. Leaving the loop early keeps the text so
        far. Raises the exception that ended a stream, if any.
        """
        try:
            while live := [column for column in self.columns if not column.reason]:
                for column in live:
                    self._engine.request(column.stream)
                self._engine.step()
                events = [event for column in live for event in self._take_events(column)]
                yield from events[:1]
        finally:
            self.stop()

    def play_column(self, number: int) -> Iterator[Event]:
        """Generate a single column and yield its events. Raises the exception that ended the stream, if any."""
        column = self.columns[number]
        for event in self._engine.iter_events(column.stream):
            column.record(event)
            yield event

    def stop(self) -> None:
        """End all columns before their next token. Their text stays."""
        for column in self.columns:
            column.stream.stop()

    def first_difference(self) -> int | None:
        """Return the index of the first character that differs between columns; None while all agree."""
        if self._first_difference is None:
            characters = zip(*(column.text for column in self.columns), strict=False)
            self._first_difference = next((n for n, row in enumerate(characters) if len(set(row)) > 1), None)
        return self._first_difference

    def _take_events(self, column: Column) -> Iterator[Event]:
        stream = column.stream
        while stream.events:
            event = stream.events.popleft()
            column.record(event)
            yield event
        if stream.error:
            raise stream.error
