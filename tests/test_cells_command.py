"""/cells lists the cells that follow something, and /heat and its keys go through them."""

from __future__ import annotations

from dataclasses import replace

import pytest
from afterglow.core.cells.ranking import describe_best_cells
from afterglow.core.cells.units import read_card_cells
from afterglow.core.commands import cells_command
from afterglow.core.commands.effects import Listing, Notice, Play
from afterglow.core.commands.registry import completions, dispatch
from afterglow.core.errors import AfterglowError, CommandError
from afterglow.core.events import PrefillProgress
from afterglow.core.model import Model
from afterglow.core.session.session import Session
from afterglow.repl.tui import app as app_module
from afterglow.repl.tui.status.legend import Legend

from .command_helpers import do
from .conftest import DATA
from .tui_helpers import SIZE, play, press

TEXT = DATA / "lamp.txt"


def found(session: Session, line: str) -> Listing:
    """The list of a line."""
    return next(effect for effect in do(session, line) if isinstance(effect, Listing))


def test_cells_of_a_text_are_listed_and_are_found_once(session: Session) -> None:
    listing = found(session, f"/cells {TEXT}")
    assert listing.row_command == "/heat"
    assert "letters since the space" in [follows.split(" (")[0] for _, follows in listing.rows]
    assert not any(isinstance(effect, Play) for effect in do(session, "/cells"))
    assert found(session, "/cells").rows == listing.rows
    do(session, f"/heat {listing.rows[0][0]}")
    assert found(session, "/cells").current == listing.rows[0][0]


def test_without_a_text_the_model_writes_one(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cells_command, "OWN_CHARS", 4000)
    (playing,) = (effect for effect in dispatch(session, "/cells") if isinstance(effect, Play))
    shares = [event.share for event in playing.events if isinstance(event, PrefillProgress)]
    assert shares == sorted(shares)
    assert len(shares) > 10
    assert shares[-1] == 1
    assert session.passage.nodes == []


def test_a_stop_leaves_no_ranking(session: Session) -> None:
    (playing,) = (effect for effect in dispatch(session, f"/cells {TEXT}") if isinstance(effect, Play))
    next(playing.events)
    session.stop()
    with pytest.raises(CommandError, match="stopped"):
        list(playing.events)
    assert session.found_cells == {}


def test_heat_goes_through_the_ranking_and_says_what_a_cell_follows(session: Session) -> None:
    with pytest.raises(CommandError, match="no cell is ranked yet: /cells"):
        do(session, "/heat better")
    rows = [("cell 1.3", "inside a word, r 0.71"), ("cell 2.9", "place in the line"), ("cell 1.3", "upper case")]
    session.found_cells[session.model.file.sha256] = rows
    walk = ["worse", "worse", "worse", "better", "next", "better"]
    shown = [(do(session, f"/heat {word}"), session.settings.heat)[1] for word in walk]
    assert shown == ["cell 1.3", "cell 2.9", "cell 1.3", "cell 2.9", "cell 2.10", "cell 1.3"]
    (notice,) = do(session, "/heat worse")
    assert isinstance(notice, Notice)
    assert notice.text == "heat cell 1.3 → cell 2.9, place in the line"
    session.set("heat", "off")
    do(session, "/heat next")
    assert session.settings.heat == "cell 1.3"
    assert set(rows[1:2]) <= set(completions(session, "/heat cell"))


@pytest.mark.parametrize("found_by", ["cell 2.99", "no cell"])
def test_a_ranking_of_units_that_the_model_lacks_is_an_error(session: Session, found_by: str) -> None:
    session.found_cells[session.model.file.sha256] = [(found_by, "what a damaged file says")]
    with pytest.raises(AfterglowError):
        do(session, "/heat better")
    assert session.settings.heat == "off"


async def test_keys_go_through_the_ranking_and_the_legend_names_it(app: app_module.AfterglowApp) -> None:
    rows = [("cell 1.3", "inside a word"), ("cell 2.9", "place in\x1b[31m the line")]
    app.session.found_cells[app.session.model.file.sha256] = rows
    async with app.run_test(size=SIZE) as pilot:
        await play(pilot, "/heat cell 1.3")
        await play(pilot, "The lamp")
        await press(pilot, "greater_than_sign")
        legend = app.query_one(Legend).render().plain
        assert legend.startswith("cell 2.9: < -0.7")
        assert legend.endswith("place in␛[31m the line")
        await press(pilot, "less_than_sign")
        assert app.session.settings.heat == "cell 1.3"
        assert app.query_one(Legend).render().plain.endswith("inside a word")


def test_until_cells_are_found_those_of_the_card_are_known(tiny: Model) -> None:
    cells = (
        "2.393 inside quotation marks (r 0.99), 1.118 place in the line (r -0.83), 1.4 inside a speaker's name (r 0.6)"
    )
    file = replace(tiny.file, card=replace(tiny.file.card, cells=cells))
    session = Session(Model("carded", file))
    expected = [
        ("cell 2.393", "inside quotation marks (r 0.99)"),
        ("cell 1.118", "place in the line (r -0.83)"),
        ("cell 1.4", "inside a speaker's name (r 0.6)"),
    ]
    assert set(expected) <= set(completions(session, "/heat "))
    assert {"better", "worse"} <= {word for word, _ in completions(session, "/heat ")}
    session.set("heat", "cell 1.5")
    with pytest.raises(AfterglowError, match=r"the model has no cell 2\.393"):
        do(session, "/heat worse")
    session.found_cells[file.sha256] = [("cell 1.3", "inside a word")]
    do(session, "/heat worse")
    assert session.settings.heat == "cell 1.3"


def test_the_card_is_read_as_it_is_written(tiny: Model) -> None:
    text = TEXT.read_text("utf-8")
    written = describe_best_cells(tiny, text)
    finds = [find for find in tiny.rank_cells(text).finds if not find.is_chance][:3]
    assert [name for name, _ in read_card_cells(written)] == [str(find.unit) for find in finds]
    assert all(find.follows in follows for find, (_, follows) in zip(finds, read_card_cells(written), strict=True))
    assert read_card_cells("") == read_card_cells("no cells") == []
