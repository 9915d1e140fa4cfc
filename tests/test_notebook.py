"""What a notebook shows: HTML of models, tokens, texts and scores, the slider, and the tables of /explain."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest
from afterglow.core.cells.cell_search import Measured
from afterglow.core.cells.ranking import CellFind, CellRanking
from afterglow.core.cells.units import Unit
from afterglow.core.errors import MissingExtraError, SettingError, UsageError
from afterglow.core.events import Token
from afterglow.core.generation.written_text import WrittenText
from afterglow.core.model import Model
from afterglow.core.render.html_parts import HEAT_OPACITIES, HEAT_TINT
from afterglow.core.sampling.rng import PositionRNG
from afterglow.core.score import Score
from afterglow.repl import notebook

from .color_contrast import contrast

HOSTILE = "<script>alert(1)</script>\"'&\x1b[31m\x9b\u202e\x07"


class Page(HTMLParser):
    """The elements, the text and the attributes of a piece of HTML."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.html = html
        self.tags: list[str] = []
        self.texts: list[str] = []
        self.styles: list[str] = []
        self.tooltips: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        values = dict(attrs)
        assert values.keys() <= {"style", "title"}
        self.styles += [style for style in (values.get("style"),) if style]
        self.tooltips += [title for title in (values.get("title"),) if title]

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    @property
    def text(self) -> str:
        return "".join(self.texts)


def page(thing: Model | Token | Score | WrittenText | CellRanking) -> Page:
    return Page(thing._repr_html_())


def token(text: str, bits: float = 0.0) -> Token:
    return Token(text, 0, -bits * 0.6931471805599453, -1.0, 3, 2.5, 0.8)


# HTML ---------------------------------------------------------------------------------------------------------------


def test_a_written_text_is_the_seed_and_what_the_same_rng_generates(tiny: Model) -> None:
    text = tiny.write("The lamp", length=30, rng=3)
    assert str(text) == "The lamp" + tiny.generate("The lamp", length=30, rng=3)
    assert page(text).text.startswith(str(text))


def test_a_text_is_colored_by_its_heat_with_the_figures_as_tooltips() -> None:
    text = WrittenText("seed ", [token("a"), token("b", 9.0)])
    shown = page(text)
    tinted = [style for style in shown.styles if "background" in style]
    strongest = f"background:rgba({','.join(map(str, HEAT_TINT))},{HEAT_OPACITIES[-1]})"
    assert tinted[0] == strongest  # of b: a has no color, and the others are the legend's
    assert len(tinted) == 1 + len(HEAT_OPACITIES) - 1
    assert shown.tooltips[1].startswith("9.0 bits, p 0.002, rank 3, T 0.80")
    assert "surprise, bits" in shown.text
    assert "entropy, bits" in page(text.with_heat("entropy")).text


def test_an_unknown_heat_is_refused() -> None:
    with pytest.raises(SettingError, match="heat cannot be 'warm'"):
        WrittenText("", []).with_heat("warm")


def test_a_score_shows_its_losses_and_its_text(tiny: Model) -> None:
    score = tiny.score("The lamp was\nlit.")
    shown = page(score)
    assert shown.text.startswith("The lamp was\nlit.")
    assert f"{score.bits_per_char_stateful:.3f} stateful" in shown.text
    assert shown.tooltips[0] == f"{score.surprise[0]:.1f} bits"


def test_a_score_of_several_texts_shows_its_losses_only(tiny: Model) -> None:
    score = tiny.score(["The lamp was lit.", "It was dark."])
    assert score.pieces == ()
    assert "bits per character" in page(score).text


def test_characters_without_a_figure_have_no_color() -> None:
    score = Score(3, 1.0, 1.0, surprise=np.array([np.nan, 9.0]), pieces=("a", "b", "c"))
    assert page(score).tooltips == ["9.0 bits"]


def test_a_model_shows_its_size_and_its_card(tiny: Model) -> None:
    shown = page(tiny).text
    assert "2 LSTM layers of 48 units" in shown
    assert tiny.file.card.corpus in shown


@pytest.mark.parametrize(
    "make",
    [
        lambda _: token(HOSTILE, 5),
        lambda _: WrittenText(HOSTILE, [token(HOSTILE, 5)]),
        lambda _: Score(1, 1.0, 1.0, surprise=np.array([9.0]), pieces=(HOSTILE, HOSTILE)),
        lambda tiny: Model(HOSTILE, replace(tiny.file, card=replace(tiny.file.card, corpus=HOSTILE, licence=HOSTILE))),
    ],
    ids=["token", "text", "score", "model"],
)
def test_nothing_in_a_text_or_a_name_is_markup_or_controls(make: Callable[[Model], Token], tiny: Model) -> None:
    shown = page(make(tiny))
    assert not {"script", "style"} & set(shown.tags)
    assert not set("\x1b\x9b\u202e\x07") & set(shown.html)
    assert "alert(1)" in shown.text


@pytest.mark.parametrize("theme", [("#ffffff", "#000000"), ("#111111", "#ffffff")], ids=["light", "dark"])
def test_print_is_readable_on_every_tint_of_a_light_and_of_a_dark_page(theme: tuple[str, str]) -> None:
    back, ink = theme
    paper = [int(back[n : n + 2], 16) for n in (1, 3, 5)]
    for opacity in HEAT_OPACITIES:
        mixed = [round(opacity * tint + (1 - opacity) * below) for tint, below in zip(HEAT_TINT, paper, strict=True)]
        assert contrast(ink, "#" + "".join(f"{value:02x}" for value in mixed)) > 4.5


def test_a_long_text_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("afterglow.core.render.notebook_html.MAX_PIECES", 2)
    assert " … and 1 more tokens" in page(WrittenText("", [token("a"), token("b"), token("c")])).text


def test_a_ranking_of_cells_shows_which_finds_are_chance() -> None:
    strong, weak = Measured(0.9, 0.8, 0.95), Measured(0.3, 0.3, 0.6)
    finds = [
        CellFind("inside brackets", Unit("cell", 2, 7), 42.0, strong, weak, 0.7),
        CellFind("upper case", Unit("cell", 1, 3), 1.0, weak, strong, 0.7),
    ]
    shown = page(CellRanking(4_000, 96, 96, finds, []))
    texts = shown.texts
    assert texts[texts.index("inside brackets") + 1 :][:7] == [
        "2.7",
        "0.90",
        "95.0 %",
        "70.0 %",
        "0.30",
        "60.0 %",
        "42.0",
    ]
    assert texts[texts.index("upper case") + 1] == "~ 1.3"


# The tables of /explain ---------------------------------------------------------------------------------------------


def test_explain_shows_the_worked_example() -> None:
    table = notebook.explain([0.3, 0.5, 0.2], [1.2])
    shown = Page(table._repr_html_())
    assert {"log p / T", "-1.00", "0.308", "0.472", "0.220"} <= set(shown.texts)
    assert sum("background" in style for style in shown.styles) == 6


def test_explain_shows_the_chances_after_a_text(tiny: Model) -> None:
    shown = Page(notebook.explain("The lamp", [0.5, 1, 2], tiny)._repr_html_()).texts
    assert {"T 0.5", "T 1", "T 2"} <= set(shown)
    first = max(tiny.distribution("The lamp").items(), key=lambda item: item[1])
    assert repr(first[0]) in shown
    assert f"{first[1]:.3f}" in shown


def test_explain_shows_which_part_of_the_bar_the_number_falls_on() -> None:
    shown = Page(notebook.explain([0.3, 0.5, 0.2], [1.2], rng=1)._repr_html_()).text
    draw = PositionRNG(1).uniform(0)
    drawn = 1 if draw < 0.308 else 2 if draw < 0.78 else 3
    assert f"the draw: {draw:.3f} (rng 1, position 0) falls on {drawn}," in shown


def test_a_worked_step_shows_the_gates_of_a_unit(tiny: Model) -> None:
    shown = Page(notebook.explain_step("The", tiny, "2.3")._repr_html_()).text
    assert all(name in shown for name in ("2.3", "forget", "tanh", "the draw:"))


def test_explain_needs_a_model_for_a_text() -> None:
    with pytest.raises(UsageError, match="with a model"):
        notebook.explain("The lamp")


# The slider ---------------------------------------------------------------------------------------------------------


def test_a_move_of_the_slider_writes_the_same_seed_with_the_same_rng(tiny: Model) -> None:
    pytest.importorskip("ipywidgets")
    scale, shown = notebook.slider(tiny, "The lamp", rng=5, length=40, temperature=0.5).children
    assert shown.value == tiny.write("The lamp", rng=5, length=40, temperature=0.5)._repr_html_()
    scale.value = 1.5
    assert shown.value == tiny.write("The lamp", rng=5, length=40, temperature=1.5)._repr_html_()


def test_the_slider_refuses_a_temperature_that_no_text_can_have(tiny: Model) -> None:
    pytest.importorskip("ipywidgets")
    with pytest.raises(SettingError, match="temperature cannot be 9"):
        notebook.slider(tiny, "The lamp", temperature=9)


def test_the_slider_names_the_extra_that_it_needs(tiny: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ipywidgets", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'afterglow-lm\[notebook\]'"):
        notebook.slider(tiny)
