"""JSON Schemas of the settings, made from the types in the table of settings."""

from __future__ import annotations

from functools import singledispatch

from ...core.setting_lists import NumbersByText, Strings
from ...core.setting_spec import Spec
from ...core.setting_styles import MAX_NAME_LENGTH, StyleNames
from ...core.setting_types import Bool, Choice, Integer, Kind, Number, RngNumber, Temperature

Schema = dict[str, object]
"""A JSON Schema, draft 2020-12, as OpenAPI 3.1 has it."""

RAMP_PATTERN = r"^\d+(\.\d+)?(\.\.\d+(\.\d+)?)?$"
"""A number, or two joined by "..", as people type a temperature."""

STYLE_PATTERN = r"^(?!off$)(?!.*\.\.)[^\s:,]+$"
"""A name of a style: no white space, and none of the marks that separate names, weights and the ends of a ramp."""


def setting_schema(spec: Spec) -> Schema:
    """Return the schema of a setting's values, with its help and its default."""
    default = spec.kind.to_json(spec.default)
    return {
        **kind_schema(spec.kind),
        "description": spec.help,
        "default": list(default) if isinstance(default, tuple) else default,
    }


@singledispatch
def kind_schema(kind: Kind) -> Schema:
    """Return the schema of the values that ``kind`` permits. Raises TypeError for a kind that has none."""
    raise TypeError(f"there is no schema for {type(kind).__name__}")


@kind_schema.register
def _(kind: Number) -> Schema:
    return {"type": "number", "minimum": kind.low, "maximum": kind.high}


@kind_schema.register
def _(kind: Temperature) -> Schema:
    number = {"type": "number", "minimum": kind.low, "maximum": kind.high}
    return {"anyOf": [number, {"type": "string", "pattern": RAMP_PATTERN, "examples": ["0.2..1.6"]}]}


@kind_schema.register
def _(kind: Integer) -> Schema:
    return {"type": "integer", "minimum": kind.low, "maximum": kind.high}


@kind_schema.register
def _(kind: RngNumber) -> Schema:
    return {"type": ["integer", "null"], "minimum": kind.low, "maximum": kind.high}


@kind_schema.register
def _(_kind: Bool) -> Schema:
    return {"type": "boolean"}


@kind_schema.register
def _(kind: Choice) -> Schema:
    return {"enum": list(kind.words)}


@kind_schema.register
def _(kind: Strings) -> Schema:
    texts: Schema = {"type": "array", "items": {"type": "string", "minLength": 1}}
    return texts if kind.max_count is None else texts | {"maxItems": kind.max_count}


@kind_schema.register
def _(kind: NumbersByText) -> Schema:
    number = kind_schema(kind.number)
    return {
        "type": "object",
        "propertyNames": {"minLength": 1},
        "additionalProperties": number,
        "maxProperties": kind.max_count,
    }


@kind_schema.register
def _(kind: StyleNames) -> Schema:
    weights = {
        "type": "object",
        "propertyNames": {"pattern": STYLE_PATTERN, "maxLength": MAX_NAME_LENGTH},
        "additionalProperties": kind_schema(kind.weight),
        "maxProperties": kind.max_count,
    }
    return {"anyOf": [{"type": "string", "examples": ["NAME", "NAME:0.7 NAME:0.3", "off..NAME"]}, weights]}
