"""The verbs that bring afterglow elsewhere: ``afterglow web``, ``export`` and ``completion``."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from ...core.errors import MissingExtraError, UsageError
from ...core.settings import SPECS
from .options import load_model_and_settings, model_option, name_argument, with_settings

FILE_PATH = click.Path(path_type=Path, dir_okay=False)


@click.command()
@name_argument
@click.option("--onnx", type=FILE_PATH, help="a float32 graph for ONNX Runtime and others")
@click.option("--pytorch", type=FILE_PATH, help="a safetensors state dict for nn.Embedding, nn.LSTM and nn.Linear")
def export(name: str, onnx: Path | None, pytorch: Path | None) -> None:
    """Write the model NAME for other programs."""
    from ...core.inference.export import write_onnx, write_pytorch
    from ...core.inference.library import find_model
    from ...core.inference.model_file import open_model_file

    if not (onnx or pytorch):
        raise UsageError("say where to: --onnx FILE, --pytorch FILE or both")
    file = open_model_file(find_model(name).path)
    for path, write in ((onnx, write_onnx), (pytorch, write_pytorch)):
        if path:
            write(file, path)
            click.echo(f"written: {path}")


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print the completion script of a SHELL.

    It completes verbs, options and the names of models.

    bash: ~/.bashrc gets  eval "$(afterglow completion bash)"

    zsh: ~/.zshrc gets  eval "$(afterglow completion zsh)"

    fish: afterglow completion fish > ~/.config/fish/completions/afterglow.fish
    """
    from click.shell_completion import get_completion_class

    complete = get_completion_class(shell)
    assert complete
    click.echo(complete(context.find_root().command, {}, "afterglow", "_AFTERGLOW_COMPLETE").source())


@click.command()
@model_option
@click.option("--host", default="127.0.0.1", show_default=True, help="the address to listen on")
@click.option("--port", type=click.IntRange(1, 65535), default=8000, show_default=True, help="the port to listen on")
@click.option("--public-url", metavar="URL", help="what a browser has to ask for, where that is something else")
@with_settings("token", "passage", "view")
def web(model_name: str | None, host: str, port: int, public_url: str | None, **flags: Any) -> None:
    """Serve the full screen to a browser.

    On this machine only, unless you say otherwise.
    """
    try:
        from .web import serve
    except ImportError as error:
        raise MissingExtraError("the browser needs textual-serve: pip install 'afterglow-lm[web]'") from error
    load_model_and_settings(model_name, "int8", flags)  # a mistake is said here, not to every visitor
    serve(host, port, public_url, list(_arguments(model_name, flags)))


def _arguments(model_name: str | None, flags: dict[str, Any]) -> Iterator[str]:
    """The flags as they were typed, for the process of a visitor."""
    if model_name:
        yield f"--model={model_name}"
    for name, value in flags.items():
        if value is not None:
            yield f"--{SPECS[name].label}" if value is True else f"--{SPECS[name].label}={value}"
