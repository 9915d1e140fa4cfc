"""A guided tour in seven steps: it says what to type next, and notices when it was done. Knows no face."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from ..errors import CommandError
from ..events import Notice, Token
from ..inference import library
from ..session.passage import Passage
from ..session.session import Session
from ..text.corpus import SMALLEST_TEXT
from .effects import Effect, Listing

COLD, HOT = 0.3, 1.4
"""A token counts as cold up to, and as hot from these temperatures on."""

ENOUGH = 20
"""Cold or hot tokens of one text from which on there is something to see."""


class Seen(NamedTuple):
    """What is known when a line is done: its command ("" for a seed or an empty line), and how things were before."""

    session: Session
    command: str
    forks_before: int
    models_before: frozenset[str]


@dataclass(frozen=True, slots=True)
class Step:
    """One thing to do: what to type with what it is for, how it is noticed, and what to say of it then."""

    title: str
    rows: tuple[tuple[str, str], ...]
    done: Callable[[Seen], bool]
    praise: Callable[[Session], str]


class Tour:
    """Where a learner is. ``heard`` is told a line when its command is found, ``comments`` is asked when it is done.

    What a line did is read off the session, so it is noticed too where a text was stopped half way or a key did it.
    """

    def __init__(self, session: Session) -> None:
        self._commands: list[str] = []
        self._take_up(0, session)

    @property
    def over(self) -> bool:
        """Whether all steps are behind."""
        return self.at >= len(STEPS)

    def heard(self, command: str) -> None:
        """A line is about to be done: a command's name, or "" for a seed or an empty line."""
        self._commands.append(command)

    def comments(self, session: Session) -> Iterator[Effect]:
        """After a line: praise and the next step where the step at hand is done (and the ones behind it, where one line
        or one text did several), else nothing.

        What was done while text is being written is noticed at its end.
        """
        if session.playing:
            return
        commands, self._commands = self._commands, []
        before = self.at
        while not self.over and any(STEPS[self.at].done(self._seen(session, command)) for command in commands):
            yield Notice(f"✓ {STEPS[self.at].praise(session)}")
            self._take_up(self.at + 1, session)
        if self.at > before:
            yield self._shown_or_over(session)

    def go_on(self, session: Session) -> Iterator[Effect]:
        """Pass the step at hand over."""
        self._take_up(self.at + 1, session)
        yield self._shown_or_over(session)

    def shown(self) -> Listing:
        """The step at hand."""
        step = STEPS[self.at]
        return Listing(f"tour {self.at + 1} of {len(STEPS)} · {step.title}", list(step.rows))

    def _shown_or_over(self, session: Session) -> Effect:
        """The step at hand; behind the last one a goodbye, and the session is left alone."""
        if not self.over:
            return self.shown()
        session.companion = None
        return Notice("that was the tour. /help lists everything, /tour begins again")

    def _take_up(self, step: int, session: Session) -> None:
        """Stand at a step, and keep how things are, to see what becomes different."""
        self.at = step
        self._passage: Passage = session.passage
        self._forks = _forks(session.passage)
        self._models = frozenset(_own_models())

    def _seen(self, session: Session, command: str) -> Seen:
        forks = self._forks if session.passage is self._passage else 0
        return Seen(session, command, forks, self._models)


def tour(session: Session, what: str = "") -> Iterator[Effect]:
    """/tour begins, or shows the step at hand again; "skip" goes on to the next one, "stop" ends it."""
    guide = session.companion
    if what == "stop":
        session.companion = None
        yield Notice("the tour is over; /tour begins again" if guide else "there is no tour; /tour begins one")
    elif what == "skip" and isinstance(guide, Tour):
        yield from guide.go_on(session)
    elif what in ("", "skip"):
        if not isinstance(guide, Tour):
            session.companion = guide = Tour(session)
            yield Notice("a tour in seven steps; /tour skip passes one over, /tour stop ends it")
        yield guide.shown()
    else:
        raise CommandError(f"/tour knows skip and stop, not {what!r}")


def _wrote(seen: Seen) -> Sequence[Token]:
    """The text that the reader stands behind, where it was written and not typed."""
    passage = seen.session.passage
    return () if passage.cursor is None else passage.nodes[passage.cursor].tokens


def _cold(tokens: Sequence[Token]) -> list[Token]:
    return [token for token in tokens if token.temperature <= COLD]


def _hot(tokens: Sequence[Token]) -> list[Token]:
    return [token for token in tokens if token.temperature >= HOT]


def _forks(passage: Passage) -> int:
    """How many roads there are beside the first one."""
    return sum(max(0, len(node.children) - 1) for node in passage.nodes)


def _own_models() -> Iterator[str]:
    for entry in library.entries():
        if not entry.bundled:
            yield f"{entry.path} {entry.path.stat().st_mtime_ns}"


def _trained(seen: Seen) -> bool:
    return bool(frozenset(_own_models()) - seen.models_before)


def _how_likely(session: Session, chosen: Callable[[Sequence[Token]], Sequence[Token]] = list) -> str:
    """How much of the last text the model held for likeliest: "T 0.20: 95 of the last 100 characters were …"."""
    tokens = chosen(session.passage.current().tokens)[-100:]
    first = sum(token.rank == 1 for token in tokens)
    what = "characters" if session.model.tokenizer.kind == "char" else "tokens"
    return f"T {tokens[-1].temperature:.2f}: {first} of the last {len(tokens)} {what} were the likeliest"


STEPS: tuple[Step, ...] = (
    Step(
        "type a seed: the model goes on from there",
        (
            ("ROMEO:", "type this, or anything else, and Enter"),
            ("Space, Esc", "while it writes: hold it, stop it"),
        ),
        lambda seen: not seen.command and bool(_wrote(seen)),
        lambda session: f"{_how_likely(session)}; chance did the rest",
    ),
    Step(
        "make it cold: a low temperature sharpens the chances",
        (
            ("/temp 0.2", "log-probabilities are divided by 0.2 from now on"),
            ("an empty line", "Enter writes on at the new temperature"),
        ),
        lambda seen: len(_cold(_wrote(seen))) >= ENOUGH,
        lambda session: f"{_how_likely(session, _cold)}; safe, and soon dull",
    ),
    Step(
        "make it hot: a high temperature flattens them",
        (
            ("/temp 1.5", "the unlikely gets a chance"),
            ("an empty line", "Enter writes on"),
        ),
        lambda seen: len(_hot(_wrote(seen))) >= ENOUGH,
        lambda session: f"{_how_likely(session, _hot)}; bold, often wrong",
    ),
    Step(
        "look through the lens: the chances behind the next character",
        (
            ("/explain", "p, log p, divided by T, exp, made to sum to 1 again"),
            ("/explain 0 0.5 1 2", "the same from greedy to diverse"),
        ),
        lambda seen: seen.command in ("explain", "lens"),
        lambda _: "the dice are thrown on the column on the right, at every single character",
    ),
    Step(
        "take another road: other dice, another text",
        (
            ("/temp reset", "back to the model's own temperature"),
            ("/retry", "the last text once more, with other dice"),
            ("/undo, /redo", "back and forth; nothing is lost"),
        ),
        lambda seen: _forks(seen.session.passage) > seen.forks_before,
        lambda _: "both are kept: an LSTM's memory is a few kilobytes, going back costs nothing",
    ),
    Step(
        "sweep: one seed, the same dice, several temperatures",
        (("/sweep", "at 0.2, 0.5, 1 and 1.2; /sweep 0.1 0.8 2 for others"),),
        lambda seen: seen.command == "sweep",
        lambda _: "nothing but the temperature was different",
    ),
    Step(
        "train on a page of your own",
        (
            ("page.txt", f"a text of {SMALLEST_TEXT:,} characters or more: letters, lyrics"),
            ("in another window:", "afterglow train page.txt --name mine --minutes 3"),
            ("/model mine", "when it is there, play it"),
            ("/tour skip", "not now"),
        ),
        _trained,
        lambda _: "a model of your own: /model lists it",
    ),
)
"""The tour, in order."""
