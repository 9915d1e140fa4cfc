"""BPE and words: nothing is lost, our merges are those of Hugging Face's tokenizers, hostile headers are refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from afterglow.core.errors import ModelError
from afterglow.core.text.subwords import MAX_TOKEN_BYTES, BpeTokenizer, SubwordTokenizer, WordTokenizer, pretokenize
from afterglow.core.text.tokenizer import from_header
from hypothesis import given
from hypothesis import strategies as st

from .properties import examples

TEXT = (Path(__file__).parent / "data" / "lamp.txt").read_text("utf-8")
always = examples(200)
TEXTS = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"])),
    st.lists(st.sampled_from(["The ", "lamp", " lamp", "keeper", "'s", "\n\n", "  ", "é", "𝄞", "_", "42"])).map(
        "".join
    ),
)
MERGES = [(116, 104), (256, 101), (32, 257), (97, 97), (259, 259), (32, 108)]


def tokenizers() -> list[SubwordTokenizer]:
    return [BpeTokenizer(MERGES), WordTokenizer.from_text(TEXT, 400)]


@always
@given(TEXTS)
def test_pieces_are_the_text_again(text: str) -> None:
    assert "".join(pretokenize(text)) == text


def test_a_word_takes_the_space_before_it_and_a_run_of_spaces_leaves_one() -> None:
    assert pretokenize("Don't  stop_it, 42!\n\n x") == ["Don't", " ", " stop", "_", "it", ",", " 42", "!", "\n\n", " x"]


@pytest.mark.parametrize("tokenizer", tokenizers(), ids=lambda t: t.kind)
@always
@given(text=TEXTS, data=st.data())
def test_any_text_comes_back_whole_in_pieces_and_from_any_place_to_go_on(
    tokenizer: SubwordTokenizer, text: str, data: st.DataObject
) -> None:
    ids = tokenizer.encode(text).tolist()
    assert tokenizer.decode(ids) == text
    cut = data.draw(st.integers(0, len(ids)))
    first = tokenizer.decoder()
    start = [first.push(i) for i in ids[:cut]]
    second = tokenizer.decoder(first.remainder)
    rest = [second.push(i) for i in ids[cut:]]
    assert "".join(start + rest) + second.flush() == text
    assert max(map(len, start + rest), default=0) <= tokenizer.max_token_chars


@pytest.mark.parametrize("tokenizer", tokenizers(), ids=lambda t: t.kind)
def test_a_header_is_the_way_back_through_json(tokenizer: SubwordTokenizer) -> None:
    again = from_header(json.loads(json.dumps(tokenizer.header())))
    assert (again.kind, again.size) == (tokenizer.kind, tokenizer.size)
    assert again.encode(TEXT).tolist() == tokenizer.encode(TEXT).tolist()


def test_merges_apply_in_their_order_and_from_the_left() -> None:
    tokenizer = BpeTokenizer(MERGES)
    assert [tokenizer.decode([i]) for i in tokenizer.encode("the the aaaaa th")] == [
        "the", " the", " ", "aaaa", "a", " ", "th",
    ]  # fmt: skip


def test_words_are_those_that_come_more_than_once_the_commonest_first() -> None:
    tokenizer = WordTokenizer.from_text("lamp lamp lamp sea sea once", 300)
    assert tokenizer.words == [" lamp", " sea"]
    assert WordTokenizer.from_text(TEXT, 260).size == 260
    assert tokenizer.encode(" lamp rock").tolist() == [256, *b" rock"]


def test_a_lone_surrogate_is_reported_and_replaced() -> None:
    tokenizer = BpeTokenizer([])
    assert tokenizer.unknown_characters("a\udcff") == ["\udcff"]
    assert tokenizer.decode(tokenizer.encode("a\udcff")) == "a\ufffd"


@pytest.mark.parametrize(
    "header",
    [
        {"kind": "bpe"},
        {"kind": "bpe", "merges": "ab"},
        {"kind": "bpe", "merges": [[1]]},
        {"kind": "bpe", "merges": [[1, 2, 3]]},
        {"kind": "bpe", "merges": [[1, "2"]]},
        {"kind": "bpe", "merges": [[1, True]]},
        {"kind": "bpe", "merges": [[1, -1]]},
        {"kind": "bpe", "merges": [[1, 256]]},
        {"kind": "bpe", "merges": [[97, 97], *([n, n] for n in range(256, 256 + 60))]},
        {"kind": "word", "words": [1]},
        {"kind": "word", "words": [""]},
        {"kind": "word", "words": ["a", "a"]},
        {"kind": "word", "words": ["\ud800"]},
        {"kind": "word", "words": ["a" * (MAX_TOKEN_BYTES + 1)]},
    ],
    ids=lambda h: str(h)[:60],
)
def test_a_header_that_describes_no_tokenizer_is_refused(header: object) -> None:
    with pytest.raises(ModelError):
        from_header(header)


# Against the library that trains them --------------------------------------------------------------------------------


@pytest.mark.parametrize("text", [TEXT, "naïve café 𝄞𝄞𝄞 " * 50 + "aaaaaaa aaaa aaa aa " * 30, "ababab bababa " * 40])
def test_our_merges_are_those_of_the_library_that_learned_them(text: str) -> None:
    library = pytest.importorskip("tokenizers")
    pytest.importorskip("torch")
    from afterglow.core.training.tokenizer_training import train_bpe

    ours = train_bpe(text, 700)
    named = [value.decode("latin-1") for value in ours.table]
    merges = [(named[left], named[right]) for left, right in ours.merges]
    model = library.models.BPE(vocab={name: number for number, name in enumerate(named)}, merges=merges)
    theirs = library.Tokenizer(model)
    for piece in {*pretokenize(text), *pretokenize("Something else, aaaaaaaaaaaaaaa and ababa: naïf!")}:
        expected = theirs.encode(piece.encode().decode("latin-1")).ids
        assert ours.encode(piece).tolist() == expected, piece
    assert 256 < ours.size <= 700
    assert len(ours.encode(text)) < len(text.encode()) / 2
