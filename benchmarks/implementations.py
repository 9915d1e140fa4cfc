"""Implementations that generate with the same model: afterglow's, and what one would use instead."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import onnxruntime
from afterglow.core.generation.stream import StreamOptions
from afterglow.core.inference.backends import onnx_runtime
from afterglow.core.inference.onnx_export import onnx_model
from afterglow.core.inference.runtime import default_threads
from afterglow.core.model import Model
from afterglow.core.sampling.rng import PositionRNG

from benchmarks.onnx_lstm import quantize_dynamically

Loop = Callable[[int], float]
"""Draws a number of tokens for every row, and returns the seconds that took."""

TEMPERATURE = 0.8


def afterglow(model: Model, rows: int) -> Loop:
    """The whole path: model, sampler, statistics of every token, decoding, events."""
    start = model.read("ROMEO:").snapshot

    def loop(tokens: int) -> float:
        settings = model.settings.changed(length=tokens, temperature=TEMPERATURE)
        engine = model.engine()
        streams = [
            engine.open(start, StreamOptions(settings, PositionRNG(n), max_unread=tokens + 2, keep_snapshots=False))
            for n in range(rows)
        ]
        start_time = time.perf_counter()
        while engine.step():
            pass
        seconds = time.perf_counter() - start_time
        assert all(stream.token_count == tokens for stream in streams)
        return seconds

    return loop


def afterglow_onnx(model: Model, rows: int) -> Loop:
    """The same without the compiled kernel, as on processors for which there is none."""
    return afterglow(Model(model.name, model.file, onnx_runtime(model.file)), rows)


def torch_module(model: Model, rows: int) -> Loop:
    """The loop of char-rnn's descendants: a step of ``nn.LSTM``, softmax, multinomial, and the drawn id fed back."""
    import torch
    from afterglow.core.training import to_torch

    module = to_torch(model.file)
    module.requires_grad_(False)

    def loop(tokens: int) -> float:
        torch.set_num_threads(default_threads())
        ids = torch.zeros(rows, 1, dtype=torch.long)
        states = None
        texts = [""] * rows
        start_time = time.perf_counter()
        for _ in range(tokens):
            logits, states = module(ids, states)
            ids = torch.multinomial(torch.softmax(logits[:, -1] / TEMPERATURE, 1), 1)
            texts = [text + model.tokenizer.decode(row) for text, row in zip(texts, ids.tolist(), strict=True)]
        return time.perf_counter() - start_time

    return loop


def torch_addmm(model: Model, rows: int) -> Loop:
    """The same with the LSTM cell written out in torch operations: no module, no repacking of weights."""
    import torch
    from afterglow.core.training import to_torch

    weights = {name: tensor.detach() for name, tensor in to_torch(model.file).named_parameters()}
    layers, width = model.file.architecture.layers, model.file.architecture.width
    pairs = [
        (torch.cat([weights[f"layers.{n}.weight_ih_l0"], weights[f"layers.{n}.weight_hh_l0"]], 1).T.contiguous(),
         weights[f"layers.{n}.bias_ih_l0"] + weights[f"layers.{n}.bias_hh_l0"])
        for n in range(layers)
    ]  # fmt: skip
    projection, bias = weights["projection.weight"].T.contiguous(), weights["projection.bias"]

    @torch.no_grad()
    def loop(tokens: int) -> float:
        torch.set_num_threads(default_threads())
        ids = torch.zeros(rows, dtype=torch.long)
        texts = [""] * rows
        h, c = ([torch.zeros(rows, width) for _ in range(layers)] for _ in "hc")
        start_time = time.perf_counter()
        for _ in range(tokens):
            x = weights["embedding.weight"][ids]
            for n, (weight, offset) in enumerate(pairs):
                i, f, g, o = torch.addmm(offset, torch.cat([x, h[n]], 1), weight).chunk(4, 1)
                c[n] = torch.sigmoid(f) * c[n] + torch.sigmoid(i) * torch.tanh(g)
                x = h[n] = torch.sigmoid(o) * torch.tanh(c[n])
            logits = torch.addmm(bias, x, projection)
            ids = torch.multinomial(torch.softmax(logits / TEMPERATURE, 1), 1)[:, 0]
            texts = [text + model.tokenizer.decode([row]) for text, row in zip(texts, ids.tolist(), strict=True)]
        return time.perf_counter() - start_time

    return loop


def onnx_float(model: Model, rows: int) -> Loop:
    """ONNX's LSTM operator in float32, as an exporter writes it."""
    return _onnx(onnx_model(model.file).SerializeToString(), model, rows)


def onnx_dynamic(model: Model, rows: int) -> Loop:
    """The same after ONNX Runtime's own quantization, DynamicQuantizeLSTM, whose scale depends on the whole batch."""
    return _onnx(quantize_dynamically(onnx_model(model.file)), model, rows)


def _onnx(graph: bytes, model: Model, rows: int) -> Loop:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = default_threads()
    session = onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
    shape = (model.file.architecture.layers, rows, model.file.architecture.width)

    def loop(tokens: int) -> float:
        h = c = np.zeros(shape, np.float32)
        ids = np.zeros(rows, np.int64)
        rng = np.random.default_rng(7)
        texts = [""] * rows
        start_time = time.perf_counter()
        for _ in range(tokens):
            outputs: list[Any] = session.run(["logits", "h_", "c_"], {"ids": ids[:, None], "h": h, "c": c})
            logits, h, c = outputs[0][:, -1], *outputs[1:]
            weights = np.exp((logits - logits.max(1, keepdims=True)) / TEMPERATURE).cumsum(1)
            ids = (weights > rng.random((rows, 1)) * weights[:, -1:]).argmax(1)
            texts = [text + model.tokenizer.decode([row]) for text, row in zip(texts, ids.tolist(), strict=True)]
        return time.perf_counter() - start_time

    return loop


IMPLEMENTATIONS: dict[str, Callable[[Model, int], Loop]] = {
    "afterglow, whole path": afterglow,
    "the same on ONNX Runtime": afterglow_onnx,
    "torch, nn.LSTM loop": torch_module,
    "torch, addmm by hand": torch_addmm,
    "ONNX Runtime, LSTM in float32": onnx_float,
    "ONNX Runtime, DynamicQuantizeLSTM": onnx_dynamic,
}
"""Functions that make a loop for a model and a number of rows, by name. The first is the one to compare with."""
