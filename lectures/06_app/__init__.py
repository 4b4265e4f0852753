"""The web app of lecture 6, a package: `python -m lecture_app` starts it, and the lecture imports its `model`."""
