"""One line at the bottom with keys that act now."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import accumulate
from typing import ClassVar, NamedTuple

from rich.cells import cell_len
from textual.binding import Binding
from textual.content import Content
from textual.events import Click
from textual.reactive import reactive
from textual.widget import Widget

from ..keys.keymap import BINDINGS_BY_ID
from .footer_hints import ALWAYS, PALETTE_HINTS, Hint, MainState, hints_for


class FooterKeys(NamedTuple):
    """One key or two with a label. ``signs`` are pairs of a key and its sign."""

    signs: tuple[tuple[str, str], ...]
    label: str

    @property
    def text(self) -> tuple[str, str]:
        """Signs and label, with spaces."""
        return f" {''.join(sign for _, sign in self.signs)} ", f"{self.label} "

    @property
    def width(self) -> int:
        """Columns of the text."""
        return cell_len("".join(self.text))

    def key_at(self, column: int) -> str | None:
        """Return the key at a column of the text, None if two keys share the label that is there."""
        ends = accumulate(cell_len(sign) for _, sign in self.signs)
        under = (key for (key, _), end in zip(self.signs, ends, strict=True) if column <= end)
        return next(under, self.signs[0][0] if len(self.signs) == 1 else None)


class KeyFooter(Widget):
    """The keys of a page, as many as fit. A click on one presses it.

    Textual's own footer makes a new widget for every key whenever one changes, and nothing is drawn until it is done.
    """

    ALLOW_SELECT = False
    COMPONENT_CLASSES: ClassVar[set[str]] = {"footer--key", "footer--label"}

    def __init__(self, *hints: Hint) -> None:
        super().__init__()
        self._hints = hints

    def render(self) -> Content:
        """Return the line."""
        styles = [self.get_visual_style(f"footer--{name}") for name in ("key", "label")]
        line, column = Content(), 0
        for start, keys in self._placed_keys():
            line += Content(" " * (start - column))
            line += Content.assemble(*zip(keys.text, styles, strict=True))
            column = start + keys.width
        return line

    def on_click(self, event: Click) -> None:
        """Press the clicked key."""
        offset = event.get_content_offset(self)
        for start, keys in self._placed_keys():
            key = keys.key_at(offset.x - start) if offset and start <= offset.x < start + keys.width else None
            if key:
                self.app.simulate_key(key)

    def left_hints(self) -> Iterable[Hint]:
        """Return the keys to show, the most important first."""
        return self._hints

    def right_hints(self) -> Iterable[Hint]:
        """Return the keys at the right end of the line, which come before all others if there is little room."""
        return ()

    def binding(self, id_: str) -> Binding:
        """Return a binding of the page with the key that it has now, or one of the key that is called ``id_``."""
        active = (each.binding for each in self.screen.active_bindings.values() if each.binding.id == id_)
        return next(active, Binding(id_, ""))

    def _placed_keys(self) -> Iterator[tuple[int, FooterKeys]]:
        """Yield the first column of keys, and the keys."""
        right = self._fitting_keys(self.right_hints(), self.size.width)
        right_start = self.size.width - sum(keys.width for keys in right)
        yield from _place(self._fitting_keys(self.left_hints(), right_start), 0)
        yield from _place(right, right_start)

    def _fitting_keys(self, hints: Iterable[Hint], width: int) -> list[FooterKeys]:
        """Return the keys of the first ``hints``, as many as fit into ``width`` columns."""
        keys = [FooterKeys(tuple(map(self._key_and_sign, hint.ids)), hint.label) for hint in hints]
        ends = accumulate(each.width for each in keys)
        return [each for each, end in zip(keys, ends, strict=True) if end <= width]

    def _key_and_sign(self, id_: str) -> tuple[str, str]:
        binding = self.binding(id_)
        return binding.key, self.app.get_key_display(binding)


class MainFooter(KeyFooter):
    """The keys of the main screen that matter in its state. ``keymap`` are the keys that the user has changed.

    While the toolkit's palette of commands is open, which has no such line, ``is_palette_open`` is True.
    """

    state: reactive[MainState] = reactive(MainState())
    is_palette_open: reactive[bool] = reactive(False)

    def __init__(self, keymap: Mapping[str, str]) -> None:
        super().__init__()
        self._keymap = keymap

    def left_hints(self) -> Iterable[Hint]:
        """Return the keys that matter now."""
        return PALETTE_HINTS if self.is_palette_open else hints_for(self.state)

    def right_hints(self) -> Iterable[Hint]:
        """Return the keys that matter always."""
        return () if self.is_palette_open else ALWAYS

    def binding(self, id_: str) -> Binding:
        """Return a binding with the first of its keys, also of those that act in an empty input line only."""
        binding = BINDINGS_BY_ID.get(id_, Binding(id_, ""))
        display = None if id_ in self._keymap else binding.key_display
        key = self._keymap.get(id_, binding.key).split(",")[0].strip()
        return replace(binding, key=key, key_display=display)


def _place(keys: Iterable[FooterKeys], column: int) -> Iterator[tuple[int, FooterKeys]]:
    for each in keys:
        yield column, each
        column += each.width
