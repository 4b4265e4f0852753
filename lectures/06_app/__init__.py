"""The web app of lecture 6 as a package; `python -m lecture_app` starts it."""
