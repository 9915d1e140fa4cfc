"""Measure what a trained model copies from its training text, and index that text."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from ..inference.model_file import ModelFile
from ..item_samples import measure_copied_items
from ..model import Model
from ..text.copy_detection import CopyReport, copied_run_lengths, find_copied, indexed_run_lengths
from ..text.copy_index import MAX_INDEX_SHARE, MIN_RUN, CopyIndex
from ..text.corpus import Corpus
from ..text.items import ItemSet

COPY_SAMPLE_SETTINGS: dict[str, Any] = {"length": 4000, "temperature": 0.8, "rng": 1, "stop": ()}
"""Settings of the sample in which copied runs are measured for the model card. It does not stop at a newline."""


class CopyMeasurement:
    """Measures copies of a corpus. ``item_end`` is the text that ends an item, "" if the text is no list."""

    def __init__(self, corpus: Corpus, item_end: str) -> None:
        self._train_text = corpus.train_text
        self._test_texts = [part.text for part in corpus.test]
        self._items = ItemSet(corpus.text, item_end) if item_end else None

    def complete(self, model: Model, with_index: bool) -> ModelFile:
        """Return the model's file with the fields of the card on copies, and with an index or without one.

        The index is of the runs and the items. It takes a bounded share of the file.
        """
        file = model.file
        budget = int(MAX_INDEX_SHARE * sum(tensor.nbytes for tensor in file.tensors.values()))
        index = CopyIndex.build(self._train_text, budget, self._items) if with_index else None
        return replace(file, card=replace(file.card, **self._measure(model, index)), index=index)

    def _measure(self, model: Model, index: CopyIndex | None) -> dict[str, Any]:
        """Return the fields of the card: copied runs in a sample, and the share of items that stand in the list."""
        sample = model.generate("\n", **COPY_SAMPLE_SETTINGS)
        runs = copied_run_lengths(sample, self._train_text)
        copied = CopyReport.from_runs(runs)
        fields = {"longest_copied_run": copied.longest, "copied_in_runs_of_16": round(copied.shares[MIN_RUN], 4)}
        if self._items:
            temperature = COPY_SAMPLE_SETTINGS["temperature"]
            return {**fields, "copied_items": measure_copied_items(model, self._items.__contains__, temperature)}
        fields["unseen_in_runs_of_16"] = round(float(find_copied(self._test_texts, self._train_text).mean()), 4)
        if index and runs.any():
            noticed = np.count_nonzero(indexed_run_lengths(sample, index)) / np.count_nonzero(runs)
            fields["noticed_by_index"] = round(noticed, 4)
        return fields
