"""The functions that the slash commands call. Each takes a session and typed values, and yields effects to show."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any, NamedTuple

from ..errors import AfterglowError, CommandError, UsageError
from ..events import Notice
from ..generation.sweep import Sweep
from ..inference import library
from ..inference.model_file import read_card
from ..inference.styles import show_style_names
from ..sampling.temperature import describe_temperature_change
from ..sanitize import escape_controls
from ..session.lens import next_logprobs
from ..session.node import Node
from ..session.passage import Passage
from ..session.session import Session
from ..setting_spec import Spec
from ..settings import SPECS, get_spec
from ..typed_paths import typed_path
from ..user_files import require_new_or_ours, write_user_file
from .effects import Compare, Copy, Edit, Effect, Find, Listing, Play, Quit, Redraw
from .unit_steps import UNIT_STEPS, describe_unit, step_unit

SWEEP_TEMPERATURES = (0.2, 0.5, 1.0, 1.2)
"""Temperatures of a sweep if none are typed."""


class SweepArgs(NamedTuple):
    """Arguments of /sweep: values (none: the default temperatures), whether to hide them, and of which setting."""

    values: Sequence[object] = ()
    blind: bool = False
    setting: str = "temperature"


DEFAULT_SWEEP = SweepArgs()


def show_or_set(session: Session, spec: Spec, *values: Any) -> Iterator[Effect]:
    """Show a setting, or change it and show its old and new value."""
    before = getattr(session.settings, spec.name)
    if not values:
        yield Notice(describe_setting(session, spec, before))
        return
    session.set(spec.name, values[0])
    after = getattr(session.settings, spec.name)
    change = f"{spec.kind.show(before)} → {spec.kind.show(after)}"
    if spec.name == "temperature":
        yield Notice(f"T {change}{_temperature_change(session, before, after)}")
    else:
        follows = describe_unit(session, after) if spec.name == "heat" else ""
        yield Notice(", ".join(filter(None, (f"{spec.label} {change}", follows))))


def describe_setting(session: Session, spec: Spec, value: object) -> str:
    """Return a setting with its value, help and range, and for ``style`` the names that the model has."""
    names = show_style_names(session.model.voices.names) or "no styles"
    styles = f"; {session.model.name} has {names}" if spec.name == "style" else ""
    return f"{spec.label} {spec.kind.show(value)}{styles}: {spec.help} ({spec.kind.range})"


def set_(session: Session, name: str = "", *values: str) -> Iterator[Effect]:
    """List all settings, or show or change one by its name."""
    if not name:
        rows = [(f"{s.label} {s.kind.show(getattr(session.settings, s.name))}", s.help) for s in SPECS.values()]
        yield Listing("settings", rows)
        return
    spec = get_spec(name)
    yield from show_or_set(session, spec, *(parse_value(session, spec, value) for value in values))


def parse_value(session: Session, spec: Spec, text: str) -> Any:
    """Return the value of a setting that was typed as ``text``; "reset" is the default of the session.

    Raises SettingError if it is invalid.
    """
    if text == "reset":
        return session.default_of(spec.name)
    if spec.name == "heat" and text in UNIT_STEPS:
        return step_unit(session, text)
    return spec.parse(text, getattr(session.settings, spec.name))


def continue_(session: Session) -> Iterator[Effect]:
    """Continue the text from its end."""
    yield Play(session.continue_())


def retry(session: Session) -> Iterator[Effect]:
    """Write the last text again with another RNG take."""
    events = session.retry()
    yield Redraw("")
    yield Play(events)


def branch(session: Session, index: int, token: int | None = None) -> Iterator[Effect]:
    """Go back to after the first ``index`` tokens of the text and continue differently."""
    events = session.branch(index, token)
    before = "".join(each.text for each in session.passage.tokens()[:index])
    yield Notice(f"continuing after {('…' + before[-30:])!r}" if before else "continuing from the beginning")
    yield Play(events)


def edit(session: Session) -> Iterator[Effect]:
    """Let the user edit the text, then continue it."""
    session.passage.current()
    yield Edit(session.passage.text(), partial(rewrite, session))


def rewrite(session: Session, text: str) -> Iterator[Effect]:
    """Replace the text by an edited one and continue it."""
    if text == session.passage.text():
        yield Notice("nothing was changed")
        return
    events = session.rewrite(text)
    yield Redraw("edited; /undo or /version goes back")
    yield Play(events)


def tree(session: Session) -> Iterator[Effect]:
    """List all nodes of the passage, to go to one of them."""
    session.passage.current()
    rows = [_format_tree_row(session.passage, *row) for row in session.passage.outline()]
    yield Listing("the passage's tree", rows, "/go", current=str(session.passage.cursor))


def go(session: Session, number: int) -> Iterator[Effect]:
    """Move the cursor to a node of the tree."""
    session.go_to(number)
    yield Redraw(f"at node {number} of the tree")


def version(session: Session, step: int = 1) -> Iterator[Effect]:
    """Go to the next or previous version of the last text. After the last one, write another."""
    events = session.switch_version(step)
    yield Redraw("")
    if events:
        yield Play(events)


def undo(session: Session) -> Iterator[Effect]:
    """Go back to before the last text."""
    session.passage.undo()
    yield Redraw("undone; /redo brings it back")


def redo(session: Session) -> Iterator[Effect]:
    """Reverse an undo."""
    session.passage.redo()
    yield Redraw("redone")


def new(session: Session) -> Iterator[Effect]:
    """Begin an empty passage."""
    session.new_passage()
    yield Notice("new passage; type a seed")


def sweep(session: Session, args: SweepArgs = DEFAULT_SWEEP) -> Iterator[Effect]:
    """Write from the passage's seed with several values and the same RNG take. The passage does not change."""
    yield Compare(session.sweep(args.values or SWEEP_TEMPERATURES, args.blind, args.setting))
    if args.blind:
        yield Notice("which is which? /reveal tells; on the full screen, ? too")


def reveal(session: Session) -> Iterator[Effect]:
    """Show the values of a blind sweep."""
    sweep = session.latest_sweep
    if sweep is None or not sweep.hidden:
        raise CommandError("there is nothing to reveal: /sweep --blind hides which is which")
    sweep.hidden = False
    names = (f"{number + 1}: {sweep.name(number)}" for number in range(len(sweep.columns)))
    yield Notice(f"the texts were {', '.join(names)}")


def pick(session: Session, sweep: Sweep, number: int) -> Iterator[Effect]:
    """Add a column of a sweep to the passage, and move to it, so that the next text continues it."""
    session.pick(sweep, number)
    yield Redraw(f"{sweep.name(number)} picked; Enter continues")


def model(session: Session, name: str = "") -> Iterator[Effect]:
    """List the models, or switch to another one."""
    if not name:
        current = session.model.name
        yield Listing(f"models; current: {current}", list_models(), "/model", current=library.name_of_parent(current))
        return
    notes = session.switch_model(name), "/style lists its styles" if session.model.voices.names else ""
    yield Notice("; ".join(filter(None, (f"{session.model.name}: type a seed", *notes))))


def list_models() -> list[tuple[str, str]]:
    """Return (name, summary of its card) of each model."""
    return [(entry.name, _describe_card(entry)) for entry in library.list_models()]


def _describe_card(entry: library.ModelEntry) -> str:
    """Return the text, loss and date in a model's card, or the error if it cannot be read.

    Of a model that has learned from a person's text: its parent instead of the text, and what was learned.
    """
    try:
        card = read_card(entry.path)
    except AfterglowError as error:
        return str(error)
    if card.learned_characters:
        return f"{card.parent} · learned {card.learned_characters:,} characters · {card.made}"
    loss = f"{card.nats_per_char_cold:.3f} nats a character" if card.nats_per_char_cold else ""
    size = f"{card.characters:,} characters" if card.characters else ""
    return " · ".join(filter(None, (card.corpus, size, loss, card.made))) or str(entry.path)


def export(session: Session, path: str, *, force: bool = False) -> Iterator[Effect]:
    """Write the passage to a file, in the format that the file's suffix names."""
    from ..render.export import COLORED, EXPORTERS, ExportedPassage  # imported late: no start-up pays for it
    from ..session.unit_values import PassageValues

    session.passage.current()
    target = typed_path(path)
    if target.suffix not in EXPORTERS:
        raise UsageError(f"unknown file type {path!r}; use a name ending in {', '.join(EXPORTERS)}")
    if not force:
        require_new_or_ours(target, "choose another name, or /export! to replace it")
    summary = f"{session.model.name} · {session.passage.summary()}"
    tracker = session.model.copy_tracker() if session.settings.copied else None
    values = PassageValues(session).all() if target.suffix in COLORED else ()
    exported = ExportedPassage(session.passage, summary, session.settings.heat, tracker, values=values)
    text = EXPORTERS[target.suffix](exported)
    write_user_file(target, text.encode("utf-8", "replace"))
    yield Notice(f"written: {target}")


def copy(session: Session) -> Iterator[Effect]:
    """Copy the text. Control characters in it are shown, so that they are not obeyed where it is inserted."""
    session.passage.current()
    yield Copy(escape_controls(session.passage.text()))


def find(session: Session, query: str = "") -> Iterator[Effect]:
    """Find words in the text, or the next place of those that were searched for last."""
    session.passage.current()
    yield Find(query, session.passage.text())


def _format_tree_row(passage: Passage, index: int, depth: int) -> tuple[str, str]:
    """Return a node's index and, indented by its depth, the beginning of its text, its kind and its length."""
    node = passage.nodes[index]
    indent = "│ " * (depth - 1) + ("├ " if depth else "")
    start = " ".join(node.text()[:40].split()) or "(nothing)"
    cursor = "  ← here" if index == passage.cursor else ""
    return str(index), f"{indent}{start} · {_describe_node(node)} · {len(node.text()):,}{cursor}"


def _describe_node(node: Node) -> str:
    """Return "seed", "read", or the temperature of a written text's last token: "T 0.80"."""
    if node.seed is not None:
        return "seed"
    if node.reason == "read":
        return "read"
    return f"T {node.tokens[-1].temperature:.2f}" if node.tokens else "empty"


def quit_(session: Session) -> Iterator[Effect]:
    """Stop the text being written, and quit."""
    session.stop()
    yield Quit()


def _temperature_change(session: Session, before: object, after: object) -> str:
    """Return what a new temperature does to the next token, after a comma.

    "" if there is no text, a temperature is a ramp, or it has not changed.
    """
    logprobs = next_logprobs(session)
    if logprobs is None or not isinstance(before, float) or not isinstance(after, float) or before == after:
        return ""
    return f", {describe_temperature_change(logprobs, before, after)}"
