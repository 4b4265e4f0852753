"""The program ``lecture``. Where it is possible, grading runs in a fork of a process that has the imports already."""

import contextlib
import sys

if sys.version_info < (3, 11):  # noqa: UP036 - in a clone any Python may run this file
    found = f"{sys.executable} is Python {'.'.join(map(str, sys.version_info[:3]))}"
    sys.exit(f"lecture: {found}, 3.11 or newer is needed: name one, as in `make PYTHON=/path/to/python3.12 lab`")

from lecture_grader.interrupts import end_on_interrupt


def main() -> None:
    end_on_interrupt()  # before the imports, which take a while
    from lecture_grader.control_groups import enter_scope
    from lecture_grader.fork_client import NoFork, fork_command

    arguments = sys.argv[1:]
    if arguments[:1] == ["grade"] and not {"--allow-unsandboxed", "--help"} & set(arguments):
        enter_scope()
        if not {"--no-fork", "--cold"} & set(arguments):
            with contextlib.suppress(NoFork):  # then it runs in this process
                sys.exit(fork_command("course_tools.cli", arguments))
    try:
        from course_tools.cli import app

        app(prog_name="lecture")
    except ModuleNotFoundError as error:
        missing = (error.name or "").partition(".")[0]
        if missing.startswith(("course_tools", "lecture_")) or not missing:
            raise
        extra = "grade" if arguments[:1] == ["grade"] else "course"
        sys.exit(f"lecture: {missing} is not installed: pip install 'lecture-utils[{extra}]'")


if __name__ == "__main__":
    main()
