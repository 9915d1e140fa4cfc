"""The listener that learns what a person types in a session. It is made by /learn."""

from __future__ import annotations

from collections.abc import Iterable

from ..learning.background import BackgroundLearner, Texts
from ..learning.learning_model import can_learn
from ..model import Model
from .listener import Listener
from .passage import Passage


class LearningListener(Listener):
    """Hands typed texts to ``learner`` while ``listening``, and tells it which texts were there before."""

    def __init__(self) -> None:
        self.learner = BackgroundLearner()
        self.listening = True

    def hear(self, text: str, model: Model, passage: Passage) -> None:
        """Learn a text, except what stands in the passage before it. A mixture of models learns nothing."""
        if self.listening and can_learn(model):
            self.learner.learn(text, model, _texts_of(passage))

    def leave(self, passage: Passage) -> None:
        """Never learn what stands in a passage that is left."""
        self.learner.skip(_texts_of(passage))

    def next_model(self, model: Model) -> Model:
        """Return the latest model that was made. What is being learned just now is not in it yet."""
        learning = self.learner.find(model)
        return learning.take_up(learning.latest) if learning else model

    def recall(self, model: Model, sha256: str) -> Model:
        """Return the model of the same parent that wrote a passage, if it is kept, else ``model``."""
        learning = self.learner.find(model)
        state = learning.states.get(sha256) if learning else None
        return learning.take_up(state) if learning and state else model

    def finish(self) -> None:
        """Wait until all texts are learned. Raises what failed."""
        self.learner.finish()

    def summary(self, model: Model, brief: bool = False) -> str:
        """Return the figures of a model: "learned 1,204 characters of yours: 2.31 → 1.98 bits"."""
        learning = self.learner.find(model)
        return f"learned {learning.figures.describe(brief)}" if learning and learning.figures.characters else ""


def _texts_of(passage: Passage) -> Texts:
    """Return a function that returns the text of a passage as it is now, and of each of its nodes."""
    nodes, path = list(passage.nodes), list(passage.path())

    def read_texts() -> Iterable[str]:
        yield "".join(node.text(count) for node, count in path)
        yield from (node.text() for node in nodes)

    return read_texts
