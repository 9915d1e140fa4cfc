"""The listener that learns what a person types in a session. It is made by /learn."""

from __future__ import annotations

from collections.abc import Iterable

from ..learning.background import BackgroundLearner, Texts
from ..model import Model
from .listener import Listener
from .passage import Passage


class LearningListener(Listener):
    """Hands typed texts to ``learner`` while ``listening``, and tells it which texts were there before."""

    def __init__(self) -> None:
        self.learner = BackgroundLearner()
        self.listening = True

    def hear(self, text: str, model: Model, passage: Passage) -> None:
        """Learn a text, except what stands in the passage before it."""
        if self.listening:
            self.learner.learn(text, model, _texts_of(passage))

    def leave(self, passage: Passage) -> None:
        """Never learn what stands in a passage that is left."""
        self.learner.skip(_texts_of(passage))

    def next_model(self, model: Model) -> Model:
        """Return the latest model of the voice. What is being learned just now is not in it yet."""
        voice = self.learner.find_voice(model)
        return voice.take_up(voice.latest) if voice else model

    def recall(self, model: Model, sha256: str) -> Model:
        """Return the model of the same voice that wrote a passage, if it is kept, else ``model``."""
        voice = self.learner.find_voice(model)
        state = voice.states.get(sha256) if voice else None
        return voice.take_up(state) if voice and state else model

    def finish(self) -> None:
        """Wait until all texts are learned. Raises what failed."""
        self.learner.finish()

    def summary(self, model: Model) -> str:
        """Return the figures of the voice: "learned 1,204 characters of yours: 2.31 → 1.98 bits"."""
        voice = self.learner.find_voice(model)
        return f"learned {voice.figures.describe()}" if voice and voice.figures.characters else ""


def _texts_of(passage: Passage) -> Texts:
    """Return a function that returns the text of a passage as it is now, and of each of its nodes."""
    nodes, path = list(passage.nodes), list(passage.path())

    def read_texts() -> Iterable[str]:
        yield "".join(node.text(count) for node, count in path)
        yield from (node.text() for node in nodes)

    return read_texts
