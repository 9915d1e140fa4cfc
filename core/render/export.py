"""A passage as a file: plain text, Markdown, its tree as JSON, or with the colours of heat as HTML or SVG."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from html import escape

from ..events import Token
from ..session.passage import Passage
from ..session.passage_json import to_json
from .heat import heat_level, surprisal
from .sanitize import escape_controls
from .svg import HEAT_COLORS, SvgPage, WrappedTokens

LINE_WIDTH = 76
"""Characters to a line of a picture."""

PassageSpan = tuple[str, Token | None]


def as_text(passage: Passage, summary: str, heat: str) -> str:  # noqa: ARG001
    """What it says, and nothing else."""
    return passage.text()


def as_json(passage: Passage, summary: str, heat: str) -> str:  # noqa: ARG001
    """All of the tree, as a saved passage."""
    return to_json(passage)


def as_markdown(passage: Passage, summary: str, heat: str) -> str:  # noqa: ARG001
    """A quotation, and how it was written."""
    quoted = "\n".join(f"> {line}" for line in passage.text().split("\n"))
    return f"{quoted}\n\n{summary}\n"


def as_html(passage: Passage, summary: str, heat: str) -> str:
    """A page of its own: tokens in the colours of heat, each with its figures where the mouse rests on it."""
    body = "".join(_token_html(text, token, _heat_or_default(heat)) for text, token in token_spans(passage))
    return _HTML_TEMPLATE.format(
        rules="\n".join(f".h{n} {{ color: {colour}; }}" for n, colour in enumerate(HEAT_COLORS)),
        body=body,
        summary=escape(summary),
    )


def as_svg(passage: Passage, summary: str, heat: str) -> str:
    """A picture in the colours of heat, with T at the left wherever it was turned."""
    picture = SvgPage(LINE_WIDTH + 8)
    text = WrappedTokens(LINE_WIDTH)
    for piece, token in token_spans(passage):
        text.add(escape_controls(piece), token)
    picture.passage(text, _heat_or_default(heat))
    picture.gap()
    picture.line([(summary, "dim")], 7)
    return picture.to_svg(f"A passage of {passage.model}")


def token_spans(passage: Passage) -> Iterator[PassageSpan]:
    """The text up to the cursor: seeds and tails without a token, the rest a token each."""
    for node, kept in passage.path():
        if node.seed is not None:
            yield node.seed, None
            continue
        yield from ((token.text, token) for token in node.tokens[:kept])
        if node.tail and (kept is None or kept >= len(node.tokens)):
            yield node.tail, None


def _heat_or_default(heat: str) -> str:
    """What is coloured: a picture without colours would show nothing that its text does not."""
    return "surprise" if heat == "off" else heat


def _token_html(text: str, token: Token | None, heat: str) -> str:
    if token is None:
        return f"<b>{escape(escape_controls(text))}</b>"
    figures = f"T {token.temperature:.2f}, rank {token.rank}, {surprisal(token):.1f} bits"
    return f'<span class="h{heat_level(token, heat)}" title="{figures}">{escape(escape_controls(text))}</span>'


_HTML_TEMPLATE = """<!doctype html>
<html lang="und"><head><meta charset="utf-8"><title>A passage</title><style>
body {{ background: #14161b; color: #d9dbe1; max-width: 46em; margin: 2em auto; padding: 0 1em; }}
pre {{ font: 1em/1.5 ui-monospace, monospace; white-space: pre-wrap; }}
b {{ color: #7fb4ff; }} footer {{ color: #8b8f9a; }}
{rules}
</style></head><body><pre>{body}</pre><footer>{summary}</footer></body></html>
"""

EXPORTERS: dict[str, Callable[[Passage, str, str], str]] = {
    ".txt": as_text,
    ".md": as_markdown,
    ".json": as_json,
    ".html": as_html,
    ".svg": as_svg,
}
"""By the ending of a file's name: what makes its text of a passage, of how it was written, and of the heat set."""
