"""Computes the snapshot at any place of a passage from the nearest saved one, and prepares loaded passages."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from dataclasses import replace
from itertools import pairwise
from os.path import commonprefix
from typing import NamedTuple

import numpy as np

from ..errors import StateError
from ..generation.snapshot import Snapshot, mirostat_state_after
from ..generation.stream import SNAPSHOT_INTERVAL
from ..generation.token_history import TokenHistory
from ..model import Model
from ..setting_styles import Voice
from .node import Node
from .passage import Passage
from .stored_passage import StoredSnapshot


def snapshot_at(model: Model, passage: Passage, index: int, at: int, whole_seed: bool = False) -> Snapshot:
    """Return the snapshot after the first ``at`` tokens of a node.

    It is the nearest earlier one in the node, advanced to ``at``: by at most 127 tokens, unless the passage was loaded,
    with fewer snapshots. Every 128th on the way is saved in the node. Seeds without a snapshot are read again.
    """
    # Top down in a loop: a passage can be more than a thousand nodes deep, too deep for recursion.
    for node in reversed(_nodes_without_start(passage, index)):
        _start_of(model, passage, node, whole_seed)
    node = passage.nodes[index]
    return snapshot_within(model, node, _start_of(model, passage, node, whole_seed), at)


def _nodes_without_start(passage: Passage, index: int | None) -> list[Node]:
    """Return the node and its ancestors up to the nearest one with a start."""
    nodes: list[Node] = []
    while index is not None and passage.nodes[index].start is None:
        nodes.append(passage.nodes[index])
        index = passage.nodes[index].parent
    return nodes


def rewrite_end(model: Model, passage: Passage, text: str, whole_seed: bool = False) -> tuple[Node, list[str]]:
    """Return a node that makes ``text`` of the passage's text, and notices about characters that it has.

    The common beginning is kept, in whole tokens, and the rest is read like a seed.
    """
    same = len(commonprefix([passage.text(), text]))  # noqa: RUF071
    index, at, covered = passage.locate_characters(same)
    before = None if index is None else snapshot_at(model, passage, index, at, whole_seed)
    prefill = model.read(text[covered:], before, whole=whole_seed)
    return Node(index, at, text[covered:], take=passage.current().take, start=prefill.snapshot), prefill.notices


def adopt_passage(model: Model, passage: Passage) -> tuple[Passage, str | None]:
    """Return a passage that ``model`` can continue, and a notice if another model wrote it, else None.

    The tree is kept if the model decodes its tokens to the same text. Otherwise the text becomes one seed.
    """
    tokenizer = model.tokenizer
    in_vocab = all(node.tokens_in_vocab(tokenizer) for node in passage.nodes)
    if passage.model_sha256 == model.file.sha256 and in_vocab:
        return passage, None
    notice = f"this passage was written with another model, {passage.model}; {model.name} reads it again"
    if all(node.decodes_to_same_text(tokenizer) for node in passage.nodes):
        passage.model = model.name
        passage.model_sha256 = model.file.sha256
        return passage, notice
    as_seed = Passage(model.name, model.file.sha256, passage.rng)
    as_seed.add(Node(None, seed=passage.text()))
    return as_seed, f"{notice}, as one seed"


def restore_snapshots(model: Model, passage: Passage, snapshots: Iterable[StoredSnapshot]) -> None:
    """Put stored snapshots into their nodes. Damaged ones and those of another model are ignored."""
    # The nodes' starts come first: the other snapshots are checked against them.
    for index, is_start, data in sorted(snapshots, key=lambda stored: not stored.is_start):
        node = passage.nodes[index]
        with contextlib.suppress(StateError):
            snapshot = model.load_state(data)
            if is_start:
                node.start = snapshot
            elif node.start and 0 <= snapshot.position - node.start.position <= len(node.tokens):
                # A snapshot can have been stored a moment after the last stored token: later ones are ignored.
                node.snapshots[snapshot.position] = snapshot


def _start_of(model: Model, passage: Passage, node: Node, whole_seed: bool) -> Snapshot:
    """Return the snapshot before the first token of a node (of a seed: after it), and save it in the node."""
    if node.start is None:
        parent = None if node.parent is None else passage.nodes[node.parent]
        before = (
            snapshot_within(model, parent, _start_of(model, passage, parent, whole_seed), node.at) if parent else None
        )
        if node.seed is None and before:
            node.start = before
        else:
            node.start = model.read(node.text(), before, whole=whole_seed).snapshot
    return node.start


def snapshot_within(model: Model, node: Node, start: Snapshot, at: int) -> Snapshot:
    """Return the snapshot after ``at`` tokens of a node, given its ``start``.

    Every 128th on the way is saved in the node.
    """
    first = start.position
    nearest = max((p for p in list(node.snapshots) if p <= first + at), default=first)
    snapshot = node.snapshots.get(nearest, start)
    for begin in range(nearest - first, at, SNAPSHOT_INTERVAL):
        snapshot = _replay(model, snapshot, node, begin, min(at, begin + SNAPSHOT_INTERVAL))
        if begin + SNAPSHOT_INTERVAL <= at:
            node.snapshots[snapshot.position] = snapshot
    # After a stop no text is pending: it was shown as the tail, or was a stop text.
    stopped = at == len(node.tokens) and node.reason in ("stop", "stopped")
    return replace(snapshot, pending_text="") if stopped else snapshot


class _VoiceRun(NamedTuple):
    """Tokens ``first`` to ``end`` of a node, drawn in one voice after ``written`` characters of the node."""

    first: int
    end: int
    voice: Voice
    written: int


def draw_start(model: Model, before: Snapshot, node: Node, index: int) -> Snapshot:
    """Return the snapshot that the token at ``index`` of a node was drawn from, given the one ``before`` it."""
    if not node.begins_voice(index):
        return before
    voice = model.voices.fit_voice(node.voice_at(index))
    return model.voices.restyle(before, voice.at(node.written_chars(index)))


def read_start(model: Model, before: Snapshot, node: Node, index: int) -> Snapshot:
    """Return the snapshot from which the token at ``index`` of a node was read, under the style of its place."""
    start, voice = draw_start(model, before, node, index), model.voices.fit_voice(node.voice_at(index))
    return replace(start, voice=voice.at(node.written_chars(index))) if voice.moves else start


def _replay(model: Model, start: Snapshot, node: Node, begin: int, end: int) -> Snapshot:
    """Return the snapshot after tokens ``begin`` to ``end``, with the same pending text as when they were drawn."""
    tokens = node.tokens[begin:end]
    decoder = model.tokenizer.decoder(start.remainder)
    decoded = start.pending_text + "".join(decoder.push(token.id) for token in tokens)
    shown = sum(len(token.text) for token in tokens)
    snapshot = start
    runs = _voice_runs(model, node, begin, end)
    for run, after in zip(runs, [*runs[1:], None], strict=True):
        if after and after.voice.at(after.written) != run.voice:
            snapshot = _skip(snapshot, node, run)
            continue
        if node.begins_voice(run.first):
            snapshot = model.voices.restyle(snapshot, run.voice.at(run.written))
        snapshot = _read_run(model, snapshot, node, run)
    return replace(
        snapshot,
        remainder=decoder.remainder,
        pending_text=decoded[shown:],
        mirostat_state=mirostat_state_after(tokens[-1]) if tokens else start.mirostat_state,
    )


def _voice_runs(model: Model, node: Node, begin: int, end: int) -> list[_VoiceRun]:
    """Return the runs of the tokens from ``begin`` to ``end``, without style where the model lacks it."""
    runs: list[_VoiceRun] = []
    written = node.written_chars(begin)
    for first, last in pairwise([*node.voice_starts(begin, end), end]):
        runs.append(_VoiceRun(first, last, model.voices.fit_voice(node.voice_at(first)), written))
        written += sum(len(token.text) for token in node.tokens[first:last])
    return runs


def _skip(start: Snapshot, node: Node, run: _VoiceRun) -> Snapshot:
    """Return the snapshot after a run whose tokens are read again after it: its rows stay as they were before."""
    history = TokenHistory([token.id for token in node.tokens[run.first : run.end]], start.history)
    return replace(start, position=start.position + run.end - run.first, history=history, voice=run.voice)


def _read_run(model: Model, start: Snapshot, node: Node, run: _VoiceRun) -> Snapshot:
    """Return the snapshot after a run, read under its voice: on a ramp, each token under that of its place."""
    tokens = node.tokens[run.first : run.end]
    ids = np.array([token.id for token in tokens], np.int64)
    if not run.voice.moves:
        return model.advance(start, ids)
    snapshot, written = start, run.written
    for token in tokens:
        snapshot = model.advance(replace(snapshot, voice=run.voice.at(written)), np.array([token.id]))
        written += len(token.text)
    return replace(snapshot, voice=run.voice, history=TokenHistory(ids, start.history))
