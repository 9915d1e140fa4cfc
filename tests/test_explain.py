"""The lesson's worked example, number by number, and what the other faces of its arithmetic promise."""

import numpy as np
import pytest
from afterglow.core import sample
from afterglow.core.explain import at_temperatures, effective_choices, reshape

P = (0.3, 0.5, 0.2)
SLIDES = {
    1.2: ([-1.00, -0.58, -1.34], [0.37, 0.56, 0.26], [0.308, 0.472, 0.220]),
    0.8: ([-1.50, -0.87, -2.01], [0.22, 0.42, 0.13], [0.286, 0.542, 0.172]),
}
"""By temperature: log p / T, exp of it, and that made to sum to 1. (A slide prints -1.51 where -1.505 stands.)"""


def test_the_logarithms_are_those_of_the_slide() -> None:
    assert reshape(P, 1.2).log == pytest.approx([-1.20, -0.69, -1.61], abs=0.01)


@pytest.mark.parametrize("temperature", SLIDES)
def test_the_slides_come_out_of_the_arithmetic(temperature: float) -> None:
    divided, exponential, renormalised = SLIDES[temperature]
    reshaped = reshape(P, temperature)
    assert reshaped.divided == pytest.approx(divided, abs=0.01)
    assert reshaped.exponential == pytest.approx(exponential, abs=0.01)
    assert reshaped.renormalised.round(3).tolist() == renormalised


@pytest.mark.parametrize("temperature", [0.05, 0.5, 0.8, 1.0, 1.2, 5.0])
def test_renormalised_is_the_closed_form(temperature: float) -> None:
    powers = [p ** (1 / temperature) for p in P]
    closed = [power / sum(powers) for power in powers]
    assert reshape(P, temperature).renormalised == pytest.approx(closed, abs=1e-12)
    assert at_temperatures(np.log(P), [temperature])[0] == pytest.approx(closed, abs=1e-12)


def test_one_point_two_flattens_and_zero_point_eight_sharpens() -> None:
    choices = [effective_choices(reshape(P, t).renormalised) for t in (0.8, 1.0, 1.2)]
    assert choices == sorted(choices)
    assert choices[0] < choices[1] < choices[2] < len(P)


def test_temperature_zero_leaves_the_likeliest_alone() -> None:
    assert at_temperatures(np.log(P), [0])[0].tolist() == [0, 1, 0]
    assert effective_choices(np.array([0.0, 1.0, 0.0])) == 1


def test_equal_chances_are_as_many_choices_as_there_are_tokens() -> None:
    assert effective_choices(np.full(8, 1 / 8)) == pytest.approx(8)


@pytest.mark.parametrize("temperature", SLIDES)
def test_sample_draws_the_renormalised_distribution(temperature: float) -> None:
    draws, rng = 20_000, np.random.default_rng(1)
    counts = np.bincount([sample(P, temperature, rng) for _ in range(draws)], minlength=3)
    expected = draws * reshape(P, temperature).renormalised
    # 2 degrees of freedom: the chi-square survival function is exp(-x / 2), so p = 0.001 is at -2 ln 0.001.
    assert ((counts - expected) ** 2 / expected).sum() < -2 * np.log(0.001)


def test_sample_without_a_generator_still_draws_an_index() -> None:
    assert sample([0.0, 1.0, 0.0][1:2]) == 0
