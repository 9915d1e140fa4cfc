"""The server's OpenAPI description says what the table of settings says. Requests and answers are as it says."""

from __future__ import annotations

from typing import Any

import pytest
from afterglow.core.errors import SettingError
from afterglow.core.setting_spec import Spec
from afterglow.core.settings import SPECS, merge_layers
from afterglow.repl.serve.setting_schemas import setting_schema

jsonschema = pytest.importorskip("jsonschema")

VALUES: list[Any] = [
    *(None, True, False, 0, 1, -1, 2, 5, 63, 64, 65, 8192, 8193, 10**6, 10**6 + 1, 10**7, 10**7 + 1, 2**32 - 1, 2**32),
    *(0.0, 0.05, 0.1, 0.5, 1.5, 2.0, 2.5, 4.001, 5.01, 8.1, -2.0, -2.01, 10.0, 10.1, 20.5, 1e300, float("inf")),
    *([], [""], ["a"], ["a", 1], [["a", 1]], ["a"] * 1000, ["a"] * 1001, {}, {"e": 1}, {"e": 101}, {"e": "1"}, {"": 1}),
    *({"off": 1}, {"a b": 1}, {"a..b": 1}, {"a.b": 4, "off.": -4}),
    {str(number): 1 for number in range(1001)},
]
"""Values of every type on both sides of every bound."""

WORDS = ["sentence", "off", "0.2..1.6", "0.2..", "nothing of the kind"]


@pytest.mark.parametrize("spec", [spec for spec in SPECS.values() if spec.scope != "view"], ids=lambda spec: spec.name)
def test_the_schema_of_a_setting_permits_what_the_setting_permits(spec: Spec) -> None:
    schema = setting_schema(spec)
    validator = jsonschema.Draft202012Validator(schema)
    words = WORDS if spec.name in ("temperature", "finish") else []
    values = [*VALUES, *words, schema["default"]]
    if spec.name in ("style", "bias"):  # pairs in a list are read from files, but objects are how programs say it
        values = [value for value in values if not isinstance(value, list)]
    described = [validator.is_valid(value) for value in values]
    assert described == [is_permitted(spec.name, value) for value in values]
    assert {True, False} <= set(described)


def is_permitted(name: str, value: object) -> bool:
    try:
        merge_layers({name: value})
    except SettingError:
        return False
    return True
