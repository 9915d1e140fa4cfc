"""Texts changed anywhere, the tree to go about in, and presets."""

from __future__ import annotations

import json
from collections.abc import Iterable

import pytest
from afterglow.core import presets
from afterglow.core.commands.effects import Edit, Listing, Play
from afterglow.core.errors import CommandError, SettingError, StorageError, UsageError
from afterglow.core.model import Model
from afterglow.core.paths import presets_file
from afterglow.core.session import passage_json
from afterglow.core.session.session import Session
from afterglow.core.setting_types import Ramp
from afterglow.core.settings import Settings
from hypothesis import given
from hypothesis import strategies as st

from .command_helpers import do
from .properties import examples


def play(events: Iterable[object]) -> None:
    for _ in events:
        pass


@pytest.fixture
def written(session: Session) -> Session:
    """A session with a text."""
    play(session.write_from("The lamp"))
    return session


@pytest.mark.parametrize("cut", [0, 3, 8, 9, 30, 67, 68])
@pytest.mark.parametrize("put", ["", "x", " other words"])
def test_what_is_the_same_stays_and_the_model_reads_the_rest(cut: int, put: str, written: Session, tiny: Model) -> None:
    before = written.passage.tokens()
    text = written.passage.text()[:cut] + put
    if text == written.passage.text():
        return
    play(written.rewrite(text))
    after = written.passage.text()
    assert after.startswith(text)
    assert len(after) == len(text) + 60
    kept = max(0, cut - 8)
    assert written.passage.tokens()[:kept] == before[:kept]
    anew = Session(tiny, Settings(rng=7, length=60))
    state = anew.model.read(text).snapshot
    assert written.snapshot_at(len(written.passage.nodes) - 2, 0).logits == pytest.approx(state.logits)


def test_the_old_text_is_an_undo_away(written: Session) -> None:
    before = written.passage.text()
    play(written.rewrite(before[:20] + "X"))
    written.passage.undo()
    written.passage.undo()
    assert written.passage.text() == before


def test_another_seed_is_another_version(written: Session) -> None:
    before = written.passage.text()
    play(written.rewrite("A sea"))
    written.passage.undo()
    written.switch_version(-1)
    written.passage.redo()
    assert written.passage.text() == before


@examples(30)
@given(edits=st.lists(st.tuples(st.integers(0, 90), st.text("ab é\n", max_size=4)), min_size=1, max_size=4))
def test_any_edits_leave_a_passage_that_can_be_saved_and_gone_on_with(
    edits: list[tuple[int, str]], tiny_bytes: Model
) -> None:
    session = Session(tiny_bytes, Settings(rng=7, length=20, temperature=2.0))
    play(session.write_from("Thé"))
    for cut, put in edits:
        text = session.passage.text()[:cut] + put
        play(session.rewrite(text))
        assert session.passage.text().startswith(text)
    again = passage_json.from_json(passage_json.to_json(session.passage))
    assert again.text() == session.passage.text()


def test_edit_by_command_goes_on_from_the_change(written: Session) -> None:
    (edit,) = do(written, "/edit")
    assert isinstance(edit, Edit)
    assert edit.text == written.passage.text()
    for effect in edit.on_done(edit.text[:12]):
        if isinstance(effect, Play):
            play(effect.events)
    assert written.passage.text().startswith(edit.text[:12])
    assert len(written.passage.text()) == 72
    (told,) = edit.on_done(written.passage.text())
    assert "nothing was changed" in told.text  # type: ignore[union-attr]


# The tree -----------------------------------------------------------------------------------------------------------


def test_the_tree_lists_every_node_once_and_leads_there(written: Session) -> None:
    play(written.retry())
    play(written.branch(10))
    play(written.rewrite("Other"))
    (listing,) = do(written, "/tree")
    assert isinstance(listing, Listing)
    assert sorted(int(name) for name, _ in listing.rows) == list(range(len(written.passage.nodes)))
    assert [what.endswith("← here") for _, what in listing.rows].count(True) == 1
    do(written, f"{listing.row_command} 1")
    assert written.passage.cursor == 1


@pytest.mark.parametrize("line", ["/go 99", "/go x", "/go -1"])
def test_a_place_that_is_not_there(line: str, written: Session) -> None:
    with pytest.raises(CommandError):
        do(written, line)
    assert written.passage.cursor == 1


# Presets ------------------------------------------------------------------------------------------------------------


def test_a_preset_is_the_difference_from_the_defaults(session: Session) -> None:
    session.settings = Settings(temperature=1.3, top_k=5, rng=9, speed=0, stop=("END",))
    presets.save("mine", session.settings)
    kept = json.loads(presets_file().read_text())
    assert kept == {"mine": {"temperature": 1.3, "top_k": 5, "stop": ["END"]}}


def test_taking_a_preset_sets_its_values_and_the_models_own_for_the_rest(session: Session) -> None:
    session.settings = Settings(temperature=1.3, top_k=5, rng=9, speed=0)
    do(session, "/preset save mine")
    do(session, "/top-p 0.5")
    do(session, "/speed 10")
    do(session, "/preset mine")
    assert (session.settings.temperature, session.settings.top_k, session.settings.top_p) == (1.3, 5, 1.0)
    assert (session.settings.rng, session.settings.speed) == (9, 10)
    do(session, "/preset strict")
    assert (session.settings.temperature, session.settings.top_k) == (0.3, 0)


def test_a_ramp_can_be_kept(session: Session) -> None:
    do(session, "/temp 0.2..1.6")
    do(session, "/preset save up")
    do(session, "/temp 1")
    do(session, "/preset up")
    assert session.settings.temperature == Ramp(0.2, 1.6)


def test_all_of_ours_can_be_taken(session: Session) -> None:
    for name in presets.BUILTIN:
        do(session, f"/preset {name}")


def test_an_unknown_preset_names_those_there_are(session: Session) -> None:
    with pytest.raises(UsageError, match="there is no preset 'x'; there are: strict"):
        do(session, "/preset x")
    with pytest.raises(UsageError, match="cannot be a preset's name"):
        do(session, "/preset save ../x")


@pytest.mark.parametrize("text", ["{", "[]", "5", "[" * 100_000, '{"a": {"length": ' + "9" * 400 + "}}"])
def test_a_damaged_file_is_one_line_and_stays(text: str, session: Session) -> None:
    presets_file().parent.mkdir(parents=True)
    presets_file().write_text(text)
    with pytest.raises((StorageError, SettingError)) as caught:
        do(session, "/preset")
    assert "\n" not in str(caught.value)
    with pytest.raises((StorageError, SettingError)):
        do(session, "/preset save mine")
    assert presets_file().read_text() == text


def test_text_that_was_held_back_when_it_was_stopped_is_counted(written: Session) -> None:
    written.passage.current().tail = " held"
    play(written.continue_())
    asked = written.passage.text()[:100] + "X"
    assert " held" in asked
    play(written.rewrite(asked))
    assert written.passage.text().startswith(asked)


@pytest.mark.parametrize("ramp", [Ramp(0.125, 0.005), Ramp(1 / 3, 2.0)])
def test_a_preset_keeps_every_digit_of_a_ramp(ramp: Ramp, session: Session) -> None:
    session.set("temperature", ramp)
    do(session, "/preset save moving")
    session.set("temperature", 1.0)
    do(session, "/preset moving")
    assert session.settings.temperature == ramp
