"""Documents with mark-up: HTML, EPUB and DOCX. lxml and python-docx read them, which are the extra ``read``."""

from __future__ import annotations

import io
import posixpath
import re
from collections.abc import Iterator
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from ...errors import MissingExtraError, TextError
from ..encoding import GUESSED
from .archives import MAX_PAGE_BYTES, bounded_zip, read_member, require_small
from .record import Record
from .text_document import TextDocument

if TYPE_CHECKING:
    from ..formats import ReadOptions

NO_READ_HINT = "to read HTML, EPUB and DOCX, install the extra: pip install 'afterglow-lm[read]'"

_PARAGRAPHS = re.compile(
    "address|article|aside|blockquote|body|caption|center|div|dl|fieldset|figcaption|figure|footer|form|h[1-6]|header|hr"
    "|html|main|ol|p|pre|section|table|tbody|tfoot|thead|title|ul"
)
"""Elements with an empty line before and after them."""

_LINES = re.compile("dd|dt|li|td|th|tr")
"""Elements on a line of their own."""

_LEFT_OUT = re.compile(
    "applet|audio|button|canvas|embed|head|iframe|math|nav|noscript|object|script|select|style|svg|template|textarea"
    "|video"
)
"""Elements that are not shown, or are no text."""

UTF8_DECLARATION = b"<!-- utf-8 -->"
"""Beginning of a page that was decoded, so that the encoding it names, if any, does not count."""

_HTML_START = re.compile(rb"\s*(?:<\?xml[^>]*>\s*)?(?:<!--.{0,500}?-->\s*)?<(?:!doctype\s+html|html)\b", re.I | re.S)


def missing_libraries() -> list[str]:
    """Return the names of the libraries of the extra ``read`` that are not installed."""
    return [name for name in ("docx", "lxml") if find_spec(name) is None]


def is_html(document: TextDocument) -> bool:
    """Return True if the name ends in .html, .htm or .xhtml, or if the file begins like a page."""
    return document.suffix in (".html", ".htm", ".xhtml") or bool(_HTML_START.match(document.head))


def read_html(document: TextDocument, options: ReadOptions) -> Iterator[Record]:  # noqa: ARG001
    """Yield the text of a page: what a browser shows, without menus.

    An encoding that the user named is used, else the one that the page names. Raises TextError.
    """
    data = document.load(MAX_PAGE_BYTES)
    if document.encoding not in ("utf-8", GUESSED) or not _names_encoding(data):
        data = UTF8_DECLARATION + document.load_text().encode("utf-8", "replace")
    text = page_text(data)
    if text:
        yield Record(text)


def is_epub(document: TextDocument) -> bool:
    """Return True if the file is an archive whose name or content says that it is an EPUB."""
    is_named_so = document.suffix == ".epub" or b"application/epub+zip" in document.head[:200]
    return document.head.startswith(b"PK\3\4") and is_named_so


def read_epub(document: TextDocument, options: ReadOptions) -> Iterator[Record]:  # noqa: ARG001
    """Yield the text of each chapter, in the order of the book. Raises TextError if it is no whole EPUB."""
    with bounded_zip(document) as book:
        package = _parse_xml(read_member(book, "META-INF/container.xml", document.name, MAX_PAGE_BYTES), document.name)
        root = next((str(each.get("full-path")) for each in package.iter("{*}rootfile")), "")
        content = _parse_xml(read_member(book, root, document.name, MAX_PAGE_BYTES), document.name)
        files = {item.get("id"): str(item.get("href")) for item in content.iter("{*}item")}
        for reference in content.iter("{*}itemref"):
            name = posixpath.join(posixpath.dirname(root), unquote(files.get(reference.get("idref")) or ""))
            text = page_text(read_member(book, posixpath.normpath(name), document.name, MAX_PAGE_BYTES))
            if text:
                yield Record(text)


def is_docx(document: TextDocument) -> bool:
    """Return True if the name ends in .docx, or if the file is an archive that begins with Word's parts."""
    return document.head.startswith(b"PK\3\4") and (
        document.suffix in (".docx", ".docm") or b"word/document.xml" in document.head
    )


def read_docx(document: TextDocument, options: ReadOptions) -> Iterator[Record]:  # noqa: ARG001
    """Yield the text of a Word document: its paragraphs and the cells of its tables. Raises TextError."""
    try:
        import docx
    except ImportError:
        raise MissingExtraError(f"{document.name} is a Word document; {NO_READ_HINT}") from None
    data = document.load()
    with bounded_zip(document) as archive:
        require_small(archive, document.name)  # python-docx unpacks all of it
    try:
        paragraphs = list(_docx_paragraphs(docx.Document(io.BytesIO(data))))
    except Exception as error:  # python-docx and lxml raise whatever they stumble over
        raise TextError(f"{document.name} is not a Word document that can be read: {type(error).__name__}") from None
    yield Record("\n\n".join(filter(None, paragraphs)))


def page_text(data: bytes) -> str:
    """Return the text of an HTML page, its paragraphs separated by an empty line.

    Its encoding is UTF-8 if it begins with ``UTF8_DECLARATION`` or names none, else the one that it names.
    """
    etree = _import_etree()
    is_utf8 = data.startswith(UTF8_DECLARATION) or not _names_encoding(data)
    known = "utf-8" if is_utf8 else None
    parser = etree.HTMLParser(encoding=known, no_network=True, remove_comments=True, remove_pis=True)
    try:
        root = etree.fromstring(data, parser)
    except (etree.ParserError, etree.XMLSyntaxError, LookupError, ValueError):
        return ""
    if root is None:
        return ""
    parts = list[str]()
    _collect(root, parts)
    lines = (" ".join(line.split()) for line in "".join(parts).split("\n"))
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()


def _collect(root: Any, parts: list[str]) -> None:
    """Append the text of an element and of those in it, without recursion: pages can be nested without end."""
    pending: list[tuple[Any, bool]] = [(root, True)]
    while pending:
        element, enters = pending.pop()
        tag = element.tag if isinstance(element.tag, str) else ""
        _separate(tag, enters, parts)
        if not enters:
            parts.append(_drop_line_ends(element.tail))
            continue
        pending.append((element, False))
        if tag and not _LEFT_OUT.fullmatch(tag):
            parts.append(_drop_line_ends(element.text))
            pending += [(child, True) for child in reversed(element)]


def _separate(tag: str, enters: bool, parts: list[str]) -> None:
    """Append what is between an element and its neighbors: an empty line, a line end, or nothing."""
    if _PARAGRAPHS.fullmatch(tag):
        parts.append("\n\n")
    elif _LINES.fullmatch(tag):
        while parts and not parts[-1].strip(" "):
            parts.pop()
        parts.append("" if parts and parts[-1].endswith("\n") else "\n")
    elif tag == "br" and enters:
        parts.append("\n")


def _drop_line_ends(text: str | None) -> str:
    """Return text of a page with a space for each line end, which is none there."""
    return re.sub(r"\s", " ", text or "")


def _names_encoding(data: bytes) -> bool:
    """Return True if a page names its encoding. A byte-order mark is for the decoder of texts."""
    return bool(re.search(rb"charset|encoding\s*=", data[:2048], re.IGNORECASE))


def _docx_paragraphs(document: Any) -> Iterator[str]:
    for block in document.iter_inner_content():
        if hasattr(block, "rows"):
            yield "\n".join("\t".join(cell.text for cell in row.cells) for row in block.rows)
        else:
            yield block.text


def _parse_xml(data: bytes, name: str) -> Any:
    etree = _import_etree()
    try:
        return etree.fromstring(data, etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False))
    except etree.XMLSyntaxError:
        raise TextError(f"{name} is not a whole EPUB: its table of contents is not XML") from None


def _import_etree() -> Any:
    try:
        from lxml import etree
    except ImportError:
        raise MissingExtraError(NO_READ_HINT) from None
    return etree
