"""The user's own editor, which runs outside of a face and may fail there."""

from __future__ import annotations

import click


def edit_externally(text: str) -> tuple[str | None, str]:
    """The text as it was saved in the editor, None where nothing was; and what went wrong, "" where nothing did."""
    try:
        return click.edit(text, require_save=True), ""
    except click.ClickException as error:
        return None, f"no editor: {error.message}; set EDITOR to one that is installed"
