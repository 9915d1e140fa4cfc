"""Exports of chats, mail and pages become records of what people wrote. All files here are made."""

from __future__ import annotations

import gzip
import io
import json
import sys
import zipfile
from collections.abc import Callable
from email.message import EmailMessage
from pathlib import Path

import pytest
from afterglow.core.errors import AfterglowError, MissingExtraError, TextError, UsageError
from afterglow.core.session.reading import open_text
from afterglow.core.text.cleaning import read_records
from afterglow.core.text.corpus import Corpus, read_corpora
from afterglow.core.text.files import file_source
from afterglow.core.text.formats import ReadOptions
from afterglow.core.text.readers.record import Record

Put = Callable[..., Path]


@pytest.fixture
def put(tmp_path: Path) -> Put:
    """Write a file, as text or as JSON, and return its path."""

    def put(name: str, content: object) -> Path:
        data = content if isinstance(content, bytes | str) else json.dumps(content)
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(data if isinstance(data, bytes) else data.encode())
        return tmp_path / name

    return put


def records(path: Path, options: ReadOptions = ReadOptions()) -> list[Record]:  # noqa: B008
    """The records of a file, without the empty lines between them."""
    found = read_records(file_source(path), options, [])
    return [record._replace(text=record.text.rstrip("\n")) for record in found]


def read(path: Path, **options: str) -> Corpus:
    return read_corpora([str(path)], ReadOptions(**options))  # type: ignore[arg-type]


WHEN = {
    "android, day first": "{d}/{m}/20{y}, 21:0{n} - ",
    "android, month first": "{m}/{d}/{y}, 9:0{n}\u202fPM - ",
    "android, points": "{d}.{m}.{y}, 21:0{n} - ",
    "android, year first": "20{y}-{m}-{d}, 21:0{n} - ",
    "ios, points": "[{d}.{m}.{y}, 21:0{n}:33] ",
    "ios, month first": "[{m}/{d}/{y}, 9:0{n}:33 PM] ",
    "ios, day first": "\u200e[{d}/{m}/20{y}, 21:0{n}:33] ",
    "ios, year first": "[20{y}-{m}-{d}, 21:0{n}:33] ",
}
SAID = [
    "Messages and calls are end-to-end encrypted. Tap to learn more.",
    "Anna: shall we: yes or no?\nthe second line\n\nhttps://example.org",
    "Ben: <Media omitted>",
    "Ben: \u200eimage omitted",
    "Ben: This message was deleted",
    "Ben: IMG-20210101-WA0001.jpg (file attached)",
    'Anna changed the subject from "a" to "b: c"',
    "Ben: no\u200e<This message was edited>",
    "Zoë ✨: <3 you",
]


@pytest.mark.parametrize("when", WHEN.values(), ids=WHEN.keys())
def test_a_whatsapp_export_is_what_people_wrote(put: Put, when: str) -> None:
    path = put("chat.txt", "\n".join(when.format(d=31, m=12, y=21, n=n) + said for n, said in enumerate(SAID)) + "\n")
    found = records(path)
    assert [record[:2] for record in found] == [
        ("shall we: yes or no?\nthe second line\n\nhttps://example.org", "Anna"),
        ("no", "Ben"),
        ("<3 you", "Zoë ✨"),
    ]
    assert all("12" in record.time and ":0" in record.time for record in found)
    corpus = read(path)
    assert corpus.notes[-1] == "read as a WhatsApp export: 3 messages of Anna, Ben, Zoë ✨"
    assert read(path, author="ben, Zoë ✨").text == "no\n\n<3 you\n"
    assert read(path, reader="plain").text == path.read_text("utf-8")
    assert read(path, label="author").label_names == ("anna", "ben", "zoë-✨")


def test_a_novel_with_a_date_at_its_start_is_no_chat(put: Put) -> None:
    text = "12/31/20, 9:05 PM - it began.\n\nNothing: was said.\n"
    assert read(put("novel.txt", text)).text == text


def test_an_author_who_wrote_nothing_is_said_with_those_who_did(put: Put) -> None:
    path = put("chat.txt", "[31.12.20, 21:05:33] Anna: a\n[31.12.20, 21:05:34] Ben: b\n")
    with pytest.raises(TextError, match="has no author 'Carl'; there are: Anna, Ben"):
        read(path, author="Carl")
    with pytest.raises(TextError, match="does not say who wrote what"):
        read(put("a.txt", "a\n"), author="Carl")
    with pytest.raises(UsageError, match="there is no format 'whatsap'; did you mean whatsapp"):
        read(path, reader="whatsap")


CHAT = {
    "name": "Anna",
    "type": "personal_chat",
    "id": 1,
    "messages": [
        {"id": 1, "type": "service", "date": "2021-01-01T00:00:00", "actor": "Anna", "text": "", "text_entities": []},
        {"id": 2, "type": "message", "date": "2021-01-02T00:00:00", "from": "Anna", "from_id": "user1", "text": "hi"},
        {"id": 3, "type": "message", "from": "Ben", "text": ["see ", {"type": "link", "text": "https://x"}, "!"]},
        {"id": 4, "type": "message", "from": "Ben", "text": "", "photo": "a.jpg"},
        {"id": 5, "type": "message", "from": "Ben", "forwarded_from": "News", "text": "not mine"},
    ],
}


@pytest.mark.parametrize("export", [CHAT, {"about": "Here is the data", "chats": {"about": "x", "list": [CHAT]}}])
def test_telegrams_result_is_its_messages(put: Put, export: object) -> None:
    path = put("result.json", export)
    assert records(path) == [("hi", "Anna", "2021-01-02T00:00:00"), ("see https://x!", "Ben", "")]
    assert read(path).notes[-1] == "read as a Telegram export: 2 messages of Anna, Ben"


def test_a_messenger_chat_is_repaired_and_goes_from_old_to_new(put: Put) -> None:
    def broken(text: str) -> str:
        return text.encode().decode("latin-1")

    messages = [
        {"sender_name": broken("Zoë"), "timestamp_ms": 3, "content": broken("last – ça va ✨")},
        {"sender_name": "Ben", "timestamp_ms": 2, "content": broken("Reacted ❤ to your message ")},
        {"sender_name": "Ben", "timestamp_ms": 2, "photos": [{"uri": "a.jpg"}]},
        {"sender_name": "Ben", "timestamp_ms": 2, "content": "Ben sent an attachment."},
        {"sender_name": "Ben", "timestamp_ms": 1, "content": "first, whole already: ✨"},
    ]
    path = put("message_1.json", {"participants": [{"name": "Ben"}], "messages": messages})
    assert records(path) == [("first, whole already: ✨", "Ben", "1"), ("last – ça va ✨", "Zoë", "3")]
    assert read(path).notes[-1] == "read as a Messenger export: 2 messages of Ben, Zoë"


def test_a_twitter_archive_is_ones_own_tweets(put: Put) -> None:
    tweets = [
        {"tweet": {"full_text": "one &amp; two https://t.co/abc", "created_at": "Wed"}},
        {"tweet": {"full_text": "RT @other: theirs"}},
        {"tweet": {"full_text": "https://t.co/only"}},
    ]
    path = put("data/tweets.js", f"window.YTD.tweets.part0 = {json.dumps(tweets)}")
    assert records(path) == [("one & two", "", "Wed")]
    assert read(path.parent).text == "one & two\n"


OWN = [{"ID": 1, "Timestamp": "2021-01-01", "Contents": "mine", "Attachments": ""}, {"ID": 2, "Contents": ""}]


def test_ones_own_discord_messages_are_read_and_those_of_others_refused(put: Put, tmp_path: Path) -> None:
    put("messages/c12/messages.json", OWN)
    put("messages/c12/channel.json", {"id": "12", "type": "DM"})
    put("messages/c13/messages.csv", 'ID,Timestamp,Contents,Attachments\n3,2021,"older, too",\n4,2021,,http://x\n')
    corpus = read(tmp_path / "messages")
    assert corpus.text == "mine\n\nolder, too\n".replace("\n\n", "\n")
    for name, content in (
        ("a.json", {"guild": {"id": "1"}, "channel": {}, "messages": [{"content": "x", "author": {"name": "y"}}]}),
        ("a.csv", "AuthorID,Author,Date,Content,Attachments,Reactions\n1,y,2021,x,,\n"),
        ("a.txt", "==============\nGuild: g\nChannel: c\n==============\n\n[1-Jan-21 01:00 PM] y\nx\n"),
        ("a.html", '<!DOCTYPE html><html><div class="chatlog__message-group">x</div></html>'),
    ):
        for reader in ("", "plain", "json"):
            with pytest.raises(TextError, match="Discord forbids"):
                read(put(name, content), reader=reader)


def mail(text: str, author: str, kind: str = "plain") -> bytes:
    message = EmailMessage()
    message["From"], message["Date"] = author, "Fri, 01 Jan 2021 00:00:00 +0000"
    message.set_content(text, subtype=kind, charset="latin-1")
    message.add_attachment(b"\0" * 9, maintype="image", subtype="png")
    return b"From someone@example.org Fri Jan  1 00:00:00 2021\n" + message.as_bytes() + b"\n"


def test_mail_is_the_text_of_its_authors(put: Put) -> None:
    answer = (
        "Café it is.\n\nOn Friday, 1 January 2021, Anna <a@example.org>\nwrote:\n> Where?\n> When?\n\nBye\n-- \nBen\n"
    )
    path = put(
        "sent.mbox", mail("Where?\nFrom May until 1999 here.\n", "Anna <a@example.org>") + mail(answer, "b@example.org")
    )
    found = records(path)
    assert [record.author for record in found] == ["Anna", "b@example.org"]
    assert [record.text for record in found] == ["Where?\nFrom May until 1999 here.", "Café it is.\n\nBye"]
    assert found[0].time.startswith("Fri, 01 Jan 2021")


PAGE = """<!DOCTYPE html><html><head><title>T</title><style>p {}</style></head><body><nav>menu</nav>
<h1>One &amp; two</h1><p>First
line<br>second <b>bold</b> one.</p><script>x()</script><ul><li>a</li><li>b</li></ul></body></html>"""
PAGE_TEXT = "One & two\n\nFirst line\nsecond bold one.\n\na\nb"


def zipped(**files: str | bytes) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)  # no time of day in it
    return data.getvalue()


def test_a_page_is_what_a_browser_shows(put: Put) -> None:
    pytest.importorskip("lxml", reason="lxml is not installed: pip install 'afterglow-lm[read]'")
    assert records(put("a.html", PAGE)) == [(PAGE_TEXT, "", "")]
    assert records(put("saved", PAGE)) == [(PAGE_TEXT, "", "")]
    assert read(put("b.html", '<meta charset="cp1252"><p>caf\xe9</p>'.encode("cp1252"))).text == "café\n"
    assert read(put("c.html", "<p>café</p>")).text == "café\n"
    deep = "<div>" * 100_000 + "deep"
    assert "\n" not in str(records(put("d.html", deep)))


def test_an_epub_is_its_chapters_in_order(put: Put) -> None:
    pytest.importorskip("lxml", reason="lxml is not installed: pip install 'afterglow-lm[read]'")
    files = {
        "mimetype": "application/epub+zip",
        "META-INF/container.xml": '<container xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles>'
        '<rootfile full-path="OPS/book.opf"/></rootfiles></container>',
        "OPS/book.opf": '<package xmlns="http://www.idpf.org/2007/opf"><manifest><item id="b" href="b%20b.xhtml"/>'
        '<item id="a" href="a.xhtml"/></manifest><spine><itemref idref="b"/><itemref idref="a"/></spine></package>',
        "OPS/a.xhtml": "<html><body><p>second</p></body></html>",
        "OPS/b b.xhtml": "<?xml version='1.0' encoding='utf-8'?><html><title>no</title><p>first é</p></html>",
    }
    corpus = read(put("book.epub", zipped(**files)))
    assert corpus.text == "first é\n\nsecond\n"
    assert corpus.notes == ("read as an EPUB: 2 chapters",)
    with pytest.raises(TextError, match="cannot be read"):
        read(put("b.epub", zipped(mimetype="application/epub+zip")))


def test_a_word_document_is_its_paragraphs_and_tables(put: Put, tmp_path: Path) -> None:
    docx = pytest.importorskip("docx", reason="python-docx is not installed: pip install 'afterglow-lm[read]'")
    document = docx.Document()
    document.add_paragraph("One")
    table = document.add_table(1, 2)
    table.cell(0, 0).text, table.cell(0, 1).text = "a", "b"
    document.add_paragraph("Two")
    document.save(str(tmp_path / "a.docx"))
    assert read(tmp_path / "a.docx").text == "One\n\na\tb\n\nTwo\n"
    with pytest.raises(TextError, match="not a Word document that can be read"):
        read(put("b.docx", zipped(**{"word/document.xml": "<w"})))


def test_a_zip_is_the_texts_in_it(put: Put) -> None:
    path = put("notes.zip", zipped(**{"b/b.txt": "second", "a.md": "first", "x.png": b"\0", "__MACOSX/a.txt": "no"}))
    corpus = read(path)
    assert corpus.text == "first\n\nsecond\n"
    twice = read(put("twice.zip", zipped(**{"a.txt": "first", "b.txt": "second", "copy of a.txt": "first"})))
    assert twice.text == "first\n\nsecond\n"
    assert twice.notes[-2:-1] == ("1 of its texts repeat another one and were left out",)
    export = zipped(**{"_chat.txt": "[31.12.20, 21:05:33] Anna: a\n[31.12.20, 21:05:34] Ben: b\n", "photo.jpg": b"\0"})
    assert read(put("chat.zip", export), author="Ben").text == "b\n"
    package = zipped(
        **{
            "account/user.json": json.dumps({"text": "no"}),
            "messages/c1/messages.json": json.dumps(OWN),
            "../../etc/tweets.js": "no",
        }
    )
    assert read(put("package.zip", package)).text == "mine\n"


def bomb(size: int) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("a.txt", "w") as file:
        for _ in range(size >> 20):
            file.write(b"a" * (1 << 20))
    return data.getvalue()


@pytest.mark.parametrize(
    ("name", "data", "says"),
    [
        ("a.zip", b"PK\3\4 no", "is not a whole zip archive"),
        ("a.zip", zipped(**{"a.png": "x"}), "there is no text in a.zip"),
        ("a.zip", bomb(257 << 20), "'a.txt' in a.zip is too large"),
        ("a.json", b"[" * 100_000, "cannot be read as JSON: it is nested too deeply"),
        ("a.jsonl", b'{"a":' * 100_000, "line 1, is not JSON that can be read"),
        ("a.json", b"3", "neither a JSON array nor an object"),
        ("a.json", b'{"version": 1}', "has no text field 'text'; its text fields: none"),
        ("a.csv", b"text\n" + b"x" * (17 << 20), "not a readable table: field larger than field limit"),
        ("a.epub", zipped(mimetype="application/epub+zip")[:60], "a.epub"),
    ],
    ids=lambda value: None if isinstance(value, bytes) else value[:20],
)
def test_what_cannot_be_read_is_one_line(put: Put, name: str, data: bytes, says: str) -> None:
    with pytest.raises(AfterglowError) as caught:
        read(put(name, data))
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "data", "kind", "command"),
    [
        ("a.pdf", b"%PDF-1.7\n\0", "a PDF", "pdftotext {folder}/a.pdf {folder}/a.txt"),
        ("a b.rtf", rb"{\rtf1 hello}", "an RTF document", "pandoc -t plain '{folder}/a b.rtf' -o '{folder}/a b.txt'"),
    ],
)
def test_the_command_that_makes_text_of_a_document_can_be_run(
    put: Put, name: str, data: bytes, kind: str, command: str
) -> None:
    path = put(name, data)
    with pytest.raises(AfterglowError) as caught:
        read(path)
    command = command.format(folder=path.parent)
    assert str(caught.value) == f"{name} is {kind}; make text of it first: {command}"


def test_a_message_of_spaces_takes_no_time(put: Put) -> None:
    """Each pattern is tried at as many places as a message has."""
    spaces = " " * 200_000
    chat = put("chat.txt", f"[31.12.20, 21:05:33] Anna: a{spaces}b\n[31.12.20, 21:05:34] Ben:{spaces}<{spaces}\n")
    assert len(read(chat).text) > 200_000
    quotation = put("a.mbox", mail(f"{'On schrieb ' * 20_000}\n> quoted\nanswer\n", "b@example.org"))
    assert read(quotation).text.endswith("answer\n")


def test_what_is_looked_at_is_what_people_wrote_and_rows_as_they_are(put: Put) -> None:
    chat = put("chat.txt", "[31.12.20, 21:05:33] Anna: a\n[31.12.20, 21:05:34] Ben: b\n")
    assert open_text(file_source(chat))[0] == "a\n\nb\n"
    table = put("a.csv", "id,text\n1,x\n")
    assert open_text(file_source(table))[0] == "id,text\n1,x\n"
    assert open_text(file_source(table), ReadOptions(column="text"))[0] == "x\n"


def test_a_mailbox_of_nonsense_is_no_mail(put: Put) -> None:
    assert read(put("a.mbox", b"From a@b Fri Jan 1 00:00:00 2021\nX: y\n\n" + b"\xff\n" * 9)).text.count("\n") > 0


ROWS = [
    {"message": {"content": [{"type": "text", "text": "one "}, {"type": "image"}, {"type": "text", "text": "two"}]}}
]


@pytest.mark.parametrize(
    ("name", "data", "options", "expected"),
    [
        ("a.jsonl", "\n".join(map(json.dumps, [*ROWS, {"message": None}])), {"field": "message.content"}, "one two\n"),
        ("a.json", json.dumps(ROWS), {"field": "message.content"}, "one two\n"),
        ("a.json", json.dumps({"data": [{"text": "one"}, {"text": "two"}]}), {}, "one\n\ntwo\n"),
        ("a.json", json.dumps(["one", "two"]), {}, "one\n\ntwo\n"),
        ("a.json", '{"text": "one"}\n{"text": "two"}\n', {}, "one\n\ntwo\n"),
        (
            "chat.jsonl",
            json.dumps({"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]}),
            {"field": "messages.content"},
            "q\n\na\n",
        ),
        ("a.csv", "id|text|n\n1|a, b|2\n2|c, d|3\n", {"column": "text"}, "a, b\n\nc, d\n"),
        (
            "a.csv",
            '"id";"text, all"\n1;one, two\n2;"three; four"\n',
            {"column": "text, all"},
            "one, two\n\nthree; four\n",
        ),
        ("a.csv", "id\ttext\n1\tone\n", {"column": "text"}, "one\n"),
        ("a.csv", "2021-01-01,Hello there.\n2021-01-02,Bye.\n", {"column": "2"}, "Hello there.\n\nBye.\n"),
        (
            "a.csv",
            "It was a dark and stormy night.\nThe rain fell.\n",
            {},
            "It was a dark and stormy night.\n\nThe rain fell.\n",
        ),
    ],
)
def test_fields_in_fields_lists_of_parts_and_tables_of_any_kind(
    put: Put, name: str, data: str, options: dict[str, str], expected: str
) -> None:
    assert read(put(name, data), **options).text == expected


def test_rows_without_a_text_are_left_out_and_counted(put: Put) -> None:
    rows = [{"id": n, "deleted": True} if n % 10 == 0 else {"text": f"{n}"} for n in range(30)]
    corpus = read(put("a.jsonl", "\n".join(map(json.dumps, [*rows, {"text": None}, {"text": " "}]))))
    assert corpus.text.split() == [f"{n}" for n in range(30) if n % 10]
    assert "5 of 32 rows have no 'text' and were left out" in corpus.notes
    table = read(put("a.csv", "id,text\n1,one\n2,\n3\n"), column="text")
    assert (table.text, "2 of 3 rows have no 'text' and were left out" in table.notes) == ("one\n", True)


def test_the_delimiter_and_a_header_that_is_none_are_said(put: Put) -> None:
    assert "cells are separated by semicolons" in read(put("a.csv", "id;text\n1;x\n"), column="text").notes
    assert read(put("b.csv", "It was night.\nIt was day.\n")).notes[0].endswith("names no column and is read as a row")
    assert "its first line, 'Anna', was taken for the name of its column" in read(put("c.csv", "Anna\nBen\n")).notes


def test_a_text_that_is_mostly_markup_is_warned_of(put: Put) -> None:
    rows = [f'<p class="x">{n}</p> 2021-01-0{n % 9} 12:00:0{n % 9} {n:036x} hello' for n in range(99)]
    assert any("is mark-up" in note for note in read(put("a.txt", "\n".join(rows))).notes)
    assert not any("is mark-up" in note for note in read(Path(__file__).parent / "data" / "lamp.txt").notes)


def test_packed_exports_are_recognized_too(put: Put) -> None:
    path = put("result.json.gz", gzip.compress(json.dumps(CHAT).encode()))
    assert [record.text for record in records(path)] == ["hi", "see https://x!"]


@pytest.mark.parametrize("encoding", ["utf-8", "auto", "cp1252"])
@pytest.mark.parametrize("head", ["", '<meta charset="cp1252">', '<meta charset="klingon">'])
def test_a_page_is_decoded_like_a_text_unless_it_names_its_encoding(put: Put, head: str, encoding: str) -> None:
    pytest.importorskip("lxml", reason="lxml is not installed: pip install 'afterglow-lm[read]'")
    page = f"<html>{head}<p>À la fenêtre, un café.</p></html>"
    path = put("a.html", page.encode("cp1252"))
    if not head and encoding == "utf-8":
        with pytest.raises(TextError, match="looks like cp1252"):
            read(path)
    else:
        assert read(path, encoding=encoding).text == "À la fenêtre, un café.\n"
    assert read(put("b.html", page.replace("cp1252", "utf-16").encode("utf-16"))).text == "À la fenêtre, un café.\n"


@pytest.mark.parametrize("name", ["a.html", "a.epub", "a.docx"])
def test_without_the_extra_its_command_is_named_and_in_a_folder_the_file_is_left_out(
    put: Put, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("lxml", "docx"):
        monkeypatch.setitem(sys.modules, module, None)
    archive = zipped(**{"META-INF/container.xml": "<container/>", "word/document.xml": "<w/>"})
    path = put(name, PAGE if name == "a.html" else archive)
    with pytest.raises(MissingExtraError, match=r"pip install 'afterglow-lm\[read\]'"):
        read(path)
    put("b.txt", "text\n")
    corpus = read(path.parent)
    assert corpus.text == "text\n"
    assert [note for note in corpus.notes if note.startswith(f"{path} was left out: ")]
