"""The lens: what there is, or was, to choose from at one place of the text, as bars. Draws a Look, knows no session."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from statistics import fmean as mean
from typing import ClassVar

from rich.cells import cell_len, set_cell_size
from textual.content import Content
from textual.events import Click
from textual.message import Message
from textual.style import Style
from textual.widget import Widget

from ..core.heat import level, surprise
from ..core.lens import Candidate, Look
from ..core.visible import visible
from .wrapping import Place

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
        self._at: int | None = None
        self._places: Sequence[Place] = ()
        self._first, self._head = 0, 0

    def show(
        self,
        look: Look | None,
        title: str = "",
        choice: int | None = None,
        places: Sequence[Place] = (),
        at: int | None = None,
    ) -> None:
        """Show a look under a title, one of its candidates chosen; ``at`` is the token's number among ``places``."""
        self._look, self._title, self._choice, self._places, self._at = look, title, choice, places, at
        self.refresh()

    def on_click(self, event: Click) -> None:
        """Tell which candidate was clicked on."""
        offset = event.get_content_offset(self)
        number = offset.y - self._head + self._first if offset else -1
        if self._look and offset and offset.y >= self._head and number < len(self._look.candidates):
            self.post_message(self.Chosen(number))

    def render(self) -> Content:
        """As many candidates as there is room for."""
        if self._look is None:
            return Content.assemble(
                ("what comes next\n", self._style("title")), ("type a seed first", self._style("dim"))
            )
        head = list(self._told(self._look))
        foot = list(self._foot()) if self.size.height >= len(head) + 5 else []
        room = max(1, self.size.height - len(head) - len(foot))
        self._head = len(head)
        self._first = max(0, min((self._choice or 0) - room + 2, len(self._look.candidates) - room))
        shown = self._look.candidates[self._first : self._first + room]
        bars = [self._bars(each, number + self._first, self._look) for number, each in enumerate(shown)]
        bars += [Content("")] * (room - len(bars))
        return Content("\n").join([*head, *bars, *foot])

    def _told(self, look: Look) -> Iterator[Content]:
        """The figures, in few lines where there are few."""
        before, after = look.choices
        tall = self.size.height >= TALL
        title, taken = (self._title, self._style("title")), list(self._taken(look))
        if tall:
            yield Content.assemble(title)
            yield Content.assemble(*taken)
        else:
            yield Content.assemble(title, " · ", *taken)
        bits = f"{look.raw_entropy:.1f} → {look.shaped_entropy:.1f} bits"
        choices = f"{before:.1f} → {after:.1f}"
        cut = f"{look.cut} cut, {look.cut_share:.1%}" if look.cut else "nothing cut"
        if not tall:
            yield self._figures(("", f"{bits} · {choices} choices"), (f" · {cut}", ""))
        else:
            yield self._figures(("entropy ", bits))
            yield self._figures(("choices ", choices))
            yield self._figures((f"filters: {cut}", ""))
        width = self._bar_width()
        raw, shaped = "raw T 1".ljust(width + 5), f"drawn T {look.temperature:.2f}"
        yield Content.assemble((f"{'':4}{raw}{shaped}"[: self.size.width], self._style("dim")))

    def _taken(self, look: Look) -> Iterator[tuple[str, Style]]:
        if look.taken:
            yield label(look.taken.text), self._style(f"heat{level(look.taken, 'surprise')}")
            yield f" rank {look.taken.rank}, {surprise(look.taken):.1f} bits", self._style("figure")
        else:
            yield "not drawn yet", self._style("dim")

    def _figures(self, *parts: tuple[str, str]) -> Content:
        pieces = [
            piece for name, value in parts for piece in ((name, self._style("dim")), (value, self._style("figure")))
        ]
        return Content.assemble(*pieces)

    def _bars(self, candidate: Candidate, number: int, look: Look) -> Content:
        """One candidate: its sign, and two bars with percents."""
        taken = look.taken is not None and look.taken.id == candidate.id
        mark = "▸" if number == self._choice else "●" if taken else " "
        look_of = "chosen" if number == self._choice else "taken" if taken else "token"
        full = max(max(each.raw, each.shaped) for each in look.candidates)
        width = self._bar_width()
        parts = [(f"{mark}{set_cell_size(label(candidate.text), 2)} ", self._style(look_of))]
        parts += self._bar(candidate.raw, full, width, "raw")
        parts += self._bar(candidate.shaped, full, width, "shaped") if candidate.kept else self._cut(width)
        return Content.assemble(*parts)

    def _bar(self, share: float, full: float, width: int, look: str) -> list[tuple[str, Style]]:
        return [(bar(share / full, width), self._style(look)), (f"{percent(share):>4} ", self._style("figure"))]

    def _cut(self, width: int) -> list[tuple[str, Style]]:
        return [("cut".ljust(width + 5), self._style("dim"))]

    def _bar_width(self) -> int:
        return max(2, (self.size.width - 4) // 2 - 5)

    def _foot(self) -> Iterator[Content]:
        """The surprise of the tokens over the whole passage, and where in it the lens is."""
        if not self._places:
            return
        width = self.size.width
        cells = _spread(len(self._places), width)
        here = None if self._at is None else next((n for n, (a, b) in enumerate(cells) if a <= self._at < b), None)
        pieces = [self._spark(first, end, number == here) for number, (first, end) in enumerate(cells)]
        yield Content.assemble(("surprise over the passage"[:width], self._style("dim")))
        yield Content.assemble(*pieces)

    def _spark(self, first: int, end: int, here: bool) -> tuple[str, Style]:
        step = max(1, (end - first) // SAMPLES)
        bits = mean(surprise(self._places[i].token) for i in range(first, end, step))
        return _LEVELS[min(7, int(bits / TOP_BITS * 8))], self._style("chosen" if here else "shaped")

    def _style(self, name: str) -> Style:
        return self.get_visual_style(f"lens--{name}")


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
