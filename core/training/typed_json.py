"""Parse JSON values into dataclasses. A file may come from a stranger: each value is checked for type and range."""

from __future__ import annotations

import dataclasses
from math import inf
from types import UnionType
from typing import Annotated, Any, NamedTuple, TypeVar, Union, get_args, get_origin, get_type_hints

from ..bounded_json import parse_json

T = TypeVar("T")

MAX_VALUES = 1_000_000
"""Most values of run.json or of a checkpoint's header. A vocabulary of 65,536 merges has 200,000."""

MAX_EXACT = 2**53
"""Largest count. Above it, floats are not exact."""


class Between(NamedTuple):
    """The range of a number in an ``Annotated`` type, both ends included. ``unlimited`` permits infinity as well."""

    low: float
    high: float
    unlimited: bool = False

    def has(self, value: object) -> bool:
        """Return True if ``value`` is a number in the range. NaN never is."""
        if not isinstance(value, int | float):
            return False
        return self.low <= value <= self.high or (self.unlimited and value == inf)


Count = Annotated[int, Between(0, MAX_EXACT)]
Positive = Annotated[int, Between(1, MAX_EXACT)]
Share = Annotated[float, Between(0, 1)]


class OtherKeysError(ValueError):
    """An object that lacks a field or has an unknown one, as another release writes it."""


def load_object(text: str | bytes) -> dict[str, Any]:
    """Return the object in a JSON text, in which numbers may be infinite. Raises ValueError if there is none."""
    return require_object(parse_json(text, MAX_VALUES, constant=float))


def require_object(values: object) -> dict[str, Any]:
    """Return ``values`` if it is a JSON object. Raises ValueError if not."""
    if not isinstance(values, dict):
        raise ValueError("it has another value in the place of an object")
    return values


def parse(cls: type[T], values: object) -> T:
    """Return the dataclass with ``values``, a JSON object, as its fields. Fields with a default may be absent.

    Raises ValueError, which names the field, if a value is of another type or out of range.
    """
    values = require_object(values)
    hints = get_type_hints(cls, include_extras=True)
    if not required_fields(cls) <= values.keys() <= hints.keys():
        raise OtherKeysError(f"{cls.__name__} has other fields")
    return cls(**{name: _convert(hints[name], value, name) for name, value in values.items()})


def required_fields(cls: Any) -> set[str]:
    """Return the names of a dataclass's fields that have no default."""
    missing = dataclasses.MISSING
    return {field.name for field in dataclasses.fields(cls) if field.default is field.default_factory is missing}


def _convert(hint: Any, value: object, name: str) -> Any:
    """Return ``value`` as the type ``hint``: a plain type, a dataclass, a tuple, ``X | None``, or one of those with
    a range."""
    origin, inner = get_origin(hint), get_args(hint)
    if origin is Annotated:
        if value is not None and not inner[1].has(value):
            raise ValueError(f"{name} is out of range")
        return _convert(inner[0], value, name)
    if origin in (Union, UnionType):
        return None if value is None else _convert(inner[0], value, name)
    if origin is tuple:
        return _convert_tuple(inner, value, name)
    if isinstance(hint, type) and dataclasses.is_dataclass(hint):
        return parse(hint, value)
    if hint is float and type(value) is int:
        return float(value)  # the range has been checked
    if type(value) is not hint:
        raise ValueError(f"{name} is not of the type {hint.__name__}")
    return value


def _convert_tuple(hints: tuple[Any, ...], value: object, name: str) -> tuple[Any, ...]:
    """Return a list's items as the types ``hints``, of which the first is repeated if the last is ``...``."""
    if not isinstance(value, list):
        raise ValueError(f"{name} is not a list")
    if hints[-1] is Ellipsis:
        hints = hints[:1] * len(value)
    if len(hints) != len(value):
        raise ValueError(f"{name} does not have {len(hints)} items")
    return tuple(_convert(hint, item, name) for hint, item in zip(hints, value, strict=True))
