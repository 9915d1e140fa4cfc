"""Formats the tables of /explain as a Discord message."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator

from ..core.commands import explain
from ..core.commands.draw_table import DrawTable
from ..core.commands.effects import Effect, Listing, Table
from ..core.errors import CommandError
from ..core.model import Model
from ..core.sampling.temperature import probs_at_temperatures
from ..core.session.lens import next_logprobs
from ..core.session.node import Node
from ..core.session.session import Session
from . import formatting

MAX_TABLE = 1500
"""Maximum length of a table in characters."""


async def explain_text(model: Model, text: str, temperature: float) -> str:
    """Return a message on how ``temperature`` changed the probabilities of the last token of ``text``."""
    return await asyncio.to_thread(_explain_text, model, text, temperature)


def format_table(listing: Listing) -> str:
    """Return a table as a code block, with backquotes replaced so that they cannot end the block."""
    inside = formatting.clean("\n".join(listing.lines())).replace("`", "ˋ")[:MAX_TABLE]
    return f"{formatting.escape(listing.title)}\n```\n{inside}\n```"


def _explain_text(model: Model, text: str, temperature: float) -> str:
    ids = [int(i) for i in model.tokenizer.encode(text)]
    if not ids:
        raise CommandError("this message has no text to explain; write one with /say")
    # A text can be split into subwords in several ways, so the last one drawn is unknown.
    last_id = ids.pop() if model.tokenizer.kind in ("char", "byte") else None
    session = Session(model, model.settings.changed(temperature=temperature))
    session.passage.add(Node(None, seed=model.tokenizer.decode(ids)))
    tables = "\n".join(map(format_table, _listings(explain.explain(session))))
    return f"{_describe_choice(session, temperature, last_id)}\n{tables}"


def _describe_choice(session: Session, temperature: float, last_id: int | None) -> str:
    """Return the line above the tables: the last token, if known, and its probability at T 1 and at ``temperature``."""
    logprobs = next_logprobs(session)
    if last_id is None or logprobs is None:
        return "candidates for the next token:"
    raw, shaped = (probs[last_id] for probs in probs_at_temperatures(logprobs, (1.0, temperature)))
    token = formatting.escape(repr(session.model.tokenizer.decode([last_id])))
    return f"the last choice was {token}, {raw:.3f} → {shaped:.3f}; all candidates:"


def _listings(effects: Iterable[Effect]) -> Iterator[Listing]:
    """Yield the tables as lists, which have the same columns at every width."""
    for effect in effects:
        if isinstance(effect, Table) and not isinstance(effect, DrawTable):  # the message's own number is not known
            yield from effect.plain
