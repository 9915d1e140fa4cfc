"""The state in a button's id: all that is needed to write the text above it again, in Discord's 100 characters."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple, TypeVar

from ..core.errors import SettingError
from ..core.setting_types import Ramp
from ..core.settings import Settings
from .setting_specs import spec_of, value_to_text

_Value = TypeVar("_Value")

MAX_ENCODED = 90
"""Maximum length of an encoded state. With a prefix of six characters it is the id, which Discord limits to 100."""

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
"""Letter of each sampling setting in a button. Old messages hold these letters, so they never change meaning."""

SAMPLING_SETTINGS = tuple(_LETTERS)
"""Names of the settings that a button can carry, all of them numbers."""

_NAME_BY_LETTER = {letter: name for name, letter in _LETTERS.items()}


class ButtonState(NamedTuple):
    """Everything needed to write a text again, or to vary it.

    ``source_message``: id of the bot's message that contains the seed, 0 for the message with the button.
    ``seed_length``: number of characters from the start of that message that are the seed; None: all.
    ``seed_cut``: the original seed was longer, and only its end is shown.
    ``model``: a ``model_key``. ``settings``: sampling settings that differ from the model's, value by name.
    ``settings_cut``: some settings did not fit into the id.
    """

    source_message: int
    seed_length: int | None
    seed_cut: bool
    rng: int
    temperature: float | Ramp
    length: int
    model: str
    settings: dict[str, float]
    settings_cut: bool = False

    def encode(self) -> str:
        """Return the state in at most ``MAX_ENCODED`` characters, for ``decode_state``."""
        seed = "" if self.seed_length is None else to_base36(self.seed_length)
        ends = self.temperature if isinstance(self.temperature, Ramp) else [self.temperature]
        parts = [
            to_base36(self.source_message),
            seed + "+" * self.seed_cut,
            to_base36(self.rng),
            "-".join(map(_encode_temperature, ends)),
            to_base36(self.length),
            self.model,
        ]
        start = ":".join(parts) + ":"
        # One character is left for the comma that marks settings as cut.
        return start + _join_fitting(_encode_settings(self.settings), MAX_ENCODED - 1 - len(start), self.settings_cut)


def decode_state(text: str) -> ButtonState:
    """Return the state that ``encode`` wrote. Raises SettingError if it or a value in it is invalid."""
    try:
        source, seed, rng, temperature, length, model, settings = text.split(":")
        digits = seed.rstrip("+")
        return ButtonState(
            source_message=int(source, 36),
            seed_length=int(digits, 36) if digits else None,
            seed_cut=seed.endswith("+"),
            rng=_require_permitted("rng", int(rng, 36)),
            temperature=_require_permitted("temperature", _decode_temperature(temperature)),
            length=_require_permitted("length", int(length, 36)),
            model=model,
            settings=dict(_decode_settings(settings)),
            settings_cut=settings.endswith(","),
        )
    except (ValueError, TypeError, KeyError, IndexError):
        raise SettingError("this button is from another version of the bot; use /say instead") from None


def changed_sampling_settings(settings: Settings, defaults: Settings) -> dict[str, float]:
    """Return the sampling settings in ``settings`` that differ from ``defaults``."""
    pairs = ((name, getattr(settings, name)) for name in SAMPLING_SETTINGS)
    return {name: value for name, value in pairs if value != getattr(defaults, name)}


def model_key(name: str) -> str:
    """Return a model's name, or a hash of it if it has more than 24 characters or special ones."""
    return name if _NAME.fullmatch(name) else f"~{hashlib.sha256(name.encode()).hexdigest()[:10]}"


def find_model(key: str, names: Iterable[str]) -> str:
    """Return the name in ``names`` that has this ``model_key``. Raises SettingError if none has."""
    for name in names:
        if model_key(name) == key:
            return name
    raise SettingError("that model is no longer available; use /say instead")


def to_base36(number: int) -> str:
    """Return a whole number, 0 or more, in base 36: digits and lower-case letters."""
    text = ""
    while number:
        number, digit = divmod(number, 36)
        text = _DIGITS[digit] + text
    return text or "0"


def _encode_temperature(temperature: float) -> str:
    return to_base36(round(temperature * 1000))


def _decode_temperature(text: str) -> float | Ramp:
    ends = [int(each, 36) / 1000 for each in text.split("-")]
    return Ramp(*ends) if len(ends) == 2 else ends[0]


def _encode_settings(settings: dict[str, float]) -> Iterator[str]:
    for name, value in settings.items():
        yield f"{_LETTERS[name]}{value_to_text(name, value).removesuffix('.0')}"


def _join_fitting(encoded: Iterable[str], space: int, cut: bool) -> str:
    """Join the settings that fit into ``space`` characters. If some do not fit, or if ``cut``, a comma follows."""
    joined = ""
    for setting in encoded:
        longer = f"{joined},{setting}" if joined else setting
        if len(longer) <= space:
            joined = longer
        else:
            cut = True
    return joined + "," * cut


def _decode_settings(text: str) -> Iterator[tuple[str, float]]:
    for setting in filter(None, text.split(",")):
        name = _NAME_BY_LETTER[setting[0]]
        value = spec_of(name).parse(setting[1:])
        assert isinstance(value, int | float)  # the letters name settings that are numbers
        yield name, value


def _require_permitted(name: str, value: _Value) -> _Value:
    """Return ``value``. Raises SettingError if the setting ``name`` does not permit it."""
    spec_of(name).check(value)
    return value
