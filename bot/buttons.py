"""The buttons under a text: Retry, Continue, Hotter, Cooler, and Stop while it is written. They survive a restart."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, cast

import discord

from .button_state import ButtonState, to_base36

if TYPE_CHECKING:
    from .client import Bot

    Button = discord.ui.Button[discord.ui.View]
else:
    Button = discord.ui.Button

LABELS = {"r": "Retry", "c": "Continue", "h": "Hotter", "l": "Cooler"}
"""Label of each button by the letter in its id. Old messages hold these letters, so they never change meaning."""


class TextButton(discord.ui.DynamicItem[Button], template=r"ag1:(?P<action>[rchl]):(?P<state>[^ ]{1,94})"):
    """A button that writes another text from the one above it. Its id holds an encoded ``ButtonState``."""

    def __init__(self, action: str, encoded_state: str) -> None:
        super().__init__(Button(label=LABELS[action], custom_id=f"ag1:{action}:{encoded_state}"))
        self.action = action
        self.encoded_state = encoded_state

    @classmethod
    async def from_custom_id(
        cls,
        interaction: discord.Interaction,  # noqa: ARG003
        item: discord.ui.Item[discord.ui.View],  # noqa: ARG003
        match: re.Match[str],
        /,
    ) -> TextButton:
        """Return the button that was pressed."""
        return cls(match["action"], match["state"])

    async def callback(self, interaction: discord.Interaction) -> None:
        """Pass the press to the bot's responder."""
        await cast("Bot", interaction.client).responder.on_text_button(interaction, self.action, self.encoded_state)


class StopButton(discord.ui.DynamicItem[Button], template=r"ag1:s:(?P<owner>[0-9a-z]{1,13}):(?P<job>[0-9a-f]{8})"):
    """A button that stops the text above it, for the user with the id ``owner`` and for moderators."""

    def __init__(self, owner: int, job_id: str) -> None:
        style = discord.ButtonStyle.danger
        super().__init__(Button(label="Stop", style=style, custom_id=f"ag1:s:{to_base36(owner)}:{job_id}"))
        self.owner = owner
        self.job_id = job_id

    @classmethod
    async def from_custom_id(
        cls,
        interaction: discord.Interaction,  # noqa: ARG003
        item: discord.ui.Item[discord.ui.View],  # noqa: ARG003
        match: re.Match[str],
        /,
    ) -> StopButton:
        """Return the button that was pressed."""
        return cls(int(match["owner"], 36), match["job"])

    async def callback(self, interaction: discord.Interaction) -> None:
        """Pass the press to the bot's responder."""
        await cast("Bot", interaction.client).responder.on_stop_button(interaction, self.owner, self.job_id)


BUTTON_TYPES = (TextButton, StopButton)
"""Classes that the client registers, so that buttons under messages from before its start work too."""


def text_view(state: ButtonState) -> discord.ui.View:
    """Return the four buttons under a text."""
    return _view(*(TextButton(action, state.encode()) for action in LABELS))


def stop_view(owner: int, job_id: str) -> discord.ui.View:
    """Return the Stop button under a text that is being written."""
    return _view(StopButton(owner, job_id))


def encoded_state_of(message: discord.Message) -> str:
    """Return the encoded ``ButtonState`` in the buttons under a message, "" if there is none."""
    for row in message.components:
        for child in getattr(row, "children", ()):
            match = TextButton.__discord_ui_compiled_template__.fullmatch(child.custom_id or "")
            if match:
                return match["state"]
    return ""


def _view(*items: TextButton | StopButton) -> discord.ui.View:
    view = discord.ui.View(timeout=None)
    for item in items:
        view.add_item(item)
    return view
