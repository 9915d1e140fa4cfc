"""The likeliest tokens beside those that an engine draws and a prompt has; and a text that ends after some tokens."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from afterglow.core.events import Done, Token
from afterglow.core.generation.alternatives import Alternatives, find_likeliest, read_with_alternatives
from afterglow.core.generation.stream import Stream, StreamOptions
from afterglow.core.model import Model
from afterglow.core.sampling.filters import log_softmax
from afterglow.core.sampling.rng import PositionRNG
from afterglow.core.score import logprobs
from afterglow.core.setting_styles import PLAIN_VOICE
from afterglow.core.settings import Settings

CHOSEN = Settings(length=30, temperature=0.8)


def write(model: Model, options: Sequence[StreamOptions], seed: str = "The lamp") -> list[Stream]:
    """Streams that have ended, written together."""
    engine, start = model.engine(), model.read(seed).snapshot
    streams = [engine.open(start, each) for each in options]
    while engine.step():
        pass
    return streams


def asking(settings: Settings = CHOSEN, **more: int | None) -> StreamOptions:
    return StreamOptions(settings, PositionRNG(7), max_unread=1000, keep_snapshots=False, **more)  # type: ignore[arg-type]


def tokens_of(stream: Stream) -> list[Token]:
    return [event for event in stream.events if isinstance(event, Token)]


def test_each_token_has_the_models_likeliest_beside_it(tiny: Model) -> None:
    [stream] = write(tiny, [asking(alternatives=3)])
    tokens = tokens_of(stream)
    text = "".join(token.text for token in tokens)
    for at in (0, 1, 17, 29):
        row = log_softmax(tiny.read("The lamp" + text[:at]).snapshot.logits[None].astype(np.float64))[0]
        best = np.argsort(-row, kind="stable")[:3]
        assert stream.alternatives[at].ids == best.tolist()
        assert stream.alternatives[at].logprobs == pytest.approx(row[best].tolist())
        assert tokens[at].logprob == pytest.approx(row[tokens[at].id])
    assert len(stream.alternatives) == len(tokens) == 30


def test_a_text_is_the_same_with_alternatives_and_beside_streams_that_ask_for_none(tiny: Model) -> None:
    alone, *together = [
        write(tiny, each) for each in ([asking()], [asking(alternatives=2), asking(), asking(alternatives=0)])
    ]
    texts = [[token.id for token in tokens_of(stream)] for stream in [*alone, *together[0]]]
    assert texts == [texts[0]] * 4
    assert [len(stream.alternatives) for stream in together[0]] == [30, 0, 30]


def test_after_the_filters_only_what_can_be_drawn_is_among_them(tiny: Model) -> None:
    [stream] = write(tiny, [asking(CHOSEN.changed(top_k=2), alternatives=10, after_filters=True)])
    assert {len(each.ids) for each in stream.alternatives} == {2}
    for token, found in zip(tokens_of(stream), stream.alternatives, strict=True):
        assert np.exp(found.logprobs).sum() == pytest.approx(1)
        assert found.logprobs[found.ids.index(token.id)] == pytest.approx(token.shaped)


def test_of_equally_likely_tokens_the_first_come_first() -> None:
    rows = np.array([[-1.0, -1.0, -1.0], [-np.inf, -0.5, -np.inf]])
    assert find_likeliest(rows, 2) == [Alternatives([0, 1], [-1.0, -1.0]), Alternatives([1], [-0.5])]


def test_the_tokens_of_a_prompt_have_the_chances_that_a_score_has(tiny: Model) -> None:
    ids = tiny.tokenizer.encode("The lamp was lit, and the lamp was lit again. " * 8)
    read = list(read_with_alternatives(tiny.voices, tiny.runtime.zeros(1), ids, PLAIN_VOICE, 1.0, 4))
    assert [token.id for token in read] == ids.tolist()
    assert (read[0].logprob, read[0].alternatives) == (None, None)
    assert [token.logprob for token in read[1:]] == pytest.approx(logprobs(tiny.runtime, ids).tolist())
    assert all(token.alternatives and len(token.alternatives.ids) == 4 for token in read[1:])


@pytest.mark.parametrize("count", [1, 7, 200])
def test_a_text_ends_after_its_most_tokens(tiny_bytes: Model, count: int) -> None:
    [stream] = write(tiny_bytes, [asking(CHOSEN.changed(length=400), max_tokens=count)])
    done = stream.events[-1]
    assert isinstance(done, Done)
    assert (len(tokens_of(stream)), done.reason, done.tokens) == (count, "length", count)


def test_text_that_is_withheld_comes_at_the_last_token(tiny: Model) -> None:
    [free] = write(tiny, [asking(max_tokens=5)])
    text = "".join(token.text for token in tokens_of(free))
    [stream] = write(tiny, [asking(CHOSEN.changed(stop=(text[3:] + "\0",)), max_tokens=5)])
    assert [token.text for token in tokens_of(stream)] == [*text[:3], "", ""]
    assert stream.events[-1].text == text[3:]  # type: ignore[union-attr]
