"""Start the app: `python -m lecture_app --port 8000`, or `make app`; `--help` lists the options."""

import sys

if __name__ == "__main__":
    try:
        from .server import main  # not above: the processes that decode run this file, too, and need no PyTorch
    except (ImportError, MemoryError) as error:  # a package is missing, or there is no memory for PyTorch
        print(f"the app cannot start: {error}", file=sys.stderr)
        sys.exit(2)
    sys.exit(main())
