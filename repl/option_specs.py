"""The settings that other programs may send with a prompt, and how their messages become one text."""

from __future__ import annotations

from collections.abc import Iterable

from ..core.settings import SPECS

OPTION_SPECS = [spec for spec in SPECS.values() if spec.scope != "view" and spec.name != "memory"]
"""Settings offered to other programs. View settings are left out because those show the text, and ``memory`` because
they send what came before.
"""

PROMPT_ROLES = ("user", "assistant")
"""Roles of the messages that are read. A system prompt is an instruction, which this kind of model cannot follow."""


def join_messages(messages: Iterable[tuple[str, Iterable[str]]]) -> str:
    """Return the text of messages, each a role and its parts, with nothing between them."""
    return "".join(part for role, parts in messages if role in PROMPT_ROLES for part in parts)
