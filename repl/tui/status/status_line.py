"""The status line: model, temperature on its scale, and what else is to be known. The mouse turns the temperature."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, NamedTuple

from rich.cells import cell_len
from textual.color import Gradient
from textual.content import Content
from textual.events import MouseDown, MouseMove, MouseScrollDown, MouseScrollUp, MouseUp
from textual.message import Message
from textual.reactive import reactive
from textual.style import Style
from textual.widget import Widget

from ....core.sanitize import one_line
from ....core.session.session import Session
from ....core.setting_types import Ramp
from ....core.text.copy_tracker import CopyTracker
from .thermometer import Thermometer

MIN_SCALE_WIDTH = 9
"""Minimum columns of the scale."""

COMFORTABLE_SCALE_WIDTH = 21
"""Columns of the scale that other parts are left out for: a cell for every second step of the temperature."""

MAX_SCALE_WIDTH = 41
"""Maximum columns of the scale: a cell for each step of the temperature."""

SCALE_ENDS = ("strict ", " diverse")
"""Names of the ends of the scale."""

LEFT_OUT_FIRST = (
    *("ends", "model", "speed", "longest", "comfort", "unseen", "copied"),
    *("learned", "filters", "scale", "version"),
)
"""Parts that are left out of a line that is too narrow, the least important first. ``comfort`` is a longer scale."""


class Status(NamedTuple):
    """Everything that the status line shows. Empty texts are left out. ``notes`` are (name, text) pairs."""

    thermometer: Thermometer = Thermometer(1.0)
    model: str = ""
    notes: tuple[tuple[str, str], ...] = ()


class StatusLayout(NamedTuple):
    """Text left and right of the scale, the scale's first column and its width, and True to name its ends."""

    left: str
    right: str
    scale_column: int
    scale_width: int
    names_ends: bool


def describe_temperature(session: Session, ticks: tuple[float, ...], chosen_tick: int) -> Thermometer:
    """Return the thermometer of a session. On a ramp it shows the temperature of the next token of a text."""
    temperature = session.settings.temperature
    now = session.temperature if session.playing and isinstance(temperature, Ramp) else None
    return Thermometer(temperature, now, ticks, chosen_tick)


def describe_session(
    session: Session, copy_tracker: CopyTracker | None, version: str, activity: str
) -> tuple[tuple[str, str], ...]:
    """Return the notes of a session: those that say something.

    ``copy_tracker`` finds copied runs in the text that is shown; it is None if none is, or copies are not tracked.
    """
    settings = session.settings
    notes = {
        "filters": settings.format_active_filters(),
        **(copy_tracker.parts() if copy_tracker and copy_tracker.longest_run else {}),
        "learned": session.listener.summary(session.model, brief=True),
        "speed": settings.format_speed() if settings.speed != session.default_of("speed") else "",
        "version": version,
        "activity": activity,
    }
    return tuple((name, one_line(text)) for name, text in notes.items() if text)


def lay_out(status: Status, width: int) -> StatusLayout:
    """Return the layout of the line for a width. Parts that do not fit are left out."""
    for count in range(len(LEFT_OUT_FIRST)):
        layout = _lay_out_without(LEFT_OUT_FIRST[:count], status, width)
        if layout.scale_width >= 0:
            return layout
    return _lay_out_without(LEFT_OUT_FIRST, status, width)


def _lay_out_without(left_out: Sequence[str], status: Status, width: int) -> StatusLayout:
    """Return the layout without some of LEFT_OUT_FIRST. Its scale's width is below 0 if the others do not fit."""
    model = f"{status.model}  " if status.model and "model" not in left_out else ""
    left = f" {model}{status.thermometer.label}  "
    right = " · ".join(text for name, text in status.notes if name not in left_out)
    room = width - cell_len(left) - cell_len(right) - 3
    if "ends" not in left_out:
        before, after = map(len, SCALE_ENDS)
        fits = room >= MAX_SCALE_WIDTH + before + after
        return StatusLayout(left, right, cell_len(left) + before, MAX_SCALE_WIDTH if fits else -1, names_ends=True)
    if "scale" not in left_out:
        needed = MIN_SCALE_WIDTH if "comfort" in left_out else COMFORTABLE_SCALE_WIDTH
        scale_width = min(MAX_SCALE_WIDTH, room - (room + 1) % 2) if room >= needed else -1
    else:
        scale_width = min(0, room)
    return StatusLayout(left, right, cell_len(left), scale_width, names_ends=False)


class StatusLine(Widget):
    """One line with a Status. The wheel turns the temperature by a step; a click or drag on the scale sets it."""

    ALLOW_SELECT = False
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        f"status-line--{name}" for name in ("number", "scale", "cold", "mild", "hot")
    }

    status: reactive[Status] = reactive(Status())

    class TemperatureTurned(Message):
        """The wheel was turned: ``direction`` is "+" or "-"."""

        def __init__(self, direction: str) -> None:
            super().__init__()
            self.direction = direction

    class TemperatureSet(Message):
        """A temperature was chosen on the scale."""

        def __init__(self, temperature: float) -> None:
            super().__init__()
            self.temperature = temperature

    def __init__(self) -> None:
        super().__init__(id="status")
        self._dragged_in: StatusLayout | None = None
        self._dragged_to: float | None = None

    def render(self) -> Content:
        """Return the line."""
        layout = lay_out(self.status, self.size.width)
        number = f"{self.status.thermometer.label}  "
        before, after = SCALE_ENDS if layout.names_ends else ("", "")
        return Content.assemble(
            layout.left.removesuffix(number),
            (number, self.get_visual_style("status-line--number")),
            before,
            *self._scale(layout.scale_width),
            f"{after}  {layout.right}" if layout.scale_width > 0 else layout.right,
        )

    def on_mouse_scroll_up(self, event: MouseScrollUp) -> None:
        """Raise the temperature by a step."""
        event.stop()
        self.post_message(self.TemperatureTurned("+"))

    def on_mouse_scroll_down(self, event: MouseScrollDown) -> None:
        """Lower the temperature by a step."""
        event.stop()
        self.post_message(self.TemperatureTurned("-"))

    def on_mouse_down(self, event: MouseDown) -> None:
        """Set the temperature to that of the cell, and follow the mouse until its button is released."""
        layout = lay_out(self.status, self.size.width)
        if 0 <= event.x - layout.scale_column < layout.scale_width:
            self.capture_mouse()
            self._dragged_in = layout
            self._drag_to(event.x, layout)

    def on_mouse_move(self, event: MouseMove) -> None:
        """Follow the mouse while its button is down. Some terminals do not tell of a release outside of them."""
        if self._dragged_in and event.button:
            self._drag_to(event.x, self._dragged_in)

    def on_mouse_up(self, event: MouseUp) -> None:  # noqa: ARG002
        """Follow the mouse no longer."""
        self._dragged_in = self._dragged_to = None
        self.release_mouse()

    def _drag_to(self, x: int, layout: StatusLayout) -> None:
        """Set the temperature at a column of the layout in which the drag began."""
        temperature = self.status.thermometer.temperature_at(x - layout.scale_column, layout.scale_width)
        if temperature != self._dragged_to:
            self._dragged_to = temperature
            self.post_message(self.TemperatureSet(temperature))

    def _scale(self, width: int) -> list[tuple[str, Style]]:
        """Return the cells of the scale. Filled ones have the color of their temperature."""
        colors = (self.get_component_styles(f"status-line--{name}").color for name in ("cold", "mild", "hot"))
        gradient = Gradient(*zip((0, 0.5, 1), colors, strict=True))
        plain = self.get_visual_style("status-line--scale")
        return [
            (sign, Style(foreground=gradient.get_color(cell / width)) if filled else plain)
            for cell, (sign, filled) in enumerate(self.status.thermometer.cells(width))
        ]
