"""The configuration that follows from a text and a request."""

from __future__ import annotations

from math import inf
from pathlib import Path

import pytest
from afterglow.core.errors import UsageError
from afterglow.core.inference.model_file import Architecture

torch = pytest.importorskip("torch")

from afterglow.core.training import run_inputs  # noqa: E402
from afterglow.core.training.calibration import measure_speeds  # noqa: E402
from afterglow.core.training.distributed import SINGLE_PROCESS, ProcessGroup  # noqa: E402
from afterglow.core.training.request import TrainRequest  # noqa: E402
from afterglow.core.training.run import start_run  # noqa: E402
from afterglow.core.training.sizes import MODEL_SIZES, choose_size  # noqa: E402
from afterglow.core.training.train_config import (  # noqa: E402
    make_config,
    make_finetune_config,
    require_batch_fits,
)

NOVEL = 1_000_000


SLOW = {"small": 10_500.0, "medium": 6_900.0, "large": 3_800.0}
"""Tokens a second on two cores without AVX-512."""

TYPICAL = {"small": 44_700.0, "medium": 32_300.0, "large": 17_200.0}
"""Tokens a second on two cores with bfloat16."""

FAST = {size: 2 * speed for size, speed in TYPICAL.items()}


@pytest.mark.parametrize(
    ("minutes", "tokens", "speeds", "size"),
    [
        (3, NOVEL, SLOW, "small"),
        (3, NOVEL, TYPICAL, "small"),
        (3, NOVEL, FAST, "small"),  # medium would read it 11 times, and ends 0.02 nats higher (docs/experiments.md)
        (6, NOVEL, FAST, "medium"),
        (30, NOVEL, SLOW, "small"),
        (45, NOVEL, SLOW, "medium"),
        (30, NOVEL, TYPICAL, "medium"),
        (90, NOVEL, FAST, "medium"),  # more time than the text has to teach
        (90, 3 * NOVEL, SLOW, "medium"),
        (30, 3 * NOVEL, TYPICAL, "large"),
        (20, 3 * NOVEL, TYPICAL, "medium"),
        (20, 3 * NOVEL, FAST, "large"),
        (90, 100_000, FAST, "small"),
        (inf, 100_000, SLOW, "small"),
        (inf, NOVEL, SLOW, "medium"),
        (inf, 3 * NOVEL, SLOW, "large"),
    ],
)
def test_a_model_is_no_larger_than_text_and_speed_can_fill(
    minutes: float, tokens: int, speeds: dict[str, float], size: str
) -> None:
    readable = {name: 60 * minutes * speed for name, speed in speeds.items()}
    assert choose_size(tokens, readable) == size
    assert (
        make_config(90, tokens, TrainRequest(minutes=minutes), 1, speeds).architecture.width == MODEL_SIZES[size].width
    )


def test_a_run_measures_the_speed_of_this_machine_for_its_size(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    measured = []

    def measure(vocabulary: int, group: ProcessGroup) -> dict[str, float]:
        measured.append((vocabulary, group.world_size))
        return dict.fromkeys(MODEL_SIZES, 10e6)

    monkeypatch.setattr(run_inputs, "measure_speeds", measure)
    text = tmp_path / "text.txt"
    text.write_text("the lamp and the sea, \n" * 20_000)
    run = start_run(TrainRequest("mine", (str(text),), minutes=1))
    assert measured == [(len(set("the lamp and the sea, \n")), 1)]
    assert run.trainer.config.architecture.width == MODEL_SIZES["medium"].width
    start_run(TrainRequest("endless", (str(text),)))
    assert len(measured) == 1


def test_a_larger_model_is_slower_and_measuring_changes_nothing_random() -> None:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    before = torch.get_rng_state()
    speeds = measure_speeds(30, SINGLE_PROCESS)
    torch.set_num_threads(threads)
    assert speeds["small"] > speeds["medium"] > speeds["large"] > 0
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize(
    ("wanted", "size"),
    [
        (TrainRequest(minutes=0.5), "small"),
        (TrainRequest(minutes=3), "medium"),  # this machine reads so small a text 72 times
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
    recipe = make_config(90, 100_000, wanted, 1, TYPICAL)
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


def test_going_on_for_a_few_epochs_has_the_dropout_of_a_short_run() -> None:
    """More than its parent was trained with makes it worse at first, and a few epochs do not get beyond that."""
    shape = Architecture(90, 128, 2, MODEL_SIZES["small"].width)
    dropouts = [make_finetune_config(shape, 3_000_000, TrainRequest(epochs=n)).dropout for n in (1.5, inf)]
    assert dropouts == [MODEL_SIZES["small"].dropout, MODEL_SIZES["medium"].dropout]
