supported: int
"""Whether this machine's processor can do it."""

def step(where: int, ids: int, count: int, /) -> None:
    """Step the rows of the ``Step`` at this address on by ``count`` tokens each, ids (count, rows) as int64."""
