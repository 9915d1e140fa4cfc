"""What rides in a button: how the text above it was made, in Discord's 100 characters, for months and over restarts."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from ..core.errors import SettingError
from ..core.setting_types import Ramp
from ..core.settings import SPECS, Settings
from .setting_specs import spec_of, written

ROOM = 100
"""Characters that Discord lets a button carry."""

_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
_NAME = re.compile(r"[A-Za-z0-9._-]{1,24}")

_LETTERS = {
    "top_k": "k",
    "top_p": "p",
    "min_p": "m",
    "typical": "y",
    "repeat_penalty": "r",
    "repeat_last_n": "n",
    "frequency_penalty": "f",
    "presence_penalty": "e",
    "dry_multiplier": "d",
    "dry_base": "b",
    "dry_allowed_length": "a",
    "dry_penalty_last_n": "l",
    "surprise": "s",
    "surprise_rate": "t",
}
"""A letter for each number that shapes the draw. Buttons in old messages speak this: never reassign."""

DRAWING = tuple(_LETTERS)
"""The settings that a recipe can carry: numbers that shape the draw."""

_BY_LETTER = {letter: name for name, letter in _LETTERS.items()}


class Recipe(NamedTuple):
    """How a text was made. Its seed is the first ``seed`` characters of the message ``source`` (0: of the message that
    the button is under), or all of that where ``seed`` is None; ``cut`` tells that the real seed was longer.

    ``settings`` are those that differ from the model's own, ``short`` tells that there was no room for all of them.
    """

    source: int
    seed: int | None
    cut: bool
    rng: int
    temperature: Any
    length: int
    model: str
    settings: dict[str, Any]
    short: bool = False

    def packed(self) -> str:
        """Everything in at most 90 characters, for ``unpacked``."""
        seed = "" if self.seed is None else base36(self.seed)
        heat = self.temperature
        heats = "-".join(map(_thousandths, heat if isinstance(heat, Ramp) else [heat]))
        parts = [base36(self.source), seed + "+" * self.cut, base36(self.rng), heats, base36(self.length), self.model]
        start = ":".join(parts)
        return f"{start}:{_fitting(_extras(self.settings), 90 - len(start) - 2, self.short)}"


def unpacked(text: str) -> Recipe:
    """The way back; raises SettingError where ``text`` is none of ours, or says what this release does not permit."""
    try:
        source, seed, rng, heat, length, model, extras = text.split(":")
        heats = [int(each, 36) / 1000 for each in heat.split("-")]
        temperature = Ramp(*heats) if len(heats) == 2 else heats[0]
        digits = seed.rstrip("+")
        return Recipe(
            int(source, 36),
            int(digits, 36) if digits else None,
            seed.endswith("+"),
            SPECS["rng"].check(int(rng, 36)),
            spec_of("temperature").check(temperature),
            spec_of("length").check(int(length, 36)),
            model,
            dict(_read_extras(extras)),
            extras.endswith(","),
        )
    except (ValueError, TypeError, KeyError, IndexError):
        raise SettingError("this button is from another release; use /say") from None


def differing(settings: Settings, usual: Settings) -> dict[str, Any]:
    """What a recipe carries of ``settings``: the numbers that shape the draw and are not the model's own."""
    pairs = ((name, getattr(settings, name)) for name in _LETTERS)
    return {name: value for name, value in pairs if value != getattr(usual, name)}


def model_key(name: str) -> str:
    """A model's name, or where that is too long, a fingerprint of it."""
    return name if _NAME.fullmatch(name) else f"~{hashlib.sha256(name.encode()).hexdigest()[:10]}"


def model_called(key: str, names: Iterable[str]) -> str:
    """The name among ``names`` that ``key`` means; raises SettingError where it is gone."""
    for name in names:
        if model_key(name) == key:
            return name
    raise SettingError("the model that wrote this is here no more; use /say")


def base36(number: int) -> str:
    """A whole number from 0 on in digits and small letters."""
    text = ""
    while number:
        number, digit = divmod(number, 36)
        text = _DIGITS[digit] + text
    return text or "0"


def _thousandths(temperature: float) -> str:
    return base36(round(temperature * 1000))


def _extras(settings: dict[str, Any]) -> Iterator[str]:
    for name, value in settings.items():
        yield f"{_LETTERS[name]}{written(name, value).removesuffix('.0')}"


def _fitting(extras: Iterable[str], space: int, short: bool) -> str:
    """As many as fit; a comma at the end tells that some did not."""
    text = ""
    for extra in extras:
        longer = f"{text},{extra}" if text else extra
        if len(longer) <= space:
            text = longer
        else:
            short = True
    return text + "," * short


def _read_extras(text: str) -> Iterator[tuple[str, Any]]:
    for extra in filter(None, text.split(",")):
        name = _BY_LETTER[extra[0]]
        yield name, spec_of(name).parse(extra[1:])
