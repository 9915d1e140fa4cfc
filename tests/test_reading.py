"""Reading: any text as a passage, whose tokens have the figures and states that drawn ones have."""

from __future__ import annotations

import gzip
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from afterglow.core.commands.effects import Effect, Listing, Play, Redraw
from afterglow.core.commands.registry import dispatch
from afterglow.core.errors import AfterglowError, CommandError, TextError
from afterglow.core.events import Notice, PrefillProgress
from afterglow.core.model import Model
from afterglow.core.progress import drain
from afterglow.core.sampling.filters import log_softmax
from afterglow.core.session import passage_db, passage_json, reading
from afterglow.core.session.lens import inspect_session
from afterglow.core.session.passage import Passage
from afterglow.core.session.reading import ReadText, open_text, read_tokens
from afterglow.core.session.session import Session
from afterglow.core.settings import Settings
from afterglow.core.text.files import file_source
from afterglow.core.text.subwords import BpeTokenizer, WordTokenizer
from hypothesis import given
from hypothesis import strategies as st

from .command_helpers import do
from .conftest import DATA
from .properties import examples

TEXT = (DATA / "lamp.txt").read_text("utf-8")[:700]


def read_all(model: Model, text: str, candidates: int = 0) -> ReadText:
    return drain(read_tokens(model, text, candidates))


def said(effects: list[Effect]) -> str:
    return "\n".join(effect.text for effect in effects if isinstance(effect, Notice))


# Figures -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["tiny", "tiny_bytes"])
def test_the_log_probabilities_and_the_loss_are_those_of_the_score(name: str, request: pytest.FixtureRequest) -> None:
    model: Model = request.getfixturevalue(name)
    score, read = model.score(f"é{TEXT}"), read_all(model, f"é{TEXT}")
    skipped = len(score.surprise) - len(read.tokens)
    assert skipped == {"tiny": 0, "tiny_bytes": 1}[name]  # the second byte of é is in the seed
    surprise = [-token.logprob / math.log(2) for token in read.tokens]
    np.testing.assert_allclose(surprise, score.surprise[skipped:], rtol=0, atol=1e-9)
    if not skipped:
        assert read.bits_per_char == pytest.approx(score.bits_per_char_stateful, rel=1e-12)
        assert read.perplexity == pytest.approx(score.perplexity_stateful, rel=1e-12)


def test_rank_entropy_and_candidates_are_those_of_the_distribution(tiny: Model) -> None:
    read = read_all(tiny, "The lamp", 3)
    for number, (token, candidates) in enumerate(zip(read.tokens, read.candidates, strict=True)):
        distribution = tiny.distribution("The lamp"[: number + 1])
        assert [text for text, _ in candidates] == list(distribution)[:3]
        assert [p for _, p in candidates] == pytest.approx(list(distribution.values())[:3])
        assert list(distribution)[token.rank - 1] == token.text
        entropy = -sum(p * math.log2(p) for p in distribution.values() if p > 0)
        assert token.entropy == pytest.approx(entropy)
        assert (token.shaped, token.temperature) == (token.logprob, 1.0)
    assert read.share_of_rank(1) == sum(token.rank == 1 for token in read.tokens) / 7


def test_a_character_that_the_model_has_never_seen_stays_and_is_counted(tiny: Model) -> None:
    read = read_all(tiny, "The 日lamp 日é")
    assert read.seed + "".join(token.text for token in read.tokens) == "The 日lamp 日é"
    assert read.unknown == 3


@pytest.mark.parametrize("text", ["", "x", "é"])
def test_a_text_of_one_token_has_nothing_to_read(text: str, tiny_bytes: Model) -> None:
    with pytest.raises(TextError, match="there is nothing to read"):
        read_all(tiny_bytes, text)


MERGES = [(ord("a"), ord("b")), (256, ord("c")), (0xC3, 0xA9), (ord(" "), 256)]


@pytest.mark.parametrize("tokenizer", [BpeTokenizer(MERGES), WordTokenizer([" ab", "abc", "é"])])
def test_any_text_is_split_into_what_its_tokens_complete(tokenizer: BpeTokenizer | WordTokenizer) -> None:
    @given(st.text("abc é日\ud800\n", min_size=1, max_size=20))
    @examples(100)
    def check(text: str) -> None:
        ids = tokenizer.encode(text)
        pieces = reading._split_text(tokenizer, ids, text)
        assert "".join(pieces) == text
        count = reading._count_seed_tokens(tokenizer, ids, pieces)
        assert count == len(ids) or tokenizer.encode("".join(pieces[:count])).tolist() == ids[:count].tolist()

    check()


# The passage ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["tiny", "tiny_bytes"])
def test_the_states_are_those_of_a_seed_and_the_text_goes_on_like_one(
    name: str, request: pytest.FixtureRequest
) -> None:
    model: Model = request.getfixturevalue(name)
    text = f"é{TEXT}é"
    session = Session(model, Settings(rng=7, length=40))
    read_all(model, text).add_to(session.passage)
    count = len(session.passage.current().tokens)
    end = len(model.tokenizer.encode(text))
    assert sorted(session.passage.current().snapshots) == [*range(128, end, 128), end]
    for at in (0, 1, 127, 128, 300, count):
        before = text.encode()[: at + 2].decode() if model is request.getfixturevalue("tiny_bytes") else text[: at + 1]
        snapshot = session.snapshot_at(1, at)
        np.testing.assert_array_equal(snapshot.logits, model.read(before).snapshot.logits)
    written = "".join(event.text for event in session.continue_() if not isinstance(event, PrefillProgress))
    other = Session(model, Settings(rng=7, length=40))
    assert written == "".join(
        event.text for event in other.write_from(text) if not isinstance(event, PrefillProgress | Notice)
    )


def test_the_lens_looks_at_a_read_token_as_at_a_drawn_one(session: Session) -> None:
    read_all(session.model, "The lamp").add_to(session.passage)
    inspection = inspect_session(session, 2)
    assert inspection
    assert inspection.taken
    assert inspection.taken.text == " "
    assert inspection.filters == Settings().filters_only()
    assert [c.raw for c in inspection.candidates] == [c.shaped for c in inspection.candidates]
    assert next(c.raw for c in inspection.candidates if c.text == " ") == pytest.approx(
        math.exp(inspection.taken.logprob)
    )


def test_a_read_text_comes_back_from_both_formats(tiny: Model) -> None:
    passage = Passage("m", tiny.file.sha256, 7)
    read_all(tiny, f"The 日 {TEXT}").add_to(passage)
    passage_db.PassageSaver().save(passage)
    for back in (passage_json.from_json(passage_json.to_json(passage)), passage_db.load(1).passage):
        assert back.nodes == passage.nodes
        assert back.text() == f"The 日 {TEXT}"
    session = Session(tiny)
    session.load_passage(passage_db.load(1))
    np.testing.assert_array_equal(
        session.current_snapshot().logits,
        tiny.read(f"The   {TEXT}").snapshot.logits,  # 日 is read as a space
    )


# The command ---------------------------------------------------------------------------------------------------------


def test_a_file_becomes_a_passage_in_heat_colors(session: Session, tmp_path: Path) -> None:
    (tmp_path / "a text.txt").write_text("The lamp\r\nis out 日.", "utf-8")
    before = session.passage
    effects = do(session, f"/read {tmp_path}/a text.txt")
    assert [type(effect) for effect in effects[:2]] == [Play, Redraw]
    assert session.passage is not before
    assert session.passage.text() == "The lamp\nis out 日."
    assert session.settings.heat == "surprise"
    assert "heat surprise is on; /heat off turns it off" in said(effects)
    assert "has never seen 日" in said(effects)
    assert "18 characters · " in said(effects)
    assert "never seen: 1" in said(effects)
    do(session, "/heat rank")
    assert "heat" not in said(do(session, f"/read {tmp_path}/a text.txt"))
    assert session.settings.heat == "rank"


def test_without_a_path_the_seed_is_read_beside_the_text(session: Session) -> None:
    do(session, "The lamp")
    text = session.passage.text()
    do(session, "/read")
    assert session.passage.text() == "The lamp"
    assert [token.text for token in session.passage.tokens()] == list("he lamp")
    with pytest.raises(CommandError, match="read already"):
        do(session, "/read")
    (listing,) = [effect for effect in do(session, "/tree") if isinstance(effect, Listing)]
    assert [row.split(" · ")[1] for _, row in listing.rows] == ["seed", "T 1.00", "seed", "read"]
    do(session, "/go 1")
    assert session.passage.text() == text


def test_without_a_path_and_a_text_a_file_is_asked_for(session: Session) -> None:
    with pytest.raises(CommandError, match="name a file: /read FILE"):
        do(session, "/read")


def test_the_figures_name_what_is_copied(copying: Model, tmp_path: Path) -> None:
    session = Session(copying)
    (tmp_path / "copied.txt").write_text(TEXT, "utf-8")
    assert "copied 100%" in said(do(session, f"/read {tmp_path}/copied.txt"))
    session.set("copied", False)
    assert "copied" not in said(do(session, f"/read {tmp_path}/copied.txt"))


def test_a_stopped_read_changes_nothing(session: Session, tmp_path: Path) -> None:
    do(session, "The lamp")
    before = session.passage
    (tmp_path / "long.txt").write_text(TEXT * 10, "utf-8")
    play = next(iter(dispatch(session, f"/read {tmp_path}/long.txt")))
    assert isinstance(play, Play)
    first = next(play.events)
    assert isinstance(first, PrefillProgress)
    assert 0 < first.share < 1
    session.stop()
    with pytest.raises(CommandError, match="stopped before all was read"):
        list(play.events)
    assert session.passage is before


def test_a_text_that_is_too_long_is_read_to_the_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "MAX_READ_CHARS", 100)
    (tmp_path / "long.txt").write_text("The lamp " * 50, "utf-8")
    text, notices = open_text(file_source(tmp_path / "long.txt"))
    assert text == ("The lamp " * 50)[:100]
    assert notices == ["only the first 100 characters of long.txt are read"]


def test_compressed_text_is_read(tmp_path: Path) -> None:
    (tmp_path / "text.txt.gz").write_bytes(gzip.compress(b"\xef\xbb\xbfThe lamp"))
    text, notices = open_text(file_source(tmp_path / "text.txt.gz"))
    assert text == "The lamp"
    assert notices == ["a byte-order mark was dropped"]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda path: path.write_bytes(b"PK\0\0"), "looks like binary data"),
        (
            lambda path: path.write_bytes(b"caf\xe9"),
            "is not utf-8: byte 3 .* looks like cp1252: “café”; convert it: iconv -f cp1252 -t utf-8$",
        ),
        (lambda path: path.write_bytes(b""), "there is nothing to read"),
        (lambda path: path.mkdir(), "is a folder, not a text file"),
        (lambda _: None, "there is no text file"),
        (lambda path: path.symlink_to("/dev/zero"), "it is a device or a pipe"),
    ],
)
def test_what_is_no_text_is_refused_in_one_line(
    make: Callable[[Path], object], message: str, session: Session, tmp_path: Path
) -> None:
    make(tmp_path / "odd")
    with pytest.raises(AfterglowError, match=message) as refused:
        do(session, f"/read {tmp_path}/odd")
    assert "\n" not in str(refused.value)
    assert session.passage.nodes == []
    assert session.settings.heat == "off"


def test_the_distribution_of_each_place_is_that_before_the_token(tiny: Model) -> None:
    read = read_all(tiny, TEXT[:40])
    snapshot = tiny.read(TEXT[:20]).snapshot
    logprobs = log_softmax(snapshot.logits[None].astype(np.float64))[0]
    assert read.tokens[19].logprob == pytest.approx(float(logprobs[read.tokens[19].id]), abs=1e-12)
