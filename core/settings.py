"""Every setting, declared once: type, default, range, off value, help. Flags, ``/set`` and docs are made from it."""

from __future__ import annotations

import contextlib
import os
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, NamedTuple

from .errors import SettingError, suggest
from .setting_types import Bool, Choice, Integer, Kind, Number, Ramp, RngNumber, Strings, Temperature

HEAT_MODES = ("off", "surprise", "rank", "entropy", "temperature")


class Spec(NamedTuple):
    """One setting as declared.

    ``scope`` tells on what it acts: "token" (the very next one), "passage" (the next seed or continuation) or "view".
    ``off`` is the value that makes a filter do nothing; None where there is no such value.
    """

    name: str
    kind: Kind
    default: Any
    off_value: Any
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
        Temperature(0, 5, ("0.2", "0.5", "0.8", "1.0", "1.2", "1.5", "+0.1", "-0.1", "0.2..1.6")),
        "below 1 strict, above 1 diverse, 0 always the likeliest; 0.2..1.6 moves on the way",
    )
    top_k: int = _setting(0, Integer(0, 1_000_000), "draw from the k likeliest tokens only; 0 is off", off=0)
    top_p: float = _setting(
        1.0,
        Number(0, 1, ("0.9", "0.95", "1")),
        "draw from the likeliest tokens that together reach probability p; 1 is off",
        off=1.0,
    )
    min_p: float = _setting(
        0.0, Number(0, 1), "cut tokens less likely than this share of the likeliest one; 0 is off", off=0.0
    )
    typical: float = _setting(
        1.0,
        Number(0, 1),
        "keep the tokens whose surprise is nearest to the entropy, up to this probability; 1 is off",
        off=1.0,
    )
    repeat_penalty: float = _setting(
        1.0, Number(0.1, 10), "make tokens of the last repeat-last-n less likely; 1 is off", off=1.0
    )
    repeat_last_n: int = _setting(64, Integer(0, 8192), "how many tokens back the penalties look")
    frequency_penalty: float = _setting(
        0.0, Number(-2, 2), "what a token loses for each time that it stands there; 0 is off", off=0.0
    )
    presence_penalty: float = _setting(
        0.0, Number(-2, 2), "what a token loses for standing there at all; 0 is off", off=0.0
    )
    dry_multiplier: float = _setting(
        0.0, Number(0, 5, ("0.8",)), "make it unlikely to go on repeating what stood before (DRY); 0 is off", off=0.0
    )
    dry_base: float = _setting(1.75, Number(1, 4), "how fast DRY's penalty grows with the length of the repeat")
    dry_allowed_length: int = _setting(2, Integer(1, 64), "how many repeated tokens DRY lets pass")
    dry_penalty_last_n: int = _setting(-1, Integer(-1, 8192), "how many tokens back DRY looks; -1 is all, up to 8,192")
    dry_sequence_breakers: tuple[str, ...] = _setting(
        ("\n", ":", '"', "*"), Strings(), "characters over which DRY follows no repeat"
    )
    surprise: float = _setting(
        0.0,
        Number(0, 20, ("2", "2.5", "3")),
        "hold the surprise of the tokens at so many bits (Mirostat 2); 0 is off",
        off=0.0,
    )
    surprise_rate: float = _setting(0.1, Number(0, 1), "how fast it is held: Mirostat's learning rate")
    length: int = _setting(
        500,
        Integer(1, 10_000_000, examples=("200", "500", "2000")),
        "how many characters to write",
        scope="passage",
    )
    stop: tuple[str, ...] = _setting((), Strings(), "stop where one of these texts would come", scope="passage")
    rng: int | None = _setting(None, RngNumber(0, 2**32 - 1), "the number that the dice start from", scope="passage")
    memory: bool = _setting(False, Bool(), "let the next seed go on from what has been read", scope="passage")
    whole_seed: bool = _setting(False, Bool(), "read all of a very long seed, not its end only", scope="passage")
    speed: int = _setting(
        40,
        Integer(0, 100_000, "max", ("10", "40", "200", "max")),
        "characters a second where people watch",
        scope="view",
    )
    heat: str = _setting("off", Choice(HEAT_MODES), "colour every token by what it was to the model", scope="view")
    lens: str = _setting("on", Choice(("on", "off")), "show what there is to choose from beside the text", scope="view")
    copied: str = _setting(
        "on",
        Choice(("on", "off")),
        "mark what stands word for word in the training text, where the model has an index of it",
        scope="view",
    )
    autosave: str = _setting("on", Choice(("on", "off")), "keep every passage, for /open", scope="view")

    def __post_init__(self) -> None:
        for name, spec in SPECS.items():
            object.__setattr__(self, name, spec.check(getattr(self, name)))

    def changed(self, **values: Any) -> Settings:
        """A copy with these values; raises SettingError for an unknown name or a value out of range."""
        for name in values:
            get_spec(name)
        return replace(self, **values)

    def temperature_at(self, progress: float) -> float:
        """The temperature when ``progress`` (0 to 1) of the length is written."""
        if isinstance(self.temperature, Ramp):
            return self.temperature.at(progress)
        return self.temperature

    def non_defaults(self) -> dict[str, Any]:
        """What differs from the defaults, by name."""
        return {name: getattr(self, name) for name, spec in SPECS.items() if getattr(self, name) != spec.default}

    def filters_only(self) -> Settings:
        """Nothing but what shapes a draw beside the temperature; all else is at its default."""
        return Settings(**{name: getattr(self, name) for name in FILTERS})

    def for_passage(self) -> Settings:
        """What a passage keeps: all but the dice of the next one, and whether passages are kept at all."""
        return self.changed(rng=SPECS["rng"].default, autosave=SPECS["autosave"].default)

    def format(self, names: Iterable[str]) -> str:
        """Some settings as they would be typed: "top-k 3, min-p 0.02"."""
        return ", ".join(f"{SPECS[name].label} {SPECS[name].kind.show(getattr(self, name))}" for name in names)

    def format_active_filters(self) -> str:
        """The filters that do something, as they would be typed."""
        return self.format(
            n for n, spec in SPECS.items() if spec.off_value is not None and getattr(self, n) != spec.off_value
        )

    def to_dict(self) -> dict[str, Any]:
        """``differences`` as values that JSON knows; ``unplain`` is the way back."""
        return {name: v.exact_text() if isinstance(v, Ramp) else v for name, v in self.non_defaults().items()}


SPECS: dict[str, Spec] = {
    f.name: Spec(f.name, f.metadata["kind"], f.default, f.metadata["off"], f.metadata["scope"], f.metadata["help"])
    for f in fields(Settings)
}
"""All settings by field name, in the order of declaration."""


FILTERS = tuple(name for name, spec in SPECS.items() if spec.scope == "token" and name != "temperature")
"""What shapes a draw beside the temperature."""


def settings_from_dict(values: Mapping[str, Any]) -> Settings:
    """Settings that were kept as ``plain`` values. What another release knew and this one does not is left out."""
    kept = Settings()
    for name, value in values.items():
        with contextlib.suppress(SettingError):
            kept = merge_layers(kept.non_defaults(), {str(name): value})
    return kept


def get_spec(name: str) -> Spec:
    """The declaration of ``name`` (top_p and top-p are the same); raises SettingError, which names the likeliest."""
    found = SPECS.get(name.replace("-", "_"))
    if found:
        return found
    hint = suggest(name, [spec.label for spec in SPECS.values()], "/set lists all", limit=3)
    raise SettingError(f"there is no setting {name[:40]!r}; {hint}")


def merge_layers(*layers: Mapping[str, Any]) -> Settings:
    """Settings made of layers of values by name, later ones winning: card, config file, environment, flags."""
    values: dict[str, Any] = {}
    for layer in layers:
        for name, value in layer.items():
            spec = get_spec(name)
            values[spec.name] = spec.parse(value) if isinstance(value, str) else spec.check(value)
    return Settings(**values)


def read_config(path: Path) -> dict[str, Any]:
    """What the user's TOML file says, {} where there is none; raises SettingError with the file's name."""
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingError(f"cannot read {path}: {error}") from None


def read_environment() -> dict[str, str]:
    """Settings given as AFTERGLOW_TEMPERATURE and the like."""
    return dict(_environment_values())


def _environment_values() -> Iterator[tuple[str, str]]:
    for name in SPECS:
        value = os.environ.get(f"AFTERGLOW_{name.upper()}")
        if value is not None:
            yield name, value
