"""One stream: what is held back for a stop text, what counts as length, and which T draws."""

from __future__ import annotations

import numpy as np
import pytest
from afterglow.core.errors import SettingError
from afterglow.core.events import Done, Token
from afterglow.core.generation.burst import TokenColumns
from afterglow.core.generation.snapshot import Snapshot
from afterglow.core.generation.stream import Stream, StreamOptions
from afterglow.core.generation.text_end import find_end, split_at_stop
from afterglow.core.sampling.rng import PositionRNG
from afterglow.core.setting_types import Ramp
from afterglow.core.settings import FINISHES, Settings
from afterglow.core.text.subwords import from_merges
from afterglow.core.text.tokenizer import ByteTokenizer
from hypothesis import given
from hypothesis import strategies as st

from .properties import examples

always = examples(200)

START = Snapshot((), np.zeros(256, np.float32), 0)


@pytest.mark.parametrize(
    ("text", "stops", "shown", "held", "hit"),
    [
        ("abc", (), "abc", "", False),
        ("abc", ("x",), "abc", "", False),
        ("abcEN", ("END",), "abc", "EN", False),
        ("abcEND", ("END",), "abc", "", True),
        ("abcENDdef", ("END",), "abc", "", True),
        ("ENEN", ("END",), "EN", "EN", False),
        ("aab", ("aaab",), "aab", "", False),
        ("aaa", ("aaab",), "", "aaa", False),
        ("xab", ("abc", "bz"), "x", "ab", False),
        ("xabz", ("abc", "bz"), "xa", "", True),
        ("xabcd", ("bcd", "abcd"), "x", "", True),
        ("xabc", ("bc", "abcd"), "xa", "", True),
        ("a\n", ("\n\n",), "a", "\n", False),
        ("END", ("END",), "", "", True),
    ],
)
def test_text_is_split_by_hand(text: str, stops: tuple[str, ...], shown: str, held: str, hit: bool) -> None:
    assert split_at_stop(text, stops) == (shown, held, hit)
    kept, withheld, _ = split_at_stop(text, stops, keep=True)
    assert (withheld, hit) == (held, any(kept == shown + stop for stop in stops))


def test_of_two_stop_texts_that_begin_together_the_shorter_one_is_kept() -> None:
    assert split_at_stop("so...", ("...", "."), keep=True) == ("so.", "", True)


@pytest.mark.parametrize(
    ("text", "least", "finish", "ended"),
    [
        ("One. Two. Three", 0, "sentence", "One."),
        ("One. Two. Three", 4, "sentence", "One."),
        ("One. Two. Three", 5, "sentence", "One. "),  # the sentence has just ended
        ("One. Two. Three", 6, "sentence", "One. Two."),
        ("One.", 0, "sentence", None),  # a quote could follow
        ("3.14 is it. ", 0, "sentence", "3.14 is it."),
        ('He said "No!" and', 0, "sentence", 'He said "No!"'),
        ("(Really?!) Yes", 0, "sentence", "(Really?!)"),
        ("Wait... what", 0, "sentence", "Wait..."),
        ("Wait… what", 0, "sentence", "Wait…"),
        ("Mr. Smith", 0, "sentence", "Mr."),  # no rule tells it from an end
        ("End.\n\nROMEO:", 0, "sentence", "End."),
        ("「雨だ。」と言う", 0, "sentence", "「雨だ。」"),
        ("雨。雪", 0, "sentence", "雨。"),
        ("雨。」", 0, "sentence", None),
        ("यह है। वह", 0, "sentence", "यह है।"),
        ("no end\nat all", 0, "sentence", None),
        ("one\ntwo\n", 2, "line", "one"),
        ("one\ntwo\n", 4, "line", "one\n"),  # the line has just ended
        ("one\ntwo\n", 5, "line", "one\ntwo"),
        ("one. two", 0, "line", None),
    ],
)
def test_where_sentences_and_lines_end(text: str, least: int, finish: str, ended: str | None) -> None:
    end = find_end("", text, least, finish)
    assert (None if end is None else text[:end]) == ended
    for cut in range(least + 1):  # also if some of it was written before
        end = find_end(text[:cut], text[cut:], least - cut, finish)
        assert (None if end is None else text[: cut + end]) == ended


def take(stream: Stream, token: int) -> None:
    temperature = stream.settings.temperature_at(stream.written_chars / stream.settings.length)
    stream.add_tokens(TokenColumns([token], [-1.0], [-1.0], [1], [1.0], [temperature], [None]), {})


def played(text: str, chosen: Settings, start: Snapshot | None = None) -> tuple[Stream, list[Token], Done | None]:
    """A byte stream that is fed ``text``, a byte at a time, until it ends."""
    start = start or Snapshot((), np.zeros(256, np.float32), 0)
    stream = Stream(ByteTokenizer(), start, StreamOptions(chosen, PositionRNG(0)))
    for byte in text.encode():
        if not stream.is_finishing:
            take(stream, byte)
    stream.close()
    done = stream.events[-1] if stream.finished else None
    assert done is None or isinstance(done, Done)
    return stream, [event for event in stream.events if isinstance(event, Token)], done


def shown(tokens: list[Token], done: Done | None = None) -> str:
    return "".join(token.text for token in tokens) + (done.text if done else "")


SHORT = st.text(st.sampled_from("abé"), max_size=12)
STOPS = st.lists(st.text(st.sampled_from("abé"), min_size=1, max_size=4), max_size=3).map(tuple)


@always
@given(SHORT, STOPS)
def test_a_stop_text_is_never_shown_and_all_before_the_first_is(text: str, stops: tuple[str, ...]) -> None:
    stream, tokens, done = played(text, Settings(stop=stops, length=1000))
    if done:
        first = next(text[:n] for n in range(len(text) + 1) if any(stop in text[:n] for stop in stops))
        assert done.reason == "stop"
        assert shown(tokens, done) == text[: min(first.find(stop) for stop in stops if stop in first)]
    else:
        assert not any(stop in text for stop in stops)
        assert shown(tokens) + stream.pending_text == text


@always
@given(SHORT, STOPS)
def test_text_is_held_no_longer_than_a_stop_text_is_possible(text: str, stops: tuple[str, ...]) -> None:
    stream, _, done = played(text, Settings(stop=stops, length=1000))
    assert (
        done
        or not stream.pending_text
        or any(stop.startswith(stream.pending_text) and stop != stream.pending_text for stop in stops)
    )


def test_a_stop_text_may_spread_over_tokens_and_held_text_is_released() -> None:
    _, tokens, done = played("one ENtwo END three", Settings(stop=("END",)))
    assert [token.text for token in tokens[:9]] == ["o", "n", "e", " ", "", "", "ENt", "w", "o"]
    assert shown(tokens, done) == "one ENtwo "
    assert done is not None
    assert done.reason == "stop"


def test_held_text_comes_out_when_the_length_is_reached() -> None:
    _, tokens, done = played("abcEN", Settings(stop=("END",), length=5))
    assert (shown(tokens), done and done.reason) == ("abcEN", "length")


def test_held_text_comes_with_the_end_when_somebody_stops() -> None:
    stream, tokens, _ = played("abcEN", Settings(stop=("END",)))
    stream.end("stopped", with_pending=True)
    stream.close()
    assert shown(tokens) == "abc"
    assert stream.events[-1] == Done("stopped", "EN", 5, stream.events[-1].seconds)  # type: ignore[union-attr]


@pytest.mark.parametrize("text", ["abcdef", "éàüöß!", "日本語日本語", "🔥a🔥b🔥c"])
@pytest.mark.parametrize("length", [1, 3, 6])
def test_length_counts_characters_whatever_their_bytes(text: str, length: int) -> None:
    stream, tokens, done = played(text, Settings(length=length))
    assert shown(tokens) == text[:length]
    assert (stream.written_chars, done and done.reason) == (length, "length")


def test_length_holds_where_a_broken_character_gives_two_at_once() -> None:
    """0xC3 then "a": the byte that never became a character shows as U+FFFD together with the "a"."""
    stream = Stream(
        ByteTokenizer(), Snapshot((), np.zeros(256, np.float32), 0), StreamOptions(Settings(length=3), PositionRNG(0))
    )
    for byte in b"ab\xc3a":
        take(stream, byte)
    assert stream.is_finishing
    assert len(shown([event for event in stream.events if isinstance(event, Token)])) == 3


def test_a_character_that_was_begun_before_goes_on() -> None:
    start = Snapshot((), np.zeros(256, np.float32), 9, remainder=b"\xe2\x82")
    stream = Stream(ByteTokenizer(), start, StreamOptions(Settings(), PositionRNG(0)))
    take(stream, 0xAC)
    assert stream.events[0].text == "€"  # type: ignore[union-attr]
    assert stream.position == 10


def test_a_ramp_sweeps_from_start_to_end_over_the_length() -> None:
    _, tokens, _ = played("abcdefghij", Settings(temperature=Ramp(0.0, 2.0), length=10))
    assert [round(token.temperature, 9) for token in tokens] == [0.0, 0.2, 0.4, 0.6, 0.8, 1.0, 1.2, 1.4, 1.6, 1.8]


def test_a_setting_acts_on_the_very_next_token() -> None:
    stream, _, _ = played("ab", Settings(temperature=0.5))
    stream.settings = stream.settings.changed(temperature=1.5)
    take(stream, 99)
    assert [event.temperature for event in stream.events] == [0.5, 0.5, 1.5]  # type: ignore[union-attr]


def test_a_snapshot_holds_what_it_takes_to_go_on() -> None:
    stream, _, _ = played("abE", Settings(stop=("END",)))
    take(stream, 0xC3)
    stream.save_snapshot(stream.rows)
    snapshot = stream.snapshots[4]
    assert (snapshot.position, snapshot.remainder, snapshot.pending_text) == (4, b"\xc3", "E")
    assert snapshot.history.recent(9).tolist() == [97, 98, 69, 0xC3]


def opened(chosen: Settings, **options: object) -> Stream:
    start = Snapshot((), np.zeros(256, np.float32), 0)
    return Stream(ByteTokenizer(), start, StreamOptions(chosen, PositionRNG(0), **options))  # type: ignore[arg-type]


def test_a_reader_that_takes_one_at_a_time_asks_for_each() -> None:
    stream = opened(Settings())
    assert stream.should_pause
    stream.requested = True
    assert not stream.should_pause
    take(stream, 97)
    assert stream.should_pause
    stream.events.clear()
    assert stream.should_pause


def test_a_stream_pauses_with_its_queue_full() -> None:
    stream = opened(Settings(), max_unread=3)
    paused = []
    for byte in b"abc":
        paused.append(stream.should_pause)
        take(stream, byte)
    assert paused == [False] * 3
    assert stream.should_pause


@pytest.mark.parametrize(
    ("chosen", "options", "burst"),
    [
        (Settings(), {"max_unread": 64}, 62),  # two wait
        (Settings(length=32), {"max_unread": 64}, (32 - 2) // ByteTokenizer().max_token_chars),
        (Settings(length=3), {"max_unread": 64}, 1),
        (Settings(), {"max_unread": 1}, 1),
        (Settings(stop=("END",)), {"max_unread": 64}, 1),
        (Settings(temperature=Ramp(0.2, 1.0)), {"max_unread": 64}, 1),
    ],
    ids=["queue", "length", "almost done", "one by one", "stop text", "ramp"],
)
def test_no_more_is_drawn_at_once_than_can_be_without_a_look(
    chosen: Settings, options: dict[str, int], burst: int
) -> None:
    stream = opened(chosen, **options)
    for byte in b"ab":
        take(stream, byte)
    assert stream.max_burst() == burst


def test_what_was_left_over_counts_in_what_can_be_drawn_at_once() -> None:
    start = Snapshot((), np.zeros(256, np.float32), 0, pending_text="12345678")
    stream = Stream(ByteTokenizer(), start, StreamOptions(Settings(length=32), PositionRNG(0), max_unread=64))
    assert stream.max_burst() == (32 - 8) // ByteTokenizer.max_token_chars


def test_a_ban_that_cannot_be_leaves_the_settings_as_they_are() -> None:
    stream = opened(Settings(top_k=5))
    with pytest.raises(SettingError, match="ban cannot be"):
        stream.settings = Settings(ban=("the",))
    assert stream.settings.top_k == 5


def test_a_forced_token_is_drawn_by_itself() -> None:
    stream = opened(Settings(), max_unread=64, forced_token=97)
    assert stream.max_burst() == 1
    take(stream, 97)
    assert stream.max_burst() == 63


def test_recent_tokens_are_as_many_as_asked_and_all_if_negative() -> None:
    stream, _, _ = played("abcde", Settings())
    found = [bytes(stream.recent(n).tolist()).decode() for n in (0, 1, 3, 5, 99, -1)]
    assert found == ["", "e", "cde", "abcde", "abcde", "abcde"]


def test_dry_has_its_breakers_only_where_it_is_used() -> None:
    assert opened(Settings()).breaker_ids() == []
    assert opened(Settings(dry_multiplier=0.8, dry_sequence_breakers=("\n", "ab", ":"))).breaker_ids() == [10, 58]


MERGED = from_merges([[46, 32], [97, 256], [257, 97], [34, 10]])
"""Bytes, and tokens for ". ", "a. ", "a. a" and '"\n'."""


def greedily(text: str) -> list[int]:
    """The text in the longest tokens of ``MERGED``, also across words."""
    ids: list[int] = []
    while text:
        longest = [token for token in (258, 257, 256, 259) if text.startswith(MERGED.decode([token]))][:1]
        ids += longest or text[0].encode()
        text = text[len(MERGED.decode(longest)) or 1 :]
    return ids


def may_end(text: str, at: int, finish: str) -> bool:
    """True if the text may end there, as far as it goes: what ``find_end`` finds with patterns, one place at a time."""
    after = text[at : at + 1]
    if finish == "line":
        return text[at - 1 : at] == "\n" or after == "\n"
    words = text[:at].rstrip(" \n")
    spaces, closed = at - len(words), words.rstrip('"」')
    if spaces > 8 or len(words) - len(closed) > 8 or not closed:
        return False
    follows = text[len(words) : len(words) + 1]
    return follows in {" ", "\n"} if closed[-1] in ".!" else closed[-1] == "。" and follows not in {*'".!。」', ""}


def expected_end(text: str, length: int, finish: str) -> int | None:
    """The length of the text that is written where ``text`` is drawn, None if that goes on."""
    most = length + length // 4 if finish != "off" else length
    ends = (at for at in range(length, min(most, len(text)) + 1) if finish != "off" and may_end(text, at, finish))
    return next(ends, most if len(text) >= most else None)


@always
@given(
    st.text(st.sampled_from('aa. .!"\n3。」'), min_size=20, max_size=60), st.integers(1, 30), st.sampled_from(FINISHES)
)
def test_a_text_runs_on_to_its_end_whatever_its_tokens(text: str, length: int, finish: str) -> None:
    """It is a beginning of the longer text, has a quarter more at most, and what comes after it is kept for later."""
    chosen = Settings(length=length, finish=finish)
    ended = {}
    for tokenizer, ids in ((ByteTokenizer(), list(text.encode())), (MERGED, greedily(text))):
        stream = Stream(tokenizer, START, StreamOptions(chosen, PositionRNG(0)))
        while ids and not stream.is_finishing:
            take(stream, ids.pop(0))
        ended[tokenizer.kind] = shown([event for event in stream.events if isinstance(event, Token)])
        assert ended[tokenizer.kind] + stream.pending_text + tokenizer.decode(ids) == text
        if stream.is_finishing:
            assert length <= stream.written_chars <= length + (length // 4 if finish != "off" else 0)
        assert (stream.written_chars if stream.is_finishing else None) == expected_end(text, length, finish)
    assert len(set(ended.values())) == 1


def test_a_text_of_exactly_its_length_ends_there_before_a_stop_text() -> None:
    """A token of several characters may hold the end of the text and a stop text: the length holds all the same."""
    for length, text, reason in ((1, "a", "length"), (2, "a.", "stop"), (3, "a.", "stop")):
        stream = Stream(MERGED, START, StreamOptions(Settings(length=length, stop=(" a",)), PositionRNG(0)))
        take(stream, 258)
        stream.close()
        assert [event.text for event in stream.events] == [text, ""]  # type: ignore[union-attr]
        assert stream.events[-1].reason == reason  # type: ignore[union-attr]
        assert stream.pending_text == ("a. a"[1:] if reason == "length" else "")


def test_text_withheld_for_a_stop_text_is_shown_when_that_is_taken_back() -> None:
    stream, _, _ = played("abE", Settings(stop=("END",)))
    stream.settings = stream.settings.changed(stop=())
    take(stream, ord("x"))
    assert [event.text for event in stream.events] == ["a", "b", "", "Ex"]  # type: ignore[union-attr]
    assert stream.pending_text == ""


def test_the_end_is_told_once_with_its_seconds() -> None:
    stream, tokens, done = played("abc", Settings(length=3))
    stream.close()
    assert [event for event in stream.events if isinstance(event, Done)] == [done]
    assert done is not None
    assert (done.text, done.tokens, len(tokens)) == ("", 3, 3)
    assert 0 <= done.seconds < 60


def test_the_first_error_is_the_one_that_ends_a_stream() -> None:
    stream, _, _ = played("abc", Settings())
    first = ValueError("first")
    stream.fail(first)
    stream.fail(ValueError("second"))
    assert stream.error is first
    assert stream.events[-1] == Done("failed", "", 3, stream.events[-1].seconds)  # type: ignore[union-attr]
    whole, _, _ = played("abc", Settings(length=3))
    whole.fail(first)
    assert whole.error is None


def test_a_stream_is_looked_at_with_other_settings_without_changing_it() -> None:
    stream, _, _ = played("ab", Settings(top_k=5))
    other = stream.with_settings(Settings(top_k=7))
    assert (other.settings.top_k, stream.settings.top_k) == (7, 5)
    assert other.recent(2).tolist() == stream.recent(2).tolist()
    assert stream.with_settings(stream.settings) is stream
