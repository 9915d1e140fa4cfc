"""Typed lines, run to their end."""

from __future__ import annotations

from afterglow.core.commands.effects import Effect, Play
from afterglow.core.commands.registry import dispatch
from afterglow.core.session.session import Session


def do(session: Session, line: str) -> list[Effect]:
    """Return the effects of a line, every text played to its end."""
    effects = []
    for effect in dispatch(session, line):
        effects.append(effect)
        if isinstance(effect, Play):
            list(effect.events)
    return effects
