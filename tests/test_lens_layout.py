"""The lines of the lens: which candidates have a row, the row of the rest, and how they fit a size."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import pytest
from afterglow.core.events import Token
from afterglow.core.sanitize import token_label
from afterglow.core.session.lens import Candidate, Inspection
from afterglow.repl.tui.lens.lens_bars import format_share, render_bar
from afterglow.repl.tui.lens.lens_layout import LensContent, LensLayout, lay_out
from afterglow.repl.tui.lens.lens_rows import rest_of, rows_to_show
from afterglow.repl.tui.text.wrapping import Paragraph, TokenSpan
from rich.cells import cell_len

VOCABULARY_SIZE = 65


def inspection(shares: Sequence[float], drawn: int | None = None, cut_from: int | None = None) -> Inspection:
    """Return an inspection of candidates with these raw shares; the filters cut those from ``cut_from`` on."""
    cut_from = len(shares) if cut_from is None else cut_from
    kept = sum(shares[:cut_from]) if cut_from < len(shares) else 1.0
    candidates = [
        Candidate(number, chr(97 + number % 26), share, share / kept * (number < cut_from), number < cut_from)
        for number, share in enumerate(shares)
    ]
    cut = VOCABULARY_SIZE - cut_from if cut_from < len(shares) else 0
    taken = None if drawn is None else Token(candidates[drawn].text, drawn, -1.0, -1.0, 1.0, drawn + 1, 1.0)
    return Inspection(candidates, VOCABULARY_SIZE, 1.0, 2.0, 1.0, cut, 1 - kept, taken)


CERTAIN = [0.9, 0.0985, 0.0005, *[0.00001] * 37]
FLAT = [1 / 65] * 40


def text(layout: LensLayout) -> list[str]:
    return ["".join(part for part, _ in line) for line in layout.lines]


def test_only_likely_candidates_have_a_row_and_at_least_three() -> None:
    assert rows_to_show(inspection(CERTAIN), None, 20) == [0, 1, 2]
    assert rows_to_show(inspection([0.5, 0.3, 0.1, 0.05, *[0.001] * 4, *[0.0001] * 32]), None, 20) == list(range(8))
    assert rows_to_show(inspection(FLAT), None, 12) == list(range(12))


def test_the_drawn_and_the_chosen_candidate_always_have_a_row() -> None:
    for room in (2, 5, 12):
        for drawn in (0, 7, 39):
            for chosen in (0, 3, 20, 39):
                rows = rows_to_show(inspection(CERTAIN, drawn), chosen, room)
                assert {drawn, chosen} <= set(rows), (room, drawn, chosen)
                assert len(rows) <= room
                assert rows == sorted(set(rows))


@pytest.mark.parametrize("shares", [CERTAIN, FLAT])
def test_every_candidate_is_reached_from_the_one_above_it(shares: list[float]) -> None:
    """The list opens: if the chosen one is not among the likely ones, the next ones have rows too."""
    for chosen in range(3, 39):
        rows = rows_to_show(inspection(shares), chosen, 10)
        assert {0, chosen} <= set(rows)
        assert chosen + 1 in rows or chosen < 10


@pytest.mark.parametrize("shares", [CERTAIN, FLAT])
@pytest.mark.parametrize("chosen", [None, 0, 20])
@pytest.mark.parametrize("cut_from", [None, 2, 30])
def test_rows_and_rest_are_the_whole_vocabulary(shares: list[float], chosen: int | None, cut_from: int | None) -> None:
    found = inspection(shares, cut_from=cut_from)
    rows = rows_to_show(found, chosen, 8)
    rest = rest_of(found, rows)
    shown = [found.candidates[index] for index in rows]
    assert rest.token_count + len(rows) == VOCABULARY_SIZE
    assert rest.raw + sum(candidate.raw for candidate in shown) == pytest.approx(1)
    assert (rest.shaped or 0) + sum(candidate.shaped for candidate in shown) == pytest.approx(1)
    assert (rest.shaped is None) == (cut_from is not None and cut_from <= min(set(range(40)) - set(rows)))


def test_the_rest_says_its_number_and_what_it_sums_to() -> None:
    lines = text(lay_out(LensContent(inspection(CERTAIN)), 23, 19))
    assert [line.split() for line in lines if "others" in line] == [["62", "others", ".10", ".10"]]
    cut = text(lay_out(LensContent(inspection(CERTAIN, cut_from=2)), 23, 19))
    assert [line.split() for line in cut if "others" in line] == [["62", "others", ".10", "cut"]]


@pytest.mark.parametrize("size", [(23, 19), (31, 30), (58, 6), (58, 12), (46, 5), (38, 5), (30, 8)])
@pytest.mark.parametrize("shares", [CERTAIN, FLAT])
def test_lines_fit_and_bars_never_touch_their_figures(size: tuple[int, int], shares: list[float]) -> None:
    layout = lay_out(LensContent(inspection(shares, drawn=1), "token 2 of 9", candidate_index=1), *size)
    assert len(layout.lines) <= size[1]
    assert max(map(cell_len, text(layout))) <= size[0]
    assert any("others" in line for line in text(layout))
    assert sum("▸" in line for line in text(layout)) == 1
    for line in layout.lines:
        for (bar, style), (figure, _) in pairwise(line):
            assert style not in ("raw", "shaped") or bar.endswith(" ") or figure.startswith(" "), line


@pytest.mark.parametrize("shares", [CERTAIN, FLAT])
def test_the_surprise_over_the_text_is_at_the_bottom_however_many_candidates_there_are(shares: list[float]) -> None:
    token = Token("a", 0, -2.0, -2.0, 1, 1.0, 1.0)
    spans = [TokenSpan(Paragraph(), 0, 1, token)] * 50
    lines = text(lay_out(LensContent(inspection(shares), "token 8 of 50", token_spans=spans, token_index=7), 23, 17))
    assert lines[-2:] == ["surprise over the text", "▆" * 23]
    assert lines[-3] == ""
    assert len(lines) == 17


@pytest.mark.parametrize("size", [(23, 19), (58, 6)])
def test_a_click_finds_the_candidate_in_its_line_and_the_next_one_in_the_rest(size: tuple[int, int]) -> None:
    layout = lay_out(LensContent(inspection(CERTAIN), "next token"), *size)
    lines = text(layout)
    found = {y: layout.candidate_at(size[0] - 1, y) for y in range(len(lines))}
    assert [index for index in found.values() if index is not None] == [0, 1, 2, 3]
    assert "others" in lines[next(y for y, index in found.items() if index == 3)]
    assert (layout.candidate_at(0, 1) is None) or layout.left == 0


def test_labels_of_subwords_are_wider_and_the_bars_keep_their_column() -> None:
    found = inspection(CERTAIN, drawn=39)
    words = [candidate._replace(text=" however") for candidate in found.candidates]
    lines = text(lay_out(LensContent(found._replace(candidates=words)), 31, 19))
    assert any(" howeve" in line for line in lines)
    assert max(map(cell_len, lines)) <= 31
    assert len({line.index("drawn") for line in lines if "raw %" in line}) == 1


def test_signs_bars_and_shares() -> None:
    assert [token_label(text) for text in (" ", "\n", "\t", "", "a", "\x1b", "the\n")] == [*"␣↵⇥∅a␛", "the↵"]
    assert cell_len("␣↵⇥∅") == 4
    assert [render_bar(share, 4) for share in (0, 0.5, 1, 2, 1 / 32)] == ["    ", "██  ", "████", "████", "▏   "]
    shares = (1, 0.42, 0.09, 0.031, 0.0004, 0.00001)
    assert [format_share(share) for share in shares] == ["100", "42", "9.0", "3.1", ".04", "0"]
