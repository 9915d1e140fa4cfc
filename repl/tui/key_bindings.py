"""The keys of the full screen, and when their actions apply."""

from __future__ import annotations

from textual.binding import Binding, BindingType

APP_BINDINGS: list[BindingType] = [
    Binding("escape", "stop", "Stop"),
    Binding("space", "pause", "Pause"),
    Binding("enter", "take", "Take"),
    Binding("1", "pick(0)", "Pick", key_display="1-9"),
    Binding("ctrl+up", "turn('+')", "T +", key_display="^↑"),
    Binding("ctrl+down", "turn('-')", "T -", key_display="^↓"),
    Binding("ctrl+r", "do('/retry')", "Retry"),
    Binding("f1", "help", "Help"),
    Binding("ctrl+p", "command_palette", "All"),
    Binding("f2", "lens", "Lens"),
    Binding("f3", "do('/tree')", "Tree"),
    Binding("f4", "settings", "Settings"),
    Binding("f5", "do('/edit')", "Edit"),
    Binding("ctrl+q", "quit", "Quit", priority=True),
    Binding("ctrl+c", "interrupt", show=False, priority=True),
    Binding("pageup", "scroll('page_up')", show=False, priority=True),
    Binding("pagedown", "scroll('page_down')", show=False, priority=True),
    Binding("ctrl+home", "scroll('home')", show=False, priority=True),
    Binding("ctrl+end", "scroll('end')", show=False, priority=True),
    Binding("alt+up", "do('/undo')", show=False),
    Binding("alt+down", "do('/redo')", show=False),
    Binding("alt+left", "do('/version -1')", show=False),
    Binding("alt+right", "do('/version 1')", show=False),
]
"""Keys that always act. The footer shows those with a label, in this order."""

EMPTY_LINE_KEYS = {
    "plus": "turn('+')",
    "minus": "turn('-')",
    "space": "pause",
    "enter": "take",
    "escape": "leave",
    "left": "look(-1)",
    "right": "look(1)",
    "ctrl+left": "look_word(-1)",
    "ctrl+right": "look_word(1)",
    "home": "look_end(0)",
    "end": "look_end(1)",
    "up": "choose(-1)",
    "down": "choose(1)",
    "left_square_bracket": "do('/version -1')",
    "right_square_bracket": "do('/version 1')",
    **{str(number): f"pick({number - 1})" for number in range(1, 10)},
    "ctrl+d": "quit",
    "ctrl+z": "do('/undo')",
    "ctrl+y": "do('/redo')",
}
"""Actions of keys pressed in an empty input line. If the action does not apply, the key types."""

TEMPERATURE_STEP = 0.05
"""Change of the temperature for one press of a key."""

ACTIONS_WHILE_WRITING = ("stop", "pause", "hurry")
"""Actions that apply while text is being written."""

ACTIONS_ON_MAIN_SCREEN = ("interrupt", "scroll")
"""Actions that apply if no other screen is on top."""

ACTIONS_WITH_CURSOR = ("choose", "take", "leave")
"""Actions that apply with a token cursor or a sweep."""

ACTIONS_WITH_TEXT = ("look", "look_word", "look_end")
"""Actions that apply if there are tokens or a sweep to move over."""
