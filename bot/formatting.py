"""Turns texts into Discord messages and back: never too long, never empty, with markup and mentions escaped."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from ..core.sanitize import escape_controls, one_line
from .setting_specs import MAX_MESSAGE

MAX_SHOWN_SEED = 1000
"""Maximum length of the seed above a text, in code points after escaping. A longer seed is cut to its end."""

_FOOTER_ROOM = 400
"""Code points reserved for the small lines under a text."""

_MAX_FOOTER_LINE = 200
_BLANK_NOTICE = "\n-# the model produced only whitespace"

_PAGE_SPACE = MAX_MESSAGE - _FOOTER_ROOM - len(_BLANK_NOTICE)
"""Code points of escaped text on a page, so that the small lines fit too if it is the last."""

_ELLIPSIS = "…\u200b"
"""Begins a seed that was cut to its end. The zero-width space distinguishes it from an ellipsis in the seed itself."""

CURSOR = " ▌"
"""Shown after a text that is still being written."""

_ZERO_WIDTH_SPACE = "\u200b"
"""Protects whitespace after it: Discord strips whitespace, but not this, from both ends of a message."""

_INVISIBLE = "[\u00ad\u034f\u200b-\u200d\u2060\ufe00-\ufe0f]*"
"""Invisible characters, which could hide a blocked word if they stand between its letters."""

_LINK = r"https?://[^\s<>`*|~\\]+"
_MARKUP = r"[\\*_~|`]|\](?=\()|<(?=[@#:/ati])"
_BLOCK = r"^[ \t]*(?=[>-]|#{1,3}\s)"
_TO_ESCAPE = re.compile(f"(?P<link>{_LINK})|(?P<markup>{_MARKUP})|(?P<before_block>{_BLOCK})", re.MULTILINE)
_ESCAPED = re.compile(r"\\([\\*_~|`\]<>#-])")
_MENTION = re.compile(r"@(?=everyone|here)|(?<=<)@(?=[!&]?\d)")
_COMBINING_MARKS = "[\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f]"
_STACKED_MARKS = re.compile(f"({_COMBINING_MARKS}{{3}}){_COMBINING_MARKS}+")
_SMALL_LINES = re.compile(r"(?:\n-# [^\n]*)+\Z")
_BOLD = re.compile(r"\*\*((?:\\.|[^\\*])*)\*\*", re.DOTALL)


def clean(text: str) -> str:
    """Return ``text`` with control characters made visible and at most three combining marks in a row."""
    return _STACKED_MARKS.sub(r"\1", escape_controls(text))


def escape(text: str) -> str:
    """Return ``text``, cleaned, with markup and mentions escaped: Discord then shows them as plain characters."""
    return _MENTION.sub("@\u200b", _TO_ESCAPE.sub(_escape_match, clean(text)))


def unescape(content: str) -> str:
    """Return the text that ``escape`` was given, except for what it cleaned."""
    return _ESCAPED.sub(r"\1", content.replace("@\u200b", "@"))


def _escape_match(match: re.Match[str]) -> str:
    if match["markup"]:
        return f"\\{match['markup']}"
    return match["link"] or f"{match['before_block']}\\"


class Blocklist:
    """Words that are not shown. They match as whole words, in upper or lower case."""

    def __init__(self, words: Iterable[str] = ()) -> None:
        alternatives = "|".join(_INVISIBLE.join(map(re.escape, word.strip())) for word in words if word.strip())
        self._pattern = re.compile(rf"(?<!\w)(?:{alternatives})(?!\w)", re.IGNORECASE) if alternatives else None

    def contains(self, text: str) -> bool:
        """Return True if ``text`` contains one of the words."""
        return bool(self._pattern and self._pattern.search(text))

    def mask(self, text: str) -> str:
        """Return ``text`` with every character of these words replaced by a dot. The length stays the same."""
        return self._pattern.sub(lambda match: "•" * len(match[0]), text) if self._pattern else text


class ShownSeed(NamedTuple):
    """The part of a seed that is shown above its text. ``cut`` is True if the seed is longer."""

    text: str
    cut: bool


def truncate_seed(seed: str) -> ShownSeed:
    """Return the end of ``seed`` that fits into ``MAX_SHOWN_SEED`` code points when escaped."""
    text = clean(seed)
    while (over := len(escape(text)) - MAX_SHOWN_SEED) > 0:
        text = text[max(1, over // 2) :]
    return ShownSeed(text, len(text) < len(clean(seed)))


def paginate(seed: str, text: str, footer: Sequence[str] = (), growing: bool = False) -> list[str]:
    """Return messages with the seed in bold, the text, and the lines of ``footer`` in small print.

    If ``growing``, a cursor replaces the footer. Each message has at most 2,000 code points and is never blank. While a
    text grows, only its last page changes.
    """
    lines = "".join(f"\n-# {escape(one_line(line)[:_MAX_FOOTER_LINE])}" for line in footer)
    end = CURSOR if growing else lines[:_FOOTER_ROOM]
    end += _BLANK_NOTICE if not growing and not text.strip() else ""
    start = _format_seed(truncate_seed(seed))
    parts = _split_pages(text, _PAGE_SPACE - len(start))
    pages = [escape(part) for part in parts]
    pages[0] = start + pages[0]
    pages[-1] += end
    return [_guard_whitespace(page) for page in pages]


def paginate_sweep(blocks: Iterable[tuple[str, str]], seed: str) -> list[str]:
    """Return messages with the seed in bold and the texts of ``blocks``, (title, text) pairs, under their titles."""
    pages = [_format_seed(truncate_seed(seed))]
    for title, text in blocks:
        body = text if len(escape(text)) < MAX_MESSAGE - _FOOTER_ROOM else _truncate(text, MAX_MESSAGE - _FOOTER_ROOM)
        shown = f"\n{escape(body)}" if text.strip() else _BLANK_NOTICE
        block = f"\n-# {escape(title)}{shown}"
        if len(pages[-1]) + len(block) < MAX_MESSAGE:
            pages[-1] += block
        else:
            pages.append(block.lstrip("\n"))
    return [_guard_whitespace(page) for page in pages]


def _split_pages(text: str, space: int) -> list[str]:
    """Split ``text`` so that, escaped, the first part fits into ``space`` and each other part into ``_PAGE_SPACE``.

    A part ends after whitespace if that shortens it by less than 20 %.
    """
    parts = []
    while len(escape(text)) > space:
        end = len(_truncate(text, space))
        gap = max(text.rfind("\n", 0, end), text.rfind(" ", 0, end)) + 1
        end = gap if gap > end * 0.8 else end
        parts.append(text[:end])
        text, space = text[end:], _PAGE_SPACE
    return [*parts, text]


def _format_seed(seed: ShownSeed) -> str:
    """Return the seed in bold. Whitespace stays outside, since next to it Discord ignores the stars."""
    core = seed.text.strip()
    if not core:
        return seed.text
    before, after = seed.text.split(core, 1)
    return f"{before}**{_ELLIPSIS if seed.cut else ''}{escape(core)}**{after}"


def _guard_whitespace(page: str) -> str:
    """Put a zero-width space before a page that begins with whitespace or is blank."""
    return _ZERO_WIDTH_SPACE + page if page[:1].isspace() or not page.strip() else page


def _truncate(text: str, space: int) -> str:
    """Return the longest beginning of ``text`` that has at most ``space`` code points when escaped."""
    ends = range(1, min(len(text), space) + 1)
    return text[: bisect_right(ends, space, key=lambda end: len(escape(text[:end])))]


def parse_own_message(content: str) -> str:
    """Return the seed and the text in one of the bot's own messages, without stars, escapes and small lines."""
    body = _SMALL_LINES.sub("", f"\n{content}")[1:].removeprefix(_ZERO_WIDTH_SPACE)
    start = len(body) - len(body.lstrip())
    bold = _BOLD.match(body, start)
    if bold:
        body = body[:start] + bold[1].removeprefix(_ELLIPSIS) + body[bold.end() :]
    return unescape(body)
