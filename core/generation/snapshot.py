"""A snapshot: the complete state of a text at one position, enough to continue it bit for bit; and its byte format."""

from __future__ import annotations

import codecs
import hashlib
import json
import math
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..bounded_json import parse_json, require_int_below, require_number, require_type
from ..errors import StateError
from ..events import Token
from ..inference.runtime import Logits, StateArrays
from ..setting_styles import PLAIN_VOICE, StyleNames, Voice
from .token_history import MAX_HISTORY, TokenHistory

FORMAT = 2
"""Version of the format of a snapshot under a style. This release reads it and the earlier one."""

UNSTYLED_FORMAT = 1
"""Version of the format of any other snapshot, so that earlier releases can read it."""

MAX_POSITION = 1 << 53
"""Largest position in tokens. Random numbers are counted from it in 64 bits."""

MAX_HEADER_VALUES = 256
"""Most values in a state's header. A model of 64 layers has 128 types."""

_MAGIC = b"afterglow state\n"
_DAMAGED = "this saved state is damaged or cut short; copy it again"


class Row(NamedTuple):
    """A row of a batch: its state, arrays (1, ·), and the logits (V,) of the next token."""

    state: StateArrays
    logits: Logits


Rows = tuple[Row, Row | None]
"""A text's row, and the second row without style that guides it, None if it has none."""


@dataclass(frozen=True, slots=True, eq=False)
class Snapshot:
    """The state of a text after ``position`` tokens. It equals itself only: arrays have no single truth value.

    ``state`` is one row, arrays (1, ·), and ``logits`` (V,) are those of the next token. ``remainder`` holds the bytes
    of an unfinished character, ``pending_text`` the text withheld for a possible stop text, ``history`` the ids so
    far. ``mirostat_state`` is the latest token's bound and surprisal, in bits; None if it had no bound. ``voice`` is
    that under which the latest tokens were read, and ``unstyled`` the second row, if the voice is guided.
    """

    state: StateArrays
    logits: Logits
    position: int
    remainder: bytes = b""
    pending_text: str = ""
    history: TokenHistory = field(default_factory=TokenHistory)
    mirostat_state: tuple[float, float] | None = None
    voice: Voice = PLAIN_VOICE
    unstyled: Row | None = None

    @property
    def rows(self) -> Rows:
        """Its one or two rows."""
        return Row(self.state, self.logits), self.unstyled

    def with_rows(self, rows: Rows, voice: Voice) -> Snapshot:
        """Return a copy with other rows, read under a voice."""
        (state, logits), unstyled = rows
        return replace(self, state=state, logits=logits, unstyled=unstyled, voice=voice)


def mirostat_state_after(token: Token) -> tuple[float, float] | None:
    """Return the bound on surprisal and the surprisal of ``token``, in bits; None if it had no bound."""
    if token.bound is None:
        return None
    # A forced token that the filters had removed counts as exactly at the bound.
    return token.bound, -token.shaped / math.log(2) if math.isfinite(token.shaped) else token.bound


def to_bytes(snapshot: Snapshot, model_sha256: str) -> bytes:
    """Return a snapshot as bytes, with its model's hash and a checksum."""
    header = {
        "format": FORMAT if snapshot.voice != PLAIN_VOICE else UNSTYLED_FORMAT,
        "model": model_sha256,
        "position": snapshot.position,
        "remainder": snapshot.remainder.hex(),
        "held": snapshot.pending_text,
        "surprise": snapshot.mirostat_state,
        "dtypes": _dtypes(snapshot),
        **_voice_header(snapshot.voice),
    }
    parts = [json.dumps(header).encode(), b"\n"]
    for row in filter(None, snapshot.rows):
        parts += [np.ascontiguousarray(array).tobytes() for array in (row.logits, *row.state)]
    parts.append(snapshot.history.recent(MAX_HISTORY).tobytes())
    body = b"".join(parts)
    return _MAGIC + hashlib.sha256(body).digest() + body


def from_bytes(data: bytes, model_sha256: str, template: Snapshot) -> Snapshot:
    """Return the snapshot in ``data``. ``template`` is any snapshot of the model, for the arrays' shapes and types.

    Raises StateError, one line, and nothing else, if the data is damaged or was made by another model, runtime or later
    release. The checksum finds damage, not intent: everything else is checked too.
    """
    header_start = len(_MAGIC) + 32
    body = data[header_start:]
    if not data.startswith(_MAGIC):
        raise StateError("this is not a saved state")
    if hashlib.sha256(body).digest() != data[len(_MAGIC) : header_start]:
        raise StateError(_DAMAGED)
    header, _, arrays = body.partition(b"\n")
    try:
        values = require_type(dict, parse_json(header, MAX_HEADER_VALUES))
        _require_same_model(values, model_sha256, template)
        return _parse_snapshot(values, arrays, template)
    except (ValueError, KeyError):
        raise StateError(_DAMAGED) from None


def _require_same_model(values: dict[str, Any], model_sha256: str, template: Snapshot) -> None:
    """Raise StateError if a header is of a later release, or of another model or runtime."""
    version = require_int_below(1 << 63, values["format"])
    if version > FORMAT:
        raise StateError(f"this saved state has format {version}, this release knows 1 to {FORMAT}; upgrade afterglow")
    if values["model"] != model_sha256:
        raise StateError("this saved state belongs to another model; read the text again")
    if values.get("dtypes", _dtypes(template)) != _dtypes(template):
        raise StateError("this saved state was made on another runtime, whose numbers differ; read the text again")


def _dtypes(snapshot: Snapshot) -> list[str]:
    """Return the types of the state's arrays. They differ between runtimes: h is uint8 in int8 runtimes."""
    return [array.dtype.str for array in snapshot.state]


def _voice_header(voice: Voice) -> dict[str, object]:
    """Return the fields of a header that tell of a voice: none without style."""
    values = {**voice._asdict(), "style": StyleNames().show(voice.style)}
    return values if voice != PLAIN_VOICE else {}


def _parse_voice(values: dict[str, Any]) -> Voice:
    """Return the voice of a header. Raises ValueError or KeyError if it is damaged."""
    if values["format"] <= UNSTYLED_FORMAT:
        return PLAIN_VOICE
    length = require_int_below(MAX_POSITION, values["length"])
    voice = Voice(StyleNames().check(require_type(str, values["style"])), require_type(bool, values["guided"]), length)
    if voice.moves != (length > 0):
        raise ValueError
    return voice


def _parse_snapshot(values: dict[str, Any], data: bytes, template: Snapshot) -> Snapshot:
    voice = _parse_voice(values)
    rows: list[Row] = []
    offset = 0
    for _ in range(1 + voice.guided):
        row, offset = _parse_row(data, offset, template)
        rows.append(row)
    ids = np.frombuffer(data, np.int32, offset=offset)
    if len(ids) > MAX_HISTORY or not 0 <= ids.min(initial=0) <= ids.max(initial=0) < template.logits.size:
        raise ValueError
    return Snapshot(
        rows[0].state,
        rows[0].logits,
        require_int_below(MAX_POSITION, values["position"]),
        _parse_remainder(values["remainder"]),
        _parse_text(values["held"]),
        TokenHistory(ids),
        _parse_mirostat_state(values["surprise"]),
        voice,
        rows[1] if voice.guided else None,
    )


def _parse_row(data: bytes, offset: int, template: Snapshot) -> tuple[Row, int]:
    """Return the row at an offset, and the offset after it. Raises ValueError if it is not finite, or cut short."""
    arrays: list[NDArray[Any]] = []
    for array in (template.logits, *template.state):
        arrays.append(np.frombuffer(data, array.dtype, array.size, offset).reshape(array.shape))
        offset += array.nbytes
    if not all(np.isfinite(array).all() for array in arrays):
        raise ValueError
    return Row(tuple(arrays[1:]), arrays[0]), offset


def _parse_remainder(value: object) -> bytes:
    """Return the bytes of an unfinished character. Raises ValueError for any others."""
    remainder = bytes.fromhex(require_type(str, value))
    decoder = codecs.getincrementaldecoder("utf-8")()
    if decoder.decode(remainder):
        raise ValueError
    return remainder


def _parse_text(value: object) -> str:
    text = require_type(str, value)
    text.encode()  # a lone surrogate is in no text that a model writes, and can be shown nowhere
    return text


def _parse_mirostat_state(value: object) -> tuple[float, float] | None:
    if value is None:
        return None
    bound, surprisal = require_type(list, value)
    return require_number(bound), require_number(surprisal)
