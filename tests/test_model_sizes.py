"""The configuration that follows from a text and a request."""

from __future__ import annotations

from math import inf

import pytest
from afterglow.core.errors import UsageError
from afterglow.core.inference.model_file import Architecture

torch = pytest.importorskip("torch")

from afterglow.core.training.request import TrainRequest  # noqa: E402
from afterglow.core.training.sizes import MODEL_SIZES, choose_size  # noqa: E402
from afterglow.core.training.train_config import (  # noqa: E402
    make_config,
    make_finetune_config,
    require_batch_fits,
)

NOVEL = 1_000_000


@pytest.mark.parametrize(
    ("minutes", "tokens", "size"),
    [
        (3, NOVEL, "small"),
        (30, NOVEL, "medium"),
        (90, NOVEL, "medium"),  # more time than the text has to teach
        (90, 3 * NOVEL, "large"),
        (30, 3 * NOVEL, "medium"),
        (90, 100_000, "small"),
        (inf, 100_000, "small"),
        (inf, NOVEL, "medium"),
        (inf, 3 * NOVEL, "large"),
    ],
)
def test_a_model_is_no_larger_than_time_and_text_can_fill(minutes: float, tokens: int, size: str) -> None:
    assert choose_size(minutes, tokens) == size
    assert make_config(90, tokens, TrainRequest(minutes=minutes)).architecture.width == MODEL_SIZES[size].width


@pytest.mark.parametrize(
    ("wanted", "size"),
    [
        (TrainRequest(minutes=3), "small"),
        (TrainRequest(epochs=4), "small"),
        (TrainRequest(epochs=60), "medium"),
        (TrainRequest(minutes=60), "medium"),
        (TrainRequest(), "medium"),
        (TrainRequest(epochs=4, size="large"), "large"),
    ],
)
def test_a_small_model_that_reads_its_text_often_is_kept_from_learning_it_by_heart(
    wanted: TrainRequest, size: str
) -> None:
    recipe = make_config(90, 100_000, wanted)
    assert (recipe.dropout, recipe.weight_decay) == (MODEL_SIZES[size].dropout, MODEL_SIZES[size].weight_decay)


def test_what_was_asked_for_is_what_is_taken() -> None:
    wanted = TrainRequest(epochs=2, layers=3, width=100, batch_size=7, learning_rate=1e-3, dropout=0.5)
    recipe = make_config(90, NOVEL, wanted)
    assert recipe.architecture == Architecture(90, 128, 3, 100)
    assert (recipe.epochs, recipe.batch_size, recipe.learning_rate) == (2, 7, 1e-3)
    assert recipe.dropout == MODEL_SIZES["small"].dropout.scaled(0.5)


def test_a_short_text_gets_fewer_streams_and_shorter_windows() -> None:
    short, long = make_config(40, 3_000), make_config(40, NOVEL)
    assert short.batch_size * short.seq_len <= 3_000 / 4 < long.batch_size * long.seq_len
    require_batch_fits(short, 3_000)


def test_streams_that_would_be_too_short_are_refused_with_the_most_that_fit() -> None:
    with pytest.raises(UsageError, match="--batch 31 at most"):
        require_batch_fits(make_config(40, 1_000, TrainRequest(batch_size=64)), 1_000)
    require_batch_fits(make_config(40, 1_000, TrainRequest(batch_size=31)), 1_000)


@pytest.mark.parametrize(("tokens", "share"), [(100_000, 4), (NOVEL, 2)])
def test_going_on_keeps_the_shape_and_takes_a_lower_rate(tokens: int, share: int) -> None:
    shape = Architecture(77, 64, 3, 500)
    recipe = make_finetune_config(shape, tokens, TrainRequest(epochs=1))
    assert recipe.architecture == shape
    assert recipe.learning_rate == MODEL_SIZES["large"].learning_rate / share
    assert recipe.finetune


def test_several_processes_read_as_many_streams_each_as_one_alone() -> None:
    alone, four = make_config(40, NOVEL), make_config(40, NOVEL, processes=4)
    assert four.batch_size == 4 * alone.batch_size
    assert four.ema_decay == pytest.approx(alone.ema_decay**4)
