"""Hints for users who know other programs: words and commands that mean something else here, or nothing."""

from __future__ import annotations

from ..session.session import Session

COMMAND_HINTS = {
    "clear": "/new begins an empty passage",
    "reset": "/new begins an empty passage; /set NAME reset restores a setting",
    "load": "/open opens a passage, /model a model",
    "list": "/open lists the passages, /model the models, /tree the versions of this passage",
    "ls": "/open lists the passages, /model the models",
    "show": "/set shows the settings, /model the models, /tree this passage",
    "info": "/set shows the settings, /model the models",
    "history": "/tree shows all versions of this passage, /open all passages",
    "regen": "/retry writes the text again",
    "regenerate": "/retry writes the text again",
    "swipe": "/version goes to another version, /retry writes one",
    "system": "there is no system prompt: the seed is all that the model reads",
    "session": "/open lists the passages, /new begins one, /rename names this one",
    "rm": "/delete deletes a passage",
    "remove": "/delete deletes a passage",
    "mv": "/rename gives a passage a name",
    "write": "/save saves the passage, /export writes it to a file",
}
"""A hint for each command that other programs have, and this one has not."""

LEAVING_WORDS = ("exit", "quit", ":q", ":q!", ":wq")
"""Lines that leave other programs. Here they are seeds."""


def notes_on_seed(session: Session, seed: str) -> list[str]:
    """Return a note if a seed is one of ``LEAVING_WORDS``, once in a session."""
    if seed not in LEAVING_WORDS or "leaving" in session.told:
        return []
    session.told.add("leaving")
    return [f"{seed!r} was read as a seed; /quit leaves"]
