"""Mixtures of models: their names, the probabilities that they give, and the same bits on every runtime."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from afterglow.core.commands.registry import completions, dispatch
from afterglow.core.errors import ModelError, UsageError
from afterglow.core.inference.export import dequantize_weights
from afterglow.core.inference.mixture import MixtureRuntime, Part, find_models, open_mixture, split_mixture
from afterglow.core.inference.model_card import Card
from afterglow.core.inference.model_file import Architecture, ModelFile
from afterglow.core.inference.runtime import Runtime
from afterglow.core.model import Model, load
from afterglow.core.session.session import Session
from afterglow.core.settings import Settings
from afterglow.core.text.copy_index import CopyIndex
from afterglow.core.text.corpus import read_corpus
from afterglow.core.text.tokenizer import CharTokenizer

from .cli_helpers import RunCli
from .kernel_helpers import KERNEL_PARAMS, random_file, runtime_of, torch_runtime, trace

RED, BLUE = "abcdefgh \n", "fghijklm \n\ufffd"
"""Characters of two models; three and the white space are in both. U+FFFD is drawn by none."""


def made(path: Path, characters: str, layers: int, width: int, card: Card) -> ModelFile:
    """A model of these characters, saved at ``path``."""
    file = random_file(Architecture(len(characters), 6, layers, width))
    bias = file.tensors["projection.bias"].copy()
    bias[[c == "\ufffd" for c in characters]] = -1000
    tensors = {**file.tensors, "projection.bias": bias}
    index = CopyIndex.build(f"{characters} is what {path.stem} has learned, and it knows it by heart", 1 << 12)
    file = replace(file, tokenizer=CharTokenizer(characters), card=card, index=index, tensors=tensors).with_sha256()
    path.parent.mkdir(parents=True, exist_ok=True)
    file.save(path)
    return file


@pytest.fixture
def files(home: Path) -> list[ModelFile]:
    """The models red and blue in the library."""
    red = Card(licence="MIT", settings={"temperature": 0.8, "stop": ["\n"]}, lines=True)
    blue = Card(licence="CC0", settings={"temperature": 0.8})
    return [
        made(home / "models" / "red.safetensors", RED, 1, 17, red),
        made(home / "models" / "blue.safetensors", BLUE, 2, 9, blue),
    ]


def log_probs(logits: np.ndarray) -> np.ndarray:
    wide = logits.astype(np.float64)
    return np.asarray(wide - np.log(np.exp(wide).sum()))


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("red:0.6 + blue:0.4", [("red", 0.6), ("blue", 0.4)]),
        ("red+blue", [("red", 1), ("blue", 1)]),
        ("red : 3+ blue", [("red", 3), ("blue", 1)]),
        (r"C:\m\red.safetensors + /m/blue.safetensors:2", [(r"C:\m\red.safetensors", 1), ("/m/blue.safetensors", 2)]),
        ("red", []),
        ("red:0.6", []),
    ],
)
def test_a_mixture_is_written_as_names_and_weights(text: str, parts: list[tuple[str, float]]) -> None:
    assert split_mixture(text) == [Part(*part) for part in parts]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("red + ", "'red + ' is no mixture: write names and weights above 0"),
        ("+", "is no mixture"),
        ("red:0 + blue", "is no mixture"),
        ("red:-1 + blue", "is no mixture"),
        ("red:nan + blue", "is no mixture"),
        ("red:inf + blue", "is no mixture"),
        ("red:much + blue", "is no mixture"),
        ("red + red:2", "'red' is in the mixture twice"),
        ("+".join("abcdefghi"), "at most 8 models"),
        ("red + green", "there is no model 'green'"),
    ],
)
@pytest.mark.usefixtures("files")
def test_a_mixture_that_cannot_be_is_one_line(text: str, says: str) -> None:
    with pytest.raises(ModelError) as error:
        load(text)
    assert says in str(error.value)
    assert "\n" not in str(error.value)


def test_a_model_of_that_very_name_comes_first(files: list[ModelFile], home: Path) -> None:
    files[0].save(home / "models" / "a+b.safetensors")
    assert load("a+b").file.sha256 == files[0].sha256
    assert load(str(home / "models" / "a+b.safetensors")).name == "a+b"


def test_only_models_of_characters_can_be_mixed(tiny_bytes: Model, home: Path, files: list[ModelFile]) -> None:
    assert files
    tiny_bytes.file.save(home / "models" / "bytes.safetensors")
    with pytest.raises(ModelError, match="bytes cannot be in a mixture: it writes byte tokens"):
        load("red + bytes")


def test_probabilities_are_the_weighted_geometric_mean_normalized(files: list[ModelFile]) -> None:
    mixed, alone = load("red:3 + blue:1"), [load("red"), load("blue")]
    assert mixed.tokenizer.header()["characters"] == [*RED, *"ijklm\ufffd"]
    text = "fg h\ngf"
    members = [log_probs(model.read(text).snapshot.logits) for model in alone]
    expected = []
    for character in mixed.tokenizer.header()["characters"]:  # type: ignore[attr-defined]
        logs = []
        for logs_of, characters in zip(members, (RED, BLUE), strict=True):
            lowest = min(log for log, own in zip(logs_of, characters, strict=True) if own != "\ufffd")
            logs.append(logs_of[characters.index(character)] if character in characters else lowest)
        expected.append(0.75 * logs[0] + 0.25 * logs[1])
    found = log_probs(mixed.read(text).snapshot.logits)
    assert np.allclose(found, np.array(expected) - np.log(np.exp(expected).sum()), atol=1e-4)
    assert found[-1] < -200
    assert len(files) == 2


def test_a_character_that_a_member_lacks_is_read_by_it_as_its_replacement(files: list[ModelFile]) -> None:
    mixed, (red, blue) = load("red + blue"), map(load, ("red", "blue"))
    state = mixed.read("a\u2603i").snapshot.state
    unknown = red.tokenizer.replacement, blue.tokenizer.replacement
    expected = (
        *red.read(f"a{unknown[0]}{unknown[0]}").snapshot.state,
        *blue.read(f"{unknown[1]}{unknown[1]}i").snapshot.state,
    )
    assert [array.tobytes() for array in state] == [array.tobytes() for array in expected]
    assert mixed.read("a\u2603").notices == ["red:1 + blue:1 has never seen \u2603: read as ' '"]
    assert len(files) == 2


def test_a_mixture_is_the_same_bit_for_bit_in_any_batch_and_on_any_runtime(files: list[ModelFile]) -> None:
    mixture = open_mixture("red:0.6 + blue:0.4")[1]
    ids = np.random.default_rng(4).integers(0, mixture.tokenizer.size, (9, 7))
    kinds = ["onnx", *(param.values[0] for param in KERNEL_PARAMS if not param.marks[0].args[0])]
    traces = []
    for make in map(runtime_of, kinds):
        runtime = MixtureRuntime(mixture, make)
        single = [trace(runtime, ids[row : row + 1]) for row in range(9)]
        together = trace(runtime, ids, alone=False)
        assert [together[row::9] for row in range(9)] == single
        traces.append(single)
    assert all(found == traces[0] for found in traces)
    assert len(files) == 2


@pytest.mark.parametrize("make", [runtime_of, torch_runtime])
def test_many_tokens_at_once_are_as_many_steps_and_a_wrong_id_reads_nothing(
    files: list[ModelFile], make: object
) -> None:
    mixture = open_mixture("red + blue")[1]
    runtime: Runtime = MixtureRuntime(mixture, torch_runtime) if make is torch_runtime else load("red + blue").runtime
    ids = np.random.default_rng(4).integers(0, mixture.tokenizer.size, (6, 3))
    one, many = runtime.stepper(runtime.zeros(3)), runtime.stepper(runtime.zeros(3))
    for row in ids:
        one.step(row)
    many.step_many(ids)
    assert one.logits.tobytes() == many.logits.tobytes()
    before = [array.tobytes() for array in one.state]
    with pytest.raises(UsageError, match="there is no token 16"):
        one.step(np.array([0, 1, 16]))
    assert [array.tobytes() for array in one.state] == before
    assert len(files) == 2


@pytest.mark.usefixtures("files")
def test_a_passage_of_a_mixture_goes_back_and_on_exactly() -> None:
    session = Session(load("red:0.6 + blue:0.4"), Settings(rng=7, length=200))
    list(session.write_from("fg"))
    text = session.passage.text()
    list(session.branch(150))
    assert session.passage.text()[:150] == text[:150]
    model = session.model
    snapshot = session.snapshot_at(session.passage.end()[0], 130)
    again = model.load_state(model.dump_state(snapshot))
    assert [array.tobytes() for array in again.state] == [array.tobytes() for array in snapshot.state]
    assert {"i", "a"} < set(text)


@pytest.mark.usefixtures("files")
def test_a_mixture_has_a_hash_of_its_members_and_weights() -> None:
    hashes = [load(text).file.sha256 for text in ("red + blue", "red:2 + blue:2", "red:0.6 + blue", "blue + red")]
    assert hashes[0] == hashes[1]
    assert len(set(hashes)) == 3


@pytest.mark.parametrize("text", ["red:1e6 + blue:1e-7", "red:0.123456789 + blue:2e1"])
@pytest.mark.usefixtures("files")
def test_the_name_of_a_mixture_opens_it_again(text: str) -> None:
    model = load(text)
    assert load(model.name).file.sha256 == model.file.sha256


@pytest.mark.usefixtures("files")
def test_the_card_has_what_all_members_share_and_nothing_is_saved(tmp_path: Path, run: RunCli) -> None:
    mixture = load("red:0.6 + blue:0.2")
    card = mixture.file.card
    assert (card.corpus, card.licence) == ("red:0.6 + blue:0.2", "MIT; CC0")
    assert (card.settings, card.item_end) == ({"temperature": 0.8}, "")
    with pytest.raises(UsageError, match="a mixture cannot be saved"):
        mixture.file.save(tmp_path / "mixed.safetensors")
    with pytest.raises(UsageError, match="a mixture has no weights of its own"):
        dequantize_weights(mixture.file)
    shown = json.loads(run("info", "red:0.6 + blue:0.2", "--json").out)
    assert (shown["shares"], shown["vocabulary"]) == ("75.0%, 25.0%", 16)
    assert not {"epochs", "split", "longest_copied_run", "copied_in_runs_of_16"} & set(shown)
    assert run("export", "red + blue", "--pytorch", str(tmp_path / "x")).err == (
        "afterglow: 'red + blue' is a mixture; name one model here\n"
    )


@pytest.mark.usefixtures("files")
def test_copies_of_the_text_of_any_member_are_found() -> None:
    tracker = load("red + blue").copy_tracker()
    assert tracker
    for text in ("what red has learned", "??", "what blue has learned"):
        for character in text:
            tracker.add_token(character)
    assert [tracker.run_length(token) for token in (0, 19, 20, 22, 42)] == [16, 16, 0, 16, 16]


def test_eval_holds_out_of_a_members_text_what_that_member_did(run: RunCli, files: list[ModelFile], home: Path) -> None:
    text = home.parent / "items.txt"
    text.write_text("".join(f"{'abcdefgh'[n % 8]}{'fgh'[n % 3]}{'bad'[n % 5 % 3]}\n" for n in range(300)))
    card = replace(files[0].card, corpus_sha256=read_corpus(text).sha256, characters=1200)
    replace(files[0], card=card).with_sha256().save(home / "models" / "red.safetensors")
    alone, mixed = (json.loads(run("eval", name, str(text), "--json").out) for name in ("red", "red + blue"))
    assert [each["part"] for each in (alone, mixed)] == ["the held-out last 10 %"] * 2
    assert alone["characters"] == mixed["characters"] == 120


@pytest.mark.usefixtures("files")
def test_every_front_end_takes_a_mixture_by_the_same_name(run: RunCli, tiny: Model) -> None:
    session = Session(tiny, Settings(rng=7, length=20))
    effects = list(dispatch(session, "/model red:0.6 + blue:0.4"))
    assert session.model.name == "red:0.6 + blue:0.4"
    assert len(effects) == 1
    assert [word for word, _ in completions(session, "/model red:0.6 + b")] == ["blue"]
    written = run("generate", "fg", "-m", "red:0.6 + blue:0.4", "-l", "30", "--rng", "3")
    assert written.out == session.model.generate("fg", length=30, rng=3, temperature=0.8) + "\n"


@pytest.mark.usefixtures("files")
def test_a_visitor_mixes_models_of_the_library_only(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    load("red").file.save(tmp_path / "secret.safetensors")
    monkeypatch.setenv("AFTERGLOW_VISITOR", "1")
    assert load("red + blue").name == "red:1 + blue:1"
    with pytest.raises(ModelError, match="visitors have no access"):
        load(f"red + {tmp_path / 'secret.safetensors'}")


def test_paths_are_members_too_and_the_name_is_without_folders(files: list[ModelFile], home: Path) -> None:
    assert files
    name, entries = find_models(f"{home / 'models' / 'red.safetensors'}:2 + blue")
    assert (name, [entry.name for entry in entries]) == ("red:2 + blue:1", ["red", "blue"])
