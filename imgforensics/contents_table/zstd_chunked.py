"""zstd:chunked: table and tar-split are skippable frames, found through annotations or a footer.

Sources: https://github.com/containers/storage/blob/main/pkg/chunked/internal/minimal/compression.go,
and https://github.com/containerd/stargz-snapshotter/tree/main/estargz/zstdchunked for a reader
that goes by the footer.
"""

import re
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import BinaryIO

from imgforensics.compression import Compression
from imgforensics.compression.zstd import is_skippable
from imgforensics.contents_table.document import DamagedTableError
from imgforensics.contents_table.stored import StoredTable, TableForm, Tally, inflate, read_range
from imgforensics.limits import Limits

# Until 2022 the keys had no `github`.
_PREFIXES = ("io.github.containers.zstd-chunked.", "io.containers.zstd-chunked.")
_FRAME_HEADER_BYTES = 8
_FOOTER_BYTES = 64
_OLD_FOOTER_BYTES = 40
# The magic of the format; the first releases wrote another second letter.
_MAGICS = (b"GNUlInUx", b"GnUlInUx")
_NUMBER = re.compile("[0-9]{1,20}")
_JSON = 1
"""The one type of table there is."""


@dataclass(frozen=True, slots=True)
class Position:
    """Where table and tar-split are, as a footer or the annotations have it."""

    offset: int
    length: int
    json_size: int
    table_type: int
    tar_split: tuple[int, int] | None = None

    @property
    def table(self) -> str:
        """The table's part, as annotations write it."""
        return f"{self.offset}:{self.length}:{self.json_size}:{self.table_type}"


def annotation(annotations: Mapping[str, str], key: str) -> str | None:
    """An annotation of zstd:chunked, by the part of its key that did not change."""
    found = (annotations.get(prefix + key) for prefix in _PREFIXES)
    return next((text for text in found if text is not None), None)


def declared_position(annotations: Mapping[str, str]) -> Position | None:
    """What the manifest says; raises DamagedTableError."""
    text = annotation(annotations, "manifest-position")
    if text is None:
        return None
    numbers = _numbers(text, 4)
    split = annotation(annotations, "tarsplit-position")
    parts = () if split is None else _numbers(split, 3)
    return Position(numbers[0], numbers[1], numbers[2], numbers[3], _place(parts))


def footer_position(file: BinaryIO, size: int) -> Position | None:
    """What the blob's last frame says; None where it is no footer."""
    for length in (_FOOTER_BYTES, _OLD_FOOTER_BYTES):
        frame = b"".join(read_range(file, max(0, size - length - _FRAME_HEADER_BYTES), size))
        header, footer = frame[:_FRAME_HEADER_BYTES], frame[_FRAME_HEADER_BYTES:]
        if _is_frame_of(header, len(footer)) and footer[-8:] in _MAGICS:
            return _unpacked(footer[:-8])
    return None


def _unpacked(footer: bytes) -> Position:
    offset, length, json_size, table_type, *others = struct.unpack(f"<{len(footer) // 8}Q", footer)
    return Position(offset, length, json_size, table_type, _place(others))


def stored_table(file: BinaryIO, size: int, position: Position, limits: Limits) -> StoredTable:
    """The table at a position; raises DamagedTableError."""
    offset, length = position.offset, position.length
    if position.table_type != _JSON:
        raise DamagedTableError(f"it is of type {position.table_type}, and only {_JSON} is known")
    check_frame(file, size, (offset, length), "the table")
    json_tally, frame_tally = Tally(), Tally()
    frame = frame_tally.over(read_range(file, offset, length))
    return StoredTable(
        form=TableForm.ZSTD_CHUNKED,
        data_end=offset - _FRAME_HEADER_BYTES,
        json=json_tally.over(inflate(frame, Compression.ZSTD, "the table", limits)),
        json_tally=json_tally,
        json_size=position.json_size,
        frame_tally=frame_tally,
        tar_split=position.tar_split,
    )


def check_frame(file: BinaryIO, size: int, place: tuple[int, int], what: str) -> None:
    """Raise DamagedTableError unless a skippable frame holds just these bytes."""
    offset, length = place
    if offset < _FRAME_HEADER_BYTES or offset + length > size:
        raise DamagedTableError(f"{what} is said to be at {offset}+{length} of {size} bytes")
    header = b"".join(read_range(file, offset - _FRAME_HEADER_BYTES, _FRAME_HEADER_BYTES))
    if not _is_frame_of(header, length):
        raise DamagedTableError(f"no skippable frame of {length} bytes begins {what} at {offset}")


def _is_frame_of(header: bytes, length: int) -> bool:
    return is_skippable(header[:4]) and int.from_bytes(header[4:], "little") == length


def _numbers(text: str, count: int) -> tuple[int, ...]:
    parts = text.split(":")
    if len(parts) != count or not all(_NUMBER.fullmatch(part) for part in parts):
        raise DamagedTableError(f"its annotated position is {text[:80]!r}")
    return tuple(map(int, parts))


def _place(numbers: Sequence[int]) -> tuple[int, int] | None:
    """Offset and length; where nothing is, writers give offset 0, or no numbers."""
    return (numbers[0], numbers[1]) if numbers and numbers[0] else None
