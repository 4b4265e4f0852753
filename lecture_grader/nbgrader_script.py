"""Reads an nbgrader course and writes marks into its gradebook; run by the Python that has nbgrader.

It reads a JSON object from standard input and writes one as the last line of standard output. Only this file imports
nbgrader, and it imports nothing of the course's packages.
"""

import json
import os
import re
import sys
from pathlib import Path


def open_course(folder):
    """nbgrader's application for a course, with the course's configuration file."""
    from nbgrader.apps import NbGrader

    os.chdir(folder)
    app = NbGrader()
    app.initialize([])
    return app


def look(course, gradebook, wanted):
    """Find the assignment, its notebook, the graded cell of each task, and the students' folders."""
    from nbgrader.api import MissingEntry

    names = [one.name for one in gradebook.assignments]
    if wanted["assignment"]:
        try:
            assignments = [gradebook.find_assignment(wanted["assignment"])]
        except MissingEntry:
            raise SystemExit(
                f"no assignment {wanted['assignment']!r}: there are {', '.join(names) or 'none'}"
            ) from None
    else:
        assignments = gradebook.assignments
    found = []
    for assignment in assignments:
        for notebook in assignment.notebooks:
            cells = {}
            for source in notebook.source_cells:
                match = re.match(r"""\s*check\(["'](\d+\.\d+)["']""", source.source or "")
                if match:
                    cells[match[1]] = source.name
            points = {cell.name: cell.max_score for cell in notebook.grade_cells}
            tasks = {task: [name, points[name]] for task, name in cells.items() if name in points}
            if set(wanted["tasks"]) <= set(tasks):
                found.append((assignment, notebook, {task: tasks[task] for task in wanted["tasks"]}))
    if len(found) != 1:
        among = wanted["assignment"] or "the assignments " + ", ".join(names)
        raise SystemExit(
            f"{'several notebooks' if found else 'no notebook'} of {among} with a graded cell check(...) for each of "
            f"the tasks {', '.join(wanted['tasks'])}: name the assignment, and run nbgrader generate_assignment first"
        )
    ((assignment, notebook, tasks),) = found
    for task, (cell, points) in tasks.items():
        if points != wanted["tasks"][task]:
            raise SystemExit(
                f"task {task} has {wanted['tasks'][task]} points, but {points:g} in nbgrader's cell {cell}"
            )
    pattern = course.format_path(course.submitted_directory, "(?P<student>[^/]+)", assignment.name, escape=True)
    anyone = os.path.relpath(course.format_path(course.submitted_directory, "*", assignment.name), course.root)
    paths = sorted(map(str, Path(course.root).glob(anyone)))
    students = {match["student"]: path for path in paths if (match := re.fullmatch(pattern, path))}
    return {
        "assignment": assignment.name,
        "notebook": notebook.name,
        "cells": {task: cell for task, (cell, _) in tasks.items()},
        "submitted": students,
        "feedback": {s: course.format_path(course.feedback_directory, s, assignment.name) for s in students},
        "due": f"{assignment.duedate} UTC" if assignment.duedate else "",
    }


def write(app, gradebook, request):
    """Write marks as nbgrader's own autograder would; marks that a person gave by hand stay."""
    from nbformat.v4 import new_notebook
    from nbgrader.preprocessors import AssignLatePenalties
    from nbgrader.utils import parse_utc

    place = request["place"]
    assignment, notebook = place["assignment"], place["notebook"]
    for student, (time, points) in request["students"].items():
        gradebook.update_or_create_student(student)
        known = {"timestamp": parse_utc(time)} if time else {}
        gradebook.update_or_create_submission(assignment, student, **known)
        for task, cell in place["cells"].items():
            grade = gradebook.find_grade(cell, notebook, assignment, student)
            grade.auto_score = points.get(task)
            grade.needs_manual_grade = grade.auto_score is None or grade.manual_score is not None
        gradebook.db.commit()
        # the penalty of the course's configuration for being late
        where = {"notebook": notebook, "assignment": assignment, "student": student, "db_url": app.coursedir.db_url}
        AssignLatePenalties(parent=app).preprocess(new_notebook(), {"nbgrader": where})
    return {"written": len(request["students"])}


def main():
    request = json.load(sys.stdin)
    try:
        from nbgrader.api import Gradebook
    except ImportError:
        raise SystemExit(
            "it is not installed there: pip install -c constraints.txt -e '.[nbgrader]', or name another Python "
            "with --nbgrader-python"
        ) from None
    app = open_course(request["course"])
    if app.coursedir.db_url.startswith("sqlite:///") and not Path(app.coursedir.db_url[10:]).is_file():
        raise SystemExit(f"{request['course']} has no gradebook: run nbgrader generate_assignment there first")
    with Gradebook(app.coursedir.db_url, app.coursedir.course_id) as gradebook:
        answer = look(app.coursedir, gradebook, request) if request["do"] == "look" else write(app, gradebook, request)
    print(json.dumps(answer))


if __name__ == "__main__":
    main()
