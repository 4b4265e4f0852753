"""Finds answers of two students that are nearly the same: places to look at, not verdicts.

The method is that of MOSS (Schleimer, Wilkerson, Aiken 2003): short runs of tokens are compared, and runs that the
exercise itself gives or that many students wrote do not count. So a solution that a tenth of a large class shares is
not found. Tokens have no names, comments, strings or layout, so renaming hides nothing.
"""

import builtins
import keyword
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

RUN = 8  # tokens: about one line of code
SHARED, ALIKE = 24, 0.8  # common runs that a pair must have, and their least share of the shorter answer
MAX_SOURCE = 30_000  # characters of one answer that are compared
# Python's tokens, and any other character. No alternative can fail after more than a few characters, so the time grows
# only with the length, which is not true of Pygments or tokenize.
_TOKEN = re.compile(
    r"""(?P<blank>\s+|\\\n|\#[^\n]*)
    |(?:[rbuf]{0,2})(?P<string>\'{3}(?:[^\\]|\\.?)*?(?:\'{3}|\Z)|"{3}(?:[^\\]|\\.?)*?(?:"{3}|\Z)
        |'(?:[^'\\\n]|\\.?)*'?|"(?:[^"\\\n]|\\.?)*"?)
    |(?P<number>\d(?:e[-+]?\d|[\w.])*)
    |(?P<name>\w+)
    |\*\*=?|//=?|<<=?|>>=?|->|[-+*/%&|^@=!<>:]=|.""",
    re.VERBOSE | re.DOTALL | re.IGNORECASE,
)
_KNOWN = {*keyword.kwlist, "self", "cls", *(name for name in dir(builtins) if name.islower())}


@dataclass(frozen=True)
class Pair:
    """Two students, and their cells that are alike: (cell of the first, cell of the second, share), most runs first."""

    students: tuple[str, str]
    cells: list[tuple[str, str, float]]
    shared: int


def answers_of(cells: Iterable[dict], limit: int = 100_000) -> dict[str, str]:
    """A submission's code by task, or by number where a cell has no task.

    Args:
        cells: see :class:`~lecture_grader.grade_one.Grade`.
        limit: characters that are kept in all.
    """
    answers: dict[str, str] = {}
    for number, cell in enumerate(cells, 1):
        if cell["kind"] == "code" and cell["runs"] and limit > 0:
            name = cell["task"] or f"cell {number}"
            answers[name] = cell["source"][:limit]  # the last answer counts
            limit -= len(answers[name])
    return answers


def tokens(source: str) -> list[str]:
    """The tokens of a cell or of any text: all names are ``v``, all strings ``s``; no comments, no docstrings.

    Example:
        >>> tokens("total = total + 1  # once more")
        ['v', '=', 'v', '+', '1']
    """
    found: list[str] = []
    begins_line = True
    for token in _TOKEN.finditer(source[:MAX_SOURCE]):
        kind, text = token.lastgroup, token[0]
        if kind == "blank":
            begins_line = begins_line or "\n" in text
            continue
        if kind == "string":
            if not (begins_line and token["string"].startswith(("'''", '"""'))):
                found.append("s")
        elif kind == "name" and text not in _KNOWN and not (found[-1:] == ["."] and found[-2:-1] != ["self"]):
            found.append("v")
        else:
            found.append(text)
        begins_line = False
    return found


def runs(source: str) -> set[int]:
    """Hashes of all runs of :data:`RUN` tokens; other processes hash otherwise."""
    words = tokens(source)
    return {hash(tuple(words[n : n + RUN])) for n in range(len(words) - RUN + 1)}


def given_runs(cells: Iterable[tuple[str, str]]) -> set[int]:
    """The runs of what all students got.

    Args:
        cells: (kind, source) of the released notebook's cells. Code in its text, such as a folded answer, is included.
    """
    given: set[int] = set()
    for kind, source in cells:
        sources = [source] if kind == "code" else re.findall(r"```python\n(.*?)```", source, re.DOTALL)
        for one in sources:
            given |= runs(one)
    return given


def find_pairs(answers: Iterable[tuple[str, dict[str, str]]], given: set[int]) -> list[Pair]:
    """Students whose answers are nearly the same, those with the most in common first.

    Args:
        answers: (student, {name of a cell: source}); read once.
        given: see :func:`given_runs`.
    """
    from scipy.sparse import csr_array

    owners: list[tuple[str, str]] = []
    cells: list[np.ndarray] = []
    seen: dict[int, np.ndarray] = {}  # many cells of a class are identical
    students = set()
    for student, sources in answers:
        students.add(student)
        for name, source in sources.items():
            own = seen.get(hash(source))
            if own is None:
                own = seen[hash(source)] = np.array(sorted(runs(source) - given), dtype=np.int64)
            if len(own) >= SHARED:
                owners.append((student, name))
                cells.append(own)
    if len(cells) < 2:
        return []
    _, columns, owned = np.unique(np.concatenate(cells), return_inverse=True, return_counts=True)
    rows = np.repeat(np.arange(len(cells)), [len(own) for own in cells])
    rare = (owned <= max(10, len(students) // 20))[columns]  # MOSS takes 10
    counts = csr_array((np.ones(rare.sum(), np.int32), (rows[rare], columns[rare])), shape=(len(cells), len(owned)))
    own = np.asarray(counts.sum(axis=1)).ravel()
    common = (counts @ counts.T).tocoo()  # for each two cells with common runs, their number
    keep = (common.row < common.col) & (common.data >= SHARED)
    found: dict[tuple[str, str], list[tuple[str, str, float, int]]] = {}
    for a, b, shared in zip(common.row[keep], common.col[keep], common.data[keep], strict=True):
        share = shared / min(own[a], own[b])
        if share >= ALIKE and owners[a][0] != owners[b][0]:
            (first, cell), (second, other) = sorted((owners[a], owners[b]))
            found.setdefault((first, second), []).append((cell, other, float(share), int(shared)))
    return sorted(_pairs(found), key=lambda pair: (-pair.shared, pair.students))


def _pairs(found: dict[tuple[str, str], list[tuple[str, str, float, int]]]) -> Iterator[Pair]:
    for students, cells in found.items():
        cells.sort(key=lambda cell: -cell[3])
        yield Pair(students, [cell[:3] for cell in cells], sum(cell[3] for cell in cells))
