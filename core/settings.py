"""Every setting, declared once: type, default, range, off value, help. Flags, ``/set`` and docs are made from it."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, NamedTuple

from .errors import SettingError
from .settingkinds import CHOICE, COUNT, NUMBER, RNG, SWITCH, TEMPERATURE, TEXTS, Kind, Ramp

HEAT = ("off", "surprise", "rank", "entropy", "temperature")


class Spec(NamedTuple):
    """One setting as declared.

    ``scope`` tells on what it acts: "token" (the very next one), "passage" (the next seed or continuation) or "view".
    ``off`` is the value that makes a filter do nothing; None where there is no such value.
    """

    name: str
    kind: Kind
    default: Any
    off: Any
    scope: str
    help: str

    @property
    def label(self) -> str:
        """The name as people type it: top-p."""
        return self.name.replace("_", "-")

    def parse(self, text: str, current: Any = None) -> Any:
        """The value that ``text`` means; "+0.1" and "-0.1" move ``current``.

        Raises SettingError, one line that names the range.
        """
        try:
            return self.kind.check(self.kind.parse(text.strip(), current))
        except (TypeError, ValueError, OverflowError):
            raise self.error(text) from None

    def check(self, value: Any) -> Any:
        """``value``, made the right type, if it is permitted; raises SettingError if not."""
        try:
            return self.kind.check(value)
        except (TypeError, ValueError, OverflowError):
            raise self.error(value) from None

    def error(self, value: object) -> SettingError:
        """What to say of a value that cannot be."""
        shown = repr(value[:40]) if isinstance(value, str) else str(value)
        return SettingError(f"{self.label} cannot be {shown}: it is {self.kind.range}")


def _setting(default: Any, kind: Kind, text: str, *, off: Any = None, scope: str = "token") -> Any:
    return field(default=default, metadata={"kind": kind, "off": off, "scope": scope, "help": text})


@dataclass(frozen=True, slots=True)
class Settings:
    """How to draw, how much, and how to show it. Frozen: ``changed`` makes a checked copy."""

    temperature: float | Ramp = _setting(
        1.0,
        TEMPERATURE(0, 5, ("0.2", "0.5", "0.8", "1.0", "1.2", "1.5", "+0.1", "-0.1", "0.2..1.6")),
        "below 1 strict, above 1 diverse, 0 always the likeliest; 0.2..1.6 moves on the way",
    )
    top_k: int = _setting(0, COUNT(0, 1_000_000), "draw from the k likeliest tokens only; 0 is off", off=0)
    top_p: float = _setting(
        1.0,
        NUMBER(0, 1, ("0.9", "0.95", "1")),
        "draw from the likeliest tokens that together reach probability p; 1 is off",
        off=1.0,
    )
    min_p: float = _setting(
        0.0, NUMBER(0, 1), "cut tokens less likely than this share of the likeliest one; 0 is off", off=0.0
    )
    typical: float = _setting(
        1.0,
        NUMBER(0, 1),
        "keep the tokens whose surprise is nearest to the entropy, up to this probability; 1 is off",
        off=1.0,
    )
    repeat_penalty: float = _setting(
        1.0, NUMBER(0.1, 10), "make tokens of the last repeat-window less likely; 1 is off", off=1.0
    )
    repeat_window: int = _setting(64, COUNT(0, 8192), "how many tokens back the repeat penalty looks")
    length: int = _setting(
        500,
        COUNT(1, 10_000_000, examples=("200", "500", "2000")),
        "how many characters to write",
        scope="passage",
    )
    stop: tuple[str, ...] = _setting((), TEXTS(), "stop where one of these texts would come", scope="passage")
    rng: int | None = _setting(None, RNG(0, 2**32 - 1), "the number that the dice start from", scope="passage")
    memory: bool = _setting(False, SWITCH(), "let the next seed go on from what has been read", scope="passage")
    whole_seed: bool = _setting(False, SWITCH(), "read all of a very long seed, not its end only", scope="passage")
    speed: int = _setting(
        40,
        COUNT(0, 100_000, "max", ("10", "40", "200", "max")),
        "characters a second where people watch",
        scope="view",
    )
    heat: str = _setting("off", CHOICE(HEAT), "colour every token by what it was to the model", scope="view")

    def __post_init__(self) -> None:
        for name, spec in SPECS.items():
            object.__setattr__(self, name, spec.check(getattr(self, name)))

    def changed(self, **values: Any) -> Settings:
        """A copy with these values; raises SettingError for an unknown name or a value out of range."""
        for name in values:
            spec_of(name)
        return replace(self, **values)

    def temperature_at(self, progress: float) -> float:
        """The temperature when ``progress`` (0 to 1) of the length is written."""
        if isinstance(self.temperature, Ramp):
            return self.temperature.at(progress)
        return self.temperature

    def differences(self) -> dict[str, Any]:
        """What differs from the defaults, by name."""
        return {name: getattr(self, name) for name, spec in SPECS.items() if getattr(self, name) != spec.default}


SPECS: dict[str, Spec] = {
    f.name: Spec(f.name, f.metadata["kind"], f.default, f.metadata["off"], f.metadata["scope"], f.metadata["help"])
    for f in fields(Settings)
}
"""All settings by field name, in the order of declaration."""


def spec_of(name: str) -> Spec:
    """The declaration of ``name`` (top_p and top-p are the same); raises SettingError, which lists what there is."""
    try:
        return SPECS[name.replace("-", "_")]
    except KeyError:
        names = ", ".join(spec.label for spec in SPECS.values())
        raise SettingError(f"there is no setting {name!r}; there are {names}") from None


def layered(*layers: Mapping[str, Any]) -> Settings:
    """Settings made of layers of values by name, later ones winning: card, config file, environment, flags."""
    values: dict[str, Any] = {}
    for layer in layers:
        for name, value in layer.items():
            spec = spec_of(name)
            values[spec.name] = spec.parse(value) if isinstance(value, str) else spec.check(value)
    return Settings(**values)


def from_config(path: Path) -> dict[str, Any]:
    """What the user's TOML file says, {} where there is none; raises SettingError with the file's name."""
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingError(f"cannot read {path}: {error}") from None


def from_environment() -> dict[str, str]:
    """Settings given as AFTERGLOW_TEMPERATURE and the like."""
    return dict(_given_in_environment())


def _given_in_environment() -> Iterator[tuple[str, str]]:
    for name in SPECS:
        value = os.environ.get(f"AFTERGLOW_{name.upper()}")
        if value is not None:
            yield name, value
