"""The joint between a format and the text that is learned: a reader makes records of a document."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from ..formats import ReadOptions
    from .text_document import TextDocument


class Record(NamedTuple):
    """A text in a file of several, such as a message, and what the file says about it.

    ``author`` and ``time`` are as in the file, "" if it does not say.
    """

    text: str
    author: str = ""
    time: str = ""


@dataclass(frozen=True, slots=True)
class Reader:
    """A format. ``name`` is what ``--as`` takes, ``title`` the format in words: "a WhatsApp export".

    ``recognizes`` looks at the beginning of a document. ``records`` yields the texts in it, and raises
    TextError. ``items`` is their name in messages. ``is_whole`` is True if the records are pieces of one text
    and nothing comes between them. ``takes_bytes`` is True if the encoding is inside of the file.
    """

    name: str
    title: str
    recognizes: Callable[[TextDocument], bool]
    records: Callable[[TextDocument, ReadOptions], Iterator[Record]]
    items: str = "texts"
    is_whole: bool = False
    takes_bytes: bool = False
