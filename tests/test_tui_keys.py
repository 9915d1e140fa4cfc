"""The keys of the full screen: their table, other keys from config.toml, what they cut, complete and keep."""

from __future__ import annotations

import io
import pkgutil
from importlib import import_module
from pathlib import Path

import pytest
from afterglow.core.errors import CommandError, SettingError
from afterglow.core.paths import config_file
from afterglow.core.session.session import Session
from afterglow.repl import tui
from afterglow.repl.prompt_history import read_history
from afterglow.repl.tui import app as app_module
from afterglow.repl.tui.keys.completion import Completions
from afterglow.repl.tui.keys.drafts import Drafts
from afterglow.repl.tui.keys.key_bindings import KEY_GROUPS, describe_keys
from afterglow.repl.tui.keys.keymap import BINDINGS_BY_ID, read_keymap
from afterglow.repl.tui.pages.help_page import HelpPage
from afterglow.repl.tui.pages.picker import Picker
from afterglow.repl.tui.prompt import PromptInput
from afterglow.repl.tui.sweep_view import SweepView
from rich.console import Console
from textual.actions import parse
from textual.events import Key
from textual.widgets import Static, TextArea

from .cli_helpers import RunCli
from .tui_helpers import SIZE, enter, play, press, transcript_text, until, wait_for_tokens


def write_config(text: str) -> None:
    config_file().parent.mkdir(parents=True, exist_ok=True)
    config_file().write_text(text, "utf-8")


def line_of(app: app_module.AfterglowApp) -> PromptInput:
    return app.query_one(PromptInput)


def test_every_binding_has_an_id_of_its_own_and_says_what_it_does() -> None:
    bindings = [binding for group in KEY_GROUPS.values() for binding in group]
    assert len({binding.id for binding in bindings}) == len(bindings) == len(BINDINGS_BY_ID)
    assert all(binding.id and binding.tooltip for binding in bindings)


def test_every_widget_takes_its_keys_from_the_table() -> None:
    modules = [module.name for module in pkgutil.iter_modules(tui.__path__) if module.name != "terminal_driver"]
    classes = [each for name in modules for each in vars(import_module(f"{tui.__name__}.{name}")).values()]
    ours = [each for each in classes if isinstance(each, type) and each.__module__.startswith(tui.__name__)]
    bindings = [binding for each in ours for binding in vars(each).get("BINDINGS", ())]
    assert len(bindings) > 50
    assert all(BINDINGS_BY_ID[binding.id] == binding for binding in bindings)


async def test_every_action_of_the_main_screen_exists(app: app_module.AfterglowApp) -> None:
    async with app.run_test(size=SIZE):
        nodes = {"At any time": app, "While the input line is empty": app}
        for title in ("At any time", "While the input line is empty", "In the input line", "In any text"):
            for binding in KEY_GROUPS[title]:
                _, action, parameters = parse(binding.action)
                node = nodes.get(title, line_of(app))
                assert hasattr(node, f"action_{action}"), binding
                assert action != "navigate" or hasattr(app.navigation, str(parameters[0])), binding


def test_keys_are_read_from_the_configuration() -> None:
    assert read_keymap() == {}
    write_config('temperature = 1.0\n[keys]\nretry = "ctrl+T, F8"\nplus = "="\nwarmer = "ctrl+r"\n')
    assert read_keymap() == {"retry": "ctrl+t,f8", "plus": "equals_sign", "warmer": "ctrl+r"}


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('rety = "ctrl+t"', "rety: there is no key of this name; did you mean retry?"),
        ("retry = 7", 'retry: a key is written as text, such as "ctrl+t"; several are separated by commas'),
        ('retry = "ctrl+nonsense"', "retry: there is no key 'ctrl+nonsense'; keys are written as"),
        ('retry = ""', "retry: there is no key ''"),
        ('retry = "control+t"', "retry: there is no key 'control+t'"),
        ('retry = "ctrl+i"', "retry: terminals send Tab for ctrl+i; choose another key"),
        ('retry = "r"', "retry: r types a character there; choose a key with ctrl or alt, or a function key"),
        ('retry = "f2"', "retry: F2 is the key of lens already; choose another key"),
        ('retry = "ctrl+d"', "retry: Ctrl-D is the key of empty-quit already"),
        ('retry = "ctrl+x"', "retry: Ctrl-X is the key of text (cut) already"),
        ('picker-close = "ctrl+q"', "picker-close: Ctrl-Q is the key of quit already"),
    ],
)
def test_a_key_that_cannot_be_used_is_named_with_file_and_line(line: str, message: str) -> None:
    write_config(f"top-p = 0.9\n\n[keys]\n# mine\n{line}\n")
    with pytest.raises(SettingError) as error:
        read_keymap()
    assert str(error.value).startswith(f"{config_file()}, line 5: [keys] {message}")
    assert "\n" not in str(error.value)


def test_settings_are_read_beside_keys(run: RunCli) -> None:
    write_config('length = 7\n[keys]\nretry = "ctrl+t"\n')
    result = run("generate", "--model", str(Path(__file__).parent / "data" / "tiny-char.safetensors"), "The lamp")
    assert (result.code, result.err) == (0, "")


def test_a_server_refuses_such_a_key_before_it_serves(run: RunCli, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("textual_serve", reason="textual-serve is not installed: pip install 'afterglow-lm[web]'")
    monkeypatch.setattr("afterglow.repl.web.server.serve", lambda *_: None)
    write_config('[keys]\nretry = "r"\n')
    result = run("web")
    assert result.code == 2
    assert "line 2: [keys] retry: r types a character there" in result.err


async def test_other_keys_act_and_the_old_ones_do_not(session: Session) -> None:
    session.set("speed", 0)
    keymap = {"retry": "ctrl+t,f6", "plus": "equals_sign", "newline": "alt+n", "lens": "f8"}
    app = app_module.AfterglowApp(session, keymap=keymap)
    async with app.run_test(size=SIZE) as pilot:
        await play(pilot, "The lamp")
        await press(pilot, "ctrl+r")
        assert len(session.passage.nodes) == 2
        await press(pilot, "ctrl+t")
        assert len(session.passage.nodes) == 3
        await press(pilot, "equals_sign", "f8")
        assert (session.settings.temperature, session.settings.lens) == (1.05, False)
        await press(pilot, "a", "alt+n", "ctrl+j", "b", "plus")
        assert line_of(app).text == "a\nb+"
        await press(pilot, "f1")
        shown = list(describe_keys(KEY_GROUPS["At any time"], app.keymap))
        assert ("Ctrl-T F6", "write another version of the last text", ("retry",)) in shown


async def test_another_key_to_run_a_line_acts_while_there_is_a_cursor(session: Session) -> None:
    session.set("speed", 0)
    app = app_module.AfterglowApp(session, keymap={"run": "ctrl+e"})
    async with app.run_test(size=SIZE) as pilot:
        await press(pilot, *"a", "ctrl+e")
        await press(pilot, "left", "ctrl+e")
        assert len(session.passage.tokens()) == 120


async def test_keys_of_an_empty_line_type_while_there_is_no_passage(app: app_module.AfterglowApp) -> None:
    async with app.run_test(size=SIZE) as pilot:
        for key, typed in (("left_square_bracket", "["), ("plus", "+"), ("minus", "-"), ("space", " "), ("1", "1")):
            app.post_message(Key(key, typed))
            await pilot.pause()
            assert line_of(app).text == typed
            line_of(app).set_text("")
        assert app.session.settings.temperature == 1.0
        assert "no text yet" not in transcript_text(app)
        await play(pilot, "[Enter ROMEO]")
        assert app.session.passage.text().startswith("[Enter ROMEO]")


async def test_a_space_before_lets_a_seed_begin_with_any_key(app: app_module.AfterglowApp) -> None:
    async with app.run_test(size=SIZE) as pilot:
        await play(pilot, "The lamp")
        await press(pilot, "space", "minus", "space", "a")
        assert line_of(app).text == "- a"
        line_of(app).set_text("")
        await press(pilot, "space", "space", "left_square_bracket")
        assert line_of(app).text == " ["
        line_of(app).set_text("")
        await press(pilot, "space", "a")
        assert line_of(app).text == " a"
        assert app.session.settings.temperature == 1.0


async def test_alt_and_a_letter_types_nothing(app: app_module.AfterglowApp) -> None:
    async with app.run_test(size=SIZE) as pilot:
        line_of(app).set_text("one two")
        for key in ("alt+x", "alt+é", "alt+1"):
            app.post_message(Key(key, key[-1]))
        await pilot.pause()
        assert line_of(app).text == "one two"
        for key in ("alt+b", "alt+d"):
            app.post_message(Key(key, key[-1]))
        await pilot.pause()
        assert line_of(app).text == "one "
        app.action_settings()
        await pilot.pause()
        app.post_message(Key("alt+x", "x"))
        await pilot.pause()
        assert "x" not in str(getattr(app.screen.focused, "value", "x"))


async def test_what_is_cut_can_be_inserted_again(app: app_module.AfterglowApp) -> None:
    async with app.run_test(size=SIZE) as pilot:
        line = line_of(app)
        line.set_text("one two three")
        await press(pilot, "ctrl+w", "ctrl+w")
        assert line.text == "one "
        await press(pilot, "ctrl+y")
        assert line.text == "one two three"
        await press(pilot, "home", "ctrl+k")
        assert line.text == ""
        await press(pilot, "x", "ctrl+y")
        assert line.text == "xone two three"
        for key in ("ctrl+z", "ctrl+y"):
            await press(pilot, "ctrl+u")
            assert line.text == ""
            await press(pilot, key)
            assert line.text == "xone two three"


async def test_a_failed_line_comes_back_selected(app: app_module.AfterglowApp) -> None:
    async with app.run_test(size=SIZE) as pilot:
        await play(pilot, "/tmep 1.2")
        assert line_of(app).selected_text == "/tmep 1.2"
        await press(pilot, "x")
        assert line_of(app).text == "x"
        line_of(app).set_text("")
        await play(pilot, "/lens on")
        await play(pilot, "/tmep 1.2")
        await press(pilot, "up")
        assert line_of(app).text == "/lens on"
        await press(pilot, "down", "right", "3")
        assert line_of(app).text == "/tmep 1.23"


async def test_ctrl_c_stops_the_text_also_after_a_failed_line(slow: app_module.AfterglowApp) -> None:
    async with slow.run_test(size=SIZE) as pilot:
        await enter(pilot, "The lamp")
        await wait_for_tokens(pilot, slow, 5)
        await enter(pilot, "/tmep")
        await until(pilot, lambda: line_of(slow).selected_text == "/tmep")
        await pilot.press("ctrl+c")
        await until(pilot, lambda: not slow.playback.playing)
        await press(pilot, "ctrl+c")
        assert slow.clipboard == "/tmep"


async def test_arrows_choose_a_completion_and_enter_runs_what_is_complete(app: app_module.AfterglowApp) -> None:
    async with app.run_test(size=SIZE) as pilot:
        line, shown = line_of(app), app.query_one(Completions)
        await press(pilot, *"/len")
        assert (shown.words, line.border_subtitle) == (["/length", "/lens"], "2 · ↑ ↓ choose")
        await press(pilot, "down", "down")
        assert (shown.chosen_word, line.suggestion, line.border_subtitle) == ("/lens", "s", "2 of 2")
        await press(pilot, "enter")
        assert (line.text, shown.words[0]) == ("/lens ", "on")
        await press(pilot, "up", "up", "enter")
        assert (line.text, app.session.settings.lens) == ("", False)
        await press(pilot, *"/tou", "down", "enter")
        assert "tour 1 of 8" in transcript_text(app)
        assert read_history()[-1] == "/tour"
        await press(pilot, *"/unde", "backspace", "enter")
        assert line.text == "/undo"
        assert not shown.display
        await press(pilot, "up")
        assert line.text == "/tour"


async def test_esc_closes_the_completions_and_up_recalls_then(app: app_module.AfterglowApp) -> None:
    async with app.run_test(size=SIZE) as pilot:
        await play(pilot, "/temp 1.2")
        await press(pilot, "/", "escape", "up")
        assert not app.query_one(Completions).display
        assert line_of(app).text == "/temp 1.2"
        await press(pilot, "down")
        assert line_of(app).text == "/"


async def test_edits_of_recalled_lines_are_kept_until_one_is_run(app: app_module.AfterglowApp) -> None:
    async with app.run_test(size=SIZE) as pilot:
        await play(pilot, "/temp 1.2")
        await play(pilot, "/temp 0.8")
        await press(pilot, "up", "5", "up", "down")
        assert line_of(app).text == "/temp 0.85"


async def test_an_undo_brings_back_a_line_that_a_completion_or_a_recalled_one_replaced(
    app: app_module.AfterglowApp,
) -> None:
    async with app.run_test(size=SIZE) as pilot:
        await play(pilot, "/temp 1.2")
        await press(pilot, *"/swe", "tab", "ctrl+z")
        assert line_of(app).text == "/swe"
        line_of(app).set_text("half a l")
        await press(pilot, "up", "ctrl+z")
        assert line_of(app).text == "half a l"


async def test_the_history_is_searched(app: app_module.AfterglowApp) -> None:
    async with app.run_test(size=SIZE) as pilot:
        await play(pilot, "/temp 1.2")
        await play(pilot, "/lens off")
        await press(pilot, "alt+r")
        assert isinstance(app.screen, Picker)
        assert [name for name, _ in app.screen.visible_rows] == ["/lens off", "/temp 1.2"]
        await press(pilot, *"temp", "enter")
        assert line_of(app).text == "/temp 1.2"
        assert app.session.settings.temperature == 1.2


async def test_a_line_that_was_not_run_is_in_the_history_of_the_next_session(app: app_module.AfterglowApp) -> None:
    async with app.run_test(size=SIZE) as pilot:
        await press(pilot, *"half", "ctrl+q")
    assert read_history() == ["half"]


async def test_a_closed_edit_is_kept_as_a_draft(app: app_module.AfterglowApp) -> None:
    async with app.run_test(size=SIZE) as pilot:
        await play(pilot, "The lamp")
        text = app.session.passage.text()
        await press(pilot, "f5", *"more", "escape")
        assert transcript_text(app).count("your edit is kept as a draft") == 1
        await play(pilot, "")
        await press(pilot, "f5")
        area = app.screen.query_one(TextArea)
        assert area.text == f"{text}more"
        await press(pilot, "ctrl+z")
        assert area.text == app.session.passage.text()
        await press(pilot, "escape", "f5")
        assert app.screen.query_one(TextArea).text == app.session.passage.text()
        await press(pilot, *"abc", "ctrl+q")
    assert read_history()[-1] == f"{app.session.passage.text()}abc"


def test_a_draft_belongs_to_its_text_and_what_continues_it() -> None:
    drafts = Drafts()
    assert drafts.keep("one", "one!")
    assert drafts.keep("", "nothing")
    assert (drafts.find("one two"), drafts.find(""), drafts.find("other")) == ("one!", "nothing", "")
    assert not drafts.keep("one two", "one two")
    assert drafts.texts == ["nothing"]


async def test_an_accepted_edit_that_fails_is_kept_as_a_draft(
    app: app_module.AfterglowApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: str) -> None:
        raise CommandError("no")

    async with app.run_test(size=SIZE) as pilot:
        await play(pilot, "The lamp")
        with monkeypatch.context() as patch:
            patch.setattr(app.session, "rewrite", fail)
            await press(pilot, "f5", *"more", "ctrl+s", "f5")
        assert app.screen.query_one(TextArea).text == f"{app.session.passage.text()}more"
        await press(pilot, "ctrl+s", "f5")
        assert app.screen.query_one(TextArea).text == app.session.passage.text()


async def test_a_draft_is_in_the_history_of_the_next_session(app: app_module.AfterglowApp) -> None:
    async with app.run_test(size=SIZE) as pilot:
        await play(pilot, "The lamp")
        await press(pilot, "f5", *"more", "escape", "ctrl+q")
    assert read_history() == ["The lamp", f"{app.session.passage.text()}more"]


async def test_the_page_of_keys_lists_all_and_closes(app: app_module.AfterglowApp) -> None:
    async with app.run_test(size=(60, 20)) as pilot:
        for key in ("escape", "f1"):
            await press(pilot, "f1")
            assert isinstance(app.screen, HelpPage)
            await press(pilot, key)
            assert not isinstance(app.screen, HelpPage)
        await press(pilot, "f1")
        console = Console(file=io.StringIO(), width=60)
        for static in app.screen.query(Static):
            console.print(static.visual if not hasattr(static.content, "columns") else static.content)
        shown = console.file.getvalue()  # type: ignore[attr-defined]
        assert all(title in shown for title in KEY_GROUPS)
        assert "Ctrl-J Alt-Enter" in shown
        assert all(id_ in shown or id_.startswith("pick-") for id_ in BINDINGS_BY_ID)
        assert app.screen.query_one("#keys").max_scroll_y > 0


async def test_the_step_of_the_tour_stands_above_the_input(app: app_module.AfterglowApp) -> None:
    async with app.run_test(size=(60, 20)) as pilot:
        line = app.query_one("#pinned", Static)
        assert not line.display
        await play(pilot, "/tour")
        await play(pilot, "The lamp")
        assert line.display
        assert str(line.content) == "tour 2 of 8: type /temp 0.2, then press Enter on an empty line"
        await play(pilot, "/tour stop")
        assert not line.display


async def test_home_and_end_choose_a_column_while_a_sweep_is_shown(app: app_module.AfterglowApp) -> None:
    async with app.run_test(size=SIZE) as pilot:
        await play(pilot, "The lamp")
        await play(pilot, "/sweep 0.2 0.5 1")
        chosen = []
        for key in ("end", "home", "ctrl+right"):
            await press(pilot, key)
            chosen.append(app.query_one(SweepView).chosen_index)
        assert chosen == [2, 0, 1]
        assert app.token_cursor.token_index is None


async def test_a_question_mark_reveals_a_blind_sweep_and_else_is_typed(app: app_module.AfterglowApp) -> None:
    async with app.run_test(size=SIZE) as pilot:
        await play(pilot, "The lamp")
        await play(pilot, "/sweep --blind 0.2 0.5 1")
        view = app.query_one(SweepView)
        titles = [str(head.content) for head in view.query(".head")]
        assert [title.strip() for title in titles] == ["text 1  [1]", "text 2  [2]", "text 3  [3]"]
        assert view.temperatures == ()
        await press(pilot, "question_mark")
        titles = [str(head.content) for head in view.query(".head")]
        for title, temperature in zip(titles, view.temperatures, strict=True):
            assert title.startswith(f"T {temperature:.2f}")
            assert "bits" in title
        assert sorted(view.temperatures) == [0.2, 0.5, 1]
        await press(pilot, "question_mark")
        assert app.query_one(PromptInput).text == "?"
