"""What stands between members and behind the last one: zeros, damage, other data."""

from collections.abc import Callable
from dataclasses import dataclass

from imgforensics.problems import ProblemCode, ProblemLog
from imgforensics.tarstream.header import BLOCK, ZERO_BLOCK, Header, explain, has_magic
from imgforensics.tarstream.window import Window

_END_MARKER_BLOCKS = 2


@dataclass(frozen=True, slots=True)
class _Damage:
    """Where blocks begin that are no headers, why, and how many zero blocks stand before."""

    offset: int
    reason: str
    zero_blocks: int


class GapReader:
    """Passes over gaps to the next header, and says what they were."""

    def __init__(
        self, window: Window, log: ProblemLog, decode: Callable[[bytes, int], Header | None]
    ) -> None:
        self._window = window
        self._log = log
        self._decode = decode
        self._end_blocks = 0
        self.end_is_told = False
        """How the archive ends has been reported, or shall not be."""
        self.is_past_end = False
        """An end-of-archive marker has been passed."""

    def find_header(self) -> Header | None:
        """Pass over zeros and damage to the next header; None at the end of the input.

        The position is then before the header. Behind damage only a header with the magic of
        ustar or GNU tar counts: in a file's content, a block that passes for a v7 header is
        likelier.
        """
        window = self._window
        begin = window.offset
        zero_blocks = 0
        damage: _Damage | None = None
        header = None
        while header is None and window.need(BLOCK):
            block = window.chunk[window.position : window.position + BLOCK]
            if block == ZERO_BLOCK:
                zero_blocks += window.pass_zeros(BLOCK)
                continue
            if damage is None or has_magic(block):
                header = self._decode(block, 0)
            if header is None:
                damage = damage or _Damage(window.offset, explain(block), zero_blocks)
                zero_blocks = 0
                window.position += BLOCK
        found = header is not None
        if damage is not None:
            self._report_damage(damage, zero_blocks, found)
        end_blocks = zero_blocks if damage is None else damage.zero_blocks
        if found and end_blocks:
            self._report_restart(begin, end_blocks)
        self._end_blocks = 0 if found else zero_blocks
        return header

    def _report_damage(self, damage: _Damage, zero_blocks: int, found: bool) -> None:
        window = self._window
        end = window.offset
        destination = f"the next header, at offset {end}"
        if not found:
            self.end_is_told = not zero_blocks
            end -= zero_blocks * BLOCK
            if not zero_blocks:
                end += window.length - window.position
            destination = "the end; no header follows"
        code, detail = ProblemCode.TAR_HEADER_DAMAGED, damage.reason
        if damage.zero_blocks:
            code, detail = ProblemCode.TAR_TRAILING_DATA, "no member begins here"
        self._log.report(
            code,
            detail,
            action=f"skipped {end - damage.offset} bytes to {destination}",
            offset=damage.offset,
        )

    def _report_restart(self, begin: int, end_blocks: int) -> None:
        self.is_past_end = True
        mark = "a lone zero block" if end_blocks == 1 else f"{end_blocks} zero blocks"
        self._log.report(
            ProblemCode.TAR_CONCATENATED,
            f"a member follows {mark} at offset {begin}",
            action="reading went on",
            offset=self._window.offset,
        )

    def report_cut(self, missing: int, where: str, name: bytes | None = None) -> None:
        """Say that the archive ends inside something."""
        self.end_is_told = True
        self._log.report(
            ProblemCode.TAR_TRUNCATED,
            f"the archive ends inside {where}: {missing} bytes are missing",
            action="what there is was read",
            offset=self._window.offset,
            path=name,
        )

    def finish(self) -> None:
        """Say how the archive ends, once less than a block of it is left, and pass over that."""
        window = self._window
        rest = window.chunk[window.position : window.length]
        offset = window.offset
        window.drain()
        if self.end_is_told:
            return
        if not rest.strip(b"\0"):
            self._report_end(offset + len(rest))
        elif self._end_blocks:
            self._log.report(
                ProblemCode.TAR_TRAILING_DATA,
                "no member begins here",
                action=f"skipped {len(rest)} bytes to the end",
                offset=offset,
            )
        else:
            self.report_cut(BLOCK - len(rest), "a header")

    def _report_end(self, offset: int) -> None:
        found = self._end_blocks
        if found < _END_MARKER_BLOCKS:
            self._log.report(
                ProblemCode.TAR_END_MISSING,
                "the input is empty" if not offset else f"{found} of two zero blocks are there",
                action="all members were read",
                offset=offset,
            )
