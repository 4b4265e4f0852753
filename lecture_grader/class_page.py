"""The class on one page: marks, odd hand-ins, answers that are nearly the same. All text of students is inert."""

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from jinja2 import Environment

from lecture_grader.grade_class import report_name, summarise
from lecture_grader.similarity import Pair, find_pairs, given_runs
from lecture_grader.submissions import Submission
from lecture_utils.files import atomic_write
from lecture_utils.grading.tasks import Exercise

MAX_PAIRS, MAX_CELLS, MAX_SHOWN = 50, 3, 4000  # on the page: pairs, cells of each, characters of each

_PAGE = r"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Exercise {{ exercise.number }}: the class</title>
<style>
body { font: 16px/1.5 system-ui, sans-serif; max-width: 75rem; margin: 1rem auto; padding: 0 1rem; color: #1a1a1a;
       background: #fff; }
pre { white-space: pre-wrap; overflow-wrap: anywhere; background: #f4f4f4; padding: .5rem; margin: .3rem 0; }
table { border-collapse: collapse; } td, th { padding: .2rem .6rem; border-bottom: 1px solid #ccc; text-align: left; }
.wide { overflow-x: auto; } .both { display: grid; grid-template-columns: 1fr 1fr; gap: 1rem; } a { color: #0b57a4; }
</style>
</head>
<body>
<h1>Exercise {{ exercise.number }}: the class</h1>
<p>{{ rows | length }} hand-ins, {{ marked }} with a mark{% if marked %}, {{ "%.1f" | format(mean) }} of
{{ exercise.max_points }} points on average{% endif %}.</p>
<h2>Tasks</h2>
<table><thead><tr><th>task</th><th>solved</th><th>most common failure</th></tr></thead><tbody>
{% for name, share, failure in tasks %}<tr><td>{{ name }}</td>
<td>{% if share == share %}{{ "%.0f" | format(100 * share) }} %{% else %}–{% endif %}</td><td>{{ failure }}</td></tr>
{% endfor %}</tbody></table>
{% macro report(student, anchor="") %}<a href="reports/{{ (name_of(student) ~ ".html") | urlencode }}{{ anchor }}">
{{- student }}</a>{% endmacro %}
{% for title, lines in remarks %}<h2>{{ title }}</h2>
<ul>{% for students, detail in lines %}<li>{% for student in students %}{{ report(student) }}
{%- if not loop.last %}, {% endif %}{% endfor %}{% if detail %}: {{ detail }}{% endif %}</li>{% endfor %}</ul>
{% endfor %}
{% if pairs %}<h2>Answers that are nearly the same</h2>
<p>Places to look, not verdicts: short or obvious answers are alike by themselves. Names, comments and layout were left
out of the comparison.{% if pairs | length > shown | length %} The first {{ shown | length }} of {{ pairs | length }}.
{%- endif %}</p>
{% for students, cells in shown %}<details><summary>{{ students[0] }} and {{ students[1] }}:
{% for cell in cells %}{{ cell.names[0] }}{% if cell.names[1] != cell.names[0] %} / {{ cell.names[1] }}{% endif %}
({{ "%.0f" | format(100 * cell.share) }} %){% if not loop.last %}, {% endif %}{% endfor %}</summary>
{% for cell in cells %}<div class="both">{% for n in (0, 1) %}<div>
{{ report(students[n], "#task-" ~ cell.names[n] if cell.names[n][0].isdigit() else "") }}, {{ cell.names[n] }}
<pre><code>{{ cell.sources[n] }}</code></pre></div>{% endfor %}</div>{% endfor %}</details>
{% endfor %}{% endif %}
<h2>Marks</h2>
<div class="wide"><table><thead><tr><th>student</th><th>points</th><th>status</th>{% for task in exercise.tasks %}
<th>{{ task.id }}</th>{% endfor %}</tr></thead><tbody>
{% for row in rows %}<tr><td>{{ report(row.student) }}</td><td>{% if row.points is none %}–{% else %}{{ row.points }}
{%- endif %}</td><td>{{ row.status }}</td>{% for task in exercise.tasks %}
<td>{{ signs[row.tasks[task.id].status] if task.id in row.tasks else "" }}</td>{% endfor %}</tr>
{% endfor %}</tbody></table></div>
</body>
</html>
"""
_SIGNS = {"passed": "✓", "failed": "✗", "todo": "○", "unjudged": "–"}


@dataclass
class Overview:
    """What is worth knowing about a class's hand-ins.

    ``remarks`` are (title, [(students, detail)]); ``pairs`` see :func:`~.similarity.find_pairs`.
    """

    remarks: list[tuple[str, list[tuple[list[str], str]]]]
    pairs: list[Pair]


def write_class_page(
    found: list[Submission],
    rows: list[dict[str, Any]],
    exercise: Exercise,
    out: Path,
    *,
    due: datetime | None = None,
    released: Sequence[tuple[str, str]] = (),
    name: str = "",
) -> Overview:
    """Name odd hand-ins and answers that are nearly the same, and write ``class.html``.

    Args:
        rows: one for each submission, as :func:`~.folder.grade_class` yields them.
        out: the folder of results, with ``reports/`` and ``answers/``.
        due: what was handed in later is late.
        released: (kind, source) of the cells that everybody was given.
        name: the exercise's file name without ``.ipynb``.
    """
    rows = sorted(rows, key=lambda row: row["student"])
    given = {source.strip() for _, source in released}
    equal: dict[bytes, list[str]] = {}
    empty = {row["student"] for row in rows if _is_empty(row)}
    for student, answers in _answers(out, rows):
        own = sorted(source.strip() for source in answers.values() if source.strip() not in given)
        if own and student not in empty:
            equal.setdefault(hashlib.sha256("\0".join(own).encode("utf-8", "replace")).digest(), []).append(student)
    remarks = [
        ("Late", [([one.student], _how_late(one, due)) for one in found if _is_late(one, due)]),
        ("Empty", [([s.student], s.problem or "no task is answered") for s in found if s.student in empty]),
        ("Equal to the letter", [(students, "") for students in equal.values() if len(students) > 1]),
        ("Renamed", [([s.student], s.name) for s in found if name and s.name not in ("", f"{name}.ipynb")]),
        ("Without a task of this exercise", [([s.student], s.name) for s in found if s.foreign]),
        ("Handed in more than once", [([s.student], f"{s.earlier} earlier ones") for s in found if s.earlier]),
    ]
    same = {frozenset((a, b)) for group in equal.values() for a in group for b in group if a != b}
    pairs = find_pairs(_answers(out, rows), given_runs(released))
    overview = Overview(
        [(title, lines) for title, lines in remarks if lines],
        [pair for pair in pairs if frozenset(pair.students) not in same],
    )
    with atomic_write(out / "class.html") as draft, draft.open("w", encoding="utf-8") as file:
        file.writelines(_page(overview, rows, exercise, out))
    return overview


def _answers(out: Path, rows: list[dict[str, Any]]) -> Iterator[tuple[str, dict[str, str]]]:
    """Each student's answers, as they were kept when graded; one at a time, they can be many."""
    for row in rows:
        path = out / "answers" / f"{report_name(row['student'])}.json"
        if path.is_file():
            yield row["student"], json.loads(path.read_text(encoding="utf-8"))


def _is_empty(row: dict[str, Any]) -> bool:
    if row["status"] == "unreadable":
        return any(note.startswith(("no notebook", "the file is empty")) for note in row["notes"])
    return all(verdict["status"] == "todo" for verdict in row["tasks"].values())


def _is_late(one: Submission, due: datetime | None) -> bool:
    return one.late or bool(due and one.handed_in and one.handed_in > due)


def _how_late(one: Submission, due: datetime | None) -> str:
    if not (due and one.handed_in):
        return "as Canvas says"
    minutes = int((one.handed_in - due).total_seconds() // 60)
    return f"by {minutes // 1440} d {minutes % 1440 // 60} h {minutes % 60} min"


def _page(overview: Overview, rows: list[dict[str, Any]], exercise: Exercise, out: Path) -> Iterator[str]:
    kept = dict.fromkeys(student for pair in overview.pairs[:MAX_PAIRS] for student in pair.students)
    sources = dict(_answers(out, [row for row in rows if row["student"] in kept]))
    shown = [
        (
            pair.students,
            [
                {
                    "names": (a, b),
                    "share": share,
                    "sources": [_printable(sources[s][n]) for s, n in zip(pair.students, (a, b), strict=True)],
                }
                for a, b, share in pair.cells[:MAX_CELLS]
            ],
        )
        for pair in overview.pairs[:MAX_PAIRS]
    ]
    points = [row["points"] for row in rows if row["points"] is not None]
    template = Environment(autoescape=True).from_string(_PAGE)
    return template.generate(
        exercise=exercise, rows=rows, tasks=summarise(rows, exercise), remarks=overview.remarks, pairs=overview.pairs,
        shown=shown, marked=len(points), mean=sum(points) / max(len(points), 1), signs=_SIGNS, name_of=report_name,
    )  # fmt: skip


def _printable(text: str) -> str:
    cut = text[:MAX_SHOWN] + ("\n(cut here)" if len(text) > MAX_SHOWN else "")
    return "".join(c if c in "\n\t" or c.isprintable() else "�" for c in cut)
