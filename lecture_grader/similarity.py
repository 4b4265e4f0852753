"""Finds students whose answers are far more alike than is usual in their class: places to look at, not verdicts.

As in MOSS (Schleimer, Wilkerson, Aiken 2003), short runs of tokens are compared, and what the exercise itself gives
does not count. Tokens have no names, comments, strings or layout, so renaming hides nothing. A run that many wrote
weighs little, as a usual word does when texts are searched. Two students are judged by all of their tasks together:
that one short answer is alike happens by chance, that half of them are does not.
"""

import builtins
import keyword
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

RUN = 8  # tokens: about one line of code
OWNERS = 200  # what more students wrote does not count, so that the time does not grow with the square of the class
LEAST, STEP = 0.2, 0.002  # no pair below this score is shown; the width in which scores are counted
SMALL, LEAST_IN_SMALL = 25, 0.7  # fewer students cannot tell what is usual; least score there, for a single task
BY_CHANCE = 1  # pairs that may be shown, on average, in a class in which each worked alone
MAX_SOURCE = 30_000  # characters of one answer that are compared
_SAMPLE, _BLOCK = 200, 256  # students with whom the usual value is measured; students compared at a time
_ALIKE, _CELLS = 0.3, 20  # what two cells must have in common to be named; the longest cells of a student are looked at
_MIX = np.random.default_rng(0).integers(-(2**63), 2**63, RUN, dtype=np.int64) | 1
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
class Group:
    """Students whose answers are far more alike than is usual.

    Attributes:
        students: all of them, in the order in which they came.
        score: of the two who are closest, see :func:`compare`.
        closest: these two.
        cells: (cell of the first, cell of the second, share in common) of these two, those with the most first.
    """

    students: tuple[str, ...]
    score: float
    closest: tuple[str, str]
    cells: list[tuple[str, str, float]]


@dataclass(frozen=True)
class Comparison:
    """How alike all pairs of a class are.

    Attributes:
        groups: those to look at, the highest score first; often none.
        pairs: (student, student, score) of those in the groups, the highest score first.
        counts: pairs by score, in steps of :data:`STEP`; the last number is of all that are higher.
        least: the score from which a pair is shown.
    """

    groups: list[Group]
    pairs: list[tuple[str, str, float]]
    counts: list[int]
    least: float

    def below(self, share: float) -> float:
        """The score that at least the given share of the pairs stays below."""
        reached = np.searchsorted(np.cumsum(self.counts), share * sum(self.counts))
        return STEP * (int(reached) + 1)

    def bars(self, number: int = 50) -> list[int]:
        """The pairs by score in that many equal steps from 0 to 1."""
        edges = np.linspace(0, len(self.counts) - 1, number + 1).astype(int)[:-1]
        return np.add.reduceat(np.array(self.counts), edges).tolist()


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


def runs(source: str) -> np.ndarray:
    """Hashes of all runs of :data:`RUN` tokens, as int64; other processes hash otherwise."""
    words = np.fromiter(map(hash, tokens(source)), dtype=np.int64)
    return np.convolve(words, _MIX, "valid") if len(words) >= RUN else words[:0]


def given_runs(cells: Iterable[tuple[str, str]]) -> np.ndarray:
    """The runs of what all students got.

    Args:
        cells: (kind, source) of the released notebook's cells. Code in its text, such as a folded answer, is included.
    """
    given = [np.empty(0, dtype=np.int64)]
    for kind, source in cells:
        sources = [source] if kind == "code" else re.findall(r"```python\n(.*?)```", source, re.DOTALL)
        given += [runs(one) for one in sources]
    return np.unique(np.concatenate(given))


def compare(answers: Iterable[tuple[str, dict[str, str]]], given: np.ndarray, least: float | None = None) -> Comparison:
    """Score each two students of a class, and group those who are far more alike than is usual in it.

    A score is the mean over the tasks, and once more over the whole notebook because code may have moved, of how far
    the cosine of two students' weighted runs lies above what is usual for the two: about 0 for most pairs, towards 1
    for the same text where nobody else wrote anything like it. Long answers count a little more.

    Args:
        answers: (student, {name of a cell: source}); read once.
        given: see :func:`given_runs`.
        least: the score from which a pair is shown; if None, it is measured on the class.

    Example:
        >>> def answer(*words):
        ...     return {"1.1": "".join(f"x = {word}(x)\\n" for word in words)}
        >>> others = [("Cem", answer("sum", "abs", "min")), ("Dana", answer("hex", "len", "abs"))]
        >>> same = answer("max", "len", "sorted", "bin")
        >>> compare([("Aki", same), ("Ben", same), *others], given_runs([])).groups[0].students
        ('Aki', 'Ben')
    """
    students, cells, width = _read(answers, given)
    parts = _parts(cells, width)
    counts, pairs = _scores(parts, len(students), LEAST if least is None else least)
    if least is None:
        least = _least(counts, len(students), len(parts) - 1)
    pairs = pairs[pairs[:, 2] >= least]
    pairs = pairs[np.lexsort((pairs[:, 1], pairs[:, 0], -pairs[:, 2]))]
    named = [(students[int(first)], students[int(second)], float(score)) for first, second, score in pairs]
    return Comparison(_groups(pairs, students, cells, parts), named, counts.tolist(), least)


def _read(
    answers: Iterable[tuple[str, dict[str, str]]], given: np.ndarray
) -> tuple[list[str], list[dict[str, np.ndarray]], int]:
    """The students, the runs of each one's cells as numbers that count from 0, and how many numbers there are."""
    students: list[str] = []
    cells: list[dict[str, int]] = []
    number: dict[int, int] = {}  # many cells of a class are identical
    hashes: list[np.ndarray] = []
    for student, sources in answers:
        students.append(student)
        cells.append({})
        for name, source in sources.items():
            if (digest := hash(source)) not in number:
                number[digest] = len(hashes)
                hashes.append(runs(source))
            cells[-1][name] = number[digest]
    known, column = np.unique(np.concatenate([*hashes, given]), return_inverse=True)
    own = ~np.isin(known, given)
    columns = [found[own[found]] for found in np.split(column, np.cumsum([len(one) for one in hashes]))]
    return students, [{name: columns[n] for name, n in one.items()} for one in cells], len(known)


class _Part:
    """One task's answers, or the whole notebooks, of all students.

    Attributes:
        weights: of each run, the logarithm of the share of students who have it, without its sign.
        matrix: (students, runs); the product of two rows is the cosine of their weighted runs.
        size: of each student's answer, 0 if there is none.
        sums, squares: of each student's cosines and of their squares with all others, measured with some of them.
    """

    def __init__(self, rows: list[np.ndarray], width: int) -> None:
        from scipy.sparse import csr_array

        count = len(rows)
        ends = np.cumsum([0, *map(len, rows)])
        columns = np.concatenate(rows)
        matrix = csr_array((np.ones(len(columns), np.float32), columns, ends), shape=(count, width))
        matrix.sum_duplicates()
        owners = np.bincount(matrix.indices, minlength=width)
        self.weights = np.log(count / np.maximum(owners, 1))
        matrix.data = self.weights[matrix.indices].astype(np.float32)
        total = matrix.sum(axis=1)
        self.size = total**0.2  # the power was found by trial: tests/benchmarks/copies.py
        matrix.data[(owners > OWNERS)[matrix.indices]] = 0  # the length below is that with these runs
        matrix.data = np.sqrt(matrix.data / np.repeat(np.maximum(total, 1e-9), np.diff(matrix.indptr)))
        matrix.eliminate_zeros()
        self.matrix = matrix
        some = np.random.default_rng(0).permutation(count)[:_SAMPLE]
        cosines = (matrix @ matrix[some].T).toarray()
        cosines[some, np.arange(len(some))] = 0
        others = (len(some) - np.isin(np.arange(count), some)) / (count - 1)
        self.sums, self.squares = cosines.sum(axis=1) / others, (cosines**2).sum(axis=1) / others

    def excess(self, first: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Students from ``first`` on, those after them, and how far each two are above their usual value, weighted."""
        cosines = (self.matrix[first : first + _BLOCK] @ self.matrix[first:].T).tocoo()
        row, column, cosine = cosines.row, cosines.col, cosines.data
        above = np.minimum(cosine - self._usual(first + row, cosine), cosine - self._usual(first + column, cosine))
        kept = (above > 0) & (row < column)
        row, column = row[kept], column[kept]
        return row, column, above[kept] * np.minimum(self.size[first + row], self.size[first + column])

    def _usual(self, student: np.ndarray, cosine: np.ndarray) -> np.ndarray:
        """The mean of a student's cosines plus their standard deviation, without the one that is looked at.

        With it, a copy would make itself usual in a class of six.
        """
        others = len(self.size) - 2
        mean = (self.sums[student] - cosine) / others
        variance = (self.squares[student] - cosine**2) / others - mean**2
        return mean + np.sqrt(np.maximum(variance, 0))


def _parts(cells: list[dict[str, np.ndarray]], width: int) -> list[_Part]:
    """The whole notebooks first, then each task; none where there is nothing to compare."""
    nothing = np.empty(0, dtype=np.int64)
    wholes = [np.concatenate([nothing, *own.values()]) for own in cells]
    if len(cells) < 3 or not any(map(len, wholes)):
        return []
    # A name that few have is no task, but what somebody invented, or the number of a cell.
    names = Counter(name for own in cells for name in own if not name.startswith("cell "))
    rows = [[own.get(name, nothing) for own in cells] for name, many in names.items() if 4 * many >= len(cells)]
    whole, *tasks = [_Part(row, width) for row in [wholes, *rows] if any(map(len, row))]
    return [whole, *(task for task in tasks if task.size.any())] if whole.size.any() else []


def _scores(parts: list[_Part], count: int, least: float) -> tuple[np.ndarray, np.ndarray]:
    """How many pairs have which score, and (student, student, score) of those with at least ``least``."""
    counts, pairs = np.zeros(round(1 / STEP) + 1, dtype=np.int64), [np.empty((0, 3))]
    full = sum(float(np.median(part.size[part.size > 0])) for part in parts)
    for first in range(0, count if parts else 0, _BLOCK):
        scores = np.zeros((min(_BLOCK, count - first), count - first), dtype=np.float32)
        for part in parts:
            row, column, excess = part.excess(first)
            scores[row, column] += excess / full
        rows, columns = np.nonzero(scores)
        values = scores[rows, columns]
        bins = np.minimum(values / STEP, len(counts) - 1).astype(np.int64)
        counts += np.bincount(bins, minlength=len(counts))
        kept = values >= least
        pairs.append(np.column_stack([rows[kept] + first, columns[kept] + first, values[kept]]))
    counts[0] += count * (count - 1) // 2 - counts.sum()
    return counts, np.concatenate(pairs)


def _least(counts: np.ndarray, count: int, tasks: int) -> float:
    """The score from which a pair is shown: one that chance alone would reach :data:`BY_CHANCE` times in the class.

    The highest scores of those who worked alone fall off exponentially. How fast is measured between two scores, which
    2.4 and 0.6 pairs for each student reach: far more pairs than copies make.
    """
    if count < SMALL:
        return LEAST_IN_SMALL / max(tasks, 1) ** 0.5  # a mean over many tasks varies less
    reached = np.cumsum(counts[::-1])[::-1]
    low, high = (STEP * float(np.searchsorted(-reached, -many * count, "right") - 1) for many in (2.4, 0.6))
    slope = (high - low) / np.log(4)
    return max(LEAST, high + slope * float(np.log(0.6 * count / BY_CHANCE)))


def _groups(
    pairs: np.ndarray, students: list[str], cells: list[dict[str, np.ndarray]], parts: list[_Part]
) -> list[Group]:
    """Pairs that share a student belong together."""
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import connected_components

    first, second = pairs[:, 0].astype(int), pairs[:, 1].astype(int)
    links = csr_array((np.ones(len(pairs)), (first, second)), shape=(len(students), len(students)))
    _, labels = connected_components(links, directed=False)
    groups: list[Group] = []
    done: set[int] = set()
    for n in range(len(pairs)):
        if (label := int(labels[first[n]])) not in done:
            done.add(label)
            members = tuple(students[one] for one in np.flatnonzero(labels == label))
            alike = _alike(cells[first[n]], cells[second[n]], parts[0])
            groups.append(Group(members, float(pairs[n, 2]), (students[first[n]], students[second[n]]), alike))
    return groups


def _alike(one: dict[str, np.ndarray], other: dict[str, np.ndarray], whole: _Part) -> list[tuple[str, str, float]]:
    """The cells of a student with what is most like them among another one's, those with the most in common first."""

    def weight(found: np.ndarray) -> float:
        return float(whole.weights[found].sum())

    def longest(cells: dict[str, np.ndarray]) -> list[tuple[float, str, np.ndarray]]:
        unique = {name: np.unique(found) for name, found in cells.items()}
        return sorted(((weight(own), name, own) for name, own in unique.items()), key=lambda cell: -cell[0])[:_CELLS]

    found = []
    theirs = longest(other)
    for size, name, own in longest(one):
        shared, partner, larger = max(
            (weight(np.intersect1d(own, runs_of_it, assume_unique=True)), its_name, max(size, its_size))
            for its_size, its_name, runs_of_it in theirs
        )
        if shared > _ALIKE * larger:
            found.append((shared, (name, partner, shared / larger)))
    return [cell for _, cell in sorted(found, key=lambda cell: -cell[0])]
