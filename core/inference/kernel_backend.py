"""Steps an int8 LSTM, many rows at once, with the compiled kernel: x86-64 with AVX2 or AVX-512."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..text.tokenizer import Ids
from .kernel import Int8Kernel, TokenStats
from .model_file import ModelFile
from .quantization import HIDDEN_SCALE, HIDDEN_ZERO, to_unsigned_bytes
from .runtime import (
    Logits,
    StateArrays,
    has_input_table,
    input_table,
    int8_zeros,
    require_same_form,
    wrong_id_error,
)
from .styles import require_shifts

Doubles = NDArray[np.float64]


class PackedMatrix(NamedTuple):
    """A matrix in the kernel's layout: block by block, and within a block four adjacent inputs of each unit.

    ``initial_sum`` cancels the zero point of the inputs, 128. ``addend`` has rows to add: one with the bias, or for
    layer 0 one for every token, or none if they are computed by the phase before. ``inputs`` is the number of inputs,
    padded to a multiple of four, of which ``below`` come from the layer below; ``width`` that of units or tokens.
    """

    weights: NDArray[np.int8]
    initial_sum: NDArray[np.int32]
    scale: NDArray[np.float32]
    addend: NDArray[np.float32]
    inputs: int
    below: int
    width: int


class PackedEmbedding(NamedTuple):
    """The input weights of layer 0, and the tokens' embeddings (V, inputs) with their scales (V,)."""

    matrix: PackedMatrix
    weights: NDArray[np.uint8]
    scale: NDArray[np.float32]


class Phase(NamedTuple):
    """The fields of the kernel's ``Phase`` struct, in its order. Arrays are given by their address; 0 is none."""

    inputs: int
    width: int
    weights: int
    initial_sum: int
    scale: int
    addend: int
    addend_row: int
    input: int
    below: int
    h: int = 0
    next_input: int = 0
    next_inputs: int = 0
    c: int = 0
    output: int = 0
    embedding: int = 0
    token_scale: int = 0
    shift: int = 0


STEP_FIELDS = 4
"""Number of the fields of the kernel's ``Step`` struct before its phases."""

THE_ONLY_ROW, ROW_OF_TOKEN, ROW_OF_BATCH = range(3)
"""Values of ``Phase.addend_row``: the row of ``addend`` that a row of the batch uses."""


class KernelRuntime:
    """Runs a model on the compiled kernel: the same bits as ``OnnxRuntime``, and faster.

    An exclusive batch is stepped on all ``threads``, each of which keeps its share of the weights in its own caches.
    Otherwise every batch has one thread, and none waits for another.
    """

    def __init__(self, file: ModelFile, threads: int = 1, *, kernel: Int8Kernel) -> None:
        self.max_batches = threads
        self._kernel = kernel
        self._architecture = file.architecture
        with_table = has_input_table(file.architecture)
        self._embedding = None if with_table else _pack_embedding(file, kernel.simd_width)
        gates = (_pack_gates(file, n, kernel.simd_width) for n in range(self._architecture.layers))
        self._matrices = [*gates, _pack_projection(file, kernel.simd_width)]
        self._gate_order = _block_layout(np.arange(4 * self._architecture.width), 4, kernel.simd_width).ravel()

    def zeros(self, rows: int) -> StateArrays:
        """Return the initial state, before any token."""
        return int8_zeros(self._architecture, rows)

    def stepper(self, state: StateArrays, exclusive: bool = True) -> KernelStepper:
        """Return a stepper that continues from a copy of ``state``."""
        require_same_form(state, self.zeros(0))
        threads = self.max_batches if exclusive else 1
        return KernelStepper(self._kernel, self._embedding, self._matrices, self._gate_order, state, threads)


class KernelStepper:
    """Steps rows in place: each step overwrites ``logits`` and ``state``.

    ``gate_order`` are the numbers of the gates of layer 0 in the kernel's layout, any number where that is padded.
    """

    def __init__(
        self,
        kernel: Int8Kernel,
        embedding: PackedEmbedding | None,
        matrices: list[PackedMatrix],
        gate_order: NDArray[np.int64],
        state: StateArrays,
        threads: int,
    ) -> None:
        self._kernel = kernel
        self._embedding = embedding
        self._matrices = matrices
        self._gate_order = gate_order
        self._rows = rows = len(state[0])
        self._state = tuple(array.copy() for array in state)
        self._logits: Logits = np.empty((rows, matrices[-1].width), np.float32)
        self._inputs = [np.zeros((rows, matrix.inputs), np.uint8) for matrix in matrices]
        self._embedded = np.empty((rows, *matrices[0].scale.shape), np.float32)
        phases = [self._embedding_phase(embedding)] if embedding else []
        phases += [self._layer_phase(n) for n in range(len(matrices) - 1)]
        phases.append(self._phase(-1)._replace(output=_address(self._logits)))
        fields = [value for phase in phases for value in phase]
        self._step_struct = np.array([rows, min(threads, kernel.max_threads), len(phases), 0, *fields], np.int64)
        self._step_address = self._step_struct.ctypes.data
        self._shift_field = STEP_FIELDS + len(Phase._fields) * bool(embedding) + Phase._fields.index("shift")

    @property
    def logits(self) -> Logits:
        """The logits for the next token of each row, (B, V). The kernel writes to this array."""
        return self._logits

    @property
    def state(self) -> StateArrays:
        """The state of all rows. The kernel reads and writes these arrays."""
        return self._state

    def shift_gates(self, shifts: NDArray[np.float32] | None) -> None:
        """Add ``shifts``, (B, 4H), to the gates of layer 0 in every following step. None adds nothing."""
        self._shifts = None
        if shifts is not None:
            require_shifts(shifts, self._rows, self._matrices[0].width)
            self._shifts = np.take(shifts, self._gate_order, axis=1)
        self._step_struct[self._shift_field] = 0 if self._shifts is None else _address(self._shifts)

    def step(self, ids: Ids) -> None:
        """Read one token per row, ids (B,)."""
        self.step_many(ids[None])

    def step_many(self, ids: Ids) -> None:
        """Read T tokens per row, ids (T, B). Raises UsageError, having read nothing, if an id is no token."""
        if ids.shape[1:] != (self._rows,):
            raise ValueError(f"ids have the shape {ids.shape}, for {self._rows} rows")
        wrong = self._kernel.step(self._step_address, np.ascontiguousarray(ids, np.int64))
        if wrong is not None:
            raise wrong_id_error(wrong, self._logits.shape[1])

    def generate(self, uniforms: Doubles, temperatures: Doubles) -> tuple[Ids, TokenStats]:
        """Draw by uniforms (T, B) at temperatures (B,) and read the tokens; return ids (T, B) and statistics (T, B)."""
        if uniforms.shape[1:] != (self._rows,) or temperatures.shape != (self._rows,):
            raise ValueError(f"shapes {uniforms.shape} and {temperatures.shape}, for {self._rows} rows")
        uniforms, temperatures = (np.ascontiguousarray(array, np.float64) for array in (uniforms, temperatures))
        ids, stats = np.empty(uniforms.shape, np.int64), np.empty((4, *uniforms.shape))
        self._kernel.generate(self._step_address, uniforms, temperatures, ids, stats)
        return ids, TokenStats(*stats)

    def _embedding_phase(self, embedding: PackedEmbedding) -> Phase:
        self._embedding_input = np.zeros((self._rows, embedding.matrix.inputs), np.uint8)
        phase = _phase_of(embedding.matrix, THE_ONLY_ROW, self._embedding_input)
        output, weights, scale = (_address(array) for array in (self._embedded, embedding.weights, embedding.scale))
        return phase._replace(output=output, embedding=weights, token_scale=scale)

    def _layer_phase(self, n: int) -> Phase:
        h, c = (_address(array) for array in self._state[2 * n : 2 * n + 2])
        next_input, next_inputs = _address(self._inputs[n + 1]), self._matrices[n + 1].inputs
        return self._phase(n)._replace(h=h, next_input=next_input, next_inputs=next_inputs, c=c)

    def _phase(self, n: int) -> Phase:
        """Return the phase of matrix n with the fields that layers and projection have in common."""
        matrix, addend_row = self._matrices[n], THE_ONLY_ROW
        if n == 0 and self._embedding:
            matrix, addend_row = matrix._replace(addend=self._embedded), ROW_OF_BATCH
        elif n == 0:
            addend_row = ROW_OF_TOKEN
        return _phase_of(matrix, addend_row, self._inputs[n])


def _phase_of(matrix: PackedMatrix, addend_row: int, inputs: NDArray[np.uint8]) -> Phase:
    """Return a phase with the fields that every matrix has."""
    weights, initial_sum, scale, addend = (_address(array) for array in matrix[:4])
    addresses = weights, initial_sum, scale, addend, addend_row, _address(inputs)
    return Phase(matrix.inputs, matrix.width, *addresses, matrix.below)


def _pack_embedding(file: ModelFile, simd_width: int) -> PackedEmbedding:
    """Pack the input weights of layer 0, whose inputs are embeddings. Their sums are scaled by token and by unit."""
    tensors = file.tensors
    weights, scale, bias = (tensors[f"lstm.0.{part}"] for part in ("weight_ih", "scale", "bias"))
    matrix = _pack([weights], scale, bias, 4, simd_width)
    embedding = np.full((file.architecture.vocabulary, matrix.inputs), HIDDEN_ZERO, np.uint8)
    embedding[:, : weights.shape[1]] = to_unsigned_bytes(tensors["embedding.weight"])
    return PackedEmbedding(matrix, embedding, np.ascontiguousarray(tensors["embedding.scale"], np.float32))


def _pack_gates(file: ModelFile, n: int, simd_width: int) -> PackedMatrix:
    """Pack the gates of layer n, which reads the layer below and itself. Layer 0 gets its input as an addend."""
    tensors = file.tensors
    weights = [tensors[f"lstm.{n}.weight_{kind}"] for kind in (("ih", "hh") if n else ("hh",))]
    if n:
        addend = tensors[f"lstm.{n}.bias"]
    else:
        addend = input_table(file) if has_input_table(file.architecture) else np.empty((0, len(weights[0])), np.float32)
    return _pack(weights, tensors[f"lstm.{n}.scale"] * HIDDEN_SCALE, addend, 4, simd_width)


def _pack_projection(file: ModelFile, simd_width: int) -> PackedMatrix:
    weight, scale, bias = (file.tensors[f"projection.{part}"] for part in ("weight", "scale", "bias"))
    return _pack([weight], scale * HIDDEN_SCALE, bias, 1, simd_width)


def _pack(
    parts: Sequence[NDArray[np.int8]],
    scale: NDArray[np.float32],
    addend: NDArray[np.float32],
    gates: int,
    simd_width: int,
) -> PackedMatrix:
    """Pack weights (gates x H, K), given in parts of their columns, with scales (gates x H,) and rows to add.

    All parts but the last are from the layer below.
    """
    inputs = sum(part.shape[1] for part in parts)
    initial_sum = -HIDDEN_ZERO * sum(part.sum(axis=1, dtype=np.int32) for part in parts)
    initial_sum, scale, addend = (_block_layout(values, gates, simd_width) for values in (initial_sum, scale, addend))
    weights = _pack_weights(parts, gates, simd_width)
    width = len(parts[0]) // gates
    return PackedMatrix(weights, initial_sum, scale, addend, inputs + -inputs % 4, inputs - parts[-1].shape[1], width)


def _pack_weights(parts: Sequence[NDArray[np.int8]], gates: int, simd_width: int) -> NDArray[np.int8]:
    """Return weights as (blocks, inputs / 4, gates, simd_width, 4). One block at a time, so that no copy is made."""
    by_gate = [part.reshape(gates, -1, part.shape[1]) for part in parts]
    units, inputs = by_gate[0].shape[1], sum(part.shape[1] for part in parts)
    blocks, fours = -(-units // simd_width), -(-inputs // 4)
    packed = _allocate_cache_lines((blocks, fours, gates, simd_width, 4))
    for number, block in enumerate(packed):
        rows = np.zeros((gates, simd_width, 4 * fours), np.int8)
        chosen = [part[:, number * simd_width : (number + 1) * simd_width] for part in by_gate]
        rows[:, : chosen[0].shape[1], :inputs] = np.concatenate(chosen, axis=2)
        block[:] = rows.reshape(gates, simd_width, fours, 4).transpose(2, 0, 1, 3)
    return packed


def _block_layout(values: NDArray[Any], gates: int, simd_width: int) -> NDArray[Any]:
    """Return (…, gates x H) as (…, blocks, gates, simd_width), padded with zeros."""
    by_gate = values.reshape(*values.shape[:-1], gates, values.shape[-1] // gates)
    padded = np.pad(by_gate, [(0, 0)] * (by_gate.ndim - 1) + [(0, -by_gate.shape[-1] % simd_width)])
    blocks = padded.reshape(*padded.shape[:-1], padded.shape[-1] // simd_width, simd_width)
    return np.ascontiguousarray(np.moveaxis(blocks, -2, -3))


def _allocate_cache_lines(shape: tuple[int, ...]) -> NDArray[np.int8]:
    """Return an array that starts at a cache line, a multiple of 64 bytes."""
    size = math.prod(shape)
    buffer = np.empty(size + 64, np.int8)
    first = -_address(buffer) % 64
    return buffer[first : first + size].reshape(shape)


def _address(array: NDArray[Any]) -> int:
    return int(array.ctypes.data)
