"""``lecture badges``: writes the repository's address and release into badges and set-up cells."""

import re
import tomllib
from pathlib import Path

from course_tools.notebooks import CourseError

_NAME = r"[\w.-]+/[\w.-]+"
# The repository's OWNER/NAME in Colab's and Binder's badges, in the commands that fetch the course, in the badge of CI,
# and in the link for a JupyterHub.
_OWN_NAME = re.compile(
    rf"(?<=google\.com/github/){_NAME}|(?<=git clone https://github\.com/){_NAME}|(?<=git\+https://github\.com/){_NAME}"
    rf"|(?<=https://github\.com/){_NAME}(?=/actions)|(?<=mybinder\.org/v2/gh/){_NAME}(?=/main)"
    rf"|(?<=git-pull\?repo=https://github\.com/){_NAME}"
)
# The book's address, which GitHub makes of OWNER/NAME.
_BOOK = re.compile(
    r"(?:(?<=\[Read it online\]\(https://)|(?<=\[オンラインの本\]\(https://))[\w-]+\.github\.io/[\w.-]+(?=/\))"
)


def repository(root: Path) -> str:
    """Return the address ``[project.urls] Repository`` in the ``pyproject.toml`` of the folder ``root``.

    Raises:
        CourseError: there is none, or it does not have the form ``https://github.com/OWNER/NAME``.
    """
    try:
        project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8-sig"))["project"]
        address = project["urls"]["Repository"].rstrip("/").removesuffix(".git")
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise CourseError(f"pyproject.toml names no [project.urls] Repository ({error!r})") from error
    if not re.fullmatch(rf"https://github\.com/{_NAME}", address):
        raise CourseError(f"[project.urls] Repository is {address!r}: it must be https://github.com/OWNER/NAME")
    return address


def release(root: Path) -> str:
    """Return the version of the helpers in the folder ``root``, whose tag a set-up cell asks for.

    Raises:
        CourseError: ``lecture_utils/__init__.py`` does not say it.
    """
    file = root / "lecture_utils" / "__init__.py"
    text = file.read_text(encoding="utf-8") if file.exists() else ""
    found = re.search(r'^__version__ = "(\d+(?:\.\d+)*)"$', text, re.MULTILINE)
    if not found:
        raise CourseError(f'{file} has no line such as __version__ = "1.2.0"')
    return found[1]


def rewrite_addresses(root: Path) -> dict[Path, str]:
    """Return the new text of each file whose badges or set-up cells name another repository, release or notebook.

    Raises:
        CourseError: as :func:`repository` and :func:`release`, or a file is not in UTF-8.
    """
    name = repository(root).removeprefix("https://github.com/")
    owner, _, project = name.partition("/")
    version = release(root)
    changed = {}
    notebooks = [path for folder in ("lectures", "solutions", "exercises") for path in root.glob(f"{folder}/*.ipynb")]
    for path in sorted([*notebooks, *root.glob("*.md"), *root.glob("docs/*.md")]):
        try:
            old = path.read_text(encoding="utf-8")
        except ValueError as error:
            raise CourseError(f"{path} is not in UTF-8: {error}") from error
        new = _BOOK.sub(f"{owner.lower()}.github.io/{project}", _OWN_NAME.sub(name, old))
        if path.suffix == ".ipynb":
            here = path.relative_to(root).as_posix().replace("solutions/", "exercises/")  # it will be an exercise
            new = re.sub(r"(?<=/blob/main/)[\w./-]+\.ipynb", here, new)
            new = re.sub(r'(?<=release = \\")[\d.]+(?=\\"  # of the course)', version, new)
        if new != old:
            changed[path] = new
    return changed
