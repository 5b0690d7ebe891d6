"""Measures searches: `python benchmarks/search.py --help`."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.run import FULL, main
from benchmarks.searches import SEARCHES

if __name__ == "__main__":
    sys.exit(main(works=SEARCHES, full=FULL.of_image(1_000)))
