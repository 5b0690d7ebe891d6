"""Contents of files: from every kind of layer, in any order, from many threads."""

import errno
import hashlib
import io
import os
import random
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from imgforensics import Image, ImageForensicsError, open_image
from imgforensics.errors import DamagedBlobError, OutputFailedError, SourceUnreadableError
from imgforensics.testing import (
    ImageBuilder,
    LayerSpec,
    Packing,
    SparseFormat,
    archive,
    directory,
    docker_layout,
    file,
    hard_link,
    oci_layout,
    sparse_file,
    tar,
    whiteout,
)
from tests.filesystem.building import image_of

SMALL = [(f"f{number}", bytes([number]) * (number * 1000)) for number in range(12)]
LARGE = random.Random(1).randbytes((8 << 20) + 12_345)


@pytest.mark.parametrize("packing", Packing)
def test_contents_from_every_packing_in_any_order(packing: Packing) -> None:
    members = [file(name, content) for name, content in SMALL]
    with image_of(members, packing=packing) as image:
        for name, content in [*SMALL, *SMALL[::-1], SMALL[5], SMALL[2], SMALL[2]]:
            assert image.path(name).read_bytes() == content


@pytest.mark.parametrize("packing", [Packing.NONE, Packing.GZIP, Packing.ZSTD])
def test_a_file_above_eight_mebibytes(packing: Packing) -> None:
    members = [file("small", b"1"), file("large", LARGE), file("after", b"2")]
    with image_of(members, packing=packing) as image:
        with image.path("large").open("rb") as content:
            digest = hashlib.file_digest(content, "sha256")  # type: ignore[arg-type]
        assert digest.digest() == hashlib.sha256(LARGE).digest()
        assert image.path("after").read_bytes() == b"2"
        assert image.path("small").read_bytes() == b"1"


@pytest.mark.parametrize("packing", [Packing.NONE, Packing.GZIP])
@pytest.mark.parametrize("sparse_format", SparseFormat)
def test_holes_read_as_zeros(packing: Packing, sparse_format: SparseFormat) -> None:
    extents = [(4096, b"a" * 512), (100_000, b"end")]
    sparse = sparse_file("s", 200_000, extents, sparse_format=sparse_format)
    expected = bytearray(200_000)
    for offset, data in extents:
        expected[offset : offset + len(data)] = data
    with image_of([file("before", b"1"), sparse, file("after", b"2")], packing=packing) as image:
        assert image.path("s").read_bytes() == bytes(expected)
        assert image.path("s").stat().st_size == 200_000
        assert image.path("after").read_bytes() == b"2"
        with image.path("s").open("rb") as content:
            assert content.seek(-100_000, os.SEEK_END) == 100_000
            assert content.read(5) == b"end\0\0"


def test_a_source_that_shrinks_while_it_is_open_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "image.tar"
    builder = ImageBuilder([LayerSpec([file("f", bytes(100_000)), file("g", b"late")])])
    path.write_bytes(archive(oci_layout(builder, packing=Packing.NONE)))
    with open_image(path) as image:
        image.scan_layers()
        os.truncate(path, path.read_bytes().index(bytes(90_000)) + 50_000)
        for name in ("f", "g"):
            with pytest.raises(DamagedBlobError, match="changes while it is read"):
                image.path(name).read_bytes()


def test_a_file_of_nothing_but_a_hole_costs_nothing() -> None:
    with image_of([sparse_file("lastlog", 600 << 30, [])]) as image:
        with image.path("lastlog").open("rb") as content:
            content.seek(-3, os.SEEK_END)
            assert content.read() == b"\0\0\0"
        assert image.path("lastlog").stat().st_size == 600 << 30


def test_a_size_that_no_disk_holds_is_an_error_of_ours() -> None:
    with (
        image_of([sparse_file("s", 1 << 62, [])]) as image,
        pytest.raises(OutputFailedError, match="temporary copy") as caught,
    ):
        image.path("s").open("rb")
    cause = caught.value.__cause__
    assert isinstance(cause, OSError)
    assert cause.errno == errno.EFBIG


@pytest.mark.parametrize("packing", [Packing.NONE, Packing.GZIP])
def test_an_opened_file_is_read_only_and_seekable(packing: Packing) -> None:
    content = bytes(range(256)) * 100
    with image_of([file("f", content)], packing=packing) as image:
        ours, theirs = image.path("f").open("rb"), io.BytesIO(content)
        with ours:
            assert (ours.readable(), ours.seekable(), ours.writable()) == (True, True, False)
            for place in [(5, 0), (100, 1), (-50, 1), (-7, 2), (10, 2), (0, 0)]:
                assert ours.seek(*place) == theirs.seek(*place)
                assert ours.tell() == theirs.tell()
                assert ours.read(33) == theirs.read(33)
            ours.seek(0)
            theirs.seek(0)
            assert ours.readline() == theirs.readline()
            assert ours.read() == theirs.read()
            with pytest.raises(io.UnsupportedOperation):
                ours.write(b"x")
            with pytest.raises((ValueError, OSError)):
                ours.seek(-1)
        assert ours.closed


def test_two_files_of_one_layer_are_open_side_by_side() -> None:
    members = [file(name, content) for name, content in SMALL]
    image = image_of(members, packing=Packing.GZIP)
    with image, image.path("f9").open("rb") as late, image.path("f3").open("rb") as early:
        assert late.read(4000) + early.read() == SMALL[9][1][:4000] + SMALL[3][1]
        assert late.read() == SMALL[9][1][4000:]


@pytest.mark.parametrize("packing", [Packing.NONE, Packing.GZIP, Packing.ZSTD_FRAMES])
def test_many_threads_read_at_once(packing: Packing) -> None:
    chosen = random.Random(2)
    contents = {f"f{number}": chosen.randbytes(number * 997) for number in range(60)}
    members = [file(name, content) for name, content in contents.items()]
    names = chosen.choices(sorted(contents), k=400)
    image = image_of(members[:30], members[30:], packing=packing)
    with image, ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda name: image.path(name).read_bytes(), names))
    assert found == [contents[name] for name in names]


def test_what_was_deleted_or_replaced_is_still_readable() -> None:
    with image_of([file("f", b"1")], [file("f", b"2")], [whiteout("f")]) as image:
        entries = [entry for entry in image.entries if entry.path == b"f"]
        contents = []
        for entry in entries:
            with image.open_content(entry) as content:
                contents.append(content.read())
    assert contents == [b"1", b"2"]


def test_a_file_stays_readable_when_its_image_is_closed(tmp_path: Path) -> None:
    source = tmp_path / "image.tar"
    source.write_bytes(archive(docker_layout(ImageBuilder([[file("f", b"1")]]))))
    with open_image(source) as image:
        content = image.path("f").open("rb")
    with content:
        assert content.read() == b"1"


def cut(packing: Packing, keep: int) -> Image:
    """An image whose layer's tar ends after `keep` bytes; the second file is cut short."""
    whole = tar([directory("d"), file("d/first", b"1" * 700), file("d/second", b"2" * 5000)])
    layer = LayerSpec(blob=pack_cut(whole[:keep], packing), packing=packing)
    return image_of(layer)


def pack_cut(data: bytes, packing: Packing) -> bytes:
    return ImageBuilder([LayerSpec(end=data, packing=packing)]).build().layers[0].blob


@pytest.mark.parametrize("packing", [Packing.NONE, Packing.GZIP, Packing.ZSTD])
def test_what_stands_before_the_damage_is_read_and_what_is_cut_is_an_error(
    packing: Packing,
) -> None:
    with cut(packing, 4000) as image:
        assert image.path("d/first").read_bytes() == b"1" * 700
        assert image.path("d/second").stat().st_size == 5000
        with pytest.raises(DamagedBlobError, match="is lost"):
            image.path("d/second").read_bytes()
        assert image.path("d/first").read_bytes() == b"1" * 700


@pytest.mark.parametrize("keep", range(1, 60, 7))
@pytest.mark.parametrize("packing", [Packing.GZIP, Packing.ZSTD, Packing.XZ, Packing.BZIP2])
def test_a_compressed_layer_cut_anywhere_is_never_another_error(
    packing: Packing, keep: int
) -> None:
    content = random.Random(3).randbytes(20_000)
    blob = ImageBuilder([LayerSpec([file("f", content)], packing=packing)]).build().layers[0].blob
    layer = LayerSpec(blob=blob[: len(blob) * keep // 60], packing=packing)
    with image_of(layer) as image:
        for path in image.path("/").iterdir():
            try:
                assert path.read_bytes() == content
            except ImageForensicsError as error:
                assert isinstance(error, DamagedBlobError)  # noqa: PT017 - either may be


def test_contents_of_a_source_that_flowed_past() -> None:
    stream = Pipe(archive(oci_layout(ImageBuilder([[file("f", LARGE), hard_link("h", "f")]]))))
    with open_image(stream, contents=False) as image:
        assert image.path("h").stat().st_size == len(LARGE)
        with pytest.raises(SourceUnreadableError, match="flowed past"):
            image.path("f").read_bytes()


class Pipe(io.BytesIO):
    """Bytes that pass by once."""

    def seekable(self) -> bool:
        return False
