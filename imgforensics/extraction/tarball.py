"""`write_tar`: the merged filesystem as one archive.

Members are written with the standard library's `tarfile` (PAX format): directories first, then
files layer by layer in the order in which their content lies there, then links and devices.
GNU tar then restores the times of directories only with `--delay-directory-restore`. Nothing is
withheld: an archive grants no privileges until somebody unpacks it.
"""

import os
import tarfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import BinaryIO

from imgforensics.extraction.contents import node_contents
from imgforensics.extraction.plan import make_plan, require_layers, top_layer
from imgforensics.extraction.record import ExtractionRecord, Form, Reason, Tally, record_of
from imgforensics.extraction.selection import EVERYTHING, Selection
from imgforensics.extraction.target import ArchiveTarget
from imgforensics.filesystem.node import Node
from imgforensics.image import Image
from imgforensics.tarstream.member import EntryKind, Extent, TarMember
from imgforensics.tarstream.sparse import expand, zeros

Progress = Callable[[int], None]

_TYPES = {
    EntryKind.FILE: tarfile.REGTYPE,
    EntryKind.DIRECTORY: tarfile.DIRTYPE,
    EntryKind.SYMLINK: tarfile.SYMTYPE,
    EntryKind.CHARACTER_DEVICE: tarfile.CHRTYPE,
    EntryKind.BLOCK_DEVICE: tarfile.BLKTYPE,
    EntryKind.FIFO: tarfile.FIFOTYPE,
}
_OWNER_NUMBERS = (1 << 32) - 1
_DEVICE_NUMBERS = 8**7
"""What seven octal digits hold; PAX has no records for more."""


def write_tar(
    image: Image,
    target: str | os.PathLike[str] | BinaryIO,
    *,
    layer: int | None = None,
    selection: Selection = EVERYTHING,
    force: bool = False,
    progress: Progress | None = None,
) -> ExtractionRecord:
    """Write the merged filesystem after `layer` (the top one if not given) as one archive.

    A path is compressed as its suffix says (`.gz`, `.tgz`, `.zst`, `.xz`, `.bz2`; suffixes of
    other compressed files are refused) and has its name only when it is complete: until then
    it is `PATH.partial`. The record stands beside it as `PATH.extraction.json`. `force` is as in
    :func:`~imgforensics.extraction.extract`. An open file is written to as it is; look at
    `is_complete`.

    Each layer is read twice: for its entries, which decide what survives, and for content.
    `progress` is told stored bytes as they are read the second time. Raises
    `UnsafeOutputError`, `OutputFailedError`, `LimitExceededError`, `MissingBlobError`, and
    `IndexError` where there is no such layer.
    """
    top = top_layer(image, layer)
    require_layers(image, top)
    if not isinstance(target, str | os.PathLike):
        return _write_archive(image, target, top, selection, progress=progress)
    archive = ArchiveTarget(Path(target), image.source.description, force=force)
    with archive.open() as file:
        folder = str(archive.partial.parent)
        record = _write_archive(
            image, file, top, selection, progress=progress, spool_directory=folder
        )
    return archive.finish(record)


def _write_archive(
    image: Image,
    file: BinaryIO,
    top: int,
    selection: Selection,
    *,
    progress: Progress | None,
    spool_directory: str | None = None,
) -> ExtractionRecord:
    plan = make_plan(image.filesystem_at(top), selection.matcher(), _is_storable)
    tally = Tally(image.limits)
    for path in plan.refused:
        tally.deviate(path, Reason.NAME_TOO_LONG)
    writer = MemberWriter(file, tally)
    for path, node in plan.directories:
        writer.add(path, node)
    found = node_contents(plan.absent, image.layers, tally, spool_directory, progress)
    with closing(found) as contents:
        for node, _, pieces in contents:
            writer.add(plan.absent[node], node, pieces)
    for node, path in plan.others.items():
        writer.add(path, node)
    for path, node in plan.links:
        writer.add_link(path, node, plan.home_of(node))
    writer.finish()
    return record_of(image, top, Form.TAR, tally, selection.to_json())


class MemberWriter:
    """Writes members one after another; what no archive can hold is noted, not failed."""

    def __init__(self, file: BinaryIO, tally: Tally) -> None:
        self._file = file
        self._tally = tally
        self._offset = 0
        self._missing: set[Node] = set()

    def add(self, path: bytes, node: Node, content: Iterable[memoryview] = ()) -> None:
        """One member of its own."""
        refusal = _refusal(node)
        if refusal is not None:
            self._missing.add(node)
            self._tally.deviate(path, refusal)
            return
        member = node.entry.member if node.entry else None
        info = self._header(path, node)
        sparse_map, size = b"", 0
        if member is not None and node.kind is EntryKind.FILE:
            size = member.stored_size
        if member is not None and member.extents is not None:
            runs = _runs(member)
            sparse_map = _sparse_map(runs)
            size = sum(length for _, length in runs)
            content = _filled(member, runs, content)
            _declare_sparse(info, member)
        info.size = len(sparse_map) + size
        self._tally.make_room(path, size)
        self._write(info.tobuf(tarfile.PAX_FORMAT, "utf-8", "surrogateescape"))
        written = self._write_content(sparse_map, content, info.size)
        if path:
            self._tally.count(node.kind)
        self._tally.content_bytes += written
        if written < size:
            detail = f"{written} of {size} stored bytes; zeros follow"
            self._tally.deviate(path, Reason.CONTENT_CUT_SHORT, detail)

    def add_link(self, path: bytes, node: Node, home: bytes) -> None:
        """A further name of a member written before."""
        if node in self._missing:
            self._tally.deviate(path, Reason.LINK_TO_WITHHELD)
            return
        self._tally.make_room(path)
        info = _bare_header(path, node)
        info.type = tarfile.LNKTYPE
        info.linkname = _text(home)
        self._write(info.tobuf(tarfile.PAX_FORMAT, "utf-8", "surrogateescape"))
        self._tally.count(EntryKind.HARD_LINK)

    def finish(self) -> None:
        """End the archive, filled up to a whole record as tar(1) does."""
        self._write(bytes(2 * tarfile.BLOCKSIZE))
        self._write(bytes(-self._offset % tarfile.RECORDSIZE))

    def _header(self, path: bytes, node: Node) -> tarfile.TarInfo:
        info = _bare_header(path, node)
        if (info.uid, info.gid) != (node.uid, node.gid):
            detail = f"{node.uid}:{node.gid}: no owner has such a number"
            self._tally.deviate(path, Reason.OWNER_NOT_RESTORED, detail)
        for name, value in node.xattrs.items():
            key = _xattr_key(name)
            if key is None or not value:
                self._tally.deviate(path, Reason.XATTR_NOT_RESTORED, _text(name))
            else:
                info.pax_headers = {**info.pax_headers, key: _text(value)}
        return info

    def _write_content(self, head: bytes, content: Iterable[memoryview], size: int) -> int:
        self._write(head)
        written = 0
        for piece in content:
            self._write(piece)
            written += len(piece)
        # A header promises `size` bytes; what a damaged layer lacks of them is zeros.
        missing = size - len(head) - written
        while missing > 0:
            step = min(missing, 1 << 20)
            self._write(bytes(step))
            missing -= step
        self._write(bytes(-size % tarfile.BLOCKSIZE))
        return written

    def _write(self, data: bytes | memoryview) -> None:
        self._offset += len(data)
        self._file.write(data)


def _is_storable(path: bytes) -> bool:
    """Whether an archive can name it; a link's target may have brought a NUL into a path."""
    return b"\0" not in path


def _refusal(node: Node) -> Reason | None:
    """Why an archive cannot hold this, or None."""
    if node.kind is EntryKind.HARD_LINK:
        return Reason.HARD_LINK_BROKEN
    if node.kind is EntryKind.SYMLINK and (not node.link_target or b"\0" in node.link_target):
        return Reason.LINK_TARGET_INVALID
    if not all(0 <= number < _DEVICE_NUMBERS for number in node.device):
        return Reason.DEVICE_NOT_RESTORED
    return None


def _bare_header(path: bytes, node: Node) -> tarfile.TarInfo:
    """All but xattrs and content."""
    info = tarfile.TarInfo("./" + _text(path) if path else ".")
    info.type = _TYPES[node.kind]
    info.mode = node.mode
    info.uid, info.gid = (n if 0 <= n < _OWNER_NUMBERS else 0 for n in (node.uid, node.gid))
    info.linkname = _text(node.link_target)
    info.devmajor, info.devminor = node.device
    seconds, nanoseconds = divmod(node.mtime_ns, 1_000_000_000)
    info.mtime = seconds
    if nanoseconds:
        info.pax_headers = {"mtime": _decimal(node.mtime_ns)}
    return info


def _text(value: bytes) -> str:
    """Bytes as the text of which `tobuf` makes the same bytes again."""
    return value.decode("utf-8", "surrogateescape")


def _xattr_key(name: bytes) -> str | None:
    """The PAX key of an xattr, escaped as GNU tar does; None where there can be none."""
    if not name or b"\0" in name or not _is_utf8(name):
        return None
    return "SCHILY.xattr." + _text(name.replace(b"%", b"%25").replace(b"=", b"%3D"))


def _is_utf8(name: bytes) -> bool:
    try:
        name.decode()
    except UnicodeDecodeError:
        return False
    return True


def _decimal(nanoseconds: int) -> str:
    sign = "-" if nanoseconds < 0 else ""
    seconds, rest = divmod(abs(nanoseconds), 1_000_000_000)
    return f"{sign}{seconds}.{rest:09d}"


def _runs(member: TarMember) -> list[Extent]:
    """A sparse file's stored runs, widened to whole blocks: GNU tar begins each at a new one.

    A run of no bytes at the file's end tells it how far a hole there reaches.
    """
    runs: list[Extent] = []
    for offset, length in member.extents or ():
        start = offset - offset % tarfile.BLOCKSIZE
        end = min(offset + length + -(offset + length) % tarfile.BLOCKSIZE, member.size)
        if runs and start <= sum(runs[-1]):
            start = runs.pop().offset
        runs.append(Extent(start, end - start))
    return [*runs, Extent(member.size, 0)]


def _filled(
    member: TarMember, runs: list[Extent], content: Iterable[memoryview]
) -> Iterator[memoryview]:
    """Stored content, with zeros where the runs are wider; ends early where `content` does."""
    following = iter(runs)
    start, length = next(following)
    for offset, piece in expand(member, content):
        while offset >= start + length:
            yield from zeros(length)
            start, length = next(following)
        yield from zeros(offset - start)
        yield piece
        length -= offset + len(piece) - start
        start = offset + len(piece)
    yield from zeros(length)


def _sparse_map(runs: list[Extent]) -> bytes:
    """The map that precedes the data in GNU's PAX sparse format 1.0."""
    lines = [len(runs), *(number for run in runs for number in run)]
    text = b"".join(b"%d\n" % number for number in lines)
    return text + bytes(-len(text) % tarfile.BLOCKSIZE)


def _declare_sparse(info: tarfile.TarInfo, member: TarMember) -> None:
    directory, _, name = info.name.rpartition("/")
    info.pax_headers = {
        **info.pax_headers,
        "GNU.sparse.major": "1",
        "GNU.sparse.minor": "0",
        "GNU.sparse.name": info.name,
        "GNU.sparse.realsize": str(member.size),
    }
    info.name = f"{directory}/GNUSparseFile.0/{name}"
