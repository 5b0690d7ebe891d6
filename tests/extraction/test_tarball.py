"""`write_tar`: one archive that other tools unpack to the same files."""

import gzip
import io
import os
import subprocess
import tarfile
from pathlib import Path

import pytest

from imgforensics import Selection, extract, open_image, write_tar
from imgforensics.errors import UnsafeOutputError
from imgforensics.testing import (
    Entry,
    LayerSpec,
    TarFormat,
    device,
    directory,
    fifo,
    file,
    hard_link,
    sparse_file,
    symlink,
    whiteout,
)
from tests.conformance.tree_facts import compare, walk
from tests.extraction.building import expected_tree, image_of, needs_root, reasons, unpack
from tests.extraction.test_users import capability

LAYERS: list[list[Entry]] = [
    [
        directory("bin", mode=0o755, mtime=7),
        file("bin/su", b"#!", mode=0o4755, xattrs={"security.capability": capability()}),
        device("null", 1, 3),
        fifo("fifo"),
        file("deleted", b"deleted"),
    ],
    [whiteout("deleted"), hard_link("bin/su2", "bin/su", mode=0o4755), symlink("l", "/bin/su")],
]


@pytest.mark.root
@needs_root[1]
@pytest.mark.oracle
def test_nothing_is_withheld(tmp_path: Path) -> None:
    with image_of(tmp_path, *LAYERS) as image:
        record = write_tar(image, tmp_path / "out.tar")
        expected = expected_tree(image, image.filesystem)
    (tmp_path / "out").mkdir()
    unpack(tmp_path / "out.tar", tmp_path / "out")
    assert not compare(expected, walk(tmp_path / "out"))
    assert not record.deviations
    assert record.form == "tar"


@pytest.mark.parametrize(
    ("suffix", "magic"),
    [
        (".tar", b"."),
        (".tar.gz", b"\x1f\x8b"),
        (".tgz", b"\x1f\x8b"),
        (".tar.zst", b"\x28\xb5\x2f\xfd"),
        (".tar.xz", b"\xfd7zXZ"),
        (".tar.bz2", b"BZh"),
        (".tar.zstd", b"\x28\xb5\x2f\xfd"),
        (".TAR.GZ", b"\x1f\x8b"),
        (".tar.2024", b"."),
        ("", b"."),
    ],
)
def test_compression_is_what_the_suffix_says(suffix: str, magic: bytes, tmp_path: Path) -> None:
    with image_of(tmp_path, *LAYERS) as image:
        write_tar(image, tmp_path / f"out{suffix}")
        plain = io.BytesIO()
        write_tar(image, plain)
    data = (tmp_path / f"out{suffix}").read_bytes()
    assert data.startswith(magic)
    with (
        open_image(tmp_path / f"out{suffix}", as_rootfs=True) as again,
        open_image(tmp_path / "image.tar") as image,
    ):
        assert [path for path, _ in again.filesystem.walk()] == [
            path for path, _ in image.filesystem.walk()
        ]
        with again.layers[0].open_uncompressed() as tar:
            assert tar.read() == plain.getvalue()


@pytest.mark.parametrize("suffix", ["lz4", "br", "LZMA", "lzo", "Z", "zip", "7z"])
def test_a_form_that_is_not_written_is_refused(suffix: str, tmp_path: Path) -> None:
    with (
        image_of(tmp_path, *LAYERS) as image,
        pytest.raises(UnsafeOutputError, match=r"not written; choose .*\.tar\.zst"),
    ):
        write_tar(image, tmp_path / f"out.tar.{suffix}", force=True)
    assert [path.name for path in tmp_path.iterdir()] == ["image.tar"]


def test_the_same_image_gives_the_same_bytes(tmp_path: Path) -> None:
    with image_of(tmp_path, *LAYERS) as image:
        write_tar(image, tmp_path / "a.tar.gz")
        write_tar(image, tmp_path / "b.tar.gz")
    assert (tmp_path / "a.tar.gz").read_bytes() == (tmp_path / "b.tar.gz").read_bytes()
    assert gzip.decompress((tmp_path / "a.tar.gz").read_bytes())


def test_an_open_file_is_written_to(tmp_path: Path) -> None:
    stream = io.BytesIO()
    with image_of(tmp_path, *LAYERS) as image:
        record = write_tar(image, stream)
    assert record.is_complete
    assert len(stream.getvalue()) % tarfile.RECORDSIZE == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["image.tar"]
    with tarfile.open(fileobj=io.BytesIO(stream.getvalue())) as opened:
        assert "./bin/su" in opened.getnames()


@needs_root[0]
@needs_root[1]
@pytest.mark.oracle
@pytest.mark.parametrize("name", ["-rf", "--checkpoint-action", "a b", "new\nline", "\\n", "*"])
def test_names_that_tools_might_take_for_something_else(name: str, tmp_path: Path) -> None:
    members = [file(name, b"x"), hard_link(name + "2", name), symlink(name + "3", name)]
    with image_of(tmp_path, members) as image:
        write_tar(image, tmp_path / "out.tar")
        expected = expected_tree(image, image.filesystem)
    (tmp_path / "out").mkdir()
    unpack(tmp_path / "out.tar", tmp_path / "out")
    assert not compare(expected, walk(tmp_path / "out"))


@needs_root[0]
@needs_root[1]
@pytest.mark.oracle
@pytest.mark.parametrize("length", [99, 100, 101, 155, 156, 255])
def test_long_names(length: int, tmp_path: Path) -> None:
    name = "n" * length
    members = [
        file(name, b"x"),
        sparse_file(f"d/{name}", 50_000, [(4_096, b"y")]),
        hard_link("link", f"d/{name}"),
        symlink("symlink", f"d/{name}/" * 10),
        directory(f"d/{'m' * length}"),
    ]
    with image_of(tmp_path, members) as image:
        write_tar(image, tmp_path / "out.tar")
        expected = expected_tree(image, image.filesystem)
    (tmp_path / "out").mkdir()
    unpack(tmp_path / "out.tar", tmp_path / "out")
    assert not compare(expected, walk(tmp_path / "out"))


@pytest.mark.oracle
def test_holes_stay_holes(tmp_path: Path) -> None:
    size = 64 << 20
    extents = [(number << 20, b"x" * 600) for number in range(30)]
    members = [sparse_file("a", size, extents), sparse_file("b", size, [])]
    with image_of(tmp_path, members) as image:
        record = write_tar(image, tmp_path / "out.tar")
    assert (tmp_path / "out.tar").stat().st_size < 100_000
    # GNU tar begins every run at a new block.
    assert record.content_bytes == 30 * 1_024
    (tmp_path / "out").mkdir()
    command = ["tar", "-xf", str(tmp_path / "out.tar"), "-C", str(tmp_path / "out")]
    subprocess.run(command, check=True, capture_output=True)
    wanted = bytearray(size)
    for offset, data in extents:
        wanted[offset : offset + len(data)] = data
    assert (tmp_path / "out" / "a").read_bytes() == bytes(wanted)
    assert (tmp_path / "out" / "b").read_bytes() == bytes(size)
    assert (tmp_path / "out" / "a").stat().st_blocks * 512 < 1 << 20


@needs_root[0]
@needs_root[1]
@pytest.mark.oracle
def test_xattrs_with_odd_names(tmp_path: Path) -> None:
    marks = {
        "user.eq=uals": b"1",
        "user.per%3Dcent": b"2",
        "user.é": b"3",
        "user.binary": b"\xff\0\n",
    }
    encoded = {name.replace("%", "%25").replace("=", "%3D"): value for name, value in marks.items()}
    with image_of(tmp_path, [file("f", b"", xattrs=encoded)]) as image:
        assert set(image.filesystem.get(b"f").xattrs) == {n.encode() for n in marks}  # type: ignore[union-attr]
        write_tar(image, tmp_path / "out.tar")
        extract(image, tmp_path / "direct")
    (tmp_path / "out").mkdir()
    unpack(tmp_path / "out.tar", tmp_path / "out")
    for folder in ("out", "direct"):
        path = tmp_path / folder / "f"
        assert {name: os.getxattr(path, name) for name in os.listxattr(path)} == marks


def test_what_no_archive_holds_is_recorded(tmp_path: Path) -> None:
    """And everything else is there."""
    huge = LayerSpec(
        [
            device("device", 1 << 30, 1),
            hard_link("device-too", "device"),
            symlink("empty", ""),
            hard_link("empty-too", "empty"),
            hard_link("broken", "nothing"),
            file("owner", b"", uid=-1),
            file("large-owner", b"", gid=1 << 40),
            file("marked", b"", xattrs={"user.empty": b"", "user.\0": b"1", "user.good": b"1"}),
            file("not-utf-8", b"", pax=[("LIBARCHIVE.xattr.user.%ff", b"MQ==")]),
            file("good", b"good"),
        ],
        tar_format=TarFormat.GNU,
    )
    with image_of(tmp_path, huge, [hard_link("broken-too", "broken")]) as image:
        record = write_tar(image, tmp_path / "out.tar")
    assert reasons(record.deviations) == {
        b"device": ["device-not-restored"],
        b"device-too": ["link-to-withheld"],
        b"empty": ["link-target-invalid"],
        b"empty-too": ["link-to-withheld"],
        b"broken": ["hard-link-broken"],
        b"broken-too": ["link-to-withheld"],
        b"owner": ["owner-not-restored"],
        b"large-owner": ["owner-not-restored"],
        b"marked": ["xattr-not-restored"] * 2,
        b"not-utf-8": ["xattr-not-restored"],
    }
    with tarfile.open(tmp_path / "out.tar") as opened:
        names = {"owner", "large-owner", "marked", "not-utf-8", "good"}
        assert set(opened.getnames()) == {".", *(f"./{name}" for name in names)}


def test_a_link_target_that_brings_a_nul_into_a_path(tmp_path: Path) -> None:
    members = [
        symlink("l", "x", pax=[("linkpath", b"name\0tail")]),
        file("l/below", b"below"),
        file("good", b"good"),
    ]
    with image_of(tmp_path, members) as image:
        write_tar(image, tmp_path / "out.tar")
        extract(image, tmp_path / "out")
    with tarfile.open(tmp_path / "out.tar") as opened:
        assert opened.getnames() == [".", "./good"]
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["good"]


def test_content_that_is_lost_is_zeros_and_recorded(tmp_path: Path) -> None:
    layer = LayerSpec([file("a", b"a"), file("f", b"x" * 700, declared_size=5_000)], end=b"")
    with image_of(tmp_path, layer) as image:
        record = write_tar(image, tmp_path / "out.tar")
    assert not record.is_complete
    assert reasons(record.deviations)[b"f"] == ["content-cut-short"]
    with tarfile.open(tmp_path / "out.tar.partial") as opened:
        content = opened.extractfile("./f")
        assert content is not None
        assert content.read()[:700] == b"x" * 700


def test_a_selection(tmp_path: Path) -> None:
    with image_of(tmp_path, *LAYERS) as image:
        write_tar(image, tmp_path / "out.tar", selection=Selection(include=("su*",)))
        write_tar(image, tmp_path / "lower.tar", layer=0, selection=Selection(exclude=("bin",)))
    with tarfile.open(tmp_path / "out.tar") as opened:
        assert sorted(opened.getnames()) == [".", "./bin", "./bin/su", "./bin/su2"]
    with tarfile.open(tmp_path / "lower.tar") as opened:
        assert sorted(opened.getnames()) == [".", "./deleted", "./fifo", "./null"]


def test_a_target_in_no_directory_is_given_one(tmp_path: Path) -> None:
    target = tmp_path / "none" / "out.tar"
    with image_of(tmp_path, *LAYERS) as image:
        assert write_tar(image, str(target)).is_complete
    assert target.is_file()


def test_a_layer_that_is_not_there(tmp_path: Path) -> None:
    with image_of(tmp_path, *LAYERS) as image, pytest.raises(IndexError, match="2 layers"):
        write_tar(image, tmp_path / "out.tar", layer=2)
    assert [path.name for path in tmp_path.iterdir()] == ["image.tar"]
