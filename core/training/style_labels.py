"""The labels of a text as styles of the model that learns it: their names, and their numbers along the tokens."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..errors import UsageError
from ..inference.model_file import ModelFile
from ..inference.styles import MAX_STYLES
from ..setting_styles import is_style_name
from ..text.labels import NO_LABEL, LabelRuns, encode_runs
from ..text.layout import Slice
from ..text.tokenizer import Ids, Tokenizer


def merge_style_names(parent: ModelFile | None, labels: Sequence[str]) -> tuple[str, ...]:
    """Return the names of the parent's styles, then those of new labels. Raises UsageError if they are too many.

    A label that cannot be a style's name is a UsageError too.
    """
    known = parent.styles.names if parent and parent.styles else ()
    names = (*known, *(label for label in labels if label not in known))
    wrong = next((name for name in names if not is_style_name(name)), None)
    if wrong is not None:
        raise UsageError(f"{wrong!r} cannot be the name of a style; choose another label")
    if len(names) > MAX_STYLES:
        raise UsageError(f"there are {len(names):,} labels; a model can have {MAX_STYLES:,} styles")
    return names


def rename_labels(runs: LabelRuns, labels: Sequence[str], styles: Sequence[str]) -> LabelRuns:
    """Return runs of the styles' numbers for runs of the labels' numbers."""
    numbers = np.array([*map(styles.index, labels), NO_LABEL])  # the last is for the number -1
    return LabelRuns(runs.ends, numbers[runs.ids])


def encode_slices(
    slices: Sequence[Slice], tokenizer: Tokenizer, labels: Sequence[str], styles: Sequence[str]
) -> tuple[list[Ids], list[Ids]]:
    """Return the ids of each slice of a text, and the numbers of their styles; of those none if there are no labels."""
    encoded = [encode_runs(tokenizer, piece.text, piece.labels) for piece in slices]
    numbers = [(len(ids), rename_labels(runs, labels, styles)) for ids, runs in encoded if labels]
    return [ids for ids, _ in encoded], [runs.at(np.arange(size)) for size, runs in numbers]
