"""One member out of all that is said of it: header, long names, PAX records, sparse map."""

from collections.abc import Callable, Mapping

from imgforensics.errors import LimitExceededError
from imgforensics.frozen import FrozenMapping
from imgforensics.limits import Limits
from imgforensics.problems import ProblemCode, ProblemLog, display
from imgforensics.tarstream import sparse
from imgforensics.tarstream.extensions import Preamble
from imgforensics.tarstream.header import BLOCK, Header
from imgforensics.tarstream.member import NOTHING, EntryKind, Extent, TarMember
from imgforensics.tarstream.pax import Records, nanoseconds
from imgforensics.tarstream.window import Window

NO_DEVICE = (0, 0)

_LONGEST_PLAIN_NAME = 256
_SHOWN = 200
_KINDS = {
    b"\0": EntryKind.FILE,
    b"0": EntryKind.FILE,
    b"1": EntryKind.HARD_LINK,
    b"2": EntryKind.SYMLINK,
    b"3": EntryKind.CHARACTER_DEVICE,
    b"4": EntryKind.BLOCK_DEVICE,
    b"5": EntryKind.DIRECTORY,
    b"6": EntryKind.FIFO,
    b"7": EntryKind.FILE,
    b"D": EntryKind.DIRECTORY,
    b"S": EntryKind.FILE,
}
_FILES = frozenset((b"\0", b"0", b"7"))
_LINKS = frozenset((EntryKind.HARD_LINK, EntryKind.SYMLINK))
_DEVICES = frozenset((EntryKind.CHARACTER_DEVICE, EntryKind.BLOCK_DEVICE))
# A dumpdir ("D") is a directory, and its listing is its content.
_WITHOUT_CONTENT = frozenset((b"1", b"2", b"3", b"4", b"5", b"6"))

_Values = Mapping[bytes, bytes]


class MemberJoiner:
    """Joins members; reads on through sparse maps to where content begins."""

    def __init__(
        self,
        window: Window,
        log: ProblemLog,
        limits: Limits,
        decode: Callable[[bytes, int], Header | None],
    ) -> None:
        self._window = window
        self._log = log
        self._limits = limits
        self._decode = decode
        self._stored = 0
        self._records = Records()
        self._xattrs = self._pax = NOTHING

    def member(
        self, ordinal: int, header: Header, preamble: Preamble, in_force: Records
    ) -> TarMember:
        """Join the member whose header is at the position; move to its content.

        Raises LimitExceededError (`name_bytes`, `sparse_extents`).
        """
        window = self._window
        block = window.take(BLOCK)
        values = in_force.values
        name = self._name(header, preamble, in_force)
        kind = _kind(header.type_flag, name)
        link_name = self._link_name(header, preamble, values) if kind in _LINKS else b""
        self._stored = int(values.get(b"size", header.size))
        if header.flaw:
            self._report_flaw(header.flaw, preamble.offset, name)
        if self._stored and _is_without_content(header.type_flag, kind):
            self._settle_content(preamble.offset, name)
        size, extents = self._layout(block, in_force, name) if kind is EntryKind.FILE else (0, None)
        mtime = values.get(b"mtime")
        if in_force is not self._records:
            self._freeze(in_force)
        return TarMember(
            ordinal,
            name,
            kind,
            header.mode,
            int(values.get(b"uid", header.uid)),
            int(values.get(b"gid", header.gid)),
            size,
            header.mtime_ns if mtime is None else nanoseconds(mtime),
            link_name,
            preamble.offset,
            window.offset,
            self._stored,
            values.get(b"uname", header.user_name),
            values.get(b"gname", header.group_name),
            _device(header, values) if kind in _DEVICES else NO_DEVICE,
            self._xattrs,
            self._pax,
            extents,
            header.type_flag,
        )

    def _freeze(self, records: Records) -> None:
        """Hold what they say as it stays; members that share records share that."""
        self._records = records
        self._xattrs = FrozenMapping(records.xattrs) if records.xattrs else NOTHING
        self._pax = FrozenMapping(records.values) if records.values else NOTHING

    def _name(self, header: Header, preamble: Preamble, in_force: Records) -> bytes:
        path, long_name = in_force.values.get(b"path") or b"", preamble.long_name
        name = long_name or path or header.name
        if path and long_name and path != long_name:
            self._report_ambiguity(
                f"its PAX path is {display(path[:_SHOWN])}, its GNU long name another",
                "the GNU long name was taken, as tools written in Go do",
                preamble.offset,
                long_name,
            )
        sparse_name = in_force.values.get(b"GNU.sparse.name")
        if sparse_name:
            name = self._sparse_name(sparse_name, name, header, preamble, in_force)
        return self._bounded(name)

    def _sparse_name(
        self, sparse_name: bytes, name: bytes, header: Header, preamble: Preamble, in_force: Records
    ) -> bytes:
        """What it is called that has a name which only sparse files have: their real one."""
        if header.type_flag in _FILES and sparse.is_sparse(in_force):
            return sparse_name
        if sparse_name != name:
            self._report_ambiguity(
                f"no sparse file, yet named {display(sparse_name[:_SHOWN])} as if it were one",
                "left out, as tools written in Go do; GNU tar takes it",
                preamble.offset,
                name,
            )
        return name

    def _link_name(self, header: Header, preamble: Preamble, values: _Values) -> bytes:
        return self._bounded(preamble.long_link or values.get(b"linkpath") or header.link_name)

    def _bounded(self, name: bytes) -> bytes:
        limit = self._limits.name_bytes
        if len(name) > max(limit, _LONGEST_PLAIN_NAME):
            raise LimitExceededError("name_bytes", limit, f"a name of {len(name)} bytes")
        return name

    def _settle_content(self, offset: int, name: bytes) -> None:
        """Decide whether content follows a member that gives a size, though of a kind without."""
        window = self._window
        whole = window.need(BLOCK)
        block = window.chunk[window.position : window.position + BLOCK]
        if not block.strip(b"\0") or (whole and self._decode(block, 0) is not None):
            self._stored = 0
            return
        self._report_ambiguity(
            f"of a kind without content, yet {self._stored} bytes of it follow",
            "they were taken as its content; tools written in Go expect a header there",
            offset,
            name,
        )

    def _layout(
        self, header: bytes, in_force: Records, name: bytes
    ) -> tuple[int, tuple[Extent, ...] | None]:
        """Settle a file's logical size and, if it is sparse and its map sound, its extents."""
        is_old = header[156:157] == b"S"
        offset = self._window.offset
        if not is_old and not sparse.is_sparse(in_force):
            if sparse.has_stray_records(in_force):
                self._report_ambiguity(
                    "records of a sparse file without its map",
                    "the content is given as it is stored, without holes",
                    offset,
                    name,
                )
            return self._stored, None
        try:
            if is_old:
                size, numbers = sparse.read_old_map(header, self._next_block, self._limits)
            else:
                size, numbers = sparse.read_pax_map(in_force, self._content_block, self._limits)
                if sparse.is_half_versioned(in_force):
                    self._report_ambiguity(
                        "a sparse file whose version has one half only",
                        "the other was taken as 0, as in GNU tar; tools written in Go give the "
                        "content as it is stored",
                        offset,
                        name,
                    )
            return size, sparse.extents_within(numbers, size, self._stored)
        except sparse.SparseMapError as error:
            self._log.report(
                ProblemCode.SPARSE_MAP_INVALID,
                str(error),
                action="the content is given as it is stored, without holes",
                offset=offset,
                path=name,
            )
            return self._stored, None

    def _next_block(self) -> bytes:
        return self._window.take(BLOCK)

    def _content_block(self) -> bytes:
        block = self._window.take(min(BLOCK, self._stored))
        self._stored -= len(block)
        return block

    def _report_ambiguity(self, detail: str, action: str, offset: int, name: bytes) -> None:
        self._log.report(
            ProblemCode.TAR_MEMBER_AMBIGUOUS, detail, action=action, offset=offset, path=name
        )

    def _report_flaw(self, flaw: str, offset: int, name: bytes) -> None:
        self._log.report(
            ProblemCode.TAR_HEADER_DAMAGED,
            flaw,
            action="taken as 0; the member is listed",
            offset=offset,
            path=name,
        )


def _kind(type_flag: bytes, name: bytes) -> EntryKind:
    """Read a type flag; before ustar, a directory was a file whose name ends in a slash."""
    if type_flag == b"\0" and name.endswith(b"/"):
        return EntryKind.DIRECTORY
    return _KINDS.get(type_flag, EntryKind.UNKNOWN)


def _is_without_content(type_flag: bytes, kind: EntryKind) -> bool:
    return type_flag in _WITHOUT_CONTENT or (type_flag == b"\0" and kind is EntryKind.DIRECTORY)


def _device(header: Header, values: _Values) -> tuple[int, int]:
    major, minor = header.device
    return int(values.get(b"SCHILY.devmajor", major)), int(values.get(b"SCHILY.devminor", minor))
