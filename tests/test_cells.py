"""Cells are found by what they follow, chance finds are called so, and lines are compared by the network's state."""

from __future__ import annotations

import json
import math
import re
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from afterglow.core.cells.cell_search import CellSearch, Measured, fit_threshold
from afterglow.core.cells.features import FEATURES, Feature
from afterglow.core.cells.passages import (
    MIN_CHARS,
    PASSAGES,
    ReadPassage,
    choose_passages,
    open_passages,
    split_passages,
)
from afterglow.core.cells.ranking import CellFind, CellRanking, describe_best_cells
from afterglow.core.cells.similar import find_similar
from afterglow.core.cells.traces import trace
from afterglow.core.cells.units import Unit
from afterglow.core.errors import TextError, UsageError
from afterglow.core.inference.model_card import Card
from afterglow.core.inference.model_file import Architecture
from afterglow.core.model import Model
from afterglow.core.progress import drain
from afterglow.core.render.cell_picture import draw_cells
from afterglow.core.render.svg import STYLES
from afterglow.core.text.tokenizer import ByteTokenizer, CharTokenizer

from .cli_helpers import RunCli
from .conftest import DATA
from .kernel_helpers import random_file

BY_NAME = {feature.name: feature for feature in FEATURES}


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("inside quotation marks", 'a "bc" d', "00111000"),
        ("inside quotation marks", 'x "a\n\n"b" c', "00110011000"),
        ("inside quotation marks", "“a” „b“ «c» »d«", "110011001100110"),
        ("place in the line", "abc\nd\n", "123010"),
        ("in a name or heading", "ROMEO:\nAy: me\n", "11111101110000"),
        ("in a name or heading", "THE END\nI\nAs he said to me: no", "1111111" + "0" * 23),
        ("inside brackets", "a(b[c]d)e)", "0111111000"),
        ("depth of brackets", "a(b[c]d)e", "011221100"),
        ("depth of brackets", ":( \n\n{(\n\n}", "0111012210"),
        ("after a full stop", "Ah! So. 'Tis", "001100111000"),
        ("inside a word", "a bc, d", "1011001"),
        ("letters since the space", "a bc, d", "1012301"),
        ("line of the stanza", "a\nb\n\nc\nd", "12231122"),
        ("upper case", "Ab É", "1001"),
    ],
)
def test_a_feature_has_a_value_after_every_character(name: str, text: str, expected: str) -> None:
    assert "".join(f"{value:.0f}" for value in BY_NAME[name].measure(text, "")) == expected


def test_every_feature_takes_any_text() -> None:
    for feature in FEATURES:
        assert feature.measure("", "").shape == (0,)
        assert feature.measure("\ud800\n\0(", "\n").shape == (4,)


def test_a_line_of_a_list_is_the_first_of_its_item() -> None:
    assert set(BY_NAME["line of the stanza"].measure("ann\nbob\neve\n", "\n")) == {1}


def test_passages_are_of_the_whole_text_and_begin_with_paragraphs() -> None:
    text = "".join(f"{number}\n\n{'x' * 4000}\n\n" for number in range(40))
    passages = split_passages(text)
    assert [len(passage) for passage in passages] == [2000] * PASSAGES
    assert {passage[:1] for passage in passages[1:]} <= {"x", *"123456789"}
    assert "39\n" in text[text.rindex(passages[-1][:50]) - 9000 :]


def test_the_value_of_a_token_is_that_of_its_last_character() -> None:
    passage = open_passages("é(" * MIN_CHARS, ByteTokenizer(), "")[0]
    assert len(passage.ids) == 3 * MIN_CHARS // PASSAGES
    np.testing.assert_array_equal(passage.values["inside a word"][:6], [1, 1, 0, 0, 1, 0])


def test_too_short_a_text_is_refused(tiny: Model) -> None:
    with pytest.raises(TextError, match=r"the text has 9 characters; to find cells, at least 2,000 are needed"):
        tiny.rank_cells("The lamp.")


def passages_of(*values: list[float]) -> list[ReadPassage]:
    return [ReadPassage(np.zeros(len(each), np.int64), {"x": np.array(each, np.float32)}) for each in values]


def test_a_feature_is_judged_where_it_varies_most() -> None:
    flat, rare, even = [0.0] * 100, [1.0] * 5 + [0.0] * 95, [0.0, 1.0] * 50
    passages = passages_of(flat, even, rare, flat)
    feature = Feature("x", lambda text, _end: np.zeros(len(text), np.float32))
    assert choose_passages(passages, feature) == passages[1:3]
    assert choose_passages(passages[2:], feature) == []  # five cases are too few


def test_the_threshold_is_the_one_that_is_right_most_often() -> None:
    rng = np.random.default_rng(1)
    for _ in range(50):
        values = rng.integers(0, 6, 12).astype(np.float32)
        is_there = rng.random(12) < 0.5
        best = max(int(((values > limit) == is_there).sum()) for limit in np.arange(-0.5, 7))
        assert int(((values > fit_threshold(values, is_there)) == is_there).sum()) == best


def test_a_search_finds_on_one_half_and_judges_on_the_other() -> None:
    there = [[0.0, 0, 1, 1, 0, 1], [1.0, 0, 1, 0, 1, 0, 1, 0]]
    find, judge = passages_of(*there)
    cell, noise = [2.0, 3, -1, 0, 2, -4], [1.0, -1, 2, 0, 1, -1]
    columns = np.array([noise, cell, noise[::-1]], np.float32).T
    search = CellSearch(Feature("x", lambda text, _end: np.zeros(len(text), np.float32)), ([find], [judge]))
    search.add(judge, columns[:8])  # is not searched
    search.add(find, columns)
    assert search.choose(2) == (1, 0)
    search.collect(find, columns[:, 1:])
    judged = np.array([[-1, 5, -1, 5, -1, 5, 5, -1], [1, 0, 0, 0, 0, 0, 0, 1]], np.float32).T
    search.collect(judge, judged)
    measured, chance, base_rate = search.measure()
    assert measured.r == pytest.approx(np.corrcoef(cell, there[0])[0, 1])
    assert measured.r_judged == pytest.approx(np.corrcoef(judged[:, 0], there[1])[0, 1])
    assert (measured.accuracy, base_rate) == (6 / 8, 4 / 8)
    assert chance.r == pytest.approx(np.corrcoef(noise[::-1], there[0])[0, 1])


@pytest.mark.parametrize(
    ("cell", "chance", "is_chance"),
    [((-0.9, -0.8), (0.5, 0.5), False), ((0.5, 0.4), (0.4, -0.4), True), ((0.3, 0.9), (0.4, 0.4), True)],
)
def test_a_find_that_a_projection_equals_on_one_half_is_by_chance(
    cell: tuple[float, float], chance: tuple[float, float], is_chance: bool
) -> None:
    find = CellFind("x", Unit("cell", 1, 0), 1.0, Measured(*cell, 0.9), Measured(*chance, 0.9), 0.5)
    assert find.is_chance is is_chance


TEXT = "".join(f"({'ab c'[: n % 4]}[d]) bc {'a' * (n % 7)} d\n" for n in range(400))
FORGET = 1.5
"""Bias of the forget gate of a cell that forgets equally at each character."""


@pytest.fixture(scope="module")
def planted() -> Model:
    """A model with a cell that counts open brackets, 1.2, and one that forgets at a known rate, 2.5; others do little.

    The embedding is one-hot. The input gate of 1.2 opens, and its candidate is 1, at "("; its forget gate shuts at ")".
    """
    characters = "ab cd()[]\n"
    file = random_file(Architecture(len(characters), len(characters), 2, 8))
    tensors = {name: values.copy() for name, values in file.tensors.items()}
    tensors["embedding.weight"] = np.eye(10, dtype=np.int8) * 64
    tensors["embedding.scale"] = np.full(10, 1 / 64, np.float32)
    opening, closing = (np.array([c == bracket for c in characters]) for bracket in "()")
    inputs = np.where(opening, 64, -64), np.where(closing, -64, 64), np.where(opening, 64, 0), np.zeros(10)
    for gate, weights in enumerate(inputs):
        row = 8 * gate + 2
        tensors["lstm.0.weight_ih"][row], tensors["lstm.0.weight_hh"][row] = weights, 0
        tensors["lstm.0.scale"][row], tensors["lstm.0.bias"][row] = 10 / 64, 0
        row = 8 * gate + 5
        tensors["lstm.1.weight_ih"][row], tensors["lstm.1.weight_hh"][row] = 0, 0
        tensors["lstm.1.bias"][row] = FORGET
    return Model("planted", replace(file, tensors=tensors, tokenizer=CharTokenizer(list(characters))).with_sha256())


@pytest.fixture(scope="module")
def ranking(planted: Model) -> CellRanking:
    return planted.rank_cells(TEXT)


def test_the_cell_that_follows_brackets_is_found(ranking: CellRanking) -> None:
    find = next(find for find in ranking.finds if find.follows == "inside brackets")
    assert find.unit == Unit("cell", 1, 2)
    assert min(find.cell.r, find.cell.r_judged) > 0.99
    assert find.cell.accuracy > 0.99 > find.base_rate
    assert not find.is_chance
    assert abs(find.chance.r) < find.cell.r
    assert ranking.finds[0] is find


def test_the_half_life_is_that_of_the_mean_forget_gate(planted: Model, ranking: CellRanking) -> None:
    blocks = [trace(planted, passage.ids) for passage in open_passages(TEXT, planted.tokenizer, "")[::2]]
    means = np.mean([layer.f.mean(axis=0) for (block,) in map(tuple, blocks) for layer in block.layers[1:]], axis=0)
    assert means[5] == pytest.approx(1 / (1 + math.exp(-FORGET)), rel=1e-5)
    slowest = int(np.argmax(means))
    assert ranking.slowest[1].unit == Unit("cell", 2, slowest)
    assert ranking.slowest[1].half_life == pytest.approx(math.log(0.5) / math.log(means[slowest]), rel=1e-3)


def test_finds_by_chance_come_last_and_json_has_all(ranking: CellRanking) -> None:
    order = [find.is_chance for find in ranking.finds]
    assert order == sorted(order)
    values = json.loads(json.dumps(ranking.to_dict()))
    assert (values["cells"], values["projections"], values["tokens"]) == (16, 16, sum(map(len, split_passages(TEXT))))
    assert values["finds"][0]["unit"] == "cell 1.2"
    assert values["finds"][0]["cell"].keys() == {"r", "r_judged", "accuracy"}


def test_things_that_are_the_same_are_ranked_once(ranking: CellRanking, planted: Model) -> None:
    assert {find.follows for find in ranking.finds} >= {"inside brackets", "depth of brackets", "place in the line"}
    words = planted.rank_cells(TEXT.replace(" ", "").replace("[", "").replace("]", ""))
    assert {"depth of brackets", "letters since the space"}.isdisjoint(find.follows for find in words.finds)


def test_a_text_is_embedded_as_its_mean_and_its_last_hidden_state(tiny: Model) -> None:
    text = "The lamp said nothing."
    h = np.concatenate([block.layers[-1].h for block in tiny.trace(text)])
    embedding = tiny.embed(text)
    np.testing.assert_allclose(embedding.mean, h.mean(axis=0), atol=1e-6)
    np.testing.assert_array_equal(embedding.last, h[-1])
    assert not tiny.embed("").mean.any()


def test_the_nearest_line_is_the_sentence_itself(tiny: Model) -> None:
    lines = (DATA / "lamp.txt").read_text("utf-8").split("\n")
    first, second, *_ = found = drain(find_similar(tiny, lines[2], ["", f"  {lines[2]} ", lines[2], *lines], 5))
    assert (first.line, first.number) == (lines[2], 2)
    assert first.cosine == pytest.approx(1, abs=1e-5)
    assert second.cosine < 0.99
    assert len({line.line for line in found}) == 5
    assert [line.cosine for line in found] == sorted((line.cosine for line in found), reverse=True)


def test_a_mixture_is_neither_embedded_nor_ranked(tiny: Model) -> None:
    mixture = Model("mixture", replace(tiny.file, tensors={}), tiny.runtime)
    for fail in (
        lambda: mixture.embed("a"),
        lambda: mixture.rank_cells(TEXT),
        lambda: drain(find_similar(mixture, "a", ["b"], 1)),
    ):
        with pytest.raises(UsageError, match="a mixture has no cells of its own; choose one model"):
            fail()


def test_the_command_prints_what_the_cells_of_a_model_follow(run: RunCli, tmp_path: Path) -> None:
    text = tmp_path / "other.txt"
    text.write_text((DATA / "lamp.txt").read_text("utf-8") + "The end.\n", "utf-8")
    arguments = "cells", str(DATA / "tiny-char.safetensors"), str(text)
    table = run(*arguments).out
    assert re.match(r"tiny-char: 96 cells, on 5,1\d\d characters of all of other\.txt\n", table)
    assert all(len(line) <= 80 for line in table.split("\n")), table
    values = json.loads(run(*arguments, "--json").out)
    assert (values["model"], values["text"]) == ("tiny-char", "all of other.txt")
    best = values["finds"][0]
    assert f"{best['unit'].split()[1]}" in table.split("\n")[3]
    assert f"{100 * best['cell']['accuracy']:.1f} %" in table.split("\n")[3]


def test_a_picture_has_passages_in_the_colors_of_the_best_cells(planted: Model, ranking: CellRanking) -> None:
    svg = draw_cells(planted, ranking.finds[:1], TEXT)
    ElementTree.fromstring(svg)  # noqa: S314 - our own file
    assert "cell 1.2  inside brackets" in svg
    inside = re.findall(rf'fill="{STYLES["unit4"]}"[^>]*>([^<]+)<', svg)[:-1]  # the last one is of the legend
    assert inside
    assert all("(" in part and ")" not in part for part in inside), inside


def test_a_picture_is_not_written_over_a_file(run: RunCli, tmp_path: Path) -> None:
    picture, text = tmp_path / "cells.svg", tmp_path / "other.txt"
    text.write_text((DATA / "lamp.txt").read_text("utf-8") + "The end.\n", "utf-8")
    picture.write_text("mine")
    arguments = "cells", str(DATA / "tiny-char.safetensors"), str(text), "--svg", str(picture)
    assert (run(*arguments).code, picture.read_text()) == (2, "mine")
    assert run(*arguments, "--replace").code == 0
    assert picture.read_text().startswith("<svg")


def test_of_the_training_text_only_the_held_out_part_is_read(run: RunCli) -> None:
    result = run("cells", str(DATA / "tiny-char.safetensors"), str(DATA / "lamp.txt"))
    assert (result.code, result.err) == (
        1,
        "afterglow: the text has 519 characters; to find cells, at least 2,000 are needed\n",
    )


def test_without_a_text_the_model_writes_one_and_says_so(run: RunCli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("afterglow.core.commands.cells_command.OWN_CHARS", 3000)
    model = str(DATA / "tiny-char.safetensors")
    assert "characters of a text that tiny-char wrote at T 1 with rng 1\n" in run("cells", model).out
    nearest = run("similar", model, "the lamp", "-n", "2").out.split("\n")
    assert nearest[0] == "the nearest lines of a text that tiny-char wrote at T 1 with rng 1:"
    assert len(nearest) == 4


def test_the_command_prints_the_nearest_lines_of_a_file(run: RunCli) -> None:
    arguments = "similar", str(DATA / "tiny-char.safetensors"), "THE LAMP KEEPER", str(DATA / "lamp.txt")
    assert run(*arguments).out.split("\n")[:2] == [
        "the nearest lines of all of lamp.txt:",
        " 1.000  line 1       THE LAMP KEEPER",
    ]
    values = json.loads(run(*arguments, "--json", "-n", "1").out)
    assert values["lines"] == [{"line": "THE LAMP KEEPER", "number": 1, "cosine": pytest.approx(1, abs=1e-5)}]


def test_the_best_finds_are_in_the_card_of_a_model(planted: Model) -> None:
    best = describe_best_cells(planted, TEXT)
    assert best.startswith("1.2 inside brackets (r 1.00), ")
    assert best.count(" (r ") == 3
    assert Card.from_header({"cells": best}).cells == best
    assert describe_best_cells(planted, TEXT[: MIN_CHARS - 1]) == ""
