"""Steps an int8 LSTM, many rows at once, with the compiled kernel: x86-64 with AVX2 or AVX-512."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..text.tokenizer import Ids
from .kernel import Int8Kernel, TokenStats
from .model_file import ModelFile
from .quantization import HIDDEN_SCALE, HIDDEN_ZERO
from .runtime import Logits, StateArrays, input_table, int8_zeros

Doubles = NDArray[np.float64]


class PackedMatrix(NamedTuple):
    """A matrix in the kernel's layout: block by block, and within a block four adjacent inputs of each unit.

    ``initial_sum`` cancels the zero point of the inputs, 128. ``addend`` is the bias, or for layer 0 a table with a row
    for every token. ``inputs`` is their number, padded to a multiple of four; ``width`` that of units or tokens.
    """

    weights: NDArray[np.int8]
    initial_sum: NDArray[np.int32]
    scale: NDArray[np.float32]
    addend: NDArray[np.float32]
    inputs: int
    width: int


class KernelRuntime:
    """Runs a model on the compiled kernel: the same bits as ``OnnxRuntime``, and faster.

    An exclusive batch is stepped on all ``threads``, each of which keeps its share of the weights in its own caches.
    Otherwise every batch has one thread, and none waits for another.
    """

    def __init__(self, file: ModelFile, threads: int = 1, *, kernel: Int8Kernel) -> None:
        self.max_batches = threads
        self._kernel = kernel
        self._architecture = file.architecture
        gates = (_pack_gates(file, n, kernel.simd_width) for n in range(self._architecture.layers))
        self._matrices = [*gates, _pack_projection(file, kernel.simd_width)]

    def zeros(self, rows: int) -> StateArrays:
        """Return the initial state, before any token."""
        return int8_zeros(self._architecture, rows)

    def stepper(self, state: StateArrays, exclusive: bool = True) -> KernelStepper:
        """Return a stepper that continues from a copy of ``state``."""
        return KernelStepper(self._kernel, self._matrices, state, self.max_batches if exclusive else 1)


class KernelStepper:
    """Steps rows in place: each step overwrites ``logits`` and ``state``."""

    def __init__(self, kernel: Int8Kernel, matrices: list[PackedMatrix], state: StateArrays, threads: int) -> None:
        rows = len(state[0])
        self._kernel = kernel
        self._matrices = matrices
        self.state = tuple(array.copy() for array in state)
        self.logits: Logits = np.empty((rows, matrices[-1].width), np.float32)
        self._inputs = [np.zeros((rows, matrix.inputs), np.uint8) for matrix in matrices]
        phases = [value for n in range(len(matrices)) for value in self._phase_fields(n)]
        self._step_struct = np.array([rows, min(threads, kernel.max_threads), len(matrices), 0, *phases], np.int64)
        self._step_address = self._step_struct.ctypes.data

    def step(self, ids: Ids) -> None:
        """Read one token per row, ids (B,)."""
        self.step_many(ids)

    def step_many(self, ids: Ids) -> None:
        """Read T tokens per row, ids (T, B)."""
        self._kernel.step(self._step_address, np.ascontiguousarray(ids, np.int64))

    def generate(self, uniforms: Doubles, temperatures: Doubles) -> tuple[Ids, TokenStats]:
        """Draw by uniforms (T, B) at temperatures (B,) and read the tokens; return ids (T, B) and statistics (T, B)."""
        uniforms, temperatures = (np.ascontiguousarray(array, np.float64) for array in (uniforms, temperatures))
        ids, stats = np.empty(uniforms.shape, np.int64), np.empty((4, *uniforms.shape))
        self._kernel.generate(self._step_address, uniforms, temperatures, ids, stats)
        return ids, TokenStats(*stats)

    def _phase_fields(self, n: int) -> list[int]:
        """Return the fields of phase n, in the order of the kernel's ``Phase`` struct."""
        matrix = self._matrices[n]
        # The last, by_token, is 1 if addend is a table, which has one dimension more than a bias.
        shape = [matrix.inputs, matrix.width, *(_address(array) for array in matrix[:4]), matrix.addend.ndim - 3]
        if n == len(self._matrices) - 1:
            return [*shape, _address(self._inputs[n]), 0, 0, 0, 0, _address(self.logits)]
        h, c = self.state[2 * n : 2 * n + 2]
        next_input, next_inputs = self._inputs[n + 1], self._matrices[n + 1].inputs
        return [*shape, _address(self._inputs[n]), _address(h), _address(next_input), next_inputs, _address(c), 0]


def _pack_gates(file: ModelFile, n: int, simd_width: int) -> PackedMatrix:
    """Pack the gates of layer n, which reads the layer below and itself. Layer 0 has a table for its input."""
    tensors = file.tensors
    kinds = ("ih", "hh") if n else ("hh",)
    weights = np.concatenate([tensors[f"lstm.{n}.weight_{kind}"] for kind in kinds], axis=1)
    addend = tensors[f"lstm.{n}.bias"] if n else input_table(file)
    return _pack(weights, tensors[f"lstm.{n}.scale"], addend, 4, simd_width)


def _pack_projection(file: ModelFile, simd_width: int) -> PackedMatrix:
    weight, scale, bias = (file.tensors[f"projection.{part}"] for part in ("weight", "scale", "bias"))
    return _pack(weight, scale, bias, 1, simd_width)


def _pack(
    weights: NDArray[np.int8], scale: NDArray[np.float32], addend: NDArray[np.float32], gates: int, simd_width: int
) -> PackedMatrix:
    """Pack weights (gates x H, K), their scales (gates x H,), and an addend (gates x H,) or (V, gates x H)."""
    width = len(weights) // gates
    padding = -weights.shape[1] % 4
    # No name for the padded copy: it would be alive beside the blocks, and raise the peak of memory.
    blocks = _block_layout(
        np.pad(weights, [(0, 0), (0, padding)]).T, gates, simd_width
    )  # (K, blocks, gates, simd_width)
    fours = blocks.reshape(-1, 4, *blocks.shape[1:]).transpose(2, 0, 3, 4, 1)
    initial_sum = -HIDDEN_ZERO * weights.sum(axis=1, dtype=np.int32)
    initial_sum, scale, addend = (
        _block_layout(values, gates, simd_width) for values in (initial_sum, scale * HIDDEN_SCALE, addend)
    )
    return PackedMatrix(_align_64(fours), initial_sum, scale, addend, weights.shape[1] + padding, width)


def _block_layout(values: NDArray[Any], gates: int, simd_width: int) -> NDArray[Any]:
    """Return (…, gates x H) as (…, blocks, gates, simd_width), padded with zeros."""
    by_gate = values.reshape(*values.shape[:-1], gates, -1)
    padded = np.pad(by_gate, [(0, 0)] * (by_gate.ndim - 1) + [(0, -by_gate.shape[-1] % simd_width)])
    blocks = padded.reshape(*padded.shape[:-1], -1, simd_width)
    return np.ascontiguousarray(np.moveaxis(blocks, -2, -3))


def _align_64(values: NDArray[np.int8]) -> NDArray[np.int8]:
    """Return a contiguous copy that starts at a cache line, a multiple of 64 bytes."""
    buffer = np.empty(values.size + 64, np.int8)
    first = -_address(buffer) % 64
    aligned = buffer[first : first + values.size].reshape(values.shape)
    aligned[:] = values
    return aligned


def _address(array: NDArray[Any]) -> int:
    return int(array.ctypes.data)
