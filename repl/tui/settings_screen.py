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

from ...core.errors import SettingError
from ...core.session.session import Session
from ...core.settings import SPECS, Spec
from .key_bindings import SETTINGS_KEYS
from .visible_text import ControlHighlighter


class SettingField(Horizontal):
    """The name of a setting, and an input with its value. A dot marks a value other than the default."""

    def __init__(self, spec: Spec, session: Session) -> None:
        super().__init__()
        self.spec = spec
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

    def refresh_value(self) -> None:
        """Show the current value in place of the text in the input."""
        is_default = getattr(self._session.settings, self.spec.name) == self._session.default_of(self.spec.name)
        self._label.update(Content(f"{' ' if is_default else '•'} {self.spec.label}"))
        self._value.value = self.value_text

    def apply(self) -> None:
        """Set the typed value, or the default if "reset" was typed. Raise SettingError if the value is invalid."""
        text = self._value.value
        if text == self.value_text:
            return
        if text.strip() == "reset":
            value = self._session.default_of(self.spec.name)
        else:
            value = self.spec.parse(text, getattr(self._session.settings, self.spec.name))
        self._session.set(self.spec.name, value)
        self.refresh_value()


class SettingsScreen(ModalScreen[None]):
    """A field for each setting, and the help text of the focused one."""

    BINDINGS: ClassVar[list[BindingType]] = [*SETTINGS_KEYS]

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session = session
        self._help_text = Static(markup=False, id="setting-help")

    def compose(self) -> ComposeResult:
        """Lay out the fields, with the help text below."""
        with Vertical(id="settings"):
            yield Static(Content("settings · Enter sets · reset restores the default · Esc closes"), classes="title")
            with VerticalScroll(can_focus=False):
                for spec in SPECS.values():
                    yield SettingField(spec, self._session)
            yield self._help_text

    def on_mount(self) -> None:
        """Focus the first field."""
        self.query(Input).first().focus()

    def on_descendant_focus(self) -> None:
        """Show the help text of the focused setting."""
        field = self._focused_field()
        if field:
            self._help_text.update(Content(f"{field.spec.help} ({field.spec.kind.range})"))

    def on_descendant_blur(self) -> None:
        """Discard a value that was typed but not entered."""
        for field in self.query(SettingField):
            field.refresh_value()

    @on(Input.Submitted)
    def _apply_entry(self, event: Input.Submitted) -> None:
        event.stop()
        field = self._focused_field()
        if field is None:
            return
        try:
            field.apply()
            self._help_text.update(Content(f"{field.spec.label} is {field.value_text}"))
        except SettingError as error:
            self._help_text.update(Content(f"✗ {error}"))

    def action_close(self) -> None:
        """Return to the main screen."""
        self.dismiss(None)

    def _focused_field(self) -> SettingField | None:
        focused = self.focused
        return focused.parent if focused and isinstance(focused.parent, SettingField) else None
