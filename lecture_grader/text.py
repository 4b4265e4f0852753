"""Text from outside, made safe to show: in a terminal, on a page, in a table."""

import re
import unicodedata
from typing import Any

# Control characters, line separators other than "\n", lone surrogates, and what changes the direction of text. A joiner
# (U+200D) and a full-width space (U+3000) are harmless, and names and emoji need them.
_UNPRINTABLE = re.compile(
    "[\0-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u206f\ud800-\udfff\ufff9-\ufffb]"
)
MARK = "�"  # stands for each character that is not shown


def printable(text: str, limit: int | None = None) -> str:
    """A text without control characters, direction overrides and lone surrogates; each becomes ``�``.

    Line ends become ``\\n``; tabs stay, and so does every letter of every language.

    Args:
        text: any text.
        limit: characters after which it is cut, with a note that says so; None does not cut.

    Example:
        >>> printable("a\\x1b[0m\\r\\n"), printable("abc", 2)
        ('a�[0m\\n', 'ab (cut here, to keep the page short)')
    """
    cut = ""
    if limit is not None and len(text) > limit:
        text, cut = text[: max(limit, 0)], " (cut here, to keep the page short)"
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    return _UNPRINTABLE.sub(MARK, text) + cut


def all_printable(data: Any, limit: int) -> Any:
    """A copy of lists and dicts in which each string is printable and has at most about ``limit`` characters.

    Example:
        >>> all_printable({"a": ["\\0", 1]}, 9)
        {'a': ['�', 1]}
    """
    if isinstance(data, str):
        return printable(data, limit)
    if isinstance(data, list):
        return [all_printable(item, limit) for item in data]
    if isinstance(data, dict):
        return {key: all_printable(value, limit) for key, value in data.items()}
    return data


def one_line(text: str, limit: int = 200) -> str:
    """A printable text without line ends and tabs, of at most ``limit`` characters: a name, or a short note.

    Example:
        >>> one_line("a\\nb"), one_line("abcd", 3)
        ('a b', 'ab…')
    """
    text = " ".join(printable(text[: limit + 1]).split("\n")).replace("\t", " ")
    return text if len(text) <= limit else f"{text[: limit - 1]}…"


def same_name(name: str) -> str:
    """A form in which two spellings of a person's name are equal: of one case, width, composition and spacing.

    Example:
        >>> same_name("ＡＫＩ\u3000Sato ") == same_name("Aki Sato")
        True
    """
    return " ".join(unicodedata.normalize("NFKC", name).casefold().split())
