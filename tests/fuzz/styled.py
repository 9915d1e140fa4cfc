"""Passages and states of a model with styles: a ramp, a mix and a guided text."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import cached_property
from typing import Any

import numpy as np
from afterglow.core.model import Model, load
from afterglow.core.session.session import Session
from afterglow.core.settings import SPECS, Settings

from ..kernel_helpers import random_styles
from .mutation import Sample
from .passages import STATE_MAGIC, PassageTarget, StateTarget
from .target import TINY, TinyTarget

CHANGES = {3: {"style": "ann:0.5 bob:-1"}, 6: {"style_strength": 3.0}, 9: {"style": "ann..off"}}
"""Settings to change after so many tokens of a text."""


class _StyledTarget(TinyTarget):
    """A target that needs a model with styles."""

    @cached_property
    def model(self) -> Model:
        """The tiny model with two styles."""
        file = load(str(TINY)).file
        return Model("styled", replace(file, styles=random_styles(file.architecture, "ann", "bob")).with_sha256())

    def written(self) -> Session:
        """Return a session with a seed, a text whose style changes, a retry and a branch."""
        session = Session(self.model, Settings(rng=7, length=12, style="bob", surprise=2.0))
        for write in (lambda: session.write_from("The lamp"), session.retry, lambda: session.branch(4)):
            for number, _ in enumerate(write(), 1):
                for name, value in CHANGES.get(number, {}).items():
                    session.set(name, SPECS[name].check(value))
        return session


class StyledPassageTarget(_StyledTarget, PassageTarget):
    """A passage in styles: opened, continued, exported, and saved again in both ways."""

    name = "styled-passage"


class StyledStateTarget(_StyledTarget, StateTarget):
    """The state of a guided text, signed again: continued with filters that look back."""

    name = "styled-state"

    def make_sample(self) -> Sample:
        """Return a state of two rows."""
        session = self.written()
        session.set("style", "bob")
        for _ in session.continue_():
            pass
        snapshot = session.current_snapshot()
        header = json.loads(self.model.dump_state(snapshot)[len(STATE_MAGIC) + 32 :].partition(b"\n")[0])
        arrays: dict[str, Any] = {}
        for row, (state, logits) in enumerate(filter(None, snapshot.rows)):
            arrays |= {f"logits.{row}": logits}
            arrays |= {f"state.{row}.{number}": array for number, array in enumerate(state)}
        return Sample(header, {**arrays, "history": np.asarray(snapshot.history.recent(100), np.int32)})
