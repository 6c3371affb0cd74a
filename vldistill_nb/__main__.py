"""`python -m vldistill_nb` is `vldistill`."""
# Written by hand: it holds nothing that a chapter could explain.
import sys

from .cli import main

if __name__ == "__main__": sys.exit(main())
