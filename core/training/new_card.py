"""The card of a model that has just been trained."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from ..inference.model_card import Card
from ..text.corpus import Corpus
from .request import TrainRequest, as_command_line


def make_card(request: TrainRequest, corpus: Corpus, epochs: float, seconds: float, kept: str) -> Card:
    """Return the card of a model after so many epochs and seconds, without losses and copies.

    ``kept`` says which weights of the run it has.
    """
    settings: dict[str, Any] = {"temperature": 0.8}
    if end := request.read_options.item_end:
        settings["stop"] = [end]
    return Card(
        corpus=corpus.name,
        corpus_sha256=corpus.sha256,
        characters=len(corpus.text),
        boilerplate_kept=corpus.boilerplate_kept,
        encoding=request.encoding,
        field=request.field,
        column=request.column,
        lines=request.lines,
        items=request.items,
        reader=request.reader,
        author=request.author,
        label_column=request.label_column,
        lower=request.lower,
        split=request.split,
        epochs=round(epochs, 2),
        seconds=round(seconds, 1),
        command=as_command_line(request),
        licence=request.licence,
        made=datetime.now(UTC).date().isoformat(),
        settings=settings,
        parent=request.parent_name,
        kept=kept,
    )
