"""Everything that it takes to go on from behind a token; in memory, and as bytes."""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ..errors import StateError
from ..events import Token
from ..inference.runtime import Logits, StateArrays
from ..sampling.filters import TokenIds

MAX_HISTORY = 8192
"""How many ids back anything can look: penalties, DRY, and the reading of a long seed."""

FORMAT = 1
_MAGIC = b"afterglow state\n"


class TokenHistory:
    """The ids that were read, as a chain of pieces: snapshots of one text share what they have in common."""

    __slots__ = ("_ids", "_previous")

    def __init__(self, ids: ArrayLike = (), previous: TokenHistory | None = None) -> None:
        self._ids, self._previous = np.array(ids, np.int32), previous

    def recent(self, n: int) -> TokenIds:
        """The latest n ids, or as many as there are, oldest first."""
        pieces: list[TokenIds] = []
        piece: TokenHistory | None = self
        while piece is not None and n > 0:
            pieces.append(piece._ids[-n:])
            n -= len(pieces[-1])
            piece = piece._previous
        return np.concatenate(pieces[::-1]) if pieces else np.empty(0, np.int32)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Where a text stands: one row of state (1, ·), the logits (V,) for the next token, how many tokens were read,
    unfinished bytes, text held back, the ids so far, and what the bound on surprise was at the latest token, in bits,
    with the surprise that it then had (None where it had none).
    """

    state: StateArrays
    logits: Logits
    position: int
    remainder: bytes = b""
    pending_text: str = ""
    history: TokenHistory = field(default_factory=TokenHistory, compare=False)
    mirostat_state: tuple[float, float] | None = None


def mirostat_state_after(token: Token) -> tuple[float, float] | None:
    """What a snapshot behind ``token`` remembers of its surprise, in bits."""
    if token.bound is None:
        return None
    # One that was forced in though the chain had cut it counts as just at the bound.
    return token.bound, -token.shaped / math.log(2) if math.isfinite(token.shaped) else token.bound


def to_bytes(snapshot: Snapshot, model_sha256: str) -> bytes:
    """A snapshot as bytes, with the model that it belongs to and a checksum."""
    header = {
        "format": FORMAT,
        "model": model_sha256,
        "position": snapshot.position,
        "remainder": snapshot.remainder.hex(),
        "held": snapshot.pending_text,
        "surprise": snapshot.mirostat_state,
        "dtypes": _dtypes(snapshot),
    }
    parts = [json.dumps(header).encode(), b"\n"]
    parts += [np.ascontiguousarray(array).tobytes() for array in (snapshot.logits, *snapshot.state)]
    parts.append(snapshot.history.recent(MAX_HISTORY).tobytes())
    body = b"".join(parts)
    return _MAGIC + hashlib.sha256(body).digest() + body


def from_bytes(data: bytes, model_sha256: str, template: Snapshot) -> Snapshot:
    """The way back, where ``like`` is any snapshot of the model; raises StateError, one line, where it cannot be."""
    head = len(_MAGIC) + 32
    body = data[head:]
    if not data.startswith(_MAGIC):
        raise StateError("this is not a saved state")
    if hashlib.sha256(body).digest() != data[len(_MAGIC) : head]:
        raise StateError("this saved state is damaged or cut short; copy it again")
    header, _, raw = body.partition(b"\n")
    values = json.loads(header)
    if values["format"] > FORMAT:
        raise StateError(f"this state's format is {values['format']}, this release knows {FORMAT}; upgrade afterglow")
    if values["model"] != model_sha256:
        raise StateError("this state belongs to another model: read its text again instead")
    if values.get("dtypes", _dtypes(template)) != _dtypes(template):
        raise StateError("this state was made on another runtime, whose numbers differ: read its text again instead")
    return _parse_snapshot(values, raw, template)


def _dtypes(snapshot: Snapshot) -> list[str]:
    """Runtimes keep states in numbers of their own: int8 products want h in 8 bits."""
    return [array.dtype.str for array in snapshot.state]


def _parse_snapshot(values: dict[str, Any], raw: bytes, template: Snapshot) -> Snapshot:
    arrays, at = [], 0
    for array in (template.logits, *template.state):
        arrays.append(np.frombuffer(raw, array.dtype, array.size, at).reshape(array.shape))
        at += array.nbytes
    surprise = tuple(values["surprise"]) if values["surprise"] else None
    history = TokenHistory(np.frombuffer(raw, np.int32, offset=at))
    logits, *state = arrays
    remainder = bytes.fromhex(values["remainder"])
    return Snapshot(tuple(state), logits, values["position"], remainder, values["held"], history, surprise)
