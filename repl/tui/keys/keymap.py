"""Other keys for the full screen: the table ``[keys]`` of the user's config.toml."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import chain

from textual.binding import Binding, InvalidBinding
from textual.keys import Keys
from textual.widgets import TextArea

from ....core.errors import SettingError, suggest
from ....core.toml_file import naming
from ....core.user_config import read_config
from .key_bindings import (
    ANY_TIME_KEYS,
    EDITING_KEYS,
    EDITOR_KEYS,
    EMPTY_LINE_KEYS,
    HELP_KEYS,
    KEY_GROUPS,
    LINE_KEYS,
    QUESTION_KEYS,
    show_keys,
    types_character,
)

Keymap = dict[str, str]
"""Keys by id of their binding: {"retry": "ctrl+t,f6"}."""

BINDINGS_BY_ID: dict[str, Binding] = {binding.id or "": binding for group in KEY_GROUPS.values() for binding in group}
"""All bindings that can have other keys."""

MAIN_GROUPS = (EMPTY_LINE_KEYS, ANY_TIME_KEYS, LINE_KEYS, EDITING_KEYS)
"""Bindings of the main screen."""

SAME_KEYS = {"ctrl+i": "Tab", "ctrl+m": "Enter", "ctrl+h": "Backspace", "ctrl+left_square_bracket": "Esc"}
"""Keys that most terminals cannot tell from another one."""

_MODIFIERS = {"alt", "ctrl", "hyper", "meta", "shift", "super"}
_NAMED_KEYS = {key.value for key in Keys if not key.value.startswith("<")}
_OUTSIDE_OF_TEXT = {binding.id for binding in (*EMPTY_LINE_KEYS, *QUESTION_KEYS, *HELP_KEYS)}
"""Bindings whose keys may be characters: nothing is typed where they act."""


def read_keymap() -> Keymap:
    """Return the keys in the user's configuration file. Raises SettingError if one of them cannot be used."""
    config = read_config()
    table = config.values.get("keys", {})
    if not isinstance(table, Mapping):
        raise SettingError(f'{config.place("keys")}: [keys] is a table with lines such as retry = "ctrl+t"')
    keymap: Keymap = {}
    for id_, keys in table.items():
        with naming(config.place, "keys", id_), naming("[keys] {}".format, id_):
            keymap[id_] = _parse_keys(id_, keys)
    for id_ in keymap:
        with naming(config.place, "keys", id_), naming("[keys] {}".format, id_):
            _require_free_keys(id_, keymap)
    return keymap


def _parse_keys(id_: str, keys: object) -> str:
    """Return keys in Textual's spelling. Raises SettingError if there is no such binding or no such key."""
    if id_ not in BINDINGS_BY_ID:
        raise SettingError(f"there is no key of this name; {suggest(id_, BINDINGS_BY_ID, 'F1 lists all')}")
    if not isinstance(keys, str):
        raise SettingError('a key is written as text, such as "ctrl+t"; several are separated by commas')
    return ",".join(_parse_key(id_, key.strip()) for key in keys.split(","))


def _parse_key(id_: str, typed: str) -> str:
    *modifiers, base = typed.lower().split("+") if len(typed) > 1 else [typed]
    try:
        base = next(iter(Binding.make_bindings([Binding(base, "")]))).key
    except InvalidBinding:
        base = ""
    key = "+".join([*sorted(modifiers), base])
    if not set(modifiers) <= _MODIFIERS or not (base in _NAMED_KEYS or types_character(base)):
        raise SettingError(f"there is no key {typed!r}; keys are written as ctrl+t, alt+x, shift+f6 or pageup")
    if key in SAME_KEYS:
        raise SettingError(f"terminals send {SAME_KEYS[key]} for {typed}; choose another key")
    if types_character(base) and set(modifiers) <= {"shift"} and id_ not in _OUTSIDE_OF_TEXT:
        raise SettingError(f"{typed} types a character there; choose a key with ctrl or alt, or a function key")
    return key


def _require_free_keys(id_: str, keymap: Keymap) -> None:
    """Raise SettingError if one of the new keys is that of another binding in the same place."""
    new_keys = set(keymap[id_].split(",")) - set(BINDINGS_BY_ID[id_].key.split(","))
    for other in _neighbors(id_):
        taken = new_keys & set(keymap.get(other.id or "", other.key).split(","))
        if taken and other.id != id_:
            use = other.id or f"text ({other.description.lower()})"
            raise SettingError(f"{show_keys(taken.pop())} is the key of {use} already; choose another key")


def _neighbors(id_: str) -> Iterator[Binding]:
    """Yield the bindings that act where the binding ``id_`` does, and those that act everywhere."""
    group = next(group for group in KEY_GROUPS.values() if BINDINGS_BY_ID[id_] in group)
    if group in MAIN_GROUPS:
        yield from (*chain(*MAIN_GROUPS), *_text_keys())
    else:
        yield from (*group, *(key for key in ANY_TIME_KEYS if key.priority))
    if group == EDITOR_KEYS:
        yield from (*EDITING_KEYS, *_text_keys())


def _text_keys() -> Iterator[Binding]:
    """Yield the bindings of every text area, but for keys that have a binding with an id."""
    own = {key for binding in EDITING_KEYS for key in binding.key.split(",")}
    yield from (binding for binding in Binding.make_bindings(TextArea.BINDINGS) if binding.key not in own)
