"""What holds the repository's own files together."""

import ast
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from conftest import LECTURES, ROOT

from course_tools import cli
from course_tools.addresses import rewrite_addresses
from course_tools.notebooks import read_notebook

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
# `student` only names others
OPTIONAL_GROUPS = {name: group for name, group in PROJECT["optional-dependencies"].items() if name != "student"}
# As conda-forge writes them, which does not fold hyphens and underscores.
CONDA_NAMES = {"torch": "pytorch", "uvicorn": "uvicorn-standard", "prometheus-client": "prometheus_client"}
README = (ROOT / "README.md").read_text()
PACKAGES = ("lecture_utils", "checks", "lecture_grader", "course_tools")
BIN = Path(sys.executable).parent


def split(requirement: str) -> tuple[str, str]:
    name, least = re.fullmatch(r"([\w-]+)(?:\[\w+\])?>=([\d.]+)(?:; .+)?", requirement).groups()
    return name, least


def test_environment_names_what_a_student_needs_and_its_versions():
    (student,) = PROJECT["optional-dependencies"]["student"]
    named = re.fullmatch(r"lecture-utils\[([\w,]+)\]", student)[1].split(",")
    wanted = {split(r) for r in [*PROJECT["dependencies"], *(r for name in named for r in OPTIONAL_GROUPS[name])]}
    wanted |= {split(r) for r in OPTIONAL_GROUPS["test"] if r.startswith("nbval")}
    listed = yaml.safe_load((ROOT / "environment.yml").read_text())["dependencies"]
    pip = next(entry["pip"] for entry in listed if isinstance(entry, dict))
    assert pip == ["--editable ."]
    have = {split(r) for r in listed if isinstance(r, str) and r != "pip" and not r.startswith("python=")}
    assert have == {(CONDA_NAMES.get(name, name), least) for name, least in wanted}


def test_binder_reads_the_environment_as_it_is_meant():
    """What repo2docker takes from the file before conda does; it ignores a Python without `=`."""
    listed = yaml.safe_load((ROOT / "environment.yml").read_text())["dependencies"]
    (python,) = [r for r in listed if isinstance(r, str) and re.match(r"python\b(?!-)", r)]
    exact = re.fullmatch(r"python=(3\.\d+)", python)[1]
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yml").read_text())
    assert exact in workflow["jobs"]["cpu"]["strategy"]["matrix"]["python-version"], "tested, so new enough"
    (pip,) = [entry["pip"] for entry in listed if isinstance(entry, dict)]
    local = [line for line in pip if re.split(r"[ =]", line, maxsplit=1)[-1].startswith(".")]
    assert local == ["--editable ."], "then the whole repository is there before pip is called"
    assert not any((ROOT / name).exists() for name in ("binder", ".binder", "Dockerfile", "runtime.txt")), "they win"


def test_the_packages_the_course_was_asked_for_are_there():
    names = {split(r)[0] for group in (PROJECT["dependencies"], *OPTIONAL_GROUPS.values()) for r in group}
    assert {"torch", "torchvision", "jupyterlab", "matplotlib", "nbval", "papermill", "ipywidgets"} <= names


def test_every_direct_dependency_is_pinned():
    pinned = dict(re.findall(r"^([\w.-]+)==(\S+)", (ROOT / "constraints.txt").read_text(), re.MULTILINE))
    groups = [PROJECT["dependencies"], *OPTIONAL_GROUPS.values()]
    for requirement in (r for group in groups for r in group):
        name, least = split(requirement)
        assert name in pinned, f"{name} is not in constraints.txt"
        assert [int(n) for n in pinned[name].split(".")[:3]] >= [int(n) for n in least.split(".")]


def test_installed_torch_and_torchvision_are_the_pinned_pair_or_newer():
    import torch
    import torchvision

    for module, name in ((torch, "torch"), (torchvision, "torchvision")):
        pinned = re.search(rf"^{name}==([\d.]+)$", (ROOT / "constraints.txt").read_text(), re.MULTILINE)[1]
        have = module.__version__.partition("+")[0]
        assert [int(n) for n in have.split(".")] >= [int(n) for n in pinned.split(".")]


DISTRIBUTIONS = {"sklearn": "scikit-learn", "PIL": "pillow", "IPython": "ipykernel", "jupyter_client": "ipykernel"}
DISTRIBUTIONS |= {"cycler": "matplotlib", "traitlets": "ipywidgets", "markupsafe": "jinja2"}  # part of their interface
DISTRIBUTIONS |= {"starlette": "fastapi", "pydantic": "fastapi", "python_multipart": "python-multipart"}
DISTRIBUTIONS |= {"prometheus_client": "prometheus-client", "h11": "uvicorn"}
OPTIONAL = {"psutil", "IPython"}  # lecture_utils does without where they are missing
# which extras a user of each package has installed, beside what every user has
EXTRAS = {"lecture_utils": [], "lecture_grader": ["grade", "dask", "nbgrader"], "course_tools": ["course", "grade"]}
EXTRAS |= {"checks": ["app"], "lectures/06_app": ["app"], "lectures/06_web": ["app", "onnx"]}


def imported_by(path):
    """The top-level names of the modules that a file imports, wherever in the file."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (name.name.partition(".")[0] for name in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield node.module.partition(".")[0]


@pytest.mark.parametrize("package", EXTRAS)
def test_every_import_is_declared_for_who_installs_the_package(package):
    imported = {name for path in (ROOT / package).rglob("*.py") for name in imported_by(path)}
    ours = {
        "lecture_utils",
        "lecture_grader",
        "lecture_app",
        "lecture_web",
        "lecture_checks",
        "course_tools",
        *sys.stdlib_module_names,
    }
    optional = OPTIONAL if package == "lecture_utils" else set()
    extras = PROJECT["optional-dependencies"]
    groups = [PROJECT["dependencies"], *(extras[name] for name in EXTRAS[package])]
    declared = {split(r)[0] for group in groups for r in group}
    assert {DISTRIBUTIONS.get(name, name) for name in imported - ours - optional} <= declared


GITHUB = {"workflows/*.yml": "github-workflows", "ISSUE_TEMPLATE/[!c]*.yml": "github-issue-forms"}
GITHUB |= {"ISSUE_TEMPLATE/config.yml": "github-issue-config"}
ON_GITHUB = [(path, schema) for files, schema in GITHUB.items() for path in sorted((ROOT / ".github").glob(files))]


@pytest.mark.parametrize(("path", "schema"), ON_GITHUB, ids=[path.name for path, _ in ON_GITHUB])
def test_files_for_github_fit_their_schemas(path, schema):
    check = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", f"vendor.{schema}"]
    done = subprocess.run([*check, str(path)], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert {path for path, _ in ON_GITHUB} == set((ROOT / ".github").rglob("*.yml"))


def test_the_schema_check_can_fail(tmp_path):
    broken = tmp_path / "ci.yml"
    broken.write_text((ROOT / ".github" / "workflows" / "ci.yml").read_text().replace("runs-on:", "runs_on:"))
    check = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.github-workflows", str(broken)]
    assert subprocess.run(check, capture_output=True).returncode != 0


def test_workflow_has_the_promised_jobs():
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yml").read_text())
    jobs = workflow["jobs"]
    assert len(jobs["cpu"]["strategy"]["matrix"]["python-version"]) == 3
    assert "self-hosted" in jobs["gpu"]["runs-on"]
    assert workflow[True]["schedule"]  # YAML 1.1 reads the key `on` as true
    assert any("CONSTRAINTS=" in step.get("run", "") for step in jobs["newest"]["steps"])
    assert any(step.get("run") == "make coverage" for step in jobs["coverage"]["steps"])


def test_ci_runs_the_test_command_of_the_readme():
    assert "\nmake test\n" in (ROOT / ".ci" / "run").read_text() and "make test" in README
    assert "  make full\n" in (ROOT / ".ci" / "run").read_text() and "make full" in CONTRIBUTING
    assert "bash .ci/run" in (ROOT / ".github" / "workflows" / "ci.yml").read_text()


def test_code_is_formatted_and_lint_free():
    for command in (["check"], ["format", "--check"]):
        done = subprocess.run([sys.executable, "-m", "ruff", *command, str(ROOT)], capture_output=True, text=True)
        assert done.returncode == 0, done.stdout


def test_javascript_is_lint_free(tmp_path):
    done = subprocess.run([BIN / "oxlint", "--deny-warnings"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
    scripts = subprocess.run(["git", "ls-files", "*.js"], cwd=ROOT, capture_output=True, text=True).stdout.split()
    assert int(re.search(r"on (\d+) files", done.stdout)[1]) >= len(scripts) > 10
    shutil.copy(ROOT / ".oxlintrc.json", tmp_path)
    (tmp_path / "bad.js").write_text("export const render = (host) => hots.append(1);\n")
    found = subprocess.run([BIN / "oxlint"], cwd=tmp_path, capture_output=True, text=True)
    assert found.returncode != 0 and "'hots' is not defined" in found.stdout and "'host'" in found.stdout


def test_type_hints_are_right():
    done = subprocess.run([sys.executable, "-m", "mypy"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    modules = [path for name in PACKAGES for path in (ROOT / name).rglob("*.py")]
    assert int(re.search(r"in (\d+) source files", done.stdout)[1]) >= len(modules)  # none is passed over


def test_imports_point_one_way():
    done = subprocess.run([BIN / "lint-imports", "--no-cache"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"Contracts: [5-9] kept, 0 broken", done.stdout)


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("lecture_utils/files.py", "import lecture_grader.results"),
        ("lecture_grader/lms.py", "import course_tools.notebooks"),
        ("lecture_grader/worker.py", "import lecture_utils.grading.compare"),
        ("lecture_utils/grading/namespace.py", "import lecture_utils.grading.verdict"),
        ("checks/exercise_01.py", "import lecture_utils.data"),
        ("lecture_utils/grading/errors.py", "import lecture_utils.grading.tasks"),
    ],
)
def test_an_import_that_points_the_wrong_way_is_found(path, line, tmp_path):
    for name in PACKAGES:
        shutil.copytree(ROOT / name, tmp_path / ("lecture_checks" if name == "checks" else name))
    shutil.copytree(ROOT / "lectures" / "06_app", tmp_path / "lecture_app")
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    changed = tmp_path / path.replace("checks/", "lecture_checks/")
    changed.write_text(changed.read_text() + f"\n{line}\n")
    done = subprocess.run([BIN / "lint-imports", "--no-cache"], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode != 0 and "broken" in done.stdout, done.stdout + done.stderr


def test_no_code_is_dead(tmp_path):
    done = subprocess.run([BIN / "vulture"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    (tmp_path / "dead.py").write_text("def nobody_calls_this():\n    pass\n")
    found = subprocess.run([BIN / "vulture", tmp_path / "dead.py"], cwd=tmp_path, capture_output=True, text=True)
    assert found.returncode != 0 and "nobody_calls_this" in found.stdout


def test_no_function_is_long():
    """At most 60 lines, decorators left out; a long list of known mistakes in a check has a comment above it."""
    long = [
        f"{path.relative_to(ROOT)}: {node.name}"
        for name in (*PACKAGES, "lectures/06_app")
        for path in (ROOT / name).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and node.end_lineno - node.lineno >= 60
    ]
    assert not long


def test_pre_commit_is_set_up():
    config = ROOT / ".pre-commit-config.yaml"
    done = subprocess.run([sys.executable, "-m", "pre_commit", "validate-config", str(config)], capture_output=True)
    assert done.returncode == 0, done.stderr
    hooks = [hook for repo in yaml.safe_load(config.read_text())["repos"] for hook in repo["hooks"]]
    assert {"ruff-check", "ruff-format", "notebooks", "badges"} == {hook["id"] for hook in hooks}
    (notebooks,) = [hook for hook in hooks if hook["id"] == "notebooks"]
    assert all(re.search(notebooks["files"], f"lectures/{path.name}") for path in LECTURES)


def test_badges_and_set_up_cells_name_this_repository():
    assert rewrite_addresses(ROOT) == {}


def test_each_badge_opens_a_file_that_is_there():
    address = PROJECT["urls"]["Repository"].removeprefix("https://github.com/")
    pattern = rf"research\.google\.com/github/{re.escape(address)}/blob/main/([\w./-]+\.ipynb)"
    in_readme = re.findall(pattern, README)
    notebooks = [p for folder in ("lectures", "exercises") for p in sorted((ROOT / folder).glob("*.ipynb"))]
    assert sorted(in_readme) == sorted(p.relative_to(ROOT).as_posix() for p in notebooks)
    for path in notebooks:
        assert re.findall(pattern, read_notebook(path).cells[0].source) == [path.relative_to(ROOT).as_posix()]


def test_the_slides_titles_stand_everywhere():
    """In Japanese, as the live lectures are called."""
    pages = [README, (ROOT / "README.ja.md").read_text(), (ROOT / "START.ipynb").read_text(encoding="utf-8")]
    for path in LECTURES:
        title = re.match(r"# .+ \((.+)\)", read_notebook(path).cells[0].source)[1]
        assert all(title in page for page in pages), title


@pytest.mark.parametrize("readme", sorted(ROOT.glob("README*.md")), ids=lambda p: p.name)
def test_links_and_pictures_of_the_readme_are_there(readme):
    links = re.findall(r"\]\((?!https?:)([^)#]+)", readme.read_text())
    assert links
    for link in links:
        assert (ROOT / link).exists(), link
    assert not re.search(r"!\[\s*\]\(", readme.read_text())


CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text()


def test_commands_of_the_readme_are_targets():
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for text in (README, CONTRIBUTING, *(page.read_text() for page in (ROOT / "docs").glob("*.md"))):
        assert set(re.findall(r"(?:^|`)make ([a-z]+)\b", text, re.MULTILINE)) <= targets


def test_what_contributing_names_is_there():
    named = re.findall(r"(?:lectures|solutions|tests|lecture_utils)/[\w./-]+", CONTRIBUTING)
    files = {name for name in named if not re.search(r"07|NN", name)}
    assert len(files) >= 5 and all((ROOT / name).exists() for name in files), files
    commands = set(re.findall(r"bin/lecture (\w+)", CONTRIBUTING))
    there = {command.name or command.callback.__name__ for command in cli.app.registered_commands}
    assert {"run", "release", "badges"} <= commands <= there


def test_nothing_names_the_machine_it_was_made_on(git):
    files = git("ls-files", "-z").split("\0")
    home = re.compile(r"(?<![\w.])/(?:root|home/\w+|Users/\w+)/")
    for name in files:
        path = ROOT / name
        if (
            path.is_file()
            and path.suffix in {".py", ".md", ".ipynb", ".yml", ".toml", ".txt"}
            and path.name != "test_repository.py"
        ):
            assert not home.search(path.read_text(encoding="utf-8")), name


def test_lectures_are_numbered_without_gaps():
    assert [int(p.name[:2]) for p in LECTURES] == list(range(1, len(LECTURES) + 1))
