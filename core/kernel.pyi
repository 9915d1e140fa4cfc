from _typeshed import ReadableBuffer, WriteableBuffer

supported: int
"""Whether this machine's processor can do it; where not, nothing else is here."""

most_threads: int
"""On how many threads a step can be."""

def step(where: int, ids: ReadableBuffer, /) -> None:
    """Step the rows of the ``Step`` at this address on by as many tokens as ids (T, rows), int64, holds for each."""

def write(
    where: int, uniforms: ReadableBuffer, temperatures: ReadableBuffer, ids: WriteableBuffer, told: WriteableBuffer, /
) -> None:
    """Draw a token for every row and step on, T times.

    In: uniforms (T, rows) and temperatures (rows,), float64. Out: ids (T, rows), int64, and what is told of them,
    (4, T, rows), float64, in the order of ``sampler.Described``.
    """

def pick(shaped: ReadableBuffer, uniforms: ReadableBuffer, ids: WriteableBuffer, count: int, /) -> None:
    """Draw ids (rows,), int64, from logits (rows, count), float64, by uniforms (rows,)."""

def describe(
    raw: ReadableBuffer, shaped: ReadableBuffer, ids: ReadableBuffer, told: WriteableBuffer, count: int, /
) -> None:
    """What is to be told of ids (rows,), drawn from shaped logits (rows, count), into told (4, rows), float64."""
