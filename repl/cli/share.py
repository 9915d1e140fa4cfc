"""The commands that make afterglow available elsewhere: ``afterglow web``, ``export`` and ``completion``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ...core.command_line import echo
from ...core.errors import MissingExtraError, UsageError
from ...core.settings import SPECS
from .options import (
    chosen_model,
    load_model_and_settings,
    model_option,
    name_argument,
    replace_option,
    require_new_file,
    with_settings,
)

if TYPE_CHECKING:
    from ...core.inference.model_file import ModelFile

FILE_PATH = click.Path(path_type=Path, dir_okay=False)
MINUTES = click.FloatRange(0, min_open=True)


@click.command()
@name_argument
@click.option("--onnx", type=FILE_PATH, help="file for a float32 graph, for ONNX Runtime and other programs")
@click.option(
    "--pytorch",
    type=FILE_PATH,
    help="file for the weights, as a safetensors state dict for nn.Embedding, nn.LSTM and nn.Linear",
)
@click.option("--html", type=FILE_PATH, help="file for a page that plays the model in a browser, without a network")
@replace_option
def export(name: str, onnx: Path | None, pytorch: Path | None, html: Path | None, replace: bool) -> None:
    """Export the model NAME for use in other programs, or as a page."""
    from ...core.inference.export import write_pytorch
    from ...core.inference.library import find_model
    from ...core.inference.model_file import open_model_file

    if not (onnx or pytorch or html):
        raise UsageError("nothing to export: give --html FILE, --onnx FILE or --pytorch FILE")
    found = find_model(name)
    file = open_model_file(found.path)
    writers = ((onnx, _write_onnx), (pytorch, write_pytorch), (html, partial(_write_page, found.name)))
    for path, _ in writers:
        require_new_file(path, replace)
    for path, write in writers:
        if path:
            write(file, path)
            echo(f"written: {path}")


def _write_page(name: str, file: ModelFile, path: Path) -> None:
    from ...core.render.model_page import model_page
    from ...core.user_files import write_user_file

    write_user_file(path, model_page(name, file))


def _write_onnx(file: ModelFile, path: Path) -> None:
    try:
        from ...core.inference.onnx_export import write_onnx
    except ImportError as error:
        raise MissingExtraError("export --onnx needs onnx: pip install 'afterglow-lm[onnx]'") from error
    write_onnx(file, path)


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print the completion script for SHELL.

    It completes commands, options and model names.

    bash: add to ~/.bashrc:  eval "$(afterglow completion bash)"

    zsh: add to ~/.zshrc:  eval "$(afterglow completion zsh)"

    fish: run  afterglow completion fish > ~/.config/fish/completions/afterglow.fish
    """
    from click.shell_completion import get_completion_class

    complete = get_completion_class(shell)
    assert complete
    click.echo(complete(context.find_root().command, {}, "afterglow", "_AFTERGLOW_COMPLETE").source())


@click.command()
@model_option
@click.option("--host", metavar="ADDRESS", default="127.0.0.1", show_default=True, help="address to listen on")
@click.option("--port", type=click.IntRange(1, 65535), default=8000, show_default=True, help="port to listen on")
@click.option("--public-url", metavar="URL", help="URL that visitors open, if it is not http://HOST:PORT")
@click.option("--visitors", type=click.IntRange(1), default=8, show_default=True, help="maximum number of open tabs")
@click.option("--idle", type=MINUTES, default=30, show_default=True, help="minutes without a key that end a session")
@click.option("--share", is_flag=True, help="give everyone who has the address your archive and your rights to files")
@with_settings("token", "passage", "view")
def web(
    model_name: str | None,
    host: str,
    port: int,
    public_url: str | None,
    visitors: int,
    idle: float,
    share: bool,
    **flags: object,
) -> None:
    """Serve the full screen to a few browsers.

    Only browsers on this machine can open it, unless --host or --public-url is given; the address then has a secret
    word in it. Visitors use your models, presets and settings. Each has an archive of their own, which is deleted when
    they close the tab; with --share all have yours.
    """
    try:
        from ..web.server import WebOptions, serve
    except ImportError as error:
        raise MissingExtraError("afterglow web needs textual-serve: pip install 'afterglow-lm[web]'") from error
    from ...core.inference.mixture import find_models
    from ..tui.keys.keymap import read_keymap

    load_model_and_settings(model_name, "int8", flags)  # reports a mistake here instead of to every visitor
    read_keymap()  # likewise
    with chosen_model(model_name) as name:
        shown_name, models = find_models(name)
    arguments = list(_command_line_arguments(model_name if share else shown_name, flags))
    serve(WebOptions(host, port, public_url, visitors, idle, share), arguments, models)


def _command_line_arguments(model_name: str | None, flags: Mapping[str, object]) -> Iterator[str]:
    """Yield the flags that were given, as arguments for the process that serves a visitor."""
    if model_name:
        yield f"--model={model_name}"
    for name, value in flags.items():
        if value is not None:
            yield f"--{SPECS[name].label}" if value is True else f"--{SPECS[name].label}={value}"
