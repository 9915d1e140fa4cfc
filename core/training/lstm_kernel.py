"""An LSTM layer in bfloat16 whose recurrence is compiled (``kernel_bf16.c``), where that is faster than torch's own.

What units get from the layer below, and gradients that are sums over time, are large matrix products: torch does them
at the processor's pace. Between them lie small products and the gates, step after step: those are the kernel's.
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

SIMD_WIDTH, UNITS_PER_BLOCK = 16, 64
"""Units of a vector, and of the four that the kernel sums up side by side."""

LayerState = tuple[Tensor, Tensor]


class KernelPass(Protocol):
    """Takes rows ``first`` to ``last`` of B through T steps of H units. Tensors are addresses of contiguous memory."""

    def __call__(self, steps: int, rows: int, width: int, first: int, last: int, *tensors: int) -> None: ...


class LSTMKernel(Protocol):
    """A module in C."""

    supported: int
    """Whether it is the fastest on this machine's processor; where not, there are no functions."""

    forward: KernelPass
    """Weights ``by_unit``; bias (4H,), float32; gates (T, B, 4H), in what goes into them, out what comes out; h and c,
    (T + 1, B, H), bfloat16 and float32, in the first, out the others."""

    back: KernelPass
    """Weights ``by_input``; gates; c; gradients of h (T, B, H); out those of what goes into the gates, (T, B, 4H)."""


def load_lstm_kernel() -> LSTMKernel | None:
    """The kernel, if it was built and this machine's processor is one for it."""
    try:
        built = import_module(".kernel_bf16", __package__)
    except ImportError:  # installed from source without a compiler
        return None
    return cast(LSTMKernel, built) if built.supported else None


KERNEL = load_lstm_kernel()


def supports(layer: nn.Module, x: Tensor) -> bool:
    """Whether the kernel can do this layer for this input: in bfloat16, on a CPU, in whole blocks of units."""
    on_cpu = x.device.type == "cpu" and torch.is_autocast_enabled("cpu")
    return KERNEL is not None and on_cpu and cast(nn.LSTM, layer).hidden_size % UNITS_PER_BLOCK == 0


def run_lstm(x: Tensor, state: LayerState, weights: dict[str, Tensor]) -> tuple[Tensor, LayerState]:
    """What ``nn.LSTM`` makes of x (T, B, in) under autocast; states are (1, B, H), float32, and get no gradients."""
    gates = functional.linear(x, weights["weight_ih_l0"])
    bias = weights["bias_ih_l0"] + weights["bias_hh_l0"]
    h, c = _Recurrence.apply(gates, weights["weight_hh_l0"], bias, *state)  # type: ignore[no-untyped-call]
    return h, (h[-1:], c)


class _Recurrence(Function):
    """From what goes into the gates (T, B, 4H), weights (4H, H) and bias (4H,) to h (T, B, H), and the last c.

    ``gates`` is overwritten with what comes out of them.
    """

    @staticmethod
    def forward(ctx: Any, gates: Tensor, weights: Tensor, bias: Tensor, h: Tensor, c: Tensor) -> LayerState:
        assert KERNEL
        shape = steps, rows, width = *gates.shape[:2], weights.shape[1]
        all_h, all_c = h.new_empty((steps + 1, rows, width), dtype=torch.bfloat16), c.new_empty(steps + 1, rows, width)
        all_h[0], all_c[0] = h[0], c[0]
        halves = weights.bfloat16()
        _run_threaded(KERNEL.forward, shape, pack_forward(halves), bias, gates, all_h, all_c)
        ctx.save_for_backward(gates, halves, all_h, all_c)
        last = all_c[-1:]
        ctx.mark_non_differentiable(last)
        return all_h[1:], last

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, above: Tensor, _: Tensor) -> tuple[Tensor | None, ...]:
        assert KERNEL
        gates, weights, h, c = ctx.saved_tensors
        change = torch.empty_like(gates)
        _run_threaded(KERNEL.back, tuple(above.shape), pack_backward(weights), gates, c, above.contiguous(), change)
        all_steps = change.flatten(0, 1)
        return change, all_steps.T @ h[:-1].flatten(0, 1), all_steps.sum(0, dtype=torch.float32), None, None


def pack_forward(weights: Tensor) -> Tensor:
    """Weights (4H, H) as the kernel reads them forwards: (H / 16, H / 2, 4, 16, 2)."""
    pairs = weights.view(torch.int32)  # moved as one number
    return pairs.view(4, -1, SIMD_WIDTH, weights.shape[1] // 2).permute(1, 3, 0, 2).contiguous()


def pack_backward(weights: Tensor) -> Tensor:
    """Weights (4H, H) as the kernel reads them backwards: (H / 64, 2H, 64, 2)."""
    pairs = torch.stack((weights[0::2], weights[1::2]), -1)
    return pairs.view(len(pairs), -1, 2 * UNITS_PER_BLOCK).transpose(0, 1).contiguous()


def _run_threaded(kernel_pass: KernelPass, shape: tuple[int, ...], *tensors: Tensor) -> None:
    """Do ``work`` on all rows of a ``shape`` (T, B, H), on as many threads as torch has."""
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
