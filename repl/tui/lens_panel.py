"""The lens: what there is, or was, to choose from at one place of the text, as bars. Draws a Look, knows no session."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from statistics import fmean
from typing import ClassVar

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from rich.style import Style
from textual.events import Click
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from ...core.render.heat import heat_level, surprisal
from ...core.render.sanitize import escape_controls
from ...core.session.lens import Candidate, Inspection
from .wrapping import TokenSpan

LensPart = tuple[str, str]
"""A text and the name of its look."""

LensLine = list[LensPart]

_BAR_EIGHTHS = " ▏▎▍▌▋▊▉█"
_SPARK_LEVELS = "▁▂▃▄▅▆▇█"
_TOKEN_SIGNS = {" ": "␣", "\n": "↵", "\t": "⇥", "": "∅"}

MAX_SPARK_BITS = 4.0
"""The surprise that fills a bar of the sparkline."""

MIN_TALL_ROWS = 12
"""Rows from which on every figure has a line of its own."""

MAX_SAMPLES_PER_BAR = 32
"""How many tokens at most are looked at for one bar of the sparkline, whose mean is shown."""


class Lens(Widget):
    """Head lines, the candidates as bars, raw and shaped side by side, and the surprise over the passage."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        *(f"lens--{name}" for name in ("title", "figure", "dim", "raw", "shaped", "token", "taken", "chosen")),
        *(f"lens--heat{number}" for number in range(5)),
    }

    class CandidateClicked(Message):
        """Somebody clicked on a candidate."""

        def __init__(self, index: int) -> None:
            super().__init__()
            self.index = index

    def __init__(self) -> None:
        super().__init__()
        self._inspection: Inspection | None = None
        self._title = ""
        self._candidate_index: int | None = None
        self._copied_run_length, self._filters_note = 0, ""
        self._token_index: int | None = None
        self._token_spans: Sequence[TokenSpan] = ()
        self._first_shown, self._head_height = 0, 0
        self._lines: list[LensLine] = []
        self._style_cache: dict[str, Style] = {}

    def update(
        self,
        inspection: Inspection | None,
        title: str = "",
        candidate_index: int | None = None,
        token_spans: Sequence[TokenSpan] = (),
        token_index: int | None = None,
        copied_run_length: int = 0,
        filters_note: str = "",
    ) -> None:
        """Show a look under a title, one of its candidates chosen; ``at`` is the token's number among ``places``,
        ``copied`` the length of the copied run that it stands in, ``then`` what was set otherwise when it was drawn.
        """
        self._inspection, self._title, self._candidate_index, self._token_spans, self._token_index = (
            inspection,
            title,
            candidate_index,
            token_spans,
            token_index,
        )
        self._copied_run_length, self._filters_note = copied_run_length, filters_note
        self._lines = self._build_lines()
        self.refresh()

    def on_click(self, event: Click) -> None:
        """Tell which candidate was clicked on."""
        offset = event.get_content_offset(self)
        number = offset.y - self._head_height + self._first_shown if offset else -1
        if self._inspection and offset and offset.y >= self._head_height and number < len(self._inspection.candidates):
            self.post_message(self.CandidateClicked(number))

    def notify_style_update(self) -> None:
        """Another theme: the looks are others."""
        super().notify_style_update()
        self._style_cache.clear()

    def on_show(self) -> None:
        """It had no room at all while it was away."""
        self.on_resize()
        self.refresh()

    def on_resize(self) -> None:
        """There is room for more or fewer lines."""
        self._lines = self._build_lines()

    def render_line(self, y: int) -> Strip:
        """One line. Drawn as a strip: a Content would take ten times as long, and text streams meanwhile."""
        parts = self._lines[y] if y < len(self._lines) else []
        base = self.rich_style
        strip = Strip([Segment(text, self._style_of(name)) for text, name in parts])
        return strip.adjust_cell_length(self.size.width, base).apply_style(base)

    @property
    def text(self) -> str:
        """All that it shows."""
        return "\n".join("".join(text for text, _ in line) for line in self._lines)

    def _style_of(self, name: str) -> Style:
        if name not in self._style_cache:
            self._style_cache[name] = self.get_component_rich_style(f"lens--{name}")
        return self._style_cache[name]

    def _build_lines(self) -> list[LensLine]:
        """The lines: as many candidates as there is room for."""
        if self._inspection is None:
            return [[("what comes next", "title")], [("type a seed first", "dim")]]
        head = list(self._summary_lines(self._inspection))
        foot = list(self._sparkline()) if self.size.height >= len(head) + 5 else []
        room = max(1, self.size.height - len(head) - len(foot))
        self._head_height = len(head)
        self._first_shown = max(
            0, min((self._candidate_index or 0) - max(0, room - 2), len(self._inspection.candidates) - room)
        )
        shown = self._inspection.candidates[self._first_shown : self._first_shown + room]
        full = max(max(each.raw, each.shaped) for each in self._inspection.candidates)
        bars = [
            self._candidate_line(each, number + self._first_shown, self._inspection, full)
            for number, each in enumerate(shown)
        ]
        return [*head, *bars, *([[]] * (room - len(bars))), *foot]

    def _summary_lines(self, inspection: Inspection) -> Iterator[LensLine]:
        """The figures, in few lines where there are few."""
        before, after = inspection.effective_choices
        tall = self.size.height >= MIN_TALL_ROWS
        if tall:
            yield [(self._title, "title")]
            yield list(self._taken_token(inspection))
        else:
            yield [(self._title, "title"), (" · ", "dim"), *self._taken_token(inspection)]
        bits = f"{inspection.raw_entropy:.1f} → {inspection.shaped_entropy:.1f} bits"
        choices = f"{before:.1f} → {after:.1f}"
        cut = f"{inspection.cut_count} cut, {inspection.cut_share:.1%}" if inspection.cut_count else "nothing cut"
        if not tall:
            yield [(f"{bits} · {choices} choices", "figure"), (f" · {cut}", "dim")]
        else:
            yield [("entropy ", "dim"), (bits, "figure")]
            yield [("choices ", "dim"), (choices, "figure")]
            yield [(f"filters: {cut}", "dim")]
            if self._filters_note:
                yield [(self._filters_note, "figure")]
            if self._copied_run_length:
                yield [("copied ", "dim"), (f"in a run of {self._copied_run_length:,}", "figure")]
        raw, shaped = "raw T 1".ljust(self._bar_width() + 5), f"drawn T {inspection.temperature:.2f}"
        yield [(f"{'':4}{raw}{shaped}", "dim")]

    def _taken_token(self, inspection: Inspection) -> Iterator[LensPart]:
        if inspection.taken:
            yield token_label(inspection.taken.text), f"heat{heat_level(inspection.taken, 'surprise')}"
            yield f" rank {inspection.taken.rank}, {surprisal(inspection.taken):.1f} bits", "figure"
        else:
            yield "not drawn yet", "dim"

    def _candidate_line(self, candidate: Candidate, index: int, inspection: Inspection, full: float) -> LensLine:
        """One candidate: its sign, and two bars with percents, of which the longest of all is ``full``."""
        taken = inspection.taken is not None and inspection.taken.id == candidate.id
        mark = "▸" if index == self._candidate_index else "●" if taken else " "
        name = "chosen" if index == self._candidate_index else "taken" if taken else "token"
        width = self._bar_width()
        parts = [(f"{mark}{set_cell_size(token_label(candidate.text), 2)} ", name)]
        parts += [(render_bar(candidate.raw / full, width), "raw"), (f"{format_percent(candidate.raw):>4} ", "figure")]
        if not candidate.allowed:
            return [*parts, ("cut".ljust(width + 5), "dim")]
        return [
            *parts,
            (render_bar(candidate.shaped / full, width), "shaped"),
            (f"{format_percent(candidate.shaped):>4} ", "figure"),
        ]

    def _bar_width(self) -> int:
        return max(2, (self.size.width - 4) // 2 - 5)

    def _sparkline(self) -> Iterator[LensLine]:
        """The surprise of the tokens over the whole passage, and where in it the lens is."""
        if not self._token_spans:
            return
        cells = _split_evenly(len(self._token_spans), self.size.width)
        here = (
            None
            if self._token_index is None
            else next((n for n, (a, b) in enumerate(cells) if a <= self._token_index < b), None)
        )
        sparks = "".join(self._spark_glyph(first, end) for first, end in cells)
        yield [("surprise over the passage", "dim")]
        if here is None:
            yield [(sparks, "shaped")]
        else:
            yield [(sparks[:here], "shaped"), (sparks[here], "title"), (sparks[here + 1 :], "shaped")]

    def _spark_glyph(self, first: int, end: int) -> str:
        step = max(1, (end - first) // MAX_SAMPLES_PER_BAR)
        bits = fmean(surprisal(self._token_spans[i].token) for i in range(first, end, step))
        return _SPARK_LEVELS[min(7, int(bits / MAX_SPARK_BITS * 8))]


def _split_evenly(count: int, width: int) -> list[tuple[int, int]]:
    """``count`` tokens in at most ``width`` stretches of about the same length: first and end of each."""
    cells = min(count, width)
    return [(count * n // cells, count * (n + 1) // cells) for n in range(cells)]


def token_label(text: str) -> str:
    """A token's text as a sign that can be seen."""
    return _TOKEN_SIGNS.get(text) or escape_controls(text).replace("\n", "↵").replace("\t", "⇥")


def render_bar(share: float, width: int) -> str:
    """A bar of ``width`` columns, filled to ``share``, in eighths of a column."""
    eighths = round(min(1.0, share) * width * 8)
    whole, rest = divmod(eighths, 8)
    return ("█" * whole + (_BAR_EIGHTHS[rest] if rest else "")).ljust(width)


def format_percent(share: float) -> str:
    """Two figures and a sign: 42%, 3.1%, or .04%."""
    number = share * 100
    return f"{number:.0f}%" if number >= 9.5 else f"{number:.1f}%" if number >= 0.95 else f"{number:.2f}"[1:] + "%"


assert cell_len("".join(_TOKEN_SIGNS.values())) == len(_TOKEN_SIGNS)
