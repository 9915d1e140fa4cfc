"""Foreign text made safe for terminals and chats: control characters are shown, not obeyed."""

from __future__ import annotations

import re
from collections.abc import Sequence

MAX_LINE = 1000
"""Maximum characters of a line that is shown: an error, a notice, a name with its description."""

_CUT = " […] "

_CONTROLS = "\x00-\x08\x0b-\x1f\x7f-\x9f"
_LINE_ENDS_AND_BIDI = "\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069"
_NO_CHARACTERS = "\ud800-\udfff\ufffe\uffff"
"""Lone surrogates, and two codes that XML does not permit."""

_INVISIBLE = (
    "\u00ad\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200d\u2060-\u2065\u206a-\u206f\u3164"
    "\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
"""Unicode's default-ignorable characters, such as zero-width spaces, joiners, variation selectors and tags."""

_IN_TEXT = f"{_CONTROLS}{_LINE_ENDS_AND_BIDI}{_NO_CHARACTERS}"
_IN_LINE = f"\n\t{_IN_TEXT}"
_IN_NAME = f"{_INVISIBLE}{_IN_LINE}"

_TOKEN_SIGNS = {" ": "␣", "\n": "↵", "\t": "⇥", "": "∅"}


def escape_controls(text: str) -> str:
    """Return ``text`` without control characters. Newline and tab stay, and so does the number of characters.

    C0 controls become their pictures (U+2400 and so on). C1 controls, other line ends, bidirectional controls, lone
    surrogates, U+FFFE and U+FFFF become U+FFFD. Joiners and other invisible characters stay: scripts and emoji need
    them.
    """
    return _escape(_IN_TEXT, text)


def escape_line(text: str) -> str:
    """Return ``text`` as one line of any length: like ``escape_controls``, but newlines and tabs are shown too."""
    return _escape(_IN_LINE, text)


def one_line(text: str) -> str:
    """Return ``text`` as one line of at most ``MAX_LINE`` characters, so that a name in it cannot forge a line.

    The middle of a longer text is left out: the end of an error often says what to do.
    """
    half = (MAX_LINE - len(_CUT)) // 2
    return escape_line(text if len(text) <= MAX_LINE else f"{text[:half]}{_CUT}{text[-half:]}")


def token_label(text: str) -> str:
    """Return the text of a token with newlines, tabs, control characters and a single space made visible."""
    return _TOKEN_SIGNS.get(text) or escape_controls(text).replace("\n", "↵").replace("\t", "⇥")


def visible_name(name: str) -> str:
    """Return a name as one line in which invisible characters are shown too, so that no two names look the same."""
    return _escape(_IN_NAME, name)


def list_characters(characters: Sequence[str], most: int) -> str:
    """Return the first ``most`` characters with spaces between them, and the number of the others.

    A space is shown as ␣, what cannot be printed as Python escapes it.
    """
    shown = (
        "␣" if character == " " else ascii(character)[1:-1] if not character.isprintable() else character
        for character in characters[:most]
    )
    more = len(characters) - most
    return " ".join(shown) + (f" and {more:,} more" if more > 0 else "")


def _escape(characters: str, text: str) -> str:
    if text.isascii() and text.isprintable():
        return text
    return re.sub(f"[{characters}]", _picture, text)  # compiled at the first use, 1 ms, and kept


def _picture(match: re.Match[str]) -> str:
    """Return the picture of a C0 control, U+FFFD for any other character."""
    code = ord(match[0])
    return chr(0x2400 + code) if code < 32 else "\u2421" if code == 127 else "\ufffd"
