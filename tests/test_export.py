"""Exported passages: every character is there, marks of the format are not obeyed, colours are those of heat."""

from __future__ import annotations

import json
import re
import runpy
import xml.etree.ElementTree as ET
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import pytest
from afterglow.core.events import Token
from afterglow.core.render.export import ExportedPassage, as_html, as_json, as_markdown, as_svg, as_text
from afterglow.core.render.heat import heat_level, legend
from afterglow.core.render.marks import TEMPERATURE_MEANING, MarkedSpan, mark_spans
from afterglow.core.render.svg import WrappedTokens
from afterglow.core.sanitize import escape_controls
from afterglow.core.session import passage_json
from afterglow.core.session.node import Node
from afterglow.core.session.passage import Passage
from afterglow.core.text.display_width import display_width
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from .properties import examples

SVG = "{http://www.w3.org/2000/svg}"


def passage(seed: str, written: str, temperature: float = 0.8) -> Passage:
    made = Passage("m", "", 7)
    made.add(Node(None, seed=seed))
    made.add(Node(0, tokens=[Token(c, 0, -n, -n, 1, 1.0, temperature) for n, c in enumerate(written)]))
    return made


def parsed(text: str) -> ET.Element:
    return ET.fromstring(text)  # noqa: S314


class Reader(HTMLParser):
    """Collects the text inside of pre, and the classes of spans."""

    def __init__(self) -> None:
        super().__init__()
        self.text, self.looks, self._inside = "", list[str](), False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._inside = self._inside or tag == "pre"
        if tag == "span" and self._inside:
            self.looks.append(dict(attrs)["class"] or "")

    def handle_endtag(self, tag: str) -> None:
        self._inside = self._inside and tag != "pre"

    def handle_data(self, data: str) -> None:
        self.text += data if self._inside else ""


HOSTILE = '<script>alert("1")</script> & ]]> \'日本 👍'


def test_html_holds_the_text_and_nothing_that_runs() -> None:
    reader = Reader()
    made = passage(HOSTILE, "</pre><b>x")
    page = as_html(ExportedPassage(made, "summary <em>", "surprise"))
    reader.feed(page)
    assert reader.text == f"{HOSTILE}</pre><b>x"
    assert reader.looks == [f"h{heat_level(token, 'surprise')}" for token in made.tokens()]
    assert "<script" not in page
    assert "<em>" not in page


def test_svg_holds_the_text_and_says_where_t_was_turned() -> None:
    made = passage(HOSTILE, "one two")
    made.add(Node(1, 7, tokens=[Token("!", 0, -1.0, -1.0, 1, 1.0, 1.25)]))
    root = parsed(as_svg(ExportedPassage(made, "summary", "off")))
    texts = [element.text or "" for element in root.iter(f"{SVG}text")]
    squeezed = re.sub(r"\s", "", "".join(texts))
    assert re.sub(r"\s", "", HOSTILE) in squeezed
    assert "1.25" in texts
    assert not list(root.iter(f"{SVG}script"))


def test_t_is_told_of_a_character_whose_first_token_has_no_text() -> None:
    made = passage("The ", "lamp")
    first, second = (Token(text, 0, -1.0, -1.0, 1, 1.0, 1.25) for text in ("", "é"))
    made.add(Node(1, 4, tokens=[first, second]))
    assert [(span.text, span.temperature) for span in mark_spans(made)][-2:] == [("", None), ("é", 1.25)]
    assert "1.25" in [element.text for element in parsed(as_svg(ExportedPassage(made, "s", "off"))).iter(f"{SVG}text")]


@pytest.mark.parametrize("heat", ["surprise", "rank", "entropy", "temperature", "off"])
def test_every_heat_makes_a_picture(heat: str) -> None:
    parsed(as_svg(ExportedPassage(passage("a", "b\nc\td"), "summary", heat)))


@pytest.mark.parametrize(("written", "expected"), [("text", "The text\n"), ("text\n", "The text\n")])
def test_a_text_file_ends_with_a_newline(written: str, expected: str) -> None:
    assert as_text(ExportedPassage(passage("The ", written), "s", "off")) == expected


def test_control_characters_leave_the_picture_well_formed() -> None:
    parsed(as_svg(ExportedPassage(passage("\x1b[2J\x00\x0c", "\x07\ud800"), "s", "off")))


def test_a_tail_and_a_kept_beginning_are_told_apart() -> None:
    made = passage("The ", "lamp")
    made.nodes[1].tail = "EN"
    made.add(Node(1, 2, tokens=[Token("x", 0, -1.0, -1.0, 1, 1.0, 1.0)]))
    assert "".join(span.text for span in mark_spans(made)) == "The lax" == made.text()
    made.move_to(1)
    *spans, tail = mark_spans(made)
    assert "".join(span.text for span in spans) + tail.text == "The lampEN" == made.text()
    assert [span.seed for span in (*spans, tail)] == [True, *[False] * 5]


@given(st.text("ab \n日é\u0301", max_size=60), st.integers(2, 12))
@examples(100)
def test_wrapping_keeps_every_character_and_the_width(text: str, columns: int) -> None:
    wrapped = WrappedTokens(columns)
    for character in text:
        wrapped.add(MarkedSpan(character))
    lines = ["".join(c for c, _ in line) for line in wrapped.lines()]
    assert "".join(lines) == text.replace("\n", "")
    assert all(display_width(line.rstrip(" ")) <= columns for line in lines)


# Any text, any model's name ------------------------------------------------------------------------------------------

MARKUP = [
    *("<img src=x onerror=alert(1)>", "</pre>", "</text></svg>", "<!--", "]]>", "&amp;", "&#0;", "<script>", "--"),
    *("\x00", "\x08", "\x0b", "\x0c", "\r", "\r\n", "\x1b[31m", "\x7f", "\x85", "\u2028", "\ud800", "\udfff"),
    *("\ufffe", "\uffff", "\U0001fffe", "\u202e", "\u0301", "日", "\t", "    ", " ", "\n", "\n\n", "\\", "`"),
    *("```\n", "~~~\n", "*", "_", "**", "# ", "> ", "- ", "+ ", "1. ", "  12) ", "===", "---", "[a](b)", "![a](b)"),
    *("[a]: b", "| a | b |\n|---|---|", "<http://a.b>"),
]
texts = st.lists(st.one_of(st.sampled_from(MARKUP), st.text(max_size=4)), max_size=8).map("".join)
names = texts.map(lambda text: text.replace("\n", "").replace("\t", ""))


def squeezed(text: str) -> str:
    """The text as it is shown, without white space and what separates lines."""
    return re.sub(r"\s", "", escape_controls(text))


class Strict(HTMLParser):
    """Collects the text, and fails unless every tag is expected and closed in order."""

    def __init__(self, tags: str) -> None:
        super().__init__()
        self.text, self._open, self._tags = "", list[str](), tags.split()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in self._tags
        assert {name for name, _ in attrs} <= {"charset", "class", "title", "name", "content", "data-t"}
        if tag not in ("meta", "br"):
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self._open[-1:] not in (["style"], ["title"]):
            self.text += data

    def handle_comment(self, data: str) -> None:
        raise AssertionError(data)

    def read(self, page: str) -> str:
        self.feed(page)
        self.close()
        assert self._open == []
        return squeezed(self.text)


def export_of(seed: str, written: str, name: str) -> ExportedPassage:
    made = passage(seed, written)
    made.model = name
    return ExportedPassage(made, f"{name} · summary", "surprise")


def legend_of(written: str) -> str:
    """The legend of surprise as it is shown, for a text in which nothing is copied."""
    title, levels = legend("surprise")
    return f"{title}: {''.join(levels)}" + (TEMPERATURE_MEANING if written else "")


@given(texts, texts, names)
@examples(150)
def test_any_text_is_a_well_formed_svg(seed: str, written: str, name: str) -> None:
    root = parsed(as_svg(export_of(seed, written, name)))
    shown = [element.text or "" for element in root.iter(f"{SVG}text") if element.text != "0.80"]
    assert squeezed("".join(shown)) == squeezed(f"{seed}{written}{legend_of(written)}{name} · summary")
    assert {element.tag for element in root.iter()} <= {f"{SVG}{tag}" for tag in ("svg", "title", "rect", "text")}


@given(texts, texts, names)
@examples(150)
def test_any_text_is_a_well_formed_page(seed: str, written: str, name: str) -> None:
    page = as_html(export_of(seed, written, name))
    reader = Strict("html head meta title style body pre b span footer p br i")
    temperature = "0.80" if written else ""
    shown = reader.read(page).replace(f"{temperature}{squeezed(TEMPERATURE_MEANING)}", squeezed(TEMPERATURE_MEANING))
    assert shown == squeezed(f"{seed}{written}{legend_of(written)}{name} · summary")
    assert page == escape_controls(page)


def render_with_markdown_it(text: str) -> str:
    return MarkdownIt("commonmark", {"html": True}).enable("table").render(text)


def render_with_python_markdown(text: str) -> str:
    return str(pytest.importorskip("markdown").markdown(text))


@pytest.mark.parametrize("render", [render_with_markdown_it, render_with_python_markdown])
def test_any_text_is_a_quotation_in_markdown(render: Callable[[str], str]) -> None:
    @given(texts, texts, names)
    @examples(300)
    def check(seed: str, written: str, name: str) -> None:
        page = render(as_markdown(export_of(seed, written, name)))
        shown = Strict("blockquote p br").read(page)
        assert shown == squeezed(f"{seed}{written}{name} · summary")

    check()


@given(texts, texts, names)
@examples(100)
def test_any_text_is_json_that_opens_again(seed: str, written: str, name: str) -> None:
    export = export_of(seed, written, name)
    text = as_json(export)
    assert text.isascii()
    assert json.loads(text)["model"] == name
    assert passage_json.from_json(text).text() == export.passage.text()


PICTURES = Path(__file__).parent.parent / "docs" / "pictures.py"


@pytest.mark.skipif(not PICTURES.exists(), reason="the pictures belong to the checkout")
@pytest.mark.parametrize("name", ["ramp", "sweep"])
def test_the_pictures_of_the_readme_can_be_drawn(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same seed and dice on the bundled model: a picture that does not change from one drawing to the next."""
    monkeypatch.syspath_prepend(str(PICTURES.parent))  # as it is for `python docs/pictures.py`
    draw = runpy.run_path(str(PICTURES))[f"draw_{name}"]
    picture = draw()
    assert [element.text for element in parsed(picture).iter(f"{SVG}text")].count("At midnight") in (1, 4)
    assert draw() == picture
