"""From a model's text to what Discord is sent, and back: never too long, never empty, shown instead of obeyed."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from ..core.render.sanitize import visible
from .setting_specs import MESSAGE

SEED_ROOM = 1000
"""Code points that a seed may take up when it is repeated above the text; of a longer one the end is shown."""

_FOOT = 400
"""Room that is kept for the small lines under a text."""

_LINE = 200
_BLANK = "\n-# nothing but blank space came"
_MORE = "…\u200b"
"""Stands before the end of a longer seed; the second character tells it from one that somebody typed."""

CURSOR = " ▌"
"""Behind a text that is still growing."""

_GUARD = "\u200b"
"""Discord strips blank space from both ends of a message, and this it keeps."""

_UNSEEN = "[\u00ad\u034f\u200b-\u200d\u2060\ufe00-\ufe0f]*"
"""What may stand between the letters of a word and is not seen."""

_LINK = r"https?://[^\s<>`*|~\\]+"
_MARKUP = r"[\\*_~|`]|\](?=\()|<(?=[@#:/ati])"
_BLOCK = r"^[ \t]*(?=[>-]|#{1,3}\s)"
_TO_ESCAPE = re.compile(f"(?P<link>{_LINK})|(?P<markup>{_MARKUP})|(?P<before_block>{_BLOCK})", re.MULTILINE)
_ESCAPED = re.compile(r"\\([\\*_~|`\]<>#-])")
_PING = re.compile(r"@(?=everyone|here)|(?<=<)@(?=[!&]?\d)")
_MARKS = "[\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f]"
_PILE = re.compile(f"({_MARKS}{{3}}){_MARKS}+")
_SMALL_LINES = re.compile(r"(?:\n-# [^\n]*)+\Z")
_BOLD = re.compile(r"\*\*((?:\\.|[^\\*])*)\*\*", re.DOTALL)


def clean(text: str) -> str:
    """``text`` with what would steer a screen made visible, and no more than three marks piled on a character."""
    return _PILE.sub(r"\1", visible(text))


def safe(text: str) -> str:
    """``text`` as people will read it: markup, mentions and control characters are seen and do nothing."""
    return _PING.sub("@\u200b", _TO_ESCAPE.sub(_escape, clean(text)))


def plain(content: str) -> str:
    """The text that ``safe`` was given, as far as it had nothing to clean."""
    return _ESCAPED.sub(r"\1", content.replace("@\u200b", "@"))


def _escape(found: re.Match[str]) -> str:
    if found["markup"]:
        return f"\\{found['markup']}"
    return found["link"] or f"{found['before_block']}\\"


class Blocklist:
    """Words that are not to be seen: found whole, in any case, and shown as dots."""

    def __init__(self, words: Iterable[str] = ()) -> None:
        each = "|".join(_UNSEEN.join(map(re.escape, word.strip())) for word in words if word.strip())
        self._pattern = re.compile(rf"(?<!\w)(?:{each})(?!\w)", re.IGNORECASE) if each else None

    def holds(self, text: str) -> bool:
        """Whether one of the words stands in ``text``."""
        return bool(self._pattern and self._pattern.search(text))

    def masked(self, text: str) -> str:
        """``text`` with a dot for every character of such a word."""
        return self._pattern.sub(lambda found: "•" * len(found[0]), text) if self._pattern else text


class Shown(NamedTuple):
    """A seed as it stands above its text: the part of it that is shown, and whether it had to be cut."""

    text: str
    cut: bool


def shown(seed: str) -> Shown:
    """As much of the end of ``seed`` as there is room for."""
    text = clean(seed)
    while (over := len(safe(text)) - SEED_ROOM) > 0:
        text = text[max(1, over // 2) :]
    return Shown(text, len(text) < len(clean(seed)))


def pages(seed: str, text: str, lines: Sequence[str] = (), growing: bool = False) -> list[str]:
    """Messages that hold the seed in bold, what the model made of it, and small lines below (while it is growing: a
    cursor): each at most 2,000 code points and never blank. A longer text begins with the same pages.
    """
    foot = CURSOR if growing else "".join(f"\n-# {safe(line[:_LINE])}" for line in lines)[:_FOOT]
    foot += _BLANK if not growing and not text.strip() else ""
    made, body = [], _bold(shown(seed))
    for piece in _pieces(text, MESSAGE - len(body) - _FOOT - len(_BLANK)):
        made.append(body + safe(piece))
        body = ""
    made[-1] += foot
    return [_guarded(page) for page in made]


def small(blocks: Iterable[tuple[str, str]], seed: str) -> list[str]:
    """Messages that hold the seed in bold and below it (title, text) pairs, each under its title."""
    made = [_bold(shown(seed))]
    for title, text in blocks:
        body = text if len(safe(text)) < MESSAGE - _FOOT else _fitting(text, MESSAGE - _FOOT)
        block = f"\n-# {safe(title)}\n{safe(body) if text.strip() else '-# nothing but blank space'}"
        if len(made[-1]) + len(block) < MESSAGE:
            made[-1] += block
        else:
            made.append(block.lstrip("\n"))
    return [_guarded(page) for page in made]


def _pieces(text: str, space: int) -> list[str]:
    """``text`` in pieces that fit into ``space`` (the first one) and into a whole message (the others)."""
    pieces = []
    while len(safe(text)) > space:
        end = len(_fitting(text, space))
        gap = max(text.rfind("\n", 0, end), text.rfind(" ", 0, end)) + 1
        end = gap if gap > end * 0.8 else end
        pieces.append(text[:end])
        text, space = text[end:], MESSAGE - _FOOT - len(_BLANK)
    return [*pieces, text]


def _bold(seed: Shown) -> str:
    """The seed in bold. Blank space stays outside: Discord takes stars next to it for stars."""
    core = seed.text.strip()
    if not core:
        return seed.text
    before, after = seed.text.split(core, 1)
    return f"{before}**{_MORE if seed.cut else ''}{safe(core)}**{after}"


def _guarded(page: str) -> str:
    return _GUARD + page if page[:1].isspace() or not page.strip() else page


def _fitting(text: str, space: int) -> str:
    """The longest beginning that takes up no more than ``space`` when made safe; what follows does not matter."""
    ends = range(1, min(len(text), space) + 1)
    return text[: bisect_right(ends, space, key=lambda end: len(safe(text[:end])))]


def read_back(content: str) -> str:
    """The seed and the text of one of the bot's own messages, without stars, escapes and small lines."""
    body = _SMALL_LINES.sub("", f"\n{content}")[1:].removeprefix(_GUARD)
    start = len(body) - len(body.lstrip())
    bold = _BOLD.match(body, start)
    if bold:
        body = body[:start] + bold[1].removeprefix(_MORE) + body[bold.end() :]
    return plain(body)
