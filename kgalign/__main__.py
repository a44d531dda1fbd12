"""``python -m kgalign``: the same as the command ``kgalign``."""

from kgalign.cli import main

if __name__ == "__main__":
    main()
