"""The bot's options, from ``bot.toml`` and command-line flags. Does not import discord.py."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, TypeVar, get_type_hints

from ..core.errors import UsageError, suggest
from ..core.inference.library import DEFAULT_MODEL
from ..core.paths import config_file, data_dir
from ..core.toml_file import TomlFile, naming
from ..core.typed_paths import typed_path

T = TypeVar("T")


def _option(default: T, help_text: str, low: float = 0, high: float = 1_000_000) -> T:
    return field(default=default, metadata={"help": help_text, "low": low, "high": high})


@dataclass(frozen=True, slots=True)
class Options:
    """The keys of ``bot.toml``. Raises UsageError for a value of the wrong type or out of range."""

    model: str = _option(DEFAULT_MODEL, "default model, a name or a path")
    data: str = _option("", "path of the SQLite data file; the log is written next to it")
    proxy: str = _option("", "HTTP proxy for all connections to Discord")
    direct_messages: bool = _option(True, "answer direct messages")
    channels: tuple[int, ...] = _option((), "ids of the channels where mentions are answered; empty: all channels")
    blocklist: tuple[str, ...] = _option((), "words that are refused in seeds and masked with dots in texts")
    uses: int = _option(6, "requests per person within `seconds`", 1)
    seconds: float = _option(20.0, "rate-limit window in seconds", 0.1, 86_400)
    at_once: int = _option(64, "maximum number of texts written at the same time", 1, 1000)
    waiting: int = _option(200, "maximum queue length", 0, 10_000)
    channel_at_once: int = _option(4, "maximum number of texts written at the same time in a channel", 1, 100)
    channel_waiting: int = _option(10, "maximum queue length of a channel", 0, 1000)
    shards: str = _option("one", "one connection, or auto: as many as Discord recommends, in this process")
    shard_ids: tuple[int, ...] = _option((), "which of shard_count connections this process serves")
    shard_count: int = _option(0, "number of connections over all processes", 0, 100_000)

    def __post_init__(self) -> None:
        for name, kind in _TYPES.items():
            object.__setattr__(self, name, _check_value(name, kind, getattr(self, name)))
        if self.shards not in ("one", "auto"):
            raise UsageError(f"shards must be one or auto, not {self.shards[:40]!r}")
        if bool(self.shard_ids) != bool(self.shard_count) or any(i >= self.shard_count for i in self.shard_ids):
            raise UsageError("shard_ids and shard_count go together: each id from 0 to less than the count")

    @property
    def data_path(self) -> Path:
        """Path of the data file: ``data``, or bot.sqlite3 in the data folder. Raises UsageError if it cannot be one."""
        return typed_path(self.data) if self.data else data_dir() / "bot.sqlite3"

    @property
    def shard_label(self) -> str:
        """Name of this process in the data file: "all", or its connections, such as "0,1 of 4"."""
        return f"{','.join(map(str, self.shard_ids))} of {self.shard_count}" if self.shard_ids else "all"

    def changed(self, **values: Any) -> Options:
        """Return a checked copy with these values. A value of None changes nothing."""
        return replace(self, **{name: value for name, value in values.items() if value is not None})


_TYPES: dict[str, Any] = get_type_hints(Options)
_BOUNDS = {f.name: (f.metadata["low"], f.metadata["high"]) for f in fields(Options)}


def default_config_path() -> Path:
    """Return the path of ``bot.toml`` in the configuration folder."""
    return config_file().with_name("bot.toml")


def load_options(path: Path | None = None) -> Options:
    """Return the options in the TOML file ``path``. None reads ``bot.toml``; if that does not exist, all are defaults.

    Raises UsageError, one line that names the file, if it cannot be read or an option is invalid.
    """
    file = TomlFile.read(path or default_config_path(), UsageError)
    if file is None:
        if path:
            raise UsageError(f"there is no file {path}")
        return Options()
    for name, value in file.values.items():
        with naming(file.place, name):
            _require_option(name)
            _check_value(name, _TYPES[name], value)
    with naming(file.path.__str__):
        return Options(**file.values)


def template() -> str:
    """Return a ``bot.toml`` with every option at its default, commented out, below its help text."""
    return "".join(f"# {f.metadata['help']}\n# {f.name} = {_to_toml(f.default)}\n\n" for f in fields(Options))


def _require_option(name: str) -> None:
    """Raise UsageError unless there is an option ``name``."""
    if name == "token":
        raise UsageError("do not put the token in this file; set DISCORD_TOKEN_FILE, or DISCORD_TOKEN")
    if name not in _TYPES:
        raise UsageError(f"there is no option {name!r}; {suggest(name, _TYPES, 'see --help')}")


def _check_value(name: str, type_: Any, value: Any) -> Any:
    """Return ``value`` as ``type_``. Raises UsageError if it is of another type or out of range."""
    low, high = _BOUNDS[name]
    if type_ in (str, bool) and type(value) is type_:
        return value
    if type_ in (int, float) and type(value) in (int, float) and low <= value <= high and value == type_(value):
        return type_(value)
    if type_ == tuple[str, ...] and isinstance(value, list | tuple) and all(isinstance(v, str) for v in value):
        return tuple(value)
    if type_ == tuple[int, ...] and isinstance(value, list | tuple) and all(type(v) is int and v >= 0 for v in value):
        return tuple(value)
    raise UsageError(f"{name} cannot be {str(value)[:40]!r}: it must be {_describe_type(type_, low, high)}")


def _describe_type(type_: Any, low: float, high: float) -> str:
    """Return the permitted values of an option in words, for an error."""
    descriptions = {
        str: "a text",
        bool: "true or false",
        tuple[str, ...]: 'a list of texts, such as ["a", "b"]',
        tuple[int, ...]: "a list of whole numbers, such as [0, 1]",
    }
    return descriptions.get(type_) or f"a number from {low:g} to {high:g}"


def _to_toml(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return "[]"
    return f'"{value}"' if isinstance(value, str) else str(value)
