"""Training: it learns, its result is calibrated, its regularisers do what they say, and a file keeps its weights."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from afterglow.core.inference.backends import fastest_runtime
from afterglow.core.inference.model_card import Card
from afterglow.core.inference.model_file import Architecture, open_model_file
from afterglow.core.model import Model
from afterglow.core.score import cold_nats, cold_windows, score
from afterglow.core.text.corpus import read_corpus
from afterglow.core.text.tokenizer import CharTokenizer

torch = pytest.importorskip("torch")

from afterglow.core.training import calibration, to_torch  # noqa: E402
from afterglow.core.training import trainer as trainer_module  # noqa: E402
from afterglow.core.training.calibration import (  # noqa: E402
    benchmark_dtypes,
    cold_loss,
    fit_temperature,
    logits_and_targets,
    supports_bf16,
)
from afterglow.core.training.convert import to_model_file  # noqa: E402
from afterglow.core.training.model import FORGET_BIAS_OFFSET, LSTMLanguageModel, detach, locked_dropout  # noqa: E402
from afterglow.core.training.new_characters import extend_vocabulary  # noqa: E402
from afterglow.core.training.schedule import initial_schedule  # noqa: E402
from afterglow.core.training.sizes import Dropout  # noqa: E402
from afterglow.core.training.torch_runtime import TorchRuntime  # noqa: E402
from afterglow.core.training.train_config import TrainConfig  # noqa: E402
from afterglow.core.training.trainer import Trainer, TrainProgress  # noqa: E402

pytestmark = pytest.mark.usefixtures("one_thread")

CORPUS = read_corpus(Path(__file__).parent / "data" / "lamp.txt")
TOKENIZER = CharTokenizer.from_text(CORPUS.text)
VALID = [TOKENIZER.encode(part.text) for part in CORPUS.valid]
SHAPE = Architecture(TOKENIZER.size, 12, 2, 40)


def trainer(epochs: float, **recipe: object) -> Trainer:
    chosen = {"batch_size": 8, "seq_len": 32, "learning_rate": 1e-2, "evaluations": 4} | recipe
    made = TrainConfig(SHAPE, epochs=epochs, **chosen)  # type: ignore[arg-type]
    return Trainer(made, TOKENIZER.encode(CORPUS.train_text[:]), VALID)


@pytest.fixture(scope="module")
def trained() -> tuple[Trainer, list[TrainProgress]]:
    """A few seconds of training."""
    made = trainer(epochs=12)
    return made, list(made.run())


def model(dropout: Dropout | None = None) -> LSTMLanguageModel:
    torch.manual_seed(1)
    return LSTMLanguageModel(SHAPE, dropout or Dropout())


IDS = torch.from_numpy(TOKENIZER.encode(CORPUS.text[:120])).view(4, 30)


def test_training_lowers_the_loss_on_what_it_sees_and_on_what_it_does_not(
    trained: tuple[Trainer, list[TrainProgress]],
) -> None:
    progress = trained[1]
    validated = [p.valid_loss for p in progress if p.valid_loss is not None]
    assert progress[-1].train_loss < progress[0].train_loss - 0.8
    assert min(validated) < np.log(SHAPE.vocabulary) - 1
    assert validated[0] > validated[-1]


def test_progress_goes_from_nothing_to_all(trained: tuple[Trainer, list[TrainProgress]]) -> None:
    progress = trained[1]
    fractions = [p.fraction or 0 for p in progress]
    assert fractions == sorted(fractions)
    assert (fractions[0] * len(progress), fractions[-1]) == (pytest.approx(1), 1)
    assert progress[-1].epoch == pytest.approx(12, abs=0.05)
    assert next(p.is_best for p in progress if p.valid_loss is not None)
    assert not any(p.is_best for p in progress if p.valid_loss is None)


def test_the_result_is_the_best_and_calibrated(trained: tuple[Trainer, list[TrainProgress]]) -> None:
    made, progress = trained
    result = made.result()
    logits, targets = logits_and_targets(result, VALID)
    assert fit_temperature(logits, targets) == pytest.approx(1, abs=1e-3)
    loss = torch.nn.functional.cross_entropy(logits, targets).item()
    assert loss <= min(p.valid_loss for p in progress if p.valid_loss is not None) + 1e-5
    assert not result.training


def test_training_can_be_left_at_any_time() -> None:
    made = trainer(epochs=100)
    events = made.run()
    for _ in range(3):
        next(events)
    events.close()  # type: ignore[attr-defined]
    logits, _ = made.result()(IDS)
    assert torch.isfinite(logits).all()


def test_minutes_end_it_too() -> None:
    progress = list(trainer(epochs=1000, minutes=1e-9).run())
    assert len(progress) < 10
    assert progress[-1].fraction == 1
    assert progress[-1].valid_loss is not None


def test_a_stream_of_windows_carries_its_states_on() -> None:
    """Reading in two windows with the state carried is reading once: what truncated BPTT leans on."""
    whole, _ = model().eval()(IDS)
    half = model().eval()
    first, states = half(IDS[:, :15])
    second, _ = half(IDS[:, 15:], detach(states))
    assert torch.allclose(torch.cat([first, second], 1), whole, atol=1e-5)


# Regularisers -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("probability", [0.1, 0.5])
def test_a_locked_mask_is_the_same_over_time_and_keeps_the_mean(probability: float) -> None:
    torch.manual_seed(2)
    masked = locked_dropout(torch.ones(20, 64, 200), probability)
    assert torch.equal(masked, masked[:1].expand_as(masked))
    assert not torch.equal(masked[:, 0], masked[:, 1])
    assert masked.mean().item() == pytest.approx(1, abs=0.05)
    assert (masked == 0).float().mean().item() == pytest.approx(probability, abs=0.02)


@pytest.mark.parametrize("where", ["embedding", "between", "output", "recurrent"])
def test_dropping_happens_in_training_only(where: str) -> None:
    plain, _ = model().eval()(IDS)
    dropping = model(Dropout(**{where: 0.5}))
    first, second = (dropping.train()(IDS)[0] for _ in range(2))
    assert not torch.allclose(first, second)
    assert torch.equal(dropping.eval()(IDS)[0], plain)


def test_weight_drop_drops_recurrent_weights_and_still_trains_them() -> None:
    """The first position has no recurrent input, so nothing can change there; gradients reach the real weights."""
    dropping = model(Dropout(recurrent=0.5)).train()
    first, second = (dropping(IDS)[0] for _ in range(2))
    assert torch.equal(first[:, 0], second[:, 0])
    assert not torch.allclose(first[:, 1:], second[:, 1:])
    first.sum().backward()
    for layer in dropping.layers:
        assert layer.weight_hh_l0.grad is not None
        assert layer.weight_hh_l0.grad.abs().sum() > 0


def test_the_forget_gates_begin_nearer_to_shut_than_the_others() -> None:
    for layer in LSTMLanguageModel(Architecture(10, 8, 2, 128)).layers:
        means = [gate.mean().item() for gate in (layer.bias_ih_l0 + layer.bias_hh_l0).detach().chunk(4)]
        assert means == pytest.approx([0, FORGET_BIAS_OFFSET, 0, 0], abs=0.05)


def test_the_cold_loss_is_that_of_the_protocol_whatever_is_held_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    ids = [TOKENIZER.encode(CORPUS.text[:])]
    whole = logits_and_targets(model().eval(), ids)
    assert cold_loss(model().eval(), ids) == pytest.approx(torch.nn.functional.cross_entropy(*whole).item(), abs=1e-5)
    monkeypatch.setattr(calibration, "LOGITS_PER_CHUNK", 5 * 256 * TOKENIZER.size)
    assert cold_loss(model().eval(), ids) == pytest.approx(torch.nn.functional.cross_entropy(*whole).item(), abs=1e-5)


def test_a_long_text_is_calibrated_on_windows_from_all_over_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calibration, "MAX_FIT_LOGITS", 4 * 256 * TOKENIZER.size)
    slices = [np.full(257, number) for number in range(8)]
    logits, targets = logits_and_targets(model().eval(), slices)
    assert len(logits) == len(targets) == 4 * 256
    assert set(targets.tolist()) == {0, 2, 4, 6}


def test_no_window_goes_on_from_one_slice_to_the_next() -> None:
    """Windows of a short slice are shorter. What is behind the last whole window of a longer one is dropped."""
    slices = [np.arange(300), np.arange(40), np.arange(600), np.arange(40)]
    (wide, wide_targets), (narrow, narrow_targets) = cold_windows(slices)
    assert wide.tolist() == [[*range(256)], [*range(256)], [*range(256, 512)]]
    assert (narrow.tolist(), narrow_targets[0].tolist()) == ([[*range(39)]] * 2, [*range(1, 40)])
    assert (wide_targets == wide + 1).all()


def test_both_cold_losses_and_both_best_temperatures_agree(tiny: Model) -> None:
    """``training.calibration`` on the torch model against ``score`` on the runtime over the same model."""
    network, runtime = to_torch(tiny.file), TorchRuntime(tiny.file)
    texts = [CORPUS.text[:2000], CORPUS.text[2000:2100], CORPUS.text[2100:]]
    ids = [tiny.tokenizer.encode(text) for text in texts]
    scored = score(runtime, tiny.tokenizer, texts)
    assert cold_loss(network, ids) == pytest.approx(cold_nats(runtime, ids), rel=1e-6)
    assert cold_loss(network, ids) == pytest.approx(scored.nats_per_char_cold, rel=1e-6)
    assert fit_temperature(*logits_and_targets(network, ids)) == pytest.approx(scored.best_temperature, abs=0.001)


# Calibration --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("sharpness", [0.3, 0.7, 1.0, 1.3, 4.0])
def test_the_best_temperature_is_that_of_a_brute_force_grid(sharpness: float) -> None:
    rng = np.random.default_rng(5)
    true = torch.from_numpy(rng.normal(0, 1.5, (4000, 20)))
    targets = torch.multinomial(true.softmax(1), 1, generator=torch.Generator().manual_seed(1))[:, 0]
    logits = (true * sharpness).float()
    grid = np.linspace(0.5, 2.0, 1501)
    losses = [torch.nn.functional.cross_entropy(logits.double() / t, targets).item() for t in grid]
    assert fit_temperature(logits, targets) == pytest.approx(grid[int(np.argmin(losses))], abs=0.0011)


@pytest.mark.parametrize("wrong", [False, True])
def test_calibration_stays_in_bounds_where_every_guess_is_right_or_wrong(wrong: bool) -> None:
    logits = torch.eye(5) * 8
    targets = torch.arange(5).roll(1) if wrong else torch.arange(5)
    assert fit_temperature(logits, targets) == pytest.approx(2.0 if wrong else 0.5)


# Files --------------------------------------------------------------------------------------------------------------


def test_a_file_gives_the_weights_back_within_half_a_step(trained: tuple[Trainer, list[TrainProgress]]) -> None:
    before = trained[0].result()
    file = to_model_file(before, TOKENIZER, Card())
    after = dict(to_torch(file).named_parameters())
    scales = {"embedding.weight": "embedding.scale", "projection.weight": "projection.scale"}
    for n in range(SHAPE.layers):
        scales |= {f"layers.{n}.weight_{kind}_l0": f"lstm.{n}.scale" for kind in ("ih", "hh")}
    for name, weight in before.named_parameters():
        if name in scales:
            step = torch.from_numpy(file.tensors[scales[name]])[:, None]
            assert ((after[name] - weight).abs() <= step * 0.501).all(), name
    for n in range(SHAPE.layers):
        old, new = (
            weights[f"layers.{n}.bias_ih_l0"] + weights[f"layers.{n}.bias_hh_l0"]
            for weights in (dict(before.named_parameters()), after)
        )
        assert torch.equal(old, new)
    assert torch.equal(before.projection.bias, after["projection.bias"])


def test_a_file_of_a_file_is_the_same_file(tmp_path: Path) -> None:
    file = to_model_file(model(), TOKENIZER, Card())
    file.save(tmp_path / "a.safetensors")
    again = to_model_file(to_torch(open_model_file(tmp_path / "a.safetensors")), TOKENIZER, Card())
    for name, tensor in file.tensors.items():
        if tensor.dtype == np.int8:
            assert np.array_equal(again.tensors[name], tensor), name
        else:
            assert again.tensors[name] == pytest.approx(tensor, rel=1e-6), name


def test_int8_loses_hardly_more_than_the_float_weights(trained: tuple[Trainer, list[TrainProgress]]) -> None:
    result = trained[0].result()
    ids = [TOKENIZER.encode(part.text) for part in CORPUS.test]
    logits, targets = logits_and_targets(result, ids)
    real = torch.nn.functional.cross_entropy(logits, targets).item()
    int8 = cold_nats(fastest_runtime(to_model_file(result, TOKENIZER, Card()), 1), ids)
    assert int8 == pytest.approx(real, abs=0.005)


# Bfloat16 -----------------------------------------------------------------------------------------------------------


def test_bfloat16_is_taken_just_where_the_model_can_learn_in_it() -> None:
    before = torch.get_rng_state()
    takes = supports_bf16(torch.device("cpu"))
    assert torch.equal(torch.get_rng_state(), before)
    with torch.autocast("cpu", torch.bfloat16):
        if takes:
            model()(IDS)[0].float().sum().backward()
        else:
            with pytest.raises(RuntimeError):
                model()(IDS)


def test_where_bfloat16_is_refused_float32_is_the_fastest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calibration, "supports_bf16", lambda _: False)
    bf16, speed = benchmark_dtypes(model(), 4)
    assert not bf16
    assert speed > 0


def test_a_run_in_bfloat16_goes_on_in_float32_where_that_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = TrainConfig(SHAPE, epochs=1, batch_size=4, seq_len=32)
    ids = TOKENIZER.encode(CORPUS.train_text[:]), VALID
    begun = Trainer(recipe, *ids)
    begun.schedule = initial_schedule(recipe, len(ids[0]), len(ids[1][0]), bf16=True, threads=1)
    monkeypatch.setattr(trainer_module, "supports_bf16", lambda _: False)
    resumed = Trainer(recipe, *ids)
    resumed.restore(begun.make_checkpoint())
    assert resumed.schedule
    assert not resumed.schedule.bf16
    assert list(resumed.run())[-1].fraction == 1


# Going on from a model ----------------------------------------------------------------------------------------------


def test_new_tokens_get_rows_of_their_own_and_the_old_ones_say_what_they_said() -> None:
    before = model().eval()
    extended = TOKENIZER.extended(CORPUS.text[:] + "žЖ")
    assert extended.size == TOKENIZER.size + 2
    after = extended_model(before, extended, {})
    old, new = before(IDS)[0], after(IDS)[0]
    unshared = [i for i, c in enumerate(TOKENIZER.characters) if c != "z"]
    assert torch.allclose(new[..., unshared], old[..., unshared], atol=1e-6)
    assert (new[..., extended.characters.index("Ж")].mean() < old.mean()).item()
    fresh = torch.full((1, 3), extended.characters.index("Ж"))
    assert torch.isfinite(after(fresh)[0]).all()


def test_a_new_character_begins_as_the_one_that_it_looks_like_and_shares_its_probability() -> None:
    before = model().eval()
    extended = TOKENIZER.extended("ȷż" + CORPUS.text[:].replace("a", "â"))
    counts = {"a": 9, "â": 29}
    after = extended_model(before, extended, counts)
    a, other = (extended.characters.index(c) for c in "aâ")
    ids = IDS.clone()
    ids[ids == a] = other
    old, new = before(IDS)[0].softmax(-1), after(ids)[0].exp()
    new = new / new[..., [i for i in range(extended.size) if extended.characters[i] not in "ȷż"]].sum(-1, keepdim=True)
    assert torch.allclose(new[..., a] + new[..., other], old[..., a], atol=1e-5)
    assert torch.allclose(new[..., other] / new[..., a], torch.tensor(3.0), atol=1e-3)


def extended_model(before: LSTMLanguageModel, extended: CharTokenizer, counts: dict[str, int]) -> LSTMLanguageModel:
    after = LSTMLanguageModel(Architecture(extended.size, 12, 2, 40)).eval()
    after.load_state_dict(extend_vocabulary(before, TOKENIZER, extended, counts))
    return after
