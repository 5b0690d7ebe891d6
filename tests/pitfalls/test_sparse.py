"""Sparse files: maps without end, and sizes that no disk holds."""

import subprocess
import tracemalloc
from dataclasses import replace
from pathlib import Path

import pytest

from imgforensics import Digest, Limits, ProblemCode, extract, write_tar
from imgforensics.errors import LimitExceededError
from imgforensics.testing import (
    Entry,
    LayerSpec,
    Packing,
    SparseFormat,
    file,
    sparse_file,
)
from tests.filesystem.building import codes_of, image_of

SIZE = 3_000_000
RUNS = [(number * 131_072, b"%05d" % number * 900) for number in range(20)]
CONTENT = b"".join(data.ljust(131_072, b"\0") for _, data in RUNS).ljust(SIZE, b"\0")


def gnu_tar(folder: Path, *options: str) -> bytes:
    with (folder / "sparse").open("wb") as made:
        for offset, data in RUNS:
            made.seek(offset)
            made.write(data)
        made.truncate(SIZE)
    command = ["tar", "-c", "--sparse", *options, "-C", str(folder), "sparse"]
    return subprocess.run(command, check=True, capture_output=True).stdout


def assert_sparse(spec: LayerSpec, folder: Path) -> None:
    """The file reads as what it was made from, everywhere, and its holes are holes."""
    with image_of(spec) as image:
        assert image.path("/sparse").read_bytes() == CONTENT
        assert codes_of(image) == []
        extract(image, folder / "out")
        write_tar(image, folder / "out.tar")
    extracted = folder / "out" / "sparse"
    assert extracted.read_bytes() == CONTENT
    assert extracted.stat().st_blocks * 512 < SIZE // 2
    assert (folder / "out.tar").stat().st_size < SIZE // 2


@pytest.mark.oracle
@pytest.mark.parametrize(
    "options",
    [
        ["--format=gnu"],
        ["--format=posix", "--sparse-version=0.0"],
        ["--format=posix", "--sparse-version=0.1"],
        ["--format=posix", "--sparse-version=1.0"],
    ],
    ids=" ".join,
)
def test_sparse_files_of_gnu_tar_in_its_four_formats(options: list[str], tmp_path: Path) -> None:
    """Pitfall 27: a sparse file's stored pieces were taken for its content, or its map for data.

    https://github.com/moby/moby/issues/5419
    """
    made = gnu_tar(tmp_path, *options)
    assert len(made) < SIZE // 2, "tar found no holes here"
    assert_sparse(LayerSpec(blob=made, diff_id=str(Digest.of(made))), tmp_path)


@pytest.mark.parametrize("sparse_format", SparseFormat)
def test_sparse_files_read_alike_in_all_four_formats(
    sparse_format: SparseFormat, tmp_path: Path
) -> None:
    """Pitfall 27: one of the four ways to write a sparse file's map was not known.

    https://github.com/containers/storage/issues/1091
    """
    assert_sparse(
        LayerSpec([sparse_file("sparse", SIZE, RUNS, sparse_format=sparse_format)]), tmp_path
    )


@pytest.mark.parametrize("sparse_format", SparseFormat)
def test_the_extents_of_a_map_are_counted(sparse_format: SparseFormat) -> None:
    """Pitfall 27: a map was read to its end, into memory, however long an archive makes it.

    https://github.com/cri-o/cri-o/pull/9598 (CVE-2025-58183)
    """
    runs = [(2 * number, b"x") for number in range(1_000)]
    layer = [sparse_file("f", 2_000, runs, sparse_format=sparse_format)]
    with image_of(layer, limits=Limits(sparse_extents=1_001)) as image:
        assert image.path("/f").read_bytes() == b"x\0" * 1_000
    with (
        image_of(layer, limits=Limits(sparse_extents=999)) as image,
        pytest.raises(LimitExceededError, match=r"Limits\(sparse_extents="),
    ):
        _ = image.filesystem


def mapped(numbers: bytes) -> Entry:
    """A sparse file of PAX format 1.0 whose map is these lines."""
    return replace(sparse_file("f", 5_000, [(0, b"x")]), content=numbers)


def peak_of(layer: list[Entry], code: ProblemCode | None) -> int:
    """The most memory that is held while the layer is read; it has this problem, or a limit."""
    with image_of(layer, packing=Packing.GZIP) as image:
        tracemalloc.start()
        try:
            assert code is None or code in codes_of(image)
            if code is None:
                with pytest.raises(LimitExceededError, match="sparse_extents"):
                    _ = image.filesystem
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()


def test_a_map_of_a_million_extents_and_one_more() -> None:
    """Pitfall 27: few bytes, well compressed, became gigabytes of extents.

    https://github.com/cri-o/cri-o/pull/9598 (CVE-2025-58183)
    """
    numbers = b"1000001\n" + b"0\n0\n" * 1_000_001
    assert peak_of([mapped(numbers), file("g")], None) < 32 << 20


@pytest.mark.parametrize("line", [b"1", b"0", b"9" * 511 + b"\n"])
def test_a_map_whose_numbers_have_no_end(line: bytes) -> None:
    """Pitfall 27: the end of a number was looked for until the memory was full.

    https://github.com/cri-o/cri-o/pull/9598 (CVE-2025-58183)
    """
    numbers = line * ((16 << 20) // len(line))
    assert peak_of([mapped(numbers), file("g")], ProblemCode.SPARSE_MAP_INVALID) < 8 << 20


LASTLOG = 600 << 30


def test_a_lastlog_of_600_gb(tmp_path: Path) -> None:
    """Pitfall 27: a file of one login by user 2,000,000,000 filled the disk, or the memory.

    https://github.com/moby/moby/issues/5419
    https://github.com/containers/storage/issues/1091
    """
    layer = [sparse_file("lastlog", LASTLOG, [(LASTLOG - 4_096, b"login".ljust(4_096, b"\0"))])]
    with image_of(layer, packing=Packing.GZIP) as image:
        tracemalloc.start()
        assert image.path("/lastlog").stat().st_size == LASTLOG
        with image.path("/lastlog").open("rb") as lastlog:
            lastlog.seek(-4_096, 2)
            assert lastlog.read(5) == b"login"
            lastlog.seek(LASTLOG // 2)
            assert lastlog.read(5) == bytes(5)
        extract(image, tmp_path / "out")
        write_tar(image, tmp_path / "out.tar")
        assert tracemalloc.get_traced_memory()[1] < 32 << 20
        tracemalloc.stop()
    facts = (tmp_path / "out" / "lastlog").stat()
    assert facts.st_size == LASTLOG
    assert facts.st_blocks * 512 < 1 << 20
    assert (tmp_path / "out.tar").stat().st_size < 1 << 20
