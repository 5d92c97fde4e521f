"""Let ``python -m isogloss`` run the command line."""

import sys

from isogloss.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
