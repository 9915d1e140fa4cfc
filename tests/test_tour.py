"""The guided tour: what it notices, what it does not, and the whole of it in a terminal."""

from __future__ import annotations

import sys
from pathlib import Path

import pexpect
import pytest
from afterglow.core.commands.effects import Compare, Effect, Listing, Pin, Play
from afterglow.core.commands.registry import dispatch
from afterglow.core.commands.tour import STEPS, Tour
from afterglow.core.errors import CommandError
from afterglow.core.events import Notice
from afterglow.core.session.session import Session

from .cli_helpers import RunCli
from .command_helpers import do

TINY = Path(__file__).parent / "data" / "tiny-char.safetensors"
LINES = ("The lamp", "/temp 0.2", "", "/temp 1.5", "", "/explain", "/temp reset", "/retry", "/sweep")
"""What the first six steps ask for."""


def at(session: Session) -> int | None:
    """The number of the step at hand, from 1; None where there is no tour."""
    return session.observer.step_index + 1 if isinstance(session.observer, Tour) else None


def titles(effects: list[Effect]) -> list[str]:
    return [effect.title for effect in effects if isinstance(effect, Listing)]


def at_step(session: Session, number: int) -> Session:
    """A session whose tour stands at a step, with a text before it."""
    do(session, "The lamp")
    do(session, "/tour")
    for _ in range(number - 1):
        do(session, "/tour skip")
    assert at(session) == number
    return session


def test_the_whole_tour_is_noticed_step_by_step(session: Session) -> None:
    do(session, "/tour")
    stood, praise = [], []
    for line in LINES:
        told = do(session, line)
        praise += [e.text for e in told if isinstance(e, Notice) and e.text.startswith("✓")]
        stood.append(at(session))
    assert stood == [2, 2, 3, 3, 4, 5, 5, 6, 7]
    assert len(praise) == 6
    assert all(len(text) <= 80 for text in praise)
    assert [at(session) for line in ("/learn on", "Call me Ishmael.") if do(session, line)] == [7, 8]
    told = do(session, "/heat cell 2.22")
    assert at(session) is None
    assert any(isinstance(e, Notice) and "that was the tour" in e.text for e in told)


def test_every_step_says_what_to_type_and_fits_a_narrow_terminal() -> None:
    assert len(STEPS) == 8
    assert all(len(step.title) <= 66 and len(step.task) <= 56 and step.rows for step in STEPS)
    assert all(len(left) <= 19 and len(right) <= 56 for step in STEPS for left, right in step.rows)


def pinned(session: Session, line: str) -> list[str]:
    return [effect.text for effect in do(session, line) if isinstance(effect, Pin)]


def test_the_step_at_hand_is_pinned_until_it_is_done(session: Session) -> None:
    assert pinned(session, "/tour") == [f"tour 1 of 8: {STEPS[0].task}"]
    assert pinned(session, "/help") == []
    assert pinned(session, "The lamp") == [f"tour 2 of 8: {STEPS[1].task}"]
    assert pinned(session, "/tour stop") == [""]
    at_step(session, 8)
    assert pinned(session, "/tour skip") == [""]


@pytest.mark.parametrize(
    ("step", "line", "hint"),
    [
        (2, "/temp 1.2", "T is 1.20, and this step needs at most 0.3: type /temp 0.2"),
        (2, "/retry", "T is 1.00, and this step needs at most 0.3: type /temp 0.2"),
        (2, "/set temperature 0.4", "T is 0.40, and this step needs at most 0.3: type /temp 0.2"),
        (3, "/temp 0.2", "T is 0.20, and this step needs at least 1.4: type /temp 1.5"),
    ],
)
def test_a_wrong_temperature_gets_a_word_on_what_to_do(session: Session, step: int, line: str, hint: str) -> None:
    assert do(at_step(session, step), line)[-1] == Notice(hint)
    assert at(session) == step


def test_a_right_temperature_and_other_commands_get_no_hint(session: Session) -> None:
    at_step(session, 2)
    told = [effect for line in ("/temp 0.2", "/help", "/undo") for effect in do(session, line)]
    assert not [e for e in told if isinstance(e, Notice) and "this step" in e.text]
    session.set("length", 5)
    assert Notice("almost: press Enter on an empty line for more text") in do(session, "The lamp")


def test_tour_shows_the_step_at_hand_again(session: Session) -> None:
    first = titles(do(session, "/tour"))
    assert titles(do(session, "/tour")) == first == [f"tour 1 of 8 · {STEPS[0].title}"]


def test_a_text_from_before_the_tour_is_no_first_step(session: Session) -> None:
    do(session, "The lamp")
    do(session, "/tour")
    do(session, "/temp 0.9")
    assert at(session) == 1
    do(session, "")
    assert at(session) == 2


@pytest.mark.parametrize(
    ("step", "lines"),
    [
        (1, ["/temp 1.0", "/help"]),
        (2, ["/temp 0.2", "/temp 1.0", ""]),  # turned back before anything was written
        (3, ["", "/temp 1.2", ""]),
        (4, ["/heat surprise", ""]),
        (5, ["", "/undo", "/redo"]),
        (6, ["/temp 0.2", ""]),
        (7, ["/model", ""]),
    ],
)
def test_what_is_something_else_is_not_taken_for_the_step(session: Session, step: int, lines: list[str]) -> None:
    at_step(session, step)
    for line in lines:
        do(session, line)
    assert at(session) == step


def test_a_mistake_is_no_step(session: Session) -> None:
    at_step(session, 6)
    with pytest.raises(CommandError):
        do(session, "/swoop")
    with pytest.raises(CommandError):
        do(session, "/tour elsewhere")
    assert at(session) == 6


def test_a_text_that_was_left_half_way_is_noticed_with_the_next_line(session: Session) -> None:
    at_step(session, 6)
    for effect in dispatch(session, "/sweep"):
        if isinstance(effect, Compare):
            break  # as a face does when somebody stops it
    assert at(session) == 6
    do(session, "/temp")
    assert at(session) == 7


def test_what_is_done_while_text_streams_is_noticed_at_its_end(session: Session) -> None:
    at_step(session, 4)
    effects = dispatch(session, "")
    play = next(effects)
    assert isinstance(play, Play)
    next(play.events)
    do(session, "/explain")
    assert at(session) == 4
    list(play.events)
    list(effects)
    assert at(session) == 5


def test_one_text_that_gets_cold_and_then_hot_is_both_steps(session: Session) -> None:
    at_step(session, 2)
    session.set("temperature", 0.2)
    effects = dispatch(session, "")
    play = next(effects)
    assert isinstance(play, Play)
    for _ in range(30):
        next(play.events)
    do(session, "/temp 1.5")
    list(play.events)
    told = [e.text for e in effects if isinstance(e, Notice)]
    assert [text[:8] for text in told] == ["✓ T 0.20", "✓ T 1.50"]
    assert at(session) == 4


def test_another_road_in_an_old_passage_does_not_count(session: Session) -> None:
    do(session, "The lamp")
    do(session, "/retry")
    do(session, "/tour")
    for _ in range(4):
        do(session, "/tour skip")
    do(session, "Good evening")
    assert at(session) == 5
    do(session, "/retry")
    assert at(session) == 6


def test_stop_ends_it_and_a_new_one_begins_at_the_beginning(session: Session) -> None:
    at_step(session, 3)
    do(session, "/tour stop")
    assert at(session) is None
    do(session, "/tour")
    assert at(session) == 1


def test_skipping_to_the_end_says_goodbye(session: Session) -> None:
    at_step(session, 8)
    _, notice = do(session, "/tour skip")
    assert isinstance(notice, Notice)
    assert at(session) is None


def test_verb_takes_its_lines_from_a_script_too(run: RunCli) -> None:
    ran = run("tour", "-m", str(TINY), "-l", "40", stdin="\n".join([*LINES, "/tour skip"]).encode())
    assert ran.code == 0
    assert [f"tour {n} of 8" in ran.out for n in range(1, 8)] == [True] * 7
    assert ran.err.count("✓") == 6


def terminal(*arguments: str) -> pexpect.spawn[str]:
    """The tour in a terminal of its own, played at full speed."""
    command = ["-m", "afterglow.repl", "tour", "-m", str(TINY), "-l", "40", "--speed", "max", *arguments]
    return pexpect.spawn(sys.executable, command, encoding="utf-8", timeout=60, dimensions=(40, 100))


def test_the_whole_tour_in_a_terminal_line_by_line() -> None:
    child = terminal("--plain")
    child.expect("tour 1 of 8")
    for number, lines in enumerate([LINES[:1], LINES[1:3], LINES[3:5], LINES[5:6], LINES[6:8], LINES[8:]], 2):
        for line in lines:
            child.expect("› ")
            child.send(f"{line}\r")
        child.expect(f"tour {number} of 8")
    child.expect("› ")
    child.send("/tour skip\r")
    child.expect("tour 8 of 8")
    child.expect("› ")
    child.send("/tour skip\r")
    child.expect("that was the tour")
    child.expect("› ")
    child.send("/quit\r")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 0


def test_the_full_screen_begins_with_the_first_step() -> None:
    child = terminal()
    child.expect("tour 1 of 8")
    child.send("The lamp\r")
    child.expect("tour 2 of 8")
    child.send("\x11")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 0
