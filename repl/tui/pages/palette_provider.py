"""The source of the command palette's entries."""

from __future__ import annotations

from textual.command import DiscoveryHit, Hits
from textual.system_commands import SystemCommandsProvider


class CommandsByUse(SystemCommandsProvider):
    """Lists the commands in the order of their use. Textual's own provider sorts them by name."""

    async def discover(self) -> Hits:
        """Yield all commands."""
        for title, help_, callback, discover in self.app.get_system_commands(self.screen):
            if discover:
                yield DiscoveryHit(title, callback, help=help_)
