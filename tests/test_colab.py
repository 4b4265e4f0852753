"""One notebook alone in an empty folder, as Colab opens it: its set-up cell fetches the course, and it runs.

Always in an environment of the course's own packages, without those that Colab lacks; with `--colab` (`make colab`) in
one of Colab's versions, which is kept in the user's cache. GitHub is a folder that git is told to take for it.
"""

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from importlib.metadata import distributions
from pathlib import Path

import nbformat
import pytest
from conftest import LECTURES, ROOT, complains
from nbformat.v4 import new_code_cell
from platformdirs import user_cache_path

from course_tools.addresses import release
from course_tools.execute import run_notebook
from course_tools.notebooks import read_notebook
from lecture_utils import require_version

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
ADDRESS = PROJECT["urls"]["Repository"]
FACTS = ROOT / "tests" / "colab-versions.txt"
TEXT = FACTS.read_text()
PYTHON = re.search(r"^# python (\d\.\d+)$", TEXT, re.MULTILINE)[1]
ABSENT = set(re.search(r"^# absent: (.+)$", TEXT, re.MULTILINE)[1].split())
VERSIONS = dict(line.split("==") for line in TEXT.splitlines() if not line.startswith("#"))
COLAB = {
    "COLAB_RELEASE_TAG": "release-colab-external-images",
    "COLAB_BACKEND_VERSION": "next",
    "COLAB_JUPYTER_IP": "172.28.0.12",
    "COLAB_GPU": "",
    "PYTHONPATH": "/env/python",
    "MPLBACKEND": "module://matplotlib_inline.backend_inline",
}
KERNEL = "from ipykernel.kernelapp import launch_new_instance as start; start()"
IN_COLAB = f"import sys, types; sys.modules['google.colab'] = types.ModuleType('google.colab'); {KERNEL}"
NOTEBOOKS = [*LECTURES, *sorted((ROOT / "exercises").glob("*.ipynb"))]


def command(*parts, **options) -> str:
    done = subprocess.run([str(part) for part in parts], capture_output=True, text=True, **options)
    assert done.returncode == 0, f"{parts}\n{done.stdout[-2000:]}{done.stderr[-2000:]}"
    return done.stdout


def installed(python: Path) -> dict[str, str]:
    """The version of each package there, by name."""
    ask = "import importlib.metadata as m, json; print(json.dumps({d.name: d.version for d in m.distributions()}))"
    return json.loads(command(python, "-I", "-c", ask))


@pytest.fixture(scope="module")
def github(tmp_path_factory, git):
    """Variables under which the course's address is a repository of the files as they are now."""
    folder = tmp_path_factory.mktemp("github")
    for name in git("ls-files", "--cached", "--others", "--exclude-standard", "-z").split("\0"):
        if name and (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)
    command("git", "init", "--quiet", cwd=folder)
    command("git", "add", "--force", ".", cwd=folder)
    who = ("-c", "user.name=course", "-c", "user.email=course@example.org")
    command("git", *who, "commit", "--quiet", "--no-verify", "--message=as it is", cwd=folder)
    command("git", "tag", f"v{release(ROOT)}", cwd=folder)
    rewrite = {"KEY_0": f"url.file://{folder}.insteadOf", "VALUE_0": ADDRESS, "COUNT": "1"}
    return {f"GIT_CONFIG_{key}": value for key, value in rewrite.items()}


@pytest.fixture(scope="module")
def wheel(github, tmp_path_factory):
    """The names of the files in the wheel that pip builds of that repository."""
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", folder, f"git+{ADDRESS}"]
    done = subprocess.run(build, env={**os.environ, **github}, capture_output=True, text=True)
    if done.returncode and "setuptools" in done.stderr and not os.environ.get("CI"):
        pytest.skip("no network: pip cannot fetch what builds the course's package")
    assert done.returncode == 0, done.stderr
    (file,) = folder.glob("*.whl")
    return set(zipfile.ZipFile(file).namelist())


@pytest.fixture(scope="module")
def our_python(tmp_path_factory):
    """A Python that has our packages, but neither the course nor what Colab lacks."""
    folder = tmp_path_factory.mktemp("ours")
    command(sys.executable, "-m", "venv", "--without-pip", folder)
    (site,) = folder.glob("lib/python*/site-packages")
    for place in (p for p in sys.path if p.endswith("site-packages")):
        hidden = {"__pycache__", ".."}
        for package in distributions(path=[place]):
            if package.name in ABSENT | {PROJECT["name"]}:
                hidden |= {file.parts[0] for file in package.files}
        for entry in Path(place).iterdir():
            if entry.suffix != ".pth" and entry.name not in hidden and not (site / entry.name).exists():
                (site / entry.name).symlink_to(entry)
    return folder / "bin" / "python"


def _has_version(python: str | None) -> bool:
    ask = [python, "-c", "import sys; print('{}.{}'.format(*sys.version_info))"]
    return bool(python) and subprocess.run(ask, capture_output=True, text=True).stdout.strip() == PYTHON


@pytest.fixture(scope="module")
def colab_python(request):
    """A Python with Colab's versions; of Colab's version itself where there is one."""
    if not request.config.option.colab:
        pytest.skip("an environment with Colab's versions takes 5 GB and some minutes: --colab, or make colab")
    found = shutil.which(f"python{PYTHON}")
    base = found if _has_version(found) else sys.executable
    if not _has_version(base):
        print(f"no python{PYTHON} here: Colab's versions, but Python {'.'.join(map(str, sys.version_info[:2]))}")
    shelf = user_cache_path("lecture_utils") / "colab"
    folder = shelf / hashlib.sha256(f"{TEXT}{Path(base).resolve()}".encode()).hexdigest()[:16]
    python = folder / "bin" / "python"
    if not (folder / "ready").is_file():
        shutil.rmtree(shelf, ignore_errors=True)  # of versions that are gone
        command(base, "-m", "venv", folder)
        command(python, "-m", "pip", "install", "--quiet", "--no-cache-dir", "--requirement", FACTS)
        (folder / "ready").touch()
    return python


class Colab:
    """Notebooks in an empty folder, in a kernel of a Python that has not got the course."""

    def __init__(self, python: Path, variables: dict[str, str], folder: Path, monkeypatch):
        self.python, self.folder = python, folder
        if PROJECT["name"] in installed(python):  # of an earlier run
            command(python, "-m", "pip", "uninstall", "--quiet", "--yes", PROJECT["name"])
        for name, program in (("colab", IN_COLAB), ("elsewhere", KERNEL)):
            kernel = folder / "jupyter" / "kernels" / name / "kernel.json"
            kernel.parent.mkdir(parents=True)
            start = [str(python), "-c", program, "-f", "{connection_file}"]
            kernel.write_text(json.dumps({"argv": start, "display_name": name, "language": "python"}))
        for name in ("LECTURE_DATA", "LECTURE_DEVICE"):
            monkeypatch.delenv(name, raising=False)
        for name, value in {**COLAB, **variables, "JUPYTER_PATH": str(folder / "jupyter")}.items():
            monkeypatch.setenv(name, value)

    def run(self, notebook: nbformat.NotebookNode, name: str) -> None:
        """Run it; print its seconds, and those of its set-up cell; no cell may warn or show an error."""
        alone = self.folder / name / "content"
        alone.mkdir(parents=True)
        nbformat.write(notebook, alone / "notebook.ipynb")
        result = run_notebook(alone / "notebook.ipynb", alone.parent / "out", kernel="colab")
        assert result.status == "passed", f"{name}, cell {result.failed_cell}: {result.error}"
        done = nbformat.read(alone.parent / "out" / "notebook.ipynb", as_version=4)
        (setup,) = (cell for cell in done.cells if cell.id == "setup")
        print(f"{name}: {result.seconds:.1f} s, of which its set-up cell {setup.metadata.papermill.duration:.1f} s")
        faults = []
        for cell in done.cells:
            for output in cell.get("outputs", []):
                text = str(output.get("text", ""))
                told = output.get("name") == "stderr" and cell is not setup  # there pip may
                if told or complains(cell, text):
                    faults.append((cell.id, text[:500]))
        assert not faults

    def set_up(self, kernel: str = "colab") -> str:
        """Run the set-up cell alone; its error, which stops the notebook there."""
        notebook = read_notebook(LECTURES[0])
        notebook.cells = [*(cell for cell in notebook.cells if cell.id == "setup"), new_code_cell("never_reached")]
        nbformat.write(notebook, self.folder / "notebook.ipynb")
        result = run_notebook(self.folder / "notebook.ipynb", self.folder / "out", kernel=kernel)
        assert result.status == "failed" and result.failed_cell == 1, result
        return result.error


def check_alone(colab: Colab, path: Path) -> None:
    """It runs, and after it and after a second time, the course is there and all else as before."""
    before = installed(colab.python)
    assert PROJECT["name"] not in before
    notebook = read_notebook(path)
    colab.run(notebook, path.stem)
    after = installed(colab.python)
    assert after.pop(PROJECT["name"]) and after == before
    (setup,) = (cell for cell in notebook.cells if cell.id == "setup")
    line = next(line.strip() for line in setup.source.splitlines() if "pip install" in line)
    where = "assert lecture_utils.__file__.startswith(sys.prefix), lecture_utils.__file__"
    again = [setup.source, line, f"import sys\nimport lecture_utils\n{where}"]
    notebook.cells = [setup, *(new_code_cell(source) for source in again)]
    colab.run(notebook, f"{path.stem} once more")
    assert {**before, PROJECT["name"]: installed(colab.python)[PROJECT["name"]]} == installed(colab.python)


def test_what_colab_has_is_known_of_each_package_that_notebooks_may_use():
    extras = PROJECT["optional-dependencies"]
    used = [*PROJECT["dependencies"], *(r for name in ("app", "onnx", "dask", "nbgrader") for r in extras[name])]
    names = {re.match(r"[\w-]+", requirement)[0] for requirement in used}
    known = {name.replace("_", "-") for name in VERSIONS} | ABSENT
    # anyio is what starlette stands on, so it is wherever that is
    assert names <= {name.replace("_", "-") for name in known} | {"prometheus-client", "anyio"}
    assert not VERSIONS.keys() & ABSENT


def test_the_wheel_holds_what_notebooks_need(wheel, git):
    files = git("ls-files", "lecture_utils", "lecture_grader", "course_tools", "checks", "lectures/06_app").split()
    wanted = {name.replace("lectures/06_app", "lecture_app").replace("checks/", "lecture_checks/") for name in files}
    assert len(wanted) > 40 and wanted <= wheel, wanted - wheel


def test_a_notebook_alone(wheel, github, our_python, tmp_path, monkeypatch):
    check_alone(Colab(our_python, github, tmp_path, monkeypatch), LECTURES[0])


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_each_notebook_with_the_versions_of_colab(path, github, colab_python, tmp_path, monkeypatch):
    check_alone(Colab(colab_python, github, tmp_path, monkeypatch), path)


# --- where the course cannot be had, its own cell says so

NOT_HERE = f"lecture_utils {release(ROOT)} or newer is not here"


@pytest.mark.parametrize("missing", ["repository", "release"])
def test_a_set_up_that_fails_fails_in_its_own_cell(missing, our_python, tmp_path, monkeypatch):
    folder = tmp_path / "github"
    folder.mkdir()
    if missing == "release":  # a repository without tags
        command("git", "init", "--quiet", cwd=folder)
    variables = {"GIT_CONFIG_KEY_0": f"url.file://{folder}.insteadOf", "GIT_CONFIG_VALUE_0": ADDRESS}
    colab = Colab(our_python, {**variables, "GIT_CONFIG_COUNT": "1"}, tmp_path, monkeypatch)
    error = colab.set_up()
    assert NOT_HERE in error and "no network, or an address or a release that does not exist" in error
    assert "(found: none)" in error and "without such lines, restart the session" in error


def test_an_environment_that_is_not_colab_is_left_as_it_is(github, our_python, tmp_path, monkeypatch):
    before = installed(our_python)
    error = Colab(our_python, github, tmp_path, monkeypatch).set_up("elsewhere")
    assert NOT_HERE in error and "`python3 start.py` (`py` on Windows), and choose the kernel" in error
    assert installed(our_python) == before


@pytest.mark.parametrize("text", ["", "def require_version(version): raise ImportError"], ids=["none", "older"])
def test_older_helpers_are_refused_at_once(text, our_python, tmp_path, monkeypatch):
    colab = Colab(our_python, {}, tmp_path, monkeypatch)
    (tmp_path / "lecture_utils.py").write_text(text)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    error = colab.set_up("elsewhere")
    assert NOT_HERE in error and f"(found: {tmp_path / 'lecture_utils.py'})" in error


def test_the_helpers_know_how_old_they_are(monkeypatch):
    for version in (release(ROOT), "0.0.9", "0.1"):
        require_version(version)
    for version in ("99", "0.99.1", f"{release(ROOT)}.1"):
        with pytest.raises(ImportError, match=rf"{version} or newer is needed"):
            require_version(version)
    monkeypatch.setattr("lecture_utils.__version__", f"{release(ROOT)}rc1")
    require_version(release(ROOT))
