"""The command ``afterglow serve``."""

from __future__ import annotations

import click

from ...core.errors import MissingExtraError
from ...core.inference.library import find_model, list_models
from .options import chosen_model, model_option
from .share import MINUTES


@click.command()
@model_option
@click.option("--host", metavar="ADDRESS", default="127.0.0.1", show_default=True, help="address to listen on")
@click.option("--port", type=click.IntRange(1, 65535), default=8080, show_default=True, help="port to listen on")
@click.option("--allow-host", "hosts", multiple=True, metavar="NAME", help="name by which programs call it")
@click.option("--allow-origin", "origins", multiple=True, metavar="URL", help="site whose pages may call it; * is all")
@click.option("--texts", type=click.IntRange(1, 1000), default=64, show_default=True, help="texts written at once")
@click.option("--waiting", type=click.IntRange(0), default=256, show_default=True, help="requests that wait")
@click.option("--max-seed", type=click.IntRange(1), default=100_000, show_default=True, help="characters of a prompt")
@click.option("--max-length", type=click.IntRange(1), default=200_000, show_default=True, help="tokens of a request")
@click.option("--max-minutes", type=MINUTES, default=10, show_default=True, help="minutes after which a text ends")
@click.option("--idle", type=MINUTES, default=10, show_default=True, help="minutes after which a model is given back")
def serve(
    model_name: str | None,
    host: str,
    port: int,
    hosts: tuple[str, ...],
    origins: tuple[str, ...],
    texts: int,
    waiting: int,
    max_seed: int,
    max_length: int,
    max_minutes: float,
    idle: float,
) -> None:
    """Serve the models to programs that speak to OpenAI's completions or to llama.cpp.

    Give them the address that is printed. Requests that name no model get the one of --model; all other models are
    offered by name.

    Only programs on this machine reach it, unless --host is given. The keys that it then asks for are read from the
    file that AFTERGLOW_KEYS_FILE names, or from AFTERGLOW_KEYS.
    """
    try:
        from ..serve.limits import Limits
        from ..serve.origins import Origins, permitted_origins
        from ..serve.routes import run
        from ..serve.service import CompletionService
    except ImportError as error:
        raise MissingExtraError("afterglow serve needs aiohttp: pip install 'afterglow-lm[serve]'") from error
    with chosen_model(model_name) as name:
        default = find_model(name)
    limits = Limits(texts, waiting, max_minutes * 60, max_seed, max_length, idle * 60)
    permitted = Origins(frozenset(name.lower() for name in hosts), permitted_origins(origins))
    run(CompletionService(default, list_models(), limits), host, port, permitted)
