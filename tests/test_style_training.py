"""Styles are learned from labels: batches with labels, the torch model, its file, and going on from another model."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from afterglow.core.errors import UsageError
from afterglow.core.inference.backends import fastest_runtime
from afterglow.core.inference.model_card import Card
from afterglow.core.inference.model_file import Architecture, ModelFile, open_model_file
from afterglow.core.inference.runtime import Runtime
from afterglow.core.model import Model
from afterglow.core.text.labels import NO_RUNS, LabelRuns
from afterglow.core.text.layout import Slice
from afterglow.core.text.tokenizer import CharTokenizer
from hypothesis import given
from hypothesis import strategies as st

from .cli_helpers import RunCli
from .properties import examples

torch = pytest.importorskip("torch")

from afterglow.core.training import calibration, style_weights  # noqa: E402
from afterglow.core.training import run as run_module  # noqa: E402
from afterglow.core.training.batches import BatchReader, cut_runs  # noqa: E402
from afterglow.core.training.calibration import cold_loss, supports_bf16  # noqa: E402
from afterglow.core.training.convert import to_model_file, to_torch  # noqa: E402
from afterglow.core.training.finetuning import mix_with_parent  # noqa: E402
from afterglow.core.training.model import LSTMLanguageModel  # noqa: E402
from afterglow.core.training.request import TrainRequest  # noqa: E402
from afterglow.core.training.style_labels import encode_slices, merge_style_names  # noqa: E402
from afterglow.core.training.style_weights import add_styles  # noqa: E402
from afterglow.core.training.torch_runtime import TorchRuntime  # noqa: E402
from afterglow.core.training.train_config import TrainConfig  # noqa: E402
from afterglow.core.training.trainer import Trainer  # noqa: E402

pytestmark = pytest.mark.usefixtures("one_thread")

LAMP = Path(__file__).parent / "data" / "lamp.txt"
LINES = {"rising": "abcdef\n", "falling": "fedcba\n"}
NAMES = tuple(LINES)
TOKENIZER = CharTokenizer.from_text("".join(LINES.values()))
SHAPE = Architecture(TOKENIZER.size, 6, 1, 16)


def labelled_ids(count: int = 300) -> tuple[np.ndarray, LabelRuns]:
    """The ids of lines of both labels in a random order, and their labels."""
    kinds = np.random.default_rng(2).integers(0, 2, count)
    ids = TOKENIZER.encode("".join(LINES[NAMES[kind]] for kind in kinds))
    return ids, LabelRuns(7 * np.arange(1, count + 1), kinds.astype(np.int64))


IDS, LABELS = labelled_ids()
CONFIG = TrainConfig(SHAPE, epochs=6, batch_size=4, seq_len=28, learning_rate=2e-2, evaluations=2, styles=NAMES)


def trainer(config: TrainConfig = CONFIG, parent: ModelFile | None = None) -> Trainer:
    weights = to_torch(parent).state_dict() if parent else None
    return Trainer(config, IDS, [IDS[:280]], weights, labels=LABELS)


@pytest.fixture(scope="module")
def learned() -> ModelFile:
    """A model that was trained for some epochs."""
    made = trainer()
    list(made.run())
    return to_model_file(made.result(), TOKENIZER, Card(), NAMES)


def first_letter(runtime: Runtime, file: ModelFile, mix: dict[str, float]) -> str:
    """The most likely letter after a line's end, in a mix of styles."""
    assert file.styles
    steps = runtime.stepper(runtime.zeros(1))
    steps.shift_gates(file.styles.shift(mix)[None])
    steps.step(TOKENIZER.encode("\n"))
    return TOKENIZER.characters[int(steps.logits[0].argmax())]


# Batches ------------------------------------------------------------------------------------------------------------


def reader(rows: slice = slice(None), ids: np.ndarray = IDS, labels: LabelRuns = LABELS) -> BatchReader:
    return BatchReader(ids, 4, 28, 1, rows, labels)


def test_a_label_is_that_of_the_token_to_predict_and_a_sixth_of_all_stretches_go_without() -> None:
    ids, labels = labelled_ids(20_000)
    window = reader(ids=np.arange(len(ids)), labels=labels).next_window()
    assert window.labels is not None
    given_labels, own = window.labels.numpy(), labels.at(window.targets.numpy())
    assert set(given_labels[given_labels != own]) == {-1}
    seen, at = [], reader(ids=ids, labels=labels)
    for _ in range(300):
        got = at.next_window().labels
        assert got is not None
        seen.append(got.numpy() < 0)
    assert np.mean(seen) == pytest.approx(1 / 6, abs=0.01)


def test_a_line_keeps_or_loses_its_label_as_a_whole() -> None:
    at = reader(ids=np.arange(len(IDS)))
    for _ in range(40):
        window = at.next_window()
        assert window.labels is not None
        for targets, labels in zip(window.targets.numpy(), window.labels.numpy(), strict=True):
            for line in set(targets // 7):
                assert len(set(labels[targets // 7 == line])) == 1


def test_labels_go_on_from_a_position_and_are_the_same_in_several_processes() -> None:
    straight, again, halves = reader(), reader(), [reader(slice(0, 2)), reader(slice(2, 4))]
    for _ in range(100):  # more than an epoch
        again.position = straight.position
        expected = straight.next_window().labels
        resumed, parts = again.next_window().labels, [half.next_window().labels for half in halves]
        assert expected is not None
        assert resumed is not None
        assert torch.equal(expected, resumed)
        assert torch.equal(expected, torch.cat(parts))


def test_another_epoch_reads_other_lines_without_their_labels() -> None:
    at = reader(ids=np.arange(len(IDS)))
    epochs: list[set[int]] = [set()]
    for _ in range(100):
        window = at.next_window()
        if window.starts_epoch:
            epochs.append(set())
        assert window.labels is not None
        epochs[-1] |= set(window.targets[window.labels < 0].tolist())
    assert len({frozenset(epoch) for epoch in epochs[1:-1]}) == len(epochs) - 2 > 2


def test_a_text_without_labels_is_read_as_ever() -> None:
    plain, labelled = BatchReader(IDS, 4, 28, 1), reader()
    for _ in range(30):
        one, other = plain.next_window(), labelled.next_window()
        assert one.labels is None
        assert torch.equal(one.inputs, other.inputs)


@given(st.lists(st.tuples(st.integers(1, 40), st.integers(-1, 3)), max_size=8), st.integers(1, 12))
@examples(50)
def test_runs_that_are_cut_have_the_same_labels(runs: list[tuple[int, int]], longest: int) -> None:
    sizes, ids = (np.array([run[part] for run in runs], np.int64) for part in (0, 1))
    whole = LabelRuns(np.cumsum(sizes), ids)
    cut = cut_runs(whole, longest)
    positions = np.arange(sizes.sum())
    assert np.array_equal(cut.at(positions), whole.at(positions)) if len(runs) else not len(cut)
    assert np.diff(cut.ends, prepend=0).max(initial=0) <= longest


# The model and its file ---------------------------------------------------------------------------------------------


def test_a_style_is_learned_and_none_is_between(learned: ModelFile) -> None:
    for runtime in (fastest_runtime(learned, 1), TorchRuntime(learned)):
        assert first_letter(runtime, learned, {"rising": 1}) == "a"
        assert first_letter(runtime, learned, {"falling": 1}) == "f"
    steps = TorchRuntime(learned).stepper(TorchRuntime(learned).zeros(1))
    steps.step(TOKENIZER.encode("\n"))
    chances = np.exp(steps.logits[0]) / np.exp(steps.logits[0]).sum()
    assert min(chances[TOKENIZER.characters.index(c)] for c in "af") > 0.1


def test_the_style_of_each_token_is_the_shift_of_its_row(learned: ModelFile) -> None:
    assert learned.styles
    model = to_torch(learned)
    styles = torch.tensor([[0] * 9, [1] * 9, [-1] * 9])
    ids = torch.from_numpy(IDS[:27].reshape(3, 9))
    with torch.no_grad():
        logits, _ = model(ids, None, styles)
    steps = TorchRuntime(learned).stepper(TorchRuntime(learned).zeros(3))
    mixes: list[dict[str, float]] = [{"rising": 1}, {"falling": 1}, {}]
    steps.shift_gates(np.stack([learned.styles.shift(mix) for mix in mixes]))
    for at in range(9):
        steps.step(ids[:, at].numpy())
        assert steps.logits == pytest.approx(logits[:, at].numpy(), abs=1e-4)


def test_a_style_that_changes_inside_a_window_acts_from_its_token_on(learned: ModelFile) -> None:
    model, ids = to_torch(learned), torch.from_numpy(IDS[None, :8])
    with torch.no_grad():
        whole, _ = model(ids, None, torch.tensor([[0] * 5 + [1] * 3]))
        first, states = model(ids[:, :5], None, torch.tensor([[0] * 5]))
        second, _ = model(ids[:, 5:], states, torch.tensor([[1] * 3]))
    assert torch.allclose(whole, torch.cat((first, second), 1), atol=1e-5)


def test_a_file_of_a_file_has_the_same_styles(learned: ModelFile) -> None:
    again = to_model_file(to_torch(learned), TOKENIZER, Card(), NAMES)
    assert again.styles
    assert learned.styles
    assert np.array_equal(again.styles.weight, learned.styles.weight)
    assert again.styles.scale == pytest.approx(learned.styles.scale)


def test_more_styles_than_an_embedding_has_room_for_keep_what_they_have_in_common() -> None:
    rng = np.random.default_rng(4)
    rows = (rng.normal(size=(70, 5)) @ rng.normal(size=(5, 80))).astype(np.float32)
    embeddings, weights = style_weights.split_style_rows(rows)
    assert embeddings.shape == (70, style_weights.MAX_STYLE_WIDTH)
    assert embeddings @ weights.T == pytest.approx(rows, abs=1e-3)


def test_a_model_without_styles_learns_as_ever_and_one_with_them_starts_like_none() -> None:
    torch.manual_seed(3)
    plain = LSTMLanguageModel(SHAPE)
    torch.manual_seed(3)
    same = LSTMLanguageModel(SHAPE, styles=0)
    assert plain.state_dict().keys() == same.state_dict().keys()
    assert all(torch.equal(weight, same.state_dict()[name]) for name, weight in plain.state_dict().items())
    fresh, ids = LSTMLanguageModel(SHAPE, styles=2), torch.from_numpy(IDS[None, :30])
    assert torch.equal(fresh(ids)[0], fresh(ids, None, torch.ones_like(ids))[0])


@pytest.mark.skipif(not supports_bf16(torch.device("cpu")), reason="this processor has no bfloat16")
def test_the_compiled_kernel_and_torch_learn_the_same_from_labels(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(3)
    model = LSTMLanguageModel(Architecture(TOKENIZER.size, 8, 1, 64), styles=2)
    model.style_weights.detach().normal_()
    ids, styles = torch.from_numpy(IDS[:60].reshape(4, 15)), torch.tensor([[0], [1], [-1], [0]]).expand(4, 15)
    found = []
    for kernel in (True, False):
        if not kernel:
            monkeypatch.setattr("afterglow.core.training.lstm_kernel.LSTM_KERNEL", None)
        model.zero_grad()
        with torch.autocast("cpu", torch.bfloat16):
            logits, _ = model(ids, None, styles)
        torch.nn.functional.cross_entropy(logits.float().flatten(0, 1), ids.flatten()).backward()
        assert model.styles is not None
        found.append((logits.detach().float(), model.styles.weight.grad))
    assert torch.allclose(found[0][0], found[1][0], atol=0.05)
    assert torch.allclose(found[0][1], found[1][1], atol=0.01)
    assert found[0][1].abs().max() > 0.001


# Runs ---------------------------------------------------------------------------------------------------------------


def test_a_labelled_run_that_is_resumed_is_the_one_that_was_never_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        calibration, "supports_bf16", lambda _: False
    )  # or it is taken where it is faster at the moment
    config = replace(CONFIG, epochs=2)
    straight, begun, resumed = (trainer(config) for _ in range(3))
    list(straight.run())
    next(progress for progress in begun.run() if progress.step == 7)
    resumed.restore(begun.make_checkpoint())
    list(resumed.run())
    expected, got = straight.make_checkpoint(), resumed.make_checkpoint()
    assert all(np.array_equal(tensor, got.tensors[name]) for name, tensor in expected.tensors.items())
    assert any("styles" in name for name in expected.tensors)


def logits_of(file: ModelFile, style: int = -1) -> np.ndarray:
    ids = torch.from_numpy(IDS[None, :60])
    with torch.no_grad():
        return np.asarray(to_torch(file)(ids, None, torch.full_like(ids, style))[0])


def test_a_parent_without_styles_loses_nothing_when_labels_come(learned: ModelFile) -> None:
    parent = replace(learned, styles=None)
    before = cold_loss(to_torch(parent), [IDS[:280]])
    made = trainer(CONFIG, add_styles(parent, NAMES))
    assert made.evaluate() == before
    ids = torch.from_numpy(IDS[None, :60])
    with torch.no_grad():
        for style in (0, 1):
            logits = made.model.eval()(ids, None, torch.full_like(ids, style))[0]
            assert logits.numpy() == pytest.approx(logits_of(parent), abs=1e-5)
    list(made.run())
    file = to_model_file(made.result(), TOKENIZER, Card(), NAMES)
    assert first_letter(fastest_runtime(file, 1), file, {"rising": 1}) == "a"
    assert first_letter(fastest_runtime(file, 1), file, {"falling": 1}) == "f"


def test_a_parents_styles_stay_and_new_ones_start_like_none(learned: ModelFile) -> None:
    names = merge_style_names(learned, ("even", "rising"))
    assert names == ("rising", "falling", "even")
    more = add_styles(learned, names)
    for style in (0, 1):
        assert logits_of(more, style) == pytest.approx(logits_of(learned, style), abs=1e-3)
    assert logits_of(more, 2) == pytest.approx(logits_of(learned), abs=1e-4)
    model = to_torch(more)
    ids = torch.from_numpy(IDS[None, :60])
    model(ids, None, torch.full_like(ids, 2))[0].logsumexp(-1).sum().backward()
    assert model.styles is not None
    shift_gradient = (
        model.styles.weight.grad @ model.style_weights.T
        + model.styles.weight @ dict(model.layers[0].named_parameters())["weight_ih_l0"].grad[:, SHAPE.embedding :].T
    )
    assert shift_gradient[2].abs().max() > 1e-6, "a new style can be learned"


def test_validation_judges_each_token_in_its_own_style(learned: ModelFile) -> None:
    text = "".join(LINES[name] for name in ("falling", "rising", "falling") * 6)
    runs = LabelRuns(np.arange(7, 128, 7), np.array([0, 1, 0] * 6))
    slices = [Slice(text, runs), Slice("", NO_RUNS)]
    ids, labels = encode_slices(slices, TOKENIZER, ("falling", "rising"), NAMES)
    assert labels[0][:15].tolist() == [1] * 7 + [0] * 7 + [1]
    kept = Trainer(CONFIG, IDS, ids, to_torch(learned).state_dict(), labels=LABELS, valid_labels=labels)
    unlabelled = Trainer(CONFIG, IDS, ids, to_torch(learned).state_dict(), labels=LABELS)
    assert kept.evaluate() < unlabelled.evaluate() - 0.05


def test_averaging_with_the_parent_keeps_what_was_learned_of_styles(learned: ModelFile) -> None:
    parent = to_torch(add_styles(replace(learned, styles=None), NAMES)).state_dict()
    model = to_torch(learned)
    rows = model.style_rows().detach().clone()
    assert mix_with_parent(model, parent, [IDS[:280]]) == 0
    assert torch.equal(model.style_rows(), rows)


def test_labels_that_cannot_be_styles_are_refused() -> None:
    with pytest.raises(UsageError, match="'off' cannot be the name of a style"):
        merge_style_names(None, ("off",))
    with pytest.raises(UsageError, match="5,000 labels; a model can have 4,096 styles"):
        merge_style_names(None, [f"n{n}" for n in range(5000)])


@pytest.fixture
def table(tmp_path: Path) -> str:
    path = tmp_path / "rows.csv"
    kinds = np.random.default_rng(2).integers(0, 2, 700)
    rows = [f"{NAMES[kind]},{LINES[NAMES[kind]].strip()}{number:03}" for number, kind in enumerate(kinds)]
    path.write_text("\n".join(["kind,line", *rows, ""]))
    return str(path)


def test_a_run_from_a_table_is_resumed_and_another_goes_on_from_its_model(table: str) -> None:
    request = TrainRequest(
        "mine", (table,), epochs=0.2, width=16, layers=1, column="line", label_column="kind", lines=True
    )
    begun = run_module.start_run(request)
    assert begun.trainer.config.styles == ("falling", "rising")
    next(iter(begun.train()))
    begun.save_checkpoint()
    resumed = run_module.resume_run("mine")
    list(resumed.train())
    path = resumed.save_model(resumed.build_model())
    file = open_model_file(path)
    assert file.styles
    assert file.styles.names == ("falling", "rising")
    further = run_module.start_run(
        replace(request, name="more", parent="mine", width=None, layers=None, label_column="", label="file")
    )
    assert further.trainer.config.styles == ("falling", "rising", "rows")
    unlabelled = run_module.start_run(
        replace(request, name="plain", parent="mine", width=None, layers=None, label_column="")
    )
    assert unlabelled.build_model().file.styles


def test_training_and_info_name_the_styles(table: str, run: RunCli) -> None:
    options = ["--label-column", "kind", "--lines", "--width", "16", "--layers", "1"]
    trained = run("train", table, "--name", "mine", *options, "--epochs", "0.1")
    assert trained.code == 0
    assert "styles: falling, rising\n" in trained.err
    assert "styles                   falling, rising\n" in run("info", "mine").out
    assert json.loads(run("info", "mine", "--json").out)["styles"] == ["falling", "rising"]
    assert "the held-out 10 % of the items\n" in run("eval", "mine", table).out
    plain, styled = (run("eval", "mine", table, "--json", *more).out for more in ([], ["--style", "rising"]))
    assert json.loads(plain)["nats_per_char_stateful"] != json.loads(styled)["nats_per_char_stateful"]
    assert "mine has no style 'sideways'" in run("eval", "mine", table, "--style", "sideways").err


def test_labelled_texts_go_on_from_a_model_without_styles_at_its_loss(tmp_path: Path, tiny: Model) -> None:
    text = LAMP.read_text("utf-8")
    for name, written in (("ann_day.txt", text), ("bob_night.txt", text[::-1])):
        (tmp_path / name).write_text(written, "utf-8")
    paths = tuple(str(path) for path in sorted(tmp_path.glob("*.txt")))
    request = TrainRequest("mine", paths, epochs=0.1, parent=str(LAMP.parent / "tiny-char.safetensors"), label="file")
    begun = run_module.start_run(request)
    assert begun.trainer.config.styles == ("ann", "bob")
    assert all((labels >= 0).all() for labels in begun.trainer.valid_labels)
    assert begun.trainer.evaluate() == pytest.approx(cold_loss(to_torch(tiny), begun.trainer.valid_slices), abs=1e-6)
