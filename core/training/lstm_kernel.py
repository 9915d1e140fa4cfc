"""An LSTM layer in bfloat16 with a compiled recurrence (``kernel_bf16.c``), used if it is faster than torch's LSTM.

torch computes the large matrix products: the layer's input, and gradients summed over time. The kernel computes what
depends on the step before: the small recurrent products and the gates.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from importlib import import_module
from typing import Any, Protocol, cast

import torch
from torch import Tensor, nn
from torch.autograd import Function
from torch.autograd.function import once_differentiable
from torch.nn import functional

SIMD_WIDTH = 16
"""Hidden units in a vector."""

UNITS_PER_BLOCK = 64
"""Hidden units in the four vectors that the kernel sums in parallel."""

LayerState = tuple[Tensor, Tensor]
"""Hidden state h and cell state c of a layer, each (1, B, H)."""


class KernelPass(Protocol):
    """Computes rows ``first`` to ``last``, exclusive, for T = ``steps``, B = ``rows`` and H = ``width``.

    Tensors are addresses of contiguous memory.
    """

    def __call__(self, steps: int, rows: int, width: int, first: int, last: int, *tensors: int) -> None: ...


class LSTMKernel(Protocol):
    """The C module."""

    supported: int
    """1 if the kernel is the fastest implementation on this processor. If 0, the module may have no functions."""

    forward: KernelPass
    """Arguments: weights from ``pack_forward``; bias (4H,), float32; gates (T, B, 4H), overwritten with their
    activations; h, bfloat16, and c, float32, both (T + 1, B, H): index 0 is read, the others are written."""

    back: KernelPass
    """Arguments: weights from ``pack_backward``; gates and c from ``forward``; gradients of h (T, B, H); gradients of
    the gates' inputs (T, B, 4H), written."""


def load_lstm_kernel() -> LSTMKernel | None:
    """Return the kernel, or None if it was not built or this processor does not suit it."""
    try:
        built = import_module(".kernel_bf16", __package__)
    except ImportError:  # installed from source without a compiler
        return None
    return cast(LSTMKernel, built) if built.supported else None


LSTM_KERNEL = load_lstm_kernel()


def find_kernel(layer: nn.Module, x: Tensor) -> LSTMKernel | None:
    """Return the kernel if the layer runs in bfloat16 on a CPU and its width is a multiple of 64, else None."""
    autocast = torch.is_autocast_enabled("cpu") and torch.get_autocast_dtype("cpu")
    in_bf16 = x.device.type == "cpu" and autocast == torch.bfloat16
    return LSTM_KERNEL if in_bf16 and cast(nn.LSTM, layer).hidden_size % UNITS_PER_BLOCK == 0 else None


def run_lstm(kernel: LSTMKernel, x: Tensor, state: LayerState, weights: dict[str, Tensor]) -> tuple[Tensor, LayerState]:
    """Return h (T, B, H) for x (T, B, in), and the last state, as ``nn.LSTM`` does under autocast.

    States are (1, B, H) and get no gradients.
    """
    gates = functional.linear(x, weights["weight_ih_l0"])
    bias = weights["bias_ih_l0"] + weights["bias_hh_l0"]
    h, c = _Recurrence.apply(kernel, gates, weights["weight_hh_l0"], bias, *state)  # type: ignore[no-untyped-call]
    return h, (h[-1:], c)


class _Recurrence(Function):
    """Computes h (T, B, H) and the last c (1, B, H) from the gates' inputs (T, B, 4H), weights (4H, H) and bias (4H,).

    ``gates`` is overwritten with the activations.
    """

    @staticmethod
    def forward(
        ctx: Any, kernel: LSTMKernel, gates: Tensor, weights: Tensor, bias: Tensor, h: Tensor, c: Tensor
    ) -> LayerState:
        shape = steps, rows, width = *gates.shape[:2], weights.shape[1]
        all_h = h.new_empty((steps + 1, rows, width), dtype=torch.bfloat16)
        all_c = c.new_empty(steps + 1, rows, width)
        all_h[0] = h[0]
        all_c[0] = c[0]
        bf16_weights = weights.bfloat16()
        _run_threaded(kernel.forward, shape, pack_forward(bf16_weights), bias, gates, all_h, all_c)
        ctx.kernel = kernel
        ctx.save_for_backward(gates, bf16_weights, all_h, all_c)
        last_c = all_c[-1:]
        ctx.mark_non_differentiable(last_c)
        return all_h[1:], last_c

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_h: Tensor, _: Tensor) -> tuple[Tensor | None, ...]:
        gates, weights, h, c = ctx.saved_tensors
        shape = tuple(grad_h.shape)
        grad_gates = torch.empty_like(gates)
        _run_threaded(ctx.kernel.back, shape, pack_backward(weights), gates, c, grad_h.contiguous(), grad_gates)
        flat = grad_gates.flatten(0, 1)
        grad_weights = flat.T @ h[:-1].flatten(0, 1)
        return None, grad_gates, grad_weights, flat.sum(0, dtype=torch.float32), None, None


def pack_forward(weights: Tensor) -> Tensor:
    """Return weights (4H, H) in the order of the forward pass: (H / 16, H / 2, 4, 16, 2)."""
    pairs = weights.view(torch.int32)  # two bfloat16 numbers move as one
    return pairs.view(4, -1, SIMD_WIDTH, weights.shape[1] // 2).permute(1, 3, 0, 2).contiguous()


def pack_backward(weights: Tensor) -> Tensor:
    """Return weights (4H, H) in the order of the backward pass: (H / 64, 2H, 64, 2)."""
    pairs = torch.stack((weights[0::2], weights[1::2]), -1)
    return pairs.view(len(pairs), -1, 2 * UNITS_PER_BLOCK).transpose(0, 1).contiguous()


def _run_threaded(kernel_pass: KernelPass, shape: tuple[int, ...], *tensors: Tensor) -> None:
    """Run a pass on all B rows of ``shape`` (T, B, H), split over as many threads as torch uses."""
    rows, addresses = shape[1], [tensor.data_ptr() for tensor in tensors]
    threads = min(rows, torch.get_num_threads())
    bounds = [rows * n // threads for n in range(threads + 1)]
    others = [_pool().submit(kernel_pass, *shape, *bounds[n : n + 2], *addresses) for n in range(1, threads)]
    kernel_pass(*shape, *bounds[:2], *addresses)
    for other in others:
        other.result()


@cache
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(os.cpu_count())
