"""Measure what a trained model copies from its training text, and index that text."""

from __future__ import annotations

from typing import Any

from ..inference.model_file import ModelFile
from ..item_samples import measure_copied_items
from ..model import Model
from ..text.copy_detection import MAX_INDEX_SHARE, MIN_RUN, CopyIndex, CopyReport, copied_run_lengths
from ..text.corpus import Corpus
from ..text.items import ItemSet

COPY_SAMPLE_SETTINGS: dict[str, Any] = {"length": 4000, "temperature": 0.8, "rng": 1, "stop": ()}
"""Settings of the sample in which copied runs are measured for the model card. It does not stop at a newline."""


class CopyMeasurement:
    """Measures copies of a corpus. ``item_end`` is the text that ends an item, "" if the text is no list."""

    def __init__(self, corpus: Corpus, item_end: str) -> None:
        self._train_text = corpus.train_text
        self._items = ItemSet(corpus.text, item_end) if item_end else None

    def measure(self, model: Model) -> dict[str, Any]:
        """Return the fields of the card: copied runs in a sample, and the share of items that stand in the list."""
        sample = model.generate("\n", **COPY_SAMPLE_SETTINGS)
        copied = CopyReport.from_runs(copied_run_lengths(sample, self._train_text))
        runs = {"longest_copied_run": copied.longest, "copied_in_runs_of_16": round(copied.shares[MIN_RUN], 4)}
        if self._items is None:
            return runs
        temperature = COPY_SAMPLE_SETTINGS["temperature"]
        return {**runs, "copied_items": measure_copied_items(model, self._items.__contains__, temperature)}

    def build_index(self, file: ModelFile) -> CopyIndex:
        """Return an index of the runs and the items, which takes a bounded share of the model file."""
        budget = int(MAX_INDEX_SHARE * sum(tensor.nbytes for tensor in file.tensors.values()))
        if self._items is None:
            return CopyIndex.build(self._train_text, budget)
        return CopyIndex.build_for_items(self._items, self._train_text, budget)
