"""A text in a file of several: a message, a row, a chapter."""

from __future__ import annotations

from typing import NamedTuple


class Record(NamedTuple):
    """A text and what its file says about it. ``author`` and ``time`` are as in the file, "" if it does not say."""

    text: str
    author: str = ""
    time: str = ""
