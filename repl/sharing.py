"""The verbs that hand afterglow to other programs: ``afterglow export`` and ``completion``."""

from __future__ import annotations

from pathlib import Path

import click

from ..core.errors import UsageError
from .flags import name_argument

FILE = click.Path(path_type=Path, dir_okay=False)


@click.command()
@name_argument
@click.option("--onnx", type=FILE, help="a float32 graph for ONNX Runtime and others")
@click.option("--pytorch", type=FILE, help="a safetensors state dict for nn.Embedding, nn.LSTM and nn.Linear")
def export(name: str, onnx: Path | None, pytorch: Path | None) -> None:
    """Write the model NAME for other programs."""
    from ..core.export import write_onnx, write_pytorch
    from ..core.library import find
    from ..core.modelfile import open_model_file

    if not (onnx or pytorch):
        raise UsageError("say where to: --onnx FILE, --pytorch FILE or both")
    file = open_model_file(find(name).path)
    for path, write in ((onnx, write_onnx), (pytorch, write_pytorch)):
        if path:
            write(file, path)
            click.echo(f"written: {path}")


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print the script that makes SHELL complete verbs, options and model names.

    bash: echo 'eval "$(afterglow completion bash)"' >> ~/.bashrc

    zsh: echo 'eval "$(afterglow completion zsh)"' >> ~/.zshrc

    fish: afterglow completion fish > ~/.config/fish/completions/afterglow.fish
    """
    from click.shell_completion import get_completion_class

    complete = get_completion_class(shell)
    assert complete
    click.echo(complete(context.find_root().command, {}, "afterglow", "_AFTERGLOW_COMPLETE").source())
