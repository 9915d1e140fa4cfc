"""What several verbs of the command line share."""

from __future__ import annotations

import json
from typing import Any

import click

NO_TORCH = (
    "training needs torch: pip install 'afterglow[train]'; without a GPU, first install torch's smaller CPU-only build,"
    " as pytorch.org/get-started says when you choose CPU"
)

json_option = click.option("--json", "as_json", is_flag=True, help="machine-readable output")


def show(values: dict[str, Any], as_json: bool) -> None:
    """Figures by name: one JSON object, or a line each."""
    if as_json:
        click.echo(json.dumps(values))
        return
    for name, value in values.items():
        click.echo(f"{name.replace('_', ' '):<24} {_figure(value)}")


def _figure(value: Any) -> Any:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.4f}" if isinstance(value, float) else f"{value:,}" if isinstance(value, int) else value
