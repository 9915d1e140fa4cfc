"""A session: undo, redo, retry and branch lead to exactly the same states and texts again."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import pytest
from afterglow.core import presets
from afterglow.core.commands.registry import dispatch
from afterglow.core.errors import CommandError, ModelError, SettingError
from afterglow.core.events import Done, Event, Notice, PrefillProgress, Token
from afterglow.core.generation.stream import SNAPSHOT_INTERVAL, Snapshot
from afterglow.core.model import Model, load
from afterglow.core.render.heat import heat_level
from afterglow.core.session import passage_json, recording
from afterglow.core.session import session as session_module
from afterglow.core.session.lens import inspect_session, next_logprobs
from afterglow.core.session.recording import ModelTime
from afterglow.core.session.session import Session
from afterglow.core.session.stored_passage import StoredPassage
from afterglow.core.settings import WATCHED_DEFAULTS, Settings

from .kernel_helpers import save_extreme_model

DATA = Path(__file__).parent / "data"


def play(events: Iterable[Event]) -> Done:
    """Consume events; the last one."""
    done = list(events)[-1]
    assert isinstance(done, Done)
    return done


def ids(session: Session) -> list[int]:
    return [token.id for token in session.passage.tokens()]


def as_bytes(snapshot: Snapshot) -> bytes:
    return b"".join(array.tobytes() for array in (snapshot.logits, *snapshot.state))


def on(model: Model, **settings: object) -> Session:
    return Session(model, Settings(**({"rng": 7, "length": 60} | settings)))  # type: ignore[arg-type]


# Sameness -----------------------------------------------------------------------------------------------------------


def test_the_same_seed_and_rng_give_the_same_text(session: Session) -> None:
    texts = []
    for _ in range(2):
        play(session.write_from("The lamp"))
        texts.append(session.passage.text())
    assert texts[0] == texts[1]
    assert len(texts[0]) == len("The lamp") + 60


def test_undo_and_redo_bring_back_the_text_and_the_state(session: Session) -> None:
    play(session.write_from("The lamp"))
    text, state = session.passage.text(), as_bytes(session.current_snapshot())
    session.passage.undo()
    assert session.passage.text() == "The lamp"
    session.passage.redo()
    assert (session.passage.text(), as_bytes(session.current_snapshot())) == (text, state)


def test_writing_on_after_undo_and_redo_is_writing_on(session: Session, tiny: Model) -> None:
    play(session.write_from("The lamp"))
    session.passage.undo()
    session.passage.redo()
    play(session.continue_())
    straight = on(tiny)
    play(straight.write_from("The lamp"))
    play(straight.continue_())
    assert session.passage.text() == straight.passage.text()


@pytest.mark.parametrize("chosen", [{}, {"top_p": 0.9, "repeat_penalty": 1.2}], ids=["plain", "filtered"])
@pytest.mark.parametrize("name", ["tiny", "tiny_bytes"])
def test_two_halves_are_one_long_text(name: str, chosen: dict[str, float], request: pytest.FixtureRequest) -> None:
    model = request.getfixturevalue(name)
    halves, whole = on(model, length=70, **chosen), on(model, length=140, **chosen)
    play(halves.write_from("The lamp"))
    play(halves.continue_())
    play(whole.write_from("The lamp"))
    assert halves.passage.text() == whole.passage.text()
    assert ids(halves) == ids(whole)


def test_stopping_anywhere_and_going_on_is_one_long_text(session: Session, tiny: Model) -> None:
    events = session.write_from("The lamp")
    for _ in range(13):
        next(events)
    session.stop()
    play(events)
    assert len(ids(session)) == 13
    session.set("length", 47)
    play(session.continue_())
    whole = on(tiny)
    play(whole.write_from("The lamp"))
    assert ids(session) == ids(whole)


def test_leaving_the_events_early_keeps_what_was_written(session: Session, tiny: Model) -> None:
    events = session.write_from("The lamp")
    for _ in range(13):
        next(events)
    events.close()  # type: ignore[attr-defined]
    assert not session.playing
    assert len(ids(session)) == 13
    session.set("length", 47)
    play(session.continue_())
    whole = on(tiny)
    play(whole.write_from("The lamp"))
    assert ids(session) == ids(whole)


@pytest.mark.parametrize("name", ["tiny", "tiny_bytes"])
@pytest.mark.parametrize("forget", [False, True], ids=["kept states", "states made anew"])
def test_the_state_behind_every_token_is_that_of_the_stream(
    name: str, forget: bool, request: pytest.FixtureRequest
) -> None:
    model = request.getfixturevalue(name)
    session = on(model, length=140)
    seen = []
    for event in session.write_from("The lamp"):
        assert session.stream is not None or isinstance(event, Done)
        if isinstance(event, Token):
            assert session.stream is not None
            seen.append(session.stream.logits.tobytes())
    if forget:
        for node in session.passage.nodes:
            node.snapshots.clear()
            node.start = None
    # What the stream had drawn a token from is what stands behind the tokens before it.
    assert [session.snapshot_at(1, k).logits.tobytes() for k in range(1, len(seen) + 1)] == seen
    first = session.passage.nodes[1].tokens[0]
    logprobs = np.asarray(session.snapshot_at(1, 0).logits, np.float64)
    assert first.logprob == pytest.approx(logprobs[first.id] - np.log(np.exp(logprobs).sum()), abs=1e-9)


@pytest.mark.parametrize("saved", [False, True], ids=["kept", "saved and opened"])
def test_a_held_surprise_goes_on_from_any_token_as_it_did(tiny: Model, saved: bool) -> None:
    """What the sampler remembers is found again behind every token, between kept states and after a restart too."""
    whole = on(tiny, length=200, surprise=2.0)
    play(whole.write_from("The lamp"))
    expected = [(token.id, token.bound) for token in whole.passage.tokens()]
    for at in (1, 30, SNAPSHOT_INTERVAL - 9, SNAPSHOT_INTERVAL, 150):
        session = on(tiny, length=200, surprise=2.0)
        events = session.write_from("The lamp")
        for _ in range(at):
            next(events)
        events.close()  # type: ignore[attr-defined]
        session.set("surprise", 2.0)
        if saved:
            session.passage = passage_json.from_json(passage_json.to_json(session.passage))
        session.set("length", 200 - at)
        play(session.continue_())
        assert [(token.id, token.bound) for token in session.passage.tokens()] == expected


def test_a_passage_of_a_thousand_pieces_goes_on(tiny: Model) -> None:
    session = on(tiny, length=1)
    play(session.write_from("The lamp"))
    for _ in range(1100):
        play(session.continue_())
    session.passage = passage_json.from_json(passage_json.to_json(session.passage))
    play(session.continue_())
    whole = on(tiny, length=1102)
    play(whole.write_from("The lamp"))
    assert session.passage.text() == whole.passage.text()


# Retry and branch ---------------------------------------------------------------------------------------------------


def test_a_retry_is_another_text_and_the_old_one_stays(session: Session) -> None:
    play(session.write_from("The lamp"))
    first = session.passage.text()
    play(session.retry())
    second = session.passage.text()
    assert second != first
    assert second.startswith("The lamp")
    play(session.retry())
    assert session.passage.text() not in (first, second)
    assert [node.take for node in session.passage.nodes] == [0, 0, 1, 2]
    session.passage.move_to(1)
    assert session.passage.text() == first


def test_a_retry_is_the_same_retry_next_time(tiny: Model) -> None:
    texts = []
    for _ in range(2):
        session = on(tiny)
        play(session.write_from("The lamp"))
        play(session.retry())
        play(session.continue_())
        texts.append(session.passage.text())
    assert texts[0] == texts[1]


def test_going_on_inherits_the_retrys_dice(session: Session) -> None:
    play(session.write_from("The lamp"))
    play(session.retry())
    play(session.continue_())
    assert session.passage.current().take == 1


def test_retry_after_undo_writes_what_follows_the_seed_anew(session: Session) -> None:
    play(session.write_from("The lamp"))
    first = session.passage.text()
    session.passage.undo()
    play(session.retry())
    assert session.passage.text().startswith("The lamp")
    assert session.passage.text() != first


def test_retry_on_a_joined_seed_keeps_the_seed(session: Session) -> None:
    session.set("memory", True)
    play(session.write_from("The lamp"))
    before = session.passage.text()
    play(session.write_from(" The keeper"))
    session.passage.undo()
    play(session.retry())
    assert session.passage.text().startswith(before + " The keeper")


def test_a_branch_keeps_the_beginning_and_takes_the_token(session: Session, tiny: Model) -> None:
    play(session.write_from("The lamp"))
    original = ids(session)
    (token,) = tiny.tokenizer.encode("k").tolist()
    play(session.branch(20, token))
    assert ids(session)[:21] == [*original[:20], token]
    assert len(ids(session)) == 80
    session.passage.undo()
    assert ids(session) == original


def test_a_branch_without_a_token_is_another_text(session: Session) -> None:
    play(session.write_from("The lamp"))
    original = ids(session)
    play(session.branch(20))
    branched = ids(session)
    assert branched[:20] == original[:20]
    assert branched[20:60] != original[20:60]


def test_branches_at_one_place_differ(session: Session) -> None:
    play(session.write_from("The lamp"))
    texts = set()
    for _ in range(3):
        play(session.branch(20))
        texts.add(session.passage.text())
        session.passage.undo()
    assert len(texts) == 3


@pytest.mark.parametrize(("at", "token"), [(-1, None), (61, None), (0, 47), (0, -1), (0, 10**9)])
def test_a_branch_that_cannot_be_is_refused_and_changes_nothing(session: Session, at: int, token: int | None) -> None:
    play(session.write_from("The lamp"))
    nodes, text = len(session.passage.nodes), session.passage.text()
    with pytest.raises(CommandError):
        list(session.branch(at, token))
    assert (len(session.passage.nodes), session.passage.text(), session.playing) == (nodes, text, False)


# While text is written ----------------------------------------------------------------------------------------------


def test_the_temperature_acts_on_the_next_token(session: Session) -> None:
    events = session.write_from("The lamp")
    first = [next(events) for _ in range(5)]
    session.set("temperature", 0.0)
    rest = [event for event in events if isinstance(event, Token)]
    assert {event.temperature for event in first} == {1.0}  # type: ignore[union-attr]
    assert {event.temperature for event in rest} == {0.0}
    assert len(rest) == 55


@pytest.mark.parametrize(
    "second",
    [Session.continue_, Session.retry, lambda s: s.branch(0), lambda s: s.write_from("The keeper")],
    ids=["go on", "retry", "branch", "write from"],
)
def test_two_texts_at_once_are_refused_and_the_first_is_not_disturbed(
    second: Callable[[Session], Iterable[Event]], session: Session, tiny: Model
) -> None:
    events = session.write_from("The lamp")
    next(events)
    assert session.playing
    with pytest.raises(CommandError, match="stop it first"):
        list(second(session))
    play(events)
    assert not session.playing
    undisturbed = on(tiny)
    play(undisturbed.write_from("The lamp"))
    assert session.passage.text() == undisturbed.passage.text()


def test_a_bad_setting_changes_nothing(session: Session) -> None:
    before = session.settings
    for name, value in (("temperature", 9), ("temprature", 1)):
        with pytest.raises(SettingError):
            session.set(name, value)
    assert session.settings is before


def test_stop_texts_never_show_and_end_the_text(tiny: Model) -> None:
    session = on(tiny, stop=("lamp", "keeper"), length=500, temperature=0.5)
    done = play(session.write_from("The "))
    assert done.reason == "stop"
    written = session.passage.text().removeprefix("The ")
    assert not any(stop in written for stop in ("lamp", "keeper"))


def test_text_held_back_is_shown_once_when_stopped_and_gone_on_from(tiny: Model) -> None:
    """Also where the states were not kept: a passage that was opened from a file."""
    texts = []
    for reopened in (False, True):
        session = on(tiny, temperature=0.0, length=120)
        play(session.write_from("The keeper of the "))
        written = session.passage.text().removeprefix("The keeper of the ")
        session.passage.undo()
        session.set("stop", (written[:4] + "\x00",))  # begins as the text does: four characters are held back
        events = session.continue_()
        for _ in range(4):
            next(events)
        session.stop()
        done = play(events)
        assert done.text == written[:4]
        session.set("stop", ())
        session.set("length", 116)
        if reopened:
            session.passage = passage_json.from_json(passage_json.to_json(session.passage))
        play(session.continue_())
        texts.append(session.passage.text())
        assert session.passage.text() == "The keeper of the " + written
    assert texts[0] == texts[1]


def test_going_on_behind_a_stop_text_is_the_same_from_a_file(tiny: Model) -> None:
    texts = []
    for reopened in (False, True):
        session = on(tiny, stop=("lamp",), length=300, temperature=0.5)
        assert play(session.write_from("The keeper of the ")).reason == "stop"
        if reopened:
            session.passage = passage_json.from_json(passage_json.to_json(session.passage))
        session.set("stop", ())
        play(session.continue_())
        texts.append(session.passage.text())
    assert texts[0] == texts[1]


# Seeds --------------------------------------------------------------------------------------------------------------


def test_with_memory_a_seed_joins_the_same_state(session: Session, tiny: Model) -> None:
    session.set("memory", True)
    play(session.write_from("The lamp"))
    play(session.write_from(" said the keeper"))
    text = session.passage.text()
    head = text[: text.index(" said the keeper", len("The lamp") + 60) + len(" said the keeper")]
    session.passage.undo()
    assert as_bytes(session.current_snapshot()) == as_bytes(tiny.read(head).snapshot)


def test_without_memory_a_seed_begins_anew(session: Session) -> None:
    play(session.write_from("The lamp"))
    first = session.passage
    play(session.write_from("The keeper"))
    assert session.passage is not first
    assert session.passage.text().startswith("The keeper")


def test_notices_come_before_the_text(session: Session) -> None:
    events = list(session.write_from("The Ω"))
    assert isinstance(events[0], Notice)
    assert [type(event) for event in events[1:-1]] == [Token] * 60


def test_an_empty_seed_writes(session: Session) -> None:
    play(session.write_from(""))
    assert len(session.passage.text()) == 60


def test_without_text_there_is_nothing_to_do(session: Session) -> None:
    for action in (
        session.continue_,
        session.retry,
        session.passage.undo,
        session.passage.redo,
        session.current_snapshot,
        lambda: session.branch(0),
    ):
        with pytest.raises(CommandError):
            action()
    assert next_logprobs(session) is None


# Models and passages ------------------------------------------------------------------------------------------------


def files(name: str) -> Model:
    return load(str(DATA / f"{name}.safetensors"))


def test_another_model_opens_a_new_passage_and_keeps_what_was_set(tiny: Model) -> None:
    session = Session(tiny, load_model=files)
    session.set("top_k", 5)
    play(session.write_from("The lamp"))
    session.switch_model("tiny-byte")
    assert (session.model.name, session.settings.top_k, session.settings.temperature) == ("tiny-byte", 5, 0.8)
    assert session.passage.nodes == []


def test_a_temperature_of_one_that_was_set_survives_another_model(tiny: Model) -> None:
    """1 is the default of all settings but not of this card, which says 0.8."""
    session = Session(tiny, load_model=files)
    session.set("temperature", 1.0)
    session.switch_model("tiny-byte")
    assert session.settings.temperature == 1.0


def test_a_model_that_cannot_be_opened_changes_nothing(tiny: Model) -> None:
    session = Session(tiny, load_model=files)
    play(session.write_from("The lamp"))
    passage = session.passage
    with pytest.raises(ModelError):
        session.switch_model("nowhere")
    assert (session.model, session.passage) == (tiny, passage)


def test_a_passage_of_another_model_is_read_again(session: Session, tiny: Model, tiny_bytes: Model) -> None:
    other = on(tiny_bytes)
    play(other.write_from("The lamp — "))
    text = other.passage.text()
    said = session.load_passage(StoredPassage(passage_json.from_json(passage_json.to_json(other.passage))))
    assert said is not None
    assert "reads it again" in said
    assert session.passage.text() == text
    assert as_bytes(session.current_snapshot()) == as_bytes(tiny.read(text).snapshot)
    play(session.continue_())
    assert session.passage.text().startswith(text)
    assert len(session.passage.text()) == len(text) + 60


def test_a_passage_of_the_same_model_goes_on_as_if_never_closed(session: Session, tiny: Model) -> None:
    play(session.write_from("The lamp"))
    reopened = on(tiny)
    assert reopened.load_passage(StoredPassage(passage_json.from_json(passage_json.to_json(session.passage)))) is None
    for each in (session, reopened):
        play(each.continue_())
    assert reopened.passage.text() == session.passage.text()


def test_the_summary_tells_temperature_length_dice_and_take(session: Session) -> None:
    play(session.write_from("The lamp"))
    assert session.passage.summary() == "T 1.00 · 60 characters · rng 7"
    session.set("temperature", 0.5)
    play(session.retry())
    assert session.passage.summary() == "T 0.50 · 60 characters · rng 7 · take 1 · version 2 of 2"


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time, in a list of one number. It goes on by a millisecond whenever the session looks at it."""
    now = [0.0]

    def look() -> float:
        now[0] += 0.001
        return now[0]

    for module in (session_module, recording):
        monkeypatch.setattr(module, "perf_counter", look)
    return now


def test_the_time_under_a_text_is_that_of_the_model(session: Session, clock: list[float]) -> None:
    """62 ms for 60 tokens and the end, one for the seed, one for its state. The pauses of a reader are not in it."""
    plain = []
    for chosen in (True, False):
        session.set("verbose", chosen)
        for event in session.write_from("The lamp"):
            clock[0] += 7.0 if isinstance(event, Token) else 0.0
        plain.append(session.summary())
    assert plain[0] == f"{plain[1]} · 0.064 s · 968 characters/s · first token after 3 ms"
    session.set("verbose", True)
    assert session.summary() == plain[0]
    play(session.continue_())
    assert session.summary().endswith("0.063 s · 968 characters/s · first token after 2 ms")
    session.passage.undo()
    assert session.summary() == session.passage.summary()  # another text than the one that was written last


@pytest.mark.parametrize(
    ("time", "characters", "line"),
    [
        (ModelTime(0.25, 0.01, 0.5), 12000, "0.75 s · 24,000 characters/s · first token after 260 ms"),
        (ModelTime(0.0, 0.00004, 0.021), 500, "0.021 s · 23,810 characters/s · first token after 0.04 ms"),
        (ModelTime(0.0, 0.0, 0.0), 0, "0 s"),
        (ModelTime(0.0, 0.1, 75.0), 7, "75 s · 0 characters/s · first token after 100 ms"),
    ],
)
def test_a_time_in_words(time: ModelTime, characters: int, line: str) -> None:
    assert time.describe(characters) == line


def test_without_an_rng_one_is_drawn_and_shown(tiny: Model) -> None:
    rngs = {Session(tiny).passage.rng for _ in range(5)}
    assert len(rngs) == 5
    assert all(0 <= rng < 2**32 for rng in rngs)


@pytest.mark.parametrize(
    ("lines", "finish"),
    [
        ([], "sentence"),
        (["/model names"], "sentence"),
        (["/finish off", "/model names"], "off"),
        (["/finish line", "/finish reset"], "sentence"),
        (["/finish line", "/preset wild"], "sentence"),
        (["/finish off", "/preset save exact", "/finish line", "/preset exact"], "off"),
    ],
)
def test_a_front_end_has_defaults_until_something_is_set(tiny: Model, lines: list[str], finish: str) -> None:
    session = Session(tiny, front_end_defaults=WATCHED_DEFAULTS)
    for line in lines:
        list(dispatch(session, line))
    assert session.settings.finish == finish
    assert Session(tiny).settings.finish == "off"


@pytest.mark.parametrize(("finish", "kept"), [(None, {}), ("off", {"finish": "off"}), ("line", {"finish": "line"})])
def test_a_preset_keeps_what_was_set_and_not_what_the_front_end_chose(
    tiny: Model, finish: str | None, kept: dict[str, str]
) -> None:
    session = Session(tiny, front_end_defaults=WATCHED_DEFAULTS)
    if finish:
        session.set("finish", finish)
    list(dispatch(session, "/preset save mine"))
    assert presets.load_all()["mine"] == {"temperature": 0.8} | kept


def test_a_passage_keeps_how_its_texts_end(tiny: Model) -> None:
    for kept in ("off", "line"):
        passage = Session(tiny, Settings(finish=kept)).passage
        stored = passage_json.from_json(passage_json.to_json(passage))
        session = Session(tiny, front_end_defaults=WATCHED_DEFAULTS)
        session.load_passage(StoredPassage(stored))
        assert session.settings.finish == kept


@pytest.mark.parametrize("finish", ["sentence", "line"])
def test_texts_that_run_on_to_an_end_are_one_long_text(tiny: Model, finish: str) -> None:
    """What was drawn after the end begins the next text, also after undo and redo, a branch, or the file."""
    ended, whole = (on(tiny, length=length, finish=how, rng=7) for length, how in ((60, finish), (400, "off")))
    play(whole.write_from("The lamp"))
    for _ in range(3):
        play(ended.continue_() if ended.passage.nodes else ended.write_from("The lamp"))
        assert whole.passage.text().startswith(ended.passage.text())
    pieces = [node.text() for node, _ in ended.passage.path()][1:]
    assert all(60 <= len(piece) <= 75 for piece in pieces)
    assert any(len(piece) > 60 for piece in pieces)
    reopened = on(tiny)
    reopened.load_passage(StoredPassage(passage_json.from_json(passage_json.to_json(ended.passage))))
    play(reopened.continue_())
    assert whole.passage.text().startswith(reopened.passage.text())


@pytest.mark.parametrize("name", ["tiny", "holmes"])
def test_a_seed_typed_after_an_end_follows_what_is_shown(name: str, tiny: Model) -> None:
    """What was drawn to see that the sentence ends is not read by the model either. The texts are no versions."""
    model = tiny if name == "tiny" else load(name)
    session = on(model, length=200, temperature=0.5, finish="sentence", memory=True)
    play(session.write_from("The lamp"))
    first = session.passage.cursor
    assert session.passage.tokens()[-1].text == ""
    play(session.write_from(" Then"))
    seed = session.passage.nodes[session.passage.cursor or 0].parent or 0
    shown = model.read("The lamp").snapshot
    shown = model.advance(shown, np.array([t.id for t in session.passage.nodes[1].tokens[:-1]], np.int64))
    assert as_bytes(session.snapshot_at(seed, 0)) == as_bytes(model.read(" Then", shown).snapshot)
    assert session.passage.versions() == [session.passage.cursor]
    session.passage.move_to(first or 0)
    assert session.passage.versions() == [first]


def test_the_default_is_the_models_own(session: Session) -> None:
    assert session.default_of("temperature") == 0.8
    assert session.default_of("top-p") == 1.0


# Long seeds ---------------------------------------------------------------------------------------------------------


def test_of_a_very_long_seed_the_end_is_read_and_that_is_said(tiny: Model) -> None:
    long = "The lamp. " * 2000
    reading = tiny.read(long)
    assert reading.notices == ["only the last 8,192 of 20,000 tokens were read; whole-seed reads all"]
    assert reading.snapshot.position == 20_000
    end = tiny.read(long[-8192:]).snapshot
    assert [a.tobytes() for a in reading.snapshot.state] == [a.tobytes() for a in end.state]


def test_a_whole_seed_is_read_with_progress(tiny: Model) -> None:
    session = on(tiny, whole_seed=True)
    events = list(session.write_from("The lamp. " * 2000))
    shares = [event.share for event in events if isinstance(event, PrefillProgress)]
    assert shares == [*(4096 * n / 20_000 for n in range(1, 5)), 1.0]
    assert not any(isinstance(event, Notice) for event in events)
    assert session.passage.nodes[0].start.position == 20_000  # type: ignore[union-attr]


def test_a_seed_that_is_stopped_before_it_is_read_changes_nothing(tiny: Model) -> None:
    session = on(tiny, whole_seed=True)
    play(session.write_from("The lamp"))
    text = session.passage.text()
    events = session.write_from("Good evening. " * 2000)
    assert isinstance(next(events), PrefillProgress)
    session.stop()
    with pytest.raises(CommandError, match="stopped before all was read"):
        next(events)
    assert session.passage.text() == text
    play(session.continue_())
    assert session.passage.text().startswith(text)


@pytest.mark.parametrize("size", [1e6, 0.01, 1e-45])
@pytest.mark.parametrize(
    "chosen",
    [{}, {"temperature": 0.0}, {"temperature": 5e-324}, {"top_p": 0.9, "typical": 0.5, "min_p": 0.1, "top_k": 9},
     {"repeat_penalty": 10.0, "frequency_penalty": 2.0, "dry_multiplier": 5.0, "surprise": 2.0}],
    ids=str,
)  # fmt: skip
def test_the_most_extreme_model_that_opens_can_be_played_with(
    size: float, chosen: dict[str, float], tiny: Model, tmp_path: Path
) -> None:
    """Its logits are up to a million million. Warnings are errors here: nothing overflows or is not a number."""
    save_extreme_model(tmp_path / "extreme.safetensors", tiny.file, size)
    session = on(load(str(tmp_path / "extreme.safetensors")), heat="surprise", **chosen)
    play(session.write_from("The lamp"))
    play(session.branch(5, 3))
    for index in (0, 5, 20, None):
        inspection = inspect_session(session, index)
        assert inspection
        assert np.isfinite([*inspection.effective_choices, inspection.cut_share]).all()
    assert all(heat_level(token, "surprise") is not None for token in session.passage.tokens())
    again = passage_json.to_json(session.passage)
    assert passage_json.to_json(passage_json.from_json(again)) == again
    state = session.model.dump_state(session.current_snapshot())
    assert session.model.dump_state(session.model.load_state(state)) == state
    assert np.isfinite(session.model.score("The lamp was lit.").perplexity_cold)
