"""The command /learn: the model learns what you type, and nothing else, in a second thread."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from ..errors import CommandError
from ..events import Notice
from ..session.session import Session
from ..typed_paths import is_visitor
from .effects import Effect, Redraw

if TYPE_CHECKING:
    from ..session.learning_listener import LearningListener

ACTIONS = (
    ("on", "learn what I type from now on"),
    ("off", "learn no more; what was learned stays"),
    ("use", "go on with this text as the model that has learned; it is read again"),
    ("forget", "go back to the model as it was"),
    ("save", "save what was learned as a model: /learn save NAME"),
)
"""Words that may follow /learn, with help."""


def learn(session: Session, action: str = "", name: str = "", *, force: bool = False) -> Iterator[Effect]:
    """Show how much was learned, or begin, end, use, undo or save it."""
    if action not in {"", *(word for word, _ in ACTIONS)} or bool(name) != (action == "save"):
        raise CommandError("usage: /learn, or /learn on, off, use, forget, or save NAME")
    if action == "save":
        yield Notice(_save(session, name, force))
    elif action == "use":
        yield Redraw(_use(session))
    else:
        yield Notice({"": _describe, "on": _start, "off": _stop, "forget": _forget}[action](session))


def _find_listener(session: Session) -> LearningListener | None:
    """Return the listener of the session if it learns."""
    from ..session.learning_listener import LearningListener  # imported late: few sessions learn

    return session.listener if isinstance(session.listener, LearningListener) else None


def _describe(session: Session) -> str:
    from ..learning.learning_model import can_learn

    listener = _find_listener(session)
    if listener is None:
        return "learning is off; /learn on: the model learns what you type, until you quit"
    learning = listener.learner.find(session.model)
    parts = [f"learning is {'on' if listener.listening else 'off'}"]
    if not can_learn(session.model):
        parts.append(f"{session.model.name} is a mixture, and learns nothing")
    if learning and learning.figures.characters:
        parts.append(f"learned {learning.figures.describe()}")
    if learning and learning.figures.unknown:
        parts.append(f"{learning.figures.unknown:,} were not learned: {learning.parent.name} has no tokens for them")
    if listener.learner.busy:
        parts.append("more is being learned just now")
    if learning and learning.latest is not session.model:
        parts.append("the next passage is written with it; /learn use: this one too")
    return "; ".join(parts)


def _start(session: Session) -> str:
    from ..session.learning_listener import LearningListener

    listener = _find_listener(session) or LearningListener()
    listener.learner.prepare(session.model)
    listener.listening = True
    session.listener = listener
    return (
        f"learning is on: {session.model.name} learns the seeds, edits and pasted texts that you type, not its own"
        " words; each new passage is written with what it has learned; /learn save NAME keeps it"
    )


def _stop(session: Session) -> str:
    listener = _require_listener(session)
    listener.listening = False
    return "learning is off; what was learned stays until you quit, and /learn forget undoes it"


def _use(session: Session) -> str:
    """Read a copy of the passage with the latest model, and go on with it. Return a notice."""
    from ..session import passage_json
    from ..session.stored_passage import StoredPassage

    learning = _require_listener(session).learner.find(session.model)
    session.passage.current()
    if session.playing:
        raise CommandError("text is being written; stop it first")
    if learning is None or learning.latest is session.model:
        raise CommandError("nothing was learned since this text began")
    copy = passage_json.from_json(passage_json.to_json(session.passage))
    copy.model_sha256 = ""  # so that it is not the old model that reads it
    session.new_passage()
    return session.load_passage(StoredPassage(copy)) or ""


def _forget(session: Session) -> str:
    listener = _require_listener(session)
    figures = listener.learner.forget(session.model)
    parent = listener.learner.prepare(session.model).parent
    return f"{figures.characters:,} characters of yours are forgotten; the next seed or /new begins with {parent.name}"


def _save(session: Session, name: str, force: bool) -> str:
    """Save what was learned under a name in the library. Return a line that tells where."""
    from ..inference import library

    listener = _require_listener(session)
    if is_visitor():
        raise CommandError("visitors cannot save models; /learn is for this session")
    learning = listener.learner.find(session.model)
    if listener.learner.busy:
        raise CommandError("a text is still being learned; save again in a moment")
    if learning is None or not learning.figures.characters:
        raise CommandError("nothing was learned yet: type a seed, or edit the text")
    if not force and name in {entry.name for entry in library.list_models()}:
        raise CommandError(f"there is a model {name!r} already; choose another name; /learn! save {name} replaces it")
    path = library.path_for_new_model(name, replace=True)
    learning.latest.file.save(path)
    return f"saved: {path}; afterglow --model {name} plays it"


def _require_listener(session: Session) -> LearningListener:
    listener = _find_listener(session)
    if listener is None:
        raise CommandError("nothing is learned; /learn on begins")
    return listener
