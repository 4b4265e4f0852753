"""Start the app: `python -m lecture_app --port 8000`, or `make app`; `--help` lists the options."""

import sys

if __name__ == "__main__":
    from .server import main  # not above: the processes that decode run this file, too, and need no PyTorch

    sys.exit(main())
