"""The arguments of slash commands: functions that parse their text, and the values that are offered for them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ..errors import CommandError
from ..session.session import Session
from ..setting_styles import OFF
from ..settings import SPECS
from . import actions, explain
from .command import Choices

SWEEPS = (("0.2 0.5 1.0 1.2", "the default"), ("--blind", "guess which is which; /reveal tells"))
"""Arguments of /sweep that are offered."""

BLIND = ("--blind", "blind")
"""Words that let a sweep hide which column is which."""


def parse_sweep(session: Session, text: str) -> actions.SweepArgs:
    """Return temperatures, or names of the model's styles, separated by spaces, and if "blind" is among them.

    "blind" is also read with hyphens before it, as a flag is written. Raises SettingError or UsageError for others.
    """
    words = text.split()
    values = [word for word in words if word not in BLIND]
    blind = len(values) < len(words)
    if values and set(values) <= {OFF, *session.model.voices.names}:
        return actions.SweepArgs(list(map(SPECS["style"].parse, values)), blind, "style")
    return actions.SweepArgs(list(map(explain.parse_temperature, values)), blind)


def offer_sweeps(session: Session, _: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield arguments of /sweep: temperatures, to hide which is which, and some of the model's styles."""
    yield from SWEEPS
    if names := session.model.voices.names:
        yield " ".join(names[:4]), "the styles of the model"


def parse_whole_number(_: Session, text: str) -> int:
    """Return a whole number. Raises CommandError."""
    if not text.isdecimal():
        raise CommandError(f"{text!r} is not a whole number")
    return int(text)


def parse_step(_: Session, text: str) -> int:
    """Return a step of /version: 1 or -1. Raises CommandError."""
    if text not in ("1", "+1", "-1"):
        raise CommandError(f"/version takes 1 (next) or -1 (previous), not {text!r}")
    return int(text)


def parse_token(session: Session, text: str) -> int:
    """Return the id of a token typed as its text. A space or newline is quoted: " " or "\\n".

    Raises CommandError if it is no token.
    """
    texts = SPECS["stop"].parse(text)
    assert isinstance(texts, tuple)
    ids = [int(i) for word in texts for i in session.model.tokenizer.encode(word)]
    if len(ids) != 1 or session.model.tokenizer.decode(ids) != texts[0]:
        raise CommandError(f"{text} is not one token of {session.model.name}")
    return ids[0]


def offer(*values: tuple[str, str]) -> Choices:
    """Return choices that are always these (value, help) pairs."""
    return lambda *_: values
