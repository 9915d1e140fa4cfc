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
from ..text.corpus import MIN_TRAIN_CHARS
from .effects import Effect, Listing

MAX_COLD_TEMPERATURE, MIN_HOT_TEMPERATURE = 0.3, 1.4
"""A token counts as cold up to, and as hot from these temperatures on."""

MIN_TOKENS = 20
"""Cold or hot tokens of one text from which on there is something to see."""


class StepContext(NamedTuple):
    """What is known when a line is done: its command ("" for a seed or an empty line), and how things were before."""

    session: Session
    command: str
    forks_before: int
    models_before: frozenset[str]


@dataclass(frozen=True, slots=True)
class TourStep:
    """One thing to do: what to type with what it is for, how it is noticed, and what to say of it then."""

    title: str
    rows: tuple[tuple[str, str], ...]
    is_done: Callable[[StepContext], bool]
    praise: Callable[[Session], str]


class Tour:
    """Where a learner is. ``heard`` is told a line when its command is found, ``comments`` is asked when it is done.

    What a line did is read off the session, so it is noticed too where a text was stopped half way or a key did it.
    """

    def __init__(self, session: Session) -> None:
        self._commands: list[str] = []
        self._begin_step(0, session)

    @property
    def finished(self) -> bool:
        """Whether all steps are behind."""
        return self.step_index >= len(STEPS)

    def before_command(self, command: str) -> None:
        """A line is about to be done: a command's name, or "" for a seed or an empty line."""
        self._commands.append(command)

    def after_command(self, session: Session) -> Iterator[Effect]:
        """After a line: praise and the next step where the step at hand is done (and the ones behind it, where one line
        or one text did several), else nothing.

        What was done while text is being written is noticed at its end.
        """
        if session.playing:
            return
        commands, self._commands = self._commands, []
        before = self.step_index
        while not self.finished and any(
            STEPS[self.step_index].is_done(self._context(session, command)) for command in commands
        ):
            yield Notice(f"✓ {STEPS[self.step_index].praise(session)}")
            self._begin_step(self.step_index + 1, session)
        if self.step_index > before:
            yield self._step_or_goodbye(session)

    def skip_step(self, session: Session) -> Iterator[Effect]:
        """Pass the step at hand over."""
        self._begin_step(self.step_index + 1, session)
        yield self._step_or_goodbye(session)

    def show_step(self) -> Listing:
        """The step at hand."""
        step = STEPS[self.step_index]
        return Listing(f"tour {self.step_index + 1} of {len(STEPS)} · {step.title}", list(step.rows))

    def _step_or_goodbye(self, session: Session) -> Effect:
        """The step at hand; behind the last one a goodbye, and the session is left alone."""
        if not self.finished:
            return self.show_step()
        session.observer = None
        return Notice("that was the tour. /help lists everything, /tour begins again")

    def _begin_step(self, index: int, session: Session) -> None:
        """Stand at a step, and keep how things are, to see what becomes different."""
        self.step_index = index
        self._passage: Passage = session.passage
        self._forks_before = _count_forks(session.passage)
        self._models_before = frozenset(_list_own_models())

    def _context(self, session: Session, command: str) -> StepContext:
        forks = self._forks_before if session.passage is self._passage else 0
        return StepContext(session, command, forks, self._models_before)


def tour(session: Session, action: str = "") -> Iterator[Effect]:
    """/tour begins, or shows the step at hand again; "skip" goes on to the next one, "stop" ends it."""
    guide = session.observer
    if action == "stop":
        session.observer = None
        yield Notice("the tour is over; /tour begins again" if guide else "there is no tour; /tour begins one")
    elif action == "skip" and isinstance(guide, Tour):
        yield from guide.skip_step(session)
    elif action in ("", "skip"):
        if not isinstance(guide, Tour):
            session.observer = guide = Tour(session)
            yield Notice("a tour in seven steps; /tour skip passes one over, /tour stop ends it")
        yield guide.show_step()
    else:
        raise CommandError(f"/tour knows skip and stop, not {action!r}")


def _written_tokens(context: StepContext) -> Sequence[Token]:
    """The text that the reader stands behind, where it was written and not typed."""
    passage = context.session.passage
    return () if passage.cursor is None else passage.nodes[passage.cursor].tokens


def _cold_tokens(tokens: Sequence[Token]) -> list[Token]:
    return [token for token in tokens if token.temperature <= MAX_COLD_TEMPERATURE]


def _hot_tokens(tokens: Sequence[Token]) -> list[Token]:
    return [token for token in tokens if token.temperature >= MIN_HOT_TEMPERATURE]


def _count_forks(passage: Passage) -> int:
    """How many roads there are beside the first one."""
    return sum(max(0, len(node.children) - 1) for node in passage.nodes)


def _list_own_models() -> Iterator[str]:
    for entry in library.list_models():
        if not entry.bundled:
            yield f"{entry.path} {entry.path.stat().st_mtime_ns}"


def _has_trained_model(context: StepContext) -> bool:
    return bool(frozenset(_list_own_models()) - context.models_before)


def _describe_likelihood(session: Session, select: Callable[[Sequence[Token]], Sequence[Token]] = list) -> str:
    """How much of the last text the model held for likeliest: "T 0.20: 95 of the last 100 characters were …"."""
    tokens = select(session.passage.current().tokens)[-100:]
    first = sum(token.rank == 1 for token in tokens)
    what = "characters" if session.model.tokenizer.kind == "char" else "tokens"
    return f"T {tokens[-1].temperature:.2f}: {first} of the last {len(tokens)} {what} were the likeliest"


STEPS: tuple[TourStep, ...] = (
    TourStep(
        "type a seed: the model goes on from there",
        (
            ("ROMEO:", "type this, or anything else, and Enter"),
            ("Space, Esc", "while it writes: hold it, stop it"),
        ),
        lambda seen: not seen.command and bool(_written_tokens(seen)),
        lambda session: f"{_describe_likelihood(session)}; chance did the rest",
    ),
    TourStep(
        "make it cold: a low temperature sharpens the chances",
        (
            ("/temp 0.2", "log-probabilities are divided by 0.2 from now on"),
            ("an empty line", "Enter writes on at the new temperature"),
        ),
        lambda seen: len(_cold_tokens(_written_tokens(seen))) >= MIN_TOKENS,
        lambda session: f"{_describe_likelihood(session, _cold_tokens)}; safe, and soon dull",
    ),
    TourStep(
        "make it hot: a high temperature flattens them",
        (
            ("/temp 1.5", "the unlikely gets a chance"),
            ("an empty line", "Enter writes on"),
        ),
        lambda seen: len(_hot_tokens(_written_tokens(seen))) >= MIN_TOKENS,
        lambda session: f"{_describe_likelihood(session, _hot_tokens)}; bold, often wrong",
    ),
    TourStep(
        "look through the lens: the chances behind the next character",
        (
            ("/explain", "p, log p, divided by T, exp, made to sum to 1 again"),
            ("/explain 0 0.5 1 2", "the same from greedy to diverse"),
        ),
        lambda seen: seen.command in ("explain", "lens"),
        lambda _: "the dice are thrown on the column on the right, at every single character",
    ),
    TourStep(
        "take another road: other dice, another text",
        (
            ("/temp reset", "back to the model's own temperature"),
            ("/retry", "the last text once more, with other dice"),
            ("/undo, /redo", "back and forth; nothing is lost"),
        ),
        lambda seen: _count_forks(seen.session.passage) > seen.forks_before,
        lambda _: "both are kept: an LSTM's memory is a few kilobytes, going back costs nothing",
    ),
    TourStep(
        "sweep: one seed, the same dice, several temperatures",
        (("/sweep", "at 0.2, 0.5, 1 and 1.2; /sweep 0.1 0.8 2 for others"),),
        lambda seen: seen.command == "sweep",
        lambda _: "nothing but the temperature was different",
    ),
    TourStep(
        "train on a page of your own",
        (
            ("page.txt", f"a text of {MIN_TRAIN_CHARS:,} characters or more: letters, lyrics"),
            ("in another window:", "afterglow train page.txt --name mine --minutes 3"),
            ("/model mine", "when it is there, play it"),
            ("/tour skip", "not now"),
        ),
        _has_trained_model,
        lambda _: "a model of your own: /model lists it",
    ),
)
"""The tour, in order."""
