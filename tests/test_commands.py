"""The slash commands: one table, from which dispatch, help and completion all come."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from afterglow.core.commands.draw_table import DrawTable
from afterglow.core.commands.effects import (
    Ask,
    Compare,
    Copy,
    Edit,
    Effect,
    Find,
    Listing,
    Pin,
    Play,
    Quit,
    Redraw,
    Table,
)
from afterglow.core.commands.hints import COMMAND_HINTS
from afterglow.core.commands.registry import COMMANDS, completions, dispatch, lookup_command, runs_live
from afterglow.core.errors import AfterglowError, CommandError, ModelError, SettingError, StorageError, UsageError
from afterglow.core.events import Done, Notice, Token
from afterglow.core.model import Model, load
from afterglow.core.paths import presets_file
from afterglow.core.sampling.temperature import describe_temperature_change
from afterglow.core.session import passage_json
from afterglow.core.session.lens import next_logprobs
from afterglow.core.session.passage_db import PassageSaver
from afterglow.core.session.session import Session
from afterglow.core.setting_types import Ramp
from afterglow.core.settings import SPECS, Settings

from .command_helpers import do

DATA = Path(__file__).parent / "data"


def said(effects: Iterable[Effect]) -> str:
    return "\n".join(effect.text for effect in effects if isinstance(effect, Notice | Redraw))


def rows(effects: Iterable[Effect]) -> list[tuple[str, str]]:
    return [row for effect in effects if isinstance(effect, Listing) for row in effect.rows]


@pytest.fixture
def written(session: Session) -> Session:
    do(session, "The lamp")
    return session


# Every command through dispatch -------------------------------------------------------------------------------------

KINDS: dict[str, list[type]] = {
    "set": [Listing],
    "continue": [Play],
    "retry": [Redraw, Play],
    "version": [Redraw, Play],
    "branch": [Play],
    "edit": [Edit],
    "read": [Play, Redraw],
    "cells": [Play, Listing],
    "tree": [Listing],
    "go": [Redraw],
    "preset": [Listing],
    "learn": [Notice],
    "undo": [Redraw],
    "redo": [Redraw],
    "new": [Notice],
    "sweep": [Compare],
    "reveal": [Notice],
    "explain": [Table, DrawTable],
    "tour": [Listing, Pin],
    "model": [Listing],
    "save": [Notice],
    "open": [Listing],
    "rename": [Notice],
    "delete": [Ask],
    "undelete": [Redraw],
    "find": [Find],
    "copy": [Copy],
    "export": [Notice],
    "help": [Listing],
    "quit": [Quit],
    **{lookup_command(spec.label).name: [Notice] for spec in SPECS.values()},
}


@pytest.mark.parametrize("name", [name for command in COMMANDS for name in (command.name, *command.aliases)])
def test_every_command_does_what_its_row_says(name: str, written: Session, tmp_path: Path) -> None:
    command = lookup_command(name)
    if command.name == "redo":
        do(written, "/undo")
    if command.name in ("rename", "delete", "undelete"):
        PassageSaver().save(written.passage)
    if command.name == "undelete":
        do(written, "/delete!")
    if command.name == "reveal":
        do(written, "/sweep --blind")
    words = {"export": str(tmp_path / "x.txt"), "cells": str(DATA / "lamp.txt"), "branch": "5", "go": "0"}
    line = f"/{name} " + {**words, "rename": "moth"}.get(command.name, "")
    effects = do(written, line)
    assert [
        type(effect) for effect in effects if not isinstance(effect, Notice) or KINDS[command.name] == [Notice]
    ] == (KINDS[command.name])


def test_the_table_names_every_command_and_setting_once() -> None:
    names = [name for command in COMMANDS for name in (command.name, *command.aliases)]
    assert len(names) == len(set(names))
    assert {command.name for command in COMMANDS} == KINDS.keys()
    assert all(command.help and "\n" not in command.help for command in COMMANDS)


def test_help_covers_the_whole_table(session: Session) -> None:
    found = rows(do(session, "/help"))
    assert [what for _, what in found] == [command.help for command in COMMANDS]
    assert all(usage.startswith(f"/{c.name}") for (usage, _), c in zip(found, COMMANDS, strict=True))
    assert all(f"/{alias}" in usage for (usage, _), c in zip(found, COMMANDS, strict=True) for alias in c.aliases)


@pytest.mark.parametrize("line", ["/help temp", "/help /temp", "/? t"])
def test_help_on_one_command(line: str, session: Session) -> None:
    ((usage, what),) = rows(do(session, line))
    assert usage == "/temp [VALUE], /t, /temperature"
    assert what == SPECS["temperature"].help


def test_a_branch_by_command_takes_the_token_that_was_typed(written: Session) -> None:
    before = written.passage.tokens()
    do(written, '/branch 12 " "')
    after = written.passage.tokens()
    assert [token.id for token in after[:12]] == [token.id for token in before[:12]]
    assert after[12].text == " "


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ("/branch x", "not a whole number"),
        ("/branch 61", "cannot go to token 61"),
        ("/branch 5 ab", "not one token"),
        ("/branch 5 日", "not one token"),
        ("/version 3", "takes 1 .next. or -1 .previous., not '3'"),
        ("/version -1", "this is the first version"),
    ],
)
def test_a_branch_or_version_that_cannot_be_says_so_and_changes_nothing(line: str, what: str, written: Session) -> None:
    before = written.passage.text()
    with pytest.raises(CommandError, match=what):
        do(written, line)
    assert written.passage.text() == before


# Lines --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "seed"),
    [("The lamp", "The lamp"), ("//path", "/path"), ("//", "/"), (" /x", " /x"), ("\n", "\n"), ("a\n", "a\n")],
)
def test_what_is_no_command_is_a_seed(line: str, seed: str, session: Session) -> None:
    (play,) = do(session, line)
    assert isinstance(play, Play)
    assert session.passage.nodes[0].seed == seed


@pytest.mark.parametrize("line", ["", " ", "   "])
def test_an_empty_line_begins_and_then_goes_on(line: str, session: Session) -> None:
    do(session, line)
    assert [node.seed for node in session.passage.nodes] == ["", None]
    do(session, line)
    assert [node.seed for node in session.passage.nodes] == ["", None, None]
    assert len(session.passage.text()) == 120


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("/tmep 1", "did you mean /temp"),
        ("/contniue", "did you mean /continue?"),
        ("/xyzzy", "/help lists them"),
        ("/", "there is no command /"),
        ("/help xyzzy", "no command /xyzzy"),
        ("/quit now", "usage: /quit (quit afterglow)"),
        ("/undo 2", "usage: /undo (go back"),
        ("/undo!", "there is no command /undo!; did you mean /undo?"),
        ("/exprt x.md", "did you mean /export?"),
        ("/export!", "usage: /export PATH"),
        ("/export", "usage: /export PATH"),
        ("/temp 9", "temperature cannot be '9': it must be a number from 0 to 5"),
        ("/temp 1 2", "temperature cannot be '1 2'"),
        ("/temp hot", "temperature cannot be 'hot'"),
        ("/set tmp 1", "there is no setting 'tmp'; /set lists all"),
        ("/set topp 1", "there is no setting 'topp'; did you mean top-p"),
        ("/set top-p 2", "top-p cannot be '2': it must be a number from 0 to 1"),
        ("/top-k 1.5", "top-k cannot be '1.5': it must be a whole number"),
        ("/sweep 0.5 hot", "temperature cannot be 'hot'"),
        ("/sweep 0.5 9", "temperature cannot be '9'"),
        ("/sweep 0.2..1.6", "'0.2..1.6' is a ramp; give single temperatures"),
        ("/open 99999999999999999999", "no passage has"),
        ("/open \ud800", "no passage has"),
        ("/rename a/b", "cannot be a passage's name"),
        ('/rename ""', "cannot be a passage's name"),
        ("/rename #9 x", "no passage #9"),
        ("/delete nowhere", "no passage has 'nowhere'"),
        ("/delete #7", "no passage #7"),
        ("/undelete", "nothing was deleted"),
        ("/export ~nobody-is-called-this/x.txt", "no such user; give the full path"),
        ("/model nowhere", "no model 'nowhere'"),
        ("/clear", "there is no command /clear; /new begins an empty passage"),
        ("/SHOW", "/set shows the settings"),
        ("/open nowhere", "no passage has 'nowhere'"),
        ("/save ../x", "cannot be a passage's name"),
        ("/export a.pdf", "use a name ending in .txt, .md, .json"),
        ("/length 0", "length cannot be '0'"),
        ('/stop "half', "stop cannot be"),
    ],
)
def test_a_mistake_is_one_line_and_changes_nothing(line: str, says: str, written: Session) -> None:
    before = (written.settings, written.model, written.passage, written.passage.cursor, len(written.passage.nodes))
    with pytest.raises(AfterglowError) as caught:
        do(written, line)
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)
    after = (written.settings, written.model, written.passage, written.passage.cursor, len(written.passage.nodes))
    assert all(a is b or a == b for a, b in zip(after, before, strict=True))


@pytest.mark.parametrize(
    ("line", "kind"),
    [("/temp 9", SettingError), ("/tmep", CommandError), ("/model x", ModelError), ("/save /", UsageError)],
)
def test_a_mistake_has_its_kind(line: str, kind: type[AfterglowError], written: Session) -> None:
    with pytest.raises(kind):
        do(written, line)


@pytest.mark.parametrize("line", ["/continue", "/retry", "/undo", "/redo", "/sweep", "/explain", "/export x.txt"])
def test_without_text_the_commands_that_need_one_say_so(line: str, session: Session) -> None:
    with pytest.raises(CommandError):
        do(session, line)


# What they do -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "name", "value"),
    [
        ("/temp 1.2", "temperature", 1.2),
        ("/t +0.1", "temperature", 1.1),
        ("/temperature 0.2..1.6", "temperature", Ramp(0.2, 1.6)),
        ("/temp reset", "temperature", 0.8),
        ("/set temperature 1.5", "temperature", 1.5),
        ("/set top_p 0.9", "top_p", 0.9),
        ("/set top-p reset", "top_p", 1.0),
        ("/top-k 5", "top_k", 5),
        ("/rng random", "rng", None),
        ("/length 200", "length", 200),
        ("/speed max", "speed", 0),
        ("/memory on", "memory", True),
        ("/heat surprise", "heat", "surprise"),
        (r"/stop \n\n END", "stop", ("\n\n", "END")),
        (r'/set stop "the end" "\n"', "stop", ("the end", "\n")),
        ("/temp   1.2  ", "temperature", 1.2),
    ],
)
def test_a_setting_is_set(line: str, name: str, value: Any, session: Session) -> None:
    do(session, line)
    assert getattr(session.settings, name) == value


def test_a_setting_alone_shows_itself(session: Session) -> None:
    assert said(do(session, "/temp")).startswith("temperature 1.00: below 1 safer")
    assert "a number from 0 to 1" in said(do(session, "/set top-p"))


def test_a_new_temperature_says_what_it_does_here(written: Session) -> None:
    logprobs = next_logprobs(written)
    assert logprobs is not None
    notice = said(do(written, "/temp 2"))
    assert notice.startswith("T 1.00 → 2.00, flatter: here ")
    assert notice.endswith("effective choices")
    assert "sharper" in said(do(written, "/temp 0"))
    assert said(do(written, "/temp 0")) == "T 0.00 → 0.00"


@pytest.mark.parametrize(
    ("likeliest", "change"),
    [
        (0.5, "flatter: here 2.73 → 2.88 effective choices"),
        (0.96, "flatter: here 1.10 → 1.37 effective choices"),
        (0.999, "flatter: here 1.00 → 1.03 effective choices"),
        (0.999_999, "flatter, hardly so here: 1.00 effective choices"),
    ],
)
def test_what_a_temperature_does_is_said_only_where_the_figures_show_it(likeliest: float, change: str) -> None:
    rest = (1 - likeliest) / 2
    logprobs = np.log([likeliest, rest, rest])
    assert describe_temperature_change(logprobs, 0.8, 1.2) == change


def test_it_says_so_without_text_and_for_a_ramp_too(session: Session) -> None:
    assert said(do(session, "/temp 1.2")) == "T 1.00 → 1.20"
    assert said(do(session, "/temp 0.2..1.6")) == "T 1.20 → 0.20..1.60"


def test_all_settings_are_listed(session: Session) -> None:
    assert [row[0].split()[0] for row in rows(do(session, "/set"))] == [spec.label for spec in SPECS.values()]


def test_a_temperature_acts_on_the_next_token_while_text_is_written(session: Session) -> None:
    (play,) = dispatch(session, "The lamp")
    assert isinstance(play, Play)
    events = play.events
    first = [next(events) for _ in range(5)]
    do(session, "/temp 0.3")
    rest = [event for event in events if isinstance(event, Token)]
    assert [event.temperature for event in first] == [1.0] * 5  # type: ignore[union-attr]
    assert [event.temperature for event in rest] == [0.3] * 55


def test_undo_redo_retry_continue_and_new(session: Session) -> None:
    do(session, "The lamp")
    first = session.passage.text()
    do(session, "/undo")
    assert session.passage.text() == "The lamp"
    do(session, "/redo")
    assert session.passage.text() == first
    do(session, "/r")
    assert session.passage.text() != first
    do(session, "/c")
    assert len(session.passage.text()) == len("The lamp") + 120
    do(session, "/new")
    assert session.passage.nodes == []


def test_a_sweep_plays_the_seed_at_each_temperature_and_leaves_the_passage(written: Session) -> None:
    before = written.passage.text(), len(written.passage.nodes)
    titles, texts = [], []
    (compare,) = dispatch(written, "/sweep 0 1 2")
    assert isinstance(compare, Compare)
    for play in compare.plays:
        titles.append(play.title)
        texts.append("".join(event.text for event in play.events if isinstance(event, Token)))
    assert titles == ["The lamp  ·  T 0.00", "The lamp  ·  T 1.00", "The lamp  ·  T 2.00"]
    assert "The lamp" + texts[1] == before[0]
    assert len(set(texts)) == 3
    assert (written.passage.text(), len(written.passage.nodes)) == before


def test_save_and_open_bring_a_passage_back(written: Session) -> None:
    text = written.passage.text()
    assert "saved: " in said(do(written, "/save my lamp"))
    do(written, "/new")
    effects = do(written, "/open my lamp")
    assert effects == [Redraw("opened my lamp")]
    assert written.passage.text() == text
    ((name, about),) = rows(do(written, "/open"))
    assert name == "my lamp"
    assert about.startswith("The lamp ")
    do(written, "/save")
    assert set(passage_json.list_names()) == {"my lamp", passage_json.suggest_name(written.passage)}


@pytest.mark.parametrize("suffix", [".txt", ".md", ".json", ".html", ".svg"])
def test_export_writes_the_form_that_the_name_asks_for(suffix: str, written: Session, tmp_path: Path) -> None:
    path = tmp_path / f"out{suffix}"
    do(written, f"/export {path}")
    text = path.read_text("utf-8")
    match suffix:
        case ".txt":
            assert text == written.passage.text() + "\n"
        case ".md":
            quoted = [line.removeprefix("> ") for line in text.split("\n") if line.startswith(">")]
            assert "\n".join(quoted) == written.passage.text()
            assert text.endswith(written.passage.summary() + "\n")
        case ".html" | ".svg":
            assert "The lamp" in text
            assert written.passage.summary() in text
        case _:
            assert passage_json.from_json(json.dumps(json.loads(text))).text() == written.passage.text()


def test_models_are_listed_and_changed(tiny: Model) -> None:
    session = Session(tiny, Settings(rng=7, length=20), load_model=lambda name: load(str(DATA / f"{name}.safetensors")))
    assert rows(do(session, "/model")) is not None
    do(session, "The lamp")
    assert "tiny-byte: type a seed" in said(do(session, "/model tiny-byte"))
    assert session.model.name == "tiny-byte"


def test_quit_stops_the_text(session: Session) -> None:
    (play,) = dispatch(session, "The lamp")
    assert isinstance(play, Play)
    next(play.events)
    assert do(session, "/q") == [Quit()]
    (done,) = play.events
    assert isinstance(done, Done)
    assert done.reason == "stopped"


# Completion ---------------------------------------------------------------------------------------------------------


def words(session: Session, line: str) -> list[str]:
    return [word for word, _ in completions(session, line)]


def test_commands_are_completed(session: Session) -> None:
    assert words(session, "/") == [f"/{command.name}" for command in COMMANDS]
    assert words(session, "/t") == ["/temp", "/tree", "/tour", "/top-k", "/top-p", "/typical"]
    assert words(session, "/by") == ["/bye"]
    assert words(session, "/und") == ["/undo", "/undelete"]
    assert words(session, "/xyz") == words(session, "//") == []
    assert dict(completions(session, "/und"))["/undo"] == lookup_command("undo").help


def test_a_list_names_the_row_where_the_user_is(written: Session) -> None:
    def current(line: str) -> str:
        (listing,) = dispatch(written, line)
        assert isinstance(listing, Listing)
        assert listing.current in [name for name, _ in listing.rows]
        return listing.current

    assert current("/tree") == str(written.passage.cursor)
    PassageSaver().save(written.passage)
    assert current("/open") == "#1"


def test_commands_are_in_the_order_of_their_use() -> None:
    names = [command.name for command in COMMANDS]
    used = ["continue", "retry", "undo", "version", "temp", "sweep", "explain", "edit", "open", "export", "tour"]
    assert [name for name in names if name in used] == used
    settings = {"temp" if spec.name == "temperature" else spec.label for spec in SPECS.values()}
    assert set(names[-len(settings) + 1 :]) == settings - {"temp"}


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("/temp ", {"1.00", "0.2", "+0.1", "0.2..1.6", "reset"}),
        ("/temp 1.", {"1.00", "1.0", "1.2", "1.5"}),
        ("/t re", {"reset"}),
        ("/set t", {"temperature", "top-k", "top-p", "typical"}),
        ("/set top-p 0.", {"0.9", "0.95"}),
        ("/set top_p 0.", {"0.9", "0.95"}),
        ("/heat ", {"off", "surprise", "rank", "entropy", "temperature", "reset"}),
        ("/memory o", {"off", "on"}),
        ("/speed m", {"max"}),
    ],
)
def test_values_are_completed(line: str, offered: set[str], session: Session) -> None:
    assert offered <= set(words(session, line))
    assert all(word.startswith(line.rpartition(" ")[2]) for word in words(session, line))


def test_a_file_that_cannot_be_read_offers_nothing_and_says_so_when_it_is_used(session: Session) -> None:
    presets_file().parent.mkdir(parents=True, exist_ok=True)
    presets_file().write_text("not json")
    assert words(session, "/preset s") == []
    with pytest.raises(StorageError):
        do(session, "/preset s")


@pytest.mark.parametrize("line", ["/temp 1 ", "/undo ", "/xyz 1", "/set xyz ", "/set top-p 0.9 ", "/set  "])
def test_where_nothing_fits_nothing_is_offered(line: str, session: Session) -> None:
    assert words(session, line) == []


@pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS)
def test_every_value_that_is_offered_can_be_typed(spec: Any, session: Session) -> None:
    for word in words(session, f"/{spec.label} "):
        do(session, f"/{spec.label} {word}")
    assert words(session, f"/set {spec.label} ") == words(session, f"/{spec.label} ")


def test_saved_passages_are_completed(written: Session) -> None:
    do(written, "/save keeper")
    assert words(written, "/open k") == ["keeper"]


# While text is written ----------------------------------------------------------------------------------------------

LIVE = {
    *(lookup_command(spec.label).name for spec in SPECS.values()),
    "preset",
    "learn",
    "set",
    "explain",
    "find",
    "reveal",
    "copy",
    "tour",
    "save",
    "rename",
    "export",
    "help",
    "quit",
}


def test_only_the_commands_that_replace_or_delete_can_be_forced() -> None:
    careful = {command.name for command in COMMANDS if command.careful}
    assert careful == {"preset", "learn", "save", "rename", "delete", "export"}
    for command in COMMANDS:
        if command.careful:
            assert lookup_command(f"{command.name}!").live is command.live
        else:
            with pytest.raises(CommandError):
                lookup_command(f"{command.name}!")


@pytest.mark.parametrize("command", COMMANDS, ids=lambda c: c.name)
def test_live_commands_are_those_that_leave_the_text_alone(command: Any) -> None:
    for name in (command.name, *command.aliases):
        assert runs_live(f"/{name}") is runs_live(f"/{name} x") is (command.name in LIVE)


@pytest.mark.parametrize("line", ["/", "/xyz", "/tmep 1.2", "/temp\t1.2"])
def test_a_typo_and_a_tab_are_live_too(line: str) -> None:
    assert runs_live(line)


@pytest.mark.parametrize("line", ["", "The lamp", "//temp", "temp", " /temp", "/retry", "/undo\t"])
def test_no_other_line_is_live(line: str) -> None:
    assert not runs_live(line)


@pytest.mark.parametrize("name", sorted(LIVE - {"quit", "reveal"}))
def test_a_live_command_does_not_disturb_the_text(name: str, session: Session, tmp_path: Path) -> None:
    (play,) = dispatch(session, "The lamp")
    assert isinstance(play, Play)
    ids = [event.id for event in (next(play.events) for _ in range(30)) if isinstance(event, Token)]
    PassageSaver().save(session.passage)
    words = {"export": str(tmp_path / "x.txt"), "rename": "moth", "learn": "on"}
    do(session, f"/{name} {words.get(name, '')}")
    ids += [event.id for event in play.events if isinstance(event, Token)]
    undisturbed = Session(session.model, session.settings)
    do(undisturbed, "The lamp")
    assert ids == [token.id for token in undisturbed.passage.tokens()]


@pytest.mark.parametrize("word", COMMAND_HINTS)
def test_a_command_of_another_program_leads_to_one_of_ours(word: str) -> None:
    with pytest.raises(CommandError) as caught:
        lookup_command(word)
    for name in re.findall(r"/(\w+)", COMMAND_HINTS[word]):
        assert lookup_command(name)
    assert COMMAND_HINTS[word] in str(caught.value)


def test_a_word_that_leaves_other_programs_is_a_seed_with_a_note_once(session: Session) -> None:
    for line, notes in ((" :q ", ["':q' was read as a seed; /quit leaves"]), ("exit", []), ("exiting", [])):
        (play,) = dispatch(session, line)
        assert isinstance(play, Play)
        assert [event.text for event in play.events if isinstance(event, Notice)] == notes
        assert session.passage.text().startswith(line)


# Blind sweeps --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("line", ["/sweep --blind 0.1 0.5 1 2", "/sweep 0.1 0.5 1 2 blind"])
def test_a_blind_sweep_is_shuffled_and_hides_its_temperatures_until_it_is_revealed(session: Session, line: str) -> None:
    list(session.write_from("The lamp"))
    compare, hint = dispatch(session, line)
    assert isinstance(compare, Compare)
    plays = list(compare.plays)
    temperatures = [column.settings.temperature for column in compare.sweep.columns]
    assert temperatures != sorted(temperatures)
    assert sorted(temperatures) == [0.1, 0.5, 1, 2]
    assert [play.title for play in plays] == [f"The lamp  ·  text {n}" for n in range(1, 5)]
    assert isinstance(hint, Notice)
    assert "/reveal" in hint.text
    (notice,) = dispatch(session, "/reveal")
    assert isinstance(notice, Notice)
    assert f"1: T {temperatures[0]:.2f}" in notice.text
    assert [play.title[-4:] for play in compare.plays] == [f"{t:.2f}" for t in temperatures]
    with pytest.raises(CommandError, match="nothing to reveal"):
        list(dispatch(session, "/reveal"))


def test_a_column_of_a_blind_sweep_has_the_text_of_its_temperature(session: Session) -> None:
    list(session.write_from("The lamp"))
    blind, open_ = session.sweep((0.1, 0.5, 1.0, 2.0), blind=True), session.sweep((0.1, 0.5, 1.0, 2.0))
    for sweep in (blind, open_):
        list(sweep.play())
    texts = {column.settings.temperature: column.text for column in open_.columns}
    assert {column.settings.temperature: column.text for column in blind.columns} == texts
    session.pick(blind, 0)
    assert session.passage.text() == f"The lamp{texts[session.temperature]}"


def test_an_open_sweep_has_nothing_to_reveal(session: Session) -> None:
    list(session.write_from("The lamp"))
    (compare,) = dispatch(session, "/sweep 0.1 2")
    assert isinstance(compare, Compare)
    assert [column.settings.temperature for column in compare.sweep.columns] == [0.1, 2]
    with pytest.raises(CommandError):
        list(dispatch(session, "/reveal"))
