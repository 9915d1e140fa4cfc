"""The dice depend on their place alone: Philox4x64-10 as published, whatever was thrown before."""

import pytest
from afterglow.core.sampling.rng import PositionRNG, random_rng_seed

MASK = 2**64 - 1


def philox(key: int, counter: list[int]) -> list[int]:
    """Philox4x64-10, written after Salmon et al. 2011, section 4.4, without numpy."""
    a, b, c, d = counter
    k0, k1 = key, 0
    for _ in range(10):
        high, low = divmod(0xD2E7470EE14C6C93 * a, 2**64)
        high2, low2 = divmod(0xCA5A826395121157 * c, 2**64)
        a, b, c, d = high2 ^ b ^ k0, low2, high ^ d ^ k1, low
        k0, k1 = (k0 + 0x9E3779B97F4A7C15) & MASK, (k1 + 0xBB67AE8584CAA73B) & MASK
    return [a, b, c, d]


@pytest.mark.parametrize("rng", [0, 7, 2**32 - 1])
@pytest.mark.parametrize("take", [0, 1, 1000])
@pytest.mark.parametrize("position", [0, 1, 3, 4, 255, 256, 257, 10_000_001])
def test_a_uniform_is_the_published_function_of_rng_position_and_take(rng: int, take: int, position: int) -> None:
    word = philox(rng, [position // 4 + 1, take, 0, 0])[position % 4]
    assert PositionRNG(rng, take).uniform(position) == (word >> 32) / 2**32


def test_going_back_and_forth_throws_the_same_dice() -> None:
    dice = PositionRNG(7)
    forwards = [dice.uniform(n) for n in range(600)]
    backwards = [dice.uniform(n) for n in reversed(range(600))]
    assert forwards == backwards[::-1]
    assert [PositionRNG(7).uniform(n) for n in range(0, 600, 50)] == forwards[::50]


def test_other_seeds_takes_and_places_throw_other_dice() -> None:
    throws = {PositionRNG(rng, take).uniform(at) for rng in range(4) for take in range(4) for at in range(1024)}
    assert len(throws) > 4 * 4 * 1024 - 10  # of 2^32 values, 16,384 throws share a pair 0.03 times


def test_throws_lie_in_zero_to_one() -> None:
    dice = PositionRNG(3)
    throws = [dice.uniform(n) for n in range(4096)]
    assert min(throws) >= 0
    assert max(throws) < 1
    assert abs(sum(throws) / 4096 - 0.5) < 0.02


def test_a_fresh_rng_fits_the_setting() -> None:
    values = {random_rng_seed() for _ in range(20)}
    assert len(values) > 1
    assert all(0 <= value < 2**32 for value in values)
