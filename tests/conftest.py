"""Fixtures that several test files share."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

if "PYTEST_XDIST_WORKER" in os.environ:  # every core is busy: several threads would only wait for each other
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # before torch is imported, here and in what is started

import nbformat
import pytest
import real_data
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from course_tools import kernels

# what the tests solve is not the reader's own progress
os.environ["LECTURE_PROGRESS"] = str(Path(tempfile.gettempdir()) / f"lecture-progress-{os.getpid()}.json")
os.environ["LECTURE_WARM_MINUTES"] = "3"  # fork servers end soon after the tests, and not between two of them
ROOT = Path(__file__).resolve().parents[1]
LECTURES = sorted((ROOT / "lectures").glob("*.ipynb"))
# long, and each test sets up for itself
SPLIT = {"test_checks.py", "test_exercises.py", "test_lectures.py", "test_second_device.py"}
# Those that take longest begin first, so that no process is left alone with one of them at the end.
FIRST = [
    "tests/test_fork_server.py", "tests/test_book.py", "tests/test_checks.py", "tests/test_exercises.py",
    "tests/test_second_device.py", "tests/test_grading.py", "lectures/", "tests/test_cli.py", "tests/test_command.py",
    "tests/test_kernels.py", "tests/test_dask.py", "tests/test_app_attacks.py", "tests/test_app_server.py",
    "tests/test_colab.py",
    "tests/test_slides.py", "tests/test_lectures.py", "tests/test_sandbox_attacks.py", "tests/test_nbgrader.py",
    "solutions/",
]  # fmt: skip
# each answer is tried once for these, which therefore stay in one process
ONE_TRY = re.compile(r"::test_(?:stub|right_answers|wrong_answers|answers_get)\w*\[(?:right-|wrong-)?0?(\d)")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
]
FLAGS += ["--disable-component-update", "--disable-sync"]


def repeats(*values, keep: int = 1) -> list:
    """Values for one argument of a parametrised test: `make test` takes the first ``keep``, `make banks` the rest."""
    return [pytest.param(value, marks=[pytest.mark.bank] * (at >= keep)) for at, value in enumerate(values)]


def pytest_addoption(parser):
    parser.addoption("--no-fork", "--cold", action="store_true", dest="no_fork", help="start new kernels, fork none")
    parser.addoption("--seeds", type=int, default=1, help="with how many seeds test_checks.py tries each answer")
    parser.addoption("--colab", action="store_true", help="run the notebooks with Colab's versions: minutes, 5 GB")
    parser.addoption("--full", action="store_true", help="run lectures in the profile full, where data is: minutes")
    parser.addoption("--lab", action="store_true", help="walk through every notebook in JupyterLab: minutes")


def pytest_configure(config):
    global KERNEL, KERNEL_LINE  # whole notebooks run with it
    config.addinivalue_line("markers", "bank: repeats another test with all that there is; minutes: make banks")
    config.option.markexpr = config.option.markexpr or "not bank"
    KERNEL, KERNEL_LINE = kernels.kernel_name(fork=not config.option.no_fork)
    if not config.option.nbval_current_env:
        config.option.nbval_kernel_name = config.option.nbval_kernel_name or KERNEL


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers(config):
    """One more than there are cores: some tests only wait, for a time limit or a browser."""
    return (os.cpu_count() or 1) + 1


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """With several processes (``-n``), what stays in one: a notebook's cells, and a file with what it has set up."""
    from xdist.scheduler import LoadScopeScheduling

    class Groups(LoadScopeScheduling):
        def _split_scope(self, nodeid):
            file, _, test = nodeid.partition("::")
            if "06_deployment" in nodeid and file in ("lectures/06_deployment.ipynb", "tests/test_lectures.py"):
                return "lecture 6"  # who runs it writes the app's model
            if answered := ONE_TRY.search(nodeid):
                return f"answers to exercise {answered[1]}"
            return nodeid if Path(file).name in SPLIT and test else file

    return Groups(config, log)


def pytest_collection_modifyitems(items):
    if "PYTEST_XDIST_WORKER" in os.environ:
        ranks = {start: rank for rank, start in enumerate(FIRST)}
        items.sort(key=lambda item: min((r for start, r in ranks.items() if item.nodeid.startswith(start)), default=99))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """Text that is no Unicode, as hostile notebooks bring it, is escaped: xdist cannot send it."""
    report = yield
    report.sections = [(name, _escaped(text)) for name, text in report.sections]
    if report.longrepr is not None and _escaped(str(report.longrepr)) != str(report.longrepr):
        report.longrepr = _escaped(str(report.longrepr))
    return report


def _escaped(text: str) -> str:
    return text.encode("utf-8", "backslashreplace").decode()


def pytest_report_header():
    return KERNEL_LINE


@pytest.fixture(scope="session")
def git():
    """A function that asks git about the course; a copy without a repository of its own has nothing to answer."""
    if not (shutil.which("git") and (ROOT / ".git").exists()):
        pytest.skip("this copy of the course is no git repository")

    def ask(*words: str) -> str:
        return subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=True).stdout

    return ask


@pytest.fixture
def make_notebook(tmp_path):
    """Write a small notebook: strings become code cells, the first one holds the parameters."""

    def make(*sources: str, name: str = "sample", folder: Path = tmp_path) -> Path:
        parameters = new_code_cell('profile = "quick"\nseed = 0', id="parameters", metadata={"tags": ["parameters"]})
        cells = [new_markdown_cell("# Sample", id="title"), parameters]
        cells += [new_code_cell(source, id=f"cell-{n}") for n, source in enumerate(sources)]
        kernelspec = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
        metadata = {"kernelspec": kernelspec, "language_info": {"name": "python"}}
        path = folder / f"{name}.ipynb"
        path.parent.mkdir(parents=True, exist_ok=True)
        nbformat.write(new_notebook(cells=cells, metadata=metadata), path)
        return path

    return make


def chromium_path() -> str | None:
    return shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


@pytest.fixture(scope="module")
def chromium():
    path = chromium_path()
    if path is None and not os.environ.get("CI"):
        pytest.skip("there is no Chromium: apt install chromium")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def nbgrader():
    """A Python with nbgrader from PyPI, and the course's own packages beside it."""
    wanted = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]["nbgrader"]
    folder = ROOT / "build" / "nbgrader-env"
    python = folder / "bin" / "python"
    if not (folder / "ready").is_file():
        subprocess.run([sys.executable, "-m", "venv", "--clear", "--without-pip", folder], check=True)
        (site,) = folder.glob("lib/python*/site-packages")
        ours = [p for p in sys.path if p.endswith("site-packages")]
        (site / "course.pth").write_text("\n".join([*ours, str(ROOT)]))
        install = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *wanted]
        done = subprocess.run(install, capture_output=True, text=True)
        if done.returncode and not os.environ.get("CI"):
            pytest.skip(f"nbgrader cannot be installed: {done.stderr.strip().splitlines()[-1]}")
        assert done.returncode == 0, done.stderr
        (folder / "ready").touch()
    return python


@pytest.fixture
def archives(tmp_path, monkeypatch):
    """A function that copies the archives of a torchvision data set, where LECTURE_DATA holds them.

    The copy becomes LECTURE_DATA: no test writes into the original.
    """

    def copy(folder: str) -> Path:
        root = tmp_path / "data"
        if not real_data.copy_archives(folder, root):
            pytest.skip(f"LECTURE_DATA holds no archives of {folder}")
        monkeypatch.setenv("LECTURE_DATA", str(root))
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
        return root

    return copy


def complains(cell, printed: str) -> bool:
    """Whether a cell printed a traceback, an error or a warning. One that teaches how to read a traceback prints it."""
    teaches = "traceback.format_exc()" in cell.source
    return bool(re.search(r"^ERROR|Warning:" if teaches else r"Traceback|^ERROR|Warning:", printed, re.MULTILINE))


@pytest.fixture
def pictures(tmp_path):
    """A function that makes a folder of some of the pictures that LECTURE_DATA holds, of each class as many."""

    def link(train: int, test: int) -> Path:
        source = real_data.picture_folder(tmp_path)
        if source is None:
            pytest.skip("LECTURE_DATA holds no pictures, train/CLASS/* and test/CLASS/*")
        for part, count in (("train", train), ("test", test)):
            for folder in sorted((source / part).iterdir()):
                target = tmp_path / "pictures" / part / folder.name
                target.mkdir(parents=True)
                for file in sorted(folder.iterdir())[:count]:
                    (target / file.name).symlink_to(file)
        return tmp_path / "pictures"

    return link
