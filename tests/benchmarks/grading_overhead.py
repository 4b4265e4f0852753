"""What grading costs beyond running the student's cells, and whether a large class costs more a head.

Each solution notebook is graded in a fork of the fork server and in a new process, in turns. Its
cells alone are timed in a fork of a process that has imported the same, without a sandbox; the
checks' own time is taken where they are called. What remains of grading is overhead: fork,
sandbox, transfer, report. With --class N, so many generated submissions go through
`grade_class` instead: seconds and memory along the way, and how long the page of the class takes
to open in Chromium. The last line is one JSON object.

python tests/benchmarks/grading_overhead.py [--runs 5] [--class 2000 [--workers 2]]
"""

import argparse
import importlib
import itertools
import json
import os
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path
from unittest import mock

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests"))


def cells_alone(path: Path, setup: str) -> float:
    """Seconds of a notebook's cells in a fork of this process."""
    from lecture_grader.repair import read_cells, repair
    from lecture_grader.worker import Worker

    reader, writer = os.pipe()
    if os.fork() == 0:
        cells = read_cells(path.read_bytes())
        repair(cells)
        worker = Worker(None)
        begun = time.perf_counter()
        worker._run(setup, 0)
        for cell in cells:
            if cell.runs and cell.source.strip():
                worker._run(cell.source, None)
        os.write(writer, f"{time.perf_counter() - begun}".encode())
        os._exit(0)
    os.wait()
    seconds = float(os.read(reader, 100))
    os.close(reader)
    os.close(writer)
    return seconds


def graded(path: Path, fork: bool) -> tuple[float, float]:
    """Seconds of grading a notebook, report and all, and of its checks."""
    from lecture_grader import grade_one as grader
    from lecture_grader.grade_class import GradingOptions, Job, grade_job
    from lecture_utils.grading.tasks import load_exercise

    spent = 0.0

    def timed(*args, check=grader.run_check, **options):
        nonlocal spent
        begun = time.perf_counter()
        verdict = check(*args, **options)
        spent += time.perf_counter() - begun
        return verdict

    exercise = load_exercise(path.name[:2])
    begun = time.perf_counter()
    with mock.patch.object(grader, "run_check", timed):
        job = Job(path.stem, path.read_bytes(), "", exercise, {}, GradingOptions(seed=0, fork=fork))
        row = grade_job(job).row
    assert row["points"] == exercise.max_points, row
    return time.perf_counter() - begun, spent


def overhead(runs: int) -> dict[str, float]:
    from lecture_grader.fork_server import PRELOADED, PRELOADED_FOR_GRADING
    from lecture_utils.grading.tasks import load_exercise

    for name in PRELOADED + PRELOADED_FOR_GRADING:
        importlib.import_module(name)
    over = {True: [], False: []}
    for path in sorted((ROOT / "solutions").glob("*.ipynb")):
        setup = load_exercise(path.name[:2]).setup
        alone = statistics.median(cells_alone(path, setup) for _ in range(runs))
        line = f"{path.stem}: cells {alone:.2f} s"
        for fork in (True, False):
            graded(path, fork)  # the fork server is started, files are read
            times = [graded(path, fork) for _ in range(runs if fork else max(1, runs // 2))]
            rest = [whole - alone - checks for whole, checks in times]
            over[fork] += rest
            whole, checks = (statistics.median(part) for part in zip(*times, strict=True))
            line += f"; {'forked' if fork else 'new'} {whole:.2f} s, checks {checks:.2f} s, "
            line += f"overhead {statistics.median(rest):.3f} s"
        print(line, flush=True)
    print("goal: overhead of forked processes at most 0.25 s at the median")
    return {"overhead_s": statistics.median(over[True]), "new_process_overhead_s": statistics.median(over[False])}


def large_class(count: int, workers: int) -> dict[str, float]:
    import psutil
    from grading_bank.submissions import RIGHT1, RIGHT2, RIGHT3, WRONG1, notebook

    from lecture_grader import sandbox
    from lecture_grader.class_page import write_class_page
    from lecture_grader.grade_class import GradingOptions, grade_class
    from lecture_grader.submissions import find_submissions
    from lecture_utils.grading.tasks import load_exercise

    exercise = load_exercise(ROOT / "tests" / "grading_bank" / "checks.py")
    training = (
        "x, y = torch.rand(200, 4), torch.randint(0, 2, (200,))\nsteps = torch.optim.Adam(model.parameters())\n"
        "for step in range(20):\n    loss = nn.functional.cross_entropy(model(x), y)\n    steps.zero_grad()\n"
        "    loss.backward()\n    steps.step()\nprint('loss', loss.item())"
    )
    with tempfile.TemporaryDirectory() as scratch:
        os.environ |= {
            "XDG_RUNTIME_DIR": scratch,
            "LECTURE_WARM_MINUTES": "0",
        }  # a server of its own, found by its folder
        handed_in, out = Path(scratch) / "in", Path(scratch) / "out"
        handed_in.mkdir()
        for n in range(count):
            cells = [f"# submission {n}", WRONG1 if n % 3 == 0 else RIGHT1, RIGHT2, training, RIGHT3]
            (handed_in / f"student {n:04}.ipynb").write_bytes(notebook(cells))
        submissions = find_submissions(handed_in, exercise, Path(scratch))
        workers, limits = sandbox.share_out(sandbox.Limits(), workers, count)
        rows, sizes, moments, me = [], [], [time.perf_counter()], psutil.Process()
        options = GradingOptions(limits=limits)
        for done, (row, _) in enumerate(grade_class(submissions, exercise, out, options, workers=workers)):
            assert row["points"] == (6 if int(row["student"][-4:]) % 3 == 0 else 7), row
            rows.append(row)
            if (done + 1) % (count // 10) == 0:
                there = psutil.process_iter(["ppid", "cmdline"])
                server = [p for p in there if p.info["ppid"] == 1 and scratch in " ".join(p.info["cmdline"] or [])]
                family = [me, *server]
                sizes.append(sum(p.memory_info().rss for p in family) >> 20)
                moments.append(time.perf_counter())
                print(f"{done + 1} of {count}: {moments[-1] - moments[0]:.0f} s, {sizes[-1]} MB", flush=True)
        write_class_page(submissions, rows, exercise, out)
        looked_over = time.perf_counter() - moments[-1]
        tenths = [b - a for a, b in itertools.pairwise(moments)]
        result = {
            "submissions": count,
            "workers": workers,
            "seconds_each": (moments[-1] - moments[0]) / count,
            "last_tenth_to_second": tenths[-1] / tenths[1],
            "memory_mb_after_a_tenth": sizes[0],
            "memory_mb_at_the_end": sizes[-1],
            "look_over_s": looked_over,
            "page_kb": (out / "class.html").stat().st_size >> 10,
        }
        result["page_seconds"] = opening((out / "class.html").as_uri(), count)
        return result


def opening(address: str, rows: int) -> float | None:
    """Seconds until Chromium has laid the page out; None without a Chromium."""
    from playwright.sync_api import sync_playwright

    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if path is None:
        return None
    with sync_playwright() as play:
        page = play.chromium.launch(executable_path=path, args=["--no-sandbox"]).new_page()
        begun = time.perf_counter()
        page.goto(address)
        assert page.evaluate("document.body.offsetHeight") > 10 * rows
        return time.perf_counter() - begun


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--class", dest="count", type=int, help="grade so many generated submissions instead")
    parser.add_argument("--workers", type=int, default=0, help="with --class; 0: one a core")
    given = parser.parse_args()
    os.environ |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
    os.environ |= {"LECTURE_GRADING": "1", "MPLBACKEND": "module://matplotlib_inline.backend_inline"}
    result = large_class(given.count, given.workers) if given.count else overhead(given.runs)
    print(json.dumps({key: round(v, 3) if isinstance(v, float) else v for key, v in result.items()}))


if __name__ == "__main__":
    main()
