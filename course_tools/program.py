"""Run the command ``lecture`` in this process: ``python -m course_tools.program`` is what a fork runs."""

import sys

OURS = ("course_tools", "lecture_")


def run() -> None:
    """Run the command; a package that is missing is named with the extra that brings it."""
    try:
        from course_tools.cli import app

        app(prog_name="lecture")
    except ModuleNotFoundError as error:
        if error.name is None or error.name.startswith(OURS):
            raise
        extra = "grade" if sys.argv[1:2] == ["grade"] else "course"
        sys.exit(f"lecture: {error.name} is not installed: pip install 'lecture-utils[{extra}]'")


if __name__ == "__main__":
    run()
