"""The line REPL: what is typed at its prompt and while text streams, through a pipe that stands for the keyboard."""

from __future__ import annotations

import asyncio
import io
import os
import re
import signal
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from itertools import chain
from pathlib import Path

import pytest
from afterglow.core.events import Token
from afterglow.core.model import Model
from afterglow.core.paths import history_file
from afterglow.core.session import passage_db, saved_passages
from afterglow.core.session.session import Session
from afterglow.core.settings import Settings
from afterglow.core.text.copy_detection import indexed_run_lengths
from afterglow.repl.external_editor import edit_externally
from afterglow.repl.line import repl
from afterglow.repl.line.keys import KEY_LISTS, strip_triple_quotes
from afterglow.repl.line.line_prompt import LinePrompt, PromptHistory, SlashCompleter
from afterglow.repl.line.repl import LineRepl
from afterglow.repl.prompt_history import append_history, read_history
from prompt_toolkit.application import create_app_session
from prompt_toolkit.completion import CompleteEvent
from prompt_toolkit.document import Document
from prompt_toolkit.input import PipeInput, create_pipe_input
from prompt_toolkit.output import DummyOutput
from prompt_toolkit.output.plain_text import PlainTextOutput


@pytest.fixture
def keyboard() -> Iterator[PipeInput]:
    """Keys by ``send_text``; nothing reaches a real terminal."""
    with create_pipe_input() as source, create_app_session(input=source, output=DummyOutput()):
        yield source


@asynccontextmanager
async def talking(session: Session, first: str = "") -> AsyncIterator[None]:
    """The REPL running beside the test, until it is left."""
    task = asyncio.create_task(LineRepl(session).run(first))
    try:
        yield
        await asyncio.wait_for(task, 30)
    finally:
        task.cancel()


async def until(condition: Callable[[], bool]) -> None:
    """Wait for something to become so."""
    async with asyncio.timeout(30):
        while not condition():
            await asyncio.sleep(0.005)


def written(session: Session) -> list[Token]:
    """The tokens of the passage."""
    return session.passage.tokens()


def over(session: Session) -> bool:
    """Whether a text of the usual length has been written."""
    return len(written(session)) == 60 and not session.playing


async def begun(session: Session, keyboard: PipeInput) -> None:
    """Have a text written, and wait until some of it is there."""
    keyboard.send_text("The lamp\r")
    await until(lambda: len(written(session)) > 5)


async def meanwhile(keyboard: PipeInput, keys: str) -> None:
    """Have a text held for a command, and type this at its prompt, behind the slash."""
    keyboard.send_text("/")
    await asyncio.sleep(0.1)
    keyboard.send_text(keys)


async def test_seed_is_played_and_quit_leaves(session: Session, keyboard: PipeInput) -> None:
    session.set("speed", 0)
    async with talking(session):
        keyboard.send_text("The lamp\r")
        await until(lambda: over(session))
        keyboard.send_text("/quit\r")
    assert session.passage.text().startswith("The lamp")


async def test_passage_is_there_again_next_time(session: Session, keyboard: PipeInput) -> None:
    session.set("speed", 0)
    async with talking(session):
        keyboard.send_text("The lamp\r")
        await until(lambda: over(session))
        keyboard.send_text("/quit\r")
    assert saved_passages.load(saved_passages.find_one("1")).passage.text() == session.passage.text()


async def test_command_typed_while_text_streams_acts_on_the_next_token(session: Session, keyboard: PipeInput) -> None:
    session.set("speed", 200)
    async with talking(session):
        await begun(session, keyboard)
        await meanwhile(keyboard, "temp 0.3\r")
        await until(lambda: over(session))
        keyboard.send_text("\x04")
    temperatures = [token.temperature for token in written(session)]
    turned = temperatures.index(0.3)
    assert turned > 5
    assert temperatures == [1.0] * turned + [0.3] * (60 - turned)


async def test_plus_and_minus_turn_the_temperature(session: Session, keyboard: PipeInput) -> None:
    session.set("speed", 200)
    async with talking(session):
        await begun(session, keyboard)
        keyboard.send_text("++-")
        await until(lambda: over(session))
        keyboard.send_text("\x04")
    assert session.settings.temperature == 1.05
    assert written(session)[-1].temperature == 1.05


@pytest.mark.parametrize("key", ["\x1b", "\x03"])
async def test_escape_and_control_c_stop_and_keep(session: Session, keyboard: PipeInput, key: str) -> None:
    session.set("speed", 100)
    session.set("length", 100_000)
    async with talking(session):
        await begun(session, keyboard)
        keyboard.send_text(key)
        await until(lambda: not session.playing)
        keyboard.send_text("/quit\r")
    assert 5 < len(written(session)) < 100_000


async def test_space_pauses_and_tab_finishes(session: Session, keyboard: PipeInput) -> None:
    session.set("speed", 20)
    session.set("length", 2000)
    async with talking(session):
        keyboard.send_text("The lamp\r")
        await until(lambda: len(written(session)) > 2)
        keyboard.send_text(" ")
        await asyncio.sleep(0.1)
        held = len(written(session))
        await asyncio.sleep(0.2)
        assert len(written(session)) == held
        keyboard.send_text("\t")
        await until(lambda: len(written(session)) == 2000 and not session.playing)
        keyboard.send_text("\x04")


async def test_ctrl_d_while_text_is_written_stops_it_and_quits(session: Session, keyboard: PipeInput) -> None:
    session.set("speed", 20)
    async with talking(session):
        keyboard.send_text("The lamp\r")
        await until(lambda: len(written(session)) > 2)
        keyboard.send_text("\x04")
    assert len(written(session)) < 500


async def test_a_paste_while_text_streams_is_text_for_the_next_prompt(session: Session, keyboard: PipeInput) -> None:
    session.set("speed", 200)
    async with talking(session):
        await begun(session, keyboard)
        keyboard.send_text("\x1b[200~a /temp 2\r+\x1b[31m\x03\x11\x04\x07\x1b[201~")
        await until(lambda: over(session))
        keyboard.send_text("\r")
        await until(lambda: session.passage.text().startswith("a /temp 2\n+\x1b[31m\x03\x11\x04\x07"))
        keyboard.send_text("\x03")
        await until(lambda: not session.playing)
        keyboard.send_text("\x04")
    assert session.settings.temperature == 1.0


async def test_a_typo_while_text_streams_ends_nothing(session: Session, keyboard: PipeInput) -> None:
    session.set("speed", 200)
    async with talking(session):
        await begun(session, keyboard)
        await meanwhile(keyboard, "tmep 0.3\r")
        await until(lambda: over(session))
        keyboard.send_text("\x04")


async def test_a_blank_line_while_text_streams_asks_for_nothing(session: Session, keyboard: PipeInput) -> None:
    session.set("speed", 200)
    async with talking(session):
        await begun(session, keyboard)
        await meanwhile(keyboard, "\x7f   \r")
        await until(lambda: over(session))
        keyboard.send_text("\x04")


async def test_what_was_written_is_kept_where_a_bug_ends_the_repl(
    session: Session, keyboard: PipeInput, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError

    async def talk() -> None:
        async with talking(session):
            await begun(session, keyboard)
            monkeypatch.setattr(repl, "dispatch", broken)
            await meanwhile(keyboard, "temp 0.3\r")

    session.set("speed", 200)
    with pytest.raises(ZeroDivisionError):
        await talk()
    assert saved_passages.load(saved_passages.find_one("1")).passage.text().startswith("The lamp")


async def test_control_d_leaves_at_the_prompt_within_a_text_too(session: Session, keyboard: PipeInput) -> None:
    session.set("speed", 50)
    session.set("length", 100_000)
    async with talking(session):
        await begun(session, keyboard)
        await meanwhile(keyboard, "\x7f\x04")
    assert 5 < len(written(session)) < 100_000


async def test_a_seed_whose_reading_was_stopped_is_one_line(
    session: Session, keyboard: PipeInput, monkeypatch: pytest.MonkeyPatch
) -> None:
    session.set("whole_seed", True)
    told = list[object]()
    monkeypatch.setattr("afterglow.repl.line.repl.print_error", told.append)
    async with talking(session, "The lamp " * 200_000):
        await asyncio.sleep(0.5)
        keyboard.send_text("\x03")
        await until(lambda: told)
        keyboard.send_text("/quit\r")
    assert "stopped before all was read" in str(told[0])


async def test_an_editor_that_fails_is_one_line(
    session: Session, keyboard: PipeInput, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VISUAL", "false")
    session.set("speed", 0)
    told = list[object]()
    monkeypatch.setattr("afterglow.repl.line.repl.print_error", told.append)
    async with talking(session):
        keyboard.send_text("The lamp\r")
        await until(lambda: over(session))
        keyboard.send_text("/edit\r")
        await until(lambda: told)
        keyboard.send_text("/quit\r")
    assert "nothing was changed: false ended with a failure" in str(told[0])


async def test_ctrl_c_in_the_editor_ends_nothing(
    session: Session, keyboard: PipeInput, monkeypatch: pytest.MonkeyPatch
) -> None:
    def edit(text: str) -> tuple[str, str]:
        os.kill(os.getpid(), signal.SIGINT)  # a terminal sends it to all programs in the foreground
        return f"{text} and more", ""

    monkeypatch.setattr("afterglow.repl.line.repl.edit_externally", edit)
    session.set("speed", 0)
    async with talking(session):
        keyboard.send_text("The lamp\r")
        await until(lambda: over(session))
        keyboard.send_text("/edit\r")
        await until(lambda: " and more" in session.passage.text())
        keyboard.send_text("\x04")


async def test_mistake_leaves_the_prompt_alive(session: Session, keyboard: PipeInput) -> None:
    session.set("speed", 0)
    async with talking(session):
        keyboard.send_text("/top-p 7\r/nonsense\r/undo\rGood\r")
        await until(lambda: over(session))
        keyboard.send_text("/quit\r")


async def test_alt_enter_and_triple_quotes_make_seeds_of_several_lines(session: Session, keyboard: PipeInput) -> None:
    session.set("speed", 0)
    async with talking(session):
        keyboard.send_text("one\x1b\rtwo\r")
        await until(lambda: over(session))
        first = session.passage.text()
        keyboard.send_text('"""\rthree\rfour\r"""\r')
        await until(lambda: session.passage.text()[:5] == "three" and len(written(session)) == 60)
        await until(lambda: not session.playing)
        keyboard.send_text("/quit\r")
    assert first.startswith("one\ntwo")
    assert session.passage.text().startswith("three\nfour")


async def test_what_was_typed_is_kept_for_its_owner_alone(session: Session, keyboard: PipeInput) -> None:
    async with talking(session):
        keyboard.send_text("/help\r/quit\r")
    assert "+/help" in history_file().read_text()
    assert history_file().stat().st_mode & 0o077 == 0


async def test_how_much_is_copied_is_told_under_a_text(copying: Model) -> None:
    session, paper = Session(copying, Settings(rng=7, length=200, speed=0, temperature=0.6)), io.StringIO()
    with create_pipe_input() as source, create_app_session(input=source, output=PlainTextOutput(paper)):
        async with talking(session):
            source.send_text("The keeper\r")
            await until(lambda: "copied" in paper.getvalue())
            told, text = paper.getvalue(), session.passage.text()
            source.send_text("/copied off\rThe lamp\r")
            await until(lambda: session.passage.text().startswith("The lamp") and len(written(session)) == 200)
            source.send_text("/quit\r")
    assert copying.file.index
    longest = indexed_run_lengths(text, copying.file.index).max()
    assert "200 characters · rng 7 · copied" in told
    assert f", longest at least {longest}" in told.rpartition("copied")[2]
    assert "copied" not in paper.getvalue()[len(told) :].partition("The lamp")[2]


def offered(session: Session, line: str) -> list[str]:
    """What the completer would make of a line."""
    completer = SlashCompleter(session)
    document = Document(line)
    return [line[: len(line) + c.start_position] + c.text for c in completer.get_completions(document, CompleteEvent())]


def test_commands_and_values_are_completed(session: Session) -> None:
    assert "/temp" in offered(session, "/te")
    assert "/temp 1.2" in offered(session, "/temp 1.")
    assert "/set top-p" in offered(session, "/set top")
    assert "/set top-p 0.9" in offered(session, "/set top-p 0.")
    assert offered(session, "no command") == []


@pytest.mark.parametrize(
    ("typed", "meant"), [("a", "a"), ('"""a"""', "a"), ('"""\na\nb\n"""', "a\nb"), ('"', '"'), ('"""', '"""')]
)
def test_triple_quotes_are_taken_off(typed: str, meant: str) -> None:
    assert strip_triple_quotes(typed) == meant


@pytest.mark.usefixtures("keyboard")
def test_history_folder_is_made(home: Path) -> None:
    for line in ("first", "second"):
        PromptHistory().store_string(line)
    assert (home / "history").exists()
    assert list(PromptHistory().load_history_strings()) == ["second", "first"]


def test_a_long_seed_is_recalled_whole_and_its_beginning_is_kept() -> None:
    history = PromptHistory()
    history.append_string("x" * 20_000)
    assert history.get_strings() == ["x" * 20_000]
    assert read_history() == ["x" * 1999 + "…"]


@pytest.mark.parametrize(
    ("editing", "typed", "line"),
    [
        ("emacs", "RO\x1b[A\r", "ROMEO: wherefore"),
        ("emacs", "\x1b[A\x1b[A\r", "Mercy me"),
        ("emacs", "\x12where\r\r", "ROMEO: wherefore"),
        ("emacs", "two words\x17\x19\x19\r", "two wordswords"),
        ("emacs", "one\x1b\rtwo\r", "one\ntwo"),
        ("vi", "lamp\x1b0iThe \r", "The lamp"),
        ("vi", "lamp\x1b\r", "lamp"),
    ],
)
async def test_the_keys_of_the_prompt(
    session: Session, keyboard: PipeInput, editing: str, typed: str, line: str
) -> None:
    session.set("editing", editing)
    for earlier in ("ROMEO: wherefore", "Mercy me", "/temp 0.5"):
        append_history(earlier)
    keyboard.send_text(typed)
    assert await LinePrompt(session).read() == line


@pytest.mark.parametrize(("speed", "words"), [(0, "full speed"), (40, "40 characters/s")])
async def test_the_line_below_the_prompt_names_model_temperature_speed_and_rng(
    session: Session, keyboard: PipeInput, speed: int, words: str
) -> None:
    session.settings = session.settings.changed(temperature=0.5, speed=speed, rng=7)
    paper = io.StringIO()
    with create_app_session(input=keyboard, output=PlainTextOutput(paper)):
        keyboard.send_text("\r")
        await LinePrompt(session).read()
    assert f" {session.model.name} · T 0.50 · {words} · rng 7" in paper.getvalue()


@pytest.mark.parametrize("key", ["\x07", "\x18\x05"])
async def test_a_line_is_written_in_the_editor(
    session: Session, keyboard: PipeInput, monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    monkeypatch.setenv("VISUAL", """sh -c 'printf " and more" >> "$0"'""")
    prompt = LinePrompt(session)
    reading = asyncio.create_task(prompt.read())
    keyboard.send_text(f"draft{key}")
    await until(lambda: prompt._prompt.default_buffer.text == "draft and more")
    keyboard.send_text("\r")
    assert await reading == "draft and more"


async def test_help_lists_the_keys_of_the_prompt(session: Session, keyboard: PipeInput) -> None:
    paper = io.StringIO()
    with create_app_session(input=keyboard, output=PlainTextOutput(paper)):
        keyboard.send_text("/help\r/quit\r")
        await LineRepl(session).run()
    assert "Space pauses" in paper.getvalue().partition("/help\r")[0]
    for key, about in chain.from_iterable(KEY_LISTS.values()):
        assert re.search(rf"^ *{re.escape(key)} +{re.escape(about[:20])}", paper.getvalue(), re.MULTILINE)


@pytest.mark.parametrize(("editor", "why"), [("false", "nothing was changed"), ("/nowhere/vi", "no editor: ")])
def test_an_editor_that_fails_is_not_one_that_is_missing(
    editor: str, why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VISUAL", editor)
    assert edit_externally("x")[0] is None
    assert edit_externally("x")[1].startswith(why)


@pytest.mark.parametrize(("answer", "left"), [("y\r", 0), ("\r", 1), ("n\r", 1), ("\x03", 1), ("\x04", 1)])
async def test_delete_asks_for_y(session: Session, keyboard: PipeInput, answer: str, left: int) -> None:
    session.set("speed", 0)
    async with talking(session):
        keyboard.send_text("The lamp\r")
        await until(lambda: over(session))
        keyboard.send_text(f"/delete\r{answer}/quit\r")
    assert len(passage_db.search_passages()) == left


async def test_a_signal_in_the_middle_of_a_line_ends_the_line(session: Session, keyboard: PipeInput) -> None:
    session.set("speed", 100)
    session.set("length", 100_000)
    paper = io.StringIO()
    with create_app_session(input=keyboard, output=PlainTextOutput(paper)):
        task = asyncio.create_task(LineRepl(session).run("The lamp"))
        await until(lambda: session.playing and not paper.getvalue().endswith("\n"))
        task.cancel()
        await asyncio.wait([task])
    assert paper.getvalue().endswith("\n")
