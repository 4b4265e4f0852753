"""What a right answer to each task does: one module an exercise, installed as ``lecture_checks``."""
