"""The arithmetic that the lesson shows, by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from afterglow.core.errors import UsageError
from afterglow.core.sampling.temperature import (
    Loop,
    describe_sum,
    effective_choices,
    entropy_from_probs,
    find_loop,
    gaussian,
    parse_probabilities,
    probs_at_temperatures,
    standard_deviation,
    temperature_steps,
)

LINE = "abcdefghijklmnopqrst"
"""Twenty characters, none of them twice."""


def test_a_bell_curve_reaches_five_deviations_of_the_widest_to_either_side() -> None:
    positions, probs = gaussian()
    assert (len(positions), positions[0], positions[20], positions[-1]) == (41, -5.0, 0.0, 5.0)
    assert probs.sum() == pytest.approx(1)
    assert probs[24] / probs[20] == pytest.approx(math.exp(-0.5))  # one deviation from the middle
    assert gaussian(0.1, 1.0)[0].tolist() == [-3, -2, -1, 0, 1, 2, 3]


@pytest.mark.parametrize("temperature", [0.3, 0.5, 1, 2, 3, 5])
def test_what_is_drawn_from_the_curve_is_as_wide_as_its_title_says(temperature: float) -> None:
    positions, probs = gaussian(temperature)
    (shaped,) = probs_at_temperatures(np.log(probs), [temperature])
    assert f"{standard_deviation(positions, shaped):.2f}" == f"{math.sqrt(temperature):.2f}"


def test_the_deviation_is_about_the_mean() -> None:
    assert standard_deviation(np.array([1.0, 3.0]), np.array([0.5, 0.5])) == 1


@pytest.mark.parametrize("text", ["0.3,0.5,0.2", "0.33,0.33,0.33", "1,0"])
def test_numbers_that_sum_to_one_are_read_without_a_word(text: str) -> None:
    assert describe_sum(text) == ""


def test_other_numbers_are_said_to_be_divided_and_decimal_commas_are_noticed() -> None:
    assert describe_sum("3,5,2") == "these 3 numbers sum to 10, so each is divided by 10"
    assert describe_sum("0,3,0,5").endswith("; decimals have a point: 0.3,0.5")
    assert "point" not in describe_sum("0,3,1,5")
    assert "point" not in describe_sum("0,3,0")
    assert "inf" in describe_sum("1e308,1e308")


@pytest.mark.parametrize(
    ("text", "loop"),
    [
        (LINE * 3, Loop(0, LINE)),
        ("x" + LINE * 3, Loop(1, LINE)),
        (LINE * 2 + LINE[:-1], None),  # almost three times
        (LINE + LINE, None),
        ("0123456789" * 9 + (LINE + LINE.upper()) * 2, None),  # forty repeated characters, but twice only
        ("0123456789" * 9 + (LINE + LINE.upper()) * 3, Loop(90, LINE + LINE.upper())),
        (("0123456789" + LINE) * 3, Loop(0, "0123456789" + LINE)),
        ("a" * 41, Loop(0, "a")),  # the first of them repeats nothing
        ("a" * 40, None),
        ("ab" * 21, Loop(0, "ab")),
        ("", None),
    ],
)
def test_a_loop_is_a_text_three_times_with_forty_characters_repeated(text: str, loop: Loop | None) -> None:
    assert find_loop(text) == loop


def test_probabilities_hold_at_the_coldest_temperature() -> None:
    cold, half, zero = probs_at_temperatures(np.log([0.3, 0.5, 0.2]), [0.001, 0.5, 0.0])
    assert cold == pytest.approx([0, 1, 0])
    assert half == pytest.approx([9 / 38, 25 / 38, 4 / 38])
    assert zero.tolist() == [0, 1, 0]


def test_the_steps_of_a_temperature() -> None:
    steps = temperature_steps([0.25, 0.75, 0.0], 2.0)
    assert steps.log == pytest.approx([math.log(0.25), math.log(0.75), -math.inf])
    assert steps.divided == pytest.approx([math.log(0.25) / 2, math.log(0.75) / 2, -math.inf])
    assert steps.exponential == pytest.approx([0.5, math.sqrt(0.75), 0])
    assert steps.renormalised == pytest.approx([0.5 / (0.5 + math.sqrt(0.75)), 0.6339746, 0])


def test_entropy_in_bits_and_in_choices() -> None:
    assert entropy_from_probs(np.array([0.5, 0.25, 0.25, 0.0])) == 1.5
    assert effective_choices(np.array([0.25] * 4)) == 4
    assert math.copysign(1, entropy_from_probs(np.array([1.0]))) == 1  # not minus zero


@pytest.mark.parametrize(
    ("text", "probs"), [("1,3", [0.25, 0.75]), ("0,2,2", [0, 0.5, 0.5]), ("1e308,1e308", [0.5, 0.5])]
)
def test_probabilities_are_read_and_divided_by_their_sum(text: str, probs: list[float]) -> None:
    assert parse_probabilities(text).tolist() == probs


@pytest.mark.parametrize("text", ["1", "", "a,b", "0,0", "-1,2", "inf,1", "nan,1"])
def test_what_is_no_distribution_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        parse_probabilities(text)
