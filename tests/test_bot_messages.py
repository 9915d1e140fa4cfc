"""From text to what is sent: fits, is never blank, pings and steers nothing."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

pytest.importorskip("discord")

from afterglow.bot.formatting import Blocklist, escape, paginate, paginate_sweep, parse_own_message, truncate_seed


def compose(seed: str, text: str, lines: list[str]) -> str:
    """Of a text that fits, the one message."""
    (page,) = paginate(seed, text, lines)
    return page


def test_the_seed_is_bold_and_the_text_goes_on() -> None:
    assert compose("ROMEO:", "\nBut soft", ["T 0.80"]) == "**ROMEO:**\nBut soft\n-# T 0.80"


def test_blank_space_around_the_seed_stays_outside_of_the_stars() -> None:
    assert compose("he said: ", "yes", []) == "**he said:** yes"


def test_blank_space_at_the_beginning_is_guarded() -> None:
    assert compose("\nhe said: ", "yes", []) == "\u200b\n**he said:** yes"


@pytest.mark.parametrize("text", ["", " ", "\n\n\n", "\t \u2003"])
def test_a_blank_text_makes_no_blank_message(text: str) -> None:
    assert compose("", text, []).strip("\u200b\n\t \u2003") == "-# the model produced only whitespace"


@pytest.mark.parametrize("text", ["@everyone", "@here", "<@123456789012345678>", "<@&123456789012345678>"])
def test_mentions_are_harmless(text: str) -> None:
    assert text not in escape(text)


@pytest.mark.parametrize("text", ["<#42>", "</say:42>", "<:smile:42>", "<a:smile:42>", "<t:0>"])
def test_markup_in_angle_brackets_is_shown(text: str) -> None:
    assert escape(text).startswith("\\<")


def test_markdown_is_shown_instead_of_obeyed() -> None:
    assert escape("*a* `b` ||c||") == r"\*a\* \`b\` \|\|c\|\|"
    assert escape("# a\n> b\n\n  -# c\n--") == "\\# a\n\\> b\n\n  \\-# c\n\\--"
    assert escape("[a](b) #c") == r"[a\](b) #c"
    assert escape("https://a.example/b_c_d") == "https://a.example/b_c_d"


def test_control_characters_and_overrides_are_made_visible() -> None:
    assert escape("a\x1b[31m\u202eb") == "a␛[31m�b"


anything = st.text(max_size=3000) | st.text("*_~|`<>@# -\\\n", max_size=3000)


@given(anything, anything, st.lists(st.text(max_size=300), max_size=3), st.booleans())
def test_every_message_fits_and_says_something(seed: str, text: str, lines: list[str], growing: bool) -> None:
    for content in paginate(seed, text, lines, growing):
        assert len(content) <= 2000
        assert content.strip()
        content.encode()


@given(anything, anything)
def test_a_growing_text_keeps_the_pages_that_it_has(seed: str, text: str) -> None:
    whole = paginate(seed, text, ["T 0.80"])
    begun = paginate(seed, text[: len(text) * 2 // 3], growing=True)
    assert begun[:-1] == whole[: len(begun) - 1]


printable = st.text(st.characters(exclude_categories=["C", "M", "Zl", "Zp"], include_characters="\n"), max_size=900)


@example("…and then", "x")
@given(printable, printable)
def test_a_message_can_be_read_back(seed: str, text: str) -> None:
    first, *more = paginate(seed, text, ["T 0.80"])
    kept = first.strip()  # as Discord keeps it
    if not more:
        assert parse_own_message(kept) == seed + text
    assert parse_own_message(kept)[: len(truncate_seed(seed).text)] == truncate_seed(seed).text


def test_of_a_long_seed_the_end_is_shown() -> None:
    seed = "".join(map(str, range(1000)))
    first, *_ = paginate(seed, "text")
    assert first.startswith("**…")
    assert truncate_seed(seed).cut
    assert len(truncate_seed(seed).text) == 1000
    assert parse_own_message(first) == seed[-1000:] + "text"


def test_marks_do_not_pile_up() -> None:
    assert escape("a" + "\u0301" * 50 + "b") == "a" + "\u0301" * 3 + "b"


def test_blocked_words_are_found_whole_and_in_any_case() -> None:
    blocklist = Blocklist(["Foo", "b.r", ""])
    assert blocklist.mask("foo FOO food b.r bar") == "••• ••• food ••• bar"
    assert blocklist.contains("a Foo")
    assert not blocklist.contains("food")
    assert Blocklist().mask("foo") == "foo"


def test_what_is_not_seen_hides_no_blocked_word() -> None:
    for unseen in "\u200b\u00ad\u2060\u200d":
        assert Blocklist(["foo"]).mask(f"a f{unseen}oo") == "a ••••"


def test_several_texts_share_messages() -> None:
    made = paginate_sweep([("T 0.20", "a" * 970), ("T 0.50", "b" * 970), ("T 1.00", " ")], "seed")
    assert made[0].startswith("**seed**\n-# T 0.20\naaa")
    assert made[0].endswith("b")
    assert made[1] == "-# T 1.00\n-# the model produced only whitespace"
    assert all(len(page) <= 2000 for page in paginate_sweep([("t", "*" * 5000)] * 3, "s"))
