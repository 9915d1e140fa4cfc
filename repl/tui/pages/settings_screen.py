"""A screen with all settings, made from their declarations. A change acts at once, also on the text being written."""

from __future__ import annotations

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.suggester import SuggestFromList
from textual.widgets import Input, Static

from ....core.errors import SettingError
from ....core.session.session import Session
from ....core.setting_spec import Spec
from ....core.settings import SPECS
from ..keys.key_bindings import SETTINGS_KEYS
from ..status.footer import KeyFooter
from ..status.footer_hints import SETTINGS_HINTS
from ..terminal.visible_text import ControlHighlighter


class SettingField(Horizontal):
    """The name of a setting, and an input with its value. A dot marks a value other than the default.

    ``error`` says what is wrong with the typed value, "" if nothing is.
    """

    def __init__(self, spec: Spec, session: Session) -> None:
        super().__init__()
        self.spec = spec
        self.error = ""
        self._session = session
        self._label = Static(markup=False, classes="name")
        suggester = SuggestFromList(spec.kind.examples, case_sensitive=False)
        self._value = Input(
            self.value_text,
            compact=True,
            suggester=suggester,
            select_on_focus=True,
            highlighter=ControlHighlighter(),
        )

    @property
    def value_text(self) -> str:
        """The current value in the form in which it is typed."""
        return self.spec.kind.show(getattr(self._session.settings, self.spec.name))

    def compose(self) -> ComposeResult:
        """Lay out name and value side by side."""
        yield self._label
        yield self._value

    def on_mount(self) -> None:
        """Show the current value."""
        self.refresh_value()

    def focus_value(self) -> None:
        """Focus the input."""
        self._value.focus()

    def refresh_value(self) -> None:
        """Show the current value in place of the text in the input."""
        self._value.value = self.value_text
        self._mark()

    def apply(self) -> None:
        """Set the typed value, or the default if "reset" was typed. An invalid value stays, and ``error`` says why."""
        text, self.error = self._value.value, ""
        try:
            if text != self.value_text:
                self._session.set(self.spec.name, self._parse(text))
                self._value.value = self.value_text
        except SettingError as error:
            self.error = str(error)
        self._mark()

    def _parse(self, text: str) -> object:
        if text.strip() == "reset":
            return self._session.default_of(self.spec.name)
        return self.spec.parse(text, getattr(self._session.settings, self.spec.name))

    def _mark(self) -> None:
        is_default = getattr(self._session.settings, self.spec.name) == self._session.default_of(self.spec.name)
        self._label.update(Content(f"{'✗' if self.error else ' ' if is_default else '•'} {self.spec.label}"))


class SettingsScreen(ModalScreen[None]):
    """A field for each setting, and the help text of the focused one."""

    BINDINGS: ClassVar[list[BindingType]] = [*SETTINGS_KEYS]

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session = session
        self._told_invalid: set[str] = set()
        self._help_text = Static(markup=False, id="setting-help")

    def compose(self) -> ComposeResult:
        """Lay out the fields, with the help text below."""
        with Vertical(id="settings"):
            yield Static(
                Content("settings · set when a field is left · reset restores the default"),
                classes="title",
            )
            with VerticalScroll(can_focus=False):
                for spec in SPECS.values():
                    yield SettingField(spec, self._session)
            yield self._help_text
        yield KeyFooter(*SETTINGS_HINTS)

    def on_mount(self) -> None:
        """Focus the first field."""
        self.query(Input).first().focus()

    def on_descendant_focus(self) -> None:
        """Set what was typed into other fields, and show the help text of the focused setting."""
        focused = self._focused_field()
        for field in self.query(SettingField):
            if field is not focused:
                field.apply()
        if focused:
            self._show_help(focused)

    def _show_help(self, field: SettingField, note: str = "") -> None:
        about = note or f"{field.spec.help} ({field.spec.kind.range})"
        if field.error:
            about = f"✗ {field.error}{'; close again to leave it' if field.spec.name in self._told_invalid else ''}"
        self._help_text.update(Content(about))

    @on(Input.Submitted)
    def _apply_entry(self, event: Input.Submitted) -> None:
        event.stop()
        field = self._focused_field()
        if field:
            field.apply()
            self._show_help(field, f"{field.spec.label} is {field.value_text}")

    def action_close(self) -> None:
        """Set what was typed, and return to the main screen. An invalid value has to be closed twice."""
        for field in self.query(SettingField):
            field.apply()
        invalid = [field for field in self.query(SettingField) if field.error]
        names = {field.spec.name for field in invalid}
        if names <= self._told_invalid:
            self.dismiss(None)
            return
        self._told_invalid = names
        invalid[0].focus_value()
        self._show_help(invalid[0])

    def _focused_field(self) -> SettingField | None:
        focused = self.focused
        return focused.parent if focused and isinstance(focused.parent, SettingField) else None
