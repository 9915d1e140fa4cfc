"""One step of the LSTM on paper: each printed figure follows from those printed before it, and is the network's."""

from __future__ import annotations

import json
import math
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from afterglow.core.cells.units import Unit, parse_unit
from afterglow.core.cells.worked_step import WorkedStep, work_step
from afterglow.core.commands.step_tables import step_listings, work_softmax
from afterglow.core.errors import UsageError
from afterglow.core.model import Model
from afterglow.core.sampling.temperature import probs_at_temperatures
from afterglow.repl.cli.explanations import explain_step

from .cli_helpers import RunCli

TINY = str(Path(__file__).parent / "data" / "tiny-char.safetensors")
NUMBER = r"-?\d+\.\d{4}"


def step_of(model: Model, text: str, unit: str | None = None) -> WorkedStep:
    return work_step(model, model.tokenizer.encode(text), parse_unit(unit) if unit else None)


@pytest.mark.parametrize("text", ["T", "The lam", "The lamp was"])
@pytest.mark.parametrize("unit", ["1.0", "1.17", "2.40", None])
def test_the_worked_step_is_that_of_the_network(tiny: Model, text: str, unit: str | None) -> None:
    step = step_of(tiny, text, unit)
    (*_, block) = tiny.trace(text)
    layer, index = block.layers[step.unit.layer - 1], step.unit.index
    assert step.true_c == pytest.approx(float(layer.c[-1, index]))
    assert step.c == pytest.approx(step.true_c, abs=2e-3)
    assert step.steps == round(float(layer.h[-1, index]) * 127)
    for gate, worked in step.gates.items():
        assert worked.value == pytest.approx(float(getattr(layer, gate)[-1, index]), abs=2e-4)
    logits = tiny.read(text).snapshot.logits
    assert [row.logit for row in step.logits] == pytest.approx(logits.tolist(), abs=1e-3)


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.0])
def test_the_softmax_is_the_models_distribution(tiny: Model, temperature: float) -> None:
    chances, total = work_softmax(step_of(tiny, "The lam"), temperature)
    probs = probs_at_temperatures(np.log(list(tiny.distribution("The lam").values())), [temperature])[0]
    assert [row.p for row in chances[:-1]] == pytest.approx(probs[: len(chances) - 1].tolist(), abs=2e-3)
    assert total == pytest.approx(sum(row.exponential for row in chances))
    assert chances[-1].id is None


def lines_of(tiny: Model, unit: str | None = None) -> list[str]:
    step = step_of(tiny, "The lam", unit)
    return [
        line for table in step_listings(step, 0.8, lambda token: repr(tiny.token_text(token))) for line in table.lines()
    ]


@pytest.mark.parametrize("unit", ["1.17", "2.40", None])
def test_every_printed_sum_and_product_has_the_printed_digits(tiny: Model, unit: str | None) -> None:
    checked = 0
    for line in lines_of(tiny, unit):
        for left, right in re.findall(rf"((?:{NUMBER}\s*[+×]\s*)+{NUMBER})\s*[=→]\s*(?=({NUMBER}))", line):
            terms = [float(number) for number in re.findall(NUMBER, left)]
            worked = sum(terms) if "+" in left else math.prod(terms)
            assert f"{worked:.4f}" == right or abs(worked - float(right)) < 5.1e-5, line
            checked += 1
        for total, name, value in re.findall(rf"=\s*({NUMBER})\s+(σ|tanh)\s+({NUMBER})", line):
            result = math.tanh(float(total)) if name == "tanh" else 1 / (1 + math.exp(-float(total)))
            assert abs(result - float(value)) < 5.1e-5, line
            checked += 1
    assert checked >= 18


def test_every_line_fits_a_terminal_of_eighty_columns(tiny: Model) -> None:
    assert all(len(line) <= 76 for line in lines_of(tiny))


def test_the_unit_without_a_name_adds_most_to_the_likeliest_token(tiny: Model) -> None:
    step = step_of(tiny, "The lam")
    best = max(step.logits, key=lambda row: row.logit)
    others = [step_of(tiny, "The lam", f"2.{n}").logits[best.id].product for n in range(0, 48, 5)]
    assert best.product >= max(others) - 1e-3
    assert step.unit.layer == 2


def test_a_step_needs_a_token_and_a_unit_that_there_is(tiny: Model) -> None:
    with pytest.raises(UsageError):
        work_step(tiny, tiny.tokenizer.encode(""))
    with pytest.raises(UsageError, match="has no cell"):
        work_step(tiny, tiny.tokenizer.encode("a"), Unit("cell", 3, 1))


def test_verb_works_a_step_on_the_terminal_as_json_and_as_a_picture(run: RunCli, tmp_path: Path) -> None:
    words = ("explain", "--step", "The lam", "-m", TINY, "--unit", "2.7")
    out = run(*words, "--plot", str(tmp_path / "a.svg")).out
    assert [f"{n}. " in out for n in range(1, 6)] == [True] * 5
    assert "the draw: " in out
    picture = (tmp_path / "a.svg").read_text("utf-8")
    values = json.loads(run(*words, "--json").out)
    assert values["unit"] == "cell 2.7"
    assert f"{values['gates']['f']['value']:.4f}" in out
    assert f"{values['gates']['f']['bias']:.4f}" in picture


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--step",), "--step needs a text"),
        (("a", "--unit", "2.2"), "--unit needs --step"),
        (("--step", "a", "-m", TINY, "-t", "0"), "above 0"),
        (("--step", "a", "-m", TINY, "-t", "1", "-t", "2"), "give -t once"),
        (("--step", "a", "-m", TINY, "--unit", "x"), "is no unit"),
        (("--step", "a", "-m", TINY, "--plot", "a.png"), "must end in .svg"),
    ],
)
def test_verb_refuses_a_step_in_one_line(run: RunCli, words: tuple[str, ...], says: str) -> None:
    ran = run("explain", *words)
    assert (ran.code, ran.err.count("\n")) == (2, 1)
    assert says in ran.err


@pytest.mark.parametrize(
    ("cells", "index"), [("2.5 upper case (r 0.60), 1.2 a (r 0.10)", 5), ("", None), ("9.9 \x1b", None)]
)
def test_the_unit_without_a_name_is_the_first_of_the_card(tiny: Model, cells: str, index: int | None) -> None:
    file = replace(tiny.file, card=replace(tiny.file.card, cells=cells))
    explanation = explain_step(Model("carded", file), "The lam", (), None, 1)
    expected = step_of(tiny, "The lam").unit.index if index is None else index
    assert explanation.step.unit == Unit("cell", 2, expected)
