"""The user's own text editor, started from a front end."""

from __future__ import annotations

import click


def edit_externally(text: str) -> tuple[str | None, str]:
    """Open ``text`` in the user's editor. Return the saved text, or None if it was not saved, and an error message.

    The message is "" if the editor succeeded. It is returned, not raised: an exception would leave a full screen
    suspended.
    """
    try:
        return click.edit(text, require_save=True), ""
    except click.ClickException as error:
        if isinstance(error.__cause__, OSError):
            return None, f"no editor: {error.message}; set EDITOR to one that is installed"
        editor = error.message.partition(":")[0]
        return None, f"nothing was changed: {editor} ended with a failure, as vim does after :cq"
