"""From a model's text to what Discord is sent, and back: never too long, never empty, shown instead of obeyed."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from ..core.render.sanitize import escape_controls
from .setting_specs import MAX_MESSAGE

MAX_SHOWN_SEED = 1000
"""Code points that a seed may take up when it is repeated above the text; of a longer one the end is shown."""

_FOOTER_ROOM = 400
"""Room that is kept for the small lines under a text."""

_MAX_FOOTER_LINE = 200
_BLANK_NOTICE = "\n-# nothing but blank space came"
_ELLIPSIS = "…\u200b"
"""Stands before the end of a longer seed; the second character tells it from one that somebody typed."""

CURSOR = " ▌"
"""Behind a text that is still growing."""

_ZERO_WIDTH_SPACE = "\u200b"
"""Discord strips blank space from both ends of a message, and this it keeps."""

_INVISIBLE = "[\u00ad\u034f\u200b-\u200d\u2060\ufe00-\ufe0f]*"
"""What may stand between the letters of a word and is not seen."""

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
    """``text`` with what would steer a screen made visible, and no more than three marks piled on a character."""
    return _STACKED_MARKS.sub(r"\1", escape_controls(text))


def escape(text: str) -> str:
    """``text`` as people will read it: markup, mentions and control characters are seen and do nothing."""
    return _MENTION.sub("@\u200b", _TO_ESCAPE.sub(_escape_match, clean(text)))


def unescape(content: str) -> str:
    """The text that ``safe`` was given, as far as it had nothing to clean."""
    return _ESCAPED.sub(r"\1", content.replace("@\u200b", "@"))


def _escape_match(match: re.Match[str]) -> str:
    if match["markup"]:
        return f"\\{match['markup']}"
    return match["link"] or f"{match['before_block']}\\"


class Blocklist:
    """Words that are not to be seen: found whole, in any case, and shown as dots."""

    def __init__(self, words: Iterable[str] = ()) -> None:
        each = "|".join(_INVISIBLE.join(map(re.escape, word.strip())) for word in words if word.strip())
        self._pattern = re.compile(rf"(?<!\w)(?:{each})(?!\w)", re.IGNORECASE) if each else None

    def contains(self, text: str) -> bool:
        """Whether one of the words stands in ``text``."""
        return bool(self._pattern and self._pattern.search(text))

    def mask(self, text: str) -> str:
        """``text`` with a dot for every character of such a word."""
        return self._pattern.sub(lambda found: "•" * len(found[0]), text) if self._pattern else text


class ShownSeed(NamedTuple):
    """A seed as it stands above its text: the part of it that is shown, and whether it had to be cut."""

    text: str
    cut: bool


def truncate_seed(seed: str) -> ShownSeed:
    """As much of the end of ``seed`` as there is room for."""
    text = clean(seed)
    while (over := len(escape(text)) - MAX_SHOWN_SEED) > 0:
        text = text[max(1, over // 2) :]
    return ShownSeed(text, len(text) < len(clean(seed)))


def paginate(seed: str, text: str, footer: Sequence[str] = (), growing: bool = False) -> list[str]:
    """Messages that hold the seed in bold, what the model made of it, and small lines below (while it is growing: a
    cursor): each at most 2,000 code points and never blank. A longer text begins with the same pages.
    """
    foot = CURSOR if growing else "".join(f"\n-# {escape(line[:_MAX_FOOTER_LINE])}" for line in footer)[:_FOOTER_ROOM]
    foot += _BLANK_NOTICE if not growing and not text.strip() else ""
    made, body = [], _format_seed(truncate_seed(seed))
    for piece in _split_pages(text, MAX_MESSAGE - len(body) - _FOOTER_ROOM - len(_BLANK_NOTICE)):
        made.append(body + escape(piece))
        body = ""
    made[-1] += foot
    return [_guard_whitespace(page) for page in made]


def paginate_sweep(blocks: Iterable[tuple[str, str]], seed: str) -> list[str]:
    """Messages that hold the seed in bold and below it (title, text) pairs, each under its title."""
    made = [_format_seed(truncate_seed(seed))]
    for title, text in blocks:
        body = text if len(escape(text)) < MAX_MESSAGE - _FOOTER_ROOM else _truncate(text, MAX_MESSAGE - _FOOTER_ROOM)
        block = f"\n-# {escape(title)}\n{escape(body) if text.strip() else '-# nothing but blank space'}"
        if len(made[-1]) + len(block) < MAX_MESSAGE:
            made[-1] += block
        else:
            made.append(block.lstrip("\n"))
    return [_guard_whitespace(page) for page in made]


def _split_pages(text: str, space: int) -> list[str]:
    """``text`` in pieces that fit into ``space`` (the first one) and into a whole message (the others)."""
    pieces = []
    while len(escape(text)) > space:
        end = len(_truncate(text, space))
        gap = max(text.rfind("\n", 0, end), text.rfind(" ", 0, end)) + 1
        end = gap if gap > end * 0.8 else end
        pieces.append(text[:end])
        text, space = text[end:], MAX_MESSAGE - _FOOTER_ROOM - len(_BLANK_NOTICE)
    return [*pieces, text]


def _format_seed(seed: ShownSeed) -> str:
    """The seed in bold. Blank space stays outside: Discord takes stars next to it for stars."""
    core = seed.text.strip()
    if not core:
        return seed.text
    before, after = seed.text.split(core, 1)
    return f"{before}**{_ELLIPSIS if seed.cut else ''}{escape(core)}**{after}"


def _guard_whitespace(page: str) -> str:
    return _ZERO_WIDTH_SPACE + page if page[:1].isspace() or not page.strip() else page


def _truncate(text: str, space: int) -> str:
    """The longest beginning that takes up no more than ``space`` when made safe; what follows does not matter."""
    ends = range(1, min(len(text), space) + 1)
    return text[: bisect_right(ends, space, key=lambda end: len(escape(text[:end])))]


def parse_own_message(content: str) -> str:
    """The seed and the text of one of the bot's own messages, without stars, escapes and small lines."""
    body = _SMALL_LINES.sub("", f"\n{content}")[1:].removeprefix(_ZERO_WIDTH_SPACE)
    start = len(body) - len(body.lstrip())
    bold = _BOLD.match(body, start)
    if bold:
        body = body[:start] + bold[1].removeprefix(_ELLIPSIS) + body[bold.end() :]
    return unescape(body)
