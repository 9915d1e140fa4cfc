"""Use of what a reader accepted: a few tokens, all exports, listings."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterable
from xml.etree import ElementTree

from afterglow.core.commands import registry
from afterglow.core.commands.effects import Find, Listing, Play, Table
from afterglow.core.errors import CommandError
from afterglow.core.events import Event, Token
from afterglow.core.model import Model
from afterglow.core.render.export import EXPORTERS, ExportedPassage
from afterglow.core.session.session import Session

LENGTH = 5
"""Characters to write."""


class UnsoundError(Exception):
    """Output that no reader's input excuses: a figure that is not finite, or a file that no parser reads."""


def check_events(events: Iterable[Event]) -> None:
    """Read events to the end. Raises UnsoundError if a token has figures that are not finite."""
    for event in events:
        if isinstance(event, Token):
            bound = 0.0 if event.bound is None else event.bound
            figures = (event.logprob, event.entropy, event.temperature, bound)
            if not all(map(math.isfinite, figures)) or math.isnan(event.shaped) or event.shaped > 0.001:
                raise UnsoundError(f"a token has {event}")


def play_model(model: Model) -> None:
    """Write a few characters greedily, at 0.8 and with every filter, and score a text."""
    filters = {"top_k": 9, "top_p": 0.9, "dry_multiplier": 0.8, "repeat_penalty": 1.2, "surprise": 2.0}
    for chosen in ({"temperature": 0}, {"temperature": 0.8}, filters):
        check_events(model.stream("The lamp", **{"length": LENGTH, "rng": 1, "stop": (), **chosen}))
    if not math.isfinite(model.score("The lamp burned.").nats_per_char_stateful):
        raise UnsoundError("a loss is not finite")


def play_session(session: Session) -> None:
    """Continue the passage, write its last text again, list it in every way, and export it in every format."""
    session.set("length", LENGTH)
    session.set("speed", 0)
    for line in ("", "/retry", "/undo", "/redo", "/tree", "/explain", "/set", "/open", "/find e", "/copy"):
        _run(session, line)
    export_all(session)


def export_all(session: Session) -> None:
    """Make every export. Raises UnsoundError if an SVG is not well-formed."""
    if session.passage.cursor is None:
        return
    exported = ExportedPassage(session.passage, session.passage.summary(), session.settings.heat)
    texts = {suffix: export(exported).encode("utf-8", "replace") for suffix, export in EXPORTERS.items()}
    try:
        ElementTree.fromstring(texts[".svg"])  # noqa: S314
    except ElementTree.ParseError as error:
        raise UnsoundError(f"the SVG is not well-formed: {error}") from None


def _run(session: Session, line: str) -> None:
    """Run a line. A command that is not possible in this passage is refused, as it should be."""
    with contextlib.suppress(CommandError):
        for effect in registry.dispatch(session, line):
            if isinstance(effect, Play):
                check_events(effect.events)
            elif isinstance(effect, Listing | Table | Find):
                _lay_out(effect)


def _lay_out(effect: Listing | Table | Find) -> None:
    """Lay out a list or table, for a terminal and for a pipe."""
    if isinstance(effect, Table):
        effect.lines(60)
    for part in [effect] if isinstance(effect, Listing) else effect.plain:
        if isinstance(part, Listing):
            part.lines()
