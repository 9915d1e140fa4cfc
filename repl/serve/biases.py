"""``logit_bias`` as clients send it, by token ids, as the setting ``bias``, by texts."""

from __future__ import annotations

from collections.abc import Iterator

from ...core.errors import SettingError
from ...core.model import Model
from ...core.settings import get_spec
from .api_errors import ApiError
from .prompts import token_labels
from .request_fields import Fields, wrong_value

BANNED = -100.0
"""The number that stands for a token that must not be drawn: it leaves it a chance of e^-100."""


def bias_by_text(model: Model, fields: Fields) -> dict[str, object]:
    """Return the setting ``bias`` with what ``logit_bias`` adds to it; {} if that was not sent. Raises ApiError.

    ``logit_bias`` is an object from ids to numbers (OpenAI), or a list of pairs of an id or a text and a number, or
    false for a token that must not be drawn (llama.cpp).
    """
    sent = fields.get("logit_bias")
    if not sent:
        return {}
    numbers = dict(_own_bias(fields))
    for text, number in _pairs(model, sent):
        numbers[text] = BANNED if number is False else number
    try:
        return {"bias": get_spec("bias").check(numbers)}
    except SettingError as error:
        raise ApiError(str(error), param="logit_bias") from None


def _own_bias(fields: Fields) -> dict[str, object]:
    bias = fields.settings().get("bias", ())
    return dict(bias) if isinstance(bias, tuple) else {}


def _pairs(model: Model, sent: object) -> Iterator[tuple[str, object]]:
    """Yield texts of tokens with their numbers."""
    if isinstance(sent, dict):
        for key, number in sent.items():
            yield _text_of(model, int(key) if key.isascii() and key.isdecimal() and len(key) < 10 else key), number
        return
    if not isinstance(sent, list):
        raise wrong_value("logit_bias", sent, "an object from token ids to numbers")
    for pair in sent:
        if not isinstance(pair, list) or len(pair) != 2:
            raise wrong_value("logit_bias", pair, "a pair of a token and a number")
        yield pair[0] if isinstance(pair[0], str) else _text_of(model, pair[0]), pair[1]


def _text_of(model: Model, token: object) -> str:
    labels = token_labels(model.tokenizer)
    if type(token) is not int or not 0 <= token < len(labels):
        raise ApiError(f"there is no token {str(token)[:20]}; ids are 0 to {len(labels) - 1}", param="logit_bias")
    if labels[token] != model.token_text(token):
        raise ApiError(f"token {token} has no text of its own, so it can have no bias", param="logit_bias")
    return labels[token]
