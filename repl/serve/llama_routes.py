"""The routes of llama.cpp's server: ``/completion``, ``/tokenize``, ``/detokenize`` and ``/props``."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from aiohttp import web

from ...core.inference.runtime import require_ids
from ...core.model import MAX_SEED_TOKENS
from ...core.settings import Settings
from ..option_specs import OPTION_SPECS
from .answers import Json, stream_answer, whole_answer
from .api_errors import ApiError
from .completions import MAX_ALTERNATIVES
from .logprobs import llama_probabilities
from .prompts import is_id, read_prompts
from .request_fields import read_fields, wrong_value
from .service import SERVICE
from .text_pieces import TextPiece
from .texts import MAX_TEXT_TOKENS, OpenTexts, TextWish

STOP_TYPES = {"stop": "word", "length": "limit", None: "none"}
"""llama.cpp's words for the ends of a text."""


@dataclass(slots=True)
class LlamaShape:
    """The shape of llama.cpp's answer. In a stream the last event is the end of the text."""

    texts: OpenTexts
    _sent: int = 0

    def event(self, piece: TextPiece) -> Json:
        """Return the event of one token, or of the text's end."""
        self._sent += piece.drawn
        more = {} if piece.finish_reason is None else self._end(piece)
        return {**self._start([piece]), "tokens_predicted": self._sent, **more}

    def closing(self, texts: OpenTexts) -> Iterable[Json | str]:  # noqa: ARG002
        """Return no more events."""
        return ()

    def whole(self, texts: OpenTexts, written: Sequence[Sequence[TextPiece]]) -> Json:
        """Return the answer that is not streamed."""
        return {**self._start(written[0]), "tokens_predicted": texts.drawn, **self._end(written[0][-1])}

    def _start(self, pieces: Sequence[TextPiece]) -> Json:
        probabilities = llama_probabilities(pieces, self.texts.wish.after_filters)
        return {
            "index": 0,
            "content": "".join(piece.text for piece in pieces),
            "tokens": [piece.id for piece in pieces if piece.id is not None],
            "stop": pieces[-1].finish_reason is not None,
            "tokens_evaluated": self.texts.prompt_tokens,
            **({"completion_probabilities": probabilities} if probabilities else {}),
        }

    def _end(self, piece: TextPiece) -> Json:
        return {
            "model": self.texts.used.model.name,
            "prompt": self.texts.prompts[0].text,
            "stop_type": STOP_TYPES[piece.finish_reason],
            "stopping_word": "",
            "truncated": self.texts.prompt_tokens > MAX_SEED_TOKENS and not self.texts.settings.whole_seed,
            "generation_settings": {**settings_to_json(self.texts.settings), "seed": self.texts.rng},
        }


def settings_to_json(settings: Settings) -> Json:
    """Return all settings that a request may have, by name."""
    return {spec.name: spec.kind.to_json(getattr(settings, spec.name)) for spec in OPTION_SPECS}


async def create_llama_completion(request: web.Request) -> web.StreamResponse:
    """Answer with the text that continues a prompt, streamed or whole."""
    fields = await read_fields(request)
    prompts = read_prompts(fields)
    if len(prompts) != 1:
        raise ApiError("this route takes one prompt; /v1/completions takes several", param="prompt")
    max_tokens = fields.whole_number("n_predict", -2, MAX_TEXT_TOKENS)
    wish = TextWish(
        1,
        None if max_tokens is None or max_tokens < 0 else max_tokens,
        fields.whole_number("n_probs", 0, MAX_ALTERNATIVES) or None,
        fields.flag("post_sampling_probs"),
    )
    stream, service = fields.flag("stream"), request.app[SERVICE]
    async with (
        service.use(fields.text("model")) as used,
        service.write(used, fields, prompts, wish, stream) as texts,
    ):
        shape = LlamaShape(texts)
        return await (stream_answer(request, shape, texts) if stream else whole_answer(shape, texts, 1))


async def tokenize(request: web.Request) -> web.Response:
    """Answer with the ids of a text's tokens; with ``with_pieces`` also with the text of each."""
    fields = await read_fields(request)
    content, with_pieces = fields.text("content"), fields.flag("with_pieces")
    async with request.app[SERVICE].use(fields.text("model")) as used:
        ids = used.model.tokenizer.encode(used.model.file.card.fold_case(content)).tolist()
        pieces = [{"id": token, "piece": used.model.token_text(token)} for token in ids] if with_pieces else ids
    return web.json_response({"tokens": pieces})


async def detokenize(request: web.Request) -> web.Response:
    """Answer with the text of tokens."""
    fields = await read_fields(request)
    tokens = fields.get("tokens")
    if not isinstance(tokens, list) or not all(map(is_id, tokens)):
        raise wrong_value("tokens", tokens, "a list of token ids")
    async with request.app[SERVICE].use(fields.text("model")) as used:
        require_ids(np.array(tokens, np.int64), used.model.tokenizer.size)
        return web.json_response({"content": used.model.tokenizer.decode(tokens)})


async def show_props(request: web.Request) -> web.Response:
    """Answer with the default model and its settings. ``n_ctx`` is the most tokens of a prompt that are read."""
    async with request.app[SERVICE].use() as used:
        params = settings_to_json(used.model.settings)
        return web.json_response(
            {
                "default_generation_settings": {"n_ctx": MAX_SEED_TOKENS, "params": params},
                "total_slots": 1,
                "model_path": used.model.name,
                "model_alias": used.model.name,
                "modalities": {"vision": False, "audio": False},
                "chat_template": "",
                "build_info": "afterglow",
            }
        )
