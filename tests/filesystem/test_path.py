"""`ImagePath`, held against `pathlib` and against the same files on a disk."""

import errno
import io
import os
import stat
from collections.abc import Callable, Iterator
from decimal import Decimal
from importlib.resources.abc import Traversable
from pathlib import PurePosixPath
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgforensics import Image, ImagePath
from imgforensics.errors import (
    BrokenHardLinkError,
    NotAFileError,
    NotASymlinkError,
    PathError,
    PathIsADirectoryError,
    PathNotADirectoryError,
    PathNotFoundError,
    SymlinkLoopError,
)
from imgforensics.testing import (
    device,
    directory,
    fifo,
    file,
    hard_link,
    symlink,
)
from tests.filesystem.building import image_of

MEMBERS = [
    directory("etc", mode=0o750, uid=1, gid=2),
    file("etc/passwd", b"root\n", mode=0o4640, uid=3, gid=4, mtime=Decimal("-1.25")),
    file("etc/notes", "zwölf\r\n".encode("latin-1")),
    symlink("etc/link", "passwd"),
    symlink("etc/absolute", "/etc/passwd"),
    symlink("etc/escape", "../../../../etc/passwd"),
    symlink("etc/dangling", "nowhere"),
    symlink("conf", "etc"),
    symlink("loop", "loop"),
    hard_link("etc/broken", "never"),
    fifo("dev/pipe"),
    device("dev/null", 1, 3),
    device("dev/sda", 8, 1, block=True),
]


@pytest.fixture(scope="module")
def image() -> Iterator[Image]:
    with image_of(MEMBERS) as opened:
        yield opened


# Names.

NAMES = st.text(st.sampled_from("ab.é \n"), min_size=1, max_size=5).filter(
    lambda name: name not in {".", ".."}
)


@given(st.lists(NAMES, max_size=4))
def test_names_are_those_of_pathlib(parts: list[str]) -> None:
    expected = PurePosixPath("/", *parts)
    with image_of([]) as image:
        path = image.path("/").joinpath(*parts)
        assert str(path) == str(expected)
        assert os.fsencode(expected) == bytes(path)
        assert (path.name, path.suffix, path.stem) == (
            expected.name,
            expected.suffix,
            expected.stem,
        )
        assert path.suffixes == expected.suffixes
        assert path.parts == expected.parts
        assert path.as_posix() == expected.as_posix()
        assert path.is_absolute() == expected.is_absolute()
        assert str(path.parent) == str(expected.parent)
        assert [str(parent) for parent in path.parents] == [str(p) for p in expected.parents]


@given(st.lists(st.sampled_from(["a", "b/c", "/d", "./e", "f/", "..", ".", "", "//g"]), max_size=4))
def test_joining_is_that_of_pathlib(parts: list[str]) -> None:
    expected = PurePosixPath("/", *parts)
    with image_of([]) as image:
        joined = image.path("/").joinpath(*parts)
        assert str(joined) == "/" + str(expected).lstrip("/")
        step = image.path("/")
        for part in parts:
            step = step / part
        assert step == joined
        assert hash(step) == hash(joined)


def test_paths_compare_within_one_snapshot(image: Image) -> None:
    assert image.path("/etc") == image.path("etc/")
    assert image.path("/etc") != image.path("/dev")
    assert image.path("/etc") != image.path("/etc", layer=-1)
    assert image.path("/etc") != "/etc"
    assert sorted([image.path("/b"), image.path("/a")])[0].name == "a"
    assert repr(image.path("/etc")) == "ImagePath('/etc', layer=0)"
    with pytest.raises(TypeError, match="not supported between"):
        _ = image.path("/etc") < "/etc"


@pytest.mark.parametrize("other", ["/", "/etc", "/et", "etc", PurePosixPath("/etc/passwd")])
def test_what_is_below_a_path_is_what_pathlib_says(
    image: Image, other: str | PurePosixPath
) -> None:
    path = image.path("/etc/passwd")
    expected = PurePosixPath("/etc/passwd").is_relative_to(other)
    assert path.is_relative_to(other) == expected
    assert not str(other).startswith("/") or path.is_relative_to(image.path(other)) == expected


def test_it_is_traversable(image: Image) -> None:
    path = image.path("/etc")
    assert isinstance(path, Traversable)
    assert (path / "passwd").read_bytes() == b"root\n"


# What stands there.


def test_stat_tells_what_the_archive_does(image: Image) -> None:
    found = image.path("/etc/passwd").stat()
    assert found.st_mode == stat.S_IFREG | 0o4640
    assert (found.st_uid, found.st_gid, found.st_size) == (3, 4, 5)
    assert found.st_mtime_ns == -1_250_000_000
    assert image.path("/etc/link").stat() == found
    assert image.path("/etc").stat().st_mode == stat.S_IFDIR | 0o750
    link = image.path("/etc/link").lstat()
    assert (stat.S_ISLNK(link.st_mode), link.st_size) == (True, len("passwd"))
    assert image.path("/etc/link").stat(follow_symlinks=False) == link
    assert image.path("/dev/null").stat().st_rdev == os.makedev(1, 3)
    assert stat.S_ISCHR(image.path("/dev/null").stat().st_mode)
    assert stat.S_ISBLK(image.path("/dev/sda").stat().st_mode)
    assert stat.S_ISFIFO(image.path("/dev/pipe").stat().st_mode)


def test_names_of_one_file_share_an_inode_and_no_others_do() -> None:
    lower = [file("a", b"1"), hard_link("b", "a"), hard_link("c", "a"), file("d/e", b"1")]
    upper = [file("f"), hard_link("g", "b", mode=0o600), hard_link("d/h", "d/e")]
    with image_of(lower, upper) as image:
        below = {str(path): path.lstat().st_ino for path in image.path("/", 0).rglob("*")}
        assert below["/a"] == below["/b"] == below["/c"] != 0
        assert below["/d"] == image.path("/").stat().st_ino == 0
        numbers = {str(path): path.lstat().st_ino for path in image.path("/").rglob("*")}
        assert numbers["/d/e"] == numbers["/d/h"] == below["/d/e"]
        assert numbers["/g"] == numbers["/b"]
        groups = {number: image.path(path).lstat() for path, number in numbers.items()}
        assert all(image.path(path).lstat() == groups[number] for path, number in numbers.items())
        assert len({numbers[path] for path in ("/a", "/g", "/f", "/d/e")}) == 4
        assert image.path("/a").stat().st_nlink == 1


@pytest.mark.parametrize("numbers", [(1 << 40, 0), (0, 1 << 40), (-1, 3)])
def test_device_numbers_that_no_kernel_has(numbers: tuple[int, int]) -> None:
    pax = [("SCHILY.devmajor", b"%d" % numbers[0]), ("SCHILY.devminor", b"%d" % numbers[1])]
    with image_of([device("d", 1, 3, pax=pax)]) as image:
        assert stat.S_ISCHR(image.path("/d").stat().st_mode)


@pytest.mark.parametrize(
    ("path", "true"),
    [
        ("/etc/passwd", {"exists", "is_file"}),
        ("/etc/link", {"exists", "is_file", "is_symlink"}),
        ("/etc/escape", {"exists", "is_file", "is_symlink"}),
        ("/etc/dangling", {"is_symlink"}),
        ("/loop", {"is_symlink"}),
        ("/loop/below", set()),
        ("/conf", {"exists", "is_dir", "is_symlink"}),
        ("/", {"exists", "is_dir"}),
        ("/dev/pipe", {"exists", "is_fifo"}),
        ("/dev/null", {"exists", "is_char_device"}),
        ("/dev/sda", {"exists", "is_block_device"}),
        ("/nowhere", set()),
        ("/etc/passwd/below", set()),
        ("/etc/passwd/..", set()),
    ],
)
def test_questions_of_yes_and_no(image: Image, path: str, true: set[str]) -> None:
    asked = (
        "exists",
        "is_file",
        "is_dir",
        "is_symlink",
        "is_fifo",
        "is_char_device",
        "is_block_device",
    )
    asked_path = image.path("/") / path
    assert {name for name in asked if getattr(asked_path, name)()} == true


def test_questions_of_a_link_itself(image: Image) -> None:
    link, dangling = image.path("/conf"), image.path("/etc/dangling")
    assert not link.is_dir(follow_symlinks=False)
    assert not image.path("/etc/link").is_file(follow_symlinks=False)
    assert image.path("/etc/passwd").is_file(follow_symlinks=False)
    assert dangling.exists(follow_symlinks=False)
    assert not image.path("/nowhere").exists(follow_symlinks=False)
    assert [path for path in ("/", "/etc", "/dev/pipe") if image.path(path).is_mount()] == ["/"]
    assert not image.path("/dev/pipe").is_socket()
    assert str(link.resolve(strict=True)) == "/etc"
    with pytest.raises(NotImplementedError):
        link.resolve(strict=False)  # type: ignore[arg-type]


def test_names_beside_and_below_are_those_of_pathlib(image: Image) -> None:
    path, pure = image.path("/etc/passwd"), PurePosixPath("/etc/passwd")
    assert path.with_name("shadow") == image.path("/etc/shadow")
    assert image.path("/etc").with_name("dev") == image.path("/dev")
    assert (
        path.relative_to("/etc") == path.relative_to(image.path("/etc")) == PurePosixPath("passwd")
    )
    for pattern in ("*", "*.x", "etc/*", "/etc/*", "/passwd"):
        assert path.match(pattern) == pure.match(pattern)
    raw = image.path("/") / b"\xff/a"
    assert bytes(raw.with_name("b")) == b"/\xff/b"
    with pytest.raises(ValueError, match="empty name"):
        image.path("/").with_name("x")
    with pytest.raises(ValueError, match="Invalid name"):
        path.with_name("a/b")
    with pytest.raises(ValueError, match="subpath"):
        path.relative_to("/dev")


def test_readlink_gives_the_target_as_stored(image: Image) -> None:
    assert image.path("/etc/escape").readlink() == "../../../../etc/passwd"
    assert image.path("/conf/absolute").readlink() == "/etc/passwd"


@pytest.mark.parametrize(
    "path",
    [
        "/etc/link",
        "/etc/absolute",
        "/etc/escape",
        "/conf/link",
        "/../etc/passwd",
        "/conf/../etc/./passwd",
        "/etc/../../conf/absolute",
    ],
)
def test_links_resolve_inside_the_image(image: Image, path: str) -> None:
    assert str((image.path("/") / path).resolve()) == "/etc/passwd"
    assert image.path(path).read_text() == "root\n"


def test_dots_are_taken_where_links_lead() -> None:
    members = [symlink("a", "x/y"), file("x/b", b"kernel"), file("b", b"text"), directory("x/y")]
    with image_of(members) as image:
        assert image.path("/a/../b").read_text() == "kernel"
        assert (image.path("/a") / ".." / "b").read_text() == "kernel"


def test_a_resolution_tells_every_hop(image: Image) -> None:
    found = image.path("/conf/absolute").resolution()
    assert found.requested == b"conf/absolute"
    assert found.path == b"etc/passwd"
    assert [(hop.path, hop.target) for hop in found.hops] == [
        (b"conf", b"etc"),
        (b"etc/absolute", b"/etc/passwd"),
    ]


@pytest.mark.parametrize(("links", "is_followed"), [(1, True), (40, True), (41, False)])
def test_forty_links_are_followed_and_no_more(links: int, is_followed: bool) -> None:
    chain = [symlink(f"l{n}", f"l{n + 1}") for n in range(links)]
    with image_of([*chain, file(f"l{links}", b"end")]) as image:
        if is_followed:
            assert image.path("/l0").read_text() == "end"
        else:
            with pytest.raises(SymlinkLoopError):
                image.path("/l0").read_text()


# Errors.


class Failing(NamedTuple):
    """A question, the path it is asked of, and its error: type, number, Python's own type."""

    ask: Callable[[ImagePath], object]
    path: str
    kind: type[PathError]
    number: int
    also: type[OSError] = OSError


MISSING = (PathNotFoundError, errno.ENOENT, FileNotFoundError)
IS_DIRECTORY = (PathIsADirectoryError, errno.EISDIR, IsADirectoryError)
BROKEN = (BrokenHardLinkError, errno.ENOENT, FileNotFoundError)
NO_DIRECTORY = (PathNotADirectoryError, errno.ENOTDIR, NotADirectoryError)


def walked(path: ImagePath) -> object:
    return list(path.walk())


def listed(path: ImagePath) -> object:
    return list(path.iterdir())


@pytest.mark.parametrize(
    "failing",
    [
        Failing(ImagePath.read_bytes, "/no", *MISSING),
        Failing(
            ImagePath.stat, "/conf/dangling", PathNotFoundError, errno.ENOENT, FileNotFoundError
        ),
        Failing(ImagePath.lstat, "/etc/passwd/x", *NO_DIRECTORY),
        Failing(ImagePath.lstat, "/etc/passwd/..", *NO_DIRECTORY),
        Failing(
            ImagePath.read_text, "/etc", PathIsADirectoryError, errno.EISDIR, IsADirectoryError
        ),
        Failing(ImagePath.read_text, "/dev/pipe", NotAFileError, errno.ENXIO),
        Failing(ImagePath.readlink, "/etc/passwd", NotASymlinkError, errno.EINVAL),
        Failing(ImagePath.resolve, "/loop", SymlinkLoopError, errno.ELOOP),
        Failing(
            ImagePath.read_bytes,
            "/etc/broken",
            BrokenHardLinkError,
            errno.ENOENT,
            FileNotFoundError,
        ),
        Failing(listed, "/etc/passwd", *NO_DIRECTORY),
        Failing(walked, "/no", *MISSING),
    ],
)
def test_errors_are_ours_and_the_matching_oserror(image: Image, failing: Failing) -> None:
    with pytest.raises(failing.kind) as caught:
        failing.ask(image.path("/") / failing.path)
    assert isinstance(caught.value, failing.also)
    assert caught.value.errno == failing.number
    assert caught.value.filename == failing.path


@pytest.mark.parametrize("mode", ["w", "r+", "a", "x", "wb", ""])
def test_nothing_is_opened_for_writing(image: Image, mode: str) -> None:
    with pytest.raises(ValueError, match="read-only"):
        image.path("/etc/passwd").open(mode)


# Contents.


def test_open_takes_what_pathlibs_takes_in_its_order(image: Image) -> None:
    notes = image.path("/etc/notes")
    with notes.open("r", 1, "latin-1", "strict", "") as text:
        assert text.read() == "zwölf\r\n"
    with notes.open("rb", 0) as file:
        assert file.read() == "zwölf\r\n".encode("latin-1")
    with pytest.raises(ValueError, match="without a buffer"):
        notes.open("r", 0)
    with pytest.raises(ValueError, match="binary mode"):
        notes.open("rb", -1, "latin-1")


def test_a_mode_may_be_any_text(image: Image) -> None:
    """mypy reads this, too: a mode that is no literal has a file of either sort."""
    modes: list[str] = ["r", "rb"]
    contents = []
    for mode in modes:
        with image.path("/etc/passwd").open(mode) as opened:
            contents.append(opened.read())
    assert contents == ["root\n", b"root\n"]


def test_text_is_utf8_unless_another_encoding_is_named(image: Image) -> None:
    notes = image.path("/etc/notes")
    assert notes.read_text("latin-1") == "zwölf\n"
    assert notes.read_text(errors="replace") == "zw\ufffdlf\n"
    with pytest.raises(UnicodeDecodeError):
        notes.read_text()
    with notes.open(encoding="latin-1", newline="") as text:
        assert isinstance(text, io.TextIOWrapper)
        assert text.readline() == "zwölf\r\n"
