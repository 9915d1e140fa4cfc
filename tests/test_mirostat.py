"""The setting surprise: Mirostat 2 (Basu et al. 2021, arXiv 2007.14966, algorithm 2), from the formula to the text."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from afterglow.core.events import Token
from afterglow.core.generation.burst import TokenColumns
from afterglow.core.generation.snapshot import Snapshot, mirostat_state_after
from afterglow.core.generation.stream import Stream, StreamOptions
from afterglow.core.inference.backends import fastest_runtime
from afterglow.core.inference.model_file import ModelFile
from afterglow.core.inference.runtime import Runtime
from afterglow.core.model import Model
from afterglow.core.sampling.rng import PositionRNG
from afterglow.core.settings import Settings
from afterglow.core.text.tokenizer import ByteTokenizer

from .kernel_helpers import import_onnx_runtime

TARGET, RATE = 2.0, 0.25
CHOSEN = Settings(surprise=TARGET, surprise_rate=RATE, temperature=4.0, length=400)


def token(bits: float, bound: float | None) -> Token:
    """A token that had a surprisal of ``bits`` after the filters."""
    return Token("a", 97, -9.0, -bits * math.log(2), 1, 1.0, 1.0, bound)


def bits(token: Token) -> float:
    """Its surprisal in the distribution that it was drawn from."""
    return -token.shaped / math.log(2)


def stream_after(tokens: list[Token], chosen: Settings = CHOSEN) -> Stream:
    start = Snapshot((), np.zeros(256, np.float32), 0)
    stream = Stream(ByteTokenizer(), start, StreamOptions(chosen, PositionRNG(0), max_unread=99))
    for each in tokens:
        stream.add_tokens(TokenColumns._make([value] for value in each[1:]), {})
    return stream


def test_the_first_bound_is_twice_the_target() -> None:
    assert stream_after([]).surprise_bound() == 2 * TARGET


@pytest.mark.parametrize(
    ("surprisal", "bound"),
    [(2.0, 4.0), (3.0, 3.75), (0.0, 4.5), (4.0, 3.5)],
    ids=["as wished", "more surprising", "not at all", "at the bound"],
)
def test_the_bound_falls_after_a_token_that_surprises_more_and_rises_after_one_that_does_less(
    surprisal: float, bound: float
) -> None:
    """μ becomes μ - η (S - τ)."""
    assert stream_after([token(surprisal, 4.0)]).surprise_bound() == pytest.approx(bound)
    assert stream_after([token(9.0, 4.0), token(surprisal, 4.0)]).surprise_bound() == pytest.approx(bound)


def test_of_tokens_that_come_at_once_the_last_counts() -> None:
    stream = stream_after([])
    drawn = [token(9.0, 4.0), token(0.0, 5.0), token(4.0, 4.5)]
    stream.add_tokens(TokenColumns._make(zip(*(each[1:] for each in drawn), strict=True)), {})
    assert stream.surprise_bound() == pytest.approx(4.5 - RATE * (4.0 - TARGET))


def test_without_the_setting_there_is_no_bound() -> None:
    assert stream_after([token(3.0, 4.0)], Settings()).surprise_bound() == math.inf


def test_a_token_that_had_no_bound_leaves_no_state() -> None:
    assert mirostat_state_after(token(3.0, None)) is None
    assert stream_after([token(3.0, None)]).surprise_bound() == 2 * TARGET


def test_a_forced_token_that_the_filters_removed_counts_as_one_at_the_bound() -> None:
    assert mirostat_state_after(token(3.0, 4.5)) == pytest.approx((4.5, 3.0))
    assert mirostat_state_after(token(math.inf, 4.5)) == (4.5, 4.5)


@pytest.mark.parametrize("import_runtime", [lambda: fastest_runtime, import_onnx_runtime], ids=["fastest", "onnx"])
@pytest.mark.parametrize("ahead", [1, 64])
def test_every_token_of_a_text_keeps_to_its_bound(
    tiny: Model, ahead: int, import_runtime: Callable[[], Callable[[ModelFile], Runtime]]
) -> None:
    model = Model("tiny", tiny.file, import_runtime()(tiny.file))
    engine = model.engine()
    stream = engine.open(model.read("The").snapshot, StreamOptions(CHOSEN, PositionRNG(3), max_unread=ahead))
    tokens = [event for event in engine.iter_events(stream) if isinstance(event, Token)]
    bound = 2 * TARGET
    for drawn in tokens:
        assert drawn.bound == pytest.approx(bound)
        bound -= RATE * (bits(drawn) - TARGET)
    assert np.mean([bits(drawn) for drawn in tokens]) == pytest.approx(TARGET, abs=0.3)


def test_without_the_setting_the_same_temperature_is_far_more_surprising(tiny: Model) -> None:
    engine = tiny.engine()
    stream = engine.open(tiny.read("The").snapshot, StreamOptions(CHOSEN.changed(surprise=0.0), PositionRNG(3)))
    tokens = [event for event in engine.iter_events(stream) if isinstance(event, Token)]
    assert {drawn.bound for drawn in tokens} == {None}
    assert np.mean([bits(drawn) for drawn in tokens]) > 1.5 * TARGET
