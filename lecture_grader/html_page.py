"""Pages without scripts, from the templates in ``templates/`` and text that is not trusted.

Everything is escaped, and the content security policy in ``base.html.j2`` forbids what escaping might miss.
"""

from functools import cache

from jinja2 import Environment, PackageLoader, Template


@cache
def template(name: str) -> Template:
    """A template of this package, which escapes the text put into it."""
    environment = Environment(autoescape=True, loader=PackageLoader("lecture_grader"))
    environment.filters["printable"] = printable
    return environment.get_template(name)


def printable(text: str, limit: int) -> str:
    """A text without control characters, cut after ``limit`` characters with a note that says so.

    Example:
        >>> printable("a\\x1b[0m", 10), printable("abc", 2)
        ('a�[0m', 'ab (cut here, to keep the page short)')
    """
    cut = " (cut here, to keep the page short)" if len(text) > limit else ""
    text = text[: max(limit, 0)]
    if not text.replace("\n", "").replace("\t", "").isprintable():
        text = "".join(c if c in "\n\t" or c.isprintable() else "�" for c in text)
    return text + cut
