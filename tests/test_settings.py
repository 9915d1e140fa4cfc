"""Settings: what each may be, how people move it, which layer wins, and one line for every mistake."""

from __future__ import annotations

import math
from dataclasses import FrozenInstanceError, fields
from fractions import Fraction
from typing import Any

import pytest
from afterglow.core.errors import SettingError
from afterglow.core.setting_lists import Strings
from afterglow.core.setting_types import Integer, Number, Ramp
from afterglow.core.settings import (
    FILTERS,
    SPECS,
    Settings,
    get_spec,
    merge_layers,
    settings_from_dict,
)

EVERY = pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS)
NUMBERS = [name for name, spec in SPECS.items() if isinstance(spec.kind, Number)]
COUNTS = [name for name, spec in SPECS.items() if isinstance(spec.kind, Integer)]
NOT_NUMBERS = [math.nan, math.inf, -math.inf, 10**400, "much", "", True, Fraction(1), [], {}, None, object()]


@EVERY
def test_default_and_off_value_are_permitted_and_read_back_as_shown(spec: Any) -> None:
    for value in (spec.default, spec.off_value):
        if value is not None:
            assert spec.check(value) == value
            assert spec.parse(spec.kind.show(value)) == value
    assert getattr(Settings(), spec.name) == spec.default


@EVERY
def test_every_setting_has_help_and_a_scope(spec: Any) -> None:
    assert spec.help
    assert "\n" not in spec.help
    assert spec.scope in {"token", "passage", "view"}
    assert get_spec(spec.label) is get_spec(spec.name) is spec


@EVERY
def test_every_example_is_permitted(spec: Any) -> None:
    for example in spec.kind.examples:
        spec.check(spec.parse(example, spec.default))


@EVERY
def test_what_cannot_be_names_the_setting_and_its_range(spec: Any) -> None:
    with pytest.raises(SettingError) as caught:
        spec.parse('"' if isinstance(spec.kind, Strings) else "much, more")
    assert spec.label in str(caught.value)
    assert spec.kind.range in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", [*NUMBERS, *COUNTS])
def test_both_ends_of_a_range_are_permitted_and_nothing_beyond(name: str) -> None:
    low, high = SPECS[name].kind.low, SPECS[name].kind.high
    step = 1 if name in COUNTS else 1e-9
    assert [getattr(Settings().changed(**{name: end}), name) for end in (low, high)] == [low, high]
    for beyond in (low - step, high + step):
        with pytest.raises(SettingError, match="it must be"):
            Settings(**{name: beyond})
        with pytest.raises(SettingError, match="it must be"):
            get_spec(name).parse(f"{beyond:.9f}" if name in NUMBERS else str(beyond))


@pytest.mark.parametrize("name", [*NUMBERS, *COUNTS])
@pytest.mark.parametrize("value", NOT_NUMBERS, ids=lambda v: type(v).__name__ + str(v)[:8])
def test_what_is_no_number_is_refused(name: str, value: Any) -> None:
    with pytest.raises(SettingError):
        Settings(**{name: value})


@pytest.mark.parametrize(
    "text", ["nan", "inf", "-inf", "+nan", "-nan", "1e999", "0x1", "1,5", "--1", "", "+", "1..", "..1"]
)
@pytest.mark.parametrize("name", ["temperature", "top_p", "length"])
def test_text_that_is_no_number_is_refused(name: str, text: str) -> None:
    with pytest.raises(SettingError):
        get_spec(name).parse(text, get_spec(name).default)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("length", 1.5),
        ("top_k", "5"),
        ("temperature", "0.5"),
        ("memory", 1),
        ("memory", "on"),
        ("heat", "warm"),
        ("heat", 1),
        ("heat", "gate 2.393"),
        ("heat", "cell 2"),
        ("stop", "text"),
        ("stop", ("",)),
        ("stop", (1,)),
        ("stop", 5),
        ("rng", -1),
        ("rng", 2**32),
        ("rng", 1.5),
        ("rng", math.inf),
        ("rng", True),
        ("temperature", Ramp(0.5, 6)),
        ("temperature", Ramp(math.nan, 1)),
        ("temperature", (0.5, 1.0)),
    ],
    ids=str,
)
def test_a_value_of_the_wrong_type_is_refused(name: str, value: Any) -> None:
    with pytest.raises(SettingError, match=f"{get_spec(name).label} cannot be"):
        Settings().changed(**{name: value})


@pytest.mark.parametrize(
    ("name", "now", "text", "then"),
    [
        ("temperature", 0.8, "1.2", 1.2),
        ("temperature", 0.8, "+0.1", 0.9),
        ("temperature", 0.8, "-0.1", 0.7),
        ("temperature", 4.95, "+0.1", 5.0),
        ("temperature", 0.05, "-0.1", 0.0),
        ("temperature", 0.8, " 1.2 ", 1.2),
        ("temperature", 0.8, "0.2..1.6", Ramp(0.2, 1.6)),
        ("temperature", 0.8, "1.6..0.2", Ramp(1.6, 0.2)),
        ("temperature", Ramp(0.2, 1.6), "+0.1", Ramp(0.3, 1.7)),
        ("temperature", Ramp(0.2, 1.6), "0.5", 0.5),
        ("top_p", 1.0, "-0.05", 0.95),
        ("temperature", 0.8, "+0.00014", 0.8001),
        ("temperature", None, "+0.1", 0.1),
        ("length", 500, "+100", 600),
        ("length", 500, "200", 200),
        ("length", None, "+100", 100),
        ("length", 500, "-1000", 1),
        ("speed", 40, "max", 0),
        ("rng", 7, "random", None),
        ("rng", None, "7", 7),
        ("memory", False, "on", True),
        ("memory", True, "No", False),
        ("lens", True, "off", False),
        ("copied", False, "on", True),
        ("heat", "off", "Surprise", "surprise"),
        ("heat", "off", "2.393", "cell 2.393"),
        ("heat", "off", "Forget 1.07", "forget 1.7"),
        ("heat", "off", "h 1.7", "hidden 1.7"),
        ("stop", (), r"\n\n END", ("\n\n", "END")),
        ("stop", (), '"the end" x', ("the end", "x")),
        ("stop", ("x",), "none", ()),
        ("stop", (), "#x END", ("#x", "END")),
    ],
    ids=str,
)
def test_typed_values(name: str, now: Any, text: str, then: Any) -> None:
    assert get_spec(name).parse(text, now) == then


@pytest.mark.parametrize(
    ("name", "value", "shown"),
    [
        ("temperature", 0.8, "0.80"),
        ("temperature", Ramp(0.2, 1.625), "0.20..1.62"),
        ("top_p", 0.9, "0.9"),
        ("top_k", 0, "0"),
        ("speed", 0, "max"),
        ("speed", 1, "1"),
        ("rng", None, "random"),
        ("rng", 0, "0"),
        ("memory", True, "on"),
        ("memory", False, "off"),
        ("heat", "rank", "rank"),
        ("stop", (), "none"),
        ("stop", ("\n\n", "the end"), r"'\n\n' 'the end'"),
    ],
)
def test_values_are_shown(name: str, value: Any, shown: str) -> None:
    assert SPECS[name].kind.show(value) == shown


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("temperature", "a number from 0 to 5, or a ramp such as 0.2..1.6"),
        ("repeat_penalty", "a number from 0.1 to 10"),
        ("length", "a whole number from 1 to 10,000,000"),
        ("speed", "a whole number from 0 to 100,000, or max"),
        ("rng", "a whole number from 0 to 4,294,967,295, or random"),
        ("memory", "on or off"),
        ("heat", "off, surprise, rank, entropy, temperature, or a unit of the network such as cell 2.393"),
    ],
)
def test_a_range_in_words(name: str, words: str) -> None:
    assert SPECS[name].kind.range == words


@pytest.mark.parametrize(("progress", "temperature"), [(0, 1.5), (0.5, 1.0), (1, 0.5), (7, 0.5)])
def test_a_ramp_may_fall(progress: float, temperature: float) -> None:
    assert Ramp(1.5, 0.5).at(progress) == temperature


@pytest.mark.parametrize("value", [0.8, Ramp(0.2, 1.6), Ramp(1.25, 0.75)], ids=str)
def test_a_temperature_is_shown_as_it_is_typed(value: Any) -> None:
    assert get_spec("temperature").parse(SPECS["temperature"].kind.show(value)) == value


@pytest.mark.parametrize(
    "stop", [("\n\n",), ("a b", "c"), ("it's",), ('"',), ("a\tb",), ("\\",), ("none",), ("off",)], ids=repr
)
def test_stop_texts_are_shown_as_they_are_typed(stop: tuple[str, ...]) -> None:
    assert get_spec("stop").parse(SPECS["stop"].kind.show(stop)) == stop


@pytest.mark.parametrize("name", ["lens", "copied", "autosave"])
def test_settings_that_were_words_are_stored_and_given_as_words(name: str) -> None:
    """Passages hold "off", not false; `Settings(lens="off")` was how a script gave it."""
    off = Settings().changed(**{name: "off"})
    assert getattr(off, name) is False
    assert off.to_dict() == {name: "off"}
    assert settings_from_dict(off.to_dict()) == off
    assert Settings(memory=True).to_dict() == {"memory": True}


def test_an_engine_is_given_what_it_reads_and_no_more() -> None:
    chosen = Settings(top_p=0.9, length=7, heat="rank", lens=False, rng=3)
    assert chosen.sampling() == Settings(top_p=0.9, length=7).sampling()
    assert {field.name for field in fields(chosen.sampling())} == {
        *FILTERS,
        "temperature",
        "length",
        "finish",
        "stop",
        "keep_stop",
    }
    assert chosen.sampling().filters_only() == chosen.filters_only() == Settings(top_p=0.9)
    assert chosen.changed(temperature=0.5).filters_only() == Settings(top_p=0.9)


def test_a_ramp_moves_evenly_and_stays_at_its_end() -> None:
    chosen = Settings(temperature=Ramp(0.2, 1.6))
    assert [round(chosen.temperature_at(p), 9) for p in (0, 0.25, 0.5, 1, 2)] == [0.2, 0.55, 0.9, 1.6, 1.6]
    assert Settings(temperature=0.7).temperature_at(0.5) == 0.7


def test_settings_are_frozen_and_change_by_copy() -> None:
    before = Settings()
    after = before.changed(temperature=1.2, top_k=5)
    assert (before.temperature, after.temperature, after.top_k) == (1.0, 1.2, 5)
    assert after.non_defaults() == {"temperature": 1.2, "top_k": 5}
    assert before.non_defaults() == {}
    with pytest.raises((FrozenInstanceError, AttributeError)):
        before.temperature = 2.0  # type: ignore[misc]


def test_an_unknown_name_is_said_with_the_likeliest() -> None:
    for change in (lambda: get_spec("tmp"), lambda: Settings().changed(tmp=1), lambda: merge_layers({"tmp": 1})):
        with pytest.raises(SettingError) as caught:
            change()
        assert str(caught.value) == "there is no setting 'tmp'; /set lists all"
    with pytest.raises(SettingError, match=r"'topp'; did you mean top-p"):
        get_spec("topp")


def test_later_layers_win() -> None:
    card, config = {"temperature": 0.8, "top-p": 0.9, "length": 100}, {"temperature": 0.9, "top_p": 0.95}
    chosen = merge_layers(card, config, {"temperature": "1.1"}, {"rng": 7})
    assert (chosen.temperature, chosen.top_p, chosen.length, chosen.rng) == (1.1, 0.95, 100, 7)
    assert merge_layers() == Settings()


@pytest.mark.parametrize("value", ["\ud800" * 1000, "\x1b" * 1000, 10**400, [[["x" * 100] * 100] * 100] * 100])
def test_a_value_that_cannot_be_is_shown_in_part(value: Any) -> None:
    with pytest.raises(SettingError) as caught:
        merge_layers({"temperature": value})
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 200


def test_saved_settings_are_read_by_either_spelling_and_the_last_wins() -> None:
    saved = {"top_k": 3, "top-p": 0.5, "unknown": 1, "min_p": "much", "seed-heat": 2, "length": 7}
    assert settings_from_dict(saved) == Settings(top_k=3, top_p=0.5, length=7)
    assert settings_from_dict({"top_k": 3, "top-k": 4}) == Settings(top_k=4)


def test_settings_are_saved_with_every_digit() -> None:
    saved = Settings(temperature=Ramp(1 / 3, 2.0), top_k=3, heat="rank", stop=("END",), memory=True, lens=False)
    assert saved.to_dict() == {
        "temperature": "0.3333333333333333..2.0",
        "top_k": 3,
        "stop": ("END",),
        "memory": True,
        "heat": "rank",
        "lens": "off",
    }
    assert settings_from_dict(saved.to_dict()) == saved
    assert Settings(temperature=1 / 3).to_dict() == {"temperature": 1 / 3}


def test_no_more_than_three_names_are_suggested() -> None:
    with pytest.raises(SettingError) as caught:
        get_spec("re-penalty")
    assert str(caught.value).endswith("did you mean repeat-penalty or presence-penalty or frequency-penalty?")


def test_a_long_value_is_cut_in_the_message() -> None:
    temperature = SPECS["temperature"]
    begun = "['xxxxxxxxxxxx...xxxxxxxxxxxxx', 'xxxxxxxxxxxx...xxxxxxxxxxx"
    for value, shown in (("x" * 99, repr("x" * 40)), (["x" * 99] * 99, begun)):
        with pytest.raises(SettingError) as caught:
            temperature.check(value)
        assert str(caught.value).startswith(f"temperature cannot be {shown}: it must be ")


NUMERIC = {
    "temperature": (1.0, None, 0, 5),
    "top_k": (0, 0, 0, 1_000_000),
    "top_p": (1.0, 1.0, 0, 1),
    "min_p": (0.0, 0.0, 0, 1),
    "typical": (1.0, 1.0, 0, 1),
    "repeat_penalty": (1.0, 1.0, 0.1, 10),
    "repeat_last_n": (64, None, 0, 8192),
    "frequency_penalty": (0.0, 0.0, -2, 2),
    "presence_penalty": (0.0, 0.0, -2, 2),
    "dry_multiplier": (0.0, 0.0, 0, 5),
    "dry_base": (1.75, None, 1, 4),
    "style_strength": (1.0, 1.0, 1, 8),
    "dry_allowed_length": (2, None, 1, 64),
    "dry_penalty_last_n": (-1, None, -1, 8192),
    "surprise": (0.0, 0.0, 0, 20),
    "surprise_rate": (0.1, None, 0, 1),
    "length": (500, None, 1, 10_000_000),
    "rng": (None, None, 0, 2**32 - 1),
    "speed": (40, None, 0, 100_000),
}
"""Default, off value, and range of every setting that is a number. Files and scripts hold values of all the range."""


@pytest.mark.parametrize("name", NUMERIC)
def test_a_number_keeps_its_default_its_off_value_and_its_range(name: str) -> None:
    default, off, low, high = NUMERIC[name]
    spec = SPECS[name]
    assert (spec.default, spec.off_value) == (default, off)
    assert (type(spec.default), type(spec.off_value)) == (type(default), type(off))
    assert (spec.check(low), spec.check(high)) == (low, high)
    for beyond in (low - 1e-6, high + 1e-6, low - 1, high + 1):
        with pytest.raises(SettingError):
            spec.check(beyond)


def test_all_other_settings_keep_their_defaults() -> None:
    assert {name: spec.default for name, spec in SPECS.items() if name not in NUMERIC} == {
        "style": (),
        "ban": (),
        "bias": (),
        "dry_sequence_breakers": ("\n", ":", '"', "*"),
        "finish": "off",
        "stop": (),
        "keep_stop": False,
        "memory": False,
        "whole_seed": False,
        "heat": "off",
        "lens": True,
        "copied": True,
        "verbose": False,
        "autosave": True,
        "editing": "emacs",
    }


def test_off_values_are_shown_as_no_filters() -> None:
    assert Settings().format_active_filters() == ""
    assert Settings(top_k=3, min_p=0.02, repeat_last_n=5).format_active_filters() == "top-k 3, min-p 0.02"


def test_a_passage_keeps_its_settings_without_its_number_and_the_user_s_choice_to_save() -> None:
    kept = Settings(rng=7, autosave=False, top_k=3, lens=False).for_passage()
    assert kept == Settings(top_k=3, lens=False)


def test_equal_settings_are_read_by_an_engine_as_one_object() -> None:
    one, other = Settings(top_k=3, rng=1), Settings(top_k=3, rng=2)
    assert one.sampling() == other.sampling()
    assert Settings(top_k=3, rng=1).sampling() is one.sampling()
    assert one.sampling().sampling() is one.sampling()


def test_the_table_is_the_dataclass() -> None:
    assert list(SPECS) == [field.name for field in fields(Settings)]
