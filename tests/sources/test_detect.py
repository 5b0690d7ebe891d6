"""Sources are told by their content, however they are named and wherever they come from."""

import bz2
import gzip
import io
import lzma
import os
import sys
import threading
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
import zstandard

from imgforensics.errors import NotAnImageError, SourceUnreadableError
from imgforensics.problems import ProblemCode
from imgforensics.sources.base import BlobSource
from imgforensics.sources.detect import open_source
from tests.sources.building import Member, joined, tar_of

TAR = tar_of(Member("index.json", b"{}"), Member("layer", b"x" * 3_000_000))
COMPRESSIONS: dict[str, Callable[[bytes], bytes]] = {
    "none": bytes,
    "gzip": gzip.compress,
    "zstd": zstandard.ZstdCompressor().compress,
    "xz": lzma.compress,
    "bzip2": bz2.compress,
}


def contents(source: BlobSource) -> dict[str, bytes]:
    found = {}
    for name in source.names():
        with source.open(name) as file:
            found[name] = file.read()
    return found


WHOLE = {"index.json": b"{}", "layer": b"x" * 3_000_000}


@pytest.mark.parametrize("compression", COMPRESSIONS)
def test_an_archive_in_any_compression_and_under_any_name(tmp_path: Path, compression: str) -> None:
    path = tmp_path / "misleading.zip"
    path.write_bytes(COMPRESSIONS[compression](TAR))
    with open_source(path, spool_directory=tmp_path) as source:
        assert contents(source) == WHOLE
        assert list(source.problems) == []
        assert source.description == str(path)
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("compression", COMPRESSIONS)
def test_a_stream_is_spooled(compression: str) -> None:
    with open_source(io.BytesIO(COMPRESSIONS[compression](TAR))) as source:
        assert contents(source) == WHOLE


@pytest.mark.parametrize("compression", COMPRESSIONS)
def test_with_a_visitor_a_stream_is_read_once(compression: str) -> None:
    seen: dict[str, bytes] = {}

    def visit(name: str, content: Iterable[memoryview]) -> None:
        seen[name] = joined(content)

    with open_source(io.BytesIO(COMPRESSIONS[compression](TAR)), visitor=visit) as source:
        assert seen == {"layer": WHOLE["layer"]}
        with source.open("index.json") as file:
            assert file.read() == b"{}"


def test_a_fifo_is_a_stream(tmp_path: Path) -> None:
    path = tmp_path / "fifo"
    os.mkfifo(path)
    writer = threading.Thread(target=path.write_bytes, args=(TAR,))
    writer.start()
    with open_source(path) as source:
        assert contents(source) == WHOLE
    writer.join()


def test_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    reading, writing = os.pipe()

    def write() -> None:
        with os.fdopen(writing, "wb") as file:
            file.write(TAR)

    writer = threading.Thread(target=write)
    writer.start()
    with os.fdopen(reading, "r") as stdin:
        monkeypatch.setattr("sys.stdin", stdin)
        with open_source("-") as source:
            assert source.description == "standard input"
            assert contents(source) == WHOLE
    writer.join()


def test_a_redirected_file_is_read_in_its_place(tmp_path: Path) -> None:
    path = tmp_path / "a.tar"
    path.write_bytes(TAR)
    with path.open("rb") as file, open_source(file, spool_directory=tmp_path / "absent") as source:
        assert contents(source) == WHOLE


def test_damage_of_the_outer_compression_is_a_problem_of_the_source(tmp_path: Path) -> None:
    path = tmp_path / "cut.tar.gz"
    path.write_bytes(gzip.compress(TAR)[:-4])
    with open_source(path) as source:
        assert contents(source) == WHOLE
        assert [problem.code for problem in source.problems] == [ProblemCode.COMPRESSION_TRUNCATED]


ISO = bytes(32769) + b"CD001" + bytes(4000)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "it is an empty file"),
        (b"PK\x03\x04rest", "it is a zip archive; unzip it first"),
        (Path(sys.executable).read_bytes()[:4096], "it is ELF 64-bit"),
        (b'{"a": 1}', "it is a JSON document"),
        (b"hsqs" + bytes(600), "it is a squashfs filesystem"),
        (b"QFI\xfb" + bytes(600), "it is a qcow2 disk image"),
        (ISO, "it is an ISO 9660 image"),
        (bytes(10240), "it is an empty archive"),
        (b"hello\n" * 200, "it is ASCII text"),
        (b"\x01\x02" * 900, "it is of no known kind"),
        (gzip.compress(b"hello\n" * 200), "it is compressed with gzip: inside, ASCII text"),
        (zstandard.compress(b"PK\x03\x04"), "it is compressed with zstd: inside, a zip archive"),
        (gzip.compress(b""), "it is compressed with gzip: inside, an empty file"),
    ],
)
def test_something_else_is_called_by_its_name(tmp_path: Path, data: bytes, message: str) -> None:
    path = tmp_path / "image.tar"
    path.write_bytes(data)
    for source in (path, io.BytesIO(data)):
        with pytest.raises(NotAnImageError) as raised:
            open_source(source)
        assert message in str(raised.value)


def test_a_directory(tmp_path: Path) -> None:
    (tmp_path / "index.json").write_bytes(b"{}")
    with open_source(str(tmp_path)) as source:
        assert contents(source) == {"index.json": b"{}"}


@pytest.mark.parametrize(
    ("text", "reference"),
    [
        ("docker-archive:{}/a.tar", None),
        ("docker-archive:{}/a.tar:alpine:3.19", "alpine:3.19"),
        ("docker-archive:{}/a.tar:@1", "@1"),
        ("oci-archive:{}/a.tar:host:5000/x:1", "host:5000/x:1"),
        ("oci:{}/layout:tag", "tag"),
        ("dir:{}/layout", None),
        ("{}/a.tar", None),
        ("{}/dir:with:colons", None),
        ("oci-archive:{}/dir:with:colons:tag", "tag"),
    ],
)
def test_prefixes_of_skopeo(tmp_path: Path, text: str, reference: str | None) -> None:
    (tmp_path / "a.tar").write_bytes(TAR)
    (tmp_path / "dir:with:colons").write_bytes(TAR)
    (tmp_path / "layout").mkdir()
    with open_source(text.format(tmp_path)) as source:
        assert source.reference == reference


def test_a_file_named_like_a_prefix_is_that_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "oci:a.tar").write_bytes(TAR)
    monkeypatch.chdir(tmp_path)
    with open_source("oci:a.tar") as source:
        assert source.reference is None
        assert contents(source) == WHOLE


@pytest.mark.parametrize("name", ["absent", "oci:absent:tag", "", "x\0y", "a" * 5000])
def test_a_source_that_is_not_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SourceUnreadableError):
        open_source(name)


class Place:
    """A path that is no `pathlib.Path`, as other libraries have them."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __fspath__(self) -> str:
        return str(self.path)


def test_any_kind_of_path_is_one(tmp_path: Path) -> None:
    (tmp_path / "a.tar").write_bytes(TAR)
    with open_source(Place(tmp_path / "a.tar")) as source:
        assert contents(source) == WHOLE


@pytest.mark.parametrize("source", [None, 3, b"a.tar"])
def test_what_is_neither_path_nor_file(source: object) -> None:
    with pytest.raises(TypeError, match="a path or a binary file"):
        open_source(source)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["docker://alpine", "docker-daemon:a:1", "containers-storage:a"])
def test_what_is_in_a_registry_or_in_an_engine_has_to_be_fetched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SourceUnreadableError, match=f"skopeo copy {name} oci:"):
        open_source(name)
    Path("docker-daemon:a:1").write_bytes(TAR)
    with open_source("docker-daemon:a:1") as source:
        assert contents(source) == WHOLE


@pytest.mark.parametrize("compression", COMPRESSIONS)
def test_as_a_whole_file_it_is_one_blob_as_stored(tmp_path: Path, compression: str) -> None:
    data = COMPRESSIONS[compression](TAR)
    path = tmp_path / "rootfs"
    path.write_bytes(data)
    with open_source(path, whole_file=True) as source:
        assert contents(source) == {"rootfs": data}
    with open_source(io.BytesIO(data), whole_file=True) as source:
        assert contents(source) == {"rootfs.tar": data}


def test_as_a_whole_file_it_is_still_a_tar(tmp_path: Path) -> None:
    with pytest.raises(NotAnImageError, match="zip"):
        open_source(io.BytesIO(b"PK\x03\x04" * 200), whole_file=True)
    with pytest.raises(NotAnImageError, match="directory"):
        open_source(tmp_path, whole_file=True)


def test_the_source_is_not_altered(tmp_path: Path) -> None:
    path = tmp_path / "a.tar"
    path.write_bytes(TAR)
    os.utime(path, ns=(1, 2))
    path.chmod(0o400)
    with open_source(path) as source:
        contents(source)
    state = path.stat()
    assert (state.st_atime_ns, state.st_mtime_ns, path.read_bytes()) == (1, 2, TAR)
