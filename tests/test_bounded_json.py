"""JSON from a stranger: what is too much is refused before it is parsed, and only with a ValueError."""

from __future__ import annotations

import json
import tracemalloc
from typing import Any

import pytest
from afterglow.core.bounded_json import MAX_DIGITS, parse_json
from hypothesis import given
from hypothesis import strategies as st

from .properties import examples

SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(1 - 10**MAX_DIGITS // 10, 10**MAX_DIGITS - 1),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(),
    st.text(alphabet='\\",[{}]:'),
)
VALUES = st.recursive(SCALARS, lambda inner: st.one_of(st.lists(inner), st.dictionaries(st.text(), inner)))


def count(value: Any) -> int:
    """Values in decoded JSON, as ``parse_json`` counts them."""
    if not isinstance(value, dict | list):
        return 1
    inner = value.values() if isinstance(value, dict) else value
    return 1 + (sum(map(count, inner)) or 1)


@examples(100)
@given(VALUES, st.booleans(), st.booleans())
def test_a_limit_is_exact_for_any_json(value: Any, ascii_only: bool, encoded: bool) -> None:
    text: str | bytes = json.dumps(value, ensure_ascii=ascii_only)
    text = text.encode("utf-8", "replace") if encoded else text
    assert parse_json(text, count(value)) == json.loads(text)
    if count(value) > 1:
        with pytest.raises(ValueError, match="more than"):
            parse_json(text, count(value) - 1)


@pytest.mark.parametrize(
    "text",
    [
        "9" * (MAX_DIGITS + 1),
        "-" + "9" * 400,
        "[" + "9" * 10_000 + "]",
        "1e309",
        "-1e999",
        "9" * 400 + ".5",
        "[" * 100_000,
        "[" * 100_000 + "]" * 100_000,
        '{"a":' * 100_000,
        "",
        "{",
        "nan",
        b"\xff",
        b"\xff\xfe[\0]\0",
        '"\x00"',
        "[1]x",
        '"unended',
        '"\\',
    ],
    ids=lambda text: str(text)[:20],
)
def test_what_is_not_usable_is_a_value_error(text: str | bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011
        parse_json(text, 10**6)


def test_what_python_writes_although_json_has_none_is_null() -> None:
    assert parse_json(json.dumps([float("nan"), float("inf"), -float("inf")]), 9) == [None] * 3


@pytest.mark.parametrize("piece", ["[],", "{},", '"ā",', '{"":{}},', "999,", '"",'])
def test_too_many_values_are_refused_before_they_take_memory(piece: str) -> None:
    text = "[" + piece * (3_000_000 // len(piece))
    tracemalloc.start()
    with pytest.raises(ValueError, match="more than 10,000 values"):
        parse_json(text, 10_000)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 100_000


@pytest.mark.parametrize("piece", ['\\"', "a", '"', "\\", ' ""'])
def test_counting_takes_no_longer_for_a_text_made_for_it(piece: str) -> None:
    """A search that begins again at every character would take hours for these 4 MB."""
    with pytest.raises(ValueError, match="line 1"):
        parse_json('["[[[[[[[[' + piece * (4_000_000 // len(piece)), 5)


def test_memory_that_runs_out_is_a_value_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def loads(*_: object, **__: object) -> None:
        raise MemoryError

    monkeypatch.setattr(json, "loads", loads)
    with pytest.raises(ValueError, match="memory"):
        parse_json("[]", 9)
