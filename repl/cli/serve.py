"""The command ``afterglow serve``."""

from __future__ import annotations

import click

from ...core.errors import MissingExtraError
from ...core.inference.library import find_model, list_models
from .options import chosen_model, model_option


@click.command()
@model_option
@click.option("--host", metavar="ADDRESS", default="127.0.0.1", show_default=True, help="address to listen on")
@click.option("--port", type=click.IntRange(1, 65535), default=8080, show_default=True, help="port to listen on")
def serve(model_name: str | None, host: str, port: int) -> None:
    """Serve the models to programs that speak to OpenAI's completions or to llama.cpp.

    Give them the address that is printed. Requests that name no model get the one of --model; all other models are
    offered by name.
    """
    try:
        from ..serve.routes import run
        from ..serve.service import CompletionService
    except ImportError as error:
        raise MissingExtraError("afterglow serve needs aiohttp: pip install 'afterglow-lm[serve]'") from error
    with chosen_model(model_name) as name:
        default = find_model(name)
    run(CompletionService(default, list_models()), host, port)
