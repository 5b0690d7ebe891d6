"""Whatever an image holds, nothing outside of the target changes in anything."""

import os
import subprocess
from pathlib import Path

import pytest

from imgforensics import extract, extract_layers, write_tar
from imgforensics.errors import OutputFailedError
from imgforensics.testing import directory, fifo, file, hard_link
from tests.conformance.tree_facts import compare, walk
from tests.extraction.break_outs import NAMES, break_outs
from tests.extraction.building import expected_tree, image_of, reasons
from tests.extraction.sentinel import EVIL, Place, make_place

NAMES_WALKED = [name for name in NAMES if "path-max" not in name]
"""Those whose tree holds no path too long to be walked by whole paths."""


@pytest.fixture
def place(tmp_path: Path) -> Place:
    (tmp_path / "place").mkdir()
    return make_place(tmp_path / "place")


def test_there_are_enough_cases() -> None:
    assert len(NAMES) >= 50


@pytest.mark.parametrize("special", [False, True])
@pytest.mark.parametrize("name", NAMES)
def test_extract_stays_inside(name: str, special: bool, place: Place, tmp_path: Path) -> None:
    before = place.watched()
    with image_of(tmp_path, *break_outs(place)[name]) as image:
        record = extract(image, place.target, special=special)
    assert place.watched() == before
    assert record.is_complete


@pytest.mark.parametrize("name", NAMES)
def test_extract_layers_stays_inside(name: str, place: Place, tmp_path: Path) -> None:
    before = place.watched()
    with image_of(tmp_path, *break_outs(place)[name]) as image:
        record = extract_layers(image, place.target, special=True)
    assert place.watched() == before
    assert record.is_complete


@pytest.mark.oracle
@pytest.mark.parametrize("name", NAMES)
def test_the_tar_stays_inside_when_tar_unpacks_it(name: str, place: Place, tmp_path: Path) -> None:
    before = place.watched()
    archive = place.target.with_name("out.tar")
    with image_of(tmp_path, *break_outs(place)[name]) as image:
        record = write_tar(image, archive)
    place.target.mkdir()
    command = ["tar", "-xpf", str(archive), "-C", str(place.target), "--xattrs-include=*"]
    done = subprocess.run(command, capture_output=True, check=False)
    assert place.watched() == before
    assert record.is_complete
    if name in NAMES_WALKED and os.geteuid() == 0:
        assert done.returncode == 0, done.stderr.decode(errors="replace")


@pytest.mark.parametrize("name", NAMES_WALKED)
def test_what_is_inside_is_the_snapshot(name: str, place: Place, tmp_path: Path) -> None:
    """The paths are kept in, not left out."""
    with image_of(tmp_path, *break_outs(place)[name]) as image:
        record = extract(image, place.target, special=True)
        withheld = {d.path for d in record.deviations if d.reason.withholds}
        expected = expected_tree(image, image.filesystem, lambda path: path not in withheld)
    ignored = () if os.geteuid() == 0 else ("uid", "gid", "xattrs")
    # Xattrs of the class `user` and capabilities cannot be given to links.
    differences = compare(expected, walk(place.target), ignore=(*ignored, "xattrs"))
    assert not differences, "\n".join(map(str, differences))


def test_the_watch_sees_everything(place: Place) -> None:
    secret = place.folder / "outside" / "secret"
    changes = [
        lambda: secret.write_bytes(b"SECRET"),
        lambda: secret.chmod(0o641),
        lambda: os.utime(secret, ns=(0, 2_000_000_000)),
        lambda: os.setxattr(secret, "user.other", b""),
        (place.folder / "outside" / "directory" / "new").touch,
        (place.folder / "outside" / "fifo").unlink,
        (place.folder / "work" / "new").touch,
        lambda: (place.folder / "outside" / "link2").hardlink_to(secret),
    ]
    for change in changes:
        before = place.watched()
        change()  # type: ignore[no-untyped-call]
        assert place.watched() != before


def test_a_link_planted_for_a_new_directory_is_not_followed(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody else puts a link where a directory was made a moment ago."""
    before = place.watched()
    make = os.mkdir

    def make_and_swap(path: bytes, mode: int = 0o777, *, dir_fd: int | None = None) -> None:
        make(path, mode, dir_fd=dir_fd)
        if path == b"d":
            os.rmdir(path, dir_fd=dir_fd)
            os.symlink(place.outside, path, dir_fd=dir_fd)

    monkeypatch.setattr(os, "mkdir", make_and_swap)
    members = [directory("d", mode=0o777, uid=9), file("d/secret", EVIL), fifo("d/new")]
    with image_of(tmp_path, members) as image, pytest.raises(OutputFailedError):
        extract(image, place.target)
    assert place.watched() == before


def test_a_link_planted_for_a_changed_file_is_not_followed(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody else puts a link where a file was written, before its attributes change."""
    before = place.watched()
    link = os.link

    def link_and_swap(
        source: bytes, name: bytes, *, src_dir_fd: int, dst_dir_fd: int, follow_symlinks: bool
    ) -> None:
        link(
            source,
            name,
            src_dir_fd=src_dir_fd,
            dst_dir_fd=dst_dir_fd,
            follow_symlinks=follow_symlinks,
        )
        os.unlink(source, dir_fd=src_dir_fd)
        os.symlink(place.outside + b"/secret", source, dir_fd=src_dir_fd)

    monkeypatch.setattr(os, "link", link_and_swap)
    members = [file("a", EVIL), hard_link("b", "a", mode=0o777, mtime=5, xattrs={"user.a": b"1"})]
    with image_of(tmp_path, members) as image:
        record = extract(image, place.target)
    assert place.watched() == before
    assert "mode-not-restored" in reasons(record.deviations)[b"a"]
