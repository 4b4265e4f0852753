"""Builds the course: runs, checks and publishes the notebooks. See docs/architecture.md."""
