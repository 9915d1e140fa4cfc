"""Everything that can go wrong for a person, as one line each: what is wrong, with which thing, and what to do."""

from __future__ import annotations


class AfterglowError(Exception):
    """A mistake or mishap that the user can do something about. Its text is one line; no traceback is shown."""

    exit_code = 1
    """What a process ends with: 1 for what went wrong at run time, 2 for wrong usage."""


class UsageError(AfterglowError):
    """What was asked for cannot be: a value out of range, an unknown command, a setting that does not exist."""

    exit_code = 2


class SettingError(UsageError):
    """A setting's value has the wrong type or lies out of its range; the text names the range."""


class CommandError(UsageError):
    """A slash command that does not exist, has the wrong arguments, or does not apply here and now."""


class TextError(AfterglowError):
    """A text cannot be read, or is not fit for what it is meant for."""


class ModelError(AfterglowError):
    """A model file is missing, damaged, foreign, or of a newer format."""


class StorageError(AfterglowError):
    """Something could not be written or read back: no permission, no space, no such passage."""


class StateError(AfterglowError):
    """A saved state is damaged, foreign, or belongs to another model."""


class EngineError(AfterglowError):
    """An engine was closed, or could not go on."""


class MissingExtraError(AfterglowError):
    """An optional part is not installed; the text says how to install it."""


class TrainingError(AfterglowError):
    """A training run cannot go on, or cannot be resumed."""
