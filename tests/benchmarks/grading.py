"""One class through nbgrader, otter-grader and `lecture grade`: how fast, and whose marks are right.

The same exercise and the same submissions, made of answers whose marks are known: 30 ordinary ones, timed as a
whole folder with two workers and singly, and 10 hostile ones with the same kind of answers in them. nbgrader and
otter-grader come from PyPI, each into an environment of its own with our packages beside it; both run the
course's own checks, all cases, in the student's kernel. They have no workers: each gets two processes with half of
the class. Nothing that is hostile here harms more than its own process or its grader's. One run, one thread
for each worker; the last line is a JSON object:

- throughput_ratio: ordinary submissions per second, ours over the faster of the two others
- single_ratio: seconds of one submission by command, the faster of the two others over ours; each one's median of
  three calls after a first, which is printed apart: ours leaves a process behind that has all imports
- overhead_s: median of our seconds for a submission, less those of its cells and checks in a process forked from
  one that has all imports
- wrong_marks: tasks, of all submissions, to which we gave another mark than they deserve; where a notebook replaced
  what checks rest on, the run names it and leaves its marks to the instructor, and that is right

python tests/benchmarks/grading.py [--exercise 1] [--ordinary 30] [--hostile 10] [--cache FOLDER]
"""

import argparse
import contextlib
import importlib
import json
import os
import random
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import traceback
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import nbformat
import psutil
from platformdirs import user_cache_path

ROOT = Path(__file__).resolve().parents[2]
SCRATCH = Path(tempfile.gettempdir())
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]  # this copy of the course, wherever another is installed
from test_checks import answers  # noqa: E402

from lecture_grader.repair import task_id_of  # noqa: E402
from lecture_utils.grading.tasks import load_exercise  # noqa: E402

WORKERS = 2
CALLS = 3


def choose(number: str) -> None:
    """Take this exercise."""
    global NAME, EXERCISE, POINTS
    EXERCISE = load_exercise(number)
    POINTS = {one.id: one.points for one in EXERCISE.tasks}
    NAME = next((ROOT / "solutions").glob(f"{EXERCISE.number}_*.ipynb")).stem


HOSTILE = {
    "endless loop": "while True: pass",
    "endless loop that swallows": (
        "while True:\n    try:\n        while True: pass\n    except BaseException: pass"
    ),
    "os._exit": "import os; os._exit(0)",
    "segfault": "import ctypes; ctypes.string_at(0)",
    "stops itself": "import os, signal; os.kill(os.getpid(), signal.SIGSTOP)",
    "kills its parent": "import os, signal; os.kill(os.getppid(), signal.SIGKILL)",
    "20 MB of output": "for _ in range(20): print('x' * 1_000_000)",
    "patched comparisons": (
        "torch.allclose = torch.equal = lambda *a, **k: True\nimport builtins\nbuiltins.abs = lambda x: 0"
    ),
    "patched checks": (
        "import lecture_utils.grading.feedback as live, lecture_utils.grading.tasks as tasks\n"
        "live.run_check = lambda one, *a, **k: tasks.Verdict(one.id, 'passed', one.points, 10, '', '')"
    ),
    "a check of its own": "import lecture_utils, lecture_utils.grading.feedback as live\n"
    "check = lecture_utils.check = live.check = lambda *a, **k: None",
}  # fmt: skip


LEFT_TO_INSTRUCTOR = {"patched comparisons"}


def make_class(ordinary: int, hostile: int) -> tuple[dict, dict, dict]:
    """Ordinary and hostile notebooks by student, and the marks of all: {student: {task: points}}."""
    rng = random.Random(0)
    given = nbformat.read(ROOT / "exercises" / f"{NAME}.ipynb", as_version=4)
    known = {task: {kind: answers(task, kind) for kind in ("right", "wrong")} for task in POINTS}
    notebooks, marks = {}, {}
    for student in [*(f"student{n:02}" for n in range(ordinary)), *list(HOSTILE)[:hostile]]:
        notebook, kinds = nbformat.from_dict(given), {}
        for cell in notebook.cells:
            if task := task_id_of(cell.source):
                kinds[task] = rng.choice(["right", "right", "right", "wrong"])
                if student in HOSTILE and task in list(POINTS)[1:3]:
                    kinds[task] = "wrong"  # something to gain by cheating
                cell.source = f"# Task {task}\n{rng.choice(known[task][kinds[task]])[2].strip()}"
        if student in HOSTILE:
            first = next(n for n, cell in enumerate(notebook.cells) if task_id_of(cell.source))
            notebook.cells.insert(first, nbformat.v4.new_code_cell(HOSTILE[student], id="hostile"))
        notebooks[student] = notebook
        marks[student] = {task: POINTS[task] * (kind == "right") for task, kind in kinds.items()}
    quiet = {s: n for s, n in notebooks.items() if s not in HOSTILE}
    return quiet, {s: n for s, n in notebooks.items() if s in HOSTILE}, marks


def wrong(got: dict, marks: dict, students) -> list[str]:
    """The tasks with another mark than they deserve; a submission without any row has all of them wrong."""
    deserved = {
        s: {t: {marks[s][t]} | ({"withheld"} if s in LEFT_TO_INSTRUCTOR else set()) for t in POINTS} for s in students
    }
    return [f"{s} {t}" for s in students for t in POINTS if got.get(s, {}).get(t, "none") not in deserved[s][t]]


def _as_number(mark) -> float:
    return mark if isinstance(mark, int | float) else 0


def command(words, cwd: Path, timeout: float | None = None) -> str:
    """What a command says, or why it said nothing; with a time limit, everything that it started ends too."""
    env = os.environ | {"OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": "", "PYTHONPATH": str(ROOT)}
    env |= {
        "PATH": f"{Path(words[0]).parent}{os.pathsep}{os.environ['PATH']}",
        "LECTURE_PROGRESS": str(cwd / "progress"),
        "XDG_RUNTIME_DIR": str(SCRATCH),  # nothing is warm at first
        "LECTURE_WARM_MINUTES": "2",
    }
    process = subprocess.Popen(
        list(map(str, words)), cwd=cwd, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        start_new_session=True,
    )  # fmt: skip
    try:
        said, _ = process.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        said = f"stopped after {timeout:.0f} s"
    finally:
        with contextlib.suppress(psutil.Error):
            for child in psutil.Process(process.pid).children(recursive=True):  # a kernel is in a group of its own
                child.kill()
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    return f"exit {process.returncode}: {said}" if process.returncode else said


class Ours:
    """`lecture grade`, as a user calls it."""

    name, batches = "lecture grade", 1

    def prepare(self, notebooks: dict, folder: Path) -> None:
        (folder / "in").mkdir(parents=True)
        for student, notebook in notebooks.items():
            nbformat.write(notebook, folder / "in" / f"{student}.ipynb")

    def run(self, folder: Path, timeout: float | None = None) -> tuple[dict, str]:
        words = [sys.executable, "-m", "course_tools", "grade", folder / "in", "--exercise", EXERCISE.number]
        words += ["--out", folder / "out", "--seed", 1, "--workers", WORKERS, "--time-limit", 20]
        said = command(words, folder, timeout)
        rows = {}
        with contextlib.suppress(FileNotFoundError):
            rows = {
                r["student"]: r for r in map(json.loads, (folder / "out" / "results.jsonl").read_text().splitlines())
            }
        return {
            s: {t: "withheld" if v["points"] is None else v["points"] for t, v in row["tasks"].items()}
            for s, row in rows.items()
        }, said


class Peer:
    """A grader from PyPI in an environment of its own under ``cache``, our packages beside its own."""

    batches = WORKERS

    def __init__(self, cache: Path):
        folder = cache / self.package.replace("-", "_")
        self.python = folder / "bin" / "python"
        if not (folder / "ready").is_file():
            subprocess.run([sys.executable, "-m", "venv", "--clear", "--without-pip", folder], check=True)
            (site,) = folder.glob("lib/python*/site-packages")
            (site / "course.pth").write_text("\n".join(p for p in sys.path if p.endswith("site-packages")))
            install = [self.python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", self.package]
            subprocess.run(install, check=True, stderr=subprocess.DEVNULL)
            (folder / "ready").touch()
        ask = f"import importlib.metadata as m; print(m.version({self.package!r}))"
        self.name = f"{self.package} {command([self.python, '-c', ask], cache).strip()}"


class Nbgrader(Peer):
    """Its course, made from our solution; `nbgrader autograde` for all students of a course."""

    package = "nbgrader"
    SCORES = (
        "import json\nfrom nbgrader.api import Gradebook\nwith Gradebook('sqlite:///gradebook.db') as book:\n"
        "    print(json.dumps({s.student.id: {g.name: g.auto_score for n in s.notebooks for g in n.grades}"
        " for s in book.assignment_submissions('ps')}))"
    )

    def prepare(self, notebooks: dict, folder: Path) -> None:
        (folder / "source" / "ps").mkdir(parents=True)
        shutil.copy(ROOT / "solutions" / f"{NAME}.ipynb", folder / "source" / "ps")
        command([self.python, "-m", "nbgrader", "generate_assignment", "ps", "--create"], folder)
        given = nbformat.read(folder / "release" / "ps" / f"{NAME}.ipynb", as_version=4)
        metadata = {cell.id: cell.metadata for cell in given.cells}
        for student, notebook in notebooks.items():
            notebook = nbformat.from_dict(notebook)
            for cell in notebook.cells:
                cell.metadata = metadata.get(cell.id, cell.metadata)
            target = folder / "submitted" / student / "ps" / f"{NAME}.ipynb"
            target.parent.mkdir(parents=True)
            nbformat.write(notebook, target)

    def run(self, folder: Path, timeout: float | None = None) -> tuple[dict, str]:
        said = command([self.python, "-m", "nbgrader", "autograde", "ps"], folder, timeout)
        scores = command([self.python, "-c", self.SCORES], folder).strip().splitlines()
        try:
            scores = json.loads(scores[-1])
        except (IndexError, ValueError):
            return {}, said
        return {
            s: {t: cells.get(f"task-{t.replace('.', '-')}-check") for t in POINTS} for s, cells in scores.items()
        }, said


class Otter(Peer):
    """Its autograder.zip, a test a task that calls our check; otter's own way to grade without Docker, in a loop."""

    package = "otter-grader"
    TEST = (
        'OK_FORMAT = True\n\ntest = {"name": "%s", "points": %d, "suites": [{"cases": [{"code": """\n'
        '>>> import os; os.environ["NBGRADER_EXECUTION"] = "otter"\n>>> import lecture_utils.grading.feedback as live\n'
        '>>> _ = live.check("%s")\n""", "hidden": False, "locked": False}], "scored": True, "setup": "",'
        ' "teardown": "", "type": "doctest"}]}\n'
    )
    LOOP = (
        "import json, pathlib, otter.api\nfor path in sorted(pathlib.Path('in').glob('*.ipynb')):\n"
        "    try:\n        got = otter.api.grade_submission(str(path), 'autograder.zip', quiet=True)\n"
        "        marks = {name: result.score for name, result in got.results.items()}\n"
        "    except BaseException as error:\n        print(path.stem, repr(error)[:300])\n        continue\n"
        "    with open('marks.jsonl', 'a') as file: print(json.dumps([path.stem, marks]), file=file)\n"
    )

    def prepare(self, notebooks: dict, folder: Path) -> None:
        for part in ("in", "tests"):
            (folder / part).mkdir(parents=True)
        for task, points in POINTS.items():
            (folder / "tests" / f"q{task.replace('.', '_')}.py").write_text(self.TEST % (task, points, task))
        command([self.python.parent / "otter", "generate", "-t", "tests"], folder)
        for student, notebook in notebooks.items():
            notebook = nbformat.from_dict(notebook)  # the tests are otter's, not in the notebook
            notebook.cells = [cell for cell in notebook.cells if not cell.source.startswith('check("')]
            nbformat.write(notebook, folder / "in" / f"{student}.ipynb")

    def run(self, folder: Path, timeout: float | None = None) -> tuple[dict, str]:
        said = command([self.python, "-c", self.LOOP], folder, timeout)
        marks = {}
        with contextlib.suppress(FileNotFoundError):
            marks = dict(map(json.loads, (folder / "marks.jsonl").read_text().splitlines()))
        return {s: {t: m.get(t) for t in POINTS} for s, m in marks.items()}, said


def in_batches(grader, notebooks: dict, folder: Path, size: int, timeout: float | None = None):
    """Marks, what was said, and seconds, with at most ``size`` notebooks a command and as many at once as it needs."""
    students = list(notebooks)
    parts = [students[n : n + size] for n in range(0, len(students), size)]
    for number, part in enumerate(parts):
        grader.prepare({s: notebooks[s] for s in part}, folder / str(number))
    with ThreadPoolExecutor(grader.batches) as pool:
        start = time.perf_counter()
        done = list(pool.map(lambda number: grader.run(folder / str(number), timeout), range(len(parts))))
        seconds = time.perf_counter() - start
    marks = {student: row for one, _ in done for student, row in one.items()}
    return marks, dict(zip(map(" ".join, parts), (said for _, said in done), strict=True)), seconds


def overhead(folder: Path) -> float:
    """The median, over a folder of notebooks, of what grading takes beyond the cells and checks themselves."""
    from lecture_grader.grade_class import GradingOptions, grade_class
    from lecture_grader.submissions import find_submissions

    with tempfile.TemporaryDirectory() as scratch, tempfile.TemporaryDirectory() as out:
        found = find_submissions(folder, EXERCISE, Path(scratch))
        seconds, last = {}, time.perf_counter()
        for row, _ in grade_class(found, EXERCISE, Path(out), GradingOptions(seed=1)):
            now = time.perf_counter()
            seconds[row["student"]], last = now - last, now
    bare = {student: forked(folder / f"{student}.ipynb") for student in seconds}  # copies are gone by now
    beyond = {student: seconds[student] - bare[student] for student in seconds}
    median = statistics.median
    print(
        f"  one after the other: {median(seconds.values()):.2f} s, cells and checks alone {median(bare.values()):.2f} s"
    )
    return median(beyond.values())


def forked(path: Path) -> float:
    """Seconds of a notebook's cells and of all checks, in a child that has all imports; ordinary notebooks only."""
    inside, outside = os.pipe()
    if child := os.fork():
        os.close(outside)
        with os.fdopen(inside) as pipe:
            text = pipe.read()
        os.waitpid(child, 0)
        return float(text)
    try:
        from IPython.core.interactiveshell import InteractiveShell

        from lecture_utils.grading.student import LiveStudent
        from lecture_utils.grading.verdict import run_check

        sys.stdout = open(os.devnull, "w")  # noqa: SIM115, PTH123
        notebook = nbformat.read(path, as_version=4)
        shell = InteractiveShell.instance()
        start = time.perf_counter()
        for cell in notebook.cells:
            if cell.cell_type == "code":
                shell.run_cell(cell.source)
        for one in EXERCISE.tasks:
            run_check(one, LiveStudent(shell.user_ns), 1, hidden=True)
        os.write(outside, str(time.perf_counter() - start).encode())
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--exercise", default="1", metavar="NUMBER")
    parser.add_argument("--ordinary", type=int, default=30)
    parser.add_argument("--hostile", type=int, default=10)
    parser.add_argument("--cache", type=Path, default=user_cache_path("lecture_utils") / "graders")
    parser.add_argument("--overhead", type=Path, metavar="FOLDER", help=argparse.SUPPRESS)
    options = parser.parse_args()
    choose(options.exercise)
    if options.overhead:  # in a process of its own, with the threads and modules that it wants
        import lecture_grader.worker  # noqa: F401
        from lecture_grader.fork_server import PRELOADED, PRELOADED_FOR_GRADING

        for name in PRELOADED + PRELOADED_FOR_GRADING:
            importlib.import_module(name)
        return print(json.dumps(overhead(options.overhead)))
    options.cache.mkdir(parents=True, exist_ok=True)
    ordinary, hostile, marks = make_class(options.ordinary, options.hostile)
    graders = [Ours(), Nbgrader(options.cache), Otter(options.cache)]
    speed, single, wrong_marks = {}, {}, 0
    global SCRATCH
    with tempfile.TemporaryDirectory(prefix="lecture-graders-") as scratch:
        SCRATCH = Path(scratch)
        for grader in graders:
            home = SCRATCH / type(grader).__name__
            one = dict(list(ordinary.items())[:1])
            first, *calls = (in_batches(grader, one, home / f"single{n}", 1)[2] for n in range(1 + CALLS))
            single[grader] = statistics.median(calls)
            size = -(-len(ordinary) // grader.batches)
            got, said, seconds = in_batches(grader, ordinary, home / "ordinary", size)
            speed[grader] = len(ordinary) / seconds
            faults = wrong(got, marks, ordinary)
            print(f"{grader.name}: one submission {single[grader]:.2f} s, the first time {first:.2f} s;")
            print(f"  {len(ordinary)} ordinary ones {seconds:.1f} s,")
            print(f"  {seconds / len(ordinary):.2f} s each; {len(faults)} of {len(ordinary) * len(POINTS)} marks wrong")
            print("".join(f"    wrong: {fault}\n" for fault in faults[:10]), end="", flush=True)
            if not got:
                print("\n".join(said.values())[-2000:])
            size = len(hostile) if grader.batches == 1 else 1
            got, said, seconds = in_batches(grader, hostile, home / "hostile", max(size, 1), 600 if size > 1 else 90)
            spoilt = wrong(got, marks, hostile)
            most = len(hostile) * len(POINTS)
            print(f"  {len(hostile)} hostile ones {seconds:.1f} s; {len(spoilt)} of {most} marks wrong")
            for student in hostile:
                bad = [fault.rpartition(" ")[2] for fault in spoilt if fault.rpartition(" ")[0] == student]
                if bad:
                    gained = sum(_as_number(got.get(student, {}).get(t)) > marks[student][t] for t in bad)
                    words = (said.get(student) or "").strip().splitlines()
                    why = (
                        "no marks at all"
                        if student not in got
                        else f"marks of {gained} tasks gained, of {len(bad) - gained} lost"
                    )
                    print(f"    {student}: {why}" + (f" ({words[-1][:100]})" if words else ""), flush=True)
            if isinstance(grader, Ours):
                wrong_marks = len(faults) + len(spoilt)
                words = [
                    sys.executable,
                    __file__,
                    "--exercise",
                    options.exercise,
                    "--overhead",
                    home / "ordinary" / "0" / "in",
                ]
                lines = command(words, home).strip().splitlines()
                print(*lines[:-1], sep="\n")
                overhead_s = json.loads(lines[-1])
    ours, *peers = graders
    print(json.dumps({
        "throughput_ratio": round(speed[ours] / max(speed[p] for p in peers), 2),
        "single_ratio": round(min(single[p] for p in peers) / single[ours], 2),
        "overhead_s": round(overhead_s, 3),
        "wrong_marks": wrong_marks,
    }))  # fmt: skip


if __name__ == "__main__":
    main()
