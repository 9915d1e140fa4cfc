"""HTML for notebooks. ``core.render`` draws it, above most of what it draws, and so is registered here from above."""

from __future__ import annotations

from collections.abc import Callable

Draw = Callable[[object], str]

_drawings: list[Callable[[], Draw]] = []


def register_drawing(open_drawing: Callable[[], Draw]) -> None:
    """Let ``draw_html`` use the function that ``open_drawing`` returns. It is opened when a notebook first asks."""
    _drawings[:] = [open_drawing]


def draw_html(thing: object) -> str:
    """Return ``thing`` as HTML without scripts, readable on light and dark pages."""
    return _drawings[0]()(thing)


class HtmlView:
    """Base of what a notebook shows as HTML (IPython's protocol)."""

    __slots__ = ()

    def _repr_html_(self) -> str:
        return draw_html(self)
