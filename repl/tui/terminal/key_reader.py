"""Keys, pastes and reports from the bytes of a terminal, whichever bytes come."""

from __future__ import annotations

import time
from codecs import getincrementaldecoder
from collections.abc import Iterator
from string import ascii_letters, digits, punctuation
from typing import Any, NamedTuple, cast

from textual._ansi_sequences import ANSI_SEQUENCES_KEYS
from textual._parser import Parser
from textual._xterm_parser import BRACKETED_PASTE_END, BRACKETED_PASTE_START, XTermParser
from textual.events import Key, Paste, Resize
from textual.keys import Keys
from textual.message import Message

PASTE_TIMEOUT = 5.0
"""Seconds without a byte after which a paste whose end mark is missing ends. Else no key would act again."""

MAX_SIDE = 4000
"""Columns or rows above which a report of the terminal's size is wrong. Such a screen would take all memory."""

NO_SEQUENCE = {" ", *punctuation} - set("[]\\^_")
"""Characters that no escape sequence begins with. After an Esc key, tmux may send them at once."""


class KeyReader:
    """Reads what a terminal sends with Textual's parser.

    Bytes that are not UTF-8 become U+FFFD. Reports with impossible numbers are left out. All between the two marks of
    a paste is its text, where Textual would read an escape sequence as keys.
    """

    def __init__(self) -> None:
        self._decode = getincrementaldecoder("utf-8")("replace").decode
        self._parser = XTermParser()
        self._latest = ""  # the last characters parsed, with which the mark of a paste may begin
        self._previous = ""  # the last character parsed, of keys that are not complete
        self._pasted = ""
        self._paste_deadline: float | None = None  # None outside a paste
        self._resize: Resize | None = None

    def feed(self, data: bytes) -> Iterator[Message]:
        """Yield the messages in ``data``, which may begin and end within a character, a report or a paste."""
        text = self._decode(data)
        while text:
            if self._paste_deadline is None:
                keys, text = self._split_at_paste(text)
                yield from self._parse(keys)
            else:
                self._paste_deadline = time.monotonic() + PASTE_TIMEOUT
                ended, text = self._add_to_paste(text)
                yield from self._end_paste() if ended else ()

    def tick(self) -> Iterator[Message]:
        """Yield what has waited for more bytes for too long: an Esc key, or a paste without an end."""
        if self._paste_deadline is not None and time.monotonic() > self._paste_deadline:
            yield from self._end_paste()
        for message in self._parser.tick():
            self._previous = ""
            yield message

    def _split_at_paste(self, text: str) -> tuple[str, str]:
        """Return the keys before a paste, with its mark, and the rest, which is in the paste."""
        known = len(self._latest)
        before, mark, pasted = f"{self._latest}{text}".partition(BRACKETED_PASTE_START)
        keys = f"{before}{mark}"[known:]
        self._latest = "" if mark else before[-len(BRACKETED_PASTE_START) + 1 :]
        self._paste_deadline = time.monotonic() + PASTE_TIMEOUT if mark else None
        return keys, pasted

    def _add_to_paste(self, text: str) -> tuple[bool, str]:
        """Add to the paste. Return True if it has ended, and the text after it."""
        start = max(0, len(self._pasted) - len(BRACKETED_PASTE_END) + 1)
        self._pasted += text
        end = self._pasted.find(BRACKETED_PASTE_END, start)
        if end < 0:
            return False, ""
        rest = self._pasted[end + len(BRACKETED_PASTE_END) :]
        self._pasted = self._pasted[:end]
        return True, rest

    def _end_paste(self) -> Iterator[Message]:
        text, self._pasted, self._paste_deadline = self._pasted, "", None
        for message in self._parse(BRACKETED_PASTE_END):
            if not isinstance(message, Paste):  # an empty one: the parser has seen nothing but the marks
                yield message
        yield Paste(text.replace("\0", ""))

    def _parse(self, keys: str) -> Iterator[Message]:
        """Yield the messages in ``keys``. A report that the parser cannot take costs no other.

        Of Esc and a character that begins no sequence, the parser would lose the Esc key, or type it as ^.
        """
        for character in keys:
            if self._previous == "\x1b" and character in NO_SEQUENCE:
                Parser.__init__(self._parser)
                yield Key("escape", "\x1b")
            self._previous = character
            try:
                messages = list(self._parser.feed(character))
            except (ValueError, ArithmeticError):  # of int(), chr() and a size of 0
                Parser.__init__(self._parser)
                continue
            yield from filter(self._is_possible, messages)

    def _is_possible(self, message: Message) -> bool:
        """Return False for a report of an impossible size, which the parser forgets."""
        if not isinstance(message, Resize):
            return True
        if all(0 < side <= MAX_SIDE for side in message.size):
            self._resize = message
            return True
        last = self._resize
        self._parser.mouse_pixels = last is not None
        self._parser.terminal_size = last.size if last else None
        self._parser.terminal_pixel_size = last.pixel_size if last else None
        return False


class NamedKey(NamedTuple):
    """A key in Textual's table of sequences, with ``value`` as its name."""

    value: str


def register_alt_keys() -> None:
    """Make Textual know what most terminals send for Alt-Enter, and for Alt with a letter or a digit.

    It reads Alt-Enter as Enter, and waits for more after Alt and a letter: of two such keys in quick succession, the
    first one types ^ and the letter. Alt-Enter becomes Ctrl-J.
    """
    table = cast("dict[str, Any]", ANSI_SEQUENCES_KEYS)
    for sequence in ("\x1b\r", "\x1b\n"):
        table.setdefault(sequence, (Keys.ControlJ,))
    begun = {sequence[:2] for sequence in table if len(sequence) > 2} | {"\x1bN", "\x1bP", "\x1bX"}
    for character in ascii_letters + digits:
        sequence = f"\x1b{character}"
        if sequence not in begun:
            shift = "shift+" if character.isupper() else ""
            table[sequence] = (NamedKey(f"alt+{shift}{character.lower()}"),)
