"""The state at any place of a passage: a kept one, stepped on by at most 127 tokens; where none was kept, read anew."""

from __future__ import annotations

import contextlib
from dataclasses import replace

import numpy as np

from ..errors import StateError
from ..events import Token
from ..generation.snapshot import Snapshot, mirostat_state_after
from ..generation.stream import SNAPSHOT_INTERVAL
from ..model import Model
from .passage import Node, Passage


def snapshot_at(model: Model, passage: Passage, index: int, at: int, whole_seed: bool = False) -> Snapshot:
    """The state behind the first ``at`` tokens of a node. Nodes on the way that had none are given theirs."""
    unread = []
    above: int | None = index
    while above is not None and passage.nodes[above].start is None:
        unread.append(passage.nodes[above])
        above = passage.nodes[above].parent
    for node in reversed(unread):
        node.start = _start_of_node(model, passage, node, whole_seed)
    return _snapshot_within(model, passage.nodes[index], at)


def restore_snapshots(model: Model, passage: Passage) -> None:
    """Give nodes the states that were kept with them, as far as they are whole and this model's."""
    for index, start, data in sorted(passage.stored_snapshots, key=lambda kept: not kept.is_start):
        node = passage.nodes[index]
        with contextlib.suppress(StateError):
            snapshot = model.load_state(data)
            if start:
                node.start = snapshot
            elif node.start and snapshot.position <= node.start.position + len(node.tokens):
                # One that was kept an instant after its tokens is of tokens that nobody has.
                node.snapshots[snapshot.position] = snapshot
    passage.stored_snapshots = []


def _start_of_node(model: Model, passage: Passage, node: Node, whole_seed: bool) -> Snapshot:
    """Where a node begins, given that its parent has begun; for a seed node, behind the seed."""
    before = None if node.parent is None else _snapshot_within(model, passage.nodes[node.parent], node.at)
    if node.seed is not None:
        return model.read(node.seed, before, whole=whole_seed).snapshot
    assert before is not None
    return before


def _snapshot_within(model: Model, node: Node, at: int) -> Snapshot:
    """The state behind ``at`` tokens of a node that has begun; every 128th on the way is kept."""
    assert node.start is not None
    first = node.start.position
    nearest = max((p for p in list(node.snapshots) if p <= first + at), default=first)
    snapshot = node.snapshots.get(nearest, node.start)
    for begin in range(nearest - first, at, SNAPSHOT_INTERVAL):
        snapshot = _replay(model, snapshot, node.tokens[begin : min(at, begin + SNAPSHOT_INTERVAL)])
        if begin + SNAPSHOT_INTERVAL <= at:
            node.snapshots[snapshot.position] = snapshot
    # Behind a text that was stopped nothing is held back any more: it was shown as the tail, or was a stop text.
    over = at == len(node.tokens) and node.reason in ("stop", "stopped")
    return replace(snapshot, pending_text="") if over else snapshot


def _replay(model: Model, start: Snapshot, tokens: list[Token]) -> Snapshot:
    """The state behind ``start`` and these tokens; text that they hold back is held back again."""
    ids = [token.id for token in tokens]
    decoder = model.tokenizer.decoder(start.remainder)
    decoded = start.pending_text + "".join(map(decoder.push, ids))
    shown = sum(len(token.text) for token in tokens)
    behind = model.advance(start, np.array(ids, np.int64))
    return replace(
        behind,
        pending_text=decoded[shown:],
        mirostat_state=mirostat_state_after(tokens[-1]) if tokens else start.mirostat_state,
    )
