"""The random numbers of the draws. Each depends on its token's position, but not on earlier draws."""

from __future__ import annotations

import secrets

import numpy as np
from numpy.typing import NDArray

_BLOCK_SIZE = 64


class PositionRNG:
    """Uniform random numbers by position.

    They come from Philox with the RNG seed as key and (position, take) as counter (Salmon et al., SC 2011). Undo
    and redo therefore see the same numbers. A retry uses another ``take``: other numbers at every position.
    """

    def __init__(self, key: int, take: int = 0) -> None:
        self.key = key
        self.take = take
        self._block, self._uniforms = -1, np.empty(0)

    def copy(self) -> PositionRNG:
        """Return the same numbers for another thread: an object keeps the latest block."""
        return PositionRNG(self.key, self.take)

    def uniform(self, position: int) -> float:
        """Return the number for the token at ``position``: in [0, 1), a multiple of 2^-32."""
        return float(self.uniforms(position, 1)[0])

    def uniforms(self, position: int, count: int) -> NDArray[np.float64]:
        """Return the numbers for ``count`` tokens from ``position`` on, (count,)."""
        block, offset = divmod(position, _BLOCK_SIZE)
        if block != self._block:
            self._block, self._uniforms = block, self._generate_block(block)
        in_block = self._uniforms[offset : offset + count]
        if len(in_block) == count:
            return in_block
        return np.concatenate([in_block, self.uniforms(position + len(in_block), count - len(in_block))])

    def _generate_block(self, block: int) -> NDArray[np.float64]:
        # One Philox counter gives four 64-bit numbers; the upper half of each is used.
        counter = np.array([block * _BLOCK_SIZE // 4, self.take, 0, 0], np.uint64)
        raw = np.random.Philox(key=self.key, counter=counter).random_raw(_BLOCK_SIZE)
        return np.asarray((raw >> np.uint64(32)) * 2.0**-32)


def random_rng_seed() -> int:
    """Return a new 32-bit RNG seed from the operating system."""
    return secrets.randbits(32)
