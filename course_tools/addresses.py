"""``lecture badges``: the repository's address, from ``pyproject.toml``, in badges and set-up cells."""

import re
import tomllib
from pathlib import Path

from course_tools.notebooks import CourseError


def repository(root: Path) -> str:
    """The address ``[project.urls] Repository`` in ``pyproject.toml`` of the course in the folder ``root``.

    Raises:
        CourseError: it is not of the form ``https://github.com/OWNER/NAME``.
    """
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    address = project["urls"]["Repository"].rstrip("/").removesuffix(".git")
    if not re.fullmatch(r"https://github\.com/[\w.-]+/[\w.-]+", address):
        raise CourseError(f"[project.urls] Repository is {address!r}: it must be https://github.com/OWNER/NAME")
    return address


def rewrite_addresses(root: Path) -> dict[Path, str]:
    """New contents for the files of the course whose badges and set-up cells name another repository or notebook.

    Raises:
        CourseError: as :func:`repository`.
    """
    slug = repository(root).removeprefix("https://github.com/")
    other = r"[\w.-]+/[\w.-]+"
    places = [
        rf"(research\.google\.com/github/){other}(/)",
        rf"(https://github\.com/){other}(/actions)",
        rf"(git clone https://github\.com/){other}()",
        rf'(git\+https://github\.com/){other}([\\"])',
    ]
    changed = {}
    notebooks = [path for folder in ("lectures", "solutions", "exercises") for path in sorted((root / folder).glob("*.ipynb"))]
    for path in [*notebooks, *sorted(root.glob("*.md"))]:
        old = new = path.read_text(encoding="utf-8")
        for place in places:
            new = re.sub(place, rf"\g<1>{slug}\g<2>", new)
        if path.suffix == ".ipynb":
            here = path.relative_to(root).as_posix().replace("solutions/", "exercises/")  # made from it, badge and all
            new = re.sub(r"(/blob/main/)[\w./-]+\.ipynb", rf"\g<1>{here}", new)
        if new != old:
            changed[path] = new
    return changed
