"""The table of slash commands, in the order of their use."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from ..session.session import Session
from ..setting_spec import Spec
from ..settings import SPECS
from . import (
    actions,
    arguments,
    cells_command,
    explain,
    learn_commands,
    passage_commands,
    preset_commands,
    read_command,
)
from .command import Argument, Command
from .effects import Effect
from .unit_steps import RANKED_STEPS, UNIT_STEPS, known_cells


def _setting_argument(spec: Spec) -> Argument:
    return Argument(
        "value",
        lambda session, text: actions.parse_value(session, spec, text),
        lambda session, before: _values_of_model(session, spec, before) if before else _choices(session, spec.name),
        asked=True,
        several_words=spec.name in ("style", "heat"),
    )


def _choices(session: Session, name: str) -> Iterator[tuple[str, str]]:
    """Yield a setting's current value, examples and "reset", with help. Yield nothing if there is no such setting."""
    spec = SPECS.get(name.replace("-", "_"))
    if spec:
        yield spec.kind.show(getattr(session.settings, spec.name)), "current"
        yield from ((value, "") for value in spec.kind.examples)
        yield from _values_of_model(session, spec)
        yield "reset", f"the default, {spec.kind.show(session.default_of(spec.name))}"


def _values_of_model(session: Session, spec: Spec, before: Sequence[str] = ()) -> Sequence[tuple[str, str]]:
    """Return values that only this model has, with help: its styles, or steps between its units."""
    if spec.name == "style":
        return [(name, "") for name in session.model.voices.names]
    if spec.name != "heat" or before:
        return []
    known = known_cells(session)
    return [*known, *(step for step in UNIT_STEPS.items() if known or step[0] not in RANKED_STEPS)]


def _setting_command(spec: Spec) -> Command:
    """Return the command of a setting: /top-p 0.9 sets it, /top-p shows it."""

    def run(session: Session, *values: Any) -> Iterator[Effect]:
        yield from actions.show_or_set(session, spec, *values)

    names = ("temp", "t", "temperature") if spec.name == "temperature" else (spec.label,)
    return Command(names[0], spec.help, run, (_setting_argument(spec),), names[1:], live=True)


def _tour(session: Session, *action: str) -> Iterator[Effect]:
    from .tour import tour  # imported late: it knows of training texts, and few sessions have one

    yield from tour(session, *action)


TEXT_COMMANDS: tuple[Command, ...] = (
    Command("continue", "continue the text; an empty line does the same", actions.continue_, aliases=("c",)),
    Command("retry", "write the last text again with other random numbers", actions.retry, aliases=("r",)),
    Command("undo", "go back to before the last text", actions.undo),
    Command("redo", "reverse an undo", actions.redo),
    Command(
        "version",
        "go to the next version of the last text, or to the previous one with -1; after the last, write another",
        actions.version,
        (Argument("step", arguments.parse_step, arguments.offer(("1", "the next one"), ("-1", "the previous one"))),),
    ),
    _setting_command(SPECS["temperature"]),
    Command(
        "sweep",
        "write one seed with the same random numbers at several temperatures or in several styles; --blind shuffles",
        actions.sweep,
        (Argument("--blind values", arguments.parse_sweep, arguments.offer_sweeps),),
    ),
    Command("reveal", "tell which text of a blind sweep is which", actions.reveal, live=True),
    Command(
        "explain",
        "show what temperatures do to the next token's probabilities, or to typed ones",
        explain.explain,
        (Argument("temperatures", explain.parse_args, arguments.offer(("0 0.5 1 2", "from greedy to diverse"))),),
        live=True,
    ),
    Command("edit", "edit the text, then continue it", actions.edit),
    Command("tree", "list all seeds and texts of this passage, to go to one of them", actions.tree),
    Command(
        "open",
        "list the saved passages, or open one",
        passage_commands.open_,
        (Argument("name", choices=lambda *_: passage_commands.list_passages()),),
    ),
    Command(
        "find",
        "find words in the text; without TEXT, the next place",
        actions.find,
        (Argument("text", asked=True),),
        live=True,
    ),
    Command("copy", "copy the text to the clipboard, or what is selected on the full screen", actions.copy, live=True),
    Command(
        "export",
        "write this passage to a .txt, .md, .json, .html or .svg file (/export! replaces one), the last two in color",
        actions.export,
        (Argument("path", required=True),),
        live=True,
        careful=True,
    ),
    Command(
        "read",
        "show any text in heat colors: the file PATH, or what you typed",
        read_command.read,
        (Argument("path", asked=True),),
    ),
    Command(
        "cells",
        "list the cells of the network that follow something, to color the text by one: in the file PATH, or in a text "
        "that the model writes",
        cells_command.cells,
        (Argument("path"),),
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
        "rename",
        "name this passage, or another one: /rename #12 NEW; an old name of several words is put in quotes",
        passage_commands.rename,
        (Argument("[old] new", passage_commands.parse_words, lambda *_: passage_commands.list_passages(), True),),
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
    Command("new", "begin an empty passage", actions.new),
    Command(
        "branch",
        "go back to after the first AT tokens and continue differently, from TOKEN if it is given",
        actions.branch,
        (Argument("at", arguments.parse_whole_number, required=True), Argument("token", arguments.parse_token)),
    ),
    Command(
        "go", "go to a node of the tree", actions.go, (Argument("number", arguments.parse_whole_number, required=True),)
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
        "model",
        "list the models, or switch to another one, or to a mixture: /model shakespeare:0.6 + tolstoy:0.4",
        actions.model,
        (Argument("name", choices=lambda *_: actions.list_models(), several_words=True),),
    ),
    Command(
        "learn",
        "show what the model has learned of you; on, off, use, forget, or save NAME (/learn! save replaces)",
        learn_commands.learn,
        (Argument("action", choices=arguments.offer(*learn_commands.ACTIONS)), Argument("name")),
        live=True,
        careful=True,
    ),
    Command(
        "tour",
        "learn afterglow in eight steps; /tour skip skips one, /tour stop ends it",
        _tour,
        (Argument("action", choices=arguments.offer(("skip", "go to the next step"), ("stop", "end the tour"))),),
        live=True,
    ),
)
"""The commands that work with texts and passages, the most used first."""

SETTING_COMMANDS: tuple[Command, ...] = (
    Command(
        "set",
        "list all settings, or change one",
        actions.set_,
        (
            Argument("name", choices=lambda *_: ((spec.label, spec.help) for spec in SPECS.values())),
            Argument("value", choices=lambda session, words: _choices(session, words[0]), asked=True),
        ),
        live=True,
    ),
    *(_setting_command(spec) for spec in SPECS.values() if spec.name != "temperature"),
)
"""The commands of the other settings."""
