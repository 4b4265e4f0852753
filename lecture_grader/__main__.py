"""``python -m lecture_grader SUBMISSIONS --exercise 02`` is ``lecture grade`` without the course's other tools."""

from lecture_grader.control_groups import enter_scope
from lecture_grader.interrupts import end_on_interrupt

if __name__ == "__main__":
    end_on_interrupt()  # before the imports, which take a while
    enter_scope()

import typer

from lecture_grader.command import grade

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
app.command()(grade)

if __name__ == "__main__":
    app(prog_name="python -m lecture_grader")
