"""The slash commands: one table from which every face takes dispatch, help and completion."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from ..errors import AfterglowError, CommandError, suggest
from ..session.session import Session
from ..settings import SPECS, Spec
from . import actions, explain, tour
from .effects import Effect, Listing, Play

Choices = Callable[[Session], Iterable[tuple[str, str]]]


@dataclass(frozen=True, slots=True)
class Argument:
    """One argument: its name, how a person's text becomes a value, and the values worth offering, each with help."""

    name: str
    parse: Callable[[Session, str], Any] = lambda _, text: text
    choices: Choices = lambda _: ()
    required: bool = False


@dataclass(frozen=True, slots=True)
class Command:
    """A row of the table. ``run`` takes the session and typed values and yields effects.

    ``live`` commands apply while text is being written; before the others it is stopped.
    """

    name: str
    help: str
    run: Callable[..., Iterator[Effect]]
    arguments: tuple[Argument, ...] = ()
    aliases: tuple[str, ...] = ()
    live: bool = False

    @property
    def usage(self) -> str:
        """The command as it is typed: /set NAME [VALUE]."""
        words = [a.name.upper() if a.required else f"[{a.name.upper()}]" for a in self.arguments]
        return " ".join([f"/{self.name}", *words])


def dispatch(session: Session, line: str) -> Iterator[Effect]:
    """Do what a typed line says: a command where it begins with "/", else a seed; an empty line writes on.

    A seed that begins with "/" is written "//…". Raises AfterglowError, one line, and then nothing has changed.
    """
    command, values = parse_command(session, line) if is_command(line) else (None, [])
    if session.observer:
        session.observer.before_command(command.name if command else "")
    yield from command.run(session, *values) if command else _play_prompt(session, line)
    if session.observer:
        yield from session.observer.after_command(session)


def _play_prompt(session: Session, line: str) -> Iterator[Effect]:
    if not line.strip(" ") and "\n" not in line:
        yield Play(session.continue_() if session.passage.nodes else session.prompt(""))
    else:
        yield Play(session.prompt(unescape_seed(line)))


def is_command(line: str) -> bool:
    """Whether a typed line asks for a command; what begins with "//" is a seed."""
    return line.startswith("/") and not line.startswith("//")


def unescape_seed(line: str) -> str:
    """The seed that a typed line stands for, where it is no command."""
    return line[1:] if line.startswith("//") else line


def split_command(line: str) -> list[str]:
    """The name of a typed command and what stands behind it, blank space between them whatever it is; "" for none."""
    return [*line.strip().removeprefix("/").split(None, 1), "", ""][:2]


def parse_command(session: Session, line: str) -> tuple[Command, list[Any]]:
    """The command of a line and its arguments as values; raises CommandError or SettingError."""
    name, rest = split_command(line)
    command = lookup_command(name)
    words = rest.split(None, len(command.arguments) - 1) if command.arguments else rest.split()
    if len(words) > len(command.arguments) or len(words) < sum(a.required for a in command.arguments):
        raise CommandError(f"{command.usage} is how it is typed: {command.help}")
    return command, [a.parse(session, word) for a, word in zip(command.arguments, words, strict=False)]


def lookup_command(name: str) -> Command:
    """The command called ``name`` or one of its aliases; raises CommandError, which guesses what was meant."""
    if name in _BY_NAME:
        return _BY_NAME[name]
    hint = suggest(name, _BY_NAME, "/help lists them", prefix="/")
    raise CommandError(f"there is no command /{name}; {hint}")


def completions(session: Session, line: str) -> list[tuple[str, str]]:
    """What the last word of a line that begins with "/" could become: (word, help).

    Nothing where what is kept on disk cannot be read: the command itself will say so.
    """
    with contextlib.suppress(AfterglowError):
        return _completions(session, line)
    return []


def _completions(session: Session, line: str) -> list[tuple[str, str]]:
    name, space, rest = line.removeprefix("/").partition(" ")
    if not space:
        # Aliases are for who knows them: they are offered only where no name fits.
        found = [c.name for c in COMMANDS if c.name.startswith(name)] or [n for n in _BY_NAME if n.startswith(name)]
        return [(f"/{n}", _BY_NAME[n].help) for n in found]
    command = _BY_NAME.get(name)
    words = rest.split(" ")
    if command is None or len(words) > len(command.arguments):
        return []
    if command.name == "set" and len(words) == 2:
        return _filter_by_prefix(_setting_choices(words[0])(session), words[1])
    return _filter_by_prefix(command.arguments[len(words) - 1].choices(session), words[-1])


def runs_live(line: str) -> bool:
    """Whether a typed line applies while text is being written; so does a typo, which is told and ends nothing."""
    name = split_command(line)[0]
    return is_command(line) and (name not in _BY_NAME or _BY_NAME[name].live)


def _filter_by_prefix(choices: Iterable[tuple[str, str]], prefix: str) -> list[tuple[str, str]]:
    return [(value, what) for value, what in choices if value.startswith(prefix)]


def _setting_argument(spec: Spec) -> Argument:
    def parse(session: Session, text: str) -> Any:
        if text == "reset":
            return session.default_of(spec.name)
        return spec.parse(text, getattr(session.settings, spec.name))

    return Argument("value", parse, _setting_choices(spec.name))


def _setting_choices(name: str) -> Choices:
    def choices(session: Session) -> Iterator[tuple[str, str]]:
        spec = SPECS.get(name.replace("-", "_"))
        if spec:
            yield spec.kind.show(getattr(session.settings, spec.name)), "now"
            yield from ((value, "") for value in spec.kind.examples)
            yield "reset", f"the model's default, {spec.kind.show(session.default_of(spec.name))}"

    return choices


def _setting_command(spec: Spec) -> Command:
    """Every setting is a command of its own name: /top-p 0.9 sets it, /top-p shows it."""

    def run(session: Session, *values: Any) -> Iterator[Effect]:
        yield from actions.show_or_set(session, spec, *values)

    names = ("temp", "t", "temperature") if spec.name == "temperature" else (spec.label,)
    return Command(names[0], spec.help, run, (_setting_argument(spec),), names[1:], live=True)


def _parse_temperatures(_: Session, text: str) -> list[float]:
    return [explain.parse_temperature(word) for word in text.split()]


def _parse_whole_number(_: Session, text: str) -> int:
    if not text.isdecimal():
        raise CommandError(f"{text!r} is no whole number")
    return int(text)


def _parse_step(_: Session, text: str) -> int:
    if text not in ("1", "+1", "-1"):
        raise CommandError(f"{text!r} is no step: 1 is the next version, -1 the one before")
    return int(text)


def _parse_token(session: Session, text: str) -> int:
    """The id of a token that is typed as its text, quoted where it is a space: " " or "\\n"."""
    texts = SPECS["stop"].parse(text)
    ids = [int(i) for word in texts for i in session.model.tokenizer.encode(word)]
    if len(ids) != 1 or session.model.tokenizer.decode(ids) != texts[0]:
        raise CommandError(f"{text} is not one token of {session.model.name}")
    return ids[0]


_SETTING_NAME_ARGUMENT = Argument("name", choices=lambda _: ((s.label, s.help) for s in SPECS.values()))

COMMANDS: tuple[Command, ...] = (
    *(_setting_command(spec) for spec in SPECS.values()),
    Command(
        "set", "show all settings, or change one", actions.set_, (_SETTING_NAME_ARGUMENT, Argument("value")), live=True
    ),
    Command("continue", "write on; an empty line does the same", actions.continue_, aliases=("c",)),
    Command("retry", "write the last text again with other dice", actions.retry, aliases=("r",)),
    Command(
        "version",
        "the next version of the last text, or with -1 the one before; behind the last another is written",
        actions.version,
        (Argument("step", _parse_step, lambda _: [("1", "the next one"), ("-1", "the one before")]),),
    ),
    Command(
        "branch",
        "keep so many tokens of the text, take another one there, and write on",
        actions.branch,
        (Argument("at", _parse_whole_number, required=True), Argument("token", _parse_token)),
    ),
    Command("edit", "change the text anywhere, and write on from there", actions.edit),
    Command("tree", "all seeds and texts of this passage, to go to any of them", actions.tree),
    Command("go", "go to a place in the tree", actions.go, (Argument("number", _parse_whole_number, required=True),)),
    Command("undo", "take the last text back", actions.undo),
    Command("redo", "take an undo back", actions.redo),
    Command("new", "put this passage away and begin an empty one", actions.new),
    Command(
        "sweep",
        "the same seed and dice at several temperatures",
        actions.sweep,
        (Argument("temperatures", _parse_temperatures, lambda _: [("0.2 0.5 1.0 1.2", "the usual four")]),),
    ),
    Command(
        "preset",
        "list the presets, take one, or keep what is set: /preset save NAME",
        actions.preset,
        (Argument("name", choices=actions.preset_names), Argument("new")),
        live=True,
    ),
    Command(
        "explain",
        "what the temperature does to the next token's chances, here or at others; or to numbers",
        explain.explain,
        (Argument("temperatures", explain.parse_args, lambda _: [("0 0.5 1 2", "from greedy to diverse")]),),
        live=True,
    ),
    Command(
        "tour",
        "learn it in seven steps; /tour skip passes one over, /tour stop ends it",
        tour.tour,
        (Argument("what", choices=lambda _: [("skip", "the next step"), ("stop", "end it")]),),
        live=True,
    ),
    Command(
        "model",
        "list the models, or play another one",
        actions.model,
        (Argument("name", choices=actions.model_names),),
    ),
    Command("save", "keep this passage under a name", actions.save, (Argument("name"),), live=True),
    Command(
        "open",
        "list the kept passages, or go on with one",
        actions.open_,
        (Argument("name", choices=actions.passage_names),),
    ),
    Command(
        "export",
        "write this passage to a .txt, .md, .json, .html or .svg file, the last two in the colours of heat",
        actions.export,
        (Argument("path", required=True),),
        live=True,
    ),
    Command(
        "help",
        "this list, or one command",
        lambda _, *name: show_help(*name),
        (Argument("command"),),
        ("?",),
        live=True,
    ),
    Command("quit", "leave", actions.quit_, aliases=("q", "bye", "exit"), live=True),
)
"""All commands, in the order of the help page."""

_BY_NAME = {name: command for command in COMMANDS for name in (command.name, *command.aliases)}


def show_help(name: str = "") -> Iterator[Effect]:
    """What there is to type."""
    chosen = [lookup_command(name.removeprefix("/"))] if name else COMMANDS
    rows = [(", ".join([c.usage, *(f"/{a}" for a in c.aliases)]), c.help) for c in chosen]
    yield Listing("type a seed and the model goes on; an empty line continues; // begins a seed with a slash", rows)
