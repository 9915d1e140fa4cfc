"""The keys that do something now, in one line at the bottom."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from rich.cells import cell_len
from textual.content import Content
from textual.events import Click
from textual.screen import Screen
from textual.widget import Widget


class KeyFooter(Widget):
    """Drawn as a line of text: Textual's own footer makes a widget for each key anew whenever one comes or goes, and
    meanwhile nothing else is drawn. What does not fit is left out.
    """

    COMPONENT_CLASSES: ClassVar[set[str]] = {"keyline--key", "keyline--what"}

    def on_mount(self) -> None:
        """Follow what can be done."""
        self.screen.bindings_updated_signal.subscribe(self, self._handle_bindings_update)

    def render(self) -> Content:
        """As many keys as there is room for."""
        key, what = (self.get_visual_style(f"keyline--{name}") for name in ("key", "what"))
        shown = (((f" {sign} ", key), (f"{told} ", what)) for _, _, sign, told in self._keys_that_fit())
        return Content.assemble(*(part for pair in shown for part in pair))

    async def on_click(self, event: Click) -> None:
        """A click does what the key does."""
        offset = event.get_content_offset(self)
        for start, action, sign, told in self._keys_that_fit():
            if offset and start <= offset.x < start + _key_width(sign, told):
                await self.app.run_action(action)

    def _handle_bindings_update(self, screen: Screen[object]) -> None:
        if screen is self.screen:
            self.refresh()

    def _keys_that_fit(self) -> Iterator[tuple[int, str, str, str]]:
        """The column of each key that fits, its action, its sign, and what it does."""
        at = 0
        for active in self.screen.active_bindings.values():
            binding = active.binding
            if not (binding.show and active.enabled):
                continue
            sign = self.app.get_key_display(binding)
            width = _key_width(sign, binding.description)
            if at + width > self.size.width:
                return
            yield at, binding.action, sign, binding.description
            at += width


def _key_width(key: str, label: str) -> int:
    return cell_len(key) + cell_len(label) + 3
