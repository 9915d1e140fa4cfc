"""The buttons: Retry, Continue, Hotter, Cooler under a text and Stop under one on its way. All survive a restart."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

import discord

from .button_state import ButtonState, to_base36

if TYPE_CHECKING:
    Button = discord.ui.Button[discord.ui.View]
else:
    Button = discord.ui.Button

LABELS = {"r": "Retry", "c": "Continue", "h": "Hotter", "l": "Cooler"}
"""What a button does, by the letter that it carries. Buttons in old messages speak this: never reassign."""

Pressed = Callable[[discord.Interaction[Any], str, str], Awaitable[None]]


class TextButton(discord.ui.DynamicItem[Button], template=r"ag1:(?P<act>[rchl]):(?P<recipe>[^ ]{1,94})"):
    """Writes anew from the text that it is under; its id is the recipe."""

    def __init__(self, action: str, encoded_state: str) -> None:
        super().__init__(Button(label=LABELS[action], custom_id=f"ag1:{action}:{encoded_state}"))
        self.action, self.encoded_state = action, encoded_state

    @classmethod
    async def from_custom_id(
        cls,
        interaction: discord.Interaction[Any],  # noqa: ARG003
        item: discord.ui.Item[Any],  # noqa: ARG003
        match: re.Match[str],
        /,
    ) -> TextButton:
        """The button that a person has pressed."""
        return cls(match["act"], match["recipe"])

    async def callback(self, interaction: discord.Interaction[Any]) -> None:
        """Hand it to the client."""
        await interaction.client.handle_text_button(interaction, self.action, self.encoded_state)


class StopButton(discord.ui.DynamicItem[Button], template=r"ag1:s:(?P<owner>[0-9a-z]{1,13}):(?P<job>[0-9a-f]{8})"):
    """Ends the text above it, for the one who asked for it and for those who manage messages."""

    def __init__(self, owner: int, job: str) -> None:
        style = discord.ButtonStyle.danger
        super().__init__(Button(label="Stop", style=style, custom_id=f"ag1:s:{to_base36(owner)}:{job}"))
        self.owner, self.job = owner, job

    @classmethod
    async def from_custom_id(
        cls,
        interaction: discord.Interaction[Any],  # noqa: ARG003
        item: discord.ui.Item[Any],  # noqa: ARG003
        match: re.Match[str],
        /,
    ) -> StopButton:
        """The button that a person has pressed."""
        return cls(int(match["owner"], 36), match["job"])

    async def callback(self, interaction: discord.Interaction[Any]) -> None:
        """Hand it to the client."""
        await interaction.client.handle_stop_button(interaction, self.owner, self.job)


BUTTON_TYPES = (TextButton, StopButton)
"""What a client has to know to hear of presses, also of those on messages of an earlier process."""


def text_view(state: ButtonState) -> discord.ui.View:
    """The four buttons under a text."""
    return _view(*(TextButton(act, state.encode()) for act in LABELS))


def stop_view(owner: int, job: str) -> discord.ui.View:
    """The one button under a text that is on its way."""
    return _view(StopButton(owner, job))


def _view(*items: Any) -> discord.ui.View:
    view = discord.ui.View(timeout=None)
    for item in items:
        view.add_item(item)
    return view
