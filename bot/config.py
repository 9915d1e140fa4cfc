"""What the bot's owner can choose, in ``bot.toml`` and by flags. Imports nothing of discord.py."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, get_type_hints

from ..core.errors import UsageError, error_text, suggest
from ..core.inference.library import DEFAULT_MODEL
from ..core.paths import config_file, data_dir


def _option(default: Any, text: str, low: float = 0, high: float = 1_000_000) -> Any:
    return field(default=default, metadata={"help": text, "low": low, "high": high})


@dataclass(frozen=True, slots=True)
class Options:
    """Each field is a line of ``bot.toml``; ``changed`` makes a checked copy."""

    model: str = _option(DEFAULT_MODEL, "the model that plays where nobody names one: a name or a path")
    data: str = _option("", "the SQLite file; beside it lies the log")
    proxy: str = _option("", "an HTTP proxy for all that goes to Discord")
    direct_messages: bool = _option(True, "answer direct messages")
    channels: tuple[int, ...] = _option((), "ids of the only channels where a mention is answered; none: everywhere")
    blocklist: tuple[str, ...] = _option((), "words that are refused in seeds and shown as dots in texts")
    uses: int = _option(6, "answers that one person gets in so many seconds", 1)
    seconds: float = _option(20.0, "how many seconds that are", 0.1, 86_400)
    at_once: int = _option(64, "texts that are written at once, in all", 1, 1000)
    waiting: int = _option(200, "texts that may wait for their turn, in all", 0, 10_000)
    channel_at_once: int = _option(4, "texts that are written at once in a channel", 1, 100)
    channel_waiting: int = _option(10, "texts that may wait for their turn in a channel", 0, 1000)
    shards: str = _option("one", "one connection, or auto: as many as Discord advises, in this process")
    shard_ids: tuple[int, ...] = _option((), "which of shard_count connections this process serves")
    shard_count: int = _option(0, "how many connections there are, over all processes", 0, 100_000)

    def __post_init__(self) -> None:
        for name, kind in _TYPES.items():
            object.__setattr__(self, name, _check_value(name, kind, getattr(self, name)))
        if self.shards not in ("one", "auto"):
            raise UsageError("shards is one or auto")
        if bool(self.shard_ids) != bool(self.shard_count) or any(i >= self.shard_count for i in self.shard_ids):
            raise UsageError("shard_ids and shard_count go together: ids from 0 to less than the count")

    @property
    def data_path(self) -> Path:
        """The data file."""
        return Path(self.data).expanduser() if self.data else data_dir() / "bot.sqlite3"

    @property
    def shard_label(self) -> str:
        """What this process serves, as its row in the data file is called."""
        return f"{','.join(map(str, self.shard_ids))} of {self.shard_count}" if self.shard_ids else "all"

    def changed(self, **values: Any) -> Options:
        """A copy with these values; None is no wish."""
        return replace(self, **{name: value for name, value in values.items() if value is not None})


_TYPES: dict[str, Any] = get_type_hints(Options)
_BOUNDS = {f.name: (f.metadata["low"], f.metadata["high"]) for f in fields(Options)}


def default_config_path() -> Path:
    """Where ``bot.toml`` is looked for."""
    return config_file().with_name("bot.toml")


def load_options(path: Path | None = None) -> Options:
    """What a TOML file says, else what ``bot.toml`` does if it is there; raises UsageError, one line."""
    config_path = path or default_config_path()
    try:
        values = tomllib.loads(config_path.read_text("utf-8"))
    except FileNotFoundError as error:
        if path is None:
            return Options()
        raise UsageError(f"cannot read {path}: {error_text(error)}") from None
    except OSError as error:
        raise UsageError(f"cannot read {config_path}: {error_text(error)}") from None
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise UsageError(f"cannot read {config_path}: {error}") from None
    try:
        return _build_options(values)
    except UsageError as error:
        raise UsageError(f"{config_path}: {error}") from None


def template() -> str:
    """A ``bot.toml`` with every option at its default, commented out, and what it is for."""
    return "".join(f"# {f.metadata['help']}\n# {f.name} = {_toml(f.default)}\n\n" for f in fields(Options))


def _build_options(values: Mapping[str, Any]) -> Options:
    for name in values:
        if name == "token":
            raise UsageError("the token does not belong in here: set DISCORD_TOKEN or DISCORD_TOKEN_FILE")
        if name not in _TYPES:
            raise UsageError(f"there is no option {name!r}; {suggest(name, _TYPES, 'see --help')}")
    return Options(**values)


def _check_value(name: str, type_: Any, value: Any) -> Any:
    low, high = _BOUNDS[name]
    if type_ in (str, bool) and type(value) is type_:
        return value
    if type_ in (int, float) and type(value) in (int, float) and low <= value <= high and value == type_(value):
        return type_(value)
    if type_ == tuple[str, ...] and isinstance(value, list | tuple) and all(isinstance(v, str) for v in value):
        return tuple(value)
    if type_ == tuple[int, ...] and isinstance(value, list | tuple) and all(type(v) is int and v >= 0 for v in value):
        return tuple(value)
    raise UsageError(f"{name} cannot be {str(value)[:40]!r}: it is {_describe_type(type_, low, high)}")


def _describe_type(type_: Any, low: float, high: float) -> str:
    words = {
        str: "a text",
        bool: "true or false",
        tuple[str, ...]: 'a list of texts, such as ["a", "b"]',
        tuple[int, ...]: "a list of whole numbers, such as [0, 1]",
    }
    return words.get(type_) or f"a number from {low:g} to {high:g}"


def _toml(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return "[]"
    return f'"{value}"' if isinstance(value, str) else str(value)
