"""Characters that are left out of a vocabulary are read as U+FFFD, which is never written and never counted."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from afterglow.core.errors import SettingError, TextError
from afterglow.core.model import Model, load
from afterglow.core.sampling.logit_bias import require_effective_bias
from afterglow.core.session.reading import read_tokens
from afterglow.core.settings import Settings
from afterglow.core.text.tokenizer import CharTokenizer, from_header

pytest.importorskip("torch")

import torch
from afterglow.core.inference.backends import fastest_runtime
from afterglow.core.progress import drain
from afterglow.core.training.convert import to_torch
from afterglow.core.training.learner import mean_known_loss
from afterglow.core.training.ngram_baseline import ngram_bits_per_char
from afterglow.core.training.request import TrainRequest
from afterglow.core.training.run import TrainingRun, start_run
from afterglow.core.training.torch_runtime import TorchRuntime

TEXT = "".join(f"the {chr(0x4E00 + n)} lamp was {chr(0x5000 + n % 7)} lit\n" for n in range(300))
"""300 characters that occur once, among others."""


def test_characters_left_out_share_a_token_of_their_own() -> None:
    tokenizer = CharTokenizer.from_text("aab bcZ", min_count=2)
    assert tokenizer.characters == ["a", "b", "\ufffd"]
    assert tokenizer.encode("aZb\ufffd ").tolist() == [0, 2, 1, 2, 2]
    assert tokenizer.unknown_characters("aZ\ufffd") == ["Z", "\ufffd"]
    again = from_header(json.loads(json.dumps(tokenizer.header())))
    assert (again.stand_in, again.encode("Zb").tolist()) == (2, [2, 1])


def test_nothing_changes_where_nothing_is_left_out() -> None:
    tokenizer = CharTokenizer.from_text("ab \ufffd" * 2, min_count=2)
    assert tokenizer.stand_in is None
    assert tokenizer.header() == {"kind": "char", "characters": [" ", "a", "b", "\ufffd"]}
    assert tokenizer.decode(tokenizer.encode("x\ufffd")) == " \ufffd"


def test_a_stand_in_in_the_text_is_one_of_those_left_out() -> None:
    tokenizer = CharTokenizer.from_text("ab\ufffd" * 2 + "Z", min_count=2)
    assert (tokenizer.characters, tokenizer.stand_in) == (["a", "b", "\ufffd"], 2)


@pytest.mark.parametrize(
    ("text", "characters", "stand_in"),
    [("abab", "ab", None), ("aabbcc", "abc", None), ("aabbccZ", "abc\ufffd", 3), ("ab\ufffd", "ab\ufffd", 2)],
)
def test_a_parent_gets_one_if_the_text_has_characters_that_stay_out(
    text: str, characters: str, stand_in: int | None
) -> None:
    extended = CharTokenizer("ab").extended(text, min_count=2)
    assert ("".join(extended.characters), extended.stand_in) == (characters, stand_in)
    assert extended.extended("abb", min_count=9).header() == extended.header()


def test_a_header_cannot_make_every_character_a_stand_in() -> None:
    header: dict[str, object] = {"kind": "char", "characters": ["\ufffd"], "stand_in": True}
    assert from_header(header).stand_in is None
    assert from_header({"kind": "char", "characters": ["a"], "stand_in": True}).stand_in is None


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[TrainingRun, Model]:
    """A run with a quarter of rare characters and its model."""
    folder = tmp_path_factory.mktemp("stand_in")
    (folder / "rare.txt").write_text(TEXT, "utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AFTERGLOW_HOME", str(folder))
        torch.set_num_threads(1)
        request = TrainRequest("rare", (str(folder / "rare.txt"),), epochs=3, width=16, layers=1, min_count=5)
        run = start_run(request)
        list(run.train())
        model, _ = run.measure()
    return run, model


def test_it_is_never_drawn_at_any_temperature_on_any_runtime(trained: tuple[TrainingRun, Model]) -> None:
    file = trained[1].file
    stand_in = file.tokenizer.stand_in
    assert stand_in is not None
    assert np.array_equal(file.tensors["projection.weight"][stand_in], np.zeros(16))
    logits = []
    for runtime in (fastest_runtime(file, 1), TorchRuntime(file)):
        stepper = runtime.stepper(runtime.zeros(1))
        stepper.step_many(trained[1].tokenizer.encode("the \u4e00")[:, None])
        logits.append(stepper.logits[0].astype(np.float64))
    for row in logits:
        for temperature in (0.01, 1, 5):
            assert np.exp((row - np.logaddexp.reduce(row / temperature) * temperature) / temperature)[stand_in] == 0
    assert "\ufffd" not in trained[1].generate("the ", length=3_000, temperature=5, rng=1)


def test_it_is_kept_in_the_file_and_an_earlier_release_can_open_it(
    trained: tuple[TrainingRun, Model], tmp_path: Path
) -> None:
    path = tmp_path / "rare.safetensors"
    replace(trained[1].file, index=None).save(path)  # earlier releases do not know the kind of index
    again = load(str(path))
    assert again.tokenizer.header() == trained[1].tokenizer.header()
    assert again.generate("the ", length=50, rng=2) == trained[1].generate("the ", length=50, rng=2)
    size = int.from_bytes(path.read_bytes()[:8], "little")
    header = json.loads(json.loads(path.read_bytes()[8 : 8 + size])["__metadata__"]["afterglow"])
    assert header["format"] <= 2
    assert header["tokenizer"]["characters"].count("\ufffd") == 1
    assert np.abs(again.file.tensors["projection.bias"]).max() <= 1e6


def test_its_loss_is_neither_trained_nor_counted(trained: tuple[TrainingRun, Model]) -> None:
    run, model = trained
    logits = torch.randn(4, 3)
    targets = torch.tensor([0, 2, 1, 2])
    expected = torch.nn.functional.cross_entropy(logits[[0, 2]], targets[[0, 2]])
    assert mean_known_loss(logits, targets, 2).item() == pytest.approx(expected.item())
    assert mean_known_loss(logits[:1], targets[1:2], 2).item() == 0
    assert run.trainer.loss_ema < 5
    assert run.trainer.best_loss < 5
    assert to_torch(model).stand_in == model.tokenizer.stand_in
    rare, known = "the \u4e00 lamp", "the lamp"
    scored = model.score(rare)
    assert np.isnan(scored.surprise).nonzero()[0].tolist() == [3]
    assert scored.nats_per_char_stateful == pytest.approx(np.nanmean(scored.surprise) * math.log(2))
    assert scored.nats_per_char_cold == pytest.approx(scored.nats_per_char_stateful, rel=1e-6)
    assert model.score(known).nats_per_char_cold < 10
    with pytest.raises(TextError, match="knows no character of the text"):
        model.score("\u4e00\u4e01\u4e02")


def test_a_baseline_does_not_count_it_either(trained: tuple[TrainingRun, Model]) -> None:
    assert trained[0].ngram_bits(["the \u4e00 lamp"]) == pytest.approx(trained[0].ngram_bits(["the \u4e01 lamp"]))
    whole = ngram_bits_per_char("abab", ["ab"], 1)
    assert ngram_bits_per_char("abab", ["aab"], 1, uncounted="b") == pytest.approx(whole)


def test_a_seed_is_read_with_it_and_keeps_its_characters(trained: tuple[TrainingRun, Model]) -> None:
    model = trained[1]
    assert model.read("the \u2603").notices == ["rare has never seen \u2603: read as '\ufffd'"]
    read = drain(read_tokens(model, "the \u4e00 lamp"))
    assert read.seed + "".join(token.text for token in read.tokens) == "the \u4e00 lamp"
    assert read.unknown == 1
    assert read.bits_per_char == pytest.approx(model.score("the \u4e00 lamp").bits_per_char_stateful)


def test_a_ban_of_all_others_leaves_nothing_to_draw(trained: tuple[TrainingRun, Model]) -> None:
    tokenizer = trained[1].tokenizer
    others = tuple(c for c in tokenizer.header()["characters"] if c != "\ufffd")  # type: ignore[attr-defined]
    with pytest.raises(SettingError, match="no token to draw"):
        require_effective_bias(tokenizer, Settings(ban=others))
