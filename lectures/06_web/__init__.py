"""The network of lecture 6 in the visitor's own browser; `lecture web FOLDER` builds the page."""
