"""A directory as a source: nothing outside it is opened, whatever its links say."""

import os
from pathlib import Path

import pytest

from imgforensics.errors import MissingBlobError, SourceUnreadableError
from imgforensics.sources.directory import DirectorySource
from tests.extraction.as_nobody import as_nobody


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "layout"
    (root / "blobs" / "sha256").mkdir(parents=True)
    (root / "index.json").write_bytes(b"{}")
    (root / "blobs" / "sha256" / "a").write_bytes(b"content")
    (tmp_path / "secret").write_bytes(b"secret")
    return root


def read(root: Path, name: str) -> bytes:
    with DirectorySource(root, "layout") as source, source.open(name) as file:
        assert source.size(name) == os.fstat(file.fileno()).st_size
        return file.read()


def open_descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def test_names_and_content(root: Path) -> None:
    with DirectorySource(root, "layout") as source:
        assert sorted(source.names()) == ["blobs/sha256/a", "index.json"]
    assert read(root, "blobs/sha256/a") == b"content"
    assert read(root, "./blobs//sha256/../sha256/a") == b"content"


@pytest.mark.root
@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_a_directory_that_may_be_listed_and_not_entered(root: Path) -> None:
    for path in root.parents:
        path.chmod(path.stat().st_mode | 0o111)
    (root / "blobs" / "sha256").chmod(0o744)
    (root / "closed").mkdir(0o700)

    def names() -> list[str]:
        with DirectorySource(root, "layout") as source:
            return sorted(source.names())

    assert as_nobody(names) == ["blobs/sha256/a", "index.json"]


@pytest.mark.parametrize(
    ("link", "target", "name"),
    [
        ("blobs/sha256/b", "a", "blobs/sha256/b"),
        ("blobs/sha256/b", "../../index.json", "blobs/sha256/b"),
        ("more", "blobs", "more/sha256/a"),
        ("more", "blobs/sha256/../sha256", "more/a"),
    ],
)
def test_links_within_are_followed(root: Path, link: str, target: str, name: str) -> None:
    (root / link).symlink_to(target)
    assert read(root, name) in (b"content", b"{}")


@pytest.mark.parametrize(
    ("target", "name"),
    [
        ("../secret", "link"),
        ("blobs/../../secret", "link"),
        ("..", "link/secret"),
        ("{outside}/secret", "link"),
        ("{outside}", "link/secret"),
        ("{outside}/layout/index.json", "link"),
    ],
)
def test_links_that_lead_out_are_refused(root: Path, target: str, name: str) -> None:
    (root / "link").symlink_to(target.format(outside=root.parent))
    with (
        DirectorySource(root, "layout") as source,
        pytest.raises(MissingBlobError, match="not followed"),
    ):
        source.open(name)


def test_a_name_that_leads_out_is_refused(root: Path) -> None:
    with (
        DirectorySource(root, "layout") as source,
        pytest.raises(MissingBlobError, match="leads out"),
    ):
        source.open("../secret")


def test_a_loop_of_links_ends(root: Path) -> None:
    (root / "a").symlink_to("b")
    (root / "b").symlink_to("a")
    with DirectorySource(root, "layout") as source, pytest.raises(MissingBlobError, match="loop"):
        source.size("a")


@pytest.mark.parametrize(
    "name", ["absent", "index.json/x", "blobs", "fifo", "n\0ul", "x" * 300, ""]
)
def test_what_is_no_file_is_missing(root: Path, name: str) -> None:
    os.mkfifo(root / "fifo")
    with DirectorySource(root, "layout") as source, pytest.raises(MissingBlobError):
        source.open(name)


def test_descriptors_are_given_back(root: Path) -> None:
    (root / "link").symlink_to("../secret")
    before = open_descriptors()
    with DirectorySource(root, "layout") as source:
        for name in ("link", "absent/x", "blobs/sha256/a", "blobs"):
            for _ in range(3):
                try:
                    source.open(name).close()
                except MissingBlobError:
                    continue
    assert open_descriptors() == before


def test_the_directory_is_not_altered(root: Path) -> None:
    paths = [root, *root.rglob("*")]
    for path in paths:
        os.utime(path, ns=(1, 2))
    with DirectorySource(root, "layout") as source:
        for name in source.names():
            with source.open(name) as file:
                assert file.read()
    assert {path.stat().st_atime_ns for path in paths} == {1}


def test_an_open_file_outlives_the_source(root: Path) -> None:
    with DirectorySource(root, "layout") as source:
        file = source.open("index.json")
    with file:
        assert file.read() == b"{}"


def test_a_directory_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(SourceUnreadableError, match="layout: No such file"):
        DirectorySource(tmp_path / "absent", "layout")
