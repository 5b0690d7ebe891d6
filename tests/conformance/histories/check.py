"""One seed: a history, the image that tells it, and whether we read it as the kernel shows it."""

import hashlib
import shutil
import tempfile
import traceback
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random

from imgforensics import EntryKind, Image, ProblemCode, extract, open_image
from tests.conformance.histories.archives import write_image
from tests.conformance.histories.live import Told, live
from tests.conformance.histories.writers import Writer
from tests.conformance.tree_facts import PathFacts, Tree, compare, walk
from tests.extraction.building import expected_tree

_EACH_LAYER = 8
"""Of so many seeds one is compared after each layer, the others at the end."""
_PAGE, _BLOCK = 4096, 512


@dataclass(frozen=True, slots=True)
class Verdict:
    """What came of one seed: how much was compared, and every difference, told in a line."""

    seed: int
    layers: int
    paths: int
    differences: tuple[str, ...]


def check(seed: int, place: Path) -> Verdict:
    """Live the history of `seed` below `place` and compare; nothing of it stays."""
    folder = Path(tempfile.mkdtemp(dir=place))
    try:
        random = Random(seed)
        history = list(live(folder, random))
        archive = write_image([layer.tar for layer in history], folder, random)
        differences = tuple(_differences(seed, archive, history, folder / "extracted"))
        paths = sum(len(history[number].tree) for number in _compared(seed, history))
        return Verdict(seed, len(history), paths, differences)
    except Exception:  # whatever it is, the seed that did it must be named
        return Verdict(seed, 0, 0, (traceback.format_exc(),))
    finally:
        shutil.rmtree(folder)


def _compared(seed: int, history: Sequence[Told]) -> range:
    return range(0 if seed % _EACH_LAYER == 0 else len(history) - 1, len(history))


def _differences(seed: int, archive: Path, history: Sequence[Told], target: Path) -> Iterator[str]:
    with open_image(archive) as image:
        for number in _compared(seed, history):
            found = expected_tree(image, image.filesystem_at(number))
            for difference in compare(history[number].tree, found):
                yield f"tree after layer {number}: {difference}"
        yield from _content_differences(image, history[-1].tree)
        record = extract(image, target, special=True)
        if record.deviations or not record.is_complete:
            yield f"extraction deviates: {record.deviations}"
        for problem in image.problems:
            if problem.code is not ProblemCode.HARD_LINK_BEFORE_TARGET:
                yield f"problem: {problem}"
    truth = _with_stored_holes(history[-1])
    for difference in compare(truth, walk(target, holes=True)):
        yield f"extracted: {difference}"


def _content_differences(image: Image, truth: Tree) -> Iterator[str]:
    """Contents as the API reads them one by one, where the tree's were cut out of the layers."""
    for path, node in image.filesystem.walk():
        if node.kind is EntryKind.FILE and node.entry is not None:
            with image.open_content(node.entry) as content:
                digest = hashlib.sha256(content.read()).hexdigest()
            facts = truth.get(b"/" + path)
            if facts is not None and facts.sha256 != digest:
                yield f"content of {path!r}"


def _with_stored_holes(told: Told) -> Tree:
    """The tree with the holes that its tar can tell of; other files' are not to be compared."""
    return {
        path: facts if _stores_holes(told.writer, facts) else replace(facts, data=None)
        for path, facts in told.tree.items()
    }


def _stores_holes(writer: Writer, facts: PathFacts) -> bool:
    """GNU tar takes a file as sparse that has fewer blocks of 512 bytes than its size has."""
    if "sparse" not in writer or facts.size is None or facts.data is None:
        return False
    pages = sum(-(-end // _PAGE) - start // _PAGE for start, end in facts.data)
    return pages * _PAGE // _BLOCK < facts.size // _BLOCK
