"""Parse and check JSON that may come from a stranger: bounded in memory, and with finite numbers only."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from itertools import islice
from math import isfinite
from typing import TypeVar

T = TypeVar("T")

MAX_DIGITS = 300
"""Longest whole number in digits, so that each fits in a float."""

MAX_NUMBER = 1e300
"""Largest number that ``require_number`` accepts. Sums of a few, and their products with a setting, are finite too."""

_SEPARATOR = re.compile(r'(?:[^",\[{]++|"(?:[^"\\]++|\\.)*+(?:"|\\?\Z))*+(?:([,\[{])|\Z)', re.DOTALL)
"""The next comma or opening bracket outside of strings, as a group, or the end."""


def refuse_constant(name: str) -> object:
    """Raise ValueError: a constant for ``parse_json``."""
    raise ValueError(f"it has {name}, which is no number of JSON")


def parse_json(text: str | bytes, max_values: int, constant: Callable[[str], object] = lambda _: None) -> object:
    """Return the value of a JSON text, in UTF-8 if it is bytes. Raise ValueError, and nothing else, if it is unusable.

    It is unusable if it is not JSON, is nested too deeply, has more than ``max_values`` values, or has a number that no
    float holds. Scalars, lists, objects and members of objects are values; an empty list or object counts twice.
    A value takes at most 250 bytes of memory, besides its characters, and the limit is checked before parsing. NaN,
    Infinity and -Infinity, which Python writes although JSON has none, are read as ``constant`` makes them: as null.
    """
    decoded = text if isinstance(text, str) else text.decode()
    _require_few_values(decoded, max_values)
    try:
        return json.loads(decoded, parse_int=_parse_int, parse_float=_parse_float, parse_constant=constant)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    except MemoryError:
        raise ValueError("it does not fit in memory") from None


def _require_few_values(text: str, limit: int) -> None:
    """Raise ValueError if ``text`` has more than ``limit`` values: each but the first follows a comma or a bracket."""
    if sum(map(text.count, ",[{")) < limit:  # counts those inside of strings too, but is 20 times as fast
        return
    last = next(islice(_SEPARATOR.finditer(text), limit - 1, None), None)
    if last and last[1]:
        raise ValueError(f"it has more than {limit:,} values")


def _parse_int(digits: str) -> int:
    if len(digits) > MAX_DIGITS:
        raise ValueError("it has a number of too many digits")
    return int(digits)


def _parse_float(digits: str) -> float:
    value = float(digits)
    if not isfinite(value):
        raise ValueError("it has a number that is too large")
    return value


def require_type(kind: type[T], value: object) -> T:
    """Return ``value`` if this is its exact type. Raises ValueError if not."""
    if type(value) is not kind:
        raise ValueError(f"it has a {type(value).__name__} in place of a {kind.__name__}")
    return value


def require_int_below(end: int, value: object) -> int:
    """Return ``value`` if it is an integer from 0 to ``end`` - 1. Raises ValueError if not."""
    number = require_type(int, value)
    if not 0 <= number < end:
        raise ValueError(f"a number below {end} expected")
    return number


def require_number(value: object) -> float:
    """Return ``value`` as a float if it is a number of at most ``MAX_NUMBER`` in size. Raises ValueError if not."""
    if (type(value) is not float and type(value) is not int) or not -MAX_NUMBER <= value <= MAX_NUMBER:
        raise ValueError("a number expected")
    return float(value)
