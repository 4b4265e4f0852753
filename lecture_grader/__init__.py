"""Grades a class: what an instructor runs. See docs/architecture.md for the way of one submission."""
