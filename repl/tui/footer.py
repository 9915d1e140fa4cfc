"""One line at the bottom with the keys that act now."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar, NamedTuple

from rich.cells import cell_len
from textual.content import Content
from textual.events import Click
from textual.screen import Screen
from textual.style import Style
from textual.widget import Widget


class FooterKey(NamedTuple):
    """A key in the footer: its first column, and its label and action."""

    column: int
    key: str
    label: str
    action: str

    @property
    def width(self) -> int:
        """Columns of key and label, with spaces."""
        return cell_len(self.key) + cell_len(self.label) + 3


class KeyFooter(Widget):
    """Draws the keys as a line of text, as many as fit.

    Textual's own footer makes a new widget for every key whenever one changes, and nothing is drawn until it is done.
    """

    COMPONENT_CLASSES: ClassVar[set[str]] = {"footer--key", "footer--label"}

    def on_mount(self) -> None:
        """Draw again whenever the active keys change."""
        self.screen.bindings_updated_signal.subscribe(self, self._handle_bindings_update)

    def render(self) -> Content:
        """Return the line."""
        key_style, label_style = (self.get_visual_style(f"footer--{name}") for name in ("key", "label"))
        parts: list[tuple[str, Style]] = []
        for footer_key in self._fitting_keys():
            parts += [(f" {footer_key.key} ", key_style), (f"{footer_key.label} ", label_style)]
        return Content.assemble(*parts)

    async def on_click(self, event: Click) -> None:
        """Run the action of the clicked key."""
        offset = event.get_content_offset(self)
        for footer_key in self._fitting_keys():
            if offset and footer_key.column <= offset.x < footer_key.column + footer_key.width:
                await self.app.run_action(footer_key.action)

    def _handle_bindings_update(self, screen: Screen[object]) -> None:
        if screen is self.screen:
            self.refresh()

    def _fitting_keys(self) -> Iterator[FooterKey]:
        """Yield the active keys from the left until the line is full."""
        column = 0
        for active in self.screen.active_bindings.values():
            binding = active.binding
            if not (binding.show and active.enabled):
                continue
            footer_key = FooterKey(column, self.app.get_key_display(binding), binding.description, binding.action)
            if column + footer_key.width > self.size.width:
                return
            yield footer_key
            column += footer_key.width
