"""Pages from the templates in ``templates/`` and text that is not trusted.

All text is escaped, and the content security policy in ``base.html.j2`` blocks what escaping might miss: it allows no
script, or the one of this package with the right digest. Each page can be read without it.
"""

import base64
import hashlib
import re
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from jinja2 import Environment, PackageLoader, Template
from markupsafe import Markup, escape

from lecture_grader.text import printable

_CODE = re.compile(r"`([^`\n]+)`")


@cache
def template(name: str) -> Template:
    """A template of this package, which escapes the values put into it.

    Args:
        name: of a file in ``templates/``.
    """
    environment = Environment(autoescape=True, loader=PackageLoader("lecture_grader"), finalize=_printable)
    environment.filters["printable"] = printable
    environment.filters["code"] = with_code
    return environment.get_template(name)


def _printable(value: Any) -> Any:
    """A value as the page shows it. ``Grade`` has made its text printable, but not names or rows of earlier runs."""
    return printable(value) if isinstance(value, str) and not isinstance(value, Markup) else value


class Script(NamedTuple):
    """A script that a page may run, with the digest by which the content security policy knows it."""

    text: Markup
    digest: str


@cache
def sorting_script() -> Script:
    """The script that sorts tables of the class ``sortable`` by the heading that is clicked."""
    text = (Path(__file__).parent / "templates" / "sort.js").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
    return Script(Markup(text), f"sha256-{digest}")


def with_code(text: str) -> Markup:
    """A text as HTML, escaped, in which what stands between backticks is code, as in Markdown.

    Example:
        >>> with_code("`x < 1` is not `>`")
        Markup('<code>x &lt; 1</code> is not <code>&gt;</code>')
    """
    return Markup(_CODE.sub(r"<code>\1</code>", str(escape(printable(text)))))
