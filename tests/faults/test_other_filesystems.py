"""Real filesystems of other systems: names that fold, and attributes that nobody keeps."""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from imgforensics import extract, write_tar
from imgforensics.errors import OutputFailedError
from imgforensics.testing import Entry, directory, file
from tests.extraction.building import image_of, needs_root, reasons
from tests.faults.test_failing_targets import FOLDED

pytestmark = needs_root
KINDS = {
    "vfat": (["mkfs.vfat"], ["mount", "-t", "vfat"]),
    "exfat": (["mkfs.exfat"], ["mount.exfat-fuse"]),
    "ntfs": (["mkfs.ntfs", "--fast", "--force", "--quiet"], ["lowntfs-3g", "-o", "ignore_case"]),
}
"""How to make each, and how to mount it by the kernel or by FUSE."""
SIZE = 20 << 20


@contextmanager
def _loop_device(image: Path) -> Iterator[str]:
    done = subprocess.run(
        ["losetup", "--find", "--show", image], capture_output=True, check=False, text=True
    )
    if done.returncode:
        pytest.skip(f"no loop device here: {done.stderr.strip()}")
    try:
        yield done.stdout.strip()
    finally:
        subprocess.run(["losetup", "--detach", done.stdout.strip()], check=True)


@pytest.fixture(scope="module", params=KINDS)
def foreign(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Path]:
    """A directory on a filesystem of that kind."""
    make, mount = KINDS[request.param]
    for tool in (make[0], mount[0]):
        if not shutil.which(tool):
            pytest.skip(f"{tool} is not installed")
    folder = tmp_path_factory.mktemp("foreign")
    (folder / "mounted").mkdir()
    with (folder / "disk").open("wb") as disk:
        disk.truncate(SIZE)
    with _loop_device(folder / "disk") as device:
        subprocess.run([*make, device], check=True, capture_output=True)
        done = subprocess.run(
            [*mount, device, folder / "mounted"], check=False, capture_output=True, text=True
        )
        if done.returncode:
            pytest.skip(f"cannot mount {request.param} here: {done.stderr.strip()}")
        try:
            yield folder / "mounted"
        finally:
            subprocess.run(["umount", folder / "mounted"], check=True)


@pytest.mark.parametrize("case", FOLDED)
def test_names_that_fold(case: str, foreign: Path, tmp_path: Path) -> None:
    output = foreign / case
    with image_of(tmp_path, FOLDED[case]) as image:
        with pytest.raises(OutputFailedError, match=r"another spelling|POSIX|choose"):
            extract(image, output)
        assert not output.exists()


def test_attributes_that_nobody_keeps(foreign: Path, tmp_path: Path) -> None:
    """What is not as it was stored is in the record, also where the kernel says nothing."""
    members: list[Entry] = [
        directory("d", mode=0o700, uid=3, gid=4),
        file("d/secret", b"secret", mode=0o600, mtime=1_000_000_000),
        file("program", b"program", mode=0o755, uid=5),
    ]
    with image_of(tmp_path, members) as image:
        record = extract(image, foreign / "attributes")
    told = reasons(record.deviations)
    for member in members:
        found = (foreign / "attributes" / member.name.decode()).stat()
        if found.st_mode & 0o7777 != member.mode:
            assert "mode-not-restored" in told.get(member.name, []), member.name
        if (found.st_uid, found.st_gid) != (member.uid, member.gid):
            assert "owner-not-restored" in told.get(member.name, []), member.name
        if found.st_mtime_ns != member.mtime * 1_000_000_000:
            assert "time-not-restored" in told.get(member.name, []), member.name
    assert "mode-not-restored" in told[b"d/secret"]


def test_a_tar_is_taken_by_every_filesystem(foreign: Path, tmp_path: Path) -> None:
    with image_of(tmp_path, FOLDED["files"]) as image:
        assert write_tar(image, foreign / "out.tar").is_complete
        with pytest.raises(OutputFailedError, match="choose"):
            extract(image, foreign / "out")
