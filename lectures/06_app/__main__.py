"""Start the app: `python -m lecture_app --port 8000`, or `make app`; `--help` lists the options."""

import sys

from .server import main

if __name__ == "__main__":
    sys.exit(main())
