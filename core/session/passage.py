"""A passage: a tree of seeds that were typed and texts that were written, and where in it the reader stands."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from operator import itemgetter
from typing import NamedTuple

from ..errors import CommandError
from ..events import Token
from ..generation.snapshot import Snapshot
from ..settings import Settings
from ..text.tokenizer import Tokenizer


@dataclass(slots=True)
class Node:
    """A seed (``seed`` is its text, no tokens) or a text that the model wrote (``tokens``).

    It follows the first ``at`` tokens of its parent. ``take`` numbers the throws of the dice; ``tail`` is text that was
    held back when the writing was stopped; ``reason`` is why it ended ("" where it was left). ``filters`` drew its
    tokens, each from the token of its number on; none where nobody kept them. ``start`` is the state that its tokens
    follow, behind a seed; ``snapshots`` are states by position. States can be made anew.
    """

    parent: int | None
    at: int = 0
    seed: str | None = None
    tokens: list[Token] = field(default_factory=list)
    take: int = 0
    tail: str = ""
    children: list[int] = field(default_factory=list)
    visited: int | None = None
    reason: str = ""
    filters: list[tuple[int, Settings]] = field(default_factory=list)
    start: Snapshot | None = field(default=None, repr=False, compare=False)
    snapshots: dict[int, Snapshot] = field(default_factory=dict, repr=False, compare=False)

    def text(self, count: int | None = None) -> str:
        """What it says: the seed, or the written text up to so many tokens."""
        if self.seed is not None:
            return self.seed
        if not self.tokens:
            return self.tail
        return "".join(self.texts(count))

    def texts(self, count: int | None = None) -> list[str]:
        """What each of its first so many tokens says; the tail belongs to the last of all."""
        texts = [token.text for token in self.tokens[:count]]
        if texts and len(texts) == len(self.tokens):
            texts[-1] += self.tail
        return texts

    def record_filters(self, filters: Settings) -> None:
        """Its further tokens are drawn behind these filters."""
        if not self.filters or self.filters[-1][1] != filters:
            self.filters.append((len(self.tokens), filters))

    def filters_at(self, index: int) -> Settings | None:
        """The filters behind which a token of it was drawn; None where nobody kept them."""
        at = bisect_right(self.filters, index, key=itemgetter(0)) - 1
        return self.filters[at][1] if at >= 0 else None

    def tokens_in_vocab(self, tokenizer: Tokenizer) -> bool:
        """Whether a tokenizer has all its tokens."""
        return all(token.id < tokenizer.size for token in self.tokens)

    def decodes_to_same_text(self, tokenizer: Tokenizer) -> bool:
        """Whether a tokenizer reads its tokens as the text that stands here."""
        decoded = tokenizer.decode(token.id for token in self.tokens) if self.tokens_in_vocab(tokenizer) else ""
        return decoded.startswith("".join(token.text for token in self.tokens))


class StoredSnapshot(NamedTuple):
    """A snapshot as bytes: that which the tokens of a node follow (``start``), or one further on."""

    node: int
    is_start: bool
    data: bytes


@dataclass(slots=True)
class Passage:
    """A tree over one model, with the RNG seed of its dice. ``cursor`` is the node that the text ends with;
    ``settings`` are those to go on with, None where nobody kept them; ``archived`` is its number and its version where
    it is autosaved, ``states`` what was kept there of its states, for whoever has the model.
    """

    model: str
    model_sha256: str
    rng: int
    nodes: list[Node] = field(default_factory=list)
    cursor: int | None = None
    settings: Settings | None = None
    archived: tuple[int, int] | None = field(default=None, repr=False, compare=False)
    stored_snapshots: list[StoredSnapshot] = field(default_factory=list, repr=False, compare=False)

    def add(self, node: Node) -> int:
        """Hang a node under its parent and stand on it."""
        self.nodes.append(node)
        if node.parent is not None:
            self.nodes[node.parent].children.append(len(self.nodes) - 1)
        self.move_to(len(self.nodes) - 1)
        return len(self.nodes) - 1

    def move_to(self, index: int) -> None:
        """Stand on a node; redo from any of its ancestors leads here again."""
        self.cursor = index
        child, parent = index, self.nodes[index].parent
        while parent is not None:
            self.nodes[parent].visited = child
            child, parent = parent, self.nodes[parent].parent

    def current(self) -> Node:
        """The node under the cursor; raises CommandError in an empty passage."""
        if self.cursor is None:
            raise CommandError("there is no text yet: type a seed first")
        return self.nodes[self.cursor]

    def path(self) -> Iterator[tuple[Node, int | None]]:
        """From the root to the cursor: each node, and how many of its tokens belong to the text (None: all)."""
        return ((self.nodes[index], kept) for index, kept in self._path_indices())

    def _path_indices(self) -> Iterator[tuple[int, int | None]]:
        steps: list[tuple[int, int | None]] = []
        index: int | None = self.cursor
        kept: int | None = None
        while index is not None:
            steps.append((index, kept))
            node = self.nodes[index]
            index, kept = node.parent, node.at
        return reversed(steps)

    def root(self) -> int:
        """The seed that the text begins with; raises CommandError in an empty passage."""
        self.current()
        return next(self._path_indices())[0]

    def token_count(self) -> int:
        """How many tokens the model wrote, up to the cursor."""
        return sum(len(node.tokens) if kept is None else kept for node, kept in self.path())

    def locate_token(self, count: int) -> tuple[int, int]:
        """Where the text stands behind its first ``count`` written tokens: a node, and how many of its tokens.

        Raises CommandError where it has fewer.
        """
        before = 0
        for index, kept in self._path_indices():
            node = self.nodes[index]
            here = len(node.tokens) if kept is None else kept
            if 0 <= count - before < here:
                # Before the first token of a node is behind its parent: whoever goes on from there is its sibling.
                if count == before and node.parent is not None:
                    return node.parent, node.at
                return index, count - before
            before += here
        if self.cursor is None or count != before:
            raise CommandError(f"the text has {before:,} tokens: there is no place behind {count:,}")
        return self.cursor, len(self.nodes[self.cursor].tokens)

    def locate_characters(self, characters: int) -> tuple[int | None, int, int]:
        """How much of the text stays if only so many characters of it do: a node, how many of its tokens, and how many
        characters these and all before them have. A seed stays whole or not at all: then the node is None.
        """
        found: tuple[int | None, int, int] = (None, 0, 0)
        before = 0
        for index, kept in self._path_indices():
            node = self.nodes[index]
            if node.seed is not None:
                before += len(node.seed)
                found = (index, 0, before) if before <= characters else found
            for number, text in enumerate(node.texts(kept), 1):
                before += len(text)
                # A token without text is the beginning of a character: it stays only with the rest of it.
                found = (index, number, before) if text and before <= characters else found
            if before > characters:
                break
        return found

    def token_at(self, count: int) -> tuple[Token, Settings | None] | None:
        """The written token behind the first ``count`` of them, and the filters that drew it, None where nobody kept
        them; None at the end of the text.
        """
        before = 0
        for node, kept in self.path():
            here = len(node.tokens) if kept is None else kept
            if 0 <= count - before < here:
                return node.tokens[count - before], node.filters_at(count - before)
            before += here
        return None

    def outline(self) -> Iterator[tuple[int, int]]:
        """Every node with its depth, children below their parents; what merely goes on at a node's end is no deeper."""
        waiting = [(index, 0) for index, node in reversed(list(enumerate(self.nodes))) if node.parent is None]
        while waiting:
            index, depth = waiting.pop()
            yield index, depth
            children = self.nodes[index].children
            inner = depth if len(children) == 1 and self.nodes[index].seed is None else depth + 1
            waiting += [(child, inner) for child in reversed(children)]

    def versions(self) -> list[int]:
        """The nodes between which one chooses here: texts that go on from one place, the one that was left first."""
        cursor = self.cursor
        if cursor is None:
            return []
        node = self.nodes[cursor]
        turned = None if node.visited is None else self.nodes[node.visited]
        if turned and turned.seed is None and turned.at < len(node.tokens):
            return self._versions_at(cursor, turned.at)
        if node.parent is None:
            return [index for index, other in enumerate(self.nodes) if other.parent is None]
        return [cursor] if node.seed is not None else self._versions_at(node.parent, node.at)

    def _versions_at(self, parent: int, at: int) -> list[int]:
        """All texts behind the first ``at`` tokens of a node: its own further tokens, and those that branch there."""
        node = self.nodes[parent]
        branches = [child for child in node.children if self.nodes[child].at == at and self.nodes[child].seed is None]
        return [parent, *branches] if at < len(node.tokens) else branches

    def text(self) -> str:
        """The whole text up to the cursor, seeds included."""
        return "".join(node.text(kept) for node, kept in self.path())

    def tokens(self) -> list[Token]:
        """The tokens that the model wrote, up to the cursor."""
        return [token for node, kept in self.path() for token in node.tokens[:kept]]

    def summary(self) -> str:
        """The dim line under a text: T, characters written, RNG seed and take."""
        node = self.current()
        written = sum(len(token.text) for token in node.tokens) + len(node.tail)
        temperatures = [token.temperature for token in node.tokens] or [0.0]
        low, high = min(temperatures), max(temperatures)
        shown = f"T {low:.2f}" if low == high else f"T {low:.2f} to {high:.2f}"
        take = f" · take {node.take}" if node.take else ""
        versions = self.versions()
        if len(versions) > 1:
            take += f" · version {versions.index(self.cursor or 0) + 1} of {len(versions)}"
        return f"{shown} · {written:,} characters · rng {self.rng}{take}"

    def undo(self) -> None:
        """Stand where the last text was not written yet; raises CommandError at the beginning."""
        node = self.current()
        if node.parent is None:
            raise CommandError("there is nothing to undo")
        self.cursor = node.parent

    def redo(self) -> None:
        """Take back an undo; raises CommandError where none was."""
        visited = self.current().visited
        if visited is None:
            raise CommandError("there is nothing to redo")
        self.cursor = visited

    def next_free_take(self, parent: int, at: int) -> int:
        """A throw of the dice that no text behind the first ``at`` tokens of ``parent`` has used."""
        node = self.nodes[parent]
        used = [self.nodes[child].take for child in node.children]
        return max([node.take, *used]) + (1 if used or at < len(node.tokens) else 0)
