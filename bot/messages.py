"""From a model's text to what Discord is sent: never too long, never empty, and shown as it is instead of obeyed."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ..core.visible import visible
from .limits import MESSAGE

SEED_SHOWN = 500
"""Of a longer seed the end is repeated above the text; all of it is read."""

_FOOT = 300
"""Room that is kept for the small lines under a text."""

_LINE = 200
_CUT = f"\n-# cut here: a message holds {MESSAGE:,} characters"
_BLANK = "\n-# nothing but blank space came"


_LINK = r"https?://[^\s<>`*|~\\]+"
_MARKUP = r"[\\*_~|`]|\](?=\()|<(?=[@#:/ati])"
_BLOCK = r"^[ \t]*(?=[>-]|#{1,3}\s)"
_TO_ESCAPE = re.compile(f"(?P<link>{_LINK})|(?P<markup>{_MARKUP})|(?P<before_block>{_BLOCK})", re.MULTILINE)

_PING = re.compile(r"@(?=everyone|here)|(?<=<)@(?=[!&]?\d)")


def safe(text: str) -> str:
    """``text`` as people will read it: markup, mentions and control characters are seen and do nothing."""
    return _PING.sub("@\u200b", _TO_ESCAPE.sub(_escaped, visible(text)))


def _escaped(found: re.Match[str]) -> str:
    if found["markup"]:
        return f"\\{found['markup']}"
    return found["link"] or f"{found['before_block']}\\"


def room(seed: str) -> int:
    """How many characters can follow ``seed`` in one message."""
    return MESSAGE - _FOOT - len(_shown(seed))


def compose(seed: str, text: str, lines: Sequence[str]) -> str:
    """The seed in bold, what the model made of it, and small lines below; at most 2,000 code points, never blank."""
    foot = "".join(f"\n-# {safe(line[:_LINE])}" for line in lines)
    foot += "" if text.strip() else _BLANK
    head, body = _shown(seed), safe(text)
    if len(head) + len(body) + len(foot) > MESSAGE:
        foot += _CUT
        body = safe(_fitting(text, MESSAGE - len(head) - len(foot)))
    return (head + body.rstrip() + foot).lstrip("\n")


def _shown(seed: str) -> str:
    """The seed in bold. Blank space stays outside: Discord takes stars next to it for stars."""
    seed = seed if len(seed) <= SEED_SHOWN else f"…{seed[-SEED_SHOWN:]}"
    core = seed.strip()
    if not core:
        return seed
    before, after = seed.split(core, 1)
    return f"{before}**{safe(core)}**{after}"


def _fitting(text: str, space: int) -> str:
    """The longest beginning, near enough, that takes up no more than ``space`` when made safe."""
    while (over := len(safe(text)) - space) > 0:
        text = text[: -max(1, over // 2)]
    return text
