"""The class on one page: odd hand-ins are named, both answers of a pair are shown, and nothing on it is active."""

import json
import re
from datetime import UTC, datetime
from pathlib import Path

import classes
from classes import EXERCISE, row_of
from grading_bank.submissions import STUB1

from lecture_grader.class_page import write_class_page
from lecture_grader.html_page import sorting_script
from lecture_grader.results import report_name
from lecture_grader.submissions import Submission

EVIL = "<script>alert(1)</script>"


def kept(out, group):
    (out / "answers").mkdir(parents=True)
    for student, cells in group:
        (out / "answers" / f"{report_name(student)}.json").write_text(json.dumps(cells))


def test_odd_hand_ins_are_named(tmp_path):
    todo = {one.id: {"status": "todo", "points": 0, "hint": "", "message": "open"} for one in EXERCISE.tasks}
    due = datetime(2026, 11, 20, 12, tzinfo=UTC)
    nothing = "no notebook was handed in"
    found = [
        Submission("late", Path("a"), handed_in=datetime(2026, 11, 21, 13, 5, tzinfo=UTC)),
        Submission("in time", Path("b"), handed_in=due, name="09_words.ipynb"),
        Submission("Canvas says late", Path("c"), late=True),
        Submission("none", Path("d"), nothing),
        Submission("untouched", Path("e")),
        Submission("renamed", Path("f"), name="mine.ipynb"),
        Submission("twice", Path("g"), earlier=2),
        Submission("other", Path("h"), name="08.ipynb", foreign=True),
        Submission("no file", Path("i"), "the file is larger than 400 MB"),
    ]
    rows = [row_of(one.student) for one in found]
    rows[3] = row_of("none", None, status="unreadable", tasks={}, notes=[nothing])
    rows[4] = row_of("untouched", 0, tasks=todo)
    rows[8] = row_of("no file", None, status="unreadable", tasks={}, notes=["the file is larger than 400 MB"])
    own = {"cell 1": "import torch", "9.1": "def double(x): return x + x"}
    same = own | {"9.1": own["9.1"] + "\n"}
    group = [("late", own), ("renamed", same), ("in time", own | {"9.1": "x = 1"}), ("untouched", {"9.1": STUB1})]
    kept(tmp_path, [*group, ("twice", {"cell 1": "import torch"}), ("other", {"cell 1": "import torch"})])
    released = [("code", "import torch"), ("code", STUB1)]
    seen = write_class_page(found, rows, EXERCISE, tmp_path, due=due, released=released, name="09_words")
    assert dict(seen.remarks) == {
        "Late": [(["late"], "by 1 d 1 h 5 min"), (["Canvas says late"], "as Canvas says")],
        "Empty": [(["none"], nothing), (["untouched"], "no task is answered")],
        "Identical": [(["late", "renamed"], "")],
        "Renamed": [(["renamed"], "mine.ipynb"), (["other"], "08.ipynb")],
        "Without a task of this exercise": [(["other"], "08.ipynb")],
        "Handed in more than once": [(["twice"], "not graded: 2 other")],
    }
    page = (tmp_path / "class.html").read_text()
    for students, detail in (line for _, lines in seen.remarks for line in lines):
        assert detail in page and all(f">{student}</a>" in page.replace("\n", "") for student in students)


def test_what_only_the_instructor_can_decide_is_named(tmp_path):
    def verdict(status, **more):
        return {"status": status, "points": 0, "hint": "", "message": "", "case": "", "max_points": 1} | more

    stopped = verdict("failed", stopped="checks.py, line 12 (IndexError)")
    open_ = dict.fromkeys((one.id for one in EXERCISE.tasks), verdict("todo"))
    rows = [row_of(f"student {n}", 0, tasks=open_ | {"9.1": verdict("failed"), "9.2": stopped}) for n in range(5)]
    rows[3]["tasks"]["9.2"] = verdict("passed")
    rows[4]["tasks"] = dict(open_)
    rows[4]["notes"] = ["cell 2 names lecture_grader, which no task needs: have a look"]
    rows.append(row_of("six", 0, status="tampered", tasks=open_ | {"9.1": verdict("failed")}))
    rows[5]["notes"] = ["the notebook replaced torch.equal: what was judged after that has no mark"]
    found = [Submission(row["student"], Path("a")) for row in rows]
    kept(tmp_path, [("student 4", {"9.1": "# Task 9.1\ndef doubble(x):\n    return 2 * x", "cell 1": "import torch"})])
    seen = write_class_page(found, rows, EXERCISE, tmp_path, released=[("code", STUB1), ("code", "import torch")])
    assert dict(seen.remarks) == {
        "Answered, but under none of the names that are asked for": [(["student 4"], "")],
        "Replaced what the checks rest on: you decide about the marks": [(["six"], rows[5]["notes"][0])],
        "Names parts of the grader": [(["student 4"], rows[4]["notes"][0])],
        "The check could not go on with the answer": [
            (["student 0", "student 1", "student 2"], "task 9.2, at checks.py, line 12 (IndexError)")
        ],
        "Solved by nobody": [([], "task 9.1, which 5 tried: look at its check, too")],
    }
    page = (tmp_path / "class.html").read_text()
    assert "<li>task 9.1, which 5 tried: look at its check, too</li>" in page


def test_the_page_shows_both_cells_and_is_inert(tmp_path):
    group = [(f"{EVIL}{n}", dict(cells)) for n, (_, cells) in enumerate(classes.answers(12, tasks=3))]
    group[1][1].update({task: classes.renamed(group[0][1][task]) for task in ("9.1", "9.2")})
    group[1][1]["9.1"] += f"\n# {EVIL} \x1b[0m"
    kept(tmp_path, group)
    found = [Submission(student, Path("x"), name=EVIL) for student, _ in group]
    seen = write_class_page(found, [row_of(s) for s, _ in group], EXERCISE, tmp_path, name="09_words")
    assert [group.students for group in seen.alike.groups] == [(f"{EVIL}0", f"{EVIL}1")]
    page = (tmp_path / "class.html").read_text()
    script = sorting_script()
    rest = page.replace(f"<script>{script.text}</script>", "")
    assert len(rest) == len(page) - len(f"<script>{script.text}</script>"), "the only script is that of this package"
    assert not re.search(r"<(script|iframe|img|form|link)\b", rest) and "\x1b" not in page
    assert set(re.findall(r"<svg[^>]*?(?=width)", rest)) <= {'<svg class="chart" ', '<svg class="spread" '}
    assert f"default-src 'none'; script-src '{script.digest}'; style-src" in page
    for n in (0, 1):
        assert f'reports/{report_name(f"{EVIL}{n}")}.html#task-9.1"'.replace(" ", "%20") in page
    assert "my_tensor.numel()" in page and "x.numel()" in page


def test_equal_hand_ins_are_not_named_twice(tmp_path):
    group = classes.answers(12, tasks=2)
    group[1] = (group[1][0], group[0][1])
    kept(tmp_path, group)
    found = [Submission(student, Path("x")) for student, _ in group]
    seen = write_class_page(found, [row_of(s) for s, _ in group], EXERCISE, tmp_path)
    assert dict(seen.remarks) == {"Identical": [([group[0][0], group[1][0]], "")]} and not seen.alike.groups


def test_nearly_equal_hand_ins_are_one_entry_in_a_chart_of_all_pairs(tmp_path):
    group = classes.answers(30, tasks=2)
    for _, cells in group[4:6]:
        cells.update({task: classes.renamed(source) for task, source in group[3][1].items()})
    kept(tmp_path, group)
    found, rows = [Submission(student, Path("x")) for student, _ in group], [row_of(s) for s, _ in group]
    (copies,) = write_class_page(found, rows, EXERCISE, tmp_path).alike.groups
    page = (tmp_path / "class.html").read_text().replace("\n", " ")
    assert page.count("<summary>student 0003, student 0004, student 0005: ") == 1
    assert f"The two who are closest: {' and '.join(copies.closest)}." in page
    assert re.search(rf'role="img" aria-label="The scores of 435 pairs\. .* named: {copies.score:.2f}\."', page)
    assert "never verdicts" in page and "None: no pair" not in page
    kept(tmp_path / "honest", classes.answers(30, tasks=2))
    write_class_page(found, rows, EXERCISE, tmp_path / "honest")
    page = (tmp_path / "honest" / "class.html").read_text()
    assert "None: no pair stands out" in page and "are named: none." in page.replace("\n", " ")
