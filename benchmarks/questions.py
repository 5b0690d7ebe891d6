"""What is asked of the library in one process: `python benchmarks/questions.py QUESTION PATH`.

Each prints one line, so that the answer can be held against what the input is known to hold.
"""

import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

_CHUNK_BYTES = 128 << 10


def scan(path: str) -> str:
    """Read every header of one tar, and its contents on the way."""
    from imgforensics.problems import ProblemLog  # noqa: PLC0415 - a question loads what it needs
    from imgforensics.tarstream.reader import TarReader  # noqa: PLC0415

    log = ProblemLog()
    with Path(path).open("rb", buffering=0) as tar:
        members = sum(1 for _ in TarReader(iter(partial(tar.read, _CHUNK_BYTES), b""), log))
    return f"{members} members, {len(list(log))} problems"


def entries(path: str) -> str:
    """Hold every entry of every layer at once."""
    from imgforensics import open_image  # noqa: PLC0415

    with open_image(path) as image:
        return f"{len(image.entries)} entries"


def snapshots(path: str) -> str:
    """Hold the filesystem after each layer, all of them at once."""
    from imgforensics import open_image  # noqa: PLC0415

    with open_image(path) as image:
        trees = [image.filesystem_at(layer) for layer in range(len(image.layers))]
        return f"{sum(1 for _ in trees[-1].walk()) - 1} paths"


def everything(path: str) -> str:
    """List every entry, build the filesystem, and go through its paths."""
    from imgforensics import open_image  # noqa: PLC0415

    with open_image(path) as image:
        found = len(image.entries)
        paths = sum(1 for _ in image.filesystem.walk()) - 1
    return f"{found} entries, {paths} paths"


QUESTIONS: dict[str, Callable[[str], str]] = {
    question.__name__: question for question in (scan, entries, snapshots, everything)
}

if __name__ == "__main__":
    print(QUESTIONS[sys.argv[1]](sys.argv[2]))
