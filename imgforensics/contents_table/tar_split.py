"""The tar-split of a zstd:chunked layer: what the tar is put together from again.

One JSON object a line: type 2 is a segment of the tar itself (headers, padding) in base64,
type 1 stands for the content of a file. containers/storage writes files by the table and
exports the layer by the tar-split.

Source: https://github.com/vbatts/tar-split/blob/main/tar/storage/entry.go
"""

from base64 import b64decode
from binascii import Error as Base64Error
from collections.abc import Iterable, Iterator
from typing import BinaryIO

from imgforensics.compression import READ_SIZE
from imgforensics.contents_table.document import DamagedTableError
from imgforensics.errors import DamagedDocumentError, LimitExceededError
from imgforensics.limits import Limits
from imgforensics.oci.json_document import JsonValue, parse_json

_FILE, _SEGMENT = 1, 2


def first_difference(pieces: Iterable[bytes], tar: BinaryIO, limits: Limits) -> int | None:
    """The offset in the tar from which the tar-split says otherwise; None where it never does.

    Raises DamagedTableError for what is no tar-split, LimitExceededError, and what reading
    the tar raises.
    """
    offset = 0
    for line in _lines(pieces, limits):
        try:
            step = parse_json(line, "the tar-split", limits).required_object()
            length, segment = _step(step)
        except DamagedDocumentError as error:
            raise DamagedTableError(str(error)) from None
        while length:
            found = tar.read(min(length, READ_SIZE))
            if not found or (segment is not None and segment[: len(found)] != found):
                return offset
            segment = None if segment is None else segment[len(found) :]
            length -= len(found)
            offset += len(found)
    return offset if tar.read(1) else None


def _step(step: JsonValue) -> tuple[int, memoryview | None]:
    """How many bytes of the tar a line is about, and which ones, if it says."""
    kind = step.member("type").value
    if kind == _FILE:
        size = step.member("size")
        return (0 if size.value is None else size.required_size()), None
    if kind != _SEGMENT:
        raise step.damaged(f"a step of type {str(kind)[:40]}")
    try:
        segment = b64decode(step.member("payload").text() or "", validate=True)
    except (Base64Error, ValueError) as error:
        raise step.damaged(f"a segment is no base64 ({error})") from None
    return len(segment), memoryview(segment)


def _lines(pieces: Iterable[bytes], limits: Limits) -> Iterator[bytes]:
    waiting: list[bytes] = []
    size = 0
    for piece in pieces:
        first, *others = piece.split(b"\n")
        waiting.append(first)
        size += len(first)
        if size > limits.document_bytes:
            raise LimitExceededError("document_bytes", limits.document_bytes, "a tar-split's line")
        for other in others:
            line = b"".join(waiting)
            if line:
                yield line
            waiting, size = [other], len(other)
    if last := b"".join(waiting):
        yield last
