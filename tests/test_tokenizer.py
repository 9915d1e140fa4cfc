"""Text to ids and back loses nothing, whole or token by token, from any place to go on from."""

import pytest
from afterglow.core.errors import ModelError, TextError
from afterglow.core.text.tokenizer import ByteTokenizer, CharTokenizer, from_header
from hypothesis import given
from hypothesis import strategies as st

from .properties import examples

always = examples(200)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]))


@always
@given(TEXTS)
def test_bytes_give_any_text_back(text: str) -> None:
    assert ByteTokenizer().decode(ByteTokenizer().encode(text)) == text


@always
@given(st.data())
def test_characters_give_any_covered_text_back(data: st.DataObject) -> None:
    vocabulary = data.draw(TEXTS.filter(bool))
    tokenizer = CharTokenizer.from_text(vocabulary)
    text = data.draw(st.text(st.sampled_from(vocabulary)))
    assert tokenizer.decode(tokenizer.encode(text)) == text
    assert tokenizer.unknown_characters(text) == []
    decoder = tokenizer.decoder()
    assert "".join(map(decoder.push, tokenizer.encode(text).tolist())) + decoder.flush() == text


@always
@given(st.binary(), st.data())
def test_any_bytes_decode_in_pieces_as_they_do_whole(data: bytes, choice: st.DataObject) -> None:
    tokenizer = ByteTokenizer()
    cut = choice.draw(st.integers(0, len(data)))
    first = tokenizer.decoder()
    start = "".join(map(first.push, data[:cut]))
    second = tokenizer.decoder(first.remainder)
    rest = "".join(map(second.push, data[cut:])) + second.flush()
    assert start + rest == tokenizer.decode(data) == data.decode("utf-8", "replace")


@always
@given(TEXTS)
def test_a_character_shows_with_its_last_byte_and_never_before(text: str) -> None:
    decoder = ByteTokenizer().decoder()
    for character in text:
        *first, last = character.encode()
        assert [decoder.push(byte) for byte in first] == [""] * len(first)
        assert decoder.push(last) == character
        assert decoder.remainder == b""


def test_unseen_characters_are_named_once_and_read_as_the_stand_in() -> None:
    tokenizer = CharTokenizer.from_text("a b\n")
    assert tokenizer.unknown_characters("azbyz") == ["z", "y"]
    assert tokenizer.decode(tokenizer.encode("azb")) == "a b"


@pytest.mark.parametrize(("vocabulary", "stand_in"), [("ab c\n", " "), ("abc\n", "\n"), ("bca", "a")])
def test_the_stand_in_is_a_space_else_a_newline_else_the_first(vocabulary: str, stand_in: str) -> None:
    tokenizer = CharTokenizer.from_text(vocabulary)
    assert tokenizer.replacement == stand_in
    assert tokenizer.decode(tokenizer.encode("Ω")) == stand_in


def test_a_lone_surrogate_is_reported_and_replaced() -> None:
    tokenizer = ByteTokenizer()
    assert tokenizer.unknown_characters("a\udcffb\udcff") == ["\udcff"]
    assert tokenizer.decode(tokenizer.encode("a\udcffb")) == "a\ufffdb"


@pytest.mark.parametrize("tokenizer", [ByteTokenizer(), CharTokenizer.from_text("kept\n")], ids=lambda t: t.kind)
def test_a_header_is_the_way_back(tokenizer: ByteTokenizer | CharTokenizer) -> None:
    again = from_header(tokenizer.header())
    assert (again.kind, again.size) == (tokenizer.kind, tokenizer.size)
    assert again.encode("kept").tolist() == tokenizer.encode("kept").tolist()


@pytest.mark.parametrize(
    "header",
    [
        None,
        [],
        "byte",
        {},
        {"kind": "bpe"},
        {"kind": ["byte"]},
        {"kind": "char"},
        {"kind": "char", "characters": []},
        {"kind": "char", "characters": "abc"},
        {"kind": "char", "characters": ["a", "a"]},
        {"kind": "char", "characters": ["a", "bc"]},
        {"kind": "char", "characters": ["a", ""]},
        {"kind": "char", "characters": ["a", 1]},
        {"kind": "char", "characters": ["a", ["b"]]},
        {"kind": "char", "characters": ["a", "\ud800"]},
    ],
    ids=str,
)
def test_a_header_that_describes_no_tokenizer_is_refused(header: object) -> None:
    with pytest.raises(ModelError):
        from_header(header)


def test_an_empty_text_has_no_characters_to_learn() -> None:
    with pytest.raises(TextError, match="an empty text"):
        CharTokenizer.from_text("")
