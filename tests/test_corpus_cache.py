"""Texts on disk are the texts that were read; they are made once, whole or not at all, and memory does not grow."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from afterglow.core.errors import StorageError, TextError, UsageError
from afterglow.core.text import chunks, copy_detection, corpus, files, gutenberg, shuffle
from afterglow.core.text.corpus import read_corpora
from afterglow.core.text.formats import ReadOptions
from afterglow.core.text.subwords import WordTokenizer
from afterglow.core.text.tokenizer import ByteTokenizer, CharTokenizer
from hypothesis import given
from hypothesis import strategies as st

from .properties import examples

pytest.importorskip("afterglow.core.training.model")

from afterglow.core.training import corpus_cache, disk_store, run, tokenizer_training
from afterglow.core.training.corpus_cache import load_corpus, load_tokens, prune_cache
from afterglow.core.training.disk_store import DiskText
from afterglow.core.training.request import TrainRequest

LAMP = Path(__file__).parent / "data" / "lamp.txt"


@pytest.fixture
def tight(monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything that is bounded has a bound that a short text passes."""
    for module, name, value in (
        (files, "BLOCK_BYTES", 7),
        (chunks, "CHUNK_CHARS", 100),
        (disk_store, "INDEX_STRIDE", 64),
        (shuffle, "MAX_CHARS_IN_MEMORY", 300),
        (gutenberg, "HEADER_WINDOW", 150),
        (gutenberg, "LOOKBACK", 130),
    ):
        monkeypatch.setattr(module, name, value)


def cached(home: Path, suffix: str) -> list[Path]:
    return sorted((home / "cache").glob(f"*{suffix}"))


BOOK = (
    "The Project Gutenberg EBook of Lamps\n\n*** START OF THIS PROJECT GUTENBERG EBOOK LAMPS ***\n\n\n{}\n\n\n"
    "End of the Project Gutenberg EBook of Lamps, by\nSome One\n\n*** END OF THIS PROJECT GUTENBERG EBOOK LAMPS ***\n"
    + "licence, "
    * 30
)


@pytest.mark.usefixtures("tight")
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "shift_jis"])
def test_what_comes_in_small_blocks_is_what_comes_at_once(
    tmp_path: Path, encoding: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "ランプの灯\r\nwas lit.\r\rNow\n" * 40
    (tmp_path / "a.txt").write_bytes(text.encode(encoding))
    how = ReadOptions(encoding)
    stored = load_corpus([str(tmp_path / "a.txt")], how)
    expected = text.replace("\r\n", "\n").replace("\r", "\n")
    assert (stored.text[:], stored.notes) == (expected, ("120 carriage returns were dropped: lines end in \\n",))
    monkeypatch.setattr(files, "BLOCK_BYTES", 1 << 20)
    assert read_corpora([str(tmp_path / "a.txt")], how).text == expected


@pytest.mark.usefixtures("tight")
def test_a_bad_byte_is_found_where_it_stands_though_blocks_are_small(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes("naïve\n".encode() * 10 + b"caf\xe9 au lait\n")
    with pytest.raises(TextError, match=r"mixes encodings.* byte 73 \(line 11\) is 0xe9"):
        load_corpus([str(tmp_path / "a.txt")], ReadOptions())


@pytest.mark.usefixtures("tight")
def test_books_one_behind_the_other_are_all_kept_and_nothing_between(tmp_path: Path) -> None:
    bodies = ["A lamp.\n\nIt was lit.", "Another lamp. " * 30, "No more."]
    (tmp_path / "a.txt").write_text("".join(map(BOOK.format, bodies)))
    stored = load_corpus([str(tmp_path / "a.txt")], ReadOptions())
    assert stored.text[:] == "".join(f"{body}\n" for body in bodies)
    assert "header and footer were left out" in stored.notes[0]


@pytest.mark.usefixtures("tight")
@pytest.mark.parametrize(
    ("how", "end", "note"),
    [
        (ReadOptions(lines=True), "\n", "500 lines, shuffled; generated text ends at the end of a line"),
        (ReadOptions(items="blank-line"), "\n\n", "500 items, shuffled; generated text ends at the end of an item"),
    ],
)
def test_items_that_do_not_fit_into_memory_are_shuffled_too(
    tmp_path: Path, how: ReadOptions, end: str, note: str
) -> None:
    names = [f"name {number}" if end == "\n" else f"name\n{number}" for number in range(500)]
    (tmp_path / "names.txt").write_text(end.join(names))
    found = [read([str(tmp_path / "names.txt")], how) for read in (load_corpus, read_corpora)]
    assert found[0].text[:] == found[1].text
    items = found[0].text[:].split(end)[:-1]
    assert sorted(items) == sorted(names)
    assert sum(abs(names.index(item) - at) for at, item in enumerate(items)) > 500 * 100
    assert found[0].notes[0] == note
    assert found[0].parts == found[1].parts


@examples(50)
@given(
    st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=200)), st.integers(0, 900), st.integers(0, 900)
)
def test_a_stored_text_is_sliced_like_a_str(
    tmp_path_factory: pytest.TempPathFactory, pieces: list[str], start: int, stop: int
) -> None:
    path, text = tmp_path_factory.mktemp("stored") / "text", "".join(pieces)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(disk_store, "INDEX_STRIDE", 64)
        with path.open("wb") as file:
            stored = DiskText.write(file, pieces)
        whole = DiskText(path, *stored)
        assert (len(whole), whole[:], whole[start:stop]) == (len(text), text, text[start:stop])


@pytest.mark.parametrize("kind", ["char", "byte", "word"])
def test_tokens_on_disk_are_those_of_the_text(kind: str, home: Path) -> None:
    text = load_corpus([str(LAMP)], ReadOptions())
    made = {
        "char": CharTokenizer.from_text(text.text),
        "byte": ByteTokenizer(),
        "word": WordTokenizer.from_text(text.text, 400),
    }
    tokenizer = made[kind]
    tokens, whole = load_tokens(text, tokenizer), tokenizer.encode(text.train_text[:])
    assert len(tokens) == len(whole)
    assert np.array_equal(tokens[:], whole)
    assert np.array_equal(tokens[100:200], whole[100:200])
    assert cached(home, ".tokens")[0].stat().st_size == len(whole) * (2 if kind == "word" else 1)


def test_the_same_bytes_under_a_name_that_reads_them_otherwise_have_other_tokens(tmp_path: Path) -> None:
    lines = "".join(f'{{"text": "the {n} quick brown fox"}}\n' for n in range(400))
    read = []
    for name in ("a.jsonl", "a.txt"):
        (tmp_path / name).write_text(lines, "utf-8")
        text = load_corpus([str(tmp_path / name)], ReadOptions())
        read.append(text.train_text[:] == ByteTokenizer().decode(load_tokens(text, ByteTokenizer())[:]))
    assert read == [True, True]


def test_so_have_several_of_which_only_the_last_is_read_otherwise(tmp_path: Path) -> None:
    lines = "".join(f'{{"text": "the {n} quick brown fox"}}\n' for n in range(400))
    for name, data in (("a.txt", "The first.\n" * 9), ("b.txt", lines), ("b.jsonl", lines)):
        (tmp_path / name).write_text(data, "utf-8")
    for last in ("b.txt", "b.jsonl"):
        text = load_corpus([str(tmp_path / "a.txt"), str(tmp_path / last)], ReadOptions())
        assert text.train_text[:] == ByteTokenizer().decode(load_tokens(text, ByteTokenizer())[:])


def test_a_field_or_a_column_that_nothing_has_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("text")
    for how in (ReadOptions(field="text"), ReadOptions(column="text")):
        with pytest.raises(UsageError, match="none of the texts ends in"):
            load_corpus([str(tmp_path / "a.txt")], how)


def test_a_text_is_made_once_and_again_where_it_changed_or_what_was_kept_is_not_whole(home: Path) -> None:
    text = home.parent / "text.txt"
    text.write_bytes(LAMP.read_bytes())
    first = load_corpus([str(text)], ReadOptions())
    (path,) = cached(home, ".txt")
    made = path.stat().st_ino
    assert load_corpus([str(text)], ReadOptions()).text[:] == first.text[:]
    assert path.stat().st_ino == made
    path.write_bytes(b"cut short")
    assert load_corpus([str(text)], ReadOptions()).text[:] == LAMP.read_text("utf-8")
    assert path.stat().st_ino != made
    text.write_bytes(LAMP.read_bytes() + b"!")
    assert load_corpus([str(text)], ReadOptions()).text[-1:] == "!"
    assert len(cached(home, ".txt")) == 2


def test_a_renamed_folder_is_the_label_of_its_texts(tmp_path: Path) -> None:
    options, texts = ReadOptions(label="folder"), tmp_path / "texts"
    for folder, name in (("austen", "a.txt"), ("doyle", "b.txt")):
        (texts / folder).mkdir(parents=True)
        (texts / folder / name).write_text(f"{folder}\n")
    assert load_corpus([str(texts)], options).label_names == ("austen", "doyle")
    (texts / "austen").rename(texts / "byron")
    assert load_corpus([str(texts)], options).label_names == ("byron", "doyle")


def test_a_page_that_was_left_out_is_read_after_its_reader_is_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts = tmp_path / "texts"
    texts.mkdir()
    (texts / "a.html").write_text("<html><p>page</p></html>")
    (texts / "b.txt").write_text("text\n")
    with monkeypatch.context() as without:
        without.setitem(sys.modules, "lxml", None)
        assert load_corpus([str(texts)], ReadOptions()).text[:] == "text\n"
    assert load_corpus([str(texts)], ReadOptions()).text[:] == "page\ntext\n"


def test_only_its_owner_may_read_what_is_kept(home: Path) -> None:
    text = load_corpus([str(LAMP)], ReadOptions())
    load_tokens(text, ByteTokenizer())
    if os.name == "posix":
        assert {path.stat().st_mode & 0o777 for path in (home / "cache").iterdir()} == {0o600}


def test_old_ones_and_leftovers_are_tidied_away(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = home / "cache"
    folder.mkdir(parents=True)
    days = {"used": 0.5, "month.tokens": 31, ".left.tokens": 2, ".being.written": 0.1, "big": 3}
    for name, age in days.items():
        path = folder / name
        path.write_bytes(b"x" * 100)
        stamp = path.stat().st_mtime - 86_400 * age
        os.utime(path, (stamp, stamp))
    prune_cache()
    assert {path.name for path in folder.iterdir()} == {"used", ".being.written", "big"}
    monkeypatch.setattr(corpus_cache, "MAX_CACHE_BYTES", 250)
    prune_cache()
    assert {path.name for path in folder.iterdir()} == {"used", ".being.written"}


def test_a_full_disk_is_one_line_and_leaves_nothing_half_made(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    (home / "cache").mkdir(parents=True)
    monkeypatch.setattr("afterglow.core.file_io.os.fsync", full)
    says = r"no space left on device.*make room, or set AFTERGLOW_HOME to another folder"
    with pytest.raises(StorageError, match=says) as caught:
        load_corpus([str(LAMP)], ReadOptions())
    assert "\n" not in str(caught.value)
    assert list((home / "cache").iterdir()) == []


def test_a_huge_text_is_learned_and_judged_by_bounded_parts(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Huge is what the bounds say."""
    for module in (corpus, run):
        monkeypatch.setattr(module, "MAX_EVAL_CHARS", 600)
    monkeypatch.setattr(chunks, "CHUNK_CHARS", 1000)
    for module in (tokenizer_training, run):
        monkeypatch.setattr(module, "MAX_TRAIN_CHARS", 5000)
    (tmp_path / "huge.txt").write_text(LAMP.read_text("utf-8") * 10, "utf-8")
    made = run.start_run(TrainRequest("mine", (str(tmp_path / "huge.txt"),), tokens="bpe", epochs=0.05, width=8))
    list(made.train())
    model, score = made.measure()
    assert [sum(len(part.text) for part in made.corpus.valid), score.characters] == [2 * 257, 600]
    assert model.generate("The lamp", length=20)
    assert made.notes == [
        "the vocabulary is built from 5,000 characters, spread over the text",
        "validation and held-out text are limited to 600 characters of each",
    ]


def test_runs_across_two_stretches_are_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    text = LAMP.read_text("utf-8")
    whole = copy_detection.copied_run_lengths(text[500:900] + "Ω" + text[100:150], text)
    monkeypatch.setattr(chunks, "CHUNK_CHARS", 64)
    assert np.array_equal(copy_detection.copied_run_lengths(text[500:900] + "Ω" + text[100:150], text), whole)
    assert whole.max() == 400


MEASURED = """
import sys
from afterglow.core.text import corpus
from afterglow.core.training.trainer import Trainer
corpus.MAX_EVAL_CHARS = 20_000
run = Trainer.run
def three(self):
    for progress in run(self):
        yield progress
        if progress.step == 3:
            return
Trainer.run = three
from afterglow.repl.__main__ import main
sys.argv = ["afterglow", "train", sys.argv[1], "--name", "mine", "--epochs", "1", "--width", "32", "--replace"]
try:
    main()
finally:
    print(next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM")))
"""


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the peak of resident memory is read from /proc")
def test_memory_does_not_grow_with_the_text(tmp_path: Path) -> None:
    """From 2 MB to 82 MB: everything that is bounded at some million characters is full in both or allowed for."""
    peaks = []
    for times in (400, 16_000):
        (tmp_path / "text.txt").write_text(LAMP.read_text("utf-8") * times, "utf-8")
        ran = subprocess.run(  # noqa: S603
            [sys.executable, "-c", MEASURED, str(tmp_path / "text.txt")], capture_output=True, text=True, check=False
        )
        assert ran.returncode == 0, ran.stderr
        peaks.append(int(ran.stdout.split()[-1]) / 1024)
    assert peaks[1] - peaks[0] < 100
