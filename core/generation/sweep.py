"""One seed with the same dice at several temperatures, from one batch: what the temperature alone does."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from ..events import Done, Event, Token
from ..sampling.rng import PositionRNG
from ..settings import Settings
from .engine import Engine
from .snapshot import Snapshot
from .stream import Stream


@dataclass(slots=True)
class Column:
    """What was written at one temperature. ``tail`` had been held back when it ended; ``reason`` is why it did."""

    temperature: float
    stream: Stream
    tokens: list[Token] = field(default_factory=list)
    tail: str = ""
    reason: str = ""

    @property
    def text(self) -> str:
        """All that is written so far."""
        return "".join(token.text for token in self.tokens) + self.tail

    def record(self, event: Event) -> None:
        """Keep an event of its stream."""
        if isinstance(event, Token):
            self.tokens.append(event)
        elif isinstance(event, Done):
            self.tail, self.reason = event.text, event.reason


class Sweep:
    """Columns that are written together, a token each in a step, or one after another."""

    def __init__(
        self, engine: Engine, seed: str, start: Snapshot, settings: Settings, rng: int, temperatures: Sequence[float]
    ) -> None:
        self.seed, self.start = seed, start
        self._engine = engine
        self._first_difference: int | None = None
        self.columns = [
            Column(t, engine.open(start, settings.changed(temperature=t), PositionRNG(rng))) for t in temperatures
        ]

    def play(self) -> Iterator[Event]:
        """Write all columns side by side. Of each step the first column's event that writes on is told, for the pace;
        what was written is in ``columns``. Leaving it early keeps what was written. Raises what went wrong.
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
        """Write a single column."""
        column = self.columns[number]
        for event in self._engine.iter_events(column.stream):
            column.record(event)
            yield event

    def stop(self) -> None:
        """End all columns before their next tokens."""
        for column in self.columns:
            column.stream.stop()

    def first_difference(self) -> int | None:
        """The first character that is not the same in all columns; None as long as they agree."""
        if self._first_difference is None:
            characters = zip(*(column.text for column in self.columns), strict=False)
            self._first_difference = next((n for n, here in enumerate(characters) if len(set(here)) > 1), None)
        return self._first_difference

    def _take_events(self, column: Column) -> Iterator[Event]:
        stream = column.stream
        while stream.events:
            event = stream.events.popleft()
            column.record(event)
            yield event
        if stream.error:
            raise stream.error
