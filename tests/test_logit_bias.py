"""Tokens that are banned or biased: which they are in each kind of model, and that the draw obeys."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from afterglow.core.commands.registry import dispatch
from afterglow.core.errors import SettingError
from afterglow.core.events import Notice, Token
from afterglow.core.generation.stream import StreamOptions
from afterglow.core.model import Model, load
from afterglow.core.sampling.logit_bias import logit_bias, require_effective_bias
from afterglow.core.sampling.rng import PositionRNG
from afterglow.core.session.lens import inspect_session
from afterglow.core.session.session import Session
from afterglow.core.settings import SPECS, Settings, merge_layers, settings_from_dict
from afterglow.core.text.subwords import WordTokenizer, from_merges
from afterglow.core.text.tokenizer import ByteTokenizer, CharTokenizer, Tokenizer

from .cli_helpers import RunCli

LETTERS = CharTokenizer(["\n", " ", "E", "a", "e", "h", "t"])
PAIRS = from_merges([[116, 104], [256, 101], [32, 257]])
"""Bytes, and tokens for "th", "the" and " the"."""
WORDS = WordTokenizer([" the", " tea", " a"])


def banned(tokenizer: Tokenizer, *ban: str) -> set[str]:
    values = logit_bias(tokenizer, Settings(ban=ban)).values
    assert values is not None
    assert set(values.tolist()) <= {0.0, -np.inf}
    return {tokenizer.decode([int(token)]) for token in np.flatnonzero(np.isneginf(values))}


@pytest.mark.parametrize(
    ("tokenizer", "ban", "found"),
    [
        (LETTERS, ("e",), {"e"}),
        (LETTERS, ("e", "E", "\n"), {"e", "E", "\n"}),
        (LETTERS, ("z", "zeta"), set()),  # what the model never writes anyway
        (PAIRS, ("e",), {"e", "the", " the"}),
        (PAIRS, ("th",), {"th", "the", " the"}),
        (PAIRS, (" the",), {" the"}),
        (WORDS, ("e",), {"e", " the", " tea"}),
        (WORDS, (" ", "a"), {" ", "a", " the", " tea", " a"}),
    ],
)
def test_all_tokens_that_contain_a_banned_text_are_banned(
    tokenizer: Tokenizer, ban: tuple[str, ...], found: set[str]
) -> None:
    assert banned(tokenizer, *ban) == found


def test_a_bias_is_on_the_tokens_that_are_the_text() -> None:
    values = logit_bias(PAIRS, Settings(bias=((" the", -2.0), ("e", 1.5)), ban=("e",))).values
    assert values is not None
    assert np.isneginf(values[[101, 257, 258]]).all()
    values = logit_bias(PAIRS, Settings(bias=((" the", -2.0), ("e", 1.5)))).values
    assert values is not None
    assert {token: value for token, value in enumerate(values.tolist()) if value} == {258: -2.0, 101: 1.5}
    assert not values.flags.writeable  # all texts share it
    assert logit_bias(PAIRS, Settings(top_k=3)).values is None
    assert logit_bias(LETTERS, Settings(bias=(("z", 1.0), ("a", 1.0)))).error == ""  # it never writes a "z" anyway


@pytest.mark.parametrize(
    ("tokenizer", "chosen", "error"),
    [
        (LETTERS, {"ban": ("the",)}, "ban cannot be 'the': this model writes it in several tokens"),
        (ByteTokenizer(), {"ban": ("é",)}, "ban cannot be 'é'"),
        (LETTERS, {"bias": {"the": 1}}, "bias cannot be on 'the': this model writes it in several tokens"),
        (PAIRS, {"bias": {"hen": 1}}, "bias cannot be on 'hen'"),
        (LETTERS, {"ban": tuple(LETTERS.characters)}, "ban leaves this model no token to draw"),
    ],
)
def test_what_has_no_effect_on_a_model_is_said(tokenizer: Tokenizer, chosen: dict[str, Any], error: str) -> None:
    with pytest.raises(SettingError, match=error) as caught:
        require_effective_bias(tokenizer, Settings(**chosen))
    assert "\n" not in str(caught.value)


def test_of_a_long_text_the_beginning_is_named() -> None:
    text = "the " * 20
    for chosen in (Settings(ban=(text,)), Settings(bias=((text, 1.0),))):
        assert f" {text[:40]!r}: " in logit_bias(LETTERS, chosen).error


@pytest.mark.parametrize("name", ["shakespeare", "english", "holmes", "tolstoy", "names"])
@pytest.mark.parametrize("chosen", [{}, {"temperature": 0.0}, {"top_k": 3, "surprise": 3.0}], ids=str)
def test_a_lipogram_with_every_model(name: str, chosen: dict[str, Any]) -> None:
    text = load(name).generate("Once ", length=300, rng=7, ban=("e", "E"), stop=(), **chosen)
    assert len(text) == 300
    assert "e" not in text.lower()


def test_a_bias_makes_a_token_more_or_less_frequent(tiny: Model) -> None:
    texts = [tiny.generate("The lamp", length=600, rng=7, bias={"e": number}) for number in (-3, 0, 3)]
    assert texts[1] == tiny.generate("The lamp", length=600, rng=7)
    counts = [text.count("e") for text in texts]
    assert counts[0] < counts[1] < counts[2]


def test_the_figures_of_a_token_stay_those_of_the_model(tiny: Model) -> None:
    """logprob, rank and entropy are of the model as it is; ``shaped`` has the bias in it."""
    start = tiny.read("The lamp").snapshot
    raw = start.logits.astype(np.float64)
    logprobs = raw - np.log(np.exp(raw).sum())
    space = int(tiny.tokenizer.encode(" ")[0])
    options = StreamOptions(Settings(bias=((" ", 2.5),), ban=("e",)), PositionRNG(7), forced_token=space)
    engine = tiny.engine()
    token = next(event for event in engine.iter_events(engine.open(start, options)) if isinstance(event, Token))
    assert token.logprob == pytest.approx(logprobs[space])
    assert token.rank == 1 + (logprobs > logprobs[space]).sum()
    biased = raw + np.where(np.arange(len(raw)) == space, 2.5, 0)
    biased[int(tiny.tokenizer.encode("e")[0])] = -np.inf
    assert token.shaped == pytest.approx(biased[space] - np.log(np.exp(biased).sum()))


def test_a_banned_token_is_cut_in_the_lens_and_can_be_taken_there_all_the_same(session: Session) -> None:
    session.set("ban", ("e",))
    e = int(session.model.tokenizer.encode("e")[0])
    list(session.write_from("The lamp"))
    found = inspect_session(session)
    assert found
    assert [candidate.allowed for candidate in found.candidates if candidate.id == e] == [False]
    assert found.cut_count == 1
    list(session.branch(10, e))
    text = session.passage.text().removeprefix("The lamp")
    assert (text[10], text.count("e")) == ("e", 1)
    assert session.passage.tokens()[10].shaped == -np.inf
    assert "ban e" in session.settings.format_active_filters()


def test_a_ban_that_does_not_fit_is_refused_and_nothing_else_is(session: Session) -> None:
    for line in ("/ban the", "/bias the=1", '/ban "" x', "/bias e", "/bias e=101", "/bias e=nan"):
        with pytest.raises(SettingError):
            list(dispatch(session, line))
    assert (session.settings.ban, session.settings.bias) == ((), ())
    session.switch_model("holmes")
    session.set("ban", ("the",))
    session.switch_model("tolstoy")
    list(dispatch(session, "/temp 1.2"))
    with pytest.raises(SettingError, match="ban cannot be 'the'"):
        list(session.write_from("an"))
    assert inspect_session(session)  # a screen that shows the seed goes on
    list(dispatch(session, "/ban none"))
    list(session.continue_())
    assert len(session.passage.tokens()) == 60


def test_a_ban_acts_on_the_text_being_written(session: Session) -> None:
    session.set("length", 300)
    for number, _ in enumerate(session.write_from("The lamp")):
        if number == 100:
            session.set("ban", ("e",))
    text = "".join(token.text for token in session.passage.tokens())
    assert "e" in text[:101]
    assert "e" not in text[101:]


@pytest.mark.parametrize(
    ("typed", "value", "shown"),
    [
        ("e=1.5", (("e", 1.5),), "e=1.5"),
        (r'" the"=-2 "\n"=0.25', ((" the", -2.0), ("\n", 0.25)), r"' the'=-2 '\n'=0.25"),
        ("==1", (("=", 1.0),), "==1"),
        ("a=1 a=2", (("a", 2.0),), "a=2"),
        ("none", (), "none"),
    ],
)
def test_biases_are_typed_shown_and_stored(typed: str, value: tuple[object, ...], shown: str) -> None:
    spec = SPECS["bias"]
    assert spec.parse(typed) == value
    assert spec.kind.show(value) == shown
    assert spec.parse(shown) == value
    chosen = merge_layers({"bias": typed})
    assert settings_from_dict(json.loads(json.dumps(chosen.to_dict()))) == chosen
    assert merge_layers({"bias": dict(spec.parse(typed))}) == chosen  # type: ignore[call-overload]
    assert hash(chosen) == hash(settings_from_dict(chosen.to_dict()))


@pytest.mark.parametrize(
    "value", [[["e"]], [["e", 1, 2]], {"": 1}, {"e": "1"}, {"e": True}, 7, "e", [1], [[1, 2]], {"e": 1e9}]
)
def test_what_is_no_bias_is_refused(value: object) -> None:
    with pytest.raises(SettingError, match="bias cannot be"):
        merge_layers({"bias": value})


def test_a_thousand_texts_at_most() -> None:
    texts = [str(number) for number in range(1001)]
    assert len(Settings(ban=tuple(texts[1:])).ban) == 1000
    with pytest.raises(SettingError, match="up to 1,000 texts"):
        Settings(ban=tuple(texts))
    assert len(Settings().changed(bias=dict.fromkeys(texts[1:], 1.0)).bias) == 1000
    assert SPECS["ban"].kind.range == "up to 1,000 texts, such as e E, or none"
    assert SPECS["bias"].kind.range == ("up to 1,000 texts, each with a number from -100 to 100, such as e=-2, or none")
    with pytest.raises(SettingError, match="up to 1,000 texts"):
        Settings().changed(bias=dict.fromkeys(texts, 1.0))


def test_a_long_list_is_cut_where_all_filters_are_shown() -> None:
    chosen = Settings(ban=tuple("abcdefghijklmnopqrstuvwxyz"), top_k=3)
    assert chosen.format_active_filters() == "ban a b c d e f g h i j k l m n o p q r…, top-k 3"


def test_from_flags_the_environment_and_the_configuration(run: RunCli, monkeypatch: pytest.MonkeyPatch) -> None:
    generate = ("generate", "The ", "-m", "shakespeare", "-l", "200", "--rng", "7")
    ran = run(*generate, "--ban", "e E", "--bias", '" "=-100 a=3')
    assert ran.code == 0
    assert not {"e", "E", " "} & set(ran.out)
    monkeypatch.setenv("AFTERGLOW_BAN", "e E")
    assert not {"e", "E"} & set(run(*generate).out)
    refused = run(*generate, "--ban", "the")
    assert (refused.code, refused.out) == (2, "")
    assert "ban cannot be 'the'" in refused.err


def test_explain_names_what_else_changes_the_probabilities(session: Session) -> None:
    session.set_all(session.settings.changed(ban=("e",), bias=(("a", 1.0),)))
    list(session.write_from("The lamp"))
    notices = [effect.text for effect in dispatch(session, "/explain 0.5") if isinstance(effect, Notice)]
    assert any("ban e, bias a=1 also changes the probabilities" in text for text in notices)
