"""The keys of the full screen: the table from which its bindings, the F1 page and docs/keys.md are made.

Each binding has an id, by which ``[keys]`` in config.toml gives it other keys, and a tooltip that says what it does.
The footer shows those with a label whose action applies now.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import NamedTuple

from textual.binding import Binding
from textual.keys import REPLACED_KEYS, format_key, key_to_character

TEMPERATURE_STEP = 0.05
"""Change of the temperature for one press of a key."""


def _key(
    id_: str, keys: str, action: str, help_: str, label: str = "", *, priority: bool = False, display: str | None = None
) -> Binding:
    return Binding(keys, action, label, show=bool(label), key_display=display, priority=priority, tooltip=help_, id=id_)


EMPTY_LINE_KEYS = (
    _key("pause", "space", "pause", "pause the text that is being written, or go on", "Pause"),
    _key("finish", "tab", "skip_to_end", "finish the text that is being written at once"),
    _key("take", "enter", "navigate('take')", "with a cursor or a sweep, continue with the chosen one", "Take"),
    _key("leave", "escape", "navigate('leave')", "remove the cursor, close the sweep, end a search"),
    _key("plus", "plus", "change_temperature('+')", "change the temperature by 0.05"),
    _key("minus", "minus", "change_temperature('-')", "change the temperature by 0.05"),
    _key("bracket-left", "left_square_bracket", "run_command('/version -1')", "show the previous version of the text"),
    _key("bracket-right", "right_square_bracket", "run_command('/version 1')", "show the next version, or write one"),
    _key("token-left", "left", "navigate('move', -1)", "move over the tokens, or the columns of a sweep"),
    _key("token-right", "right", "navigate('move', 1)", "move over the tokens, or the columns of a sweep"),
    _key("word-left", "ctrl+left,alt+b", "navigate('move_word', -1)", "move over the words"),
    _key("word-right", "ctrl+right,alt+f", "navigate('move_word', 1)", "move over the words"),
    _key("text-start", "home", "navigate('move_to_start')", "go to the first token, or after the last"),
    _key("text-end", "end", "navigate('move_to_end')", "go to the first token, or after the last"),
    _key(
        "candidate-up",
        "up",
        "navigate('move_choice', -1)",
        "choose a candidate at the cursor, or a place found",
    ),
    _key(
        "candidate-down",
        "down",
        "navigate('move_choice', 1)",
        "choose a candidate at the cursor, or a place found",
    ),
    _key("pick-1", "1", "navigate('pick', 0)", "with a sweep, continue with that column", "Pick", display="1-9"),
    *(
        _key(
            f"pick-{number}", str(number), f"navigate('pick', {number - 1})", "with a sweep, continue with that column"
        )
        for number in range(2, 10)
    ),
    _key("reveal", "question_mark", "navigate('reveal')", "tell which column of a blind sweep is which"),
    _key("unit-previous", "comma", "step_unit('previous')", "color by the previous or the next unit of the network"),
    _key("unit-next", "full_stop", "step_unit('next')", "color by the previous or the next unit of the network"),
    _key("unit-better", "less_than_sign", "step_unit('better')", "color by a better or a worse cell of /cells"),
    _key("unit-worse", "greater_than_sign", "step_unit('worse')", "color by a better or a worse cell of /cells"),
    _key("empty-undo", "ctrl+z", "run_command('/undo')", "undo and redo the last text"),
    _key("empty-redo", "ctrl+y", "run_command('/redo')", "undo and redo the last text"),
    _key("empty-quit", "ctrl+d", "quit", "quit"),
)
"""Keys in an empty input line. If the action does not apply, the key edits the line as usual."""

ANY_TIME_KEYS = (
    _key("stop", "escape", "stop", "stop the text that is being written, and keep it", "Stop"),
    _key("warmer", "ctrl+up", "change_temperature('+')", "change the temperature by 0.05", "T +", display="^↑"),
    _key("colder", "ctrl+down", "change_temperature('-')", "change the temperature by 0.05", "T -", display="^↓"),
    _key("retry", "ctrl+r", "run_command('/retry')", "write another version of the last text", "Retry"),
    _key("help", "f1", "help", "show this page", "Help"),
    _key("palette", "ctrl+p", "command_palette", "find any command", "All"),
    _key("lens", "f2", "lens", "show or hide the lens", "Lens"),
    _key("tree", "f3", "run_command('/tree')", "show the tree of seeds and texts", "Tree"),
    _key("settings", "f4", "settings", "show all settings", "Settings"),
    _key("edit", "f5", "run_command('/edit')", "edit the text in place", "Edit"),
    _key("quit", "ctrl+q", "quit", "quit", "Quit", priority=True),
    _key("copy", "ctrl+c", "interrupt", "copy the selection; without one, stop the text", priority=True),
    _key("find", "ctrl+f", "find", "find words in the text, then go to the next place", priority=True),
    _key("redraw", "ctrl+l", "redraw", "draw everything again, after a stray message", priority=True),
    _key("suspend", "alt+z", "suspend_process", "suspend; the shell's fg continues", priority=True),
    _key("undo", "alt+up", "run_command('/undo')", "undo and redo the last text"),
    _key("redo", "alt+down", "run_command('/redo')", "undo and redo the last text"),
    _key("version-previous", "alt+left", "run_command('/version -1')", "show the previous or the next version"),
    _key("version-next", "alt+right", "run_command('/version 1')", "show the previous or the next version"),
    _key("page-up", "pageup", "scroll('page_up')", "scroll", priority=True),
    _key("page-down", "pagedown", "scroll('page_down')", "scroll", priority=True),
    _key("scroll-start", "ctrl+home", "scroll('home')", "scroll", priority=True),
    _key("scroll-end", "ctrl+end", "scroll('end')", "scroll", priority=True),
)
"""Keys of the app."""

LINE_KEYS = (
    _key("run", "enter", "submit", "run the line; an empty one continues the text"),
    _key("newline", "ctrl+j,alt+enter,shift+enter", "newline", "begin a new line"),
    _key("complete", "tab", "complete", "take a completion of a command"),
    _key("close-completions", "escape", "close_completions", "close the list of completions"),
    _key("search-history", "alt+r", "search_history", "search the earlier lines"),
    _key("line-up", "up", "up", "choose a completion, go to the line above or below, or recall earlier lines"),
    _key("line-down", "down", "down", "choose a completion, go to the line above or below, or recall earlier lines"),
    _key("external-editor", "ctrl+g", "editor", "open the line in your editor (VISUAL, EDITOR)"),
)
"""Keys of the input line."""

EDITING_KEYS = (
    _key("cut-word-left", "ctrl+w,ctrl+backspace,alt+backspace", "delete_word_left", "cut the word before the cursor"),
    _key("cut-word-right", "alt+d,alt+delete", "delete_word_right", "cut the word after the cursor"),
    _key("cut-line-left", "ctrl+u", "delete_to_start_of_line", "cut the line before the cursor"),
    _key("cut-line-right", "ctrl+k", "delete_to_end_of_line", "cut the line after the cursor"),
    _key("paste-cut", "ctrl+y", "paste_cut", "insert what was cut last"),
    _key("line-word-left", "ctrl+left,alt+b", "cursor_word_left", "move over words"),
    _key("line-word-right", "ctrl+right,alt+f", "cursor_word_right", "move over words"),
    _key("line-undo", "ctrl+z", "undo", "undo and redo an edit"),
    _key("line-redo", "ctrl+shift+z", "redo", "undo and redo an edit"),
)
"""Keys that edit a text, in the input line and on the page that edits the passage."""

PICKER_KEYS = (
    _key("picker-close", "escape", "dismiss(None)", "close the list", "Close"),
    _key("picker-up", "up", "move('up')", "choose a row; Enter takes it", priority=True),
    _key("picker-down", "down", "move('down')", "choose a row; Enter takes it", priority=True),
    _key("picker-page-up", "pageup", "move('page_up')", "scroll", priority=True),
    _key("picker-page-down", "pagedown", "move('page_down')", "scroll", priority=True),
    _key("picker-rename", "ctrl+r", "rename", "give the chosen passage a name", "Rename", priority=True),
    _key("picker-delete", "ctrl+d", "delete", "delete the chosen row", "Delete", priority=True),
)
"""Keys of a list."""

QUESTION_KEYS = (
    _key("answer-yes", "y", "dismiss(True)", "answer yes", "Yes"),
    _key("answer-no", "n,enter,escape", "dismiss(False)", "answer no", "No", display="n"),
)
"""Keys of a question."""

EDITOR_KEYS = (
    # Accept has no priority: keys typed before it are in the text by then.
    _key("editor-accept", "ctrl+s", "accept", "accept the text, and continue it", "Accept"),
    _key("editor-close", "escape", "close", "close the page, and keep the draft", "Close", priority=True),
)
"""Keys of the page that edits the text."""

SETTINGS_KEYS = (
    _key("settings-close", "escape,f4", "close", "close the page", "Close"),
    _key("settings-up", "up", "app.focus_previous", "go to another setting", priority=True),
    _key("settings-down", "down", "app.focus_next", "go to another setting", priority=True),
)
"""Keys of the page of settings."""

HELP_KEYS = (_key("help-close", "escape,f1", "dismiss(None)", "close this page", "Close"),)
"""Keys of the page of keys."""

KEY_GROUPS = {
    "While the input line is empty": EMPTY_LINE_KEYS,
    "At any time": ANY_TIME_KEYS,
    "In the input line": LINE_KEYS,
    "In any text": EDITING_KEYS,
    "In a list": PICKER_KEYS,
    "Where yes or no is asked": QUESTION_KEYS,
    "Editing in place": EDITOR_KEYS,
    "In the settings": SETTINGS_KEYS,
    "On the page of keys": HELP_KEYS,
}
"""All bindings, by the place where they act."""

NO_CHANGES: Mapping[str, str] = {}
"""A keymap that leaves all keys as they are."""

APP_KEYS = (ANY_TIME_KEYS[0], *(key for key in EMPTY_LINE_KEYS if key.show), *ANY_TIME_KEYS[1:])
"""Bindings of the app, with those of the empty line that the footer shows."""

_NAMES = {"escape": "Esc", "pageup": "PageUp", "pagedown": "PageDown", "enter": "Enter"}
"""Names of keys that Textual shows in another way."""


def types_character(key: str) -> bool:
    """Return True if a key without modifiers types its character."""
    return (key_to_character(REPLACED_KEYS.get(key, key)) or "\n").isprintable()


def show_keys(keys: str) -> str:
    """Return keys as they are written in text: "ctrl+j,alt+enter" is "Ctrl-J Alt-Enter"."""
    return " ".join(_show_key(key.strip()) for key in keys.split(","))


def _show_key(key: str) -> str:
    *modifiers, base = key.split("+")
    sign = format_key(base)
    name = _NAMES.get(base) or (sign if len(sign) == 1 and base not in ("backspace", "enter") else base.title())
    return "-".join(
        [*(modifier.title() for modifier in modifiers), name.upper() if modifiers and len(name) == 1 else name]
    )


class KeyRow(NamedTuple):
    """Keys that do the same, as they are written in text; the thing they do; and the ids of their bindings."""

    keys: str
    help: str
    ids: tuple[str, ...]


def describe_keys(bindings: Sequence[Binding], keymap: Mapping[str, str]) -> Iterator[KeyRow]:
    """Yield rows of keys. Keys one after the other that do the same share a row."""
    for help_, same in groupby(bindings, lambda binding: binding.tooltip):
        found = [(binding.id or "", binding.key) for binding in same]
        yield KeyRow(" ".join(show_keys(keymap.get(*pair)) for pair in found), help_, tuple(id_ for id_, _ in found))
