"""The things in a text that a person can name and a unit may follow: quotation marks, the place in the line, and so on.

Each is a number for every character, as it is after that character: an opening quotation mark is inside, the closing
one is not any more. A thing that is there or not is 0 or 1.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float32]
Mask = NDArray[np.bool_]

MAX_SPEAKER_CHARS = 30
"""Characters before the colon of a speaker's name."""

MAX_SPEAKER_WORDS = 3
"""Words of a speaker's name, as in "Captain of Guard"."""

_QUOTE_ENDS = {'"': '"', "“": "”", "„": "“”", "«": "»", "»": "«", "「": "」"}
_QUOTED = "|".join(rf"{start}(?:(?!\n[ \t]*\n)[^{end}])*" for start, end in _QUOTE_ENDS.items())
_QUOTATION = re.compile(rf"(?P<inside>{_QUOTED})[\"“”«»」]?")
"""From an opening mark to the one that closes it, or to a blank line: a quotation of several paragraphs is opened again
in each, and closed in the last."""

_FULL_STOP = re.compile(r"(?P<inside>[.!?…][^\w]*)")
"""The end of a sentence, and all up to the first letter of the next."""

_BRACKETS = {"(": 1, "[": 1, "{": 1, ")": -1, "]": -1, "}": -1}


class Feature(NamedTuple):
    """A thing to follow: its name, and its values in a text (n,), given the text that ends an item ("" if none).

    ``is_number`` is False if it is there or not.
    """

    name: str
    measure: Callable[[str, str], Values]
    is_number: bool = False


def _inside(pattern: re.Pattern[str]) -> Callable[[str, str], Values]:
    """Return a function that is 1 in what the group "inside" of a pattern matches."""

    def measure(text: str, _end: str) -> Values:
        values = np.zeros(len(text), np.float32)
        for match in pattern.finditer(text):
            values[match.start("inside") : match.end("inside")] = 1
        return values

    return measure


def _letters(predicate: Callable[[str], bool]) -> Callable[[str, str], Values]:
    """Return a function that is 1 at the characters for which a predicate is true."""
    return lambda text, _end: _find(text, predicate).astype(np.float32)


def _since(predicate: Callable[[str], bool]) -> Callable[[str, str], Values]:
    """Return a function that counts the characters since the last one for which a predicate is true."""

    def measure(text: str, _end: str) -> Values:
        places = np.arange(len(text))
        return np.asarray(places - np.maximum.accumulate(np.where(_find(text, predicate), places, -1)), np.float32)

    return measure


def _in_heading(text: str, _end: str) -> Values:
    values, start = np.zeros(len(text), np.float32), 0
    for line in text.split("\n"):
        values[start : start + _heading_length(line)] = 1
        start += len(line) + 1
    return values


def _heading_length(line: str) -> int:
    """Return the length of the name or heading that a line begins with: all of it if that is in capitals."""
    if line.isupper() and sum(map(str.isalpha, line)) > 1:
        return len(line)
    name, colon, said = line[: MAX_SPEAKER_CHARS + 1].partition(":")
    is_name = name[:1].isupper() and len(name.split()) <= MAX_SPEAKER_WORDS and (not said or said[0].isspace())
    return len(name) + 1 if colon and is_name else 0


def _depth(text: str, _end: str) -> Values:
    """Count the brackets that are open. A blank line closes round and square ones: smileys are never closed."""
    depths, open_marks = np.zeros(len(text), np.float32), list[str]()
    for place, character in enumerate(text):
        step = _BRACKETS.get(character, 0)
        if step > 0:
            open_marks.append(character)
        elif step and open_marks:
            open_marks.pop()
        elif character == "\n" and text[place - 1 : place] == "\n":
            open_marks = [mark for mark in open_marks if mark == "{"]
        depths[place] = len(open_marks)
    return depths


def _line_number(text: str, end: str) -> Values:
    """Count the lines since the last blank one, or in an item, from 1."""
    lines = _find(text, "\n".__eq__)
    count = np.cumsum(lines)
    restarts = lines if end == "\n" else lines & np.append(False, lines[:-1])
    return np.asarray(count - np.maximum.accumulate(np.where(restarts, count, 0)) + 1, np.float32)


def _find(text: str, predicate: Callable[[str], bool]) -> Mask:
    codes = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32)
    return np.isin(codes, [ord(character) for character in set(text) if predicate(character)])


FEATURES = (
    Feature("inside quotation marks", _inside(_QUOTATION)),
    Feature("place in the line", _since("\n".__eq__), is_number=True),
    Feature("in a name or heading", _in_heading),
    Feature("inside brackets", lambda text, end: np.minimum(_depth(text, end), 1)),
    Feature("depth of brackets", _depth, is_number=True),
    Feature("after a full stop", _inside(_FULL_STOP)),
    Feature("inside a word", _letters(str.isalnum)),
    Feature("letters since the space", _since(str.isspace), is_number=True),
    Feature("line of the stanza", _line_number, is_number=True),
    Feature("upper case", _letters(str.isupper)),
)
"""The things that units are ranked by."""
