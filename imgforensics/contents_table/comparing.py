"""Rows of a table against the entries of the tar: who is there, and with which attributes.

Compared is what each side's tools end up with: of a path that occurs more than once, the last.
"""

from base64 import b64decode
from binascii import Error as Base64Error
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache

from imgforensics.contents_table.claims import ContentClaims
from imgforensics.contents_table.disagreement import Disagreements
from imgforensics.contents_table.document import CHUNK, TableRow
from imgforensics.contents_table.estargz import TABLE_NAME
from imgforensics.contents_table.stored import TableForm
from imgforensics.layer.entry import LayerEntry, normalise_path
from imgforensics.problems import display
from imgforensics.tarstream.member import EntryKind

_KINDS = {
    "reg": EntryKind.FILE,
    "dir": EntryKind.DIRECTORY,
    "symlink": EntryKind.SYMLINK,
    "hardlink": EntryKind.HARD_LINK,
    "char": EntryKind.CHARACTER_DEVICE,
    "block": EntryKind.BLOCK_DEVICE,
    "fifo": EntryKind.FIFO,
}
_DEVICES = (EntryKind.CHARACTER_DEVICE, EntryKind.BLOCK_DEVICE)
_SHOWN = 200
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SECOND = 1_000_000_000

_Difference = tuple[str, object, object]
"""What differs, as the table has it, as the tar has it."""


class Comparison:
    """Compares rows as they are read; holds no more of them than it must."""

    def __init__(
        self,
        entries: Sequence[LayerEntry],
        form: TableForm,
        claims: ContentClaims,
        disagreements: Disagreements,
    ) -> None:
        self._entries = entries
        self._claims = claims
        self._tell = disagreements.report
        self._positions: dict[bytes, int] = {}
        self._repeated: set[bytes] = set()
        self._index(_own_entry(entries, form))
        self._named = bytearray(len(entries))
        self._held: dict[bytes, TableRow] = {}

    def _index(self, own: int | None) -> None:
        """Where each path was last seen, of those that unpacking tools see."""
        for position, entry in enumerate(self._entries):
            if not entry.is_past_end and position != own:
                path = in_json(entry.path)
                if path in self._positions:
                    self._repeated.add(path)
                self._positions[path] = position

    def add(self, row: TableRow) -> None:
        """Take the next row in."""
        if row.type == CHUNK:
            self._claims.add_chunk(row)
            return
        path = normalise_path(row.name.encode())
        position = self._positions.get(path)
        self._claims.begin(row, position, path)
        if position is None:
            kind = _KINDS.get(row.type, EntryKind.UNKNOWN)
            self._tell(path, f"the table has a {kind} of {row.size} bytes, the tar nothing")
            return
        if path in self._repeated:
            self._held[path] = row
        else:
            if self._named[position]:
                self._tell(path, "the table has it more than once, the tar once")
            self._compare(row, self._entries[position])
        self._named[position] = 1

    def finish(self) -> None:
        """Tell, when all rows are there, what the tar has alone."""
        self._claims.end()
        for path, row in self._held.items():
            self._compare(row, self._entries[self._positions[path]])
        for position in self._positions.values():
            if not self._named[position]:
                entry = self._entries[position]
                self._tell(entry.path, f"the table has nothing, the tar a {entry.kind}")

    def _compare(self, row: TableRow, entry: LayerEntry) -> None:
        told = [
            f"{what}: the table has {_told(table)}, the tar {_told(tar)}"
            for what, table, tar in _differences(row, entry)
        ]
        if told:
            self._tell(entry.path, "; ".join(told))


def in_json(name: bytes) -> bytes:
    """A tar's name as Go's encoder writes it: each byte that is not UTF-8 becomes U+FFFD."""
    if name.isascii():
        return name
    text = name.decode("utf-8", "surrogateescape")
    return "".join("\ufffd" if "\udc80" <= c <= "\udcff" else c for c in text).encode()


def _own_entry(entries: Sequence[LayerEntry], form: TableForm) -> int | None:
    """Where eStargz's table stands among the entries; it does not name itself."""
    if form is not TableForm.ZSTD_CHUNKED:
        for position in range(len(entries) - 1, -1, -1):
            if entries[position].path == TABLE_NAME:
                return position
    return None


def _differences(row: TableRow, entry: LayerEntry) -> Iterator[_Difference]:
    if in_json(entry.path) != entry.path:
        yield "name", row.name, entry.path
    if _KINDS.get(row.type) is entry.kind:
        yield from _attribute_differences(row, entry)
        yield from _particular_differences(row, entry)
    else:
        yield "type", row.type, entry.kind


def _attribute_differences(row: TableRow, entry: LayerEntry) -> Iterator[_Difference]:
    if row.mode & 0o7777 != entry.mode:
        yield "mode", f"{row.mode & 0o7777:04o}", f"{entry.mode:04o}"
    if (row.uid, row.gid) != (entry.uid, entry.gid):
        yield "owner", f"{row.uid}:{row.gid}", f"{entry.uid}:{entry.gid}"
    if not _is_same_time(row.mtime, entry.mtime_ns):
        yield "mtime", row.mtime, _time_text(entry.mtime_ns)
    if row.xattrs or entry.xattrs:
        yield from _xattr_differences(row.xattrs, entry.xattrs)


def _particular_differences(row: TableRow, entry: LayerEntry) -> Iterator[_Difference]:
    """Compare what only files, links or devices have."""
    kind = entry.kind
    if kind is EntryKind.FILE and row.size != entry.size:
        yield "size", row.size, entry.size
    if not _is_same_link(row, entry):
        yield "link", row.link_name, entry.link_name
    if kind in _DEVICES and row.device != entry.device:
        yield "device", _numbers(row.device), _numbers(entry.device)


def _numbers(device: tuple[int, int]) -> str:
    return "{},{}".format(*device)


def _is_same_link(row: TableRow, entry: LayerEntry) -> bool:
    if entry.kind is EntryKind.SYMLINK:
        return row.link_name.encode() == in_json(entry.link_name)
    if entry.kind is EntryKind.HARD_LINK:
        target = normalise_path(in_json(entry.link_name))
        return normalise_path(row.link_name.encode()) == target
    return True


def _is_same_time(text: str, mtime_ns: int) -> bool:
    """Whether a row's time is the tar's; eStargz rounds to seconds, so less is no difference."""
    found = _nanoseconds(text)
    return found is not None and abs(found - mtime_ns) < _SECOND


@lru_cache(maxsize=4_096)
def _nanoseconds(text: str) -> int | None:
    """Read RFC 3339; None where it is none. Nothing and Go's zero time (year 1) are 1970's."""
    if not text:
        return 0
    try:
        moment = datetime.fromisoformat(text)
        if moment.year == 1:
            return 0
        since = moment - _EPOCH
    except (ValueError, TypeError):
        return None
    return (since.days * 86_400 + since.seconds) * _SECOND + since.microseconds * 1_000


def _time_text(mtime_ns: int) -> str:
    try:
        return f"{datetime.fromtimestamp(mtime_ns // _SECOND, UTC):%Y-%m-%dT%H:%M:%SZ}"
    except (ValueError, OverflowError, OSError):
        return f"@{mtime_ns // _SECOND}"


def _xattr_differences(
    table: Mapping[str, str], tar: Mapping[bytes, bytes]
) -> Iterator[_Difference]:
    """Compare xattrs but for empty ones, which Go drops when it reads PAX records."""
    ours = {in_json(name): value for name, value in tar.items() if value}
    theirs = {name.encode(): text for name, text in table.items() if text}
    for name in sorted(ours.keys() | theirs.keys()):
        text, value = theirs.get(name), ours.get(name)
        if text is None:
            yield f"xattr {display(name[:_SHOWN])}", "none", value
        elif _decoded(text) != value:
            yield f"xattr {display(name[:_SHOWN])}", text, "none" if value is None else value


def _decoded(text: str) -> bytes | None:
    try:
        return b64decode(text, validate=True)
    except (Base64Error, ValueError):
        return None


def _told(value: object) -> str:
    text = display(value[:_SHOWN]) if isinstance(value, bytes) else str(value)
    return display(text[:_SHOWN].encode()) if text else "nothing"
