"""What rides in a button: how the text above it was made, in Discord's 100 characters, for months and over restarts."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from ..core.errors import SettingError
from ..core.setting_types import Ramp
from ..core.settings import SPECS, Settings
from .setting_specs import spec_of, value_to_text

MAX_CUSTOM_ID = 100
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

SAMPLING_SETTINGS = tuple(_LETTERS)
"""The settings that a recipe can carry: numbers that shape the draw."""

_NAME_BY_LETTER = {letter: name for name, letter in _LETTERS.items()}


class ButtonState(NamedTuple):
    """How a text was made. Its seed is the first ``seed`` characters of the message ``source`` (0: of the message that
    the button is under), or all of that where ``seed`` is None; ``cut`` tells that the real seed was longer.

    ``settings`` are those that differ from the model's own, ``short`` tells that there was no room for all of them.
    """

    source_message: int
    seed_length: int | None
    seed_cut: bool
    rng: int
    temperature: Any
    length: int
    model: str
    settings: dict[str, Any]
    settings_cut: bool = False

    def encode(self) -> str:
        """Everything in at most 90 characters, for ``unpacked``."""
        seed = "" if self.seed_length is None else to_base36(self.seed_length)
        heat = self.temperature
        heats = "-".join(map(_encode_temperature, heat if isinstance(heat, Ramp) else [heat]))
        parts = [
            to_base36(self.source_message),
            seed + "+" * self.seed_cut,
            to_base36(self.rng),
            heats,
            to_base36(self.length),
            self.model,
        ]
        start = ":".join(parts)
        return f"{start}:{_join_fitting(_encode_settings(self.settings), 90 - len(start) - 2, self.settings_cut)}"


def decode_state(text: str) -> ButtonState:
    """The way back; raises SettingError where ``text`` is none of ours, or says what this release does not permit."""
    try:
        source, seed, rng, heat, length, model, extras = text.split(":")
        heats = [int(each, 36) / 1000 for each in heat.split("-")]
        temperature = Ramp(*heats) if len(heats) == 2 else heats[0]
        digits = seed.rstrip("+")
        return ButtonState(
            int(source, 36),
            int(digits, 36) if digits else None,
            seed.endswith("+"),
            SPECS["rng"].check(int(rng, 36)),
            spec_of("temperature").check(temperature),
            spec_of("length").check(int(length, 36)),
            model,
            dict(_decode_settings(extras)),
            extras.endswith(","),
        )
    except (ValueError, TypeError, KeyError, IndexError):
        raise SettingError("this button is from another release; use /say") from None


def changed_numbers(settings: Settings, defaults: Settings) -> dict[str, Any]:
    """What a recipe carries of ``settings``: the numbers that shape the draw and are not the model's own."""
    pairs = ((name, getattr(settings, name)) for name in _LETTERS)
    return {name: value for name, value in pairs if value != getattr(defaults, name)}


def model_key(name: str) -> str:
    """A model's name, or where that is too long, a fingerprint of it."""
    return name if _NAME.fullmatch(name) else f"~{hashlib.sha256(name.encode()).hexdigest()[:10]}"


def find_model(key: str, names: Iterable[str]) -> str:
    """The name among ``names`` that ``key`` means; raises SettingError where it is gone."""
    for name in names:
        if model_key(name) == key:
            return name
    raise SettingError("the model that wrote this is here no more; use /say")


def to_base36(number: int) -> str:
    """A whole number from 0 on in digits and small letters."""
    text = ""
    while number:
        number, digit = divmod(number, 36)
        text = _DIGITS[digit] + text
    return text or "0"


def _encode_temperature(temperature: float) -> str:
    return to_base36(round(temperature * 1000))


def _encode_settings(settings: dict[str, Any]) -> Iterator[str]:
    for name, value in settings.items():
        yield f"{_LETTERS[name]}{value_to_text(name, value).removesuffix('.0')}"


def _join_fitting(extras: Iterable[str], space: int, settings_cut: bool) -> str:
    """As many as fit; a comma at the end tells that some did not."""
    text = ""
    for extra in extras:
        longer = f"{text},{extra}" if text else extra
        if len(longer) <= space:
            text = longer
        else:
            settings_cut = True
    return text + "," * settings_cut


def _decode_settings(text: str) -> Iterator[tuple[str, Any]]:
    for extra in filter(None, text.split(",")):
        name = _NAME_BY_LETTER[extra[0]]
        yield name, spec_of(name).parse(extra[1:])
