"""Checks of exercise 1: tensors."""

import torch

from lecture_utils.grading import Student, expect, task

SETUP = """
import numpy as np
import torch
"""


@task(
    "1.4",
    "Standardise the columns",
    points=3,
    difficulty=2,
    minutes=8,
    names=["standardise"],
    hints=[
        "Two numbers per column are needed: its mean and its standard deviation. Both are reductions along one "
        "dimension.",
        "`x.mean(dim=0)` has one entry per column, and broadcasting lines it up with every row.",
        "A constant column has standard deviation 0: replace those zeros by 1 before dividing, for example with "
        "`torch.where(std == 0, 1.0, std)`.",
    ],
)
def standardise(student: Student, rng, case: int) -> None:
    rows, columns = [(5, 3), (4, 4), (6, 2)][case] if case < 3 else rng.integers(2, 9, 2).tolist()
    student.case = f"{rows} rows and {columns} columns"
    x = torch.tensor(rng.normal(3, 2, (rows, columns)), dtype=torch.float32)
    if case % 3 == 2:
        student.case += ", one of them constant"
        x[:, int(rng.integers(columns))] = float(rng.integers(-3, 4))
    mean, std, sample = x.mean(0), x.std(0, correction=0), x.std(0)
    one = torch.ones(())
    expected = (x - mean) / torch.where(std == 0, one, std)
    expect(
        student.call("standardise", x),
        expected,
        hints={
            "nonfinite": "A constant column has standard deviation 0, and 0 / 0 is nan: divide by 1 there instead.",
            "shape": "The result has the shape of x: every number moves, none is dropped.",
        },
        mistakes=[
            (
                (x - mean) / torch.where(sample == 0, one, sample),
                "std() divides by n - 1 unless it is told `correction=0`: the text asks for division by n.",
            ),
            (x - mean, "The mean is gone, the division by the standard deviation is missing."),
            ((x - mean) / torch.where(std == 0, one, std**2), "You divided by the variance: take its square root."),
            (
                (x - x.mean()) / x.std(correction=0),
                "One mean and one standard deviation for the whole matrix: "
                "reduce along dim=0, so that each column has its own.",
            ),
        ],
    )
