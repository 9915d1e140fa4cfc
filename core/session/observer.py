"""The interface of an observer of a session, such as the guided tour."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from .session import Session


class SessionObserver(Protocol):
    """Follows the lines that are typed, as the guided tour does. A session has at most one."""

    def before_command(self, command: str) -> None:
        """Called before a line is run, with the name of its command, or "" for a seed or an empty line."""
        ...

    def after_command(self, session: Session) -> Iterator[Any]:
        """Yield effects to show after a line was run."""
        ...
