"""Extension headers: what they say of the member behind them, and of all that follow."""

from dataclasses import dataclass, field

from imgforensics.errors import LimitExceededError
from imgforensics.limits import Limits
from imgforensics.problems import ProblemCode, ProblemLog, display
from imgforensics.tarstream.header import BLOCK, Header, text
from imgforensics.tarstream.member import RECORD_BYTES
from imgforensics.tarstream.pax import (
    MAXIMUM_GLOBAL_RECORDS,
    MEMBER_KEYS,
    InvalidRecordError,
    Records,
    records,
)
from imgforensics.tarstream.window import Window

EXTENSION_FLAGS = frozenset((b"x", b"X", b"g", b"L", b"K"))
"""PAX, PAX as Solaris wrote it before the standard, global PAX, GNU long name, GNU long link."""

_SHOWN = 200


@dataclass(slots=True)
class Preamble:
    """What the extension headers ahead of one member say."""

    offset: int
    """Of the first of them; of the member's own header if there is none."""
    records: Records = field(default_factory=Records)
    long_name: bytes = b""
    long_link: bytes = b""
    headers: int = 0
    """All that were met, global ones left out."""
    pax_headers: int = 0
    spent: int = 0
    """Bytes of all payloads, global ones included."""


class ExtensionReader:
    """Reads extension headers; keeps the global records in force."""

    def __init__(self, window: Window, log: ProblemLog, limits: Limits) -> None:
        self._window = window
        self._log = log
        self._limits = limits
        self._global_records = Records()
        self.has_global_records = False

    def in_force(self, preamble: Preamble) -> Records:
        """Join the global records and the member's own."""
        return self._global_records.for_member(preamble.records)

    def absorb(self, header: Header, preamble: Preamble) -> int:
        """Read the extension header at the position, payload and all.

        Returns how many bytes of the payload the archive lacks. Raises LimitExceededError
        (`pax_bytes`) before anything is read.
        """
        window = self._window
        offset = window.offset
        payload = self._payload(header, preamble)
        if header.type_flag == b"g":
            self._overlay(self._parse(payload, offset, Records()), offset)
            if not preamble.headers:
                preamble.offset = window.offset
            return header.size - len(payload)
        preamble.headers += 1
        if header.type_flag == b"L":
            preamble.long_name = self._long_text(payload, offset, "name", preamble.long_name)
        elif header.type_flag == b"K":
            preamble.long_link = self._long_text(payload, offset, "link target", preamble.long_link)
        else:
            self._parse(payload, offset, preamble.records)
            preamble.pax_headers += 1
            if preamble.pax_headers == 2:
                self._report_second(offset)
        return header.size - len(payload)

    def _report_second(self, offset: int) -> None:
        self._log.report(
            ProblemCode.TAR_MEMBER_AMBIGUOUS,
            "a second PAX header precedes one member",
            action="their records add up, as in GNU tar; tools written in Go take the last alone",
            offset=offset,
        )

    def _long_text(self, payload: bytes, offset: int, what: str, earlier: bytes) -> bytes:
        found = text(payload)
        if earlier and found != earlier:
            self._log.report(
                ProblemCode.TAR_MEMBER_AMBIGUOUS,
                f"a second GNU long {what} precedes one member",
                action="the later one counts, as for GNU tar and tools written in Go",
                offset=offset,
            )
        if not found:
            self._log.report(
                ProblemCode.TAR_MEMBER_AMBIGUOUS,
                f"a GNU long {what} is empty",
                action="left out, as tools written in Go do",
                offset=offset,
            )
        return found

    def _payload(self, header: Header, preamble: Preamble) -> bytes:
        limit = self._limits.pax_bytes
        preamble.spent += header.size
        if preamble.spent > limit:
            detail = f"extension headers of {preamble.spent} bytes"
            raise LimitExceededError("pax_bytes", limit, detail)
        window = self._window
        start = window.position + BLOCK
        end = start + header.size
        if (following := end + -header.size % BLOCK) <= window.length:
            window.position = following
            return window.chunk[start:end]
        window.position = start
        payload = window.take(header.size)
        window.skip(-header.size % BLOCK)
        return payload

    def _parse(self, payload: bytes, offset: int, into: Records) -> Records:
        try:
            for count, (key, value) in enumerate(records(payload)):
                if count * RECORD_BYTES > self._limits.pax_bytes:
                    detail = f"an extension header of over {count} records"
                    raise LimitExceededError("pax_bytes", self._limits.pax_bytes, detail)
                try:
                    into.add(key, value)
                except InvalidRecordError as error:
                    self._report(str(error), offset)
        except InvalidRecordError as error:
            self._report(f"{error}, where reading this header ended", offset)
        return into

    def _report(self, detail: str, offset: int) -> None:
        self._log.report(ProblemCode.PAX_RECORD_INVALID, detail, action="left out", offset=offset)

    def _overlay(self, later: Records, offset: int) -> None:
        """Put a global header's records in force, as long as all of them stay few and small."""
        joined = self._global_records.overlaid(later)
        count = len(joined.values) + len(joined.xattrs)
        if joined.weight() > self._limits.pax_bytes:
            detail = f"global PAX records of {joined.weight()} bytes"
            raise LimitExceededError("pax_bytes", self._limits.pax_bytes, detail)
        if count > MAXIMUM_GLOBAL_RECORDS:
            self._report(f"{count} global records would be in force: too many", offset)
            return
        self._global_records = joined
        self.has_global_records = count > 0
        named = sorted(MEMBER_KEYS & later.values.keys()) + sorted(later.xattrs)
        if named:
            self._log.report(
                ProblemCode.TAR_MEMBER_AMBIGUOUS,
                f"a global PAX header sets {display(b', '.join(named)[:_SHOWN])} for what follows",
                action="applied, as POSIX says; tools written in Go leave it out",
                offset=offset,
            )
