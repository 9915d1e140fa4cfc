"""Check requests and answers against Discord's OpenAPI description, if that is available."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from functools import cache
from typing import Any

import pytest

from .conftest import SHARED
from .discord_rest import Call

OPENAPI_PATH = SHARED / "discord" / "openapi.json"


def check(calls: Iterable[Call]) -> int:
    """Return the number of bodies checked. Raise ValidationError if a request or an answer is not as described."""
    count = 0
    for call in calls:
        request, answers = _validators(call.method, _template(call.method, call.path))
        if call.body is not None:
            request.validate(_with_text_ids(call.body))
            count += 1
        if call.answer is not None and str(call.status) in answers:
            answers[str(call.status)].validate(call.answer)
            count += 1
    return count


def skip_unless_available() -> None:
    """Skip the test if the description is not available."""
    pytest.importorskip("jsonschema")
    if not OPENAPI_PATH.exists():
        pytest.skip(f"Discord's description is not at {OPENAPI_PATH}")


def is_available() -> bool:
    """True if the description is available."""
    return OPENAPI_PATH.exists()


@cache
def _description() -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(OPENAPI_PATH.read_text("utf-8"))
    return loaded


@cache
def _patterns() -> list[tuple[re.Pattern[str], str]]:
    paths = sorted(_description()["paths"], key=lambda path: path.count("{"))
    return [(re.compile(re.sub(r"\{\w+\}", r"[^/]+", path)), path) for path in paths]


def _template(method: str, path: str) -> str:
    for pattern, template in _patterns():
        if pattern.fullmatch(path) and method.lower() in _description()["paths"][template]:
            return template
    raise AssertionError(f"Discord describes no {method} {path}")


@cache
def _validators(method: str, template: str) -> tuple[Any, dict[str, Any]]:
    described = _description()["paths"][template][method.lower()]
    request = described.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
    answers = {
        status: _validator(answer["content"]["application/json"]["schema"])
        for status, answer in described["responses"].items()
        if "content" in answer
    }
    return _validator(request), answers


def _validator(schema: dict[str, Any]) -> Any:
    jsonschema = pytest.importorskip("jsonschema")
    return jsonschema.Draft202012Validator({**schema, "components": _description()["components"]})


def _with_text_ids(body: Any) -> Any:
    """Convert a reply's ids to text: discord.py sends numbers, which Discord accepts but does not describe."""
    if not isinstance(body, dict) or "message_reference" not in body:
        return body
    reference = body["message_reference"]
    return {**body, "message_reference": {k: str(v) if k.endswith("_id") else v for k, v in reference.items()}}
