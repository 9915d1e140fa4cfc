"""The command /read: any text in the colors of heat, as if the model had written it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

from ..errors import CommandError, UsageError
from ..events import Event, Notice
from ..model import Model
from ..session.session import Session
from ..text.copy_tracker import CopyTracker
from ..typed_paths import typed_path
from .effects import Effect, Play, Redraw

if TYPE_CHECKING:
    from ..session.reading import ReadText


def read(session: Session, path: str = "") -> Iterator[Effect]:
    """Read a file into a new passage, or without a path the passage's own seed into the same one."""
    text, notices = open_file(path) if path else (_own_seed(session), [])
    figures: list[str] = []
    yield Play(_read_into(session, text, bool(path), figures))
    if session.settings.heat == "off":
        session.set("heat", "surprise")
        notices.append("heat surprise is on; /heat off turns it off")
    yield Redraw("")
    yield from map(Notice, [*notices, *session.model.unknown_character_notices(text), *figures])


def describe_reading(read: ReadText, copy_tracker: CopyTracker | None) -> str:
    """Return the figures of a text in one line."""
    likeliest, among_ten = read.share_of_rank(1), read.share_of_rank(10)
    parts = (
        f"{read.characters:,} characters",
        f"{read.bits_per_char:.2f} bits per character",
        f"perplexity {read.perplexity:.2f}",
        f"{likeliest:.0%} of the tokens rank first, {among_ten:.0%} among the first ten",
        f"never seen: {read.unknown:,}" if read.unknown else "",
        copy_tracker.summary() if copy_tracker else "",
    )
    return " · ".join(filter(None, parts))


def track_copies(model: Model, read: ReadText) -> CopyTracker | None:
    """Return a tracker that has found the copied runs of a text. None if the model has no index."""
    tracker = model.copy_tracker()
    if tracker:
        tracker.add_seed(read.seed)
        for token in read.tokens:
            tracker.add_token(token.text)
    return tracker


def open_file(path: str) -> tuple[str, list[str]]:
    """Return the beginning of a file that the user named, and notices. Raises UsageError or TextError."""
    from ..session.reading import open_text  # imported late: text files take 6 ms of every start otherwise
    from ..text.encoding import EncodingError
    from ..text.files import file_source

    file = typed_path(path)
    if os.path.exists(file) and not os.path.isfile(file) and not os.path.isdir(file):  # noqa: PTH110, PTH112, PTH113
        raise UsageError(f"cannot read {file}: it is a device or a pipe; give the path of a file")
    try:
        return open_text(file_source(file))
    except EncodingError as error:
        raise error.without_option() from None


def _own_seed(session: Session) -> str:
    if session.passage.cursor is None:
        raise CommandError("there is no seed to read yet; name a file: /read FILE")
    root = session.passage.nodes[session.passage.root()]
    if any(node.reason == "read" for node, _ in session.passage.path()):
        raise CommandError("this text is read already; /read FILE reads another one")
    return root.seed or ""


def _read_into(session: Session, text: str, is_new: bool, figures: list[str]) -> Iterator[Event]:
    """Read a text, add it to the passage, or to a new one, and append a line with its figures."""
    from ..session.reading import read_tokens

    read = yield from session.read_stoppable(read_tokens(session.model, text))
    figures.append(describe_reading(read, track_copies(session.model, read) if session.settings.copied else None))
    if is_new:
        session.new_passage()
    read.add_to(session.passage)
