"""Pages without scripts, from the templates in ``templates/`` and text that is not trusted.

Everything is escaped, and the content security policy in ``base.html.j2`` forbids what escaping might miss.
"""

from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, Template
from markupsafe import Markup

from lecture_grader.text import printable


@cache
def template(name: str) -> Template:
    """A template of this package, which escapes the text put into it."""
    environment = Environment(autoescape=True, loader=PackageLoader("lecture_grader"), finalize=_shown)
    environment.filters["printable"] = printable
    return environment.get_template(name)


def _shown(value: Any) -> Any:
    """What stands on the page for a value: names and rows written long ago do not pass the door of ``Grade``."""
    return printable(value) if isinstance(value, str) and not isinstance(value, Markup) else value
