"""Tables and lists at every width: which columns are shown, and that no row is broken in two."""

from __future__ import annotations

from itertools import chain

import pytest
from afterglow.core.commands.effects import Listing, Table
from afterglow.core.commands.explain_tables import Distribution, build_table
from afterglow.core.commands.registry import show_help
from afterglow.core.sampling.temperature import parse_probabilities
from afterglow.core.session.session import Session
from afterglow.core.text.display_width import display_width
from afterglow.repl.line.printer import print_answer
from prompt_toolkit.application import create_app_session
from prompt_toolkit.data_structures import Size
from prompt_toolkit.output import DummyOutput
from prompt_toolkit.utils import get_cwidth

LESSON = Distribution(["1", "2", "3"], parse_probabilities("0.3,0.5,0.2"))
MANY = Distribution(
    [repr(chr(97 + n)) for n in range(24)], parse_probabilities(",".join(str(n + 1) for n in range(24)))
)
WIDE = Distribution(["'日'", "'本'"], parse_probabilities("2,1"))


def rows(table: Table, width: int) -> list[str]:
    return ["".join(text for text, _ in line) for line in table.lines(width)]


def cells(table: Table, width: int, style: str) -> list[list[str]]:
    """Return the texts of one style, by line."""
    return [[text.strip() for text, each in line if each == style] for line in table.lines(width)]


def test_a_wide_table_has_every_step() -> None:
    assert [line.rstrip() for line in rows(build_table(LESSON, (0.8,)), 80)] == [
        "         p                     log p  log p / T   exp  T 0.8",
        "1    0.300 ██████████          -1.20      -1.50  0.22  0.286 █████████▌",
        "2    0.500 ████████████████▋   -0.69      -0.87  0.42  0.542 ██████████████████",
        "3    0.200 ██████▋             -1.61      -2.01  0.13  0.172 █████▊",
        "sum  1.000                                       0.78  1.000",
    ]


def test_a_narrow_table_keeps_the_names_the_probabilities_and_the_bars() -> None:
    table = build_table(LESSON, (0.8,))
    assert rows(table, 41)[0].split() == ["p", "T", "0.8"]
    assert cells(table, 41, "result") == [[], ["0.286"], ["0.542"], ["0.172"], ["1.000"]]
    assert rows(table, 22)[2] == "2    0.500  0.542 ████"


def test_several_temperatures_are_one_table_with_a_column_and_a_bar_for_each() -> None:
    table = build_table(LESSON, (0.5, 1.0, 2.0))
    assert cells(table, 60, "result")[1:4] == [
        ["0.237", "0.300", "0.322"],
        ["0.658", "0.500", "0.415"],
        ["0.105", "0.200", "0.263"],
    ]
    assert cells(table, 60, "shaped")[2] == ["█████", "███▊", "███▏"]
    assert cells(table, 60, "name")[-2:] == [["bits"], ["choices"]]
    assert cells(table, 60, "result")[-1] == ["2.35", "2.80", "2.95"]


@pytest.mark.parametrize("distribution", [LESSON, MANY, WIDE], ids=["lesson", "many", "wide"])
@pytest.mark.parametrize(
    "temperatures", [(0.8,), (0.0,), (0.0, 0.5, 1.0, 2.0), (0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0)]
)
def test_a_table_is_never_wider_than_its_room_and_has_every_result(
    distribution: Distribution, temperatures: tuple[float, ...]
) -> None:
    table = build_table(distribution, temperatures)
    results = {f"T {temperature:g}" for temperature in temperatures}
    for width in range(16, 121):
        assert all(display_width(line) <= width for line in rows(table, width))
        assert results <= {text for line in cells(table, width, "head") for text in line}


def test_the_exponentials_sum_to_what_stands_below_them() -> None:
    (column,) = [each for each in build_table(MANY, (2.0,)).columns if each.head == "exp"]
    *shown, total = (float(cell) for cell in column.cells if isinstance(cell, str))
    assert sum(shown) == pytest.approx(total, abs=0.005 * len(shown))
    assert shown[-1] > shown[-2]  # the others


def test_the_others_have_no_bar_so_that_those_of_the_tokens_are_long() -> None:
    table = build_table(MANY, (1.0,))
    assert cells(table, 60, "name")[-2] == ["others"]
    assert cells(table, 60, "shaped")[-2] == [""]
    assert cells(table, 60, "shaped")[1] == ["█" * 7]


def printed(effect: Listing | Table, columns: int, capsys: pytest.CaptureFixture[str]) -> list[str]:
    """Return the lines that the line REPL prints in a terminal of this width."""

    class Terminal(DummyOutput):
        def get_size(self) -> Size:
            return Size(rows=24, columns=columns)

        def write(self, data: str) -> None:
            print(data, end="")

    with create_app_session(output=Terminal()):
        print_answer(effect)
    return capsys.readouterr().out.splitlines()


@pytest.mark.parametrize("columns", [40, 60, 80])
def test_the_line_repl_breaks_lists_and_tables_between_words(
    session: Session, columns: int, capsys: pytest.CaptureFixture[str]
) -> None:
    (listing,) = show_help(session)
    assert isinstance(listing, Listing)
    for effect in (listing, build_table(LESSON, (0.5, 1.0, 2.0))):
        lines = printed(effect, columns, capsys)
        assert all(get_cwidth(line) < columns for line in lines)
    words = {word for text in (listing.title, *chain(*listing.rows)) for word in text.split()}
    shown = {word for line in printed(listing, columns, capsys) for word in line.split()}
    assert shown == words
