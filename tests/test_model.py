"""A loaded model: reading seeds, and the plain calls for scripts."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from afterglow.core import load, sample
from afterglow.core.errors import SettingError, TextError
from afterglow.core.generation.stream import Snapshot
from afterglow.core.inference.runtime import StateArrays, Stepper
from afterglow.core.model import MAX_SEED_TOKENS, Model
from afterglow.core.sanitize import list_characters
from afterglow.core.session.session import Session
from afterglow.core.settings import Settings

LAMP = (Path(__file__).parent / "data" / "lamp.txt").read_text("utf-8")


def same(a: Snapshot, b: Snapshot) -> bool:
    return all(x.tobytes() == y.tobytes() for x, y in zip((a.logits, *a.state), (b.logits, *b.state), strict=True))


def test_the_plain_call_is_a_loop_over_the_streaming_call(tiny: Model) -> None:
    streamed = "".join(token.text for token in tiny.stream("The lamp", rng=7, length=80))
    assert tiny.generate("The lamp", rng=7, length=80) == streamed
    assert len(streamed) == 80


def test_a_script_and_a_session_write_the_same_text(tiny: Model) -> None:
    session = Session(tiny, tiny.settings.changed(rng=7, length=80))
    list(session.write_from("The lamp"))
    assert session.passage.text() == "The lamp" + tiny.generate("The lamp", rng=7, length=80)


def test_without_an_rng_every_text_is_another(tiny: Model) -> None:
    assert len({tiny.generate("The lamp", length=80, temperature=2.0) for _ in range(5)}) == 5


def test_the_cards_settings_are_the_models(tiny: Model) -> None:
    assert tiny.settings == Settings(temperature=0.8)
    assert next(iter(tiny.stream("The lamp", rng=1))).temperature == 0.8
    assert next(iter(tiny.stream("The lamp", rng=1, temperature=1.5))).temperature == 1.5


def test_a_bad_setting_is_said_at_the_call(tiny: Model) -> None:
    with pytest.raises(SettingError, match="temperature cannot be 9"):
        tiny.stream("The lamp", temperature=9)
    with pytest.raises(SettingError, match="no setting 'temprature'"):
        tiny.generate("The lamp", temprature=1)


def test_the_models_own_chances_can_be_sampled(tiny: Model) -> None:
    chances = tiny.distribution("The lamp")
    values = list(chances.values())
    assert values == sorted(values, reverse=True)
    assert sum(values) == pytest.approx(1)
    assert sample(values, 0.05, np.random.default_rng(1)) == 0


def test_an_empty_seed_begins_as_after_a_new_line(tiny: Model) -> None:
    assert same(tiny.read("").snapshot, tiny.read("\n").snapshot)
    assert tiny.generate("", rng=7, length=50) == tiny.generate("\n", rng=7, length=50)
    behind = tiny.read("The lamp").snapshot
    assert tiny.read("", behind).snapshot.position == behind.position  # but nothing is read where text goes on


def test_reading_in_two_pieces_is_reading_once(tiny: Model, tiny_bytes: Model) -> None:
    for model in (tiny, tiny_bytes):
        once = model.read("The keeper of the lamp").snapshot
        twice = model.read(" of the lamp", model.read("The keeper").snapshot).snapshot
        assert same(once, twice)
        assert once.position == twice.position
        assert once.history.recent(99).tolist() == twice.history.recent(99).tolist()


def test_unseen_characters_are_said_once_and_read_as_the_stand_in(tiny: Model) -> None:
    reading = tiny.read("The Ω lamp Ω ж")
    assert len(reading.notices) == 1
    assert "has never seen Ω ж: read as ' '" in reading.notices[0]
    assert same(reading.snapshot, tiny.read("The   lamp    ").snapshot)


def test_a_space_that_a_model_lacks_is_shown() -> None:
    assert list_characters(" \n\u00e9x", most=3) == "␣ \\n é and 1 more"


def test_many_unseen_characters_and_unprintable_ones_stay_one_line(tiny: Model) -> None:
    (notice,) = tiny.read("".join(chr(0x400 + n) for n in range(30))).notices
    assert notice.count("Ѐ") == 1
    assert "and 20 more" in notice
    (notice,) = tiny.read("\x1b[31m\u2028\r").notices
    assert notice.isprintable()


def test_a_text_that_is_covered_needs_no_notice(tiny: Model, tiny_bytes: Model) -> None:
    assert tiny.read(LAMP[:300]).notices == []
    assert tiny_bytes.read("Ω 🔥 é").notices == []


def test_of_a_very_long_seed_the_end_is_read_and_that_is_said(tiny: Model) -> None:
    seed = (LAMP * 4)[:20_000]
    reading = tiny.read(seed)
    assert reading.notices == ["only the last 8,192 of 20,000 tokens were read; whole-seed reads all"]
    assert same(reading.snapshot, tiny.read(seed[-MAX_SEED_TOKENS:]).snapshot)
    assert reading.snapshot.position == 20_000


def test_the_whole_of_a_long_seed_is_read_when_asked_for(tiny: Model) -> None:
    seed = ("The lamp. " * 1_000)[: MAX_SEED_TOKENS + 100]
    reading = tiny.read(seed, whole=True)
    assert reading.notices == []
    assert same(reading.snapshot, tiny.read(seed[100:], tiny.read(seed[:100]).snapshot).snapshot)


def test_a_seed_of_exactly_the_limit_is_read_whole(tiny: Model) -> None:
    assert tiny.read("a" * MAX_SEED_TOKENS).notices == []


def test_a_text_is_scored_under_both_protocols(tiny: Model) -> None:
    heard: list[float] = []
    score = tiny.score(LAMP[:600], heard.append)
    assert score.characters == 600
    assert 0 < score.nats_per_char_stateful < 1.5  # it knows the story by heart
    assert heard == sorted(heard)
    with pytest.raises(TextError, match="nothing to score"):
        tiny.score("a")


def test_another_runtime_can_be_put_in(tiny: Model) -> None:
    class Counting:
        """The runtime that counts its steppers."""

        count = 0

        def __getattr__(self, name: str) -> object:
            return getattr(tiny.runtime, name)

        def stepper(self, state: StateArrays, exclusive: bool = True) -> Stepper:
            self.count += 1
            return tiny.runtime.stepper(state, exclusive)

    counting = Counting()
    path = Path(__file__).parent / "data" / "tiny-char.safetensors"
    model = load(str(path), make_runtime=lambda _: counting)
    assert model.generate("The lamp", rng=7, length=10) == tiny.generate("The lamp", rng=7, length=10)
    assert counting.count > 0


def test_chances_over_bytes_sum_to_one_too(tiny_bytes: Model) -> None:
    chances = tiny_bytes.distribution("The lamp")
    assert sum(chances.values()) == pytest.approx(1)
    assert list(chances.values()) == sorted(chances.values(), reverse=True)


def test_score_gives_the_surprise_of_every_token_but_the_first(tiny: Model) -> None:
    text = "The lamp burned"
    found = tiny.score(text)
    assert found.surprise.shape == (len(text) - 1,)
    assert found.surprise.mean() == pytest.approx(found.bits_per_char_stateful)
    for at in (1, 5, 9):
        assert 2 ** -found.surprise[at - 1] == pytest.approx(tiny.distribution(text[:at])[text[at]], rel=1e-6)
