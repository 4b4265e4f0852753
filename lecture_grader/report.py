"""What the student gets to read: the notebook as run, each verdict beside its cell, all inert.

The page is made of escaped text and PNG pictures only; what a submission displayed as HTML,
JavaScript or SVG is not shown. A content security policy forbids everything else as well.
"""

import base64
import json
from typing import TYPE_CHECKING, Any

from jinja2 import Environment
from markupsafe import Markup

from lecture_utils.grading.tasks import Exercise

if TYPE_CHECKING:
    from lecture_grader.grade_one import Grade

MAX_TEXT, MAX_PICTURES, MAX_PIXELS = 300_000, 450_000, 20_000_000

_PAGE = r"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Exercise {{ row.exercise }}: {{ row.student }}</title>
<style>
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 1rem auto; padding: 0 1rem; color: #1a1a1a;
       background: #fff; }
pre { white-space: pre-wrap; overflow-wrap: anywhere; background: #f4f4f4; padding: .5rem; margin: .3rem 0; }
pre.shown { background: none; border-left: 3px solid #bbb; } pre.error { border-left: 3px solid #b03a00; }
table { border-collapse: collapse; } td, th { padding: .2rem .6rem; border-bottom: 1px solid #ccc; text-align: left; }
.verdict { border-left: 6px solid; padding: .2rem .8rem; margin: .5rem 0 1.2rem; }
.passed { border-color: #00704a; } .failed { border-color: #b03a00; } .todo, .unjudged { border-color: #5f5f5f; }
.text, summary { color: #444; } .left-out { opacity: .75; } img { max-width: 100%; }
</style>
</head>
<body>
<h1>Exercise {{ row.exercise }}: {{ row.student }}</h1>
<p><strong>{% if row.points is none %}No mark
{%- else %}{{ row.points }} of {{ row.max_points }} points{% endif %}</strong>
· status: {{ row.status }} · {{ row.seconds }} s · random inputs from seed {{ row.seed }}</p>
{% if row.notes %}<h2>Notes</h2><ul>{% for note in row.notes %}<li>{{ note }}</li>{% endfor %}</ul>{% endif %}
{% if row.tasks %}
<h2>Tasks</h2>
<table><thead><tr><th>task</th><th>points</th><th>verdict</th></tr></thead><tbody>
{% for task in exercise.tasks %}{% set v = row.tasks[task.id] %}
<tr><td><a href="#task-{{ task.id }}">{{ task.id }} {{ task.title }}</a></td>
<td>{% if v.points is none %}–{% else %}{{ v.points }}{% endif %} of {{ task.points }}</td>
<td>{{ words[v.status] }}</td></tr>
{% endfor %}</tbody></table>
{% endif %}
{% macro verdict(id) %}{% set v = row.tasks[id] %}
<div class="verdict {{ v.status }}" id="task-{{ id }}"><strong>{{ words[v.status] }}: task {{ id }},
{{ exercise[id].title }}</strong>
{% if v.status == "passed" %}<div>{% if v.cases > exercise[id].visible %}
{{ v.cases }} cases passed, the held-out ones included.{% else %}
{{ v.cases }} visible cases passed; {{ exercise[id].hidden }} more are run when graded.{% endif %}</div>{% else %}
{% if v.case %}<div>Case: {{ v.case }}{% if v.hidden %} (held out){% endif %}</div>{% endif %}
<div>{{ v.message }}</div>
{% if v.error %}<div>Error: {{ v.error }}</div>{% endif %}
{% if v.where %}<div>At: {{ v.where }}</div>{% endif %}
{% if v.hint %}<div><b>Hint:</b> {{ v.hint }}</div>{% endif %}{% endif %}
</div>{% endmacro %}
{% if cells %}<h2>The notebook as run</h2>{% endif %}
{% for cell in cells %}
<section{% if cell.kind == "code" and not cell.runs %} class="left-out"{% endif %}>
{% if cell.kind == "code" %}<pre><code>{{ cell.source }}</code></pre>
{% for output in cell.outputs %}
{% if output.picture %}<img alt="a figure that this cell drew" src="data:image/png;base64,{{ output.picture }}">
{% else %}<pre class="shown">{{ output.text }}</pre>{% endif %}
{% endfor %}
{% if cell.error %}<pre class="shown error">{{ cell.error }}</pre>{% endif %}
{% else %}<details><summary>{{ cell.source.strip().partition("\n")[0][:100] }}</summary>
<pre class="text">{{ cell.source }}</pre></details>{% endif %}
{% if cell.verdict %}{{ verdict(cell.verdict) }}{% endif %}
</section>
{% endfor %}
{% if elsewhere %}<h2>Tasks without a cell of their own</h2>
{% for id in elsewhere %}{{ verdict(id) }}{% endfor %}{% endif %}
</body>
</html>
"""
_TEMPLATE = Environment(autoescape=True).from_string(_PAGE)
_WORDS = {"passed": "✓ Solved", "failed": "✗ Not solved", "todo": "○ Not answered", "unjudged": "– Not judged"}


def render(row: dict[str, Any], grade: "Grade", exercise: Exercise) -> str:
    """The report as one HTML page of at most about 1 MB.

    Args:
        row: the submission's line of ``results.jsonl``: what may be shown of the verdicts.
        grade: its cells.
    """
    last = {cell["task"]: n for n, cell in enumerate(grade.cells) if cell["task"] and cell["runs"]}
    text_left, picture_left = MAX_TEXT, MAX_PICTURES
    cells = []
    for number, cell in enumerate(grade.cells):
        source, text_left = _cut(cell["source"], text_left)
        outputs: list[dict[str, str]] = []
        for output in cell["outputs"]:
            if output["kind"] == "png":
                picture = _png(output["text"])
                if picture and len(picture) <= picture_left:
                    picture_left -= len(picture)
                    outputs.append({"picture": Markup(picture)})  # base64, as checked
                else:
                    outputs.append({"text": "(a figure too large for the report)"})
            else:
                text, text_left = _cut(output["text"], text_left)
                outputs.append({"text": text})
        error, text_left = _cut(cell["error"][2] or cell["error"][0] if cell["error"] else "", text_left)
        verdict = cell["task"] if last.get(cell["task"]) == number and cell["task"] in row["tasks"] else None
        cells.append({**cell, "source": source, "outputs": outputs, "error": error, "verdict": verdict})
    elsewhere = [t.id for t in exercise.tasks if t.id not in last and t.id in row["tasks"]]
    return _TEMPLATE.render(row=row, exercise=exercise, cells=cells, elsewhere=elsewhere, words=_WORDS)


def _cut(text: str, left: int) -> tuple[str, int]:
    """As much of a text as there is room for, and the room left."""
    text = text[: max(left, 0) + 1]
    if not text.replace("\n", "").replace("\t", "").isprintable():
        text = "".join(c if c in "\n\t" or c.isprintable() else "�" for c in text)
    if len(text) > left:
        text = text[: max(left, 0)] + " (cut here: the report would be too long)"
    return text, max(0, left - len(text))


def _png(text: str) -> str:
    """The base64 text of a PNG file, normalised; empty if it is none, or one of too many pixels."""
    try:
        content = base64.b64decode(text)
    except ValueError:
        return ""
    width, height = (int.from_bytes(content[at : at + 4], "big") for at in (16, 20))
    if not content.startswith(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR") or width * height > MAX_PIXELS:
        return ""
    return base64.b64encode(content).decode()


def gradescope(row: dict[str, Any], exercise: Exercise) -> str:
    """Gradescope's ``results.json``: https://gradescope-autograders.readthedocs.io/en/latest/specs/."""
    tests = []
    for one in exercise.tasks:
        v = row["tasks"].get(one.id)
        if v is None or v["points"] is None:
            continue
        said = [v["message"], v["hint"]] if v["status"] != "passed" else ["all cases passed"]
        tests.append(
            {
                "name": one.title,
                "number": one.id,
                "score": v["points"],
                "max_score": one.points,
                "status": "passed" if v["status"] == "passed" else "failed",
                "output": "\n".join(filter(None, said)),
            }
        )
    result: dict[str, Any] = {
        "output": "\n".join([f"status: {row['status']}", *row["notes"]]),
        "execution_time": row["seconds"],
        "visibility": "visible",
        "tests": tests,
    }
    if row["points"] is not None:
        result["score"] = row["points"]
    return json.dumps(result, indent=1, ensure_ascii=False)
