"""How many examples property tests draw, and whether they are the same every time.

The profile ``repeat`` draws the same ones in every run, so that a change breaks a test and luck does not. With
HYPOTHESIS_PROFILE=roam they are others each time and ten times as many; a failure prints a line that repeats it.
"""

from __future__ import annotations

import os

from hypothesis import settings

PROFILE = os.environ.get("HYPOTHESIS_PROFILE", "repeat")
ROAMING_FACTOR = 10
"""Number of times as many examples while roaming."""

settings.register_profile("repeat", derandomize=True, deadline=None, database=None)
settings.register_profile("roam", derandomize=False, deadline=None, database=None, print_blob=True)
settings.load_profile(PROFILE)


def examples(count: int) -> settings:
    """Return the settings of a property test that draws ``count`` examples, or more if it roams."""
    return settings(max_examples=count * (ROAMING_FACTOR if PROFILE == "roam" else 1))
