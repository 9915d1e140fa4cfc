"""A model as one HTML file that plays it in a browser: engine, views and weights, with no request to anyone."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
from dataclasses import fields, replace
from functools import cache
from importlib.metadata import version
from pathlib import Path
from string import Template

from ..errors import UsageError
from ..inference.model_file import ModelFile
from ..setting_lists import NumbersByText, Strings
from ..setting_spec import Spec
from ..setting_styles import StyleNames
from ..setting_types import Bool, Choice, Integer, Kind, Number, Temperature
from ..settings import SPECS, WATCHED_DEFAULTS, SamplingSettings
from .heat import SCALES, heat_thresholds
from .page_modules import join_modules
from .svg import xml_text

PAGE = Path(__file__).parent.parent / "page"

_KINDS: dict[type[Kind], str] = {
    Temperature: "temperature",
    Number: "number",
    Integer: "whole",
    Choice: "choice",
    Bool: "flag",
    Strings: "texts",
    NumbersByText: "numbers",
    StyleNames: "style",
}
"""The names that ``page/play/setting_specs.mjs`` has for the types of settings."""


def model_page(name: str, file: ModelFile) -> bytes:
    """Return the page of a model, UTF-8. It has no index of copies. Raises UsageError for a mixture.

    Its Content-Security-Policy permits only the script and the style in it, by their hashes, and no request.
    """
    if not file.tensors:
        raise UsageError("a mixture has no weights of its own; choose one model")
    script, style = _script(), _colors() + (PAGE / "page.css").read_text("utf-8")
    facts = {"name": name, "heat": heat_thresholds(), "settings": _settings(), "defaults": dict(WATCHED_DEFAULTS)}
    page = Template((PAGE / "page.html").read_text("utf-8")).substitute(
        policy=_policy(script, style),
        title=xml_text(name),
        version=version("afterglow-lm"),
        style=style,
        facts=_data(json.dumps(facts)),
        words=_data((PAGE / "words.json").read_text("utf-8")),
        kernel=_base64((PAGE / "kernel" / "step.wasm").read_bytes()),
        model=_base64(gzip.compress(replace(file, index=None).to_bytes(), 9, mtime=0)),
        script=script,
    )
    return page.encode("utf-8")


@cache
def _script() -> str:
    return join_modules(PAGE / "views" / "app.mjs")


def _policy(script: str, style: str) -> str:
    """Return the policy. Images are those that the page draws itself, to save them."""
    hashes = (f"'sha256-{_base64(hashlib.sha256(text.encode()).digest())}'" for text in (script, style))
    return (
        "default-src 'none'; script-src {} 'wasm-unsafe-eval'; style-src {}; img-src data:; base-uri 'none'; "
        "form-action 'none'".format(*hashes)
    )


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def _data(text: str) -> str:
    """Return JSON that cannot end the element it stands in."""
    return text.replace("<", "\\u003c")


def _colors() -> str:
    """Return the colors of heat as variables: --h0 to --h4, of units --u0 to --u4, and of their boxes --b0 to --b4."""
    inks = [
        f"  --{scale[0]}{level}: light-dark({light}, {dark});"
        for scale, looks in SCALES.items()
        for level, (light, dark) in enumerate(zip(looks.on_light, looks.on_dark, strict=True))
    ]
    units = zip(SCALES["unit"].on_paper, SCALES["unit"].on_dark, strict=True)
    boxes = [f"  --b{level}: light-dark({light}, {dark});" for level, (light, dark) in enumerate(units)]
    return ":root {\n" + "\n".join(inks + boxes) + "\n}\n"


def _settings() -> list[dict[str, object]]:
    """Return the declarations of the settings that the page's engine has."""
    return [_declaration(SPECS[field.name]) for field in fields(SamplingSettings)]


def _declaration(spec: Spec) -> dict[str, object]:
    kind = spec.kind
    bounds = {"low": kind.low, "high": kind.high} if isinstance(kind, Number | Integer) else {}
    choices = {"choices": kind.words} if isinstance(kind, Choice) else {}
    texts = {"name": spec.name, "label": spec.label, "help": spec.help, "range": kind.range}
    return {**texts, "kind": _KINDS[type(kind)], **bounds, **choices}
