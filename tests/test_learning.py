"""Learning from what a person types: which of it, how well, and what stays exact."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from afterglow.core.commands.actions import list_models
from afterglow.core.commands.registry import dispatch
from afterglow.core.errors import CommandError, UsageError
from afterglow.core.events import Notice
from afterglow.core.inference.model_card import Card
from afterglow.core.inference.model_file import Architecture, ModelFile
from afterglow.core.learning import dynamic_evaluation
from afterglow.core.learning.dynamic_evaluation import SEGMENT, DynamicEvaluation
from afterglow.core.learning.learning_model import LearningModel
from afterglow.core.learning.own_words import SeenTexts
from afterglow.core.learning.parameters import Parameters, from_file, to_tensors
from afterglow.core.model import Model, load
from afterglow.core.session.session import Session
from afterglow.core.settings import Settings
from afterglow.core.text.tokenizer import ByteTokenizer, CharTokenizer, Tokenizer, from_header
from afterglow.repl.line.script import run_script
from afterglow.repl.tui.app import AfterglowApp

from .conftest import DATA
from .tui_helpers import SIZE, play, status_text, until

LETTERS = "abcdefghijklmnopqrstuvwxyz .\n"
ODD = "zyx wvu zyx. wvu zyx wvu wvu. zyx zyx wvu. "
"""A text that no untrained model expects."""


def make_model(tokenizer: Tokenizer, name: str = "small", rng: int = 1) -> Model:
    """Return a model with random weights."""
    architecture = Architecture(vocabulary=tokenizer.size, embedding=6, layers=2, width=12)
    parameters = Parameters(architecture)
    parameters.flat[:] = np.random.default_rng(rng).normal(0, 0.2, len(parameters.flat))
    return Model(name, ModelFile(architecture, tokenizer, Card(), to_tensors(parameters)).with_sha256())


@pytest.fixture(scope="module")
def small() -> Model:
    return make_model(CharTokenizer(list(LETTERS)))


@pytest.fixture
def session(small: Model) -> Session:
    return Session(small, Settings(rng=3, length=30))


def run(session: Session, *lines: str) -> list[str]:
    """Run lines, each after all before it is learned. Return the notices."""
    notices = []
    for line in lines:
        for effect in dispatch(session, line):
            if isinstance(effect, Notice):
                notices.append(effect.text)
            for each in getattr(effect, "plays", ()):
                notices += [event.text for event in each.events if isinstance(event, Notice)]
        session.listener.finish()
    return notices


def learned_characters(session: Session) -> int:
    found = re.search(r"learned ([\d,]+) char", run(session, "/learn")[0])
    return int(found[1].replace(",", "")) if found else 0


# What is learned ----------------------------------------------------------------------------------------------------


TOKENIZERS: dict[str, Tokenizer] = {
    "char": CharTokenizer(list(LETTERS)),
    "byte": ByteTokenizer(),
    "bpe": from_header({"kind": "bpe", "merges": [[122, 121], [256, 120], [119, 118], [258, 117]]}),
    "word": from_header({"kind": "word", "words": ["zyx", " zyx", " wvu"]}),
}


@pytest.mark.parametrize("kind", TOKENIZERS)
def test_a_learned_text_is_predicted_better_than_by_the_parent(kind: str) -> None:
    parent = make_model(TOKENIZERS[kind])
    learning = LearningModel(parent)
    figures = learning.learn(8 * ODD)
    assert figures.characters == len(8 * ODD)
    assert figures.bits < figures.bits_before
    # What is played is the int8 model.
    after, before = (model.score(ODD).bits_per_char_stateful for model in (learning.latest, parent))
    assert after < before
    assert figures.bits_before == pytest.approx(parent.score("\n" + 8 * ODD).bits_per_char_stateful, rel=0.02)


@pytest.mark.parametrize("kind", TOKENIZERS)
def test_any_text_can_be_learned_or_a_part_of_it(kind: str) -> None:
    learning = LearningModel(make_model(TOKENIZERS[kind]))
    for text in ("", "a", "\ud800x", "e\u0301 👩\u200d👧 zyx", "中文字", "\x00\x1b[31m", "x\r\ny"):
        figures = learning.learn(text)
        assert figures.characters + figures.unknown == len(text)
        part = learning.learn(text, np.arange(len(text)) % 2 == 0)
        assert part.characters + part.unknown <= (len(text) + 1) // 2
    assert np.isfinite(learning.prepare().weights.flat).all()


def test_each_piece_is_scored_before_it_is_learned(small: Model) -> None:
    """The losses of the first segment are the parent's own; so are all of them if nothing is learned."""
    ids = small.tokenizer.encode(3 * ODD)
    weights = DynamicEvaluation(small)
    unlearned = np.concatenate(list(weights.read(ids, np.zeros(len(ids), bool))))
    losses = np.concatenate(list(weights.read(ids, np.ones(len(ids), bool))))
    assert losses[:SEGMENT].tolist() == unlearned[:SEGMENT].tolist()
    assert losses[SEGMENT:].mean() < unlearned[SEGMENT:].mean()


def test_weights_go_back_towards_the_parent(small: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dynamic_evaluation, "RATE", 0.0)
    evaluation, parent = DynamicEvaluation(small), from_file(small.file)
    evaluation.weights.flat += 1
    ids = small.tokenizer.encode(ODD)
    list(evaluation.read(ids, np.ones(len(ids), bool)))
    distance = evaluation.weights.flat - parent.flat
    assert distance.min() >= 0
    assert distance.max() <= 1.001
    assert distance.mean() < 1


def test_without_text_the_weights_stay_and_nothing_is_made(small: Model) -> None:
    learning = LearningModel(small)
    learning.learn("")
    assert learning.latest is small
    assert learning.figures.characters == 0


def test_int8_weights_come_back_from_float_unchanged(small: Model, tiny: Model) -> None:
    for model in (small, tiny):
        tensors = to_tensors(from_file(model.file))
        assert tensors.keys() == {name for name in model.file.tensors if name in model.file.architecture.tensor_specs()}
        for name in ("lstm.0.weight_hh", "projection.weight", "embedding.weight"):
            scale = f"{name.rpartition('.')[0]}.scale"
            ours = tensors[name] * tensors[scale][:, None]
            theirs = model.file.tensors[name] * model.file.tensors[scale][:, None]
            np.testing.assert_allclose(ours, theirs, atol=1.01 * float(tensors[scale].max()) / 2)


def test_unknown_characters_are_counted_and_not_learned(session: Session) -> None:
    run(session, "/learn on", "zyx ÄÖÜ wvu")
    assert learned_characters(session) == 8
    assert "3 were not learned: small has no tokens for them" in run(session, "/learn")[0]


# Whose words they are -----------------------------------------------------------------------------------------------


def test_only_what_was_not_there_before_is_new() -> None:
    seen = SeenTexts()
    seen.add("the model wrote all of this")
    is_new = seen.find_new("I say: the model wrote all of this, do I?")
    assert "".join(c for c, new in zip("I say: the model wrote all of this, do I?", is_new, strict=True) if new) == (
        "I say: , do I?"
    )


def test_the_models_own_words_are_not_learned_from_a_seed_that_repeats_them(session: Session) -> None:
    run(session, "/learn on", "zyx wvu")
    own = session.passage.text()[7:]
    assert len(own) == 30
    assert learned_characters(session) == 7
    run(session, f"abc {own}")
    assert learned_characters(session) == 7 + 4
    run(session, "/new", own, f"cba.{own}")
    assert learned_characters(session) == 7 + 4 + 4
    latest = session.passage.text()[-30:]
    run(session, "/new", latest)
    assert learned_characters(session) == 7 + 4 + 4


def test_an_edit_is_learned_and_the_text_around_it_is_not(session: Session) -> None:
    run(session, "/learn on", "zyx wvu zyx wvu")
    before = learned_characters(session)
    text = session.passage.text()
    for _ in session.rewrite(text[:20] + " zzyyxx zzyyxx zzyyxx " + text[20:]):
        pass
    session.listener.finish()
    # The edges of an edit may look like the text beside it by chance, by a character or two.
    assert learned_characters(session) - before in (20, 21, 22)


def test_a_seed_that_is_typed_again_is_learned_once(session: Session) -> None:
    run(session, "/learn on", "zyx wvu zyx wvu zyx", "zyx wvu zyx wvu zyx")
    assert learned_characters(session) == 19


def test_what_is_typed_while_it_is_off_is_not_learned(session: Session) -> None:
    run(session, "zyx wvu", "/learn on", "/learn off", "wvu zyx wvu", "/learn on")
    assert learned_characters(session) == 0


# A session that learns ----------------------------------------------------------------------------------------------


def test_a_passage_is_written_by_one_model_and_the_next_one_by_what_was_learned(session: Session, small: Model) -> None:
    run(session, "/learn on", ODD)
    first = session.passage
    assert session.model is small
    assert first.model_sha256 == small.file.sha256
    run(session, "/retry", "")
    assert session.passage is first
    assert session.model is small
    run(session, "wvu zyx")
    assert session.model.name == f"small+{len(ODD)}"
    assert session.passage.model_sha256 == session.model.file.sha256 != small.file.sha256


def test_undo_and_replay_are_exact_in_a_learned_state(session: Session) -> None:
    run(session, "/learn on", ODD, "wvu zyx")
    learned = session.model
    tokens = [token.logprob for token in session.passage.tokens()]
    run(session, "/retry", "/retry", "/undo", "/redo", "/version -1", "/version -1")
    assert [token.logprob for token in session.passage.tokens()] == tokens
    written = "".join(token.text for token in session.passage.tokens())
    assert Session(learned, Settings(rng=3, length=30)).model.generate("wvu zyx", rng=3, length=30) == written


def test_a_passage_of_an_earlier_state_is_opened_with_it(session: Session) -> None:
    run(session, "/learn on", ODD, "wvu zyx", "/save first")
    first = session.model
    run(session, 3 * "zzyyxx wwvvuu ", "zzyyxx")
    assert session.model is not first
    notices = run(session, "/open first")
    assert session.model is first
    assert not any("another model" in notice for notice in notices)
    run(session, "/new")
    assert session.model.name != first.name


def test_in_another_session_the_parent_reads_its_passages_again(session: Session, small: Model) -> None:
    run(session, "/learn on", ODD, "wvu zyx", "/save mine")
    text = session.passage.text()
    other = Session(small, Settings(rng=3, length=30))
    assert run(other, "/open mine") == [
        f"this passage was written with another model, small+{len(ODD)}; small reads it again"
    ]
    assert other.passage.text() == text


def test_the_parent_and_the_last_eight_states_are_kept(small: Model) -> None:
    states = [make_model(small.tokenizer, f"small+{rng}", rng) for rng in range(2, 12)]
    learning = LearningModel(small)
    for state in (*states, states[3]):
        learning.take_up(state)
    kept = [model.name for model in learning.states.values()]
    assert kept == ["small", *(state.name for state in (*states[2:3], *states[4:], states[3]))]


def test_a_text_goes_on_as_the_model_that_has_learned_and_the_old_passage_stays(session: Session) -> None:
    run(session, "/learn on", ODD, "/retry")
    first, text = session.passage, session.passage.text()
    run(session, "/learn use")
    assert session.model.name == f"small+{len(ODD)}"
    assert (session.passage.text(), session.passage.model_sha256) == (text, session.model.file.sha256)
    assert session.passage is not first
    assert first.model_sha256 != session.model.file.sha256
    run(session, "/continue", "/undo", "/version -1")
    assert len(session.passage.nodes) == 4
    with pytest.raises(CommandError, match="nothing was learned since"):
        run(session, "/learn use")


def test_forgetting_goes_back_to_the_parent(session: Session, small: Model) -> None:
    run(session, "/learn on", ODD, "wvu zyx")
    assert session.model is not small
    assert run(session, "/learn forget") == [
        f"{len(ODD) + 7} characters of yours are forgotten; the next seed or /new begins with small"
    ]
    run(session, "/new")
    assert session.model is small
    assert learned_characters(session) == 0


def test_learning_stays_in_use_after_off(session: Session) -> None:
    run(session, "/learn on", ODD, "/learn off", "wvu zyx")
    assert session.model.name == f"small+{len(ODD)}"


def test_each_model_learns_for_itself(small: Model, tiny: Model) -> None:
    models = {"small": small, "tiny": tiny}
    session = Session(small, Settings(rng=3, length=30), load_model=models.__getitem__)
    run(session, "/learn on", ODD, "/model tiny", "The lamp is lit.", "/model small")
    assert session.model.name == f"small+{len(ODD)}"
    run(session, "/model tiny")
    assert session.model.name == "tiny-char+16"


def test_what_is_saved_is_a_model_whose_card_says_what_it_is(session: Session, home: Path) -> None:
    run(session, "/learn on", ODD)
    (notice,) = run(session, "/learn save me")
    assert notice.startswith(f"saved: {home / 'models' / 'me.safetensors'}")
    model = load("me")
    card = model.file.card
    assert (card.parent, card.learned_characters) == ("small", len(ODD))
    assert card.nats_per_char_while_learning is not None
    assert f"small · learned {len(ODD)} characters · {card.made}" in dict(list_models())["me"]
    run(session, "/new")
    assert model.file.sha256 == session.model.file.sha256
    with pytest.raises(CommandError, match="there is a model 'me' already"):
        run(session, "/learn save me")
    run(session, "/learn! save me")


def test_visitors_learn_in_memory_and_save_nothing(
    session: Session, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AFTERGLOW_VISITOR", "1")
    run(session, "/learn on", ODD, "/new")
    assert session.model.name == f"small+{len(ODD)}"
    with pytest.raises(CommandError, match="visitors cannot save"):
        run(session, "/learn save me")
    assert list(home.rglob("*.safetensors")) == []


@pytest.mark.parametrize("line", ["/learn maybe", "/learn save", "/learn on now"])
def test_a_wrong_word_is_refused(session: Session, line: str) -> None:
    with pytest.raises(CommandError, match="/learn"):
        run(session, line)


@pytest.mark.parametrize("line", ["/learn off", "/learn use", "/learn forget", "/learn save me"])
def test_before_it_is_on_there_is_nothing_to_end_or_save(session: Session, line: str) -> None:
    with pytest.raises(CommandError, match="nothing is learned"):
        run(session, line)


def test_a_mixture_does_not_learn_and_writes_on(session: Session, small: Model, tiny: Model, home: Path) -> None:
    for name, model in (("small", small), ("tiny", tiny)):
        model.file.save(home / "models" / f"{name}.safetensors")
    run(session, "/learn on", "zyx wvu", "/model small + tiny", "zyx wvu zyx")
    assert len(session.passage.text()) == 11 + 30
    assert run(session, "/learn") == ["learning is on; small:1 + tiny:1 is a mixture, and learns nothing"]
    with pytest.raises(UsageError, match="is a mixture, and has no weights"):
        run(session, "/learn on")


def test_a_script_that_learns_writes_the_same_each_time(small: Model, capsys: pytest.CaptureFixture[str]) -> None:
    outputs = []
    for _ in range(2):
        assert run_script(Session(small, Settings(rng=3, length=30)), ["/learn on", ODD, "wvu zyx", "/learn"]) == 0
        outputs.append(capsys.readouterr())
    assert outputs[0] == outputs[1]
    assert f"learned {len(ODD) + 7} characters of yours: " in outputs[0].err


async def test_the_full_screen_shows_what_was_learned(app: AfterglowApp) -> None:
    async with app.run_test(size=SIZE) as pilot:
        await play(pilot, "/learn on")
        await play(pilot, "the moth is odd.")
        await until(pilot, lambda: "learned 16: " in status_text(app))
        assert re.search(r"learned 16: \d\.\d\d → \d\.\d\d bits", status_text(app))


def test_a_failure_in_the_thread_is_shown(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise MemoryError

    run(session, "/learn on")
    session.listener.finish()
    monkeypatch.setattr(LearningModel, "learn", fail)
    with pytest.raises(CommandError, match="needs more memory than is free"):
        run(session, "zyx wvu")


def test_a_failure_in_the_thread_does_not_end_a_script(
    session: Session, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr(LearningModel, "learn", fail)
    assert run_script(session, ["/learn on", "zyx wvu", "/learn off"]) == CommandError.exit_code
    assert "needs more memory than is free" in (err := capsys.readouterr().err)
    assert err.endswith("/learn forget undoes it\n")


def test_the_program_ends_while_a_long_text_is_being_learned() -> None:
    """It ends in good order, and does not learn to the end first."""
    program = """
import atexit, sys
from afterglow.core.learning.background import BackgroundLearner
from afterglow.core.model import load
learner, model = BackgroundLearner(), load(sys.argv[1])
learner.learn(5_000 * "The lamp. ", model, lambda: ())
atexit.register(lambda: print(learner.find(model).figures.characters))
"""
    command = [sys.executable, "-c", program, str(DATA / "tiny-char.safetensors")]
    ended = subprocess.run(command, capture_output=True, timeout=120, check=False)  # noqa: S603
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, b"0\n", b"")


def test_discord_does_not_learn() -> None:
    """Discord's Developer Policy forbids it."""
    pytest.importorskip("discord")
    from afterglow.bot.command_table import BOT_COMMANDS

    assert "learn" not in BOT_COMMANDS
