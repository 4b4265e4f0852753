"""From `python start.py` to the first plot of a trained model: lecture 2 in JupyterLab, by the clicks of a newcomer.

    python tests/benchmarks/first_plot.py [--runs 3]

After `git clone ... && cd ...` it is one command, `python start.py`, a click on lecture 2 on the start page, and
Run > Run All Cells. The clock starts with JupyterLab, after the installation, and no time to think is counted.
The goal: at most 20 s.
Needs Chromium and the packages of the tests.
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path

from playwright.sync_api import sync_playwright

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from conftest import FLAGS, LECTURES, chromium_path
from test_jupyterlab import TOKEN, Lab

from course_tools.notebooks import read_notebook

PANEL = ".jp-NotebookPanel:not(.lm-mod-hidden)"  # the start page stays open behind the lecture
PLOTS = {"line-plot": "the first plot of a trained model", "curves": "the first of a network that reads digits"}


def one_run(browser) -> dict[str, float]:
    """Seconds from the start of JupyterLab to each step."""
    ids = [cell.id for cell in read_notebook(LECTURES[1]).cells]
    with tempfile.TemporaryDirectory() as folder:
        start, times = time.perf_counter(), {}

        def reached(step: str) -> None:
            times[step] = time.perf_counter() - start

        lab = Lab(Path(folder))
        try:
            page = browser.new_page()
            page.goto(f"{lab.address}/?token={TOKEN}")  # what JupyterLab itself opens
            link = page.locator(".jp-RenderedMarkdown a").get_by_text("2. A simple deep-learning model")
            link.wait_for(timeout=60_000)
            reached("JupyterLab shows the start page")
            link.click()
            page.wait_for_function(
                "([panel, count]) => document.querySelectorAll(panel + ' .jp-Cell').length == count",
                arg=[PANEL, len(ids)],
                timeout=60_000,
            )
            page.get_by_text("Python 3 (ipykernel) | Idle").wait_for()
            reached("lecture 2 is open, its kernel ready")
            page.evaluate("document.querySelectorAll('img').forEach((e) => { e.dataset.stored = 1; })")
            page.locator(".lm-MenuBar-itemLabel").get_by_text("Run", exact=True).click()
            page.locator(".lm-Menu-itemLabel").get_by_text("Run All Cells", exact=True).click()
            for name, step in PLOTS.items():
                picture = f"{PANEL} .jp-Cell[data-windowed-list-index='{ids.index(name)}'] img:not([data-stored])"
                page.wait_for_function(
                    "picture => document.querySelector(picture)?.naturalWidth > 0",
                    arg=picture,
                    polling=50,
                    timeout=120_000,
                )
                reached(step)
            page.close()
        finally:
            lab.shut_kernels()
            lab.stop()
        return times


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=3)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_path(), args=FLAGS)
        runs = [one_run(browser) for _ in range(parser.parse_args().runs)]
    for step in runs[0]:
        print(f"{step:45}", "  ".join(f"{run[step]:5.1f} s" for run in runs))


if __name__ == "__main__":
    main()
