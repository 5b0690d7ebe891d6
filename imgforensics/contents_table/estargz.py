"""eStargz: the table is the layer's last tar entry, found through the blob's last bytes.

Source: https://github.com/containerd/stargz-snapshotter/blob/main/docs/estargz.md
"""

import re
from typing import BinaryIO

from imgforensics.compression import Compression
from imgforensics.contents_table.document import DamagedTableError
from imgforensics.contents_table.stored import StoredTable, TableForm, Tally, inflate, read_range
from imgforensics.limits import Limits
from imgforensics.problems import ProblemLog
from imgforensics.tarstream.reader import TarReader

TABLE_NAME = b"stargz.index.json"

_FOOTER_BYTES = 51
_LEGACY_FOOTER_BYTES = 47
# A gzip header with an extra field, the field, an empty deflate stream and its trailer.
_FOOTER = re.compile(rb"\x1f\x8b\x08\x04.{6}\x1a\0SG\x16\0([0-9a-fA-F]{16})STARGZ.{13}", re.DOTALL)
_LEGACY_FOOTER = re.compile(rb"\x1f\x8b\x08\x04.{6}\x16\0([0-9a-fA-F]{16})STARGZ.{13}", re.DOTALL)


def find_estargz(file: BinaryIO, size: int, limits: Limits) -> StoredTable | None:
    """The table of a gzip blob; None where the blob does not end in a footer.

    Raises DamagedTableError.
    """
    file.seek(max(0, size - _FOOTER_BYTES))
    tail = file.read(_FOOTER_BYTES)
    footer, form, length = _FOOTER.fullmatch(tail), TableForm.ESTARGZ, _FOOTER_BYTES
    if footer is None:
        footer = _LEGACY_FOOTER.fullmatch(tail[-_LEGACY_FOOTER_BYTES:])
        form, length = TableForm.STARGZ, _LEGACY_FOOTER_BYTES
    if footer is None:
        return None
    start, end = int(footer[1], 16), size - length
    if start >= end:
        raise DamagedTableError(
            f"its footer places it at byte {start}, and the blob has {end} before the footer"
        )
    json_tally = Tally()
    reader = TarReader(
        inflate(read_range(file, start, end - start), Compression.GZIP, "the table", limits),
        ProblemLog(),
        limits,
    )
    member = next(iter(reader), None)
    if member is None or member.name != TABLE_NAME:
        raise DamagedTableError(
            f"no {TABLE_NAME.decode()} begins at byte {start}, as its footer says"
        )
    return StoredTable(
        form=form,
        data_end=start,
        json=json_tally.over(reader.content()),
        json_tally=json_tally,
    )
