"""A listener hears what a person types, and may learn from it. This one does not."""

from __future__ import annotations

from ..model import Model
from .passage import Passage


class Listener:
    """Hears the texts of a session, and says which model the next passage is written with.

    A passage is written by one model, from its first word to its last. So what was learned is taken up when a passage
    begins, and undo, replay and every other version of its texts stay exact.
    """

    def hear(self, text: str, model: Model, passage: Passage) -> None:
        """Called with each text that the user typed, the model that reads it, and the passage before it."""

    def leave(self, passage: Passage) -> None:
        """Called before another passage takes the place of this one."""

    def next_model(self, model: Model) -> Model:
        """Return the model for a new passage: what ``model`` has become, else ``model``."""
        return model

    def recall(self, model: Model, sha256: str) -> Model:  # noqa: ARG002
        """Return what ``model`` was when it had this hash, if that is kept, else ``model``."""
        return model

    def finish(self) -> None:
        """Wait until all that was heard is learned."""

    def summary(self, model: Model, brief: bool = False) -> str:  # noqa: ARG002
        """Return in a few words what ``model`` has learned, "" if nothing."""
        return ""
