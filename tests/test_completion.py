"""What the shells make of ``afterglow completion``: each script in its own shell."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

BIN = Path(sys.executable).parent
ASKED = {
    "bash": (
        'eval "$(afterglow completion bash)"; COMP_WORDS=({words}); COMP_CWORD={last};'
        " _afterglow_completion afterglow; printf '%s\\n' \"${{COMPREPLY[@]}}\""
    ),
    "fish": 'afterglow completion fish | source; complete -C "{line}" | string split -f1 \\t; true',
}
"""By shell: a script that prints what the last word could become."""


def shell(name: str, script: str) -> list[str]:
    """The lines that a script prints, with afterglow on the path."""
    program = shutil.which(name)
    if not program or not (BIN / "afterglow").exists():
        pytest.skip(f"{name} and an installed afterglow are needed")
    environment = os.environ | {"PATH": f"{BIN}:{os.environ['PATH']}"}
    command = [program, "-c", script]
    ran = subprocess.run(command, env=environment, capture_output=True, text=True, check=True, timeout=60)  # noqa: S603
    return ran.stdout.split()


@pytest.mark.parametrize("name", ASKED)
@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("afterglow exp", {"explain", "export"}),
        ("afterglow info sha", {"shakespeare"}),
        ("afterglow -m sh", {"shakespeare"}),
    ],
)
def test_verbs_and_models_are_completed(name: str, line: str, expected: set[str]) -> None:
    script = ASKED[name].format(words=line, last=len(line.split()) - 1, line=line)
    assert set(shell(name, script)) == expected


def test_zsh_can_read_its_script() -> None:
    assert shell(
        "zsh", 'autoload -Uz compinit; compinit -D; eval "$(afterglow completion zsh)"; echo $_comps[afterglow]'
    ) == ["_afterglow_completion"]
