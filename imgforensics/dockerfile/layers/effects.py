"""What each RUN did, told by what its layer changed: packages, users, files."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from imgforensics.dockerfile.recovered import RecoveredDockerfile
from imgforensics.errors import ImageForensicsError
from imgforensics.filesystem.tree import FileTree
from imgforensics.filesystem.whiteout import PREFIX, WhiteoutKind, whiteout_of
from imgforensics.image import Image
from imgforensics.layer import EntryKind
from imgforensics.problems import display
from imgforensics.scanners.packages import PackageChange, PackageVerdict, package_changes

_ACCOUNTS = (b"etc/passwd", b"etc/group")
_DELETING = (WhiteoutKind.PLAIN, WhiteoutKind.OPAQUE)
_NAMED = 8
"""Names that a comment lists; further ones are counted."""


@dataclass(frozen=True, slots=True)
class Effects:
    """What one RUN's layer changed."""

    packages: tuple[PackageChange, ...]
    users: tuple[str, ...]
    """Accounts of /etc/passwd that are new."""
    groups: tuple[str, ...]
    deleted: tuple[bytes, ...]
    """Paths of lower layers that are gone, directories as a whole."""
    files: int
    """Regular files written."""
    content_bytes: int

    def lines(self) -> Iterator[str]:
        """A few lines for people; names are made harmless."""
        for verdict in PackageVerdict:
            found = [str(one.package) for one in self.packages if one.verdict is verdict]
            if found:
                yield f"packages {verdict}: {_listed(found)}"
        if self.users:
            yield f"users added: {_listed(self.users)}"
        if self.groups:
            yield f"groups added: {_listed(self.groups)}"
        if self.deleted:
            yield f"deleted: {_listed([display(b'/' + path) for path in self.deleted])}"
        files = "1 file" if self.files == 1 else f"{self.files} files"
        yield f"wrote {files} of {self.content_bytes} bytes"


def run_effects(image: Image, recovered: RecoveredDockerfile) -> dict[int, Effects]:
    """Effects of every RUN whose layer is known, its own and held, by its position.

    Layers are applied, and the package databases that they change are read. Raises
    `LimitExceededError`.
    """
    makers = Counter(one.layer for one in recovered.instructions)
    found = {}
    for position, one in enumerate(recovered.instructions):
        if one.instruction.keyword != "RUN" or one.layer is None or makers[one.layer] > 1:
            continue
        if all(layer.is_present for layer in image.layers[: one.layer + 1]):
            found[position] = _effects(image, one.layer)
    return found


def _effects(image: Image, layer: int) -> Effects:
    before, after = image.filesystem_at(layer - 1), image.filesystem_at(layer)
    users, groups = (_new_accounts(image, path, before, after, layer) for path in _ACCOUNTS)
    entries = image.layers[layer].entries
    files = [one for one in entries if one.kind is EntryKind.FILE and PREFIX not in one.path]
    return Effects(
        packages=package_changes(image, layer),
        users=users,
        groups=groups,
        deleted=tuple(_deleted(one.path for one in entries)),
        files=len(files),
        content_bytes=sum(one.size for one in files),
    )


def _deleted(paths: Iterable[bytes]) -> Iterator[bytes]:
    for path in paths:
        whiteout = whiteout_of(path) if PREFIX in path else None
        if whiteout is not None and whiteout.kind in _DELETING:
            yield whiteout.path


def _new_accounts(
    image: Image, path: bytes, before: FileTree, after: FileTree, layer: int
) -> tuple[str, ...]:
    if before.get(path) is after.get(path):
        return ()
    known = set(_accounts(image, path, layer - 1))
    return tuple(name for name in _accounts(image, path, layer) if name not in known)


def _accounts(image: Image, path: bytes, layer: int) -> list[str]:
    try:
        text = image.path(b"/" + path, layer).read_text(errors="replace")
    except (ImageForensicsError, OSError):
        return []
    return [line.partition(":")[0] for line in text.split("\n") if ":" in line]


def _listed(names: Iterable[str]) -> str:
    found = list(names)
    shown = ", ".join(found[:_NAMED])
    return shown if len(found) <= _NAMED else f"{shown} and {len(found) - _NAMED} more"
