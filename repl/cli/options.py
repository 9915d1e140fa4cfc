"""Options, arguments and output that the commands share."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

from ...core.command_line import echo, echo_json, echo_notice
from ...core.errors import MissingExtraError, UsageError
from ...core.sanitize import visible_name
from ...core.setting_spec import Spec
from ...core.setting_types import Bool
from ...core.settings import NO_DEFAULTS, SPECS, Settings, merge_layers
from ...core.user_config import config_settings, default_model, environment_settings, require_permitted

if TYPE_CHECKING:
    from ...core.inference.model_file import ModelFile
    from ...core.inference.runtime import Runtime
    from ...core.model import Model

    RuntimeFactory = Callable[[ModelFile], Runtime]
    """Makes the runtime that steps a model."""

Value = TypeVar("Value")
CommandFunction = TypeVar("CommandFunction", bound=Callable[..., object])

SHORT_FLAGS = {"temperature": ["-t"], "length": ["-l"]}
"""Short flags by setting."""

NO_TORCH_HINT = (
    "training needs torch: pip install 'afterglow-lm[train]'; without a GPU, first install torch's smaller"
    " CPU-only build, as pytorch.org/get-started says when you choose CPU"
)


def with_settings(*scopes: str, without: str = "") -> Callable[[CommandFunction], CommandFunction]:
    """Return a decorator that adds a flag to a command for every setting of these scopes but ``without``."""

    def decorate(function: CommandFunction) -> CommandFunction:
        for spec in reversed([spec for spec in SPECS.values() if spec.scope in scopes and spec.name != without]):
            function = setting_option(spec)(function)
        return function

    return decorate


def require_one(_: click.Context, parameter: click.Parameter, values: tuple[Value, ...]) -> Value | None:
    """Return the one value of an option that other commands take several of, None if it was not given."""
    if len(values) > 1:
        raise UsageError(
            f"{max(parameter.opts, key=len)} is given {len(values)} times, and this command takes one; generate,"
            " explain, diversity and grid take several"
        )
    return values[0] if values else None


def setting_option(spec: Spec) -> Callable[[CommandFunction], CommandFunction]:
    """Return a decorator that adds the flag of one setting to a command."""
    names = [f"--{spec.label}", spec.name, *SHORT_FLAGS.get(spec.name, [])]
    if isinstance(spec.kind, Bool) and not spec.kind.as_word:
        return click.option(*names, is_flag=True, default=None, help=spec.help)
    help_text = f"{spec.help} ({spec.kind.range})"
    if spec.name == "temperature":
        return click.option(*names, metavar="VALUE", multiple=True, callback=require_one, help=help_text)
    return click.option(*names, metavar="VALUE", help=help_text)


def load_model_and_settings(
    name: str | None, runtime: str, flags: Mapping[str, object], defaults: Mapping[str, object] = NO_DEFAULTS
) -> tuple[Model, Settings]:
    """Return a model and its settings. ``name`` None is the user's default model; ``runtime`` is a key of RUNTIMES.

    Settings come in layers, of which later ones win: ``defaults`` of the front end, model card, config file,
    environment, flags. A flag that is None was not given.

    Raise ModelError, SettingError, or MissingExtraError if torch is missing.
    """
    from ...core.model import load

    given = {name: value for name, value in flags.items() if value is not None}
    layers = config_settings(), environment_settings(), require_permitted(given, lambda name: f"--{SPECS[name].label}")
    with chosen_model(name) as chosen:
        model = load(chosen, RUNTIMES[runtime]())
    settings = merge_layers(defaults, model.file.card.settings, *layers)
    if "style" in given:
        model.voices.require_known(settings)
    return model, _fit_heat(model, settings, "heat" in given)


def _fit_heat(model: Model, settings: Settings, given: bool) -> Settings:
    """Return ``settings``, without heat if it is a unit that the model lacks. Raises UsageError if it was ``given``."""
    from ...core.cells.units import require_heat

    try:
        require_heat(model.file, settings.heat)
    except UsageError as error:
        if given:
            raise
        echo_notice(f"heat is off: {error}")
        return settings.changed(heat="off")
    return settings


@contextmanager
def chosen_model(name: str | None) -> Iterator[str]:
    """Yield ``name``, else the user's default model. Errors in the block name the variable or the file that sets it."""
    from ...core.inference.library import DEFAULT_MODEL

    if name:
        yield name
        return
    with default_model() as default:
        yield default or DEFAULT_MODEL


def _onnx_runtime() -> RuntimeFactory:
    from ...core.inference.backends import onnx_runtime

    return onnx_runtime


def _torch_runtime() -> RuntimeFactory:
    try:
        from ...core.training.torch_runtime import TorchRuntime
    except ImportError as error:
        raise MissingExtraError(NO_TORCH_HINT) from error
    return TorchRuntime


RUNTIMES: dict[str, Callable[[], RuntimeFactory | None]] = {
    "int8": lambda: None,
    "onnx": _onnx_runtime,
    "torch": _torch_runtime,
}
"""Functions that import a runtime, by value of ``--runtime``. None is the int8 runtime that is fastest here."""


def _complete_model_name(_: click.Context, __: click.Parameter, start: str) -> list[str]:
    """Return the model names that begin with ``start``, for the shell's completion."""
    from ...core.inference.library import list_models

    return [entry.name for entry in list_models() if entry.name.startswith(start)]


name_argument = click.argument("name", shell_complete=_complete_model_name)
_make_model_option = partial(
    click.option, "--model", "-m", "model_name", metavar="NAME", shell_complete=_complete_model_name
)
model_option = _make_model_option(help="name or path of a model, or a mixture: a:0.6 + b:0.4")
one_model_option = _make_model_option(help="name or path of a model")
runtime_option = click.option(
    "--runtime",
    type=click.Choice(list(RUNTIMES)),
    default="int8",
    help="what runs the LSTM: int8 is the fastest, onnx the same weights on ONNX Runtime, torch the float weights",
)
plain_option = click.option("--plain", is_flag=True, help="use lines instead of the full screen")
replace_option = click.option("--replace", is_flag=True, help="replace a file that exists")
json_option = click.option("--json", "as_json", is_flag=True, help="print JSON")


def require_new_file(path: Path | None, replace: bool) -> None:
    """Raise UsageError if ``path`` is given and is a file, unless ``replace``. Raises StorageError if it is no file."""
    from ...core.user_files import require_new_or_ours

    if path and not replace:
        require_new_or_ours(path, "choose another name, or add --replace")


def terminal_columns() -> int:
    """Return the width of the terminal, a large number if standard output is none."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else sys.maxsize


def print_values(values: Mapping[str, object], as_json: bool) -> None:
    """Print results by name: as one JSON object, or one result a line."""
    if as_json:
        echo_json(values)
        return
    for name, value in values.items():
        echo(f"{name.replace('_', ' '):<24} {_format_value(value)}")


def _format_value(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.4f}"
    if isinstance(value, Mapping):
        return visible_name(", ".join(f"{name.replace('_', ' ')} {each}" for name, each in value.items()))
    if isinstance(value, list):
        return visible_name(", ".join(map(str, value)))
    return f"{value:,}" if isinstance(value, int) else visible_name(str(value))
