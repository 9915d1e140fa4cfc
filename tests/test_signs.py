"""The signs of a text: the same ones on the screen, in SVG and in HTML."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from afterglow.core.events import Token
from afterglow.core.render.export import ExportedPassage, as_html, as_svg
from afterglow.core.render.heat import HEAT_ON_DARK, HEAT_ON_LIGHT, HEAT_ON_PAPER
from afterglow.core.render.marks import COPIED_MEANING, COPIED_SIGN, STYLE_MEANING, TEMPERATURE_MEANING, mark_spans
from afterglow.core.render.svg import STYLES
from afterglow.core.session.passage import Node, Passage
from afterglow.core.settings import Settings
from afterglow.core.text.copy_detection import CopyDetector
from afterglow.core.text.copy_index import CopyIndex
from afterglow.core.text.copy_tracker import CopyTracker

from .color_contrast import contrast
from .test_export import SVG, parsed, passage, squeezed

PAGE = Path(__file__).parent.parent / "docs" / "terminal.md"
COPIED = "A copied run of text"


def signed() -> ExportedPassage:
    """A text at two temperatures, the end of which is copied."""
    made = passage("Seed ", f"first\n{COPIED}")
    made.add(Node(1, 26, tokens=[Token("\n!", 0, -9.0, -9.0, 99, 1.0, 1.25)], tail=" tail"))
    index = CopyIndex.build(COPIED * 20, 1 << 16)
    return ExportedPassage(made, "summary", "surprise", CopyTracker(CopyDetector(index)))


def test_spans_have_the_signs_of_the_screen() -> None:
    export = signed()
    spans = list(mark_spans(export.passage, export.copy_tracker))
    assert [(span.text, span.temperature) for span in spans if span.temperature is not None] == [
        ("f", 0.8),
        ("\n!", 1.25),
    ]
    assert "".join(span.text for span in spans if span.copied) == COPIED
    assert not any(span.copied for span in mark_spans(export.passage))


def test_svg_and_html_show_the_same_signs() -> None:
    root = parsed(as_svg(signed()))
    lines = [
        (element.text or "", element.get("text-decoration"), element.get("y")) for element in root.iter(f"{SVG}text")
    ]
    assert squeezed("".join(text for text, underline, _ in lines if underline)) == squeezed(COPIED)
    assert {y for text, _, y in lines if text == "1.25"} == {y for text, underline, y in lines if underline}
    bars = [element for element in root.iter(f"{SVG}rect") if element.get("fill") == STYLES["copied"]]
    assert len(bars) == 1
    page = as_html(signed())
    copied = re.findall(r'class="h\d c"[^>]*>([^<]*)<', page)
    assert squeezed("".join(copied)) == squeezed(COPIED)
    assert re.findall(r'data-t="(\S+)"', page) == ["0.80", "1.25"]
    for document in (page, "".join(text for text, _, _ in lines)):
        assert COPIED_MEANING in document
        assert TEMPERATURE_MEANING in document


@pytest.mark.skipif(not PAGE.exists(), reason="the documentation belongs to the checkout")
def test_the_documentation_names_the_sign_of_copies() -> None:
    page = PAGE.read_text("utf-8")
    assert f"| `{COPIED_SIGN}` in the margin | a line with [copied]" in page


def test_the_page_has_the_inks_of_light_and_dark_and_black_print_on_shades() -> None:
    page = as_html(ExportedPassage(passage("a", "b"), "s", "surprise"))
    screen, paper = page.split("@media print")
    light, dark = screen.split("@media (prefers-color-scheme: dark)")
    assert all(f"--h{level}: {color};" in light for level, color in enumerate(HEAT_ON_LIGHT))
    assert all(f"--h{level}: {color};" in dark for level, color in enumerate(HEAT_ON_DARK))
    assert all(
        f".h{level} {{ color: #000000; background: {color}; }}" in paper for level, color in enumerate(HEAT_ON_PAPER)
    )
    assert "print-color-adjust: exact" in paper
    assert '<meta name="color-scheme" content="light dark">' in page
    assert "lang=" not in page


@pytest.mark.parametrize("name", ["copied", "plain", "seed", "temperature"])
def test_signs_are_readable_on_the_picture(name: str) -> None:
    assert contrast(STYLES[name], "#14161b") >= 4.5


def test_colors_of_the_page_are_readable() -> None:
    page = as_html(ExportedPassage(passage("a", "b"), "s", "surprise"))
    roots = re.findall(r":root \{([^}]*--back[^}]*)\}", page)
    assert len(roots) == 3
    for colors in (dict(re.findall(r"--(\w+): (#\w{6});", root)) for root in roots):
        back = colors.pop("back")
        assert {name: ink for name, ink in colors.items() if contrast(ink, back) < 4.5} == {}


def styled_passage() -> Passage:
    """A text whose style changes four times, once at a token without text, and that is continued in another."""
    made = passage("Seed ", "abcdefgh")
    styles = {0: "off", 1: "wodehouse", 3: "lovecraft:0.7 wodehouse:0.3", 5: "off..O'Brien"}
    made.nodes[1].filters = [(index, Settings(style=style)) for index, style in styles.items()]
    made.nodes[1].filters.append((7, Settings(style="off..O'Brien", style_strength=2.5)))
    first, second = (Token(text, 0, -1.0, -1.0, 1, 1.0, 0.8) for text in ("", "日"))
    made.add(Node(1, 8, tokens=[first, second], filters=[(0, Settings(style="日本語"))]))
    return made


def test_a_change_of_style_is_shown_where_it_begins() -> None:
    made = styled_passage()
    changes = [(span.text, *span.style) for span in mark_spans(made) if span.style]
    assert changes == [
        ("b", "wode", "style wodehouse"),
        ("d", "lov+", "style lovecraft:0.7 wodehouse:0.3"),
        ("f", "→O'B", "style off..O'Brien"),
        ("h", "×2.5", "style off..O'Brien ×2.5"),
        ("日", "日本", "style 日本語"),
    ]
    assert made.summary() == "T 0.80 · style 日本語 · 1 characters · rng 7"
    made.undo()
    assert made.summary().split(" · ")[1] == "style off → wodehouse → lovecraft:0.7 wodehouse:0.3 → off..…"


def test_a_margin_shows_the_style_before_the_temperature() -> None:
    made = styled_passage()
    made.nodes[1].tokens[1:1] = [Token("\n", 0, -1.0, -1.0, 1, 1.0, 0.8)]
    made.nodes[1].filters = [(0, Settings()), (2, Settings(style="wodehouse"))]
    page = as_html(ExportedPassage(made, "summary", "surprise"))
    assert re.findall(r'data-t="(\S+)"', page) == ["0.80", "wode", "日本"]
    assert f"<i>wode</i> {STYLE_MEANING}" in page
    assert 'style wodehouse from here on"' in page
    shown = [element.text for element in parsed(as_svg(ExportedPassage(made, "s", "off"))).iter(f"{SVG}text")]
    assert [text for text in shown if text in ("0.80", "日本", "wode")] == ["0.80", "日本", "0.80", "wode"]
