"""Timings of single parts: `pytest benchmarks/test_parts.py`.

Not among the tests of the project: a figure here is for comparing two states of the code
on one machine, with pytest-benchmark's `--benchmark-autosave` and `--benchmark-compare`.
"""

import io
import tarfile
from collections.abc import Iterator

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from benchmarks.inputs import ImageInput, Inputs, Sizes
from imgforensics import Image, open_image
from imgforensics.filesystem import EMPTY_TREE, OVERLAYFS, FileTree, apply_layer, resolve
from imgforensics.problems import ProblemLog
from imgforensics.tarstream.reader import TarReader

MEMBERS = 10_000
_CHUNK_BYTES = 1 << 20
_SIZES = Sizes(image_mb=50, files=1_000, members=10_000, layers=10)
_LOOKUPS = 1_000


@pytest.fixture(scope="module", params=["ustar", "pax"])
def archive(request: pytest.FixtureRequest) -> bytes:
    """Build a tar of empty files: nothing to read but headers, with or without PAX records."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as writer:
        for number in range(MEMBERS):
            header = tarfile.TarInfo(f"usr/share/doc/package-{number // 20}/file-{number}")
            header.mtime = 1_700_000_000
            if request.param == "pax":
                header.pax_headers = {"mtime": "1700000000.123456789"}
            writer.addfile(header)
    return buffer.getvalue()


@pytest.fixture(scope="module")
def layers(tmp_path_factory: pytest.TempPathFactory) -> ImageInput:
    """Build an image of ten layers that change what is below them."""
    return Inputs(tmp_path_factory.mktemp("inputs"), _SIZES).many_layers()[-1]


@pytest.fixture(scope="module")
def image(layers: ImageInput) -> Iterator[Image]:
    """Open it, all its entries read."""
    with open_image(layers.path) as opened:
        opened.scan_layers()
        yield opened


def test_header_parse(benchmark: BenchmarkFixture, archive: bytes) -> None:
    """Parse every header of an uncompressed archive, checksums verified."""
    chunks = [archive[at : at + _CHUNK_BYTES] for at in range(0, len(archive), _CHUNK_BYTES)]

    def parse() -> tuple[int, list[object]]:
        log = ProblemLog()
        return sum(1 for _ in TarReader(chunks, log)), list(log)

    members, problems = benchmark(parse)
    assert members == MEMBERS
    assert problems == []


def test_apply(benchmark: BenchmarkFixture, image: Image, layers: ImageInput) -> None:
    """Build the filesystem of all layers from their entries."""

    def apply() -> FileTree:
        tree = EMPTY_TREE
        for layer in image.layers:
            tree = apply_layer(tree, layer.entries, ProblemLog(), OVERLAYFS)
        return tree

    tree = benchmark(apply)
    assert sum(1 for _ in tree.walk()) == layers.tree_paths + 1


def test_tree_walk(benchmark: BenchmarkFixture, image: Image, layers: ImageInput) -> None:
    """Go through every path of the top layer's filesystem."""
    tree = image.filesystem
    assert benchmark(lambda: sum(1 for _ in tree.walk())) == layers.tree_paths + 1


def test_lookup(benchmark: BenchmarkFixture, image: Image) -> None:
    """Look up a thousand paths."""
    tree = image.filesystem
    everything = [path for path, _ in tree.walk()]
    paths = everything[:: len(everything) // _LOOKUPS]
    assert benchmark(lambda: [resolve(tree, path, follow=False).path for path in paths]) == paths
