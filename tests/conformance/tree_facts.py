"""What a tree holds, path by path, and how two trees differ.

A tree is a mapping of absolute paths (bytes, the root is ``b"/"``) to :class:`PathFacts`. It is
read from a directory on disk (:func:`walk`) or from a truth file (:func:`read_truth`).
"""

import base64
import errno
import hashlib
import json
import os
import stat
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path

_KINDS = {
    stat.S_IFREG: "f",
    stat.S_IFDIR: "d",
    stat.S_IFLNK: "l",
    stat.S_IFCHR: "c",
    stat.S_IFBLK: "b",
    stat.S_IFIFO: "p",
    stat.S_IFSOCK: "s",
}
_MOUNT_XATTRS = "trusted.overlay."
"""Belongs to a mount, not to the tree it shows."""


@dataclass(frozen=True, slots=True)
class PathFacts:
    """One path: `kind` is a letter of ``find -type``; what does not apply to a kind is None.

    `hard_links` are all visible paths of the same file, sorted, or empty when there is one only.
    `data` are the parts of a file, start and end, that are no holes; None where nobody looked,
    which differs from nothing.
    """

    kind: str
    mode: int
    uid: int
    gid: int
    mtime_ns: int
    size: int | None = None
    sha256: str | None = None
    link: bytes | None = None
    device: tuple[int, int] | None = None
    xattrs: tuple[tuple[str, bytes], ...] = ()
    hard_links: tuple[bytes, ...] = ()
    data: tuple[tuple[int, int], ...] | None = None


JsonPath = str | dict[str, str]
Tree = dict[bytes, PathFacts]


@dataclass(frozen=True, slots=True)
class Difference:
    """One fact of one path; a path that only one tree has differs in `presence`."""

    path: bytes
    fact: str
    expected: object
    actual: object

    def __str__(self) -> str:
        path = self.path.decode("utf-8", "backslashreplace")
        expected, actual = self._show(self.expected), self._show(self.actual)
        return f"{path}: {self.fact}: expected {expected}, got {actual}"

    def _show(self, value: object) -> str:
        if self.fact == "mode" and isinstance(value, int):
            return f"{value:#o}"
        if isinstance(value, tuple) and len(value) > 6:
            return f"{value[:6]} and {len(value) - 6} more"
        return repr(value)


def walk(root: Path, *, holes: bool = False) -> Tree:
    """Read every path below `root`, never following a link; with `holes`, also files' holes.

    Needs root for other owners' files.
    """
    top = os.fsencode(root)
    tree: Tree = {}
    names_of: defaultdict[tuple[int, int], list[bytes]] = defaultdict(list)
    for path, found in _below(top):
        tree[path] = _facts(top + path, found, holes=holes)
        if found.st_nlink > 1 and not stat.S_ISDIR(found.st_mode):
            names_of[found.st_dev, found.st_ino].append(path)
    _join_hard_links(tree, names_of.values())
    return tree


def read_truth(truth: Path) -> Tree:
    """Read JSON lines: one path each, its hard-link group named by one of the group's paths."""
    tree: Tree = {}
    names_of: defaultdict[bytes, list[bytes]] = defaultdict(list)
    for line in truth.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        path = _path_bytes(row["path"])
        tree[path] = _row_facts(row)
        if "hardlink_group" in row:
            names_of[_path_bytes(row["hardlink_group"])].append(path)
    _join_hard_links(tree, names_of.values())
    return tree


def compare(
    expected: Mapping[bytes, PathFacts],
    actual: Mapping[bytes, PathFacts],
    *,
    ignore: Collection[str] = (),
) -> list[Difference]:
    """Every fact that differs, in path order; `ignore` names facts not looked at.

    A path of another kind differs in its kind only; a hard-link group is told at its first path.
    """
    differences: list[Difference] = []
    for path in sorted(expected.keys() | actual.keys()):
        wanted, got = expected.get(path), actual.get(path)
        if wanted is None or got is None:
            presence = [side.kind if side else None for side in (wanted, got)]
            differences.append(Difference(path, "presence", *presence))
        else:
            differences += _fact_differences(path, wanted, got, ignore)
    return differences


def _fact_differences(
    path: bytes, wanted: PathFacts, got: PathFacts, ignore: Collection[str]
) -> Iterator[Difference]:
    if wanted.kind != got.kind:
        yield Difference(path, "kind", wanted.kind, got.kind)
        return
    for field in fields(PathFacts):
        pair = getattr(wanted, field.name), getattr(got, field.name)
        if field.name in ignore or pair[0] == pair[1]:
            continue
        if field.name == "data" and None in pair:
            continue
        if field.name == "hard_links" and any(side and side[0] < path for side in pair):
            continue
        yield Difference(path, field.name, *pair)


def _below(top: bytes) -> Iterator[tuple[bytes, os.stat_result]]:
    yield b"/", os.lstat(top)
    pending = [b"/"]
    while pending:
        directory = pending.pop()
        for entry in os.scandir(top + directory):
            path = directory.rstrip(b"/") + b"/" + entry.name
            try:
                found = os.lstat(top + path)
            except FileNotFoundError:
                # overlayfs lists a whiteout that stands in a directory of one layer only,
                # and then denies that it is there.
                continue
            yield path, found
            if stat.S_ISDIR(found.st_mode):
                pending.append(path)


def _facts(place: bytes, found: os.stat_result, *, holes: bool) -> PathFacts:
    kind = _KINDS[stat.S_IFMT(found.st_mode)]
    device = (os.major(found.st_rdev), os.minor(found.st_rdev)) if kind in "cb" else None
    return PathFacts(
        kind=kind,
        mode=stat.S_IMODE(found.st_mode),
        uid=found.st_uid,
        gid=found.st_gid,
        mtime_ns=found.st_mtime_ns,
        size=found.st_size if kind == "f" else None,
        sha256=_sha256(place) if kind == "f" else None,
        link=os.readlink(place) if kind == "l" else None,  # noqa: PTH115 - likewise
        device=device,
        xattrs=_xattrs(place),
        data=tuple(_data(place)) if kind == "f" and holes else None,
    )


def _data(place: bytes) -> Iterator[tuple[int, int]]:
    descriptor = os.open(place, os.O_RDONLY)
    try:
        end = 0
        while True:
            start = os.lseek(descriptor, end, os.SEEK_DATA)
            end = os.lseek(descriptor, start, os.SEEK_HOLE)
            yield start, end
    except OSError as error:
        if error.errno != errno.ENXIO:
            raise
    finally:
        os.close(descriptor)


def _sha256(place: bytes) -> str:
    with open(place, "rb") as content:  # noqa: PTH123 - a path of bytes is no pathlib.Path
        return hashlib.file_digest(content, "sha256").hexdigest()


def _xattrs(place: bytes) -> tuple[tuple[str, bytes], ...]:
    names = sorted(os.listxattr(place, follow_symlinks=False))
    return tuple(
        (name, os.getxattr(place, name, follow_symlinks=False))
        for name in names
        if not name.startswith(_MOUNT_XATTRS)
    )


def _row_facts(row: dict[str, object]) -> PathFacts:
    link, xattrs, device = row.get("link"), row.get("xattrs_b64", {}), row.get("dev")
    assert isinstance(xattrs, dict)
    plain = {name: row.get(name) for name in ("mode", "uid", "gid", "mtime_ns", "size", "sha256")}
    return PathFacts(
        kind=str(row["type"]),
        **plain,  # type: ignore[arg-type] # the file's own types, checked by the comparison
        link=None if link is None else _path_bytes(link),  # type: ignore[arg-type]
        device=tuple(device) if isinstance(device, list) else None,
        xattrs=tuple(sorted((name, base64.b64decode(value)) for name, value in xattrs.items())),
    )


def _path_bytes(value: JsonPath) -> bytes:
    return value.encode() if isinstance(value, str) else base64.b64decode(value["b64"])


def _join_hard_links(tree: Tree, groups: Collection[list[bytes]]) -> None:
    for names in groups:
        if len(names) > 1:
            group = tuple(sorted(names))
            tree.update({path: replace(tree[path], hard_links=group) for path in group})
