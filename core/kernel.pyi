supported: int
"""Whether this machine's processor can do it; where not, nothing else is here. Arrays are given as addresses."""

most_threads: int
"""On how many threads a step can be."""

def step(where: int, ids: int, count: int, /) -> None:
    """Step the rows of the ``Step`` at ``where`` on by ``count`` tokens each, ids (count, rows) as int64."""

def write(where: int, uniforms: int, temperatures: int, ids: int, told: int, count: int, /) -> None:
    """Draw a token for every row and step on, ``count`` times.

    In: uniforms (count, rows) and temperatures (rows,), float64. Out: ids (count, rows), int64, and what is told of
    them, (4, count, rows), float64, in the order of ``sampler.Described``.
    """

def pick(shaped: int, uniforms: int, ids: int, rows: int, count: int, /) -> None:
    """Draw ids (rows,) from logits (rows, count), float64, by uniforms (rows,)."""

def describe(raw: int, shaped: int, ids: int, told: int, rows: int, count: int, /) -> None:
    """What is to be told of ids (rows,), drawn from shaped logits (rows, count), into told (4, rows), float64."""
