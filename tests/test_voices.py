"""Texts in a style: the very next token obeys, and every place of a text can be computed again, bit for bit."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from afterglow.core.commands.effects import Compare
from afterglow.core.commands.registry import completions, dispatch
from afterglow.core.errors import AfterglowError, SettingError, StateError
from afterglow.core.events import Event, Notice, Token
from afterglow.core.generation.snapshot import Row, Snapshot
from afterglow.core.generation.stream import Stream, StreamOptions
from afterglow.core.generation.token_history import TokenHistory
from afterglow.core.generation.voices import STYLE_CONTEXT, guide
from afterglow.core.inference.runtime import Runtime
from afterglow.core.model import Model
from afterglow.core.sampling.rng import PositionRNG
from afterglow.core.session import passage_db, passage_json
from afterglow.core.session.lens import inspect_session, next_logprobs
from afterglow.core.session.passage import Passage
from afterglow.core.session.passage_db import PassageSaver
from afterglow.core.session.session import Session
from afterglow.core.session.stored_passage import StoredPassage
from afterglow.core.setting_styles import PLAIN_VOICE, StyleRamp, Voice, describe_style, is_style_name
from afterglow.core.settings import SPECS, Settings, settings_from_dict

from .cli_helpers import RunCli
from .conftest import DATA
from .kernel_helpers import KERNEL_PARAMS, runtime_of

Logits = np.ndarray[Any, np.dtype[np.float64]]

STYLES: dict[str, dict[str, object]] = {
    "none": {},
    "one": {"style": "ann"},
    "mix": {"style": "ann:0.7 bob:0.3"},
    "stronger": {"style": "eve", "style_strength": 4},
    "ramp": {"style": "ann..eve"},
    "from none, stronger": {"style": "off..bob", "style_strength": 2.5},
    "filtered": {"style": "bob:-1", "top_k": 5, "repeat_penalty": 1.2, "surprise": 2},
}
"""Settings of a text, by what is tried."""

CHANGES: Mapping[int, dict[str, object]] = {
    10: {"style": "ann"},
    20: {"style_strength": 3.0},
    31: {"style": "ann..bob"},
    45: {"length": 210},
    50: {"top_k": 9},
    60: {"style": "off"},
    75: {"style": "bob..eve", "style_strength": 1.0},
    131: {"style": "bob:0.5 eve:0.5"},
    150: {"style_strength": 2.0},
}
"""Settings that change while a text is written, by the number of tokens before."""


def read_by_hand(model: Model, ids: Iterable[int], mix: dict[str, float]) -> Logits:
    """The logits after tokens that are read one by one under a mix of styles, from the zero state."""
    assert model.file.styles
    stepper = model.runtime.stepper(model.runtime.zeros(1))
    stepper.shift_gates(model.file.styles.shift(mix)[None] if mix else None)
    for token in ids:
        stepper.step(np.array([token]))
    return stepper.logits[0].astype(np.float64)


def log_probs(logits: Logits) -> Logits:
    return logits - logits.max() - np.log(np.exp(logits - logits.max()).sum())


def write(session: Session, events: Iterable[Event], changes: Mapping[int, dict[str, object]]) -> list[Token]:
    """Play a text and change settings before some of its tokens."""
    tokens: list[Token] = []
    for event in events:
        if isinstance(event, Token):
            tokens.append(event)
            for name, value in changes.get(len(tokens), {}).items():
                session.set(name, SPECS[name].check(value))
    return tokens


@pytest.fixture
def changing(styled: Model) -> Session:
    """A session with a text of 200 characters, in the middle of which all was changed."""
    session = Session(styled, Settings(rng=7, length=200))
    write(session, session.write_from("The lamp "), CHANGES)
    return session


def bytes_of(snapshot: Snapshot) -> list[bytes]:
    rows = [row for row in snapshot.rows if row]
    return [array.tobytes() for row in rows for array in (row.logits, *row.state)]


def forget(passage: Passage) -> None:
    for node in passage.nodes:
        node.start = None
        node.snapshots.clear()


@pytest.mark.parametrize("seed", ["The lamp ", "The lamp was lit. " * 40], ids=["short", "longer than what is read"])
@pytest.mark.parametrize("before", [{}, {"style": "eve"}], ids=["after none", "after another"])
def test_the_very_next_token_obeys(styled: Model, seed: str, before: dict[str, object]) -> None:
    session = Session(styled, Settings(rng=7, length=20).changed(**before))
    write(session, session.write_from(seed), {5: {"style": "ann:2"}})
    history = [*styled.tokenizer.encode(seed), *(token.id for token in session.passage.tokens()[:5])]
    sixth = session.passage.tokens()[5]
    assert STYLE_CONTEXT == 512
    expected = log_probs(read_by_hand(styled, history[-STYLE_CONTEXT:], {"ann": 2}))
    assert sixth.logprob == pytest.approx(expected[sixth.id], abs=1e-12)
    session.set("style", "bob")
    history = [*styled.tokenizer.encode(seed), *(token.id for token in session.passage.tokens())]
    expected = log_probs(read_by_hand(styled, history[-STYLE_CONTEXT:], {"bob": 1}))
    found = next_logprobs(session)
    assert found is not None
    np.testing.assert_allclose(found, expected, atol=1e-12)
    (first, *_) = write(session, session.continue_(), {})
    assert first.logprob == pytest.approx(expected[first.id], abs=1e-12)


def test_off_reads_without_style_again(styled: Model) -> None:
    session = Session(styled, Settings(rng=7, length=20, style="ann"))
    write(session, session.write_from("The lamp "), {8: {"style": "off"}})
    history = [*styled.tokenizer.encode("The lamp "), *(token.id for token in session.passage.tokens()[:8])]
    ninth = session.passage.tokens()[8]
    assert ninth.logprob == pytest.approx(log_probs(read_by_hand(styled, history, {}))[ninth.id], abs=1e-12)


def test_a_ramp_reads_each_token_under_the_mix_of_its_place(styled: Model) -> None:
    assert styled.file.styles
    session = Session(styled, Settings(rng=7, length=50, style="ann..eve:2"))
    tokens = write(session, session.write_from("The lamp "), {})
    stepper = styled.runtime.stepper(styled.runtime.zeros(1))
    shift = styled.file.styles.shift
    stepper.shift_gates(shift({"ann": 1.0})[None])
    for token in styled.tokenizer.encode("The lamp "):
        stepper.step(np.array([token]))
    for place, token in enumerate(tokens):
        assert token.logprob == pytest.approx(log_probs(stepper.logits[0].astype(np.float64))[token.id], abs=1e-12)
        stepper.shift_gates(shift({"ann": 1 - place / 50, "eve": 2 * place / 50})[None])
        stepper.step(np.array([token.id]))


def test_a_stronger_style_goes_further_from_the_text_without_style(styled: Model) -> None:
    session = Session(styled, Settings(rng=7, length=12, style="ann", style_strength=3))
    tokens = write(session, session.write_from("The lamp "), {})
    history = [*styled.tokenizer.encode("The lamp ")]
    for token in tokens:
        style, none = (log_probs(read_by_hand(styled, history, mix)) for mix in ({"ann": 1.0}, {}))
        guided = log_probs(none + 3 * (style - none))
        assert token.logprob == pytest.approx(guided[token.id], abs=1e-12)
        assert token.rank == 1 + np.count_nonzero(guided > guided[token.id])
        history.append(token.id)


def test_strength_1_is_the_style_itself() -> None:
    styled, plain = np.random.default_rng(1).normal(0, 3, (2, 40)).astype(np.float32)
    guided = guide((Row((), styled), Row((), plain)), 1.0)
    np.testing.assert_allclose(guided, log_probs(styled.astype(np.float64)), atol=1e-14)
    assert guide((Row((), styled), None), 5.0).tolist() == styled.tolist()


def texts_of(model: Model, together: bool) -> list[list[Token]]:
    """The tokens of a text in each of ``STYLES``: written one by one, or in one batch that is joined later and left."""
    start = model.read("The lamp ").snapshot
    engine = model.engine()
    streams = []
    for number, values in enumerate(STYLES.values()):
        settings = Settings(length=60 + 7 * number).changed(**values)
        options = StreamOptions(settings, PositionRNG(5, number), max_unread=99, keep_snapshots=True)
        streams.append(engine.open(start, options))
        if together:
            engine.step()
        else:
            while engine.step():
                pass
    while engine.step():
        pass
    return [[event for event in stream.events if isinstance(event, Token)] for stream in streams]


@pytest.mark.parametrize("kind", [*KERNEL_PARAMS, "onnx"])
def test_a_text_is_the_same_alone_and_in_any_batch_on_every_runtime(styled: Model, kind: str) -> None:
    def make(threads: int) -> Runtime:
        return runtime_of(kind)(styled.file, threads)

    model = Model("styled", styled.file, make(1))
    alone = texts_of(model, together=False)
    assert alone == texts_of(styled, together=True)
    assert alone == texts_of(Model("styled", styled.file, make(3)), together=True)
    assert len({"".join(token.text for token in tokens)[:40] for tokens in alone}) == len(STYLES)


def test_a_constant_style_is_drawn_by_the_fused_kernel_like_by_the_chain(styled: Model) -> None:
    """A bias of nothing much keeps the kernel from drawing by itself."""
    slow = {"bias": {"e": 1e-300}}
    for style in ({}, {"style": "ann"}):
        assert styled.generate("The", length=80, rng=3, **style) == styled.generate(
            "The", length=80, rng=3, **style, **slow
        )


def test_every_place_of_a_text_is_computed_again_bit_for_bit(changing: Session) -> None:
    node = changing.passage.nodes[1]
    kept = {position: bytes_of(snapshot) for position, snapshot in node.snapshots.items()}
    voices = {position: snapshot.voice for position, snapshot in node.snapshots.items()}
    start = node.start
    assert start
    forget(changing.passage)
    for position, expected in kept.items():
        again = changing.snapshot_at(1, position - start.position)
        assert (bytes_of(again), again.voice) == (expected, voices[position])
    assert node.voice_starts(0, len(node.tokens)) == [0, 10, 20, 31, 45, 60, 75, 131, 150]
    assert [node.voice_at(index) for index in (9, 10, 20, 31)] == [
        PLAIN_VOICE,
        Voice((("ann", 1.0),)),
        Voice((("ann", 1.0),), guided=True),
        Voice(StyleRamp((("ann", 1.0),), (("bob", 1.0),)), True, 200),
    ]


def test_the_lens_shows_what_the_next_token_will_be_drawn_from(styled: Model) -> None:
    session = Session(styled, Settings(rng=7, length=40))
    events = session.write_from("The lamp ")
    found, drawn = None, []
    for number, event in enumerate(events):
        if isinstance(event, Token) and found is not None:
            drawn.append(event)
            assert found[event.id] == pytest.approx(event.logprob, abs=1e-12), number
        if number % 5 == 0:
            chosen = list(STYLES.values())[number // 5 % len(STYLES)]
            session.set_all(Settings(rng=7, length=40).changed(**chosen))
        found = next_logprobs(session)
    assert len(drawn) == 39


def test_a_stream_that_changes_its_style_leaves_the_others_as_they_are(styled: Model) -> None:
    """It moves to the end of the batch, whose filters and temperatures have to move with it."""
    kinds = (
        {"temperature": 0.3, "style": "ann"},
        {"temperature": 1.6, "top_k": 4},
        {"style": "eve", "style_strength": 3},
    )

    def write_together(count: int) -> list[list[Token]]:
        engine = styled.engine()
        streams = [
            engine.open(
                styled.read("The lamp ").snapshot, StreamOptions(Settings(length=60, **kind), PositionRNG(5, n))
            )  # type: ignore[arg-type]
            for n, kind in enumerate(kinds[:count])
        ]
        tokens: list[list[Token]] = [[] for _ in streams]
        for step in range(60):
            if step == 20:
                streams[0].settings = streams[0].settings.changed(style="bob", style_strength=2)
            for stream in streams:
                engine.request(stream)
            engine.step()
            for stream, found in zip(streams, tokens, strict=True):
                found += [event for event in stream.events if isinstance(event, Token)]
                stream.events.clear()
        return tokens

    assert write_together(3)[:2] == write_together(2)
    assert write_together(3)[0] == write_together(1)[0]


def test_a_style_that_is_set_while_another_is_read_for_is_obeyed_too(
    styled: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Settings may be replaced from any thread."""

    def write_on(*styles: str) -> list[Token]:
        engine = styled.engine()
        stream = engine.open(styled.read("The lamp ").snapshot, StreamOptions(Settings(length=40), PositionRNG(5)))
        tokens: list[Token] = []
        for event in engine.iter_events(stream):
            tokens += [event] if isinstance(event, Token) else []
            if len(tokens) == 9:
                set_style(stream, *styles)
        return tokens

    def set_style(stream: Stream, style: str, *later: str) -> None:
        stream.settings = stream.settings.changed(style=style)
        read_again = styled.voices.read_again

        def read_and_set(*arguments: Any) -> Any:
            monkeypatch.undo()
            if later:
                set_style(stream, *later)
            return read_again(*arguments)

        monkeypatch.setattr(styled.voices, "read_again", read_and_set)

    assert write_on("ann", "eve:2", "bob") == write_on("bob")


@pytest.mark.parametrize("lost", [False, True], ids=["kept states", "lost states"])
def test_the_lens_shows_what_each_token_was_drawn_from(changing: Session, lost: bool) -> None:
    tokens = changing.passage.tokens()
    if lost:
        forget(changing.passage)
    for index in sorted({0, *(change + step for change in CHANGES for step in (-1, 0, 1))}):
        inspection = inspect_session(changing, index)
        assert inspection
        raw = next(each.raw for each in inspection.candidates if each.id == tokens[index].id)
        assert raw == pytest.approx(np.exp(tokens[index].logprob), rel=1e-9), index


def save_file(session: Session) -> StoredPassage:
    return StoredPassage(passage_json.from_json(passage_json.to_json(session.passage)))


def autosave(session: Session) -> StoredPassage:
    PassageSaver().save(session.passage)
    return passage_db.load(1)


@pytest.mark.parametrize("store", [save_file, autosave])
def test_an_opened_passage_goes_on_as_if_it_had_never_been_closed(
    changing: Session, store: Callable[[Session], StoredPassage]
) -> None:
    opened = Session(changing.model, Settings(rng=7))
    assert opened.load_passage(store(changing)) is None
    assert opened.settings.style == changing.settings.style == (("bob", 0.5), ("eve", 0.5))
    for each in (changing, opened):
        write(each, each.continue_(), {9: {"style": "bob..off"}})
        write(each, each.branch(140), {})
        each.passage.undo()
        write(each, each.retry(), {3: {"style_strength": 1.0}})
    assert passage_json.to_json(opened.passage) == passage_json.to_json(changing.passage)


def test_a_continued_ramp_begins_at_its_start_again(styled: Model) -> None:
    session = Session(styled, Settings(rng=7, length=30, style="ann..eve"))
    write(session, session.write_from("The lamp "), {})
    (first, *_) = write(session, session.continue_(), {})
    history = [*styled.tokenizer.encode("The lamp "), *(token.id for token in session.passage.nodes[1].tokens)]
    assert first.logprob == pytest.approx(log_probs(read_by_hand(styled, history, {"ann": 1}))[first.id], abs=1e-12)


def test_a_text_without_style_after_one_in_a_style_is_computed_again_bit_for_bit(styled: Model) -> None:
    session = Session(styled, Settings(rng=7, length=140, style="ann"))
    write(session, session.write_from("The lamp "), {})
    session.set("style", ())
    write(session, session.continue_(), {1: {"style": "bob"}})
    seen = {count: bytes_of(session.snapshot_at(2, count)) for count in (1, 2, 3, 140)}
    live = session.passage.nodes[2].snapshots
    assert seen[140] == bytes_of(live[max(live)])
    forget(session.passage)
    assert {count: bytes_of(session.snapshot_at(2, count)) for count in seen} == seen
    history = [*styled.tokenizer.encode("The lamp "), *(token.id for token in session.passage.tokens()[:141])]
    second = session.passage.nodes[2].tokens[1]
    assert second.logprob == pytest.approx(log_probs(read_by_hand(styled, history, {"bob": 1}))[second.id], abs=1e-12)
    session.passage.nodes[2].filters = []
    forget(session.passage)
    unrecorded = session.snapshot_at(2, 3)
    assert unrecorded.voice == PLAIN_VOICE
    assert inspect_session(session, 141)


def test_a_ramp_that_begins_at_the_current_style_goes_on_from_it(styled: Model) -> None:
    session = Session(styled, Settings(rng=7, length=64, style="ann"))
    write(session, session.write_from("The lamp "), {16: {"style": "ann..ann"}})
    expected = bytes_of(session.current_snapshot())
    forget(session.passage)
    assert bytes_of(session.current_snapshot()) == expected


@pytest.mark.parametrize("style", ["ann", "ann..bob"])
def test_an_appended_or_edited_text_is_computed_again_bit_for_bit(styled: Model, style: str) -> None:
    session = Session(styled, Settings(rng=7, length=40, style=style, style_strength=2, memory=True))
    write(session, session.write_from("The lamp "), {})
    write(session, session.write_from(" and "), {})
    write(session, session.rewrite(session.passage.text()[:-5] + "lamp"), {})
    expected = bytes_of(session.current_snapshot())
    forget(session.passage)
    assert bytes_of(session.current_snapshot()) == expected


@pytest.mark.parametrize("name", STYLES)
def test_a_state_is_saved_with_its_style_and_goes_on_as_before(styled: Model, name: str) -> None:
    engine = styled.engine()
    settings = Settings(length=30).changed(**STYLES[name])
    stream = engine.open(styled.read("The lamp ").snapshot, StreamOptions(settings, PositionRNG(5)))
    for _ in engine.iter_events(stream):
        pass
    last = stream.snapshots[stream.position]
    again = styled.load_state(styled.dump_state(last))
    assert (again.voice, bytes_of(again)) == (last.voice, bytes_of(last))
    assert last.voice == settings.voice
    for each in (last, again):
        assert "".join(
            event.text for event in engine.iter_events(engine.open(each, StreamOptions(settings, PositionRNG(6))))
        ) == "".join(
            event.text for event in engine.iter_events(engine.open(last, StreamOptions(settings, PositionRNG(6))))
        )


def test_a_state_without_style_is_written_as_before(styled: Model) -> None:
    state = styled.dump_state(styled.read("The lamp").snapshot)
    assert b'"format": 1' in state
    assert b"style" not in state
    assert styled.load_state(state).voice == PLAIN_VOICE


@pytest.mark.parametrize(
    "voice", [Voice((("zoe", 1.0),)), Voice((("ann", 1.0),), length=4), Voice(StyleRamp((), (("ann", 1.0),)))]
)
def test_a_state_of_no_such_style_is_refused(styled: Model, voice: Voice) -> None:
    snapshot = replace(styled.read("The lamp").snapshot, voice=voice)
    with pytest.raises(StateError):
        styled.load_state(styled.dump_state(snapshot))


@pytest.mark.parametrize(
    ("name", "style", "message"),
    [
        ("tiny", "ann", "tiny-char has no styles; set style to off, or use a model trained with --label"),
        ("styled", "zoe", "styled has no style 'zoe'; it has ann, bob, eve"),
        ("styled", "ann..bop", "styled has no style 'bop'; did you mean bob? it has ann, bob, eve"),
    ],
)
def test_an_unknown_style_is_an_error_that_names_those_of_the_model(
    name: str, style: str, message: str, request: pytest.FixtureRequest
) -> None:
    model = request.getfixturevalue(name)
    session = Session(model, Settings(rng=7, length=10))
    with pytest.raises(SettingError) as caught:
        session.set("style", style)
    assert str(caught.value) == message
    assert session.settings.style == ()
    with pytest.raises(SettingError) as caught:
        model.generate("The", length=5, style=style)
    assert str(caught.value) == message
    stream = model.engine().open(model.read("The").snapshot, StreamOptions(Settings(), PositionRNG(0)))
    with pytest.raises(SettingError):
        stream.settings = Settings(style=style)


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("/style ", ["off", "off", "ann", "bob", "eve", "reset"]),
        ("/style e", ["eve"]),
        ("/style ann:0.5 ", ["ann", "bob", "eve"]),
        ("/style ann:0.5 b", ["bob"]),
        ("/set style b", ["bob"]),
        ("/style-strength 1 ", []),
    ],
)
def test_styles_of_the_model_are_completed(styled: Model, line: str, offered: list[str]) -> None:
    assert [word for word, _ in completions(Session(styled), line)] == offered


def test_the_setting_names_the_styles_of_the_model(styled: Model, tiny: Model) -> None:
    for model, names in ((styled, "styled has ann, bob, eve"), (tiny, "tiny-char has no styles")):
        (effect,) = dispatch(Session(model), "/style")
        assert isinstance(effect, Notice)
        assert effect.text.startswith(f"style off; {names}: write like one of the model's styles")


def test_the_strength_is_named_beside_a_style_only() -> None:
    assert Settings(style="ann:0.5 bob", style_strength=2, top_k=3).format_active_filters() == (
        "style ann:0.5 bob, style-strength 2, top-k 3"
    )
    assert Settings(style_strength=2, top_k=3).format_active_filters() == "top-k 3"


@pytest.mark.parametrize(
    ("typed", "value", "shown"),
    [
        ("off", (), "off"),
        ("ann", (("ann", 1.0),), "ann"),
        ("ann:.5  O'Brien:-4", (("ann", 0.5), ("O'Brien", -4.0)), "ann:0.5 O'Brien:-4"),
        ("ann:1 ann:2", (("ann", 2.0),), "ann:2"),
        ("ann..off", StyleRamp((("ann", 1.0),), ()), "ann..off"),
        ("off .. 日本:2", StyleRamp((), (("日本", 2.0),)), "off..日本:2"),
        ("jr.:1..jr.:.5", StyleRamp((("jr.", 1.0),), (("jr.", 0.5),)), "jr.:1..jr.:0.5"),
        ("jr.:1...net", StyleRamp((("jr.", 1.0),), ((".net", 1.0),)), "jr.:1...net"),
    ],
)
def test_a_style_is_read_as_it_is_shown(typed: str, value: object, shown: str) -> None:
    spec = SPECS["style"]
    assert spec.parse(typed) == spec.check(value) == spec.check(shown) == value
    assert spec.kind.show(value) == shown
    assert settings_from_dict(Settings(style=value).to_dict()).style == value  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "wrong",
    ["", " ", "ann..", "..ann", "a..b..c", "ann:5", "ann:-4.1", "ann:nan", "ann:", ":1", "a,b", "off bob", "off:2"],
)
def test_what_is_no_style_is_refused(wrong: str) -> None:
    with pytest.raises(SettingError):
        SPECS["style"].parse(wrong)


@pytest.mark.parametrize("wrong", [None, 1, [1], [["ann"]], [("ann", "1")], {"": 1}, {"ann": True}, ("ann", 1)])
def test_what_has_no_names_and_weights_is_no_style(wrong: object) -> None:
    with pytest.raises(SettingError):
        Settings().changed(style=wrong)
    with pytest.raises(SettingError):
        Settings().changed(style={f"a{n}": 1.0 for n in range(65)})
    assert len(Settings().changed(style={f"a{n}": 1.0 for n in range(64)}).voice.mix) == 64


def test_a_mix_moves_evenly_along_a_ramp() -> None:
    ramp = StyleRamp((("ann", 2.0), ("bob", 1.0)), (("bob", -1.0), ("eve", 4.0)))
    assert ramp.at(0) == ramp.start
    assert ramp.at(0.25) == (("ann", 1.5), ("bob", 0.5), ("eve", 1.0))
    assert ramp.at(0.5) == (("ann", 1.0), ("eve", 2.0))
    assert ramp.at(1) == ramp.at(7) == ramp.end
    assert Voice(ramp, True, 200).at(50) == Voice(ramp.at(0.25), True)
    with pytest.raises(ValueError, match="a ramp has another mix at each place"):
        assert Voice(ramp, True, 200).mix


def test_a_flag_with_an_unknown_style_ends_before_anything_is_written(run: RunCli) -> None:
    result = run("generate", "-m", str(DATA / "tiny-char.safetensors"), "The", "--style", "ann")
    assert (result.code, result.out) == (2, "")
    assert "tiny-char has no styles" in result.err


def test_a_style_in_the_environment_stops_no_other_model(run: RunCli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AFTERGLOW_STYLE", "ann")
    assert run("info", str(DATA / "tiny-char.safetensors")).code == 0
    assert run("generate", "-m", str(DATA / "tiny-char.safetensors"), "The", "--style", "off", "-l", "5").code == 0
    assert "has no styles" in run("generate", "-m", str(DATA / "tiny-char.safetensors"), "The").err


def test_a_passage_in_a_style_that_the_model_lacks_opens_with_a_notice(changing: Session, tiny: Model) -> None:
    stored = save_file(changing)
    opened = Session(tiny, Settings(rng=7, length=20))
    notice = opened.load_passage(stored)
    assert notice
    assert notice.startswith("this passage was written with another model, styled; tiny-char reads it again; ")
    assert notice.endswith("tiny-char has no style bob:0.5 eve:0.5")
    assert opened.settings.style == ()
    assert opened.passage.text() == changing.passage.text()
    assert inspect_session(opened, 40)
    write(opened, opened.continue_(), {})
    for hostile in ("zoe", "ann:9", ["ann"], {"ann": 1}, "ann.." * 9, None):
        assert settings_from_dict({"style": hostile}).style in ((), (("zoe", 1.0),), (("ann", 1.0),))


def test_what_was_written_in_a_style_that_is_gone_is_read_without_style(styled: Model) -> None:
    session = Session(styled, Settings(rng=7, length=20))
    write(session, session.write_from("The lamp "), {})
    expected = bytes_of(session.current_snapshot())
    for style in ("zoe", "zoe..ann"):
        session.passage.nodes[1].filters = [(0, Settings(style=style, style_strength=2))]
        forget(session.passage)
        assert bytes_of(session.current_snapshot()) == expected
        assert inspect_session(session, 5)


@pytest.mark.parametrize("values", [{"style": "ann"}, {"style": "ann", "style_strength": 2}, {"style": "ann..bob"}])
def test_a_state_without_its_tokens_goes_on_in_its_style(styled: Model, values: dict[str, object]) -> None:
    """The bot keeps no tokens. What was read before is then the state alone."""
    engine = styled.engine()

    def go_on(start: Snapshot, **more: object) -> Snapshot:
        options = StreamOptions(Settings(length=20).changed(**values, **more), PositionRNG(5))
        stream = engine.open(start, options)
        assert len([event for event in engine.iter_events(stream) if isinstance(event, Token)]) == 20
        return replace(stream.snapshots[stream.position], history=TokenHistory(), pending_text="")

    memory = styled.load_state(styled.dump_state(go_on(styled.read("The lamp ").snapshot)))
    seed = styled.read(" and", memory).snapshot
    assert seed.voice == (PLAIN_VOICE if memory.voice.moves else memory.voice)
    go_on(seed)
    again = styled.voices.restyle(memory, Voice((("eve", 1.0),), guided=True))
    assert again.unstyled
    assert again.unstyled.logits.tobytes() == again.logits.tobytes() == memory.logits.tobytes()
    assert styled.voices.restyle(memory, PLAIN_VOICE).unstyled is None


def test_a_long_style_is_cut_where_it_is_shown_with_other_things() -> None:
    longest = "a" * 60
    assert describe_style(((longest, 1.0),), 1) == longest
    assert describe_style(((f"{longest}b", 1.0),), 4) == f"{'a' * 59}… ×4"


def test_a_name_has_1_to_64_characters() -> None:
    assert [bool(is_style_name("n" * count)) for count in (0, 1, 64, 65)] == [False, True, True, False]
    assert is_style_name(7) is False


def test_a_style_that_the_next_model_lacks_is_not_carried_over(styled: Model, tiny: Model) -> None:
    session = Session(styled, Settings(style="ann", top_k=7), load_model={"tiny": tiny, "styled": styled}.__getitem__)
    assert list(dispatch(session, "/model styled")) == [Notice("styled: type a seed; /style lists its styles")]
    assert session.settings.style == (("ann", 1.0),)
    assert list(dispatch(session, "/model tiny")) == [Notice("tiny-char: type a seed; tiny-char has no style ann")]
    assert (session.settings.style, session.settings.top_k) == ((), 7)


def test_a_sweep_keeps_the_style(styled: Model) -> None:
    session = Session(styled, Settings(rng=7, length=30, style="eve", style_strength=2))
    write(session, session.write_from("The lamp "), {})
    sweep = session.sweep([1.0])
    for _ in sweep.play():
        pass
    assert sweep.columns[0].text == session.passage.nodes[1].text()
    session.pick(sweep, 0)
    expected = bytes_of(session.current_snapshot())
    forget(session.passage)
    assert bytes_of(session.current_snapshot()) == expected


def test_a_sweep_of_styles_has_the_texts_of_the_styles(styled: Model) -> None:
    session = Session(styled, Settings(rng=7, length=30, style_strength=2))
    write(session, session.write_from("The lamp "), {})
    compare, _ = dispatch(session, "/sweep --blind eve off ann")
    assert isinstance(compare, Compare)
    list(compare.sweep.play())
    assert {compare.sweep.name(number) for number in range(3)} == {"text 1", "text 2", "text 3"}
    (notice,) = dispatch(session, "/reveal")
    assert isinstance(notice, Notice)
    assert {"style eve", "style off", "style ann"} == {compare.sweep.name(number) for number in range(3)}
    for number, column in enumerate(compare.sweep.columns):
        alone = Session(styled, session.settings.changed(style=compare.sweep.value(number)))
        write(alone, alone.write_from("The lamp "), {})
        assert column.text == alone.passage.nodes[1].text()
        assert f"{number + 1}: {compare.sweep.name(number)}" in notice.text
    session.pick(compare.sweep, 2)
    assert session.settings.style == compare.sweep.value(2)


def test_temperatures_and_styles_are_not_swept_together(styled: Model) -> None:
    session = Session(styled, Settings(rng=7, length=30))
    write(session, session.write_from("The lamp "), {})
    with pytest.raises(SettingError, match="ann"):
        list(dispatch(session, "/sweep 0.5 ann"))


def test_a_model_that_is_left_is_freed_at_once(styled: Model) -> None:
    model = Model("left", styled.file)
    model.distribution("The lamp", style="ann")
    kept = weakref.ref(model.voices)
    gc.disable()
    try:
        del model
        assert kept() is None
    finally:
        gc.enable()


def test_the_api_takes_a_style(styled: Model) -> None:
    text = "The lamp was lit."
    assert styled.generate(text, rng=3, length=30, style="ann") == styled.generate(
        text, rng=3, length=30, style={"ann": 1}
    )
    ids = styled.tokenizer.encode(text)
    for mix, values in (({}, {}), ({"eve": 2.0}, {"style": "eve:2"})):
        probs = np.exp(log_probs(read_by_hand(styled, ids, mix)))
        for token, p in styled.distribution(text, **values).items():
            assert p == pytest.approx(probs[styled.tokenizer.encode(token)[0]])
    scores = [styled.score(text, style=style).surprise.sum() for style in ("off", "ann", "eve:2")]
    assert len(set(scores)) == 3
    with pytest.raises(AfterglowError):
        styled.score(text, style="ann..eve")
