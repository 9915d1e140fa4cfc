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

from ...core.render.heat import level, surprise
from ...core.render.sanitize import visible
from ...core.session.lens import Candidate, Look
from .wrapping import Place

Part = tuple[str, str]
"""A text and the name of its look."""

Line = list[Part]

_EIGHTHS = " ▏▎▍▌▋▊▉█"
_LEVELS = "▁▂▃▄▅▆▇█"
_SIGNS = {" ": "␣", "\n": "↵", "\t": "⇥", "": "∅"}

TOP_BITS = 4.0
"""The surprise that fills a bar of the sparkline."""

TALL = 12
"""Rows from which on every figure has a line of its own."""

SAMPLES = 32
"""How many tokens at most are looked at for one bar of the sparkline, whose mean is shown."""


class Lens(Widget):
    """Head lines, the candidates as bars, raw and shaped side by side, and the surprise over the passage."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        *(f"lens--{name}" for name in ("title", "figure", "dim", "raw", "shaped", "token", "taken", "chosen")),
        *(f"lens--heat{number}" for number in range(5)),
    }

    class Chosen(Message):
        """Somebody clicked on a candidate."""

        def __init__(self, number: int) -> None:
            super().__init__()
            self.number = number

    def __init__(self) -> None:
        super().__init__()
        self._look: Look | None = None
        self._title = ""
        self._choice: int | None = None
        self._copied, self._then = 0, ""
        self._at: int | None = None
        self._places: Sequence[Place] = ()
        self._first, self._head = 0, 0
        self._lines: list[Line] = []
        self._looks: dict[str, Style] = {}

    def show(
        self,
        look: Look | None,
        title: str = "",
        choice: int | None = None,
        places: Sequence[Place] = (),
        at: int | None = None,
        copied: int = 0,
        then: str = "",
    ) -> None:
        """Show a look under a title, one of its candidates chosen; ``at`` is the token's number among ``places``,
        ``copied`` the length of the copied run that it stands in, ``then`` what was set otherwise when it was drawn.
        """
        self._look, self._title, self._choice, self._places, self._at = look, title, choice, places, at
        self._copied, self._then = copied, then
        self._lines = self._arranged()
        self.refresh()

    def on_click(self, event: Click) -> None:
        """Tell which candidate was clicked on."""
        offset = event.get_content_offset(self)
        number = offset.y - self._head + self._first if offset else -1
        if self._look and offset and offset.y >= self._head and number < len(self._look.candidates):
            self.post_message(self.Chosen(number))

    def notify_style_update(self) -> None:
        """Another theme: the looks are others."""
        super().notify_style_update()
        self._looks.clear()

    def on_show(self) -> None:
        """It had no room at all while it was away."""
        self.on_resize()
        self.refresh()

    def on_resize(self) -> None:
        """There is room for more or fewer lines."""
        self._lines = self._arranged()

    def render_line(self, y: int) -> Strip:
        """One line. Drawn as a strip: a Content would take ten times as long, and text streams meanwhile."""
        parts = self._lines[y] if y < len(self._lines) else []
        base = self.rich_style
        strip = Strip([Segment(text, self._rich(name)) for text, name in parts])
        return strip.adjust_cell_length(self.size.width, base).apply_style(base)

    @property
    def text(self) -> str:
        """All that it shows."""
        return "\n".join("".join(text for text, _ in line) for line in self._lines)

    def _rich(self, name: str) -> Style:
        if name not in self._looks:
            self._looks[name] = self.get_component_rich_style(f"lens--{name}")
        return self._looks[name]

    def _arranged(self) -> list[Line]:
        """The lines: as many candidates as there is room for."""
        if self._look is None:
            return [[("what comes next", "title")], [("type a seed first", "dim")]]
        head = list(self._told(self._look))
        foot = list(self._foot()) if self.size.height >= len(head) + 5 else []
        room = max(1, self.size.height - len(head) - len(foot))
        self._head = len(head)
        self._first = max(0, min((self._choice or 0) - max(0, room - 2), len(self._look.candidates) - room))
        shown = self._look.candidates[self._first : self._first + room]
        full = max(max(each.raw, each.shaped) for each in self._look.candidates)
        bars = [self._bars(each, number + self._first, self._look, full) for number, each in enumerate(shown)]
        return [*head, *bars, *([[]] * (room - len(bars))), *foot]

    def _told(self, look: Look) -> Iterator[Line]:
        """The figures, in few lines where there are few."""
        before, after = look.choices
        tall = self.size.height >= TALL
        if tall:
            yield [(self._title, "title")]
            yield list(self._taken(look))
        else:
            yield [(self._title, "title"), (" · ", "dim"), *self._taken(look)]
        bits = f"{look.raw_entropy:.1f} → {look.shaped_entropy:.1f} bits"
        choices = f"{before:.1f} → {after:.1f}"
        cut = f"{look.cut} cut, {look.cut_share:.1%}" if look.cut else "nothing cut"
        if not tall:
            yield [(f"{bits} · {choices} choices", "figure"), (f" · {cut}", "dim")]
        else:
            yield [("entropy ", "dim"), (bits, "figure")]
            yield [("choices ", "dim"), (choices, "figure")]
            yield [(f"filters: {cut}", "dim")]
            if self._then:
                yield [(self._then, "figure")]
            if self._copied:
                yield [("copied ", "dim"), (f"in a run of {self._copied:,}", "figure")]
        raw, shaped = "raw T 1".ljust(self._bar_width() + 5), f"drawn T {look.temperature:.2f}"
        yield [(f"{'':4}{raw}{shaped}", "dim")]

    def _taken(self, look: Look) -> Iterator[Part]:
        if look.taken:
            yield label(look.taken.text), f"heat{level(look.taken, 'surprise')}"
            yield f" rank {look.taken.rank}, {surprise(look.taken):.1f} bits", "figure"
        else:
            yield "not drawn yet", "dim"

    def _bars(self, candidate: Candidate, number: int, look: Look, full: float) -> Line:
        """One candidate: its sign, and two bars with percents, of which the longest of all is ``full``."""
        taken = look.taken is not None and look.taken.id == candidate.id
        mark = "▸" if number == self._choice else "●" if taken else " "
        name = "chosen" if number == self._choice else "taken" if taken else "token"
        width = self._bar_width()
        parts = [(f"{mark}{set_cell_size(label(candidate.text), 2)} ", name)]
        parts += [(bar(candidate.raw / full, width), "raw"), (f"{percent(candidate.raw):>4} ", "figure")]
        if not candidate.kept:
            return [*parts, ("cut".ljust(width + 5), "dim")]
        return [*parts, (bar(candidate.shaped / full, width), "shaped"), (f"{percent(candidate.shaped):>4} ", "figure")]

    def _bar_width(self) -> int:
        return max(2, (self.size.width - 4) // 2 - 5)

    def _foot(self) -> Iterator[Line]:
        """The surprise of the tokens over the whole passage, and where in it the lens is."""
        if not self._places:
            return
        cells = _spread(len(self._places), self.size.width)
        here = None if self._at is None else next((n for n, (a, b) in enumerate(cells) if a <= self._at < b), None)
        sparks = "".join(self._spark(first, end) for first, end in cells)
        yield [("surprise over the passage", "dim")]
        if here is None:
            yield [(sparks, "shaped")]
        else:
            yield [(sparks[:here], "shaped"), (sparks[here], "title"), (sparks[here + 1 :], "shaped")]

    def _spark(self, first: int, end: int) -> str:
        step = max(1, (end - first) // SAMPLES)
        bits = fmean(surprise(self._places[i].token) for i in range(first, end, step))
        return _LEVELS[min(7, int(bits / TOP_BITS * 8))]


def _spread(count: int, width: int) -> list[tuple[int, int]]:
    """``count`` tokens in at most ``width`` stretches of about the same length: first and end of each."""
    cells = min(count, width)
    return [(count * n // cells, count * (n + 1) // cells) for n in range(cells)]


def label(text: str) -> str:
    """A token's text as a sign that can be seen."""
    return _SIGNS.get(text) or visible(text).replace("\n", "↵").replace("\t", "⇥")


def bar(share: float, width: int) -> str:
    """A bar of ``width`` columns, filled to ``share``, in eighths of a column."""
    eighths = round(min(1.0, share) * width * 8)
    whole, rest = divmod(eighths, 8)
    return ("█" * whole + (_EIGHTHS[rest] if rest else "")).ljust(width)


def percent(share: float) -> str:
    """Two figures and a sign: 42%, 3.1%, or .04%."""
    number = share * 100
    return f"{number:.0f}%" if number >= 9.5 else f"{number:.1f}%" if number >= 0.95 else f"{number:.2f}"[1:] + "%"


assert cell_len("".join(_SIGNS.values())) == len(_SIGNS)
