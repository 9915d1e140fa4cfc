"""The lens: the candidates for one token as bars. It draws an Inspection, and knows nothing of sessions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import ClassVar

from rich.cells import set_cell_size
from rich.segment import Segment
from rich.style import Style
from textual.events import Click
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from ...core.render.heat import heat_level, surprisal
from ...core.sanitize import escape_controls
from ...core.session.lens import Candidate, Inspection
from .wrapping import TokenSpan

LensPart = tuple[str, str]
"""A text and the name of its style, without ``lens--``."""

LensLine = list[LensPart]

_BAR_EIGHTHS = " ▏▎▍▌▋▊▉█"
_SPARK_LEVELS = "▁▂▃▄▅▆▇█"
_TOKEN_SIGNS = {" ": "␣", "\n": "↵", "\t": "⇥", "": "∅"}

MAX_SPARK_BITS = 4.0
"""Surprisal in bits of a full bar of the sparkline."""

MIN_TALL_ROWS = 12
"""Minimum height of the lens, in rows, to show every figure on a line of its own."""

MAX_SAMPLES_PER_BAR = 32
"""Maximum tokens averaged for a bar of the sparkline."""


@dataclass(frozen=True, slots=True)
class LensContent:
    """Everything the lens shows.

    ``inspection`` is None if there is no text. ``candidate_index`` is the index of the chosen candidate, None if none
    is chosen. ``token_index`` is the index in ``token_spans`` of the token under the cursor, None if there is no
    cursor. ``copied_run_length`` is the length in characters of the copied run that contains the token, 0 if there is
    none. ``filters_note`` describes the filters that drew the token, "" if they are the current ones.
    """

    inspection: Inspection | None = None
    title: str = ""
    candidate_index: int | None = None
    token_spans: Sequence[TokenSpan] = ()
    token_index: int | None = None
    copied_run_length: int = 0
    filters_note: str = ""


class Lens(Widget):
    """Figures, the candidates as bars, raw and shaped side by side, and the surprisal over the passage."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        *(f"lens--{name}" for name in ("title", "figure", "dim", "raw", "shaped", "token", "taken", "chosen")),
        *(f"lens--heat{number}" for number in range(5)),
    }

    class CandidateClicked(Message):
        """A candidate was clicked."""

        def __init__(self, index: int) -> None:
            super().__init__()
            self.index = index

    def __init__(self) -> None:
        super().__init__()
        self._content = LensContent()
        self._first_shown = 0
        self._head_height = 0
        self._lines: list[LensLine] = []
        self._style_cache: dict[str, Style] = {}

    def update(self, content: LensContent) -> None:
        """Show ``content``."""
        self._content = content
        self._lines = self._build_lines()
        self.refresh()

    def on_click(self, event: Click) -> None:
        """Post CandidateClicked if a candidate was clicked."""
        offset = event.get_content_offset(self)
        number = offset.y - self._head_height + self._first_shown if offset else -1
        inspection = self._content.inspection
        if inspection and offset and offset.y >= self._head_height and number < len(inspection.candidates):
            self.post_message(self.CandidateClicked(number))

    def notify_style_update(self) -> None:
        """Discard cached styles: the theme has changed."""
        super().notify_style_update()
        self._style_cache.clear()

    def on_show(self) -> None:
        """Lay out again: a hidden widget has no size."""
        self.on_resize()

    def on_resize(self) -> None:
        """Lay out again, and draw: Textual has drawn the resized widget before this event."""
        self._lines = self._build_lines()
        self.refresh()

    def render_line(self, y: int) -> Strip:
        """Return a line as a strip. Rendering a Content would take ten times as long, for every frame of a text."""
        parts = self._lines[y] if y < len(self._lines) else []
        base = self.rich_style
        strip = Strip([Segment(text, self._style_of(name)) for text, name in parts])
        return strip.adjust_cell_length(self.size.width, base).apply_style(base)

    @property
    def head_height(self) -> int:
        """Rows above the first candidate."""
        return self._head_height

    @property
    def text(self) -> str:
        """Everything shown, as plain text."""
        return "\n".join("".join(text for text, _ in line) for line in self._lines)

    def _style_of(self, name: str) -> Style:
        if name not in self._style_cache:
            self._style_cache[name] = self.get_component_rich_style(f"lens--{name}")
        return self._style_cache[name]

    def _build_lines(self) -> list[LensLine]:
        """Return the lines, with as many candidates as fit."""
        inspection = self._content.inspection
        if inspection is None:
            return [[("what comes next", "title")], [("type a seed first", "dim")]]
        head = list(self._summary_lines(inspection))
        foot = list(self._sparkline()) if self.size.height >= len(head) + 5 else []
        room = max(1, self.size.height - len(head) - len(foot))
        self._head_height = len(head)
        chosen = self._content.candidate_index or 0
        self._first_shown = max(0, min(chosen - max(0, room - 2), len(inspection.candidates) - room))
        max_share = max(max(candidate.raw, candidate.shaped) for candidate in inspection.candidates)
        shown = enumerate(inspection.candidates[self._first_shown : self._first_shown + room], self._first_shown)
        bars = [self._candidate_line(candidate, index, inspection, max_share) for index, candidate in shown]
        return [*head, *bars, *([[]] * (room - len(bars))), *foot]

    def _summary_lines(self, inspection: Inspection) -> Iterator[LensLine]:
        """Yield the title and the figures, in fewer lines if the lens is low."""
        before, after = inspection.effective_choices
        tall = self.size.height >= MIN_TALL_ROWS
        if tall:
            yield [(self._content.title, "title")]
            yield list(self._taken_token(inspection))
        else:
            yield [(self._content.title, "title"), (" · ", "dim"), *self._taken_token(inspection)]
        bits = f"{inspection.raw_entropy:.1f} → {inspection.shaped_entropy:.1f} bits"
        choices = f"{before:.1f} → {after:.1f}"
        cut = f"{inspection.cut_count} cut, {inspection.cut_share:.1%}" if inspection.cut_count else "nothing cut"
        if not tall:
            yield [(f"{bits} · {choices} choices", "figure"), (f" · {cut}", "dim")]
        else:
            yield [("entropy ", "dim"), (bits, "figure")]
            yield [("choices ", "dim"), (choices, "figure")]
            yield [(f"filters: {cut}", "dim")]
            if self._content.filters_note:
                yield [(self._content.filters_note, "figure")]
            if self._content.copied_run_length:
                yield [("copied ", "dim"), (f"in a run of {self._content.copied_run_length:,}", "figure")]
        raw, shaped = "raw T 1".ljust(self._bar_width() + 5), f"drawn T {inspection.temperature:.2f}"
        yield [(f"{'':4}{raw}{shaped}", "dim")]

    def _taken_token(self, inspection: Inspection) -> Iterator[LensPart]:
        if inspection.taken:
            yield token_label(inspection.taken.text), f"heat{heat_level(inspection.taken, 'surprise')}"
            yield f" rank {inspection.taken.rank}, {surprisal(inspection.taken):.1f} bits", "figure"
        else:
            yield "not drawn yet", "dim"

    def _candidate_line(self, candidate: Candidate, index: int, inspection: Inspection, max_share: float) -> LensLine:
        """Return the line of a candidate: its label, and two bars with percentages. ``max_share`` fills a bar."""
        taken = inspection.taken is not None and inspection.taken.id == candidate.id
        if index == self._content.candidate_index:
            mark, style = "▸", "chosen"
        else:
            mark, style = ("●", "taken") if taken else (" ", "token")
        label = (f"{mark}{set_cell_size(token_label(candidate.text), 2)} ", style)
        raw = self._bar_with_percent(candidate.raw, max_share, "raw")
        if not candidate.allowed:
            return [label, *raw, ("cut".ljust(self._bar_width() + 5), "dim")]
        return [label, *raw, *self._bar_with_percent(candidate.shaped, max_share, "shaped")]

    def _bar_with_percent(self, share: float, max_share: float, style: str) -> LensLine:
        return [(render_bar(share / max_share, self._bar_width()), style), (f"{format_percent(share):>4} ", "figure")]

    def _bar_width(self) -> int:
        """Return the width of one of the two bars of a candidate, in columns."""
        return max(2, (self.size.width - 4) // 2 - 5)

    def _sparkline(self) -> Iterator[LensLine]:
        """Yield two lines: a title, and the surprisal over the whole passage with the cursor's position highlighted."""
        if not self._content.token_spans:
            return
        ranges = _split_evenly(len(self._content.token_spans), self.size.width)
        index = self._content.token_index
        cursor = None if index is None else next((n for n, (a, b) in enumerate(ranges) if a <= index < b), None)
        sparks = "".join(self._spark_glyph(first, end) for first, end in ranges)
        yield [("surprise over the passage", "dim")]
        if cursor is None:
            yield [(sparks, "shaped")]
        else:
            yield [(sparks[:cursor], "shaped"), (sparks[cursor], "title"), (sparks[cursor + 1 :], "shaped")]

    def _spark_glyph(self, first: int, end: int) -> str:
        """Return the bar for the mean surprisal of tokens ``first`` to ``end``."""
        step = max(1, (end - first) // MAX_SAMPLES_PER_BAR)
        bits = fmean(surprisal(self._content.token_spans[i].token) for i in range(first, end, step))
        return _SPARK_LEVELS[min(7, int(bits / MAX_SPARK_BITS * 8))]


def _split_evenly(count: int, width: int) -> list[tuple[int, int]]:
    """Split ``count`` tokens into at most ``width`` ranges of about equal length. Return (first, end) pairs."""
    cells = min(count, width)
    return [(count * n // cells, count * (n + 1) // cells) for n in range(cells)]


def token_label(text: str) -> str:
    """Return the text of a token with newlines, tabs, control characters and a single space made visible."""
    return _TOKEN_SIGNS.get(text) or escape_controls(text).replace("\n", "↵").replace("\t", "⇥")


def render_bar(share: float, width: int) -> str:
    """Return a bar of ``width`` columns, filled to ``share`` (0 to 1) in eighths of a column."""
    eighths = round(min(1.0, share) * width * 8)
    whole, rest = divmod(eighths, 8)
    return ("█" * whole + (_BAR_EIGHTHS[rest] if rest else "")).ljust(width)


def format_percent(share: float) -> str:
    """Return a share (0 to 1) as a percentage with two digits: 42%, 3.1%, or .04%."""
    number = share * 100
    return f"{number:.0f}%" if number >= 9.5 else f"{number:.1f}%" if number >= 0.95 else f"{number:.2f}"[1:] + "%"
