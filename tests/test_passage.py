"""The tree of a passage: what its text is, where undo and redo lead, which dice are free."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from afterglow.core.errors import CommandError
from afterglow.core.events import Token
from afterglow.core.generation.snapshot import Snapshot
from afterglow.core.session.node import Node
from afterglow.core.session.passage import Passage, format_temperatures
from afterglow.core.settings import Settings
from afterglow.core.text.tokenizer import ByteTokenizer
from afterglow.core.user_files import FileStamp
from hypothesis import given
from hypothesis import strategies as st

from .properties import examples


def tokens(text: str) -> list[Token]:
    return [Token(character, ord(character), -1.0, -1.0, 1, 1.0, 0.8) for character in text]


@pytest.fixture
def passage() -> Passage:
    """ "Once " + "upon" with two goes on from its end, and one from its second token."""
    passage = Passage("m", "", 7)
    passage.add(Node(None, seed="Once "))
    passage.add(Node(0, tokens=tokens("upon")))
    passage.add(Node(1, 4, tokens=tokens(" a time")))
    passage.add(Node(1, 4, tokens=tokens(" a lamp"), take=1))
    passage.add(Node(1, 2, tokens=tokens("per"), take=2))
    return passage


@pytest.mark.parametrize(
    ("cursor", "text", "written"),
    [
        (None, "", ""),
        (0, "Once ", ""),
        (1, "Once upon", "upon"),
        (2, "Once upon a time", "upon a time"),
        (3, "Once upon a lamp", "upon a lamp"),
        (4, "Once upper", "upper"),
    ],
)
def test_the_text_is_that_of_the_path(passage: Passage, cursor: int | None, text: str, written: str) -> None:
    passage.cursor = cursor
    assert passage.text() == text
    assert "".join(token.text for token in passage.tokens()) == written


def test_a_tail_belongs_to_the_text_only_where_all_of_its_node_does() -> None:
    node = Node(0, tokens=tokens("abc"), tail="EN")
    assert [node.text(n) for n in (None, 3, 2, 0)] == ["abcEN", "abcEN", "ab", ""]


def test_a_passage_is_the_same_whichever_file_it_was_saved_in() -> None:
    stamps = [None, FileStamp(Path("a"), 1, 2, 3), FileStamp(Path("b"), 4, 5, 6)]
    first, *others = [Passage("m", "", 7, saved_as=stamp) for stamp in stamps]
    assert others == [first, first]
    assert len({repr(each) for each in (first, *others)}) == 1


def test_undo_steps_back_and_redo_goes_the_way_one_came(passage: Passage) -> None:
    passage.move_to(2)
    passage.undo()
    passage.undo()
    assert passage.text() == "Once "
    passage.redo()
    passage.redo()
    assert passage.text() == "Once upon a time"
    passage.move_to(4)
    passage.undo()
    passage.redo()
    assert passage.cursor == 4


def test_redo_from_the_root_remembers_a_deep_place(passage: Passage) -> None:
    passage.add(Node(3, 7, tokens=tokens("!")))
    for _ in range(3):
        passage.undo()
    for _ in range(3):
        passage.redo()
    assert passage.text() == "Once upon a lamp!"


def test_the_ends_of_undo_and_redo_are_said(passage: Passage) -> None:
    with pytest.raises(CommandError, match="nothing to redo"):
        passage.redo()
    passage.move_to(0)
    with pytest.raises(CommandError, match="nothing to undo"):
        passage.undo()
    assert passage.cursor == 0


def test_an_empty_passage_says_what_to_do() -> None:
    passage = Passage("m", "", 7)
    for action in (passage.current, passage.undo, passage.redo):
        with pytest.raises(CommandError, match="type a seed"):
            action()
    assert passage.text() == ""


def test_a_new_text_ends_redo_along_the_old_way(passage: Passage) -> None:
    passage.move_to(2)
    passage.undo()
    passage.add(Node(1, 4, tokens=tokens(" a keeper"), take=3))
    passage.undo()
    passage.redo()
    assert passage.text() == "Once upon a keeper"


def test_children_are_told_to_their_parents(passage: Passage) -> None:
    assert [node.children for node in passage.nodes] == [[1], [2, 3, 4], [], [], []]


@pytest.mark.parametrize(
    ("parent", "at", "take"), [(0, 0, 1), (1, 4, 3), (2, 7, 0), (2, 3, 1), (3, 7, 1), (4, 3, 2), (4, 0, 3)]
)
def test_a_next_take_is_one_that_nothing_behind_the_parent_used(
    passage: Passage, parent: int, at: int, take: int
) -> None:
    assert passage.next_free_take(parent, at) == take


def test_a_node_that_is_added_is_where_the_text_ends() -> None:
    passage = Passage("m", "", 7)
    assert [passage.add(Node(None, seed="a")), passage.add(Node(0, tokens=tokens("b")))] == [0, 1]
    assert passage.cursor == 1
    assert passage.current() is passage.nodes[1]


def test_a_text_that_is_only_a_tail_is_its_text() -> None:
    assert Node(0, tail="EN").text() == "EN"
    assert Node(0, tail="EN").texts() == []
    assert Node(0, tokens=tokens("ab"), tail="EN").texts() == ["a", "bEN"]


@pytest.mark.parametrize(("cursor", "count"), [(None, 0), (0, 0), (1, 4), (2, 11), (4, 5)])
def test_tokens_are_counted_along_the_path(passage: Passage, cursor: int | None, count: int) -> None:
    passage.cursor = cursor
    assert passage.token_count() == count


def test_the_root_is_the_first_seed(passage: Passage) -> None:
    other = passage.add(Node(None, seed="Twice "))
    assert passage.root() == other
    passage.move_to(3)
    assert passage.root() == 0
    with pytest.raises(CommandError, match="type a seed"):
        Passage("m", "", 7).root()


@pytest.mark.parametrize(
    ("cursor", "count", "place"),
    [
        (3, 0, (0, 0)),  # before the first token of "upon": after its seed
        (3, 1, (1, 1)),
        (3, 3, (1, 3)),
        (3, 4, (1, 4)),  # before the first token of " a lamp": after "upon"
        (3, 5, (3, 1)),
        (3, 10, (3, 6)),
        (3, 11, (3, 7)),
        (4, 1, (1, 1)),
        (4, 2, (1, 2)),
        (4, 3, (4, 1)),
        (4, 5, (4, 3)),
        (0, 0, (0, 0)),
    ],
)
def test_a_token_is_found_along_the_path(passage: Passage, cursor: int, count: int, place: tuple[int, int]) -> None:
    passage.cursor = cursor
    assert passage.locate_token(count) == place


@pytest.mark.parametrize("count", [-1, 12, 5000])
def test_a_place_beyond_the_text_is_refused(passage: Passage, count: int) -> None:
    passage.cursor = 3
    with pytest.raises(CommandError, match=f"the text has only 11 tokens; cannot go to token {count:,}"):
        passage.locate_token(count)


def test_a_text_without_a_seed_begins_at_its_own_beginning() -> None:
    passage = Passage("m", "", 7)
    passage.add(Node(None, tokens=tokens("ab")))
    assert [passage.locate_token(count) for count in range(3)] == [(0, 0), (0, 1), (0, 2)]


@pytest.mark.parametrize(
    ("characters", "place"),
    [
        (0, (None, 0, 0)),
        (4, (None, 0, 0)),
        (5, (0, 0, 5)),
        (6, (1, 1, 6)),
        (9, (1, 4, 9)),
        (10, (3, 1, 10)),
        (16, (3, 7, 16)),
        (99, (3, 7, 16)),
    ],
)
def test_the_beginning_that_fits(passage: Passage, characters: int, place: tuple[int | None, int, int]) -> None:
    """Of "Once upon a lamp"."""
    passage.cursor = 3
    assert passage.locate_characters(characters) == place


@pytest.mark.parametrize(
    ("characters", "place"), [(2, (0, 0, 2)), (3, (1, 2, 3)), (4, (1, 3, 4)), (5, (2, 0, 5)), (6, (3, 1, 6))]
)
def test_a_character_of_two_tokens_fits_with_both_and_a_typed_seed_as_a_whole(
    characters: int, place: tuple[int | None, int, int]
) -> None:
    passage = Passage("m", "", 7)
    begun, ended = (Token(text, 200, -1.0, -1.0, 1, 1.0, 0.8) for text in ("", "é"))
    passage.add(Node(None, seed="ab"))
    passage.add(Node(0, tokens=[begun, ended, *tokens("c"), begun]))
    passage.add(Node(1, 3, seed="!"))
    passage.add(Node(2, 0, tokens=tokens("d")))
    assert passage.locate_characters(characters) == place


def test_nothing_lies_between_a_text_and_a_seed_typed_after_it() -> None:
    passage = Passage("m", "", 7)
    for node in (
        Node(None, seed="a"),
        Node(0, tokens=tokens("bc")),
        Node(1, 2, seed=""),
        Node(2, 0, tokens=tokens("d")),
    ):
        passage.add(node)
    assert [passage.locate_token(count) for count in range(4)] == [(0, 0), (1, 1), (2, 0), (3, 1)]
    assert passage.locate_characters(3) == (2, 0, 3)  # an empty seed fits where its text does


def test_a_token_comes_with_the_settings_that_drew_it(passage: Passage) -> None:
    hot, cold = Settings(top_k=5), Settings(top_k=2)
    passage.nodes[3].filters = [(1, hot), (3, cold)]
    passage.cursor = 3
    found = [passage.token_at(index) for index in range(-1, 12)]
    assert [each and each[0].text for each in found] == [None, *"upon a lamp", None]
    assert [each and each[1] for each in found[1:-1]] == [None] * 5 + [hot] * 2 + [cold] * 4
    passage.cursor = 4
    assert [found and found[0].text for found in map(passage.token_at, range(6))] == [*"upper", None]


def test_settings_are_noted_once_and_where_they_begin() -> None:
    hot, cold = Settings(top_k=5), Settings(top_k=2)
    node = Node(0)
    for filters in (hot, hot, cold, cold, hot):
        node.record_filters(filters)
        node.tokens += tokens("a")
    assert node.filters == [(0, hot), (2, cold), (4, hot)]
    assert [node.filters_at(index) for index in range(6)] == [hot, hot, cold, cold, hot, hot]


def test_the_outline_goes_deeper_at_seeds_and_where_ways_part(passage: Passage) -> None:
    passage.add(Node(2, 7, tokens=tokens("!")))
    passage.add(Node(5, 1, tokens=tokens("!")))
    passage.add(Node(None, seed="Twice "))
    assert list(passage.outline()) == [(0, 0), (1, 1), (2, 2), (5, 2), (6, 2), (3, 2), (4, 2), (7, 0)]


def test_versions_are_the_texts_that_go_on_from_one_place(passage: Passage) -> None:
    passage.add(Node(1, 4, seed="!"))
    passage.move_to(4)
    found = {}
    for cursor in range(6):
        passage.cursor = cursor
        found[cursor] = passage.versions()
    assert found == {0: [0], 1: [1, 4], 2: [2, 3], 3: [2, 3], 4: [1, 4], 5: [5]}
    passage.move_to(2)
    passage.undo()
    assert passage.versions() == [1, 4]  # its continuations are not its versions
    passage.move_to(5)
    passage.undo()
    assert passage.versions() == [1, 4]
    assert passage.add(Node(None, seed="Twice ")) == 6
    assert passage.versions() == [0, 6]
    assert Passage("m", "", 7).versions() == []


def test_an_edited_text_is_a_version_of_the_text_before(passage: Passage) -> None:
    passage.add(Node(1, 2, seed="!"))
    assert passage.versions() == [0, 5]  # seeds are versions of each other
    passage.add(Node(5, tokens=tokens("!!")))
    assert passage.versions() == [1, 4, 6]
    passage.add(Node(6, 2, tokens=tokens("?")))
    assert passage.versions() == [7]
    passage.add(Node(None, seed="Twice "))
    passage.add(Node(8, tokens=tokens("as")))
    assert passage.versions() == [1, 4, 6, 9]


@examples(60)
@given(st.lists(st.tuples(st.booleans(), st.integers(0, 30), st.integers(0, 4), st.integers(0, 3)), max_size=30))
def test_every_text_is_a_version_of_one_place_only(steps: list[tuple[bool, int, int, int]]) -> None:
    """Whatever the tree, versions divide its texts and its seeds into groups, and undo and redo lead back."""
    passage = Passage("m", "", 7)
    passage.add(Node(None, seed="Once "))
    for is_seed, parent, at, length in steps:
        index = parent % len(passage.nodes)
        at = min(at, len(passage.nodes[index].tokens))
        passage.add(Node(index, at, seed="s") if is_seed else Node(index, at, tokens=tokens("abc"[:length])))
    groups = {}
    for cursor, node in enumerate(passage.nodes):
        passage.move_to(cursor)
        groups[cursor] = versions = passage.versions()
        assert cursor in versions == sorted(set(versions))
        assert {passage.nodes[each].seed is None for each in versions} == {node.seed is None}
        if node.parent is not None:
            passage.undo()
            passage.redo()
        assert passage.cursor == cursor
        if node.seed is None and node.parent is not None and node.at < len(passage.nodes[node.parent].tokens):
            assert node.parent in versions  # a branch and the text that it left
    assert all(groups[other] == versions for versions in groups.values() for other in versions)


def test_the_line_under_a_text(passage: Passage) -> None:
    lines = []
    for cursor in range(4):
        passage.move_to(cursor)
        lines.append(passage.summary())
    assert lines == [
        "T 0.00 · 0 characters · rng 7",
        "T 0.80 · 4 characters · rng 7 · version 1 of 2",
        "T 0.80 · 7 characters · rng 7 · version 1 of 2",
        "T 0.80 · 7 characters · rng 7 · take 1 · version 2 of 2",
    ]
    passage.add(Node(None, seed="Twice "))
    passage.move_to(0)
    assert passage.summary() == "T 0.00 · 0 characters · rng 7 · version 1 of 2"
    passage.move_to(3)
    passage.nodes[3].tail = "EN"
    assert "9 characters" in passage.summary()


@pytest.mark.parametrize(
    ("temperatures", "line"),
    [((), "T 0.00"), ((0.8,), "T 0.80"), ((0.8, 0.8), "T 0.80"), ((0.5, 1.2, 0.2), "T 0.20 to 1.20")],
)
def test_temperatures_of_a_text(temperatures: tuple[float, ...], line: str) -> None:
    assert format_temperatures(temperatures) == line


def test_tokens_of_another_vocabulary_are_known_by_id_or_text() -> None:
    tokenizer = ByteTokenizer()
    begun = Token("", 0xC3, -1.0, -1.0, 1, 1.0, 0.8)
    for node, known, same in (
        (Node(0, tokens=tokens("abc")), True, True),
        (Node(0, tokens=[*tokens("abc"), begun]), True, True),  # the rest of the character has not come
        (Node(0, tokens=[tokens("a")[0]._replace(text="b")]), True, False),
        (Node(0, tokens=[tokens("a")[0]._replace(id=256)]), False, False),
    ):
        assert (node.tokens_in_vocab(tokenizer), node.decodes_to_same_text(tokenizer)) == (known, same)


def test_nodes_are_equal_whatever_was_computed_for_them() -> None:
    snapshot = Snapshot((), np.zeros(2, np.float32), 1)
    computed = Node(0, tokens=tokens("a"), start=snapshot, snapshots={1: snapshot})
    assert computed == Node(0, tokens=tokens("a"))
    assert repr(computed) == repr(Node(0, tokens=tokens("a")))
