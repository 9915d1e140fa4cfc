"""The guided tour in eight steps: it says what to type next, and notices when that is done."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from ..errors import CommandError
from ..events import Notice, Token
from ..session.passage import Passage
from ..session.session import Session
from ..setting_heat import heat_unit
from ..text.corpus import MIN_TRAIN_CHARS
from .effects import Effect, Listing, Pin

MAX_COLD_TEMPERATURE = 0.3
"""Highest temperature at which a token counts as cold."""

MIN_HOT_TEMPERATURE = 1.4
"""Lowest temperature at which a token counts as hot."""

MIN_TOKENS = 20
"""Cold or hot tokens that a text must have for their step to be done."""


class StepContext(NamedTuple):
    """State after a typed line: the session, and the line's command, "" for a seed or an empty line.

    ``forks_before`` are the passage's forks when the step began.
    """

    session: Session
    command: str
    forks_before: int


@dataclass(frozen=True, slots=True)
class TourStep:
    """A step of the tour: rows of (text to type, its effect), a test if it is done, and praise for it.

    ``task`` says in a few words what to do. ``hint`` returns what is missing if a line did not do it, "" if it is not
    known.
    """

    title: str
    task: str
    rows: tuple[tuple[str, str], ...]
    is_done: Callable[[StepContext], bool]
    praise: Callable[[Session], str]
    hint: Callable[[StepContext], str] = lambda _: ""


class Tour:
    """Progress of one user through the steps; observes a session.

    Most steps are recognized by their effect on the session, so a text stopped early and a key press count too.
    """

    def __init__(self, session: Session) -> None:
        self._commands: list[str] = []
        self._begin_step(0, session)

    @property
    def finished(self) -> bool:
        """True if all steps are done or skipped."""
        return self.step_index >= len(STEPS)

    def before_command(self, command: str) -> None:
        """Note the command of a line that is about to run, "" for a seed or an empty line."""
        self._commands.append(command)

    def after_command(self, session: Session) -> Iterator[Effect]:
        """Yield praise for each step that is now done, then the next step. Yield nothing if none is.

        Commands that were run while text was being written are judged when it ends.
        """
        if session.playing:
            return
        commands, self._commands = self._commands, []
        before = self.step_index
        while not self.finished and self._is_done(session, commands):
            yield Notice(f"✓ {STEPS[self.step_index].praise(session)}")
            self._begin_step(self.step_index + 1, session)
        if self.step_index > before:
            yield from self._show_step_or_end(session)
        elif commands and (hint := STEPS[self.step_index].hint(self._context(session, commands[-1]))):
            yield Notice(hint)

    def _is_done(self, session: Session, commands: Sequence[str]) -> bool:
        """True if the current step is done after these commands."""
        return any(STEPS[self.step_index].is_done(self._context(session, command)) for command in commands)

    def _context(self, session: Session, command: str) -> StepContext:
        forks = self._forks_before if session.passage is self._passage else 0
        return StepContext(session, command, forks)

    def skip_step(self, session: Session) -> Iterator[Effect]:
        """Go to the next step."""
        self._begin_step(self.step_index + 1, session)
        yield from self._show_step_or_end(session)

    def show_step(self) -> Iterator[Effect]:
        """Show the current step, and pin what to do."""
        step, place = STEPS[self.step_index], f"tour {self.step_index + 1} of {len(STEPS)}"
        yield Listing(f"{place} · {step.title}", list(step.rows))
        yield Pin(f"{place}: {step.task}")

    def _show_step_or_end(self, session: Session) -> Iterator[Effect]:
        """Show the current step. After the last one, end the tour and say goodbye."""
        if not self.finished:
            yield from self.show_step()
            return
        session.observer = None
        yield Pin("")
        yield Notice("that was the tour; /help lists all commands, /tour starts again")

    def _begin_step(self, index: int, session: Session) -> None:
        """Go to a step, and note the passage's forks, to notice new ones."""
        self.step_index = index
        self._passage: Passage = session.passage
        self._forks_before = _count_forks(session.passage)


def tour(session: Session, action: str = "") -> Iterator[Effect]:
    """Start the tour or show its current step; "skip" goes to the next step, "stop" ends the tour."""
    guide = session.observer
    if action == "stop":
        session.observer = None
        yield Pin("")
        yield Notice("tour ended; /tour starts again" if guide else "no tour is running; /tour starts one")
    elif action == "skip" and isinstance(guide, Tour):
        yield from guide.skip_step(session)
    elif action in ("", "skip"):
        if not isinstance(guide, Tour):
            session.observer = guide = Tour(session)
            yield Notice("a tour in eight steps; /tour skip skips one, /tour stop ends it")
        yield from guide.show_step()
    else:
        raise CommandError(f"/tour takes skip or stop, not {action!r}")


def _last_tokens(context: StepContext) -> Sequence[Token]:
    """Return the tokens of the node at the cursor; none if it is a seed."""
    passage = context.session.passage
    return () if passage.cursor is None else passage.nodes[passage.cursor].tokens


def _cold_tokens(tokens: Sequence[Token]) -> list[Token]:
    return [token for token in tokens if token.temperature <= MAX_COLD_TEMPERATURE]


def _hot_tokens(tokens: Sequence[Token]) -> list[Token]:
    return [token for token in tokens if token.temperature >= MIN_HOT_TEMPERATURE]


def _hint_cold(context: StepContext) -> str:
    fits = context.session.temperature <= MAX_COLD_TEMPERATURE
    return _hint_temperature(context, fits, "at most 0.3: type /temp 0.2")


def _hint_hot(context: StepContext) -> str:
    fits = context.session.temperature >= MIN_HOT_TEMPERATURE
    return _hint_temperature(context, fits, "at least 1.4: type /temp 1.5")


def _hint_temperature(context: StepContext, fits: bool, need: str) -> str:
    """Return what is missing after the temperature was set, or after a text: another temperature, or more text."""
    if context.command not in ("temp", "set", "", "continue", "retry", "version"):
        return ""
    if not fits:
        return f"T is {context.session.temperature:.2f}, and this step needs {need}"
    return "" if context.command in ("temp", "set") else "almost: press Enter on an empty line for more text"


def _count_forks(passage: Passage) -> int:
    """Return the number of branches, not counting the first child of each node."""
    return sum(max(0, len(node.children) - 1) for node in passage.nodes)


def _learns_typed_text(context: StepContext) -> bool:
    """True if a text was begun or continued while the model learns what is typed."""
    from ..session.learning_listener import LearningListener  # imported late: few sessions learn

    listener = context.session.listener
    return not context.command and isinstance(listener, LearningListener) and listener.listening


def _describe_likelihood(session: Session, select: Callable[[Sequence[Token]], Sequence[Token]] = list) -> str:
    """Return how many tokens were the likeliest: "T 0.20: 95 of the last 100 characters were the likeliest"."""
    tokens = select(session.passage.current().tokens)[-100:]
    likeliest = sum(token.rank == 1 for token in tokens)
    unit = "characters" if session.model.tokenizer.kind == "char" else "tokens"
    return f"T {tokens[-1].temperature:.2f}: {likeliest} of the last {len(tokens)} {unit} were the likeliest"


STEPS: tuple[TourStep, ...] = (
    TourStep(
        "type a seed: the model continues it",
        "type At midnight or anything else, then Enter",
        (
            ("At midnight", "type this or anything else, then Enter"),
            ("Space, Esc", "while it writes: pause it, stop it"),
        ),
        lambda context: not context.command and bool(_last_tokens(context)),
        lambda session: f"{_describe_likelihood(session)}; chance did the rest",
    ),
    TourStep(
        "make it cold: a low temperature sharpens the probabilities",
        "type /temp 0.2, then press Enter on an empty line",
        (
            ("/temp 0.2", "from now on, log-probabilities are divided by 0.2"),
            ("an empty line", "Enter continues at the new temperature"),
        ),
        lambda context: len(_cold_tokens(_last_tokens(context))) >= MIN_TOKENS,
        lambda session: f"{_describe_likelihood(session, _cold_tokens)}; safe, soon dull",
        _hint_cold,
    ),
    TourStep(
        "make it hot: a high temperature flattens them",
        "type /temp 1.5, then press Enter on an empty line",
        (
            ("/temp 1.5", "unlikely tokens get a chance"),
            ("an empty line", "Enter continues"),
        ),
        lambda context: len(_hot_tokens(_last_tokens(context))) >= MIN_TOKENS,
        lambda session: f"{_describe_likelihood(session, _hot_tokens)}; bold, often wrong",
        _hint_hot,
    ),
    TourStep(
        "look through the lens: the probabilities of the next token",
        "type /explain",
        (
            ("/explain", "p, log p, divided by T, exp, normalized to sum to 1"),
            ("/explain 0 0.5 1 2", "the same from greedy to diverse"),
        ),
        lambda context: context.command in ("explain", "lens"),
        lambda _: "each token is drawn at random with the probabilities in the last column",
    ),
    TourStep(
        "go another way: other random numbers, another text",
        "type /temp reset, then /retry",
        (
            ("/temp reset", "back to the model's own temperature"),
            ("/retry", "write the last text again, with other random numbers"),
            ("/undo, /redo", "go back and forth; nothing is lost"),
        ),
        lambda context: _count_forks(context.session.passage) > context.forks_before,
        lambda _: "both are kept: an LSTM's state is a few kilobytes, so undo costs nothing",
    ),
    TourStep(
        "sweep: one seed, the same random numbers, several temperatures",
        "type /sweep",
        (("/sweep", "at 0.2, 0.5, 1 and 1.2; /sweep 0.1 0.8 2 for others"),),
        lambda context: context.command == "sweep",
        lambda _: "only the temperature was different",
    ),
    TourStep(
        "let it learn a few sentences of your own",
        "type /learn on, then some sentences of your own",
        (
            ("/learn on", "from now on the model learns what you type, at once"),
            ("your sentences", "type or paste some, then Enter; the more, the better"),
            ("/learn", "how much better it reads you now"),
            ("afterglow train", f"for {MIN_TRAIN_CHARS:,} characters or more; it needs torch"),
        ),
        _learns_typed_text,
        lambda _: "it learns as it reads you; /learn save NAME keeps it, /learn off ends it",
    ),
    TourStep(
        "look inside: a text in the colors of one cell of the network",
        "type /heat cell 2.22, or /tour skip",
        (
            ("/heat cell 2.22", "in shakespeare: how far the line has come"),
            ("/cells", "cells that follow something; , and . go through them"),
            ("/heat off", "no colors; /heat surprise for others"),
        ),
        lambda context: heat_unit(context.session.settings.heat) is not None,
        lambda _: "the cell was never told what to count; it learned that from the text",
    ),
)
"""The steps of the tour, in order."""
