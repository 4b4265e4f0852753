"""Pages without scripts, from the templates in ``templates/`` and text that is not trusted.

All text is escaped, and the content security policy in ``base.html.j2`` blocks what escaping might miss.
"""

from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, Template
from markupsafe import Markup

from lecture_grader.text import printable


@cache
def template(name: str) -> Template:
    """A template of this package, which escapes the values put into it.

    Args:
        name: of a file in ``templates/``.
    """
    environment = Environment(autoescape=True, loader=PackageLoader("lecture_grader"), finalize=_printable)
    environment.filters["printable"] = printable
    return environment.get_template(name)


def _printable(value: Any) -> Any:
    """A value as the page shows it. ``Grade`` has made its text printable, but not names or rows of earlier runs."""
    return printable(value) if isinstance(value, str) and not isinstance(value, Markup) else value
