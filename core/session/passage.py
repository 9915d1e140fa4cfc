"""The passage: a tree of typed seeds and generated texts, with a cursor on the node that the text ends with."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from ..errors import CommandError
from ..events import Token
from ..settings import Settings
from ..user_files import FileStamp
from .node import Node


class RowVersion(NamedTuple):
    """Number of an autosaved passage, and the version of its row, which each save increases by 1."""

    id: int
    version: int


@dataclass(slots=True)
class Passage:
    """A tree of nodes written with one model.

    ``rng`` is the number that its random draws start from. ``cursor`` is the index of the node that the text ends with,
    None in an empty passage. ``settings`` are those to continue with, None if not recorded. ``saved_as`` is its file
    as it was when it was saved under a name or read, None if it has no name. ``row`` is its row among the autosaved
    passages, None if it has none. A ``deleted`` passage is not autosaved.
    """

    model: str
    model_sha256: str
    rng: int
    nodes: list[Node] = field(default_factory=list)
    cursor: int | None = None
    settings: Settings | None = None
    saved_as: FileStamp | None = field(default=None, repr=False, compare=False)
    row: RowVersion | None = field(default=None, repr=False, compare=False)
    deleted: bool = field(default=False, repr=False, compare=False)

    def add(self, node: Node) -> int:
        """Append a node, link it to its parent, and move the cursor to it. Return its index."""
        self.nodes.append(node)
        if node.parent is not None:
            self.nodes[node.parent].children.append(len(self.nodes) - 1)
        self.move_to(len(self.nodes) - 1)
        return len(self.nodes) - 1

    def move_to(self, index: int) -> None:
        """Move the cursor to a node. Redo from any of its ancestors then leads to it."""
        self.cursor = index
        child, parent = index, self.nodes[index].parent
        while parent is not None:
            self.nodes[parent].visited = child
            child, parent = parent, self.nodes[parent].parent

    def current(self) -> Node:
        """Return the node at the cursor. Raises CommandError in an empty passage."""
        return self.nodes[self.end()[0]]

    def end(self) -> tuple[int, int]:
        """Return the end of the text as (node, number of its tokens). Raises CommandError in an empty passage."""
        if self.cursor is None:
            raise CommandError("there is no text yet: type a seed first")
        return self.cursor, len(self.nodes[self.cursor].tokens)

    def path(self) -> Iterator[tuple[Node, int | None]]:
        """Yield the nodes from the root to the cursor as (node, number of its tokens in the text; None: all)."""
        return ((self.nodes[index], count) for index, count in self._path_indices())

    def _path_indices(self) -> Iterator[tuple[int, int | None]]:
        upwards: list[tuple[int, int | None]] = []
        index: int | None = self.cursor
        count: int | None = None
        while index is not None:
            upwards.append((index, count))
            node = self.nodes[index]
            index, count = node.parent, node.at
        return reversed(upwards)

    def root(self) -> int:
        """Return the index of the seed that the text begins with. Raises CommandError in an empty passage."""
        self.current()
        return next(self._path_indices())[0]

    def token_count(self) -> int:
        """Return the number of generated tokens up to the cursor."""
        return sum(_token_count(node, count) for node, count in self.path())

    def locate_token(self, count: int) -> tuple[int, int]:
        """Return the place after the first ``count`` generated tokens of the text as (node, number of its tokens).

        Raises CommandError if the text has fewer.
        """
        end = self.end()
        before = 0
        for index, part in self._path_indices():
            node = self.nodes[index]
            length = _token_count(node, part)
            if 0 <= count - before < length:
                # The place before a node's first token is given as its parent's, so a text added there is a sibling.
                if count == before and node.parent is not None:
                    return node.parent, node.at
                return index, count - before
            before += length
        if count != before:
            raise CommandError(f"the text has only {before:,} tokens; cannot go to token {count:,}")
        return end

    def locate_characters(self, characters: int) -> tuple[int | None, int, int]:
        """Return the longest beginning of the text, in whole tokens and whole seeds, that fits in ``characters``.

        It is given by its end, as (node, number of its tokens, characters). The node is None if not even the first seed
        fits.
        """
        fitting: tuple[int | None, int, int] = (None, 0, 0)
        before = 0
        for index, count in self._path_indices():
            node = self.nodes[index]
            if node.seed is not None:
                before += len(node.seed)
                fitting = (index, 0, before) if before <= characters else fitting
            for number, text in enumerate(node.texts(count), 1):
                before += len(text)
                # A token without text begins a character of several tokens; it is kept only with the rest of them.
                fitting = (index, number, before) if text and before <= characters else fitting
            if before > characters:
                break
        return fitting

    def token_place(self, index: int) -> tuple[Node, int] | None:
        """Return the node of the generated token at ``index`` of the text, and its index there. None at the end."""
        before = 0
        for node, part in self.path():
            length = _token_count(node, part)
            if 0 <= index - before < length:
                return node, index - before
            before += length
        return None

    def token_starts(self) -> Iterator[tuple[int, int]]:
        """Yield (index in the text of its first token, node) of each node up to the cursor that has tokens."""
        before = 0
        for index, part in self._path_indices():
            length = _token_count(self.nodes[index], part)
            if length or index == self.cursor:
                yield before, index
            before += length

    def token_at(self, index: int) -> tuple[Token, Settings | None] | None:
        """Return the generated token at ``index`` of the text and the settings that drew it (None if not recorded).

        Return None at the end of the text.
        """
        place = self.token_place(index)
        return place and (place[0].tokens[place[1]], place[0].filters_at(place[1]))

    def outline(self) -> Iterator[tuple[int, int]]:
        """Yield (index, depth) of every node, parents first. A text's only child is as deep as the text."""
        waiting = [(index, 0) for index, node in reversed(list(enumerate(self.nodes))) if node.parent is None]
        while waiting:
            index, depth = waiting.pop()
            yield index, depth
            children = self.nodes[index].children
            inner = depth if len(children) == 1 and self.nodes[index].seed is None else depth + 1
            waiting += [(child, inner) for child in reversed(children)]

    def versions(self) -> list[int]:
        """Return the nodes of the versions of the last text, in order of creation. The cursor is one of them.

        They are all texts, or all seeds, that begin at the same end of a whole text, or at the beginning of the
        passage. What branches off inside such a text, or continues an edited seed in its place, is another version.
        """
        if self.cursor is None:
            return []
        is_seed = self.current().seed is not None
        return sorted(index for index in self._written_after(self._text_before(self.cursor), is_seed))

    def version_beside(self, step: int) -> int | None:
        """Return the next (1) or previous (-1) version of the last text, None after the last.

        Raises CommandError before the first, and in an empty passage.
        """
        self.current()
        versions = self.versions()
        number = versions.index(self.cursor or 0) + step
        if number < 0:
            raise CommandError("this is the first version")
        return versions[number] if number < len(versions) else None

    def _text_before(self, index: int) -> int | None:
        """Return the whole text that a node's version continues, None if it is the beginning of the passage."""
        parent = self.nodes[index].parent
        while parent is not None and not self._is_at_end(index):
            index, parent = parent, self.nodes[parent].parent
        return parent

    def _written_after(self, before: int | None, is_seed: bool) -> Iterator[int]:
        """Yield the seeds, or the texts, of all versions that continue the whole text ``before``."""
        children = range(len(self.nodes)) if before is None else self.nodes[before].children
        waiting = [child for child in children if self.nodes[child].parent == before and self._is_at_end(child)]
        while waiting:
            index = waiting.pop()
            waiting += [child for child in self.nodes[index].children if not self._is_at_end(child)]
            if (self.nodes[index].seed is not None) == is_seed:
                yield index

    def _is_at_end(self, index: int) -> bool:
        """True if a node begins the passage or continues all of a text; False if it continues a seed or a part."""
        node = self.nodes[index]
        parent = None if node.parent is None else self.nodes[node.parent]
        return parent is None or (parent.seed is None and node.at >= parent.shown_count)

    def text(self) -> str:
        """Return the whole text up to the cursor, including seeds."""
        return "".join(node.text(count) for node, count in self.path())

    def tokens(self) -> list[Token]:
        """Return the generated tokens up to the cursor."""
        return [token for node, count in self.path() for token in node.tokens[:count]]

    def summary(self) -> str:
        """Return the line shown under a text: T, style, characters, rng, and take and version if there are several."""
        node = self.current()
        characters = sum(len(token.text) for token in node.tokens) + len(node.tail)
        parts = [
            format_temperatures([token.temperature for token in node.tokens]),
            *filter(None, [node.style_summary()]),
            f"{characters:,} characters",
            f"rng {self.rng}",
        ]
        if node.take:
            parts.append(f"take {node.take}")
        return " · ".join([*parts, *filter(None, [self.version_summary()])])

    def version_summary(self) -> str:
        """Return the number of the version at the cursor: "version 2 of 3". Return "" if there is one only."""
        versions = self.versions()
        return f"version {versions.index(self.cursor or 0) + 1} of {len(versions)}" if len(versions) > 1 else ""

    def undo(self) -> None:
        """Move the cursor to the parent. Raises CommandError if there is none."""
        node = self.current()
        if node.parent is None:
            raise CommandError("there is nothing to undo")
        self.cursor = node.parent

    def redo(self) -> None:
        """Move the cursor to the child visited last. Raises CommandError if there is none."""
        visited = self.current().visited
        if visited is None:
            raise CommandError("there is nothing to redo")
        self.cursor = visited

    def next_free_take(self, parent: int, at: int) -> int:
        """Return the RNG take for a new text after the first ``at`` tokens of node ``parent``.

        It is the parent's own if the parent has no child and ``at`` is its end, else one more than the highest used.
        """
        node = self.nodes[parent]
        used = [self.nodes[child].take for child in node.children]
        return max([node.take, *used]) + (1 if used or at < len(node.tokens) else 0)


def format_temperatures(temperatures: Collection[float]) -> str:
    """Return the lowest and highest temperature of a text: "T 0.20 to 1.20", or "T 0.80". "T 0.00" if there is none."""
    low, high = min(temperatures, default=0.0), max(temperatures, default=0.0)
    return f"T {low:.2f}" if low == high else f"T {low:.2f} to {high:.2f}"


def _token_count(node: Node, count: int | None) -> int:
    """Return ``count``, or the number of the node's tokens if it is None."""
    return len(node.tokens) if count is None else count
