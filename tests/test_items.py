"""Items of a list: read from any file, found again in a model file's index, drawn many at once."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import islice
from pathlib import Path

import pytest
from afterglow.core import item_samples
from afterglow.core.inference.model_file import open_model_file
from afterglow.core.item_samples import measure_copied_items
from afterglow.core.model import Model
from afterglow.core.settings import Settings
from afterglow.core.text.copy_detection import CopyDetector
from afterglow.core.text.copy_index import CopyIndex
from afterglow.core.text.copy_tracker import CopyTracker, ItemTracker
from afterglow.core.text.corpus import read_corpora
from afterglow.core.text.formats import ReadOptions
from afterglow.core.text.items import ItemSet, split_items

from .cli_helpers import RunCli
from .conftest import DATA

LAMP = (DATA / "lamp.txt").read_text("utf-8")


def read_items(*paths: Path) -> list[str]:
    text = read_corpora([str(path) for path in paths], ReadOptions(items="blank-line")).text[:]
    assert text.endswith("\n\n")
    return sorted(text.split("\n\n")[:-1])


def test_an_item_of_several_lines_stands_between_blank_lines(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("\n\nred\nrose\n \t\n\nblue\n\n\nsky\r\nhigh")
    (tmp_path / "b.txt").write_text("sea\n")
    assert read_items(tmp_path / "a.txt", tmp_path / "b.txt") == ["blue", "red\nrose", "sea", "sky\nhigh"]


def test_a_record_of_a_table_is_one_item_also_if_it_has_blank_lines(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"text": "red\\n\\nrose\\n"}\n{"text": "blue"}\n')
    assert read_items(tmp_path / "a.jsonl") == ["blue", "red\nrose"]


def test_a_generated_text_has_whole_items_only() -> None:
    assert split_items("Ada\n\n Bob \nCy", "\n") == ["Ada", "Bob"]
    assert split_items("a\nb\n\n\n\nc\n\nd", "\n\n") == ["a\nb", "c"]


def test_an_index_has_every_item_and_is_saved_with_the_model(listing: Model, tmp_path: Path) -> None:
    listing.file.save(tmp_path / "listing.safetensors")
    index = open_model_file(tmp_path / "listing.safetensors").index
    assert index
    assert index.items is not None
    assert all(index.contains_item(line) for line in LAMP.splitlines() if line.strip())
    assert not any(index.contains_item(line[:-1]) for line in LAMP.splitlines() if len(line) > 2)


def test_items_that_take_more_than_the_budget_are_left_out_and_the_runs_stay() -> None:
    items = ItemSet("\n".join(map(str, range(1000))), "\n")
    index = CopyIndex.build(LAMP, 3999, items)
    assert not index.items is not None
    assert index.prints.tolist() == CopyIndex.build(LAMP, 3999).prints.tolist()
    assert CopyIndex.build(LAMP, 4000, items).items is not None


def test_an_index_without_items_opens_as_before(copying: Model, tmp_path: Path) -> None:
    copying.file.save(tmp_path / "copying.safetensors")
    assert b'items\\": true' not in (tmp_path / "copying.safetensors").read_bytes()
    index = open_model_file(tmp_path / "copying.safetensors").index
    assert index
    assert not index.items is not None


@pytest.fixture
def names() -> ItemTracker:
    """A tracker of the names Ada and Bob."""
    return ItemTracker(ItemSet("Ada\nBob\n", "\n").__contains__, "\n")


def test_an_item_counts_when_it_ends_and_as_it_stands_before(names: ItemTracker) -> None:
    changes = [names.push(character) for character in "Ada\nBobby\nBob"]
    assert changes == [None, None, 0, None, None, None, 4, 4, None, None, None, None, 10]
    assert (names.copy_count, names.count, names.longest) == (2, 3, 3)
    assert [names.length_at(place) for place in (0, 2, 3, 4, 8, 10, 12)] == [3, 3, 0, 0, 0, 3, 3]


def test_a_tracker_of_a_list_marks_items_and_says_how_many(names: ItemTracker) -> None:
    tracker = CopyTracker(CopyDetector(CopyIndex.build("", 0)), names)
    tracker.add_seed("A")
    assert tracker.summary() == "not in the list"
    assert [tracker.add_token(text) for text in ("d", "a")] == [None, 0]
    assert (tracker.summary(), tracker.share, tracker.longest_run) == ("in the list", 1.0, 3)
    assert [tracker.add_token(text) for text in ("m", "\n", "Bo", "b")] == [0, None, None, 4]
    assert (tracker.summary(), tracker.share) == ("1 of 2 items in the list", 0.5)
    assert [tracker.run_length(token) for token in range(6)] == [0, 0, 0, 0, 3, 3]


def test_items_are_the_same_in_any_batch_and_those_of_takes(listing: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = Settings(temperature=0.8, length=30, stop=("\n",))

    def draw(first_batch: int) -> list[tuple[str, bool]]:
        monkeypatch.setattr(item_samples, "FIRST_BATCH", first_batch)
        drawn = item_samples.draw_items(listing, listing.read("").snapshot, settings, 1)
        return [(item.text, item.ended) for item in islice(drawn, 9)]

    assert draw(1) == draw(5)
    assert {ended for _, ended in draw(1)} == {True, False}
    assert all(len(text) == 30 for text, ended in draw(1) if not ended)


def test_the_copied_share_is_that_of_the_items_in_the_list(listing: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(item_samples, "MEASURED_ITEMS", 100)
    monkeypatch.setattr(item_samples, "MAX_MEASURED_LENGTH", 80)
    drawn: list[str] = []
    assert measure_copied_items(listing, lambda item: bool(drawn.append(item)), 1.0) == 0
    assert 0 < len(drawn) < 100
    assert all(item.strip() for item in drawn)
    share = measure_copied_items(listing, ItemSet("".join(f"{item}\n" for item in drawn), "\n").__contains__, 1.0)
    assert 0 < share < 1  # those that were cut are not in the list
    half = ItemSet("".join(f"{item}\n" for item in drawn[::2]), "\n")
    assert measure_copied_items(listing, half.__contains__, 1.0) == pytest.approx(share / 2, abs=share / 4)
    monkeypatch.setattr(item_samples, "MEASURED_CHARS", 1)
    drawn.clear()
    measure_copied_items(listing, lambda item: bool(drawn.append(item)), 1.0)
    assert len(drawn) <= 1


def test_an_empty_seed_is_read_as_the_end_of_an_item(listing: Model) -> None:
    card = replace(listing.file.card, lines=False, items="blank-line")
    poems = Model("poems", replace(listing.file, card=card), listing.runtime)
    assert poems.read("").snapshot.position == 2
    assert listing.read("").snapshot.position == 1


def test_novelty_and_diversity_count_the_items_of_a_list(
    listing: Model, run: RunCli, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(item_samples, "MEASURED_ITEMS", 60)
    (home / "models").mkdir(parents=True)
    written = {
        line for line in listing.generate("\n", temperature=1.0, length=2000, rng=1, stop=()).split("\n") if line
    }
    index = CopyIndex.build("", 1 << 16, ItemSet("\n".join(written), "\n"))
    replace(listing.file, index=index).save(home / "models" / "lister.safetensors")
    (home / "mine.txt").write_text("\n".join(sorted(written)[::2]))

    def measure(*words: str) -> float:
        values = json.loads(run(*words, "-t", "1.0", "--json").out)
        return float((values if isinstance(values, dict) else values[0])["copied_items"])

    diversity = "diversity", "-m", "lister", "-n", "1", "--seed", "\n", "--length", "2000"
    assert measure(*diversity) == 1.0
    assert 0 < measure(*diversity, "--text", str(home / "mine.txt")) < 1.0
    assert "100.0 %" in run(*diversity, "-t", "1.0").out
    novelty = "novelty", "lister", "--length", "100"
    assert 0 < measure(*novelty) < 1.0
    (home / "mine.txt").write_text("\n".join(written))
    assert measure(*novelty, str(home / "mine.txt")) == measure(*novelty)
    (home / "mine.txt").write_text("an item that nothing has written\n")
    assert measure(*novelty, str(home / "mine.txt")) == 0


def test_of_a_model_of_no_list_no_items_are_counted(copying: Model, run: RunCli, home: Path) -> None:
    (home / "models").mkdir(parents=True)
    copying.file.save(home / "models" / "copying.safetensors")
    assert "copied_items" not in json.loads(run("novelty", "copying", "--length", "100", "--json").out)
    measured = json.loads(run("diversity", "-m", "copying", "-t", "1", "--length", "50", "--json").out)
    assert measured[0]["copied_items"] is None
