"""One step of an int8 LSTM for many rows at once, in a compiled kernel: on x86-64 with AVX2 or AVX-512."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..text.tokenizer import Ids
from .kernel import KERNEL, Kernel
from .model_file import ModelFile
from .quantization import HIDDEN_SCALE, HIDDEN_ZERO
from .runtime import Logits, State, input_table, int8_zeros

Reals = NDArray[np.float64]


class Product(NamedTuple):
    """A matrix as the kernel reads it: block by block, of every unit in it four inputs side by side.

    ``start`` is what a sum begins with, so that inputs around 128 count as inputs around 0; ``addend`` the bias, or for
    every token a row of its own.
    """

    weights: NDArray[np.int8]
    start: NDArray[np.int32]
    scale: NDArray[np.float32]
    addend: NDArray[np.float32]
    inputs: int
    width: int


class KernelRuntime:
    """The kernel over a model's weights: ``GraphRuntime`` bit for bit, and faster.

    A batch that is alone is stepped on all ``threads``, each of which keeps its share of the weights in its own caches;
    else every batch has one thread, and none waits for another.
    """

    def __init__(self, file: ModelFile, threads: int = 1, kernel: Kernel | None = KERNEL) -> None:
        assert kernel, "who makes this has looked whether there is a kernel"
        self.lanes = threads
        self._kernel, self._shape = kernel, file.architecture
        gates = (_gates(file, n, kernel.lanes) for n in range(self._shape.layers))
        self._products = [*gates, _projection(file, kernel.lanes)]

    def zeros(self, rows: int) -> State:
        """The state that has read nothing."""
        return int8_zeros(self._shape, rows)

    def stepper(self, state: State, alone: bool = True) -> KernelStepper:
        """What steps rows on from ``state``."""
        return KernelStepper(self._kernel, self._products, state, self.lanes if alone else 1)


class KernelStepper:
    """Steps rows in place: every step overwrites ``logits`` and ``state``."""

    def __init__(self, kernel: Kernel, products: list[Product], state: State, threads: int) -> None:
        self._kernel, self._products, rows = kernel, products, len(state[0])
        self.state = tuple(array.copy() for array in state)
        self.logits: Logits = np.empty((rows, products[-1].width), np.float32)
        self._read = [np.zeros((rows, product.inputs), np.uint8) for product in products]
        phases = [value for n in range(len(products)) for value in self._phase(n)]
        self._program = np.array([rows, min(threads, kernel.most_threads), len(products), 0, *phases], np.int64)
        self._where = self._program.ctypes.data

    def step(self, ids: Ids) -> None:
        """Read one token a row, ids (B,)."""
        self.run(ids)

    def run(self, ids: Ids) -> None:
        """Read T tokens a row, ids (T, B)."""
        self._kernel.step(self._where, np.ascontiguousarray(ids, np.int64))

    def write(self, uniforms: Reals, temperatures: Reals) -> tuple[Ids, Reals]:
        """Draw by uniforms (T, B) at temperatures (B,) and read it: ids (T, B), what is told of them (4, T, B)."""
        uniforms, temperatures = (np.ascontiguousarray(array, np.float64) for array in (uniforms, temperatures))
        ids, told = np.empty(uniforms.shape, np.int64), np.empty((4, *uniforms.shape))
        self._kernel.write(self._where, uniforms, temperatures, ids, told)
        return ids, told

    def _phase(self, n: int) -> list[int]:
        """The fields of the kernel's ``Phase``, in its order."""
        product = self._products[n]
        shape = [product.inputs, product.width, *(_address(array) for array in product[:4]), product.addend.ndim - 3]
        if n == len(self._products) - 1:
            return [*shape, _address(self._read[n]), 0, 0, 0, 0, _address(self.logits)]
        h, c = self.state[2 * n : 2 * n + 2]
        above, inputs = self._read[n + 1], self._products[n + 1].inputs
        return [*shape, _address(self._read[n]), _address(h), _address(above), inputs, _address(c), 0]


def _gates(file: ModelFile, n: int, lanes: int) -> Product:
    """Layer n reads the layer below and itself; what layer 0 gets from its tokens is a table."""
    kinds, tensors = ("ih", "hh") if n else ("hh",), file.tensors
    weights = np.concatenate([tensors[f"lstm.{n}.weight_{kind}"] for kind in kinds], axis=1)
    addend = tensors[f"lstm.{n}.bias"] if n else input_table(file)
    return _product(weights, tensors[f"lstm.{n}.scale"], addend, 4, lanes)


def _projection(file: ModelFile, lanes: int) -> Product:
    weight, scale, bias = (file.tensors[f"projection.{part}"] for part in ("weight", "scale", "bias"))
    return _product(weight, scale, bias, 1, lanes)


def _product(
    weights: NDArray[np.int8], scale: NDArray[np.float32], addend: NDArray[np.float32], gates: int, lanes: int
) -> Product:
    """Of weights (gates x H, K), their scales (gates x H,), and what is added, (gates x H,) or (V, gates x H)."""
    width, inputs = len(weights) // gates, weights.shape[1]
    padded = _blocks(np.pad(weights, [(0, 0), (0, -inputs % 4)]).T, gates, lanes)  # (K, blocks, gates, lanes)
    fours = padded.reshape(-1, 4, *padded.shape[1:]).transpose(2, 0, 3, 4, 1)
    start = -HIDDEN_ZERO * weights.sum(axis=1, dtype=np.int32)
    begin, scaled, added = (_blocks(values, gates, lanes) for values in (start, scale * HIDDEN_SCALE, addend))
    return Product(_aligned(fours), begin, scaled, added, inputs + -inputs % 4, width)


def _blocks(values: NDArray[Any], gates: int, lanes: int) -> NDArray[Any]:
    """(…, gates x H) as (…, blocks, gates, lanes), filled up with zeros."""
    apart = values.reshape(*values.shape[:-1], gates, -1)
    filled = np.pad(apart, [(0, 0)] * (apart.ndim - 1) + [(0, -apart.shape[-1] % lanes)])
    blocks = filled.reshape(*filled.shape[:-1], -1, lanes)
    return np.ascontiguousarray(np.moveaxis(blocks, -2, -3))


def _aligned(values: NDArray[np.int8]) -> NDArray[np.int8]:
    """A contiguous copy that begins where a cache line does."""
    room = np.empty(values.size + 64, np.int8)
    first = -_address(room) % 64
    found = room[first : first + values.size].reshape(values.shape)
    found[:] = values
    return found


def _address(array: NDArray[Any]) -> int:
    return int(array.ctypes.data)
