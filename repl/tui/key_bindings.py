"""The keys of the full screen."""

from __future__ import annotations

from textual.binding import Binding, BindingType

APP_BINDINGS: list[BindingType] = [
    Binding("escape", "stop", "Stop"),
    Binding("space", "pause", "Pause"),
    Binding("enter", "navigate('take')", "Take"),
    Binding("1", "navigate('pick', 0)", "Pick", key_display="1-9"),
    Binding("ctrl+up", "change_temperature('+')", "T +", key_display="^↑"),
    Binding("ctrl+down", "change_temperature('-')", "T -", key_display="^↓"),
    Binding("ctrl+r", "run_command('/retry')", "Retry"),
    Binding("f1", "help", "Help"),
    Binding("ctrl+p", "command_palette", "All"),
    Binding("f2", "lens", "Lens"),
    Binding("f3", "run_command('/tree')", "Tree"),
    Binding("f4", "settings", "Settings"),
    Binding("f5", "run_command('/edit')", "Edit"),
    Binding("ctrl+q", "quit", "Quit", priority=True),
    Binding("ctrl+c", "interrupt", show=False, priority=True),
    Binding("pageup", "scroll('page_up')", show=False, priority=True),
    Binding("pagedown", "scroll('page_down')", show=False, priority=True),
    Binding("ctrl+home", "scroll('home')", show=False, priority=True),
    Binding("ctrl+end", "scroll('end')", show=False, priority=True),
    Binding("ctrl+l", "redraw", show=False, priority=True),
    Binding("alt+z", "suspend_process", show=False, priority=True),
    Binding("alt+up", "run_command('/undo')", show=False),
    Binding("alt+down", "run_command('/redo')", show=False),
    Binding("alt+left", "run_command('/version -1')", show=False),
    Binding("alt+right", "run_command('/version 1')", show=False),
]
"""Keys of the app. The footer shows those with a label whose action applies, in this order."""

EMPTY_LINE_KEYS = {
    "plus": "change_temperature('+')",
    "minus": "change_temperature('-')",
    "space": "pause",
    "enter": "navigate('take')",
    "escape": "navigate('leave')",
    "left": "navigate('move', -1)",
    "right": "navigate('move', 1)",
    "ctrl+left": "navigate('move_word', -1)",
    "ctrl+right": "navigate('move_word', 1)",
    "home": "navigate('move_to_start')",
    "end": "navigate('move_to_end')",
    "up": "navigate('move_choice', -1)",
    "down": "navigate('move_choice', 1)",
    "left_square_bracket": "run_command('/version -1')",
    "right_square_bracket": "run_command('/version 1')",
    **{str(number): f"navigate('pick', {number - 1})" for number in range(1, 10)},
    "ctrl+d": "quit",
    "ctrl+z": "run_command('/undo')",
    "ctrl+y": "run_command('/redo')",
}
"""Actions of keys pressed in an empty input line. If the action does not apply, the key edits the line as usual."""

TEMPERATURE_STEP = 0.05
"""Change of the temperature for one press of a key."""
