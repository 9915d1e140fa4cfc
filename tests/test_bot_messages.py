"""From text to what is sent: fits, is never blank, pings and steers nothing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("discord")

from afterglow.bot.messages import compose, room, safe


def test_the_seed_is_bold_and_the_text_goes_on() -> None:
    assert compose("ROMEO:", "\nBut soft", ["T 0.80"]) == "**ROMEO:**\nBut soft\n-# T 0.80"


def test_blank_space_around_the_seed_stays_outside_of_the_stars() -> None:
    assert compose("\nhe said: ", "yes", []) == "**he said:** yes"


@pytest.mark.parametrize("text", ["", " ", "\n\n\n", "\t \u2003"])
def test_a_blank_text_makes_no_blank_message(text: str) -> None:
    assert compose("", text, []).strip() == "-# nothing but blank space came"


@pytest.mark.parametrize("text", ["@everyone", "@here", "<@123456789012345678>", "<@&123456789012345678>"])
def test_mentions_are_harmless(text: str) -> None:
    assert text not in safe(text)


@pytest.mark.parametrize("text", ["<#42>", "</say:42>", "<:smile:42>", "<a:smile:42>", "<t:0>"])
def test_markup_in_angle_brackets_is_shown(text: str) -> None:
    assert safe(text).startswith("\\<")


def test_markdown_is_shown_instead_of_obeyed() -> None:
    assert safe("*a* `b` ||c||") == r"\*a\* \`b\` \|\|c\|\|"
    assert safe("# a\n> b\n\n  -# c\n--") == "\\# a\n\\> b\n\n  \\-# c\n\\--"
    assert safe("[a](b) #c") == r"[a\](b) #c"
    assert safe("https://a.example/b_c_d") == "https://a.example/b_c_d"


def test_control_characters_and_overrides_are_made_visible() -> None:
    assert safe("a\x1b[31m\u202eb") == "a␛[31m�b"


@given(st.text(max_size=4000), st.text(max_size=4000), st.lists(st.text(max_size=300), max_size=3))
def test_every_message_fits_and_says_something(seed: str, text: str, lines: list[str]) -> None:
    content = compose(seed, text, ["T 0.80", *lines])
    assert len(content) <= 2000
    assert content.strip()
    content.encode()


@given(st.text(max_size=4000))
def test_there_is_always_room_for_text(seed: str) -> None:
    assert room(seed) >= 500


def test_what_is_cut_is_said() -> None:
    assert compose("a", "*" * 1500, []).endswith("-# cut here: a message holds 2,000 characters")
    assert "cut" not in compose("a", "b" * 1500, [])
