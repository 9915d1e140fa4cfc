"""The history of a model in the library or of an unfinished run, found by its name. Needs no torch."""

from __future__ import annotations

from math import log
from pathlib import Path
from typing import NamedTuple

from ..inference.library import LOSSES_SUFFIX, SAMPLES_SUFFIX, ModelEntry, find_model
from ..inference.model_card import Card
from ..inference.model_file import open_model_file
from ..paths import runs_dir
from .history_files import LossRow, RowFile, SampleRow

NOT_KEPT = "losses on the way were not kept"


class RunHistory(NamedTuple):
    """Losses and samples of a run.

    ``summary`` is a line on the whole, ``kept`` which weights were kept and why, "" if not known.
    """

    name: str
    summary: str
    losses: list[LossRow]
    samples: list[SampleRow]
    kept: str = ""


def find_history(name: str) -> RunHistory:
    """Return the history of the unfinished run ``name``, or of the model. Raises ModelError if there is neither."""
    for metadata in runs_dir().glob("*/run.json"):
        if metadata.parent.name == name:
            hint = f"{name} is not finished; go on with: afterglow train --resume {name}"
            return RunHistory(
                name, hint, *_read(metadata.with_name("history.jsonl"), metadata.with_name("samples.jsonl"))
            )
    return _read_beside(find_model(name))


def _read_beside(entry: ModelEntry) -> RunHistory:
    """Return the history in the files beside a model, with what its card says."""
    card = open_model_file(entry.path).card
    losses, samples = _read(*(entry.path.with_name(entry.path.stem + s) for s in (LOSSES_SUFFIX, SAMPLES_SUFFIX)))
    summary = [_summarize(card), *([] if losses else [NOT_KEPT])]
    return RunHistory(entry.name, "; ".join(filter(None, summary)), losses, samples, card.kept)


def _read(losses: Path, samples: Path) -> tuple[list[LossRow], list[SampleRow]]:
    return RowFile(losses, LossRow).rows(), RowFile(samples, SampleRow).rows()


def _summarize(card: Card) -> str:
    """Return the text, the epochs, the time and the loss of a card, as far as it has them."""
    text = f"{card.corpus}: {card.characters:,} characters" if card.corpus else ""
    time = f"{card.epochs:.1f} epochs in {card.seconds:,.0f} seconds" if card.epochs else ""
    bits = (card.nats_per_char_stateful or 0) / log(2)
    held_out = f"held out: {bits:.2f} bits/char" if bits else ""
    return "; ".join(filter(None, (text, time, held_out)))
