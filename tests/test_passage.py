"""The tree of a passage: what its text is, where undo and redo lead, which dice are free."""

from __future__ import annotations

import pytest
from afterglow.core.errors import CommandError
from afterglow.core.events import Token
from afterglow.core.session.passage import Node, Passage


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
