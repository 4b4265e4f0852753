"""``python -m lecture_grader SUBMISSIONS --exercise 02`` is ``lecture grade`` without the course's other tools."""

import typer

from lecture_grader.command import grade

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
app.command()(grade)

if __name__ == "__main__":
    app(prog_name="python -m lecture_grader")
