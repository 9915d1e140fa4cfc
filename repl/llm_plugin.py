"""A plugin for Simon Willison's ``llm`` that offers every model as afterglow/NAME.

llm -m afterglow/shakespeare "ROMEO:" -o temperature 1.2
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import llm
from llm.parts import TextPart
from pydantic import Field, create_model

from ..core.errors import AfterglowError
from ..core.inference.library import list_models
from ..core.sampling.rng import random_rng_seed
from ..core.settings import merge_layers
from .option_specs import OPTION_SPECS, join_messages

if TYPE_CHECKING:
    from ..core.model import Model

_FIELDS: dict[str, Any] = {s.name: (Any, Field(None, description=f"{s.help} ({s.kind.range})")) for s in OPTION_SPECS}


@llm.hookimpl
def register_models(register: Callable[[llm.Model], None]) -> None:
    """Register every model in the library."""
    for entry in list_models():
        register(Afterglow(entry.name))


class Afterglow(llm.Model):
    """One model. A conversation is one text: its messages in order, joined."""

    can_stream = True
    Options = create_model("Options", __base__=llm.Model.Options, **_FIELDS)

    def __init__(self, name: str) -> None:
        self.model_id = f"afterglow/{name}"
        self._name = name
        self._model: Model | None = None

    def execute(
        self,
        prompt: llm.Prompt,
        stream: bool,  # noqa: ARG002 - llm joins the tokens itself if it does not stream
        response: llm.Response,
        conversation: llm.Conversation | None,  # noqa: ARG002 - prompt.messages contains it
    ) -> Iterator[str]:
        """Yield the continuation of the prompt's messages, token by token. Raise llm.ModelError, a one-line message.

        llm's log gets the rng, with which the same prompt gives the same text.
        """
        messages = prompt.messages
        seed = join_messages((m.role, (part.text for part in m.parts if isinstance(part, TextPart))) for m in messages)
        given = {name: value for name, value in prompt.options.model_dump().items() if value is not None}
        try:
            model = self._load_model()
            settings = merge_layers(model.file.card.settings, given)
            options = {spec.name: getattr(settings, spec.name) for spec in OPTION_SPECS}
            if options["rng"] is None:
                options["rng"] = random_rng_seed()
            response.response_json = {"rng": options["rng"]}
            for token in model.stream(seed, **options):
                yield token.text
        except AfterglowError as error:
            raise llm.ModelError(str(error)) from error

    def _load_model(self) -> Model:
        from ..core.model import load

        self._model = self._model or load(self._name)
        return self._model
