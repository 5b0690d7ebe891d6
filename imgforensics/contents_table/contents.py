"""Reads a layer once more and compares its files' contents with what a table says of them."""

from collections.abc import Iterable, Iterator, Mapping
from hashlib import sha256

from imgforensics.contents_table.claims import Chunk, FileClaim
from imgforensics.contents_table.disagreement import Disagreements
from imgforensics.layer.layer import Layer
from imgforensics.layer.stream import LayerPass
from imgforensics.problems import ProblemCode, ProblemLog
from imgforensics.tarstream.member import TarMember
from imgforensics.tarstream.sparse import logical_content

_HOLES_BYTES = 4 << 30
"""Holes hashed in one layer: they cost nothing to store, and time to hash."""


def compare_contents(
    layer: Layer,
    claims: Mapping[int, FileClaim],
    disagreements: Disagreements,
    log: ProblemLog,
) -> None:
    """Hash each file that a claim is about, in one pass that ends behind the last of them.

    Files of another size than claimed are left out (that is told already), and so is what
    the tar ends before.
    """
    last, holes = max(claims, default=-1), 0
    layer_pass = layer.begin_pass()
    try:
        for position, entry in enumerate(layer_pass):
            if position > last:
                break
            claim, member = claims.get(position), entry.member
            if claim is None or claim.size != member.size:
                continue
            holes += member.size - member.stored_size
            if holes > _HOLES_BYTES:
                _report_holes(log, entry.path)
                continue
            for difference in _differences(claim, member, layer_pass):
                disagreements.report(entry.path, difference)
    finally:
        layer_pass.close()


def _differences(claim: FileClaim, member: TarMember, layer_pass: LayerPass) -> Iterator[str]:
    whole = sha256()
    size = 0

    def told() -> Iterator[memoryview]:
        nonlocal size
        for piece in logical_content(member, layer_pass.content()):
            whole.update(piece)
            size += len(piece)
            yield piece

    pieces = told()
    yield from _chunk_differences(claim.chunks, pieces)
    for _ in pieces:
        pass
    if claim.digest and size == claim.size and whole.digest() != claim.digest:
        yield _difference("content", claim.digest, whole.digest())


def _chunk_differences(chunks: Iterable[Chunk], pieces: Iterator[memoryview]) -> Iterator[str]:
    rest = memoryview(b"")
    for chunk in chunks:
        hasher, is_zero, left = sha256(), True, chunk.size
        while left:
            rest = rest or next(pieces, rest)
            if not rest:
                return
            part, rest = rest[:left], rest[left:]
            left -= len(part)
            hasher.update(part)
            is_zero = is_zero and bytes(part).count(0) == len(part)
        what = f"content from byte {chunk.offset} to {chunk.offset + chunk.size}"
        if chunk.is_hole and not is_zero:
            yield f"{what}: the table has zeros, the tar other bytes"
        if chunk.digest and chunk.digest != hasher.digest():
            yield _difference(what, chunk.digest, hasher.digest())


def _difference(what: str, table: bytes, tar: bytes) -> str:
    return f"{what}: the table has sha256:{table.hex()}, the tar sha256:{tar.hex()}"


def _report_holes(log: ProblemLog, path: bytes) -> None:
    log.report(
        ProblemCode.CONTENTS_TABLE_UNCHECKED,
        f"holes of more than {_HOLES_BYTES} bytes in one layer",
        action="this file was not compared by content",
        path=path,
    )
