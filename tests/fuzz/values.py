"""Values that a reader does not expect, and JSON that holds them.

A recipe stands for a value that JSON in a case file cannot hold, or not briefly: an object with one key, ``$raw`` (JSON
text as it is), ``$digits`` (a number of so many digits), ``$deep`` (so many brackets, and which), ``$text`` (a text and
how often it is repeated) or ``$hex`` (bytes).
"""

from __future__ import annotations

import json
import re
from random import Random
from typing import Any

LIGHT_TEXTS = ["", "x", "NaN", "1e999", "null", "%s%n", "2..3", "a:b:c", "0,1", "../../x", "@everyone", "<b>&amp;"]
HARD_TEXTS = ["\x00", "\r", "\n", "\x1b]0;title\x07", "\x1b[2J", "\x9b31m", "\u202e", "\ud800", "\udc80x", "\ufffe"]
LONG_TEXTS = [{"$text": pair} for pair in (["x", 100_000], ["\x1b", 400], ["\ud800", 1000], ["9", 5000])]
TEXTS = [*LIGHT_TEXTS, *HARD_TEXTS, *LONG_TEXTS, "\U0001f525"]

WHOLE = [0, 1, -1, 2, 255, 256, 2**31 - 1, 2**31, 2**32, 2**53 + 1, 2**63 - 1, 2**63, -(2**63), 2**64, 10**20]
FLOATS = [-0.0, 0.5, -1.5, 1e-320, 1e30, 3.5e38, 1e308, -1e308]
RAW = [{"$raw": text} for text in ("NaN", "Infinity", "-Infinity", "1e999")]
NUMBERS = [*WHOLE, *FLOATS, *RAW, {"$digits": 400}, {"$digits": 4000}, {"$digits": 5000}]

DEEP = [{"$deep": [500, "["]}, {"$deep": [100_000, "["]}, {"$deep": [100_000, "{"]}]
OTHERS = [None, True, False, [], {}, [[]], [None], {"": None}, {"a": 1}, [0, 0], ["x", 1], [{}], [[[1]]], *DEEP]


def unexpected(rng: Random, old: Any, same_type: bool = False) -> Any:
    """Return a value to put where ``old`` is: of another type unless ``same_type``, extreme, or a little different."""
    kinds = [_near, _text if isinstance(old, str) else _number] if same_type else [_near, _text, _number, _other]
    return rng.choice(kinds)(rng, old)


def _text(rng: Random, _: Any) -> Any:
    return rng.choice(TEXTS)


def _number(rng: Random, _: Any) -> Any:
    return rng.choice(NUMBERS)


def _other(rng: Random, _: Any) -> Any:
    return rng.choice(OTHERS)


def _near(rng: Random, old: Any) -> Any:
    """Return a value of the same type that is close to ``old``."""
    if isinstance(old, bool) or old is None:
        return rng.choice([not old, int(bool(old)), str(old)])
    if isinstance(old, int):
        return rng.choice([old + 1, old - 1, -old, old * 2, old + (1 << 32), float(old), str(old)])
    if isinstance(old, float):
        return rng.choice([-old, old + 1, old * 1e30, int(old) if abs(old) < 1e9 else 0, str(old)])
    if isinstance(old, str):
        more = [old + "\ud800", "\x1b[31m" + old, old + "\n", [old]]
        return rng.choice([old[:-1], old * 2, old[::-1], old.upper(), *more])
    if isinstance(old, list):
        return rng.choice([old[:-1], old * 2, old[::-1], [*old, None], old[:1] * 1000, dict(enumerate(old[:3]))])
    return list(old.items())[:3] if isinstance(old, dict) else old


def is_recipe(value: Any) -> bool:
    """True if a value is a recipe."""
    return isinstance(value, dict) and len(value) == 1 and next(iter(value)) in _RAW


_RAW = {
    "$raw": str,
    "$digits": lambda count: "9" * count,
    "$deep": lambda deep: deep[0] * "[" + deep[0] * "]" if deep[1] == "[" else deep[0] * '{"a":' + "1" + deep[0] * "}",
    "$text": lambda text: json.dumps(text[0] * text[1]),
    "$hex": lambda text: json.dumps(text),
}
"""Functions that return the JSON text of a recipe."""


def to_json(value: Any) -> str:
    """Return a value, with recipes anywhere in it, as JSON text."""
    raw: list[str] = []

    def without_recipes(part: Any) -> Any:
        if is_recipe(part):
            ((kind, content),) = part.items()
            raw.append(_RAW[kind](content))
            return f"\x01{len(raw) - 1}\x01"
        if isinstance(part, dict):
            return {str(key): without_recipes(inner) for key, inner in part.items()}
        return [without_recipes(inner) for inner in part] if isinstance(part, list | tuple) else part

    text = json.dumps(without_recipes(value))
    return re.sub(r'"\\u0001(\d+)\\u0001"', lambda found: raw[int(found[1])], text)


def to_python(value: Any) -> Any:
    """Return a value for a column of a database: bytes, text, a number or None. Objects and lists become JSON text."""
    if is_recipe(value):
        ((kind, content),) = value.items()
        if kind == "$hex":
            return bytes.fromhex(content)
        if kind == "$text":
            return content[0] * content[1]
        text = to_json(value)
        return float(text.replace("Infinity", "inf")) if kind == "$raw" else text
    if isinstance(value, int) and not -(1 << 63) <= value < 1 << 63:
        return str(value)
    return to_json(value) if isinstance(value, dict | list) else value
