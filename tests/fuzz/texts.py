"""Texts in every format that is read, as files and in an archive."""

from __future__ import annotations

import contextlib
import io
import warnings
import zipfile
import zlib
from email.message import EmailMessage
from pathlib import Path

from afterglow.core.errors import AfterglowError, MissingExtraError, TextError
from afterglow.core.paths import data_dir
from afterglow.core.text.corpus import read_corpora
from afterglow.core.text.formats import ReadOptions

from .mutation import Edit, Sample
from .play import UnsoundError
from .target import Target
from .values import to_json

CONTAINER = '<container><rootfiles><rootfile full-path="book.opf"/></rootfiles></container>'
BOOK = '<package><manifest><item id="a" href="a.xhtml"/></manifest><spine><itemref idref="a"/></spine></package>'
DOCUMENT = '<w:document xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"><w:body/></w:document>'

ARCHIVES = ("zip", "epub", "docx")

OPTIONS = (
    ReadOptions(),
    ReadOptions("auto", author="Anna"),
    ReadOptions(field="message.content", column="text", label="author", label_column="who", lines=True),
)


class TextTarget(Target):
    """The files that people have: read one by one, and out of an archive, with several options."""

    name = "text"
    promises = (TextError, MissingExtraError)

    def make_sample(self) -> Sample:
        """Return a file of each format, by name: text, or the JSON value in it."""
        mail = EmailMessage()
        mail["From"], mail["Date"] = "Anna <a@example.org>", "Fri, 01 Jan 2021 00:00:00 +0000"
        mail.set_content("hello\n> quoted\n")
        chat = [{"id": 2, "type": "message", "from": "Anna", "from_id": "user1", "text": ["a", {"text": "b"}]}]
        return Sample(
            {
                "chat.txt": "[31.12.20, 21:05:33] Anna: a\nb\n[31.12.20, 21:05:34] Ben: \u200eimage omitted\n",
                "result.json": {"name": "A", "type": "personal_chat", "messages": chat},
                "tweets.js": 'window.YTD.tweets.part0 = [{"tweet": {"full_text": "a &amp; b"}}]',
                "messages.json": [{"ID": 1, "Timestamp": "2021", "Contents": "mine"}],
                "rows.jsonl": '{"message": {"content": "a"}, "who": "Anna"}\n{"text": null}\n',
                "rows.json": [{"text": "a", "message": {"content": ["x", {"text": "y"}]}}, {}],
                "table.csv": 'who;text\nAnna;"a ""b"""\nBen;c\n',
                "table.tsv": "who\ttext\nAnna\ta\n",
                "sent.mbox": f"From a@b Fri Jan 1 00:00:00 2021\n{mail.as_string()}\n",
                "page.html": "<!DOCTYPE html><html><p>a<br>b &amp; c</p><table><tr><td>d</td></tr></table></html>",
                "META-INF/container.xml": CONTAINER,
                "book.opf": BOOK,
                "a.xhtml": "<html><p>chapter</p></html>",
                "word/document.xml": DOCUMENT,
                "novel.txt": "The lamp was lit.\n",
            }
        )

    def pack(self, sample: Sample) -> bytes:
        """Return the files as an archive, without compression."""
        data = io.BytesIO()
        with warnings.catch_warnings(), zipfile.ZipFile(data, "w") as archive:
            warnings.simplefilter("ignore")  # of names that are there twice
            for name, value in sample.tree.items():
                text = value if isinstance(value, str) else to_json(value)
                member = zipfile.ZipInfo(str(name).replace("\0", "") or "x")  # with no time of day in it
                archive.writestr(member, text.encode("utf-8", "surrogatepass"))
        return data.getvalue()

    def use(self, data: bytes, _: list[Edit]) -> None:
        """Read the archive under each name that an archive has, then the files in it."""
        for name, content in {**{f"all.{suffix}": data for suffix in ARCHIVES}, **unpack(data)}.items():
            path = self.put(data_dir() / name, content)
            for options in OPTIONS:
                with contextlib.suppress(TextError, MissingExtraError):
                    check_text(path, options)


def check_text(path: Path, options: ReadOptions) -> None:
    """Read a text. Raises UnsoundError if it or its refusal is not clean, and the refusal."""
    try:
        text = read_corpora([str(path)], options).text[:]
    except AfterglowError as error:
        if len(str(error)) > 300 or not str(error).isprintable():
            raise UnsoundError(f"a message that is not one printable line: {error}") from None
        raise
    if "\r" in text or "\ufeff" in text:
        raise UnsoundError(f"{path.name} has line ends or marks that are none")


def unpack(data: bytes) -> dict[str, bytes]:
    """Return the files of an archive by names that a folder can have, none if it is damaged."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            names = enumerate(archive.namelist())
            return {f"{number}-{name.rpartition('/')[2][-40:]}": archive.read(name) for number, name in names}
    except (zipfile.BadZipFile, zlib.error, OSError, ValueError, NotImplementedError, RuntimeError, EOFError):
        return {}
