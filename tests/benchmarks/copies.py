"""How many planted copies the comparison finds in made-up classes, and how long it takes.

    python tests/benchmarks/copies.py [--seeds 100 105] [--students 100] [--exercises 1 2 5] [--speed 2000]

Each class holds six copies and answers from `tests/answers` in styles of their own (see `tests/classes.py`); exercise 9
is made of programs that no two students would write. AP is the average precision of all pairs in the order of their
scores; precision and recall are those of the pairs that the class page shows; "none" is a class without copies, where
the last column says how many pairs are shown. The numbers in `similarity.py` were chosen with the seeds 0 to 49: take
others. Two minutes; `--speed` makes a class of that size instead and says how long the comparison takes.
"""

import argparse
import resource
import sys
import time
from pathlib import Path

import nbformat
import numpy as np

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

import classes  # noqa: E402
from test_checks import TASKS, solutions  # noqa: E402

from lecture_grader.similarity import BY_CHANCE, compare, given_runs  # noqa: E402

KINDS = ["renamed", "reordered", "restyled", "half", "half restyled", "none"]


def released(exercise: int) -> list[tuple[str, str]]:
    """(kind, source) of the cells of what students get."""
    found = list((ROOT / "exercises").glob(f"{exercise:02}_*.ipynb"))
    return [(cell.cell_type, cell.source) for path in found for cell in nbformat.read(path, as_version=4).cells]


def a_class(exercise: int, students: int, seed: int) -> list[tuple[str, dict[str, str]]]:
    """A class in which everybody works alone."""
    if exercise == 9:
        return classes.answers(students, seed=seed)
    tasks = [one for one in TASKS if one.startswith(f"{exercise}.")]
    return classes.real_class(tasks, students, seed, solutions())


def average_precision(pairs: list[tuple[str, str, float]], planted: set[frozenset[str]]) -> float:
    """The mean of the precisions at which each planted pair is found in the list, 0 where it is not."""
    ranks = [rank for rank, pair in enumerate(pairs, 1) if frozenset(pair[:2]) in planted]
    return sum(found / rank for found, rank in enumerate(ranks, 1)) / len(planted)


def figures(exercise: int, kind: str, students: int, seeds: range) -> list[float]:
    """Average precision, precision, recall, and pairs shown for each class."""
    precisions, hits, shown = [], 0, 0
    given = given_runs(released(exercise))
    for seed in seeds:
        group = a_class(exercise, students, seed)
        planted = classes.plant(group, kind, seed + 1000) if kind != "none" else set()
        pairs = compare(group, given, least=0.05).pairs
        least = compare(group, given).least
        named = [pair for pair in pairs if pair[2] >= least]
        precisions += [average_precision(pairs, planted)] if planted else []
        hits, shown = hits + sum(frozenset(pair[:2]) in planted for pair in named), shown + len(named)
    return [
        float(np.mean(precisions)) if precisions else np.nan,
        hits / shown if shown else np.nan,
        hits / (6 * len(seeds)) if precisions else np.nan,
        shown / len(seeds),
    ]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, nargs=2, default=(100, 104))
    parser.add_argument("--students", type=int, default=100)
    parser.add_argument("--exercises", type=int, nargs="*", default=(1, 2, 5, 9))
    parser.add_argument("--kinds", nargs="*", default=KINDS)
    parser.add_argument("--speed", type=int)
    args = parser.parse_args()
    if args.speed:
        for exercise in args.exercises:
            group, given = a_class(exercise, args.speed, args.seeds[0]), given_runs(released(exercise))
            begun = time.perf_counter()
            compare(group, given)
            seconds, peak = time.perf_counter() - begun, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
            print(
                f"exercise {exercise}, {args.speed} students: {seconds:.2f} s, peak {peak} MB with all that is loaded"
            )
        return
    print(f"{args.students} students, seeds {args.seeds[0]} to {args.seeds[1] - 1}, about {BY_CHANCE} pair by chance")
    print("| exercise | copies | AP | precision | recall | pairs shown |\n|---|---|---|---|---|---|")
    for kind in args.kinds:
        for exercise in args.exercises:
            values = figures(exercise, kind, args.students, range(*args.seeds))
            print(
                f"| {exercise} | {kind} | " + " | ".join("–" if one != one else f"{one:.2f}" for one in values) + " |"
            )


if __name__ == "__main__":
    main()
