"""What the slash commands do. Each takes a session and typed values, yields effects, and touches no face."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from .. import presets
from ..errors import AfterglowError, UsageError
from ..events import Notice
from ..file_io import write_atomically
from ..generation.sweep import Sweep
from ..inference import library
from ..inference.model_file import read_card
from ..render.export import EXPORTERS
from ..sampling.temperature import effective_choices, probs_at_temperatures
from ..session import passage_db, passage_json
from ..session.passage import Passage
from ..session.session import Session
from ..settings import SPECS, Spec, get_spec
from .effects import Compare, Edit, Effect, Listing, Play, Quit, Redraw

SWEEP_TEMPERATURES = (0.2, 0.5, 1.0, 1.2)


def show_or_set(session: Session, spec: Spec, *values: Any) -> Iterator[Effect]:
    """Show a setting, or change it and say what that did."""
    before = getattr(session.settings, spec.name)
    if not values:
        yield Notice(f"{spec.label} {spec.kind.show(before)}: {spec.help} ({spec.kind.range})")
        return
    session.set(spec.name, values[0])
    after = getattr(session.settings, spec.name)
    what = _describe_temperature_change(session, before, after) if spec.name == "temperature" else ""
    label = "T" if spec.name == "temperature" else spec.label
    yield Notice(f"{label} {spec.kind.show(before)} → {spec.kind.show(after)}{what}")


def set_(session: Session, name: str = "", *values: Any) -> Iterator[Effect]:
    """List all settings, or treat one by its name."""
    if not name:
        rows = [(f"{s.label} {s.kind.show(getattr(session.settings, s.name))}", s.help) for s in SPECS.values()]
        yield Listing("settings", rows)
        return
    spec = get_spec(name)
    current = getattr(session.settings, spec.name)
    parsed = [session.default_of(spec.name) if v == "reset" else spec.parse(v, current) for v in values]
    yield from show_or_set(session, spec, *parsed)


def continue_(session: Session) -> Iterator[Effect]:
    """Write on from where the text stands."""
    session.passage.current()
    yield Play(session.continue_())


def retry(session: Session) -> Iterator[Effect]:
    """Write the last text again."""
    session.passage.current()
    events = session.retry()
    yield Redraw("")
    yield Play(events)


def branch(session: Session, index: int, token: int | None = None) -> Iterator[Effect]:
    """Keep the first tokens of the text, take another one behind them, and write on from there."""
    events = session.branch_at(index, token)
    kept = "".join(each.text for each in session.passage.tokens()[:index])
    yield Notice(f"from {('…' + kept[-30:])!r} on" if kept else "from the beginning on")
    yield Play(events)


def edit(session: Session) -> Iterator[Effect]:
    """Have the reader change the text, and write on from there."""
    session.passage.current()
    yield Edit(session.passage.text(), partial(rewrite, session))


def rewrite(session: Session, text: str) -> Iterator[Effect]:
    """Take a changed text instead of the text, and write on."""
    if text == session.passage.text():
        yield Notice("nothing was changed")
        return
    events = session.rewrite(text)
    yield Redraw("edited; /undo and /version lead back")
    yield Play(events)


def tree(session: Session) -> Iterator[Effect]:
    """Show all that hangs in the passage, to go somewhere else in it."""
    session.passage.current()
    yield Listing(
        "the passage's tree", [_branch_row(session.passage, *row) for row in session.passage.outline()], "/go"
    )


def go(session: Session, number: int) -> Iterator[Effect]:
    """Stand somewhere else in the tree."""
    session.go_to(number)
    yield Redraw(f"at {number} of the tree")


def preset(session: Session, name: str = "", new_name: str = "") -> Iterator[Effect]:
    """List the presets, take one, or keep what is set as a new one."""
    if not name:
        yield Listing("presets", list(preset_names(session)), "/preset")
    elif name == "save" and new_name:
        presets.save(new_name, session.settings)
        yield Notice(f"preset {new_name} is what is set now")
    else:
        session.set_all(presets.apply(name, session.settings, session.model.settings))
        yield Notice(f"{name}: {presets.describe(presets.load_all()[name])}")


def preset_names(_: Session) -> Iterator[tuple[str, str]]:
    """The presets, with what they set."""
    for name, values in presets.load_all().items():
        yield name, presets.describe(values)


def version(session: Session, step: int = 1) -> Iterator[Effect]:
    """Step through the versions of the last text; behind the last one another is written."""
    events = session.switch_version(step)
    yield Redraw("")
    if events:
        yield Play(events)


def undo(session: Session) -> Iterator[Effect]:
    """Take the last text back."""
    session.passage.undo()
    yield Redraw("undone; /redo brings it back")


def redo(session: Session) -> Iterator[Effect]:
    """Take an undo back."""
    session.passage.redo()
    yield Redraw("redone")


def new(session: Session) -> Iterator[Effect]:
    """Begin an empty passage."""
    session.new_passage()
    yield Notice("a new passage; type a seed")


def sweep(session: Session, temperatures: Sequence[float] = SWEEP_TEMPERATURES) -> Iterator[Effect]:
    """Write the same seed with the same dice at several temperatures; the passage stays as it is."""
    yield Compare(session.sweep(temperatures or SWEEP_TEMPERATURES))


def pick(session: Session, sweep: Sweep, number: int) -> Iterator[Effect]:
    """Go on with a column of a sweep."""
    session.pick(sweep, number)
    yield Redraw(f"T {sweep.columns[number].temperature:.2f} picked; Enter writes on")


def model(session: Session, name: str = "") -> Iterator[Effect]:
    """List the models, or play another one."""
    if not name:
        yield Listing(f"models; {session.model.name} is playing", list(model_names(session)), "/model")
        return
    session.switch_model(name)
    yield Notice(f"{session.model.name}: type a seed")


def model_names(_: Session) -> Iterator[tuple[str, str]]:
    """The models that can be named, with what their cards say."""
    for entry in library.list_models():
        yield entry.name, _describe_card(entry)


def _describe_card(entry: library.ModelEntry) -> str:
    try:
        card = read_card(entry.path)
    except AfterglowError as error:
        return str(error)
    loss = f"{card.nats_per_char_cold:.3f} nats a character" if card.nats_per_char_cold else ""
    known = (card.corpus, f"{card.characters:,} characters" if card.characters else "", loss, card.made)
    return " · ".join(part for part in known if part) or str(entry.path)


def save(session: Session, name: str = "") -> Iterator[Effect]:
    """Keep the passage."""
    session.passage.current()
    path = passage_json.save(session.passage, name or passage_json.suggest_name(session.passage))
    yield Notice(f"saved: {path}")


def passage_names(_: Session) -> list[tuple[str, str]]:
    """The passages that can be opened."""
    return passage_db.list_passages()


def open_(session: Session, name: str = "") -> Iterator[Effect]:
    """List the kept passages, or go on with one."""
    if not name:
        rows = passage_db.list_passages()
        yield Listing(
            "passages", rows or [("none", "/save keeps one")], "/open" if rows else "", passage_db.list_passages
        )
        return
    before = session.settings
    notice = session.load_passage(passage_db.open_by_name(name))
    others = [n for n in SPECS if getattr(session.settings, n) != getattr(before, n)]
    again = f"; set again: {session.settings.format(others)}" if others else ""
    yield Redraw(f"opened {name}{again}")
    if notice:
        yield Notice(notice)


def export(session: Session, path: str) -> Iterator[Effect]:
    """Write the passage to a file, in the form that its name asks for."""
    session.passage.current()
    try:
        target = Path(path).expanduser()
    except RuntimeError:
        raise UsageError(f"there is nobody here whose folder {path!r} could be in; write the whole path") from None
    if target.suffix not in EXPORTERS:
        raise UsageError(f"cannot tell the form of {path!r}: end it in {', '.join(EXPORTERS)}")
    text = EXPORTERS[target.suffix](
        session.passage, f"{session.model.name} · {session.passage.summary()}", session.settings.heat
    )
    write_atomically(target, text.encode("utf-8", "replace"))
    yield Notice(f"written: {target}")


def _branch_row(passage: Passage, index: int, depth: int) -> tuple[str, str]:
    node = passage.nodes[index]
    start = " ".join(node.text()[:40].split()) or "(nothing)"
    kind = "seed" if node.seed is not None else f"T {node.tokens[-1].temperature:.2f}" if node.tokens else "empty"
    here = "  ← here" if index == passage.cursor else ""
    return str(index), f"{'│ ' * (depth - 1)}{'├ ' if depth else ''}{start} · {kind} · {len(node.text()):,}{here}"


def quit_(session: Session) -> Iterator[Effect]:
    """Quit."""
    session.stop()
    yield Quit()


def _describe_temperature_change(session: Session, before: Any, after: Any) -> str:
    """What a new temperature does here: ", flatter: here 2.1 → 4.6 effective choices"."""
    logprobs = session.next_logprobs()
    if logprobs is None or not isinstance(before, float) or not isinstance(after, float) or before == after:
        return ""
    was, now = (effective_choices(probs) for probs in probs_at_temperatures(logprobs, (before, after)))
    return f", {'flatter' if after > before else 'sharper'}: here {was:.1f} → {now:.1f} effective choices"
