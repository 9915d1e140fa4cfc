"""Write the index of models again, and what their cards say of copies and cells, from their training texts.

Run this after a change of what an index holds. Weights, and so passages and saved states, stay as they are:

    .venv/bin/python benchmarks/reindex.py shakespeare tinyshakespeare.txt tolstoy war_and_peace.txt
"""

from __future__ import annotations

import sys
from dataclasses import replace

from afterglow.core.cells.ranking import describe_best_cells
from afterglow.core.errors import TextError
from afterglow.core.inference.library import find_model
from afterglow.core.model import load
from afterglow.core.training.copy_measurement import CopyMeasurement
from afterglow.repl.cli.generate import is_training_text, read_as_trained
from afterglow.repl.cli.reading_flags import ReadingFlags


def reindex(name: str, text: str) -> str:
    """Write the model's file again. Return a line with its new figures. Raises TextError if it is another text."""
    model = load(name)
    corpus = read_as_trained(model, [text], ReadingFlags())
    if not is_training_text(corpus, model):
        raise TextError(f"{text} is not the text that {name} was trained on")
    cells = describe_best_cells(model, "".join(part.text for part in corpus.test))
    file = CopyMeasurement(corpus, model.file.card.item_end).complete(model, with_index=True)
    file = replace(file, card=replace(file.card, cells=cells))
    path = find_model(name).path
    mode = path.stat().st_mode
    file.save(path)
    path.chmod(mode)  # what is written is private at first
    card = file.card
    copied = f"copied {card.copied_in_runs_of_16}, longest {card.longest_copied_run}, items {card.copied_items}"
    return f"{name}: {copied}, noticed {card.noticed_by_index}, unseen {card.unseen_in_runs_of_16}; {cells}"


if __name__ == "__main__":
    for name, text in zip(sys.argv[1::2], sys.argv[2::2], strict=True):
        print(reindex(name, text))
