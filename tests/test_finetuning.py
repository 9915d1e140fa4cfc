"""Going on from a parent: never worse than it, whatever the rate, and the same if it is stopped in between."""

from __future__ import annotations

from collections.abc import Iterator
from math import inf
from pathlib import Path

import numpy as np
import pytest
from afterglow.core.text.corpus import read_corpus
from afterglow.core.text.tokenizer import CharTokenizer

torch = pytest.importorskip("torch")

from afterglow.core.inference.model_file import Architecture, open_model_file  # noqa: E402
from afterglow.core.training import calibration  # noqa: E402
from afterglow.core.training.calibration import block_losses, cold_loss  # noqa: E402
from afterglow.core.training.convert import to_torch  # noqa: E402
from afterglow.core.training.finetuning import choose_share  # noqa: E402
from afterglow.core.training.model import LSTMLanguageModel  # noqa: E402
from afterglow.core.training.request import TrainRequest  # noqa: E402
from afterglow.core.training.train_config import make_finetune_config  # noqa: E402
from afterglow.core.training.trainer import Trainer  # noqa: E402

DATA = Path(__file__).parent / "data"
PARENT = open_model_file(DATA / "tiny-char.safetensors")
TEXT = read_corpus(DATA / "lamp.txt").text[:]
WEIGHTS = to_torch(PARENT).state_dict()


@pytest.fixture(autouse=True)
def _same_arithmetic(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """One thread and float32, whatever is faster at the moment."""
    monkeypatch.setattr(calibration, "supports_bf16", lambda _: False)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def trainer(text: str = TEXT, rate: float | None = None, epochs: float = 2, fresh: bool = True) -> Trainer:
    assert isinstance(PARENT.tokenizer, CharTokenizer)
    ids = PARENT.tokenizer.encode(text)
    train, valid = ids[: len(ids) * 4 // 5], [ids[len(ids) * 4 // 5 :]]
    request = TrainRequest(epochs=epochs, learning_rate=rate, batch_size=4, dropout=0)
    config = make_finetune_config(PARENT.architecture, len(train), request)
    return Trainer(config, train, valid, WEIGHTS if fresh else None)


def parent_loss(made: Trainer) -> float:
    return cold_loss(to_torch(PARENT), made.valid_slices)


def swapped(text: str) -> str:
    """Return a text that the parent reads badly and can learn: two of its letters have changed places."""
    return text.translate(str.maketrans("et", "te"))


def test_the_parent_is_the_first_model_that_is_kept() -> None:
    made = trainer()
    first = next(made.run())
    assert (first.step, first.is_best) == (0, True)
    assert first.valid_loss == pytest.approx(parent_loss(made))
    assert first.train_loss == first.valid_loss


@pytest.mark.parametrize("rate", [0.3, 100.0])
def test_an_absurd_rate_ends_no_worse_than_the_parent(rate: float) -> None:
    """The parent knows this text by heart: nothing can be learned, and much can be lost."""
    made = trainer(rate=rate, epochs=3)
    list(made.run())
    assert made.rate_factor < 1
    assert cold_loss(made.result(), made.valid_slices) <= parent_loss(made) + 1e-6


def test_it_goes_back_to_the_best_weights_at_a_third_of_the_rate() -> None:
    made = trainer(rate=100.0)
    assert next(p.note for p in made.run() if p.note).startswith(
        "validation loss has stopped improving; back to the best"
    )
    assert made.rate_factor == pytest.approx(1 / 3)
    assert all(torch.equal(tensor, WEIGHTS[name]) for name, tensor in made.model.state_dict().items())
    assert made.evaluate() == pytest.approx(parent_loss(made))


def test_what_is_no_better_than_the_parent_is_the_parent_unchanged() -> None:
    made = trainer(rate=100.0, epochs=1)
    list(made.run())
    assert all(torch.equal(tensor, WEIGHTS[name]) for name, tensor in made.result().state_dict().items())


def test_a_text_of_another_kind_is_learned() -> None:
    made = trainer(swapped(TEXT), rate=1e-2, epochs=4)
    list(made.run())
    assert cold_loss(made.result(), made.valid_slices) < parent_loss(made) - 0.3


def test_the_rate_is_found_though_a_far_too_high_one_is_asked_for() -> None:
    made = trainer(swapped(TEXT), rate=3.0, epochs=16)
    list(made.run())
    assert made.rate_factor < 0.2
    assert cold_loss(made.result(), made.valid_slices) < parent_loss(made) - 0.1


def test_it_ends_by_itself_if_no_rate_improves_it() -> None:
    made = trainer(TEXT[:2000], rate=1e-9, epochs=inf)
    progress = list(made.run())
    notes = [p.note for p in progress if p.note]
    assert notes[-1] == "validation loss improves at no learning rate; training ends, and the best model is kept"
    assert progress[-1].fraction == 1


def test_a_run_that_was_stopped_ends_in_the_same_model() -> None:
    """The parent is in the checkpoint: its file may have changed since."""
    whole, begun = (trainer(swapped(TEXT), rate=1e-2, epochs=4) for _ in range(2))
    list(whole.run())
    for progress in begun.run():
        if progress.step == 40:
            break
    again = trainer(swapped(TEXT), rate=1e-2, epochs=4, fresh=False)
    again.restore(begun.make_checkpoint())
    list(again.run())
    expected, result = whole.result().state_dict(), again.result().state_dict()
    assert not torch.equal(expected["projection.weight"], WEIGHTS["projection.weight"])
    assert all(torch.equal(tensor, result[name]) for name, tensor in expected.items())


def test_the_smallest_change_is_taken_that_is_no_worse_than_chance_explains() -> None:
    rng = np.random.default_rng(1)
    noise = torch.from_numpy(rng.normal(0, 0.1, (20,)))
    far, near = torch.full((20,), 2.0), torch.full((20,), 1.001)
    assert choose_share(torch.stack([far, near, 1 + 0 * far])) == 2  # a little worse in every window
    assert choose_share(torch.stack([far, near + noise, 1 + 0 * far])) == 1  # in some: chance
    assert choose_share(torch.stack([far[:1], near[:1], 0.5 * far[:1]])) == 2  # one window tells nothing about chance


def test_losses_of_blocks_have_the_cold_loss_as_their_mean(monkeypatch: pytest.MonkeyPatch) -> None:
    network = LSTMLanguageModel(Architecture(PARENT.architecture.vocabulary, 8, 1, 8)).eval()
    assert isinstance(PARENT.tokenizer, CharTokenizer)
    slices = [PARENT.tokenizer.encode(TEXT[:1281]), PARENT.tokenizer.encode(TEXT[2000:2257])]
    losses = block_losses(network, slices)
    assert losses.shape == (24,)
    assert losses.mean().item() == pytest.approx(cold_loss(network, slices), rel=1e-5)
    assert block_losses(network, [slices[0][:40]]).shape == (1,)
    monkeypatch.setattr(calibration, "MAX_BLOCK_TOKENS", 512)
    assert len(block_losses(network, slices)) == 8
