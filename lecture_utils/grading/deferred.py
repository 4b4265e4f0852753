"""What ``check`` and ``progress`` return while a class is graded: the checks then run in another process."""


class Deferred:
    """What ``check`` returns where no checks are: in the grader's process they are run from outside."""

    def __init__(self, task_id: str):
        self.task_id = task_id

    def __repr__(self) -> str:
        return f"Task {self.task_id}: checked from outside, after all cells have run."
