"""Flags and output that the verbs of the command line share."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from typing import Any

import click

from ...core.errors import MissingExtraError
from ...core.setting_types import Bool
from ...core.settings import SPECS, Settings, merge_layers, read_config, read_environment

SHORT_FLAGS = {"temperature": "-t", "length": "-l"}

NO_TORCH_HINT = (
    "training needs torch: pip install 'afterglow-lm[train]'; without a GPU, first install torch's smaller"
    " CPU-only build, as pytorch.org/get-started says when you choose CPU"
)


def with_settings(*scopes: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Add a flag for every setting of these scopes, made from its declaration."""

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        for spec in reversed([s for s in SPECS.values() if s.scope in scopes]):
            names = [SHORT_FLAGS[spec.name]] if spec.name in SHORT_FLAGS else []
            form: dict[str, Any] = (
                {"is_flag": True, "default": None} if isinstance(spec.kind, Bool) else {"metavar": "VALUE"}
            )
            what = spec.help if isinstance(spec.kind, Bool) else f"{spec.help} ({spec.kind.range})"
            option = click.option(f"--{spec.label}", spec.name, *names, help=what, **form)
            function = option(function)
        return function

    return decorate


def load_model_and_settings(name: str | None, runtime: str, flags: dict[str, Any]) -> tuple[Any, Settings]:
    """The model, and the settings: defaults, then its card, the user's file, the environment, flags."""
    from ...core.inference.library import DEFAULT_MODEL
    from ...core.model import load
    from ...core.paths import config_file

    config = read_config(config_file())
    chosen = str(name or os.environ.get("AFTERGLOW_MODEL") or config.pop("model", DEFAULT_MODEL))
    config.pop("model", None)
    model = load(chosen, RUNTIMES[runtime]())
    given = {key: value for key, value in flags.items() if value is not None}
    return model, merge_layers(model.file.card.settings, config, read_environment(), given)


def _onnx_runtime() -> Any:
    from ...core.inference.backends import onnx_runtime

    return onnx_runtime


def _torch_runtime() -> Any:
    try:
        from ...core.training.torch_runtime import TorchRuntime
    except ImportError as error:
        raise MissingExtraError(NO_TORCH_HINT) from error
    return TorchRuntime


RUNTIMES: dict[str, Callable[[], Any]] = {"int8": lambda: None, "onnx": _onnx_runtime, "torch": _torch_runtime}
"""What ``--runtime`` may say, and the function of a model file that makes it; None for the fastest there is."""


def _model_names(_: click.Context, __: click.Parameter, start: str) -> list[str]:
    """For the shell's completion."""
    from ...core.inference.library import list_models

    return [entry.name for entry in list_models() if entry.name.startswith(start)]


name_argument = click.argument("name", shell_complete=_model_names)
model_option = click.option(
    "--model", "-m", "model_name", metavar="NAME", shell_complete=_model_names, help="a model's name or path"
)
runtime_option = click.option(
    "--runtime",
    type=click.Choice(list(RUNTIMES)),
    default="int8",
    help="what steps the LSTM: int8 is the fastest here, onnx the same on ONNX Runtime, torch the float weights",
)
json_option = click.option("--json", "as_json", is_flag=True, help="machine-readable output")


def print_values(values: dict[str, Any], as_json: bool) -> None:
    """Figures by name: one JSON object, or a line each."""
    if as_json:
        click.echo(json.dumps(values))
        return
    for name, value in values.items():
        click.echo(f"{name.replace('_', ' '):<24} {_format_value(value)}")


def _format_value(value: Any) -> Any:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.4f}" if isinstance(value, float) else f"{value:,}" if isinstance(value, int) else value
