"""Every setting, declared once with type, default, range and help. Flags, ``/set`` and docs are made from this."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Self, TypeVar

from .errors import SettingError, suggest
from .setting_heat import Heat
from .setting_lists import NumbersByText, Strings
from .setting_spec import Spec
from .setting_styles import PLAIN_VOICE, Style, StyleNames, StyleRamp, Voice
from .setting_types import Bool, Choice, Integer, Kind, Number, Ramp, RngNumber, Temperature

FINISHES = ("sentence", "line", "off")

NOT_OF_PASSAGES = ("rng", "autosave", "editing")
"""Settings that a passage does not keep."""

MAX_SHOWN_FILTER = 40
"""Most characters of a filter in a line of several: a thousand texts can be banned."""

NO_DEFAULTS: Mapping[str, object] = MappingProxyType({})
"""The defaults of most front ends: those declared below."""

WATCHED_DEFAULTS: Mapping[str, object] = MappingProxyType({"finish": "sentence"})
"""The defaults that differ in front ends in which people watch a text grow. A model's card and the user override them.
"""

Value = TypeVar("Value")


def _setting(default: Value, kind: Kind, help_text: str, *, off: object = None, scope: str = "token") -> Value:
    return field(default=default, metadata={"kind": kind, "off": off, "scope": scope, "help": help_text})


@dataclass(frozen=True, slots=True)
class SamplingSettings:
    """The settings that decide which tokens are drawn and when the text ends: all that an engine reads. Frozen."""

    temperature: float | Ramp = _setting(
        1.0,
        Temperature(0, 5, ("0.2", "0.5", "0.8", "1.0", "1.2", "1.5", "+0.1", "-0.1", "0.2..1.6")),
        "below 1 safer, above 1 more surprising, 0 always picks the likeliest; 0.2..1.6 rises from start to end",
    )
    style: Style = _setting(
        (),
        StyleNames(),
        "write like one of the model's styles, like a mix, or from one to another",
        off=(),
    )
    style_strength: float = _setting(
        1.0,
        Number(1, 8, ("1", "2", "4")),
        "go further in the style's direction, by classifier-free guidance; 1 is the style itself",
        off=1.0,
    )
    ban: tuple[str, ...] = _setting(
        (),
        Strings(("none", "e E"), 1000),
        "never draw a token that contains one of these texts; upper and lower case differ; none is off",
        off=(),
    )
    bias: tuple[tuple[str, float], ...] = _setting(
        (),
        NumbersByText(Number(-100, 100)),
        "add a number to the logit of a token: 2.3 makes it ten times as likely, -2.3 a tenth; none is off",
        off=(),
    )
    top_k: int = _setting(0, Integer(0, 1_000_000), "draw from the k likeliest tokens only; 0 is off", off=0)
    top_p: float = _setting(
        1.0,
        Number(0, 1, ("0.9", "0.95", "1")),
        "draw from the likeliest tokens that together reach probability p; 1 is off",
        off=1.0,
    )
    min_p: float = _setting(
        0.0, Number(0, 1), "drop tokens less likely than this fraction of the likeliest one; 0 is off", off=0.0
    )
    typical: float = _setting(
        1.0,
        Number(0, 1),
        "keep the tokens whose surprisal is closest to the entropy, up to this probability; 1 is off",
        off=1.0,
    )
    repeat_penalty: float = _setting(
        1.0, Number(0.1, 10), "make tokens of the last repeat-last-n less likely; 1 is off", off=1.0
    )
    repeat_last_n: int = _setting(64, Integer(0, 8192), "number of latest tokens that the penalties look at")
    frequency_penalty: float = _setting(
        0.0,
        Number(-2, 2),
        "penalty for each time a token appeared in the last repeat-last-n; 0 is off",
        off=0.0,
    )
    presence_penalty: float = _setting(
        0.0, Number(-2, 2), "penalty for a token that appeared in the last repeat-last-n; 0 is off", off=0.0
    )
    dry_multiplier: float = _setting(
        0.0, Number(0, 5, ("0.8",)), "penalize continuing an earlier sequence (DRY); 0 is off", off=0.0
    )
    dry_base: float = _setting(1.75, Number(1, 4), "how fast the DRY penalty grows with the length of the repeat")
    dry_allowed_length: int = _setting(2, Integer(1, 64), "number of repeated tokens that DRY allows")
    dry_penalty_last_n: int = _setting(
        -1, Integer(-1, 8192), "number of latest tokens that DRY looks at; -1 is all, up to 8,192"
    )
    dry_sequence_breakers: tuple[str, ...] = _setting(
        ("\n", ":", '"', "*"), Strings(), "characters that end a DRY sequence"
    )
    surprise: float = _setting(
        0.0,
        Number(0, 20, ("2", "2.5", "3")),
        "hold the average surprisal of the draws, after temperature and filters, at about this many bits at most"
        " (Mirostat 2); 0 is off",
        off=0.0,
    )
    surprise_rate: float = _setting(0.1, Number(0, 1), "how fast surprise corrects itself: Mirostat's learning rate")
    length: int = _setting(
        500, Integer(1, 10_000_000, examples=("200", "500", "2000")), "number of characters to write", scope="passage"
    )
    finish: str = _setting(
        "off",
        Choice(FINISHES),
        "let a text run on from its length to the end of a sentence or line, at most a quarter more",
        scope="passage",
    )
    stop: tuple[str, ...] = _setting((), Strings(), "end the text before the first of these strings", scope="passage")
    keep_stop: bool = _setting(False, Bool(), "end the text after the string of stop, not before it", scope="passage")

    def __post_init__(self) -> None:
        for f in fields(self):
            object.__setattr__(self, f.name, SPECS[f.name].check(getattr(self, f.name)))

    def changed(self, **values: object) -> Self:
        """Return a copy with these values. Raises SettingError for an unknown name or a value out of range."""
        for name in values:
            get_spec(name)
        unchecked: dict[str, Any] = values  # __post_init__ checks them
        return replace(self, **unchecked)

    def temperature_at(self, progress: float) -> float:
        """Return the temperature after a fraction ``progress`` (0 to 1) of the length is written."""
        if isinstance(self.temperature, Ramp):
            return self.temperature.at(progress)
        return self.temperature

    @property
    def voice(self) -> Voice:
        """The voice in which the text is read: guided by a second row if ``style_strength`` is not 1."""
        if not self.style:
            return PLAIN_VOICE
        return Voice(self.style, self.style_strength != 1, self.length if isinstance(self.style, StyleRamp) else 0)

    def sampling(self) -> SamplingSettings:
        """Return the settings that an engine reads: this object."""
        return self

    def filters_only(self) -> Settings:
        """Return settings with the same style, filters and penalties. All others are defaults.

        So is the temperature, which each token has. The length is kept only for a ramp of styles, which moves along it.
        """
        names = (*FILTERS, "length") if self.voice.moves else FILTERS
        return Settings(**{name: getattr(self, name) for name in names})


@dataclass(frozen=True, slots=True)
class Settings(SamplingSettings):
    """All settings: how to draw, how much to write, and how to display it. Frozen; ``changed`` makes a checked copy."""

    rng: int | None = _setting(
        None,
        RngNumber(0, 2**32 - 1),
        "number that fixes the random draws: the same number, the same text",
        scope="passage",
    )
    memory: bool = _setting(
        False, Bool(), "keep the context: continue from the previous text instead of starting fresh", scope="passage"
    )
    whole_seed: bool = _setting(False, Bool(), "read all of a very long seed, not only its end", scope="passage")
    speed: int = _setting(
        40,
        Integer(0, 100_000, "max", ("10", "40", "200", "max")),
        "characters per second on the screen",
        scope="view",
    )
    heat: str = _setting(
        "off",
        Heat(),
        "color tokens by surprise, rank, entropy or temperature, or by one unit inside the network",
        scope="view",
    )
    lens: bool = _setting(
        True, Bool(as_word=True), "show the candidates for the next token beside the text", scope="view"
    )
    copied: bool = _setting(
        True,
        Bool(as_word=True),
        "mark text that is copied from the training text, if the model has an index of it",
        scope="view",
    )
    verbose: bool = _setting(
        False, Bool(as_word=True), "show under a text how long the model took for it", scope="view"
    )
    autosave: bool = _setting(True, Bool(as_word=True), "save every passage, for /open", scope="view")
    editing: str = _setting("emacs", Choice(("emacs", "vi")), "keys that edit a line with --plain", scope="view")

    def sampling(self) -> SamplingSettings:
        """Return the part that an engine reads. Equal settings give the same object while it is cached."""
        return _sampling_settings(self)

    def non_defaults(self) -> dict[str, object]:
        """Return the values that differ from the defaults, by name."""
        return {name: getattr(self, name) for name, spec in SPECS.items() if getattr(self, name) != spec.default}

    def for_passage(self) -> Settings:
        """Return the settings to save with a passage: a copy with those of ``NOT_OF_PASSAGES`` at their defaults."""
        return self.changed(**{name: SPECS[name].default for name in NOT_OF_PASSAGES})

    def format(self, names: Iterable[str]) -> str:
        """Return the named settings as they would be typed: "top-k 3, min-p 0.02"."""
        return ", ".join(f"{SPECS[name].label} {SPECS[name].kind.show(getattr(self, name))}" for name in names)

    def format_active_filters(self) -> str:
        """Return style and filters that are not off, as they would be typed, long lists cut; "" if all are off."""
        active = (n for n, spec in SPECS.items() if spec.off_value is not None and getattr(self, n) != spec.off_value)
        shown = (self.format([name]) for name in active if self.style or name != "style_strength")
        return ", ".join(
            text if len(text) <= MAX_SHOWN_FILTER else f"{text[: MAX_SHOWN_FILTER - 1]}…" for text in shown
        )

    def format_speed(self) -> str:
        """Return the speed in words: "40 characters/s", or "full speed"."""
        return f"{self.speed} characters/s" if self.speed else "full speed"

    def to_dict(self) -> dict[str, object]:
        """Return ``non_defaults`` as JSON values; ``settings_from_dict`` reads them back."""
        return {name: SPECS[name].kind.to_json(value) for name, value in self.non_defaults().items()}


SPECS: dict[str, Spec] = {
    f.name: Spec(f.name, f.metadata["kind"], f.default, f.metadata["off"], f.metadata["scope"], f.metadata["help"])
    for f in fields(Settings)
}
"""All settings by field name, in the order of declaration."""


FILTERS = tuple(name for name, spec in SPECS.items() if spec.scope == "token" and name != "temperature")
"""Names of the settings for styles, filters and penalties: everything that shapes a draw except the temperature."""


@lru_cache(maxsize=64)  # a look-up takes 0.3 µs, building 11 µs; the lens calls it after every token
def _sampling_settings(settings: Settings) -> SamplingSettings:
    return SamplingSettings(**{f.name: getattr(settings, f.name) for f in fields(SamplingSettings)})


def settings_from_dict(values: Mapping[str, object]) -> Settings:
    """Return the settings saved by ``to_dict``. Entries that this release cannot read are left out."""
    readable = Settings()
    for name, value in values.items():
        if name.replace("-", "_") in SPECS:  # else an error would look for similar names, maybe thousands of times
            with contextlib.suppress(SettingError):
                readable = merge_layers(readable.non_defaults(), {name: value})
    return readable


def get_spec(name: str) -> Spec:
    """Return the declaration of ``name`` (top_p or top-p).

    Raises SettingError for an unknown name. Its message suggests the most similar names.
    """
    spec = SPECS.get(name.replace("-", "_"))
    if spec:
        return spec
    hint = suggest(name, [spec.label for spec in SPECS.values()], "/set lists all", limit=3)
    raise SettingError(f"there is no setting {name[:40]!r}; {hint}")


def merge_layers(*layers: Mapping[str, object]) -> Settings:
    """Return settings from layers of values by name: card, config file, environment, flags. Later layers win.

    A value is text, as typed, or already of the setting's type. Raises SettingError.
    """
    values: dict[str, Any] = {}  # checked at run time, by each setting's kind
    for layer in layers:
        for name, value in layer.items():
            spec = get_spec(name)
            values[spec.name] = spec.parse(value) if isinstance(value, str) else spec.check(value)
    return Settings(**values)
