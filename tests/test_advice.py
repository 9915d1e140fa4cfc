"""Advice on the model to go on from: measured on the text, before any training."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from math import inf
from pathlib import Path

import numpy as np
import pytest
from afterglow.core.errors import UsageError
from afterglow.core.inference import library
from afterglow.core.inference.model_file import open_model_file
from afterglow.core.text.corpus import Corpus, read_corpus
from afterglow.core.text.tokenizer import CharTokenizer

torch = pytest.importorskip("torch")

from afterglow.core.training import advice as advice_module  # noqa: E402
from afterglow.core.training.advice import Advice, Reading, advise  # noqa: E402
from afterglow.core.training.request import TrainRequest  # noqa: E402
from afterglow.core.training.run import TrainingRun, start_run  # noqa: E402
from afterglow.repl.cli.train_plan import print_plan  # noqa: E402

DATA = Path(__file__).parent / "data"
LAMP = DATA / "lamp.txt"


@pytest.fixture(autouse=True)
def two_models(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """``reader``, which knows the lamp by heart, and ``other``, which has the same weights and mixes up its letters."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    folder = home / "models"
    folder.mkdir(parents=True)
    file = open_model_file(DATA / "tiny-char.safetensors")
    file = replace(file, card=replace(file.card, corpus_sha256=""))
    file.with_sha256().save(folder / "reader.safetensors")
    assert isinstance(file.tokenizer, CharTokenizer)
    mixed = CharTokenizer(file.tokenizer.characters[::-1])
    type(file)(file.architecture, mixed, file.card, file.tensors).with_sha256().save(folder / "other.safetensors")
    (folder / "broken.safetensors").write_bytes(b"no model")
    monkeypatch.setattr(library, "_bundled_dir", lambda: tmp_path / "none")
    yield
    torch.set_num_threads(threads)


def begin(text: Path, **options: object) -> TrainingRun:
    return start_run(TrainRequest("mine", (str(text),), **options))  # type: ignore[arg-type]


def test_the_model_that_reads_the_text_best_is_named_with_its_figure() -> None:
    advice = advise(read_corpus(LAMP))
    assert [reading.name for reading in advice.readings] == ["reader", "other"]
    best = advice.best()
    assert best
    assert best.bits < 1 < 4 < advice.letter_bits < advice.readings[1].bits
    line = advice.describe(best)
    assert line.startswith(f"reader reads this text at {best.bits:.2f} bits/char as it is (letter")


def test_a_model_that_has_learned_this_very_text_is_not_named(home: Path) -> None:
    path = home / "models" / "reader.safetensors"
    file, corpus = open_model_file(path), read_corpus(LAMP)
    replace(file, card=replace(file.card, corpus_sha256=corpus.sha256)).with_sha256().save(path)
    assert [reading.name for reading in advise(corpus).readings] == ["other"]


def test_auto_goes_on_from_that_model_and_says_so() -> None:
    run = begin(LAMP, parent="auto")
    assert run.request.parent == "reader"
    assert run.notes[-1].endswith("): --from reader")
    assert "reader reads this text at" in run.notes[-1]


def test_auto_trains_from_nothing_if_no_model_helps(tmp_path: Path) -> None:
    digits = tmp_path / "digits.txt"
    digits.write_text("".join(random.Random(1).choices("0123456789", k=6000)))
    run = begin(digits, parent="auto")
    assert run.request.parent is None
    assert run.notes[-1].endswith("training from nothing")


def test_auto_is_a_model_and_so_it_determines_the_size() -> None:
    with pytest.raises(UsageError, match="cannot be used with --from"):
        begin(LAMP, parent="auto", width=8)


def test_a_text_of_characters_that_look_like_known_ones_is_read_as_well() -> None:
    """Most letters have an accent: the model knows none of them, and begins with what it knows of the plain ones."""
    plain = LAMP.read_text("utf-8")
    accented = plain.translate(str.maketrans("aeiou", "âêîôû"))
    texts = (Corpus(name, name, text) for name, text in (("plain", plain), ("accented", accented)))
    known, new = (advise(corpus).readings[0] for corpus in texts)
    assert set(new.alike) == set("âêîôû")
    assert new.bits == pytest.approx(known.bits, abs=0.01)


def test_missing_characters_leave_probabilities_that_sum_to_one() -> None:
    """A model that lacks half of a text must not look better for it."""
    text = 'aaab“"cz' * 5
    costs = {c: -np.log2(n / len(text)) for c, n in Counter(text).items()}
    missing, alike = ["“", "c", "z"], {"“": '"'}
    thirds = np.full((1, len(costs)), np.log2(3))  # a model of a, b and " that draws each with 1/3
    bits = advice_module._charge_missing(thirds, ["".join(costs)], missing, alike, costs)
    assert (2.0**-bits).sum() == pytest.approx(1)


@pytest.mark.parametrize(
    ("bits", "is_small", "ngram_bits", "helps"),
    [
        (1.9, True, 2.4, True),
        (4.4, True, inf, False),
        (3.0, True, 2.4, True),  # a small text's own 5-gram is poor
        (3.0, False, 2.4, False),  # a large text teaches that much by itself
        (2.0, False, 2.4, True),
    ],
)
def test_a_model_helps_if_it_reads_better_than_counting(
    bits: float, is_small: bool, ngram_bits: float, helps: bool
) -> None:
    reading = Reading("parent", bits)
    assert Advice((reading,), 4.5, is_small).best(ngram_bits) == (reading if helps else None)


def test_the_plan_names_the_best_model_or_none(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    print_plan(begin(LAMP, width=16))
    err = capfd.readouterr().err
    assert "reader reads this text at" in err
    assert f"    afterglow train {LAMP} --name mine --from reader --replace\n" in err
    digits = tmp_path / "digits.txt"
    digits.write_text("".join(random.Random(1).choices("0123456789", k=6000)))
    print_plan(start_run(TrainRequest("two", (str(digits),), width=16)))
    assert "--from" not in capfd.readouterr().err


def test_the_plan_shows_characters_that_the_parent_lacks(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    text = tmp_path / "text.txt"
    text.write_text(LAMP.read_text("utf-8").replace("lamp", "lämp ж"), "utf-8")
    print_plan(begin(text, parent="reader"))
    assert "fine-tuning reader; new characters: ä ж, of which these begin as a look-alike: ä" in capfd.readouterr().err
