"""A CSV file that another program wrote: read in whatever encoding it has, and changed in single fields only."""

import codecs
import re
from pathlib import Path

_WORKBOOKS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")
_BOMS = [(codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be")]
# European text that is decoded as Japanese has single kanji between Latin letters; Japanese has runs of them.
_JAPANESE = re.compile("[\u3000-\u30ff\u4e00-\u9fff\uf900-\ufaff\uff01-\uff9f]+")


class CsvFile:
    """The rows of a CSV file, and where each field stands in its text.

    Args:
        path: of the file, in UTF-8, UTF-16, or the code page of a Japanese or Western European Windows.

    Attributes:
        rows: the fields of each line that has any; the first has the headings.
        numbers: the line of each row as a spreadsheet counts them, from 1.
        said: in which code page the file was read, if it does not say so itself; else empty.

    Raises:
        ValueError: it is no CSV file, or cannot be read.

    Example:
        >>> CsvFile(Path("roster.csv")).rows[0]  # doctest: +SKIP
        ['id', 'name']
    """

    def __init__(self, path: Path):
        try:
            content = path.read_bytes()
        except OSError as error:
            raise ValueError(f"{path} cannot be read: {error.strerror}") from None
        if content.startswith(_WORKBOOKS):
            raise ValueError(f"{path} is an Excel workbook: save it as CSV UTF-8, and give that")
        self.path = path
        self._bom, self._encoding, self.said = _encoding_of(content, path.name)
        try:
            self._text = content[len(self._bom) :].decode(self._encoding)
        except UnicodeDecodeError:
            raise ValueError(f"{path} is damaged, or in an unknown encoding: save it as CSV UTF-8") from None
        first = re.sub('"[^"]*"', "", self._text.partition("\n")[0])
        self.delimiter = max(",;\t|", key=first.count)
        self._changes: dict[tuple[int, int], str] = {}
        self._spans: list[list[tuple[int, int]]] = []
        self.rows: list[list[str]] = []
        self.numbers: list[int] = []
        for number, spans in enumerate(self._scan(), 1):
            row = [_value(self._text[start:end]) for start, end in spans]
            if any(cell.strip() for cell in row):
                self._spans.append(spans)
                self.rows.append(row)
                self.numbers.append(number)
        if not self.rows:
            raise ValueError(f"{path} is empty")

    def _scan(self) -> list[list[tuple[int, int]]]:
        """Where each field of each line begins and ends, with its quotation marks."""
        sign = re.escape(self.delimiter)
        field = re.compile(rf'"(?:[^"]|"")*(?P<close>")?[^{sign}\r\n]*|[^{sign}\r\n]*')
        lines, line, at = list[list[tuple[int, int]]](), list[tuple[int, int]](), 0
        while at <= len(self._text):
            match = field.match(self._text, at)
            assert match  # an empty field matches, too
            if match[0].startswith('"') and not match["close"]:
                raise ValueError(f"{self.path}, row {len(lines) + 1}: a quotation mark is not closed")
            line.append(match.span())
            at = match.end()
            if self._text[at : at + 1] != self.delimiter:
                lines.append(line)
                line = []
                at += self._text[at : at + 2] == "\r\n"
            at += 1
        return lines

    def replace(self, row: int, column: int, text: str) -> None:
        """Put a text into a field, in quotation marks if the field had them or needs them.

        Args:
            row: an index of :attr:`rows`.
            column: of the row; where its line is shorter, empty fields are added.
            text: for the field.
        """
        spans, missing = self._spans[row], column + 1 - len(self._spans[row])
        start, end = spans[column] if missing <= 0 else (spans[-1][1], spans[-1][1])
        quoted = self._text[start : start + 1] == '"' and missing <= 0
        if quoted or re.search(rf'["\r\n{re.escape(self.delimiter)}]', text):
            text = '"' + text.replace('"', '""') + '"'
        self._changes[start, end] = self.delimiter * max(missing, 0) + text

    def content(self) -> bytes:
        """The file with the changed fields; each other byte is as it was."""
        parts, done = [], 0
        for (start, end), text in sorted(self._changes.items()):
            parts += [self._text[done:start], text]
            done = end
        return self._bom + "".join([*parts, self._text[done:]]).encode(self._encoding)


def _encoding_of(content: bytes, name: str) -> tuple[bytes, str, str]:
    """The byte order mark, the encoding, and a sentence if that was found by looking at the text."""
    for bom, encoding in _BOMS:
        if content.startswith(bom):
            return bom, encoding, ""
    if content[:2].count(0) == 1:
        return b"", "utf-16-le" if content[1:2] == b"\0" else "utf-16-be", ""
    for encoding, words in (
        ("utf-8", ""),
        ("cp932", "Japanese (code page 932)"),
        ("cp1252", "Western (code page 1252)"),
    ):
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        runs = _JAPANESE.findall(text)
        if encoding != "cp932" or 3 * sum(len(run) > 1 for run in runs) > 2 * len(runs):
            return b"", encoding, words and f"{name} was read as {words}: if names look wrong, save it as CSV UTF-8"
    return b"", "utf-8", ""


def _value(raw: str) -> str:
    """The text of a field, without its quotation marks."""
    if not raw.startswith('"'):
        return raw
    body, _, rest = raw[1:].rpartition('"')
    return body.replace('""', '"') + rest
