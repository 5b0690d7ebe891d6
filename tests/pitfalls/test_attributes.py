"""Modes, owners and extended attributes: kept, withheld and told, never made up."""

import os
import stat
import struct
from pathlib import Path

import pytest

from imgforensics import extract, open_image, write_tar
from imgforensics.testing import (
    Entry,
    ImageBuilder,
    archive,
    directory,
    file,
    hard_link,
    oci_layout,
    symlink,
)
from tests.extraction.as_nobody import as_nobody
from tests.extraction.building import needs_root, reasons
from tests.filesystem.building import codes_of, image_of, shown

CAPABILITY = struct.pack("<IIIII", 0x02000001, 1 << 13, 0, 0, 0)
"""`cap_net_raw+ep`, revision 2 (linux/capability.h)."""
PING = file("ping", b"ping", mode=0o755, xattrs={"security.capability": CAPABILITY})


def test_a_capability_is_listed_and_its_change_is_a_change() -> None:
    """Pitfall 29: extended attributes were dropped, so that a capability gained was invisible.

    https://github.com/ForAllSecure/rootfs_builder/issues/8
    https://github.com/containerd/accelerated-container-image/issues/251
    """
    with image_of([file("ping", b"ping", mode=0o755)], [PING]) as image:
        assert image.entries[1].xattrs == {b"security.capability": CAPABILITY}
        node = image.filesystem.get(b"ping")
        assert node is not None
        assert node.xattrs == {b"security.capability": CAPABILITY}
        changes = [event.change.value for event in image.history_of("/ping")]
        assert changes == ["added", "metadata"]


@needs_root[0]
@needs_root[1]
def test_a_capability_is_restored_where_asked_for_and_else_told(tmp_path: Path) -> None:
    """Pitfall 29: a program lost its capability on the way to the disk, without a word.

    https://github.com/ForAllSecure/rootfs_builder/issues/8
    """
    with image_of([PING]) as image:
        withheld = extract(image, tmp_path / "without")
        restored = extract(image, tmp_path / "with", special=True)
        write_tar(image, tmp_path / "out.tar")
    assert reasons(withheld.deviations) == {b"ping": ["capability-withheld"]}
    assert os.listxattr(tmp_path / "without" / "ping") == []
    if not restored.deviations:
        found = os.getxattr(tmp_path / "with" / "ping", "security.capability")
        assert found == CAPABILITY
    assert b"SCHILY.xattr.security.capability=" + CAPABILITY in (tmp_path / "out.tar").read_bytes()


def test_what_this_system_adds_is_no_part_of_the_image() -> None:
    """Pitfall 29: the labels that the host's SELinux gives every file were taken for the image's.

    https://github.com/opencontainers/umoci/issues/578
    """
    labelled = {"security.selinux": b"system_u:object_r:container_file_t:s0\0"}
    overlay = {"trusted.overlay.opaque": b"y", "trusted.overlay.whiteout": b"y"}
    layers = ([file("lower/a", b"1")], [directory("lower", xattrs={**labelled, **overlay})])
    with image_of(*layers) as image:
        assert shown(image) == {"lower": "dir", "lower/a": "file 1"}
        node = image.filesystem.get(b"lower")
        assert node is not None
        assert node.xattrs == {name.encode(): v for name, v in (labelled | overlay).items()}
        plain = image.filesystem.get(b"lower/a")
        assert plain is not None
        assert plain.xattrs == {}
        assert codes_of(image) == []


UNFRIENDLY: list[Entry] = [
    directory("closed", mode=0o000),
    directory("closed/read-only", mode=0o555),
    file("closed/read-only/unreadable", b"1", mode=0o000),
    hard_link("closed/linked", "closed/read-only/unreadable", mode=0o000),
    file("owned", b"2", mode=0o644, uid=1234, gid=1234),
    PING,
    file("trusted", b"3", xattrs={"trusted.overlay.opaque": b"y"}),
    symlink("link", "owned", uid=1234),
]
LATER: list[Entry] = [file("closed/read-only/later", b"4", mode=0o400)]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """One that nobody reaches and may write to."""
    for above in tmp_path.parents:
        if above.owner() == tmp_path.owner() and above != Path(above.root):
            above.chmod(above.stat().st_mode | 0o111)
    tmp_path.chmod(0o777)
    return tmp_path


@needs_root[0]
@needs_root[1]
def test_who_is_not_root_extracts_everything_and_is_told_what_is_not_restored(
    folder: Path,
) -> None:
    """Pitfall 29: without root, a closed directory or an attribute ended the extraction.

    https://github.com/opencontainers/umoci/issues/222
    https://github.com/apptainer/singularity/issues/1060
    """
    source = folder / "image.tar"
    source.write_bytes(archive(oci_layout(ImageBuilder([UNFRIENDLY, LATER]))))
    source.chmod(0o644)

    def work() -> dict[bytes, list[str]]:
        with open_image(source) as image:
            record = extract(image, folder / "out", special=True)
            assert record.is_complete
            return reasons(record.deviations)

    told = as_nobody(work)
    assert told[b"owned"] == ["owner-not-restored"]
    assert "xattr-not-restored" in told[b"ping"]
    assert "xattr-not-restored" in told[b"trusted"]
    out = folder / "out"
    modes = {
        str(path.relative_to(out)): stat.S_IMODE(path.stat().st_mode)
        for path in out.rglob("*")
        if not path.is_symlink()
    }
    assert modes == {
        "closed": 0o000,
        "closed/read-only": 0o555,
        "closed/read-only/unreadable": 0o000,
        "closed/read-only/later": 0o400,
        "closed/linked": 0o000,
        "owned": 0o644,
        "ping": 0o755,
        "trusted": 0o644,
    }
    assert (out / "closed" / "linked").read_bytes() == b"1"
    assert (out / "closed" / "read-only" / "later").read_bytes() == b"4"
