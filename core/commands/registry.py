"""The table of slash commands, with parsing, dispatch, help and completion for every front end."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import Any

from ..errors import AfterglowError, CommandError, suggest
from ..session.session import Session
from ..settings import SPECS, Spec
from . import actions, arguments, explain, passage_commands, preset_commands, read_command, tour
from .command import Argument, Command
from .effects import Effect, Listing, Play


def dispatch(session: Session, line: str) -> Iterator[Effect]:
    """Run a typed line and yield its effects: a command if it begins with "/", else a seed. An empty line continues.

    A seed that begins with "/" is typed as "//…". Raises AfterglowError, and changes nothing, if the line is invalid.
    """
    command, values = parse_command(session, line) if is_command(line) else (None, [])
    if session.observer:
        session.observer.before_command(command.name if command else "")
    yield from command.run(session, *values) if command else _play_seed(session, line)
    if session.observer:
        yield from session.observer.after_command(session)


def _play_seed(session: Session, line: str) -> Iterator[Effect]:
    if not line.strip(" ") and "\n" not in line:
        yield Play(session.continue_() if session.passage.nodes else session.write_from(""))
    else:
        yield Play(session.write_from(unescape_seed(line)))


def is_command(line: str) -> bool:
    """True if a typed line is a command. A line that begins with "//" is a seed."""
    return line.startswith("/") and not line.startswith("//")


def unescape_seed(line: str) -> str:
    """Return the seed of a typed line that is not a command: "//" at its beginning stands for "/"."""
    return line[1:] if line.startswith("//") else line


def split_command(line: str) -> list[str]:
    """Return the name of a typed command and the text after it, separated by any white space. Both may be ""."""
    return [*line.strip().removeprefix("/").split(None, 1), "", ""][:2]


def parse_command(session: Session, line: str) -> tuple[Command, list[Any]]:
    """Return the command of a line and its parsed arguments. Raises CommandError or SettingError if it is invalid."""
    name, rest = split_command(line)
    command = lookup_command(name)
    words = rest.split(None, len(command.arguments) - 1) if command.arguments else rest.split()
    if len(words) > len(command.arguments) or len(words) < sum(a.required for a in command.arguments):
        raise CommandError(f"usage: {command.usage} ({command.help})")
    return command, [a.parse(session, word) for a, word in zip(command.arguments, words, strict=False)]


def lookup_command(name: str) -> Command:
    """Return the command with this name or alias. Raises CommandError, with a suggestion, if there is none."""
    if name in _BY_NAME:
        return _BY_NAME[name]
    hint = suggest(name, _BY_NAME, "/help lists them", prefix="/")
    raise CommandError(f"there is no command /{name}; {hint}")


def completions(session: Session, line: str) -> list[tuple[str, str]]:
    """Return completions of the last word of a line that begins with "/", as (word, help).

    Empty if files that list the values cannot be read; the command itself reports the error.
    """
    with contextlib.suppress(AfterglowError):
        return _completions(session, line)
    return []


def _completions(session: Session, line: str) -> list[tuple[str, str]]:
    name, space, rest = line.removeprefix("/").partition(" ")
    if not space:
        # Aliases are offered only if no command's own name matches.
        names = [c.name for c in COMMANDS if c.name.startswith(name)] or [n for n in _BY_NAME if n.startswith(name)]
        return [(f"/{n}", _BY_NAME[n].help) for n in names]
    command = _BY_NAME.get(name)
    *before, prefix = rest.split(" ")
    if command is None or len(before) >= len(command.arguments):
        return []
    choices = command.arguments[len(before)].choices(session, before)
    return [(value, note) for value, note in choices if value.startswith(prefix)]


def runs_live(line: str) -> bool:
    """True if a typed line can run while text is being written. So can a mistyped command: its error stops no text."""
    name = split_command(line)[0]
    return is_command(line) and (name not in _BY_NAME or _BY_NAME[name].live)


def names_command(line: str) -> bool:
    """True if a typed line is a command that exists."""
    return is_command(line) and split_command(line)[0] in _BY_NAME


def asks_for_more(line: str) -> bool:
    """True if a typed line is the name of a command that asks for arguments, without any."""
    name, rest = split_command(line)
    return names_command(line) and _BY_NAME[name].asks_for_arguments and not rest


def _setting_argument(spec: Spec) -> Argument:
    return Argument(
        "value",
        lambda session, text: actions.parse_value(session, spec, text),
        lambda session, _: _setting_choices(session, spec.name),
        asked=True,
    )


def _setting_choices(session: Session, name: str) -> Iterator[tuple[str, str]]:
    """Yield a setting's current value, examples and "reset", with help. Yield nothing if there is no such setting."""
    spec = SPECS.get(name.replace("-", "_"))
    if spec:
        yield spec.kind.show(getattr(session.settings, spec.name)), "current"
        yield from ((value, "") for value in spec.kind.examples)
        yield "reset", f"the model's default, {spec.kind.show(session.default_of(spec.name))}"


def _setting_command(spec: Spec) -> Command:
    """Return the command of a setting: /top-p 0.9 sets it, /top-p shows it."""

    def run(session: Session, *values: Any) -> Iterator[Effect]:
        yield from actions.show_or_set(session, spec, *values)

    names = ("temp", "t", "temperature") if spec.name == "temperature" else (spec.label,)
    return Command(names[0], spec.help, run, (_setting_argument(spec),), names[1:], live=True)


COMMANDS: tuple[Command, ...] = (
    *(_setting_command(spec) for spec in SPECS.values()),
    Command(
        "set",
        "list all settings, or change one",
        actions.set_,
        (
            Argument("name", choices=lambda *_: ((spec.label, spec.help) for spec in SPECS.values())),
            Argument("value", choices=lambda session, words: _setting_choices(session, words[0]), asked=True),
        ),
        live=True,
    ),
    Command("continue", "continue the text; an empty line does the same", actions.continue_, aliases=("c",)),
    Command("retry", "write the last text again with other random numbers", actions.retry, aliases=("r",)),
    Command(
        "version",
        "go to the next version of the last text, or to the previous one with -1; after the last, write another",
        actions.version,
        (Argument("step", arguments.parse_step, arguments.offer(("1", "the next one"), ("-1", "the previous one"))),),
    ),
    Command(
        "branch",
        "go back to after the first AT tokens and continue differently, from TOKEN if it is given",
        actions.branch,
        (Argument("at", arguments.parse_whole_number, required=True), Argument("token", arguments.parse_token)),
    ),
    Command(
        "read",
        "show any text in heat colors: the file PATH, or what you typed",
        read_command.read,
        (Argument("path", asked=True),),
    ),
    Command("edit", "edit the text, then continue it", actions.edit),
    Command("tree", "list all seeds and texts of this passage, to go to one of them", actions.tree),
    Command(
        "go", "go to a node of the tree", actions.go, (Argument("number", arguments.parse_whole_number, required=True),)
    ),
    Command("undo", "go back to before the last text", actions.undo),
    Command("redo", "reverse an undo", actions.redo),
    Command("new", "begin an empty passage", actions.new),
    Command(
        "sweep",
        "write from the same seed with the same random numbers at several temperatures",
        actions.sweep,
        (Argument("temperatures", arguments.parse_temperatures, arguments.offer(("0.2 0.5 1.0 1.2", "the default"))),),
    ),
    Command(
        "preset",
        "list the presets or apply one; /preset save NAME saves one (/preset! replaces), /preset delete NAME",
        preset_commands.preset,
        (Argument("name", choices=lambda *_: preset_commands.list_presets()), Argument("new")),
        live=True,
        careful=True,
    ),
    Command(
        "explain",
        "show what temperatures do to the next token's probabilities, or to typed ones",
        explain.explain,
        (Argument("temperatures", explain.parse_args, arguments.offer(("0 0.5 1 2", "from greedy to diverse"))),),
        live=True,
    ),
    Command(
        "tour",
        "learn afterglow in seven steps; /tour skip skips one, /tour stop ends it",
        tour.tour,
        (Argument("action", choices=arguments.offer(("skip", "go to the next step"), ("stop", "end the tour"))),),
        live=True,
    ),
    Command(
        "model",
        "list the models, or switch to another one",
        actions.model,
        (Argument("name", choices=lambda *_: actions.list_models()),),
    ),
    Command(
        "save",
        "save this passage under a name; /save! replaces one",
        passage_commands.save,
        (Argument("name"),),
        live=True,
        careful=True,
    ),
    Command(
        "open",
        "list the saved passages, or open one",
        passage_commands.open_,
        (Argument("name", choices=lambda *_: passage_commands.list_passages()),),
    ),
    Command(
        "rename",
        "name this passage, or another one: /rename #12 NEW; a name of several words is put in quotes",
        passage_commands.rename,
        (Argument("[old] new", passage_commands.parse_names, lambda *_: passage_commands.list_passages(), True),),
        live=True,
        careful=True,
    ),
    Command(
        "delete",
        "delete this passage, or another one; asks first, and /delete! does not",
        passage_commands.delete,
        (Argument("name", choices=lambda *_: passage_commands.list_passages()),),
        careful=True,
    ),
    Command("undelete", "bring back what was deleted last in this session", passage_commands.undelete),
    Command(
        "export",
        "write this passage to a .txt, .md, .json, .html or .svg file (/export! replaces one), the last two in color",
        actions.export,
        (Argument("path", required=True),),
        live=True,
        careful=True,
    ),
    Command(
        "help",
        "list all commands, or show one",
        lambda _, *name: show_help(*name),
        (Argument("command"),),
        ("?",),
        live=True,
    ),
    Command("quit", "quit afterglow", actions.quit_, aliases=("q", "bye", "exit"), live=True),
)
"""All commands, in the order of the help page."""

_BY_NAME = {name: command for command in COMMANDS for name in (command.name, *command.aliases)} | {
    f"{command.name}!": replace(command, run=partial(command.run, force=True))
    for command in COMMANDS
    if command.careful
}


def show_help(name: str = "") -> Iterator[Effect]:
    """List all commands, or show the one called ``name``."""
    commands = [lookup_command(name.removeprefix("/"))] if name else COMMANDS
    rows = [(", ".join([c.usage, *(f"/{a}" for a in c.aliases)]), c.help) for c in commands]
    yield Listing("type a seed to start; an empty line continues; // begins a seed with a slash", rows)
