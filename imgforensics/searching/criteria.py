"""Criteria on paths and facts, as tests of one version each.

Meanings are those of GNU find, where it has the criterion.
"""

import math
import operator
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, date, datetime, time
from itertools import chain

from imgforensics.errors import DamagedImageError, PathError, QuestionError
from imgforensics.filesystem.globs import glob_matcher
from imgforensics.image import Image
from imgforensics.layer import EntryKind, Layer
from imgforensics.searching.query import Query, raw, several, words
from imgforensics.searching.regex import Regex
from imgforensics.tarstream.pax import is_number
from imgforensics.versions import Version

Test = Callable[[Version], object]
Matcher = Callable[[bytes], object]
Number = Callable[[float], bool]

_KINDS = {
    "f": EntryKind.FILE,
    "d": EntryKind.DIRECTORY,
    "l": EntryKind.SYMLINK,
    "c": EntryKind.CHARACTER_DEVICE,
    "b": EntryKind.BLOCK_DEVICE,
    "p": EntryKind.FIFO,
}
_HARD_LINK = "h"
_UNITS = {"": 1, "c": 1, "w": 2, "b": 512, "k": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}
_SIZE = re.compile(r"([+-]?)(\d{1,19})([cwbkKMGT]?)")
_MODE = re.compile(r"([-/]?)([0-7]{1,5})")
_COMPARISON = re.compile(r"([<>]=?|=)?\s*(\d+(?:\.\d*)?)")
_COMPARE = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "=": operator.eq,
    None: operator.eq,
}
_ANY_EXECUTE = 0o111
_ACCOUNT_FILE_BYTES = 1 << 20


class Criteria:
    """A query's tests of paths and facts; raises `QuestionError` for what makes no sense."""

    def __init__(self, query: Query) -> None:
        self._is_name = _name_matcher(query)
        self._tests: list[Test] = [
            test
            for test in (
                _name_test(self._is_name),
                _path_test(query),
                _regex_test(query),
                _kind_test("".join(query.kinds)),
                _size_test(several(query.size)),
                _mode_test(query.mode),
                _xattr_test(query.xattr),
                _executable if query.executable else None,
            )
            if test is not None
        ]
        self._newer = None if query.newer is None else _moment(query.newer)
        self._older = None if query.older is None else _moment(query.older)
        self._owner = None if query.owner is None else _owner_parts(str(query.owner))

    def may_be_met(self, layers: Sequence[Layer]) -> bool:
        """False where it is certain, without any filesystem, that no name fits.

        A path that leads through links still ends in the last part of an entry's path, or in
        a directory on the way there.
        """
        needs_tree = isinstance(self._newer, bytes) or isinstance(self._older, bytes)
        if self._is_name is None or needs_tree or not all(layer.is_scanned for layer in layers):
            return True
        return any(map(self._is_name, chain.from_iterable(map(_names_in, layers))))

    def tests(self, image: Image) -> tuple[Test, ...]:
        """The tests, for an image whose layers have been read.

        Raises `QuestionError` where a path or a name that they refer to is not in it.
        """
        tests = list(self._tests)
        if self._newer is not None:
            after = _time_of(self._newer, image)
            tests.append(lambda version: version.node.mtime_ns > after)
        if self._older is not None:
            before = _time_of(self._older, image)
            tests.append(lambda version: version.node.mtime_ns < before)
        if self._owner is not None:
            tests.append(_owner_test(self._owner, image))
        return tuple(tests)


# Paths.


def _names_in(layer: Layer) -> Iterator[bytes]:
    """Every name that something which the layer brings, or implies, can have; some repeatedly."""
    yield b""
    last = b""
    for entry in layer.entries:
        directory, _, name = entry.path.rpartition(b"/")
        yield name
        if directory != last:
            last = directory
            yield from directory.split(b"/")
        if entry.kind is EntryKind.SYMLINK:
            yield from entry.link_name.split(b"/")


def _any(tests: Iterable[Matcher]) -> Matcher:
    several = tuple(tests)
    if len(several) == 1:
        return several[0]
    return lambda text: any(test(text) for test in several)


def _any_glob(globs: Iterable[bytes], query: Query) -> Matcher:
    if not query.ignore_case:
        return _any(map(glob_matcher, globs))
    matches = _any(glob_matcher(glob.lower()) for glob in globs)
    return lambda text: matches(text.lower())


def _name_matcher(query: Query) -> Matcher | None:
    globs = words(query.name)
    if any(b"/" in glob for glob in globs):
        raise QuestionError("a name has no slash; to match a path, ask for it as one")
    return _any_glob(globs, query) if globs else None


def _name_test(matches: Matcher | None) -> Test | None:
    return matches and (lambda version: matches(version.path.rpartition(b"/")[2]))


def _path_test(query: Query) -> Test | None:
    if not query.path:
        return None
    matches = _any_glob(words(query.path), query)
    return lambda version: matches(version.path)


def _regex_test(query: Query) -> Test | None:
    if not query.regex:
        return None
    expressions = [
        Regex(b"(?s)" + one, ignore_case=query.ignore_case, lines=False)
        for one in words(query.regex)
    ]
    matches = _any(expression.matches_whole for expression in expressions)
    return lambda version: matches(b"/" + version.path)


# Facts.


def _kind_test(letters: str) -> Test | None:
    letters = letters.replace(",", "")
    if not letters:
        return None
    if unknown := set(letters) - {*_KINDS, _HARD_LINK}:
        raise QuestionError(
            f"no type is called {', '.join(sorted(unknown))}; there are f, d, l, h, c, b and p"
        )
    kinds = {_KINDS[letter] for letter in letters if letter in _KINDS}
    links = _HARD_LINK in letters

    def test(version: Version) -> bool:
        kind = version.node.kind
        is_link = kind is EntryKind.HARD_LINK or version.is_further_name
        return kind in kinds or (links and is_link)

    return test


def _size_test(sizes: Iterable[str | bytes | int]) -> Test | None:
    parsed = [
        _size(size.decode("utf-8", "replace") if isinstance(size, bytes) else str(size))
        for size in sizes
    ]
    if not parsed:
        return None
    return lambda version: all(fits(version.node.size) for fits in parsed)


def _size(text: str) -> Number:
    match = _SIZE.fullmatch(text)
    if match is None:
        raise QuestionError(f"{text!r} is no size; a size is like +10M, -4k or 100")
    sign, count, unit = match[1], int(match[2]), _UNITS[match[3].replace("K", "k")]
    compare = {"+": operator.gt, "-": operator.lt, "": operator.eq}[sign]
    return lambda size: compare(math.ceil(size / unit) if unit > 1 else size, count)


def _mode_test(mode: str | int | None) -> Test | None:
    if mode is None:
        return None
    text = f"{mode:04o}" if isinstance(mode, int) else mode
    match = _MODE.fullmatch(text)
    if match is None:
        raise QuestionError(f"{text!r} is no mode; a mode is octal, like 0644, -0022 or /6000")
    how, bits = match[1], int(match[2], 8)
    if how == "/":
        return lambda version: version.node.mode & bits or not bits
    if how == "-":
        return lambda version: version.node.mode & bits == bits
    return lambda version: version.node.mode == bits


def _xattr_test(name: str | bytes | None) -> Test | None:
    if name is None:
        return None
    matches = glob_matcher(raw(name))
    return lambda version: any(map(matches, version.node.xattrs))


def _executable(version: Version) -> bool:
    return version.node.kind is EntryKind.FILE and bool(version.node.mode & _ANY_EXECUTE)


def comparison(text: str, what: str) -> Number:
    """A test of numbers like `>7.5`; raises `QuestionError`, which names `what`."""
    match = _COMPARISON.fullmatch(text.strip())
    if match is None:
        raise QuestionError(f"{text!r} is no {what}; ask like '>7.5' or '<=1'")
    compare, bound = _COMPARE[match[1]], float(match[2])
    return lambda value: bool(compare(value, bound))


# Times.


def _moment(given: str | date) -> int | bytes:
    """Nanoseconds since the epoch, or the path whose time is meant."""
    if isinstance(given, datetime):
        return _nanoseconds(given)
    if isinstance(given, date):
        return _nanoseconds(datetime.combine(given, time()))
    if given.startswith("/"):
        return raw(given)
    try:
        if given.startswith("@"):
            return int(float(given[1:]) * 1_000_000_000)
        return _nanoseconds(datetime.fromisoformat(given))
    except (ValueError, OverflowError):
        raise QuestionError(
            f"{given!r} is no date (2024-02-29, 2024-02-29T12:00:00Z, @1709208000) and no path "
            "(it begins with a slash)"
        ) from None


def _nanoseconds(moment: datetime) -> int:
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    since = moment - datetime(1970, 1, 1, tzinfo=UTC)
    return (since.days * 86_400 + since.seconds) * 1_000_000_000 + since.microseconds * 1_000


def _time_of(moment: int | bytes, image: Image) -> int:
    if isinstance(moment, int):
        return moment
    try:
        return image.path(moment).resolution(follow=False).node.mtime_ns
    except PathError as error:
        detail = f"{error.filename}: {error.strerror}"
        raise QuestionError(f"no time to compare with: {detail}") from error


# Owners.

_Owner = tuple[str, str]


def _owner_parts(text: str) -> _Owner:
    user, _, group = text.partition(":")
    is_impossible = any(name.isdecimal() and not is_number(raw(name)) for name in (user, group))
    if is_impossible or not (user or group):
        raise QuestionError(f"{text!r} is no owner; an owner is USER, USER:GROUP or :GROUP")
    return user, group


def _owner_test(owner: _Owner, image: Image) -> Test:
    user, group = owner
    users = _numbers(user, image, "/etc/passwd")
    groups = _numbers(group, image, "/etc/group")
    user_name, group_name = raw(user), raw(group)

    def test(version: Version) -> bool:
        node, header = version.node, version.node.header
        names = (header.member.user_name, header.member.group_name) if header else (b"", b"")
        return (not user or node.uid in users or names[0] == user_name) and (
            not group or node.gid in groups or names[1] == group_name
        )

    return test


def _numbers(name: str, image: Image, accounts: str) -> set[int]:
    """What number a name has in the image's own accounts; a number is itself."""
    if name.isdecimal():
        return {int(name)}
    if not name:
        return set()
    try:
        with image.path(accounts).open("rb") as file:
            lines = file.read(_ACCOUNT_FILE_BYTES).split(b"\n")
    except (PathError, DamagedImageError):
        return set()
    rows = [line.split(b":") for line in lines]
    return {
        int(row[2]) for row in rows if len(row) > 2 and row[0] == raw(name) and is_number(row[2])
    }
