"""Figures on copies as the command line prints them: "at least" where more may be copied, and what they mean."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from ...core.text.copy_tracker import at_least

if TYPE_CHECKING:
    from ...core.text.copy_tracker import CopyTracker

MINIMUM = "copied_is_minimum"
"""Name of the value that is True if the other figures on copies are minima."""

_MINIMA = ("copied_share", "longest_copied_run", "copied_in_runs_of_")


def tracker_figures(tracker: CopyTracker) -> dict[str, object]:
    """Return the figures of a text by name, for ``--json``."""
    unseen = {} if tracker.unseen_share is None else {"unseen_in_runs_of_16": tracker.unseen_share}
    figures = {"copied_share": round(tracker.share, 4), "longest_copied_run": tracker.longest_run}
    return {**figures, MINIMUM: tracker.is_minimum, **unseen}


def in_words(values: Mapping[str, object]) -> dict[str, object]:
    """Return results by name as they are printed: "at least" before minima, and sentences on what they mean."""
    shown = {name: _mark_minimum(name, value, values.get(MINIMUM)) for name, value in values.items() if name != MINIMUM}
    sentences = list(_explain(values))
    return {**shown, "what_is_copied": "; ".join(sentences)} if sentences else shown


def _mark_minimum(name: str, value: object, is_minimum: object) -> object:
    """Return "at least" and the value if it is a minimum. An index knows no run to its end, even if it knows all."""
    is_known = is_minimum is None or not (is_minimum or name == "longest_copied_run")
    if is_known or not name.startswith(_MINIMA) or not isinstance(value, int | float):
        return value
    return "none found" if not value else at_least(f"{value:.4f}" if isinstance(value, float) else f"{value:,}", True)


def _explain(values: Mapping[str, object]) -> Iterator[str]:
    """Yield sentences on the figures that are there."""
    match values:
        case {"copied_in_runs_of_16": float(share)} if "copied_items" not in values:
            copied = at_least(f"{share:.1%}", values.get(MINIMUM) is True)
            yield f"{copied} of what it wrote is in runs of 16 characters or more of the text"
    match values:
        case {"unseen_in_runs_of_16": float(unseen)}:
            yield f"unseen text of the same author has {unseen:.1%} without copying"
    match values:
        case {"noticed_by_index": float(noticed)}:
            yield f"the index in the model file notices about {noticed:.0%} of what is copied"
