"""The fields of a request's JSON body: each is checked if it is known, and passed over if it is not."""

from __future__ import annotations

from collections.abc import Mapping

from aiohttp import web

from ...core.bounded_json import parse_json, refuse_constant
from ...core.errors import SettingError
from ...core.setting_lists import Strings
from ...core.setting_spec import Spec
from ...core.settings import get_spec
from ..option_specs import OPTION_SPECS
from .api_errors import ApiError, dump_json

MAX_BODY_VALUES = 100_000
"""Most values in a body: the ids of a very long prompt, or many biases."""

ALIASES = {
    "seed": "rng",
    "typical_p": "typical",
    "repetition_penalty": "repeat_penalty",
    "repetition_penalty_range": "repeat_last_n",
}
"""Settings by other names that clients send for them."""

OFF_VALUES: dict[str, tuple[object, object]] = {"rng": (-1, None), "top_k": (-1, 0), "repeat_last_n": (-1, 8192)}
"""The number by which clients mean random, off or all, with the value of the setting that is the same."""

MAX_STOPS = 64
"""Most stop texts of a request: each is looked for after every token."""


class Fields:
    """The fields of a body. A field that is null counts as absent. Raises ApiError for a known one that is wrong."""

    def __init__(self, values: Mapping[str, object]) -> None:
        self._values = {name: value for name, value in values.items() if value is not None}

    def get(self, name: str) -> object:
        """Return the value as it was sent, None if it was not."""
        return self._values.get(name)

    def text(self, name: str, default: str = "") -> str:
        """Return a text."""
        value = self._values.get(name, default)
        if not isinstance(value, str):
            raise wrong_value(name, value, "a text")
        return value

    def flag(self, name: str) -> bool:
        """Return true or false; false if it was not sent."""
        value = self._values.get(name, False)
        if not isinstance(value, bool):
            raise wrong_value(name, value, "true or false")
        return value

    def whole_number(self, name: str, low: int, high: int) -> int | None:
        """Return a whole number from ``low`` to ``high``, None if it was not sent."""
        value = self._values.get(name)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | float) or value != int(value):
            raise wrong_value(name, value, "a whole number")
        if not low <= value <= high:
            raise wrong_value(name, value, f"a whole number from {low:,} to {high:,}")
        return int(value)

    def settings(self) -> dict[str, object]:
        """Return the settings that were sent, under their own names or those of ``ALIASES``, by their own names."""
        own = {spec.name: spec.name for spec in OPTION_SPECS}
        names = {**ALIASES, **own, **{spec.label: spec.name for spec in OPTION_SPECS}}
        found = {names[sent]: self._check(sent, get_spec(names[sent])) for sent in self._values if sent in names}
        return {**found, **self._mirostat()}

    def _check(self, sent: str, spec: Spec) -> object:
        """Return the checked value of a setting, sent under any of its names."""
        value = self._values[sent]
        marker, meaning = OFF_VALUES.get(spec.name, (None, None))
        if value == marker and not isinstance(value, bool):
            return meaning
        if spec.name == "stop":
            return self._stops(spec)
        if isinstance(spec.kind, Strings) and isinstance(value, str) and value.startswith("["):
            value = _parse_list(value)
        try:
            return spec.parse(value) if isinstance(value, str) else spec.check(value)
        except SettingError:
            raise wrong_value(sent, value, spec.kind.range) from None

    def _stops(self, spec: Spec) -> object:
        """Return the stop texts: one text, or a list, in which clients leave empty ones."""
        value = self._values["stop"]
        texts = [value] if isinstance(value, str) else value
        try:
            stops = spec.check([each for each in texts if each != ""] if isinstance(texts, list) else texts)
        except SettingError:
            raise wrong_value("stop", value, spec.kind.range) from None
        if isinstance(stops, tuple) and len(stops) > MAX_STOPS:
            raise ApiError(f"stop has {len(stops):,} texts; send at most {MAX_STOPS}", param="stop")
        return stops

    def _mirostat(self) -> dict[str, object]:
        """Return the settings for Mirostat 2, which clients send as a mode with two numbers."""
        sent = "mirostat_mode" if "mirostat_mode" in self._values else "mirostat"
        mode = self.whole_number(sent, 0, 2)
        if not mode:
            return {}
        if mode == 1:
            raise wrong_value(sent, mode, "0, or 2 for Mirostat 2")
        names = {"mirostat_tau": "surprise", "mirostat_eta": "surprise_rate"}
        return {names[each]: self._check(each, get_spec(names[each])) for each in names if each in self._values}


def wrong_value(name: str, value: object, expected: str) -> ApiError:
    """Return the error for a field whose value cannot be used, or is missing."""
    what = f"{name} is missing" if value is None else f"{name} cannot be {_show(value)}"
    return ApiError(f"{what}: it must be {expected}", param=name)


def _show(value: object) -> str:
    """Return a value in words: as JSON has it if it is short."""
    if isinstance(value, list | dict):
        return "a list" if isinstance(value, list) else "an object"
    shown = repr(value) if isinstance(value, str) else dump_json(value)
    return shown if len(shown) <= 40 else f"{shown[:39]}…"


def _parse_list(text: str) -> object:
    """Return the list that a text of JSON holds, or the text itself."""
    try:
        return parse_json(text, MAX_BODY_VALUES)
    except ValueError:
        return text


async def read_fields(request: web.Request) -> Fields:
    """Return the fields of a request's body. Raises ApiError if it is no JSON object."""
    try:
        values = parse_json(await request.read(), MAX_BODY_VALUES, refuse_constant)
    except ValueError as error:
        raise ApiError(f"the body is not usable JSON: {error}") from None
    if not isinstance(values, dict):
        raise ApiError("the body must be a JSON object")
    return Fields(values)
