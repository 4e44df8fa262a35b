"""Lets ``python -m spiritsafe`` do what the ``spiritsafe`` command does."""

import sys

from spiritsafe.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
