"""Where chance comes from: a number for every draw that depends on its place alone, not on what went before."""

from __future__ import annotations

import secrets

import numpy as np
from numpy.typing import NDArray

_BLOCK_SIZE = 64


class PositionRNG:
    """Uniforms by position: Philox with the RNG seed as key and (position, take) as counter (Salmon et al., SC 2011).

    Going back and forth throws the same dice again. A retry is another ``take``: other dice at every position.
    """

    def __init__(self, key: int, take: int = 0) -> None:
        self.key, self.take = key, take
        self._block, self._uniforms = -1, np.empty(0)

    def uniform(self, position: int) -> float:
        """A number in [0, 1), a multiple of 2^-32, for the token at ``position``."""
        return float(self.uniforms(position, 1)[0])

    def uniforms(self, position: int, count: int) -> NDArray[np.float64]:
        """The numbers for ``count`` tokens from ``position`` on, (count,)."""
        block, offset = divmod(position, _BLOCK_SIZE)
        if block != self._block:
            self._block, self._uniforms = block, self._generate_block(block)
        here = self._uniforms[offset : offset + count]
        if len(here) == count:
            return here
        return np.concatenate([here, self.uniforms(position + len(here), count - len(here))])

    def _generate_block(self, block: int) -> NDArray[np.float64]:
        # One Philox counter makes four 64-bit numbers; the upper half of each is used.
        counter = np.array([block * _BLOCK_SIZE // 4, self.take, 0, 0], np.uint64)
        raw = np.random.Philox(key=self.key, counter=counter).random_raw(_BLOCK_SIZE)
        return np.asarray((raw >> np.uint64(32)) * 2.0**-32)


def random_rng_seed() -> int:
    """A new 32-bit RNG seed from the system's randomness."""
    return secrets.randbits(32)
