"""``afterglow generate`` with many texts: new and different items, lines without empty lines, a JSON object a text."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from afterglow.core.events import Token
from afterglow.core.model import Model, load
from afterglow.core.text.copy_index import CopyIndex
from afterglow.core.text.items import ItemSet
from afterglow.repl.cli import generate_texts

from .cli_helpers import RunCli

HOW = "--rng", "5", "-t", "1.3", "-l", "60"


@pytest.fixture
def lister(listing: Model, home: Path) -> Model:
    """The model of a list, saved in the library as lister."""
    (home / "models").mkdir(parents=True)
    listing.file.save(home / "models" / "lister.safetensors")
    return listing


def take(model: Model, number: int) -> str:
    """The item that take ``number`` writes, with the newline that ends it, if it has ended by then."""
    settings = model.settings.changed(rng=5, temperature=1.3, length=60, keep_stop=True)
    events = model.engine().open_samples(model.read("").snapshot, settings, 5, 1, number)[0]
    return "".join(event.text for event in events if isinstance(event, Token))


@pytest.mark.parametrize("flags", [[], ["--keep-stop"]])
def test_items_of_a_list_have_no_empty_lines_and_are_not_empty(run: RunCli, lister: Model, flags: list[str]) -> None:
    takes = [take(lister, number) for number in range(60)]
    assert "\n" in takes
    written = [item.removesuffix("\n") for item in takes if item != "\n"][:12]
    assert run("generate", "-m", "lister", "-n", "12", *flags, *HOW).out == "".join(f"{item}\n" for item in written)


def test_unique_items_are_whole_and_different(run: RunCli, lister: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(generate_texts, "MAX_FRUITLESS", 40)
    ran = run("generate", "-m", "lister", "--unique", "6", *HOW)
    whole = [
        item[:-1] for item in (take(lister, number) for number in range(80)) if item.endswith("\n") and item.strip()
    ]
    assert ran.out.splitlines() == list(dict.fromkeys(whole))[:6]
    assert ran.err == ""


def test_new_items_are_not_those_of_the_list_or_of_a_file(run: RunCli, lister: Model, home: Path) -> None:
    items = run("generate", "-m", "lister", "--unique", "6", *HOW).out.splitlines()
    index = CopyIndex.build("", 1 << 10, ItemSet("\n".join(items[:2]), "\n"))
    replace(lister.file, index=index).save(home / "models" / "lister.safetensors")
    (home / "mine.txt").write_text(f"{items[3]}\nsomething else\n")
    without = [items[2], *items[4:]]
    ran = run("generate", "-m", "lister", "--unique", "3", "--new", "--not-in", str(home / "mine.txt"), *HOW)
    assert ran.out.splitlines() == without


@pytest.mark.usefixtures("lister")
def test_an_item_begins_with_the_end_of_its_seed(run: RunCli, home: Path) -> None:
    items = run("generate", "Ada\nThe", "-m", "lister", "--unique", "3", *HOW).out.splitlines()
    (home / "mine.txt").write_text(f"The{items[0]}\n{items[1]}\n")
    ran = run("generate", "Ada\nThe", "-m", "lister", "--unique", "2", "--not-in", str(home / "mine.txt"), *HOW)
    assert ran.out.splitlines() == items[1:3]
    assert run("generate", "The", "-m", "lister", "--unique", "1", "--echo", *HOW).out.startswith("The")


@pytest.mark.parametrize(("length", "advice"), [("500", "raise --temperature"), ("1", "raise --length")])
@pytest.mark.usefixtures("lister")
def test_it_is_said_how_many_there_are_if_there_are_no_more(
    run: RunCli, monkeypatch: pytest.MonkeyPatch, length: str, advice: str
) -> None:
    monkeypatch.setattr(generate_texts, "MAX_FRUITLESS", 20)
    ran = run("generate", "THE LAMP", "-m", "lister", "--unique", "3", "-t", "0", "-l", length)
    count = len(ran.out.splitlines())
    assert ran.code == 0
    assert ran.err == f"afterglow: {count} of 3: 20 more were drawn, and none was another one; {advice}\n"
    assert count == (length == "500")


@pytest.mark.usefixtures("lister")
def test_a_json_object_is_a_token_or_a_text(run: RunCli) -> None:
    asked = "generate", "The", "-m", "lister", "-n", "2", "--echo", *HOW
    tokens = [json.loads(line) for line in run(*asked, "--json").out.splitlines()]
    texts = [json.loads(line) for line in run(*asked, "--json", "texts").out.splitlines()]
    assert texts == [json.loads(line) for line in run(*asked, "--json=texts").out.splitlines()]
    for number, found in enumerate(texts):
        own = [token for token in tokens if token["sample"] == number]
        assert found["text"] == "The" + "".join(token["text"] for token in own)
        assert (found["sample"], found["tokens"], found["reason"] in ("stop", "length")) == (number, len(own), True)
        assert found["bits"] == pytest.approx(-sum(token["logprob"] for token in own) / 0.693147, abs=0.01)
    assert len(texts) == 2


@pytest.mark.usefixtures("lister")
def test_a_seed_may_follow_json(run: RunCli) -> None:
    seeded = run("generate", "-m", "lister", *HOW, "--json", "The")
    assert seeded.out == run("generate", "The", "-m", "lister", *HOW, "--json=tokens").out != ""
    assert json.loads(run("generate", "-m", "lister", *HOW, "--echo", "--json", "--", "texts").out.splitlines()[0])[
        "id"
    ]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--new",), "--new and --not-in need --unique"),
        (("-n", "2", "--unique", "2"), "-n and --unique exclude each other"),
        (("--unique", "2", "--not-in", "nowhere.txt"), "nowhere.txt"),
        (("--json=all",), "'all' is not one of 'tokens', 'texts'"),
    ],
)
@pytest.mark.usefixtures("lister")
def test_what_cannot_be_is_one_line(run: RunCli, words: tuple[str, ...], says: str) -> None:
    ran = run("generate", "a", "-m", "lister", *words)
    assert (ran.code > 0, ran.out, ran.err.count("\n")) == (True, "", 1)
    assert says in ran.err


def test_a_model_without_its_items_names_the_file_that_could_have_them(run: RunCli, tiny: Model, home: Path) -> None:
    (home / "models").mkdir(parents=True)
    tiny.file.save(home / "models" / "mine.safetensors")
    ran = run("generate", "a", "-m", "mine", "--unique", "2", "--new")
    assert ran == (2, "", "afterglow: mine has no list of the items that it was trained on; name it: --not-in FILE\n")
    assert load("mine").copies.indexes == []


def test_a_kept_stop_text_is_written_and_ends_its_line(run: RunCli, tiny: Model) -> None:
    path = str(Path(__file__).parent / "data" / "tiny-char.safetensors")
    how = "generate", "The lamp", "-m", path, "-t", "0", "--stop", "."
    kept = run(*how, "--keep-stop").out
    assert kept == run(*how).out.removesuffix("\n") + ".\n"
    lines = run("generate", "THE LAMP", "-m", path, "-t", "0", "--stop", r'"\n"', "--keep-stop", "-n", "2").out
    assert lines == 2 * tiny.generate("THE LAMP", temperature=0, stop=("\n",), keep_stop=True)
    assert lines.count("\n") == 2
