"""`extract`: attributes that are restored, withheld, or recorded as not restored."""

import os
import stat
from decimal import Decimal
from pathlib import Path

import pytest

from imgforensics import extract
from imgforensics.testing import (
    Entry,
    LayerSpec,
    TarFormat,
    device,
    directory,
    fifo,
    file,
    hard_link,
    symlink,
)
from tests.extraction.building import image_of, needs_root, reasons
from tests.extraction.test_users import acl, capability

SPECIAL: list[Entry] = [
    file("setuid", b"#!", mode=0o4755),
    file("setgid", b"#!", mode=0o2755),
    file(
        "capable", b"#!", mode=0o755, xattrs={"security.capability": capability(), "user.a": b"1"}
    ),
    device("null", 1, 3, mode=0o666),
    device("disk", 7, 9, block=True, mode=0o660, gid=6),
    hard_link("null-too", "null"),
    fifo("fifo"),
    directory("shared", mode=0o3777),
]


@pytest.mark.root
@needs_root[1]
def test_privileges_are_withheld_and_recorded(tmp_path: Path) -> None:
    with image_of(tmp_path, SPECIAL) as image:
        record = extract(image, tmp_path / "out")
    out = tmp_path / "out"
    assert reasons(record.deviations) == {
        b"setuid": ["setuid-withheld"],
        b"setgid": ["setuid-withheld"],
        b"capable": ["capability-withheld"],
        b"null": ["special-withheld"],
        b"disk": ["special-withheld"],
        b"null-too": ["link-to-withheld"],
    }
    assert sorted(path.name for path in out.iterdir()) == [
        "capable",
        "fifo",
        "setgid",
        "setuid",
        "shared",
    ]
    assert stat.S_IMODE((out / "setuid").stat().st_mode) == 0o755
    assert stat.S_IMODE((out / "shared").stat().st_mode) == 0o3777
    assert os.listxattr(out / "capable") == ["user.a"]
    assert "7:9" in next(d.detail for d in record.deviations if d.path == b"disk")


@pytest.mark.root
@needs_root[1]
def test_privileges_are_restored_where_asked_for(tmp_path: Path) -> None:
    with image_of(tmp_path, SPECIAL) as image:
        record = extract(image, tmp_path / "out", special=True)
    out = tmp_path / "out"
    assert not record.deviations
    assert stat.S_IMODE((out / "setuid").stat().st_mode) == 0o4755
    assert stat.S_IMODE((out / "setgid").stat().st_mode) == 0o2755
    assert os.getxattr(out / "capable", "security.capability") == capability()
    null, disk = (out / "null").stat(), (out / "disk").stat()
    assert stat.S_ISCHR(null.st_mode)
    assert null.st_rdev == os.makedev(1, 3)
    assert null.st_nlink == 2
    assert stat.S_ISBLK(disk.st_mode)
    assert (disk.st_rdev, disk.st_gid) == (os.makedev(7, 9), 6)
    assert stat.S_IMODE(disk.st_mode) == 0o660


@pytest.mark.root
@needs_root[1]
@pytest.mark.parametrize("number", [5_000, 1 << 21])
def test_a_device_that_the_kernel_cannot_make_is_recorded(tmp_path: Path, number: int) -> None:
    huge = LayerSpec(
        [device("d", number, number), file("f", b"f"), hard_link("e", "d")],
        tar_format=TarFormat.GNU,
    )
    with image_of(tmp_path, huge) as image:
        record = extract(image, tmp_path / "out", special=True)
    found = reasons(record.deviations)
    if b"d" in found:
        assert found == {b"d": ["device-not-restored"], b"e": ["link-to-withheld"]}
    else:
        assert (tmp_path / "out" / "d").stat().st_rdev == os.makedev(number, number)
    assert (tmp_path / "out" / "f").read_bytes() == b"f"


def test_xattrs_are_restored(tmp_path: Path) -> None:
    marks = {"user.mark": b"\x00\xff=\n", "user.per%cent": b"1", "user.\u00e9": b"2"}
    members = [
        file("f", b"", mode=0o400, xattrs=marks),
        directory("d", mode=0o500, xattrs=marks),
        hard_link("g", "f", mode=0o400, xattrs={"user.more": b"more"}),
    ]
    with image_of(tmp_path, members) as image:
        extract(image, tmp_path / "out")
    found = {
        name: os.getxattr(tmp_path / "out" / "d", name)
        for name in os.listxattr(tmp_path / "out" / "d")
    }
    assert found == marks
    assert set(os.listxattr(tmp_path / "out" / "g")) == {*marks, "user.more"}
    assert stat.S_IMODE((tmp_path / "out" / "g").stat().st_mode) == 0o400


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("user.empty", b""),
        ("user.\0nul", b"1"),
        ("nonsense", b"1"),
        ("user." + "n" * 300, b"1"),
        ("user.large", b"1" * 70_000),
    ],
)
def test_xattrs_that_are_not_restored_are_recorded(tmp_path: Path, name: str, value: bytes) -> None:
    members = [
        file("f", b"f", xattrs={name: value, "user.good": b"good"}),
        directory("d", xattrs={name: value}),
        symlink("l", "f", xattrs={name: value}),
        fifo("p", xattrs={name: value}),
    ]
    with image_of(tmp_path, members) as image:
        record = extract(image, tmp_path / "out")
    found = reasons(record.deviations)
    assert {path for path, why in found.items() if "xattr-not-restored" in why} == {
        b"f",
        b"d",
        b"l",
        b"p",
    }
    assert os.listxattr(tmp_path / "out" / "f") == ["user.good"]


def test_an_acl_in_the_image_does_not_alter_the_mode(tmp_path: Path) -> None:
    members = [
        file("f", b"", mode=0o640, xattrs={"system.posix_acl_access": acl()}),
        directory("d", mode=0o750, xattrs={"system.posix_acl_access": acl()}),
    ]
    with image_of(tmp_path, members) as image:
        extract(image, tmp_path / "out")
    assert stat.S_IMODE((tmp_path / "out" / "f").stat().st_mode) == 0o640
    assert stat.S_IMODE((tmp_path / "out" / "d").stat().st_mode) == 0o750


@pytest.mark.parametrize(
    "mtime", ["0", "1700000000.123456789", "-1", "-0.5", "-1000000000.000000001", "5000000000"]
)
def test_times_to_the_nanosecond(tmp_path: Path, mtime: str) -> None:
    wanted = int(Decimal(mtime) * 10**9)
    time = Decimal(mtime)
    members = [
        file("f", b"f", mtime=time),
        directory("d", mtime=time),
        file("d/inside", b"", mtime=1),
        symlink("l", "f", mtime=time),
        fifo("p", mtime=time),
    ]
    with image_of(tmp_path, members) as image:
        record = extract(image, tmp_path / "out")
    times = {name: (tmp_path / "out" / name).lstat().st_mtime_ns for name in "fdlp"}
    assert times == dict.fromkeys("fdlp", wanted)
    assert not any(deviation.reason == "time-not-restored" for deviation in record.deviations)


@pytest.mark.parametrize("mtime", [1 << 40, 1 << 55, 10**17, -(1 << 40), -(10**17)])
def test_times_are_restored_or_recorded(tmp_path: Path, mtime: int) -> None:
    members = [
        file("f", b"", mtime=mtime),
        directory("d", mtime=mtime),
        symlink("l", "f", mtime=mtime),
        fifo("p", mtime=mtime),
    ]
    with image_of(tmp_path, members) as image:
        record = extract(image, tmp_path / "out")
    found = reasons(record.deviations)
    for name in "fdlp":
        is_right = (tmp_path / "out" / name).lstat().st_mtime_ns == mtime * 10**9
        assert is_right == ("time-not-restored" not in found.get(name.encode(), []))
