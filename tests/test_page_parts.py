"""The parts of the page's engine against the terminal's: random numbers, arithmetic, tokenizers, filters, passages."""

from __future__ import annotations

import json
import random
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from afterglow.core.events import Event, Token
from afterglow.core.inference.kernel import KERNEL
from afterglow.core.model import Model, load
from afterglow.core.sampling.logit_bias import logit_bias
from afterglow.core.sampling.rng import PositionRNG
from afterglow.core.sampling.sampler import SamplerChain, draw, token_stats
from afterglow.core.session.session import Session
from afterglow.core.settings import SPECS, SamplingSettings, Settings, settings_from_dict
from afterglow.core.text.subwords import BpeTokenizer, WordTokenizer, pretokenize
from afterglow.core.text.tokenizer import ByteTokenizer, CharTokenizer, Tokenizer

from .conftest import DATA
from .page_helpers import needs_node, run_page

pytestmark = needs_node


def test_random_numbers_are_the_terminal_s() -> None:
    places = [(rng, take, at) for rng in (0, 7, 2**32 - 1) for take in (0, 1000) for at in (0, 3, 4, 5, 255, 10**9 + 1)]
    [found] = run_page({"do": "uniforms", "places": places})
    assert found == [PositionRNG(rng, take).uniform(at) for rng, take, at in places]


HALFWAY_CASES = [
    (sign * (1 + 2.0**-k) * half, 1 - 2.0**-k, c)
    for k in range(27, 40)
    for half, c in ((2.0**-53, 1.0), (2.0**-53, 1 + 2.0**-52), (-(2.0**-54), 1.0), (-(2.0**-54), 1 - 2.0**-53))
    for sign in (1, -1)
]
"""Products just below half a unit of c, so that a b + c is next to the middle of two float64 numbers."""


def test_a_product_and_a_sum_are_rounded_once() -> None:
    rng = random.Random(3)
    cases = [tuple(rng.gauss(0, 1) * 2 ** rng.randint(-40, 40) for _ in range(3)) for _ in range(2000)]
    cases += [(a, b, -a * b) for a, b, _ in cases[:200]]
    cases += HALFWAY_CASES
    [found] = run_page({"do": "fma", "values": cases})
    assert list(map(float, found)) == [float(Fraction(a) * Fraction(b) + Fraction(c)) for a, b, c in cases]


@pytest.mark.skipif(KERNEL is None, reason="without the kernel, numpy's exp is used")
def test_an_exponential_is_the_kernel_s_bit_for_bit() -> None:
    """Of the logits x and 0 the kernel draws the first if e^x exceeds a uniform number times the sum of both."""
    values = [*np.random.default_rng(5).uniform(-40, -0.01, 300).tolist(), -1e-9, -700.5, -744.0]
    compared = 0
    for x, weight in zip(values, run_page({"do": "exp", "values": values})[0], strict=True):
        uniforms = [_factor(product, 1 + weight) for product in (weight, float(np.nextafter(weight, 0)))]
        if None not in uniforms:
            assert draw(np.array([[x, 0.0]] * 2), np.array(uniforms)[:, None]).tolist() == [1, 0]
            compared += 1
    assert compared > 200


def _factor(product: float, total: float) -> float | None:
    """Return a number whose product with ``total``, rounded, is ``product``; None if there is none."""
    near = product / total
    around = [near, *(float(np.nextafter(near, end)) for end in (-1, 1))]
    return next((factor for factor in around if factor * total == product), None)


WORDS = ["the", "of", "and", "a", "to", "in", "is", "was", "it's", "lamp's"]

TEXTS = [
    "",
    "It's the lamp's light, isn't it? 1234 — “so”...\n\n\tAnd_then\u3000日本語のテキスト\n",
    "naïve café ﬁ ½ ² Ⅷ ٣ e\u0301 \x1c\x85\u200b\ufeff x\ud800y \U0001f600 𝔘𝔫𝔦",
    "the the thee of  of\n and" + " a" * 70 + "z" * 130,
]


def _tokenizers() -> list[Tokenizer]:
    merges = [(32, 116), (104, 101), (256, 257), (97, 110), (259, 100), (101, 101), (226, 128), (195, 169), (116, 104)]
    return [
        ByteTokenizer(),
        CharTokenizer(sorted(set(TEXTS[1]))),
        CharTokenizer([*"ab \ufffd"], has_stand_in=True),
        BpeTokenizer(merges),
        WordTokenizer([f" {word}" for word in WORDS] + ["日本語のテキスト", "\n\n"]),
    ]


@pytest.mark.parametrize("tokenizer", _tokenizers(), ids=lambda tokenizer: tokenizer.kind)
def test_a_tokenizer_reads_and_writes_as_in_the_terminal(tokenizer: Tokenizer) -> None:
    rng = random.Random(1)
    ids = [
        rng.choice([rng.randrange(tokenizer.size), 0xE2 % tokenizer.size, 0x80 % tokenizer.size]) for _ in range(400)
    ]
    header = tokenizer.header()
    encoded, decoded = run_page(
        {"do": "encode", "tokenizer": header, "texts": TEXTS}, {"do": "decode", "tokenizer": header, "ids": ids}
    )
    for text, (found, unknown, back) in zip(TEXTS, encoded, strict=True):
        assert found == tokenizer.encode(text).tolist()
        assert unknown == tokenizer.unknown_characters(text)
        assert back == tokenizer.decode(found)
    decoder = tokenizer.decoder()
    assert decoded == [[[decoder.push(id_), list(decoder.remainder)] for id_ in ids], tokenizer.decode(ids)]


@pytest.mark.slow
def test_every_character_is_a_letter_a_digit_or_a_space_as_in_the_terminal() -> None:
    """Characters that only the Unicode of node or of Python knows are left out: those that Python does not name."""
    known = [c for c in map(chr, range(0x20000)) if unicodedata.category(c) not in ("Cn", "Cs", "Co")]
    text = "".join(f"{c}a1{c}-\n" for c in known)
    words = list(dict.fromkeys(pretoken for pretoken in pretokenize(text) if len(pretoken.encode()) > 1))
    tokenizer = WordTokenizer(words)
    [[[found, *_]]] = run_page({"do": "encode", "tokenizer": tokenizer.header(), "texts": [text]})
    assert found == tokenizer.encode(text).tolist()


@dataclass
class Row:
    """A row's past, for the terminal's chain."""

    ids: list[int]
    bound: float
    bias: np.ndarray | None

    def recent(self, n: int) -> np.ndarray:
        return np.array(self.ids[-n:] if n else [], np.int32)

    def surprise_bound(self) -> float:
        return self.bound

    def logit_bias(self) -> np.ndarray | None:
        return self.bias


RANDOM_VALUES: dict[str, Callable[[random.Random], Any]] = {
    "temperature": lambda rng: rng.choice([0.0, 0.004, 0.5, 1.0, 1.7]),
    "ban": lambda rng: rng.sample("abcdefgh", 3),
    "bias": lambda rng: {rng.choice("abcdefgh"): rng.uniform(-9, 9)},
    "top_k": lambda rng: rng.randint(1, 20),
    "top_p": lambda rng: rng.random(),
    "min_p": lambda rng: rng.random() ** 3,
    "typical": lambda rng: rng.random(),
    "repeat_penalty": lambda rng: rng.uniform(0.5, 3),
    "repeat_last_n": lambda rng: rng.randint(0, 30),
    "frequency_penalty": lambda rng: rng.uniform(-2, 2),
    "presence_penalty": lambda rng: rng.uniform(-2, 2),
    "dry_multiplier": lambda rng: rng.uniform(0, 3),
    "dry_allowed_length": lambda rng: rng.randint(1, 3),
    "dry_penalty_last_n": lambda rng: rng.choice([-1, 0, 12]),
    "surprise": lambda rng: rng.uniform(1, 6),
}


def test_every_filter_and_every_mix_of_them_gives_the_terminal_s_logits() -> None:
    rng, tokenizer = random.Random(11), CharTokenizer(list("abcdefghijklmnopqr :*\n"))
    mixes = [[name] for name in RANDOM_VALUES] + [rng.sample(sorted(RANDOM_VALUES), 5) for _ in range(60)]
    cases = [
        {
            "logits": [float(np.float32(rng.choice([rng.gauss(0, 4), 1.5]))) for _ in range(tokenizer.size)],
            "settings": {name: RANDOM_VALUES[name](rng) for name in mix},
            "ids": rng.choices(range(5), k=40) + [18] * (rng.random() < 0.3) + rng.choices(range(3), k=9),
            "bound": rng.uniform(1, 6),
            "uniform": rng.random(),
        }
        for mix in mixes
    ]
    [found] = run_page({"do": "chain", "tokenizer": tokenizer.header(), "cases": cases})
    for case, result in zip(cases, found, strict=True):
        _assert_same_draw(tokenizer, case, result)


def _assert_same_draw(tokenizer: Tokenizer, case: dict[str, Any], found: dict[str, Any]) -> None:
    settings = settings_from_dict(case["settings"])
    raw, temperature = np.array([case["logits"]]), np.array([[settings.temperature_at(0)]])
    breakers = [int(tokenizer.encode(text)[0]) for text in ("\n", ":", "*")]
    row = Row(case["ids"], case["bound"], logit_bias(tokenizer, settings).values)
    if settings.dry_penalty_last_n < 0:
        settings = settings.changed(dry_penalty_last_n=8192)
    shaped = SamplerChain([settings.sampling()], [breakers]).apply(raw, temperature, [row])
    ids = draw(shaped, np.array([[case["uniform"]]]))
    stats = [float(column[0]) for column in token_stats(raw, shaped, ids)]
    page = np.array([[-np.inf if x == "-inf" else x for x in found["logits"]]])
    assert np.isneginf(page).tolist() == np.isneginf(shaped).tolist(), case["settings"]
    assert np.allclose(page, shaped, 1e-13, 0), case["settings"]
    assert found["id"] == ids[0]
    assert [found[name] for name in ("logprob", "shaped", "rank", "entropy")] == pytest.approx(
        stats, rel=1e-12, abs=1e-15
    )


def test_defaults_are_the_terminal_s() -> None:
    [found] = run_page({"do": "defaults"})
    expected = {f.name: SPECS[f.name].kind.to_json(SPECS[f.name].default) for f in fields(SamplingSettings)}
    assert found == {**json.loads(json.dumps(expected)), "style": [], "bias": []}


SHORT: dict[str, Any] = {"length": 40}
STEPS: list[list[Any]] = [
    ["seed", "The lamp", False],
    ["write", SHORT],
    ["retry", SHORT],
    ["undo"],
    ["redo"],
    ["branch", SHORT, 10, None],
    ["branch", {**SHORT, "temperature": 1.4}, 5, 7],
    ["undo"],
    ["write", {"length": 160, "surprise": 2.0}],
    ["branch", {"length": 100, "surprise": 2.0}, 150, None],
    ["write", {"length": 60, "finish": "sentence"}],
    ["write", {"length": 30, "stop": ["th", "zz"]}],
    ["write", {"length": 50, "stop": ["lamp that"]}, 21],
    ["write", SHORT],
    ["seed", " and then", True],
    ["retry", SHORT],
    ["change", {"length": 90}, 30, {"length": 90, "temperature": "0.5..1.5", "surprise": 2.2}],
    ["branch", {"length": 20, "surprise": 2.2}, 3, None],
    ["moveTo", 1],
    ["write", {"length": 100, "surprise": 2.0, "temperature": "0.4..1.8"}],
    ["branch", {"length": 20, "surprise": 2.0}, 110, None],
    ["seed", "A new one", False],
    ["write", {"length": 70, "finish": "line"}],
    ["write", SHORT],
]


STYLED: dict[str, Any] = {"length": 150, "style": "off..eve"}
STYLED_STEPS: list[list[Any]] = [
    ["seed", "The lamp", False],
    ["write", STYLED],
    ["branch", STYLED, 100, None],
    ["write", SHORT],
    ["change", {"length": 90, "style": "ann"}, 30, {"length": 90, "style": "bob", "style_strength": 2.0}],
    ["branch", {"length": 20, "style": "bob"}, 160, 7],
]


@pytest.mark.parametrize("name", ["tiny-char", "tiny-byte"])
def test_a_passage_goes_the_way_of_a_session(name: str) -> None:
    assert_goes_the_way_of_a_session(DATA / f"{name}.safetensors", STEPS)


def test_a_passage_in_styles_goes_the_way_of_a_session(styled: Model, tmp_path: Path) -> None:
    styled.file.save(tmp_path / "styled.safetensors")
    assert_goes_the_way_of_a_session(tmp_path / "styled.safetensors", STYLED_STEPS)


RAMP: dict[str, Any] = {"length": 150, "temperature": "0.4..1.6", "surprise": 2.0, "style": "off..eve"}


@pytest.mark.parametrize("settings", [RAMP, {**RAMP, "style_strength": 2.0, "finish": "sentence", "stop": ["zz"]}])
def test_a_place_inside_a_text_is_computed_as_it_was(settings: dict[str, Any], styled: Model, tmp_path: Path) -> None:
    styled.file.save(tmp_path / "styled.safetensors")
    call = {"do": "differences", "model": str(tmp_path / "styled.safetensors"), "fast": True, "seed": "The lamp"}
    change = {"after": 70, "settings": {**settings, "style": "ann", "surprise": 3.0}}
    assert run_page({**call, "rng": 5, "settings": settings, "change": change}) == [[]]


def assert_goes_the_way_of_a_session(path: Path, steps: list[list[Any]]) -> None:
    session = Session(load(str(path)), Settings(rng=5))
    [found] = run_page({"do": "passage", "model": str(path), "fast": True, "rng": 5, "steps": steps})
    for number, (step, (text, cursor, takes, versions)) in enumerate(zip(steps, found, strict=True)):
        take_step(session, *step)
        # In the page a new seed is another beginning of the same tree; in the terminal it begins a passage.
        passage = session.passage
        before = len(takes) - len(passage.nodes)
        assert text == passage.text(), f"step {number}: {step}"
        assert cursor == before + (passage.cursor or 0)
        assert takes[before:] == [node.take for node in passage.nodes]
        assert [index - before for index in versions if index >= before] == passage.versions()


def take_step(session: Session, name: str, *values: Any) -> None:
    """Do in a session what a step of ``page_engine.mjs`` does in a passage."""
    match name, values:
        case "seed", (seed, append):
            seed_alone(session, seed, append)
        case "undo" | "redo", ():
            getattr(session.passage, name)()
        case "moveTo", (index,):
            session.go_to(index)
        case "change", (settings, count, others):
            write_out(session, session.continue_, settings, count, others)
        case "branch", (settings, at, token):
            write_out(session, lambda: session.branch(at, token), settings)
        case "retry", (settings,):
            write_out(session, session.retry, settings)
        case "write", (settings, *count):
            write_out(session, session.continue_, settings, *count)


def seed_alone(session: Session, seed: str, append: bool) -> None:
    """Add a seed, of which nothing is written."""
    session.set("memory", append)
    for event in session.write_from(seed):
        if isinstance(event, Token):
            break
    session.passage.nodes.pop()
    session.passage.cursor = len(session.passage.nodes) - 1
    session.passage.current().children.clear()
    session.passage.current().visited = None


def write_out(
    session: Session,
    write: Callable[[], Iterator[Event]],
    settings: dict[str, Any],
    count: int = 0,
    others: dict[str, Any] | None = None,
) -> None:
    """Write a text. After ``count`` tokens, change its settings to ``others``, or stop it."""
    base = {"temperature": session.defaults.temperature, "rng": 5}
    session.set_all(settings_from_dict({**base, **settings}))
    tokens = 0
    for event in write():
        tokens += isinstance(event, Token)
        if isinstance(event, Token) and tokens == count:
            if others is None:
                session.stop()
            else:
                session.set_all(settings_from_dict({**base, **others}))
