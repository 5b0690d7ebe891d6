"""Gives mutated tar headers their checksums back, so that what stands in them is read."""

BLOCK = 512
_CHECKSUM = slice(148, 156)


def with_checksums(archive: bytes) -> bytes:
    """`archive` with the right checksum in each block that has the magic of ustar or GNU tar."""
    repaired = bytearray(archive)
    for start in range(0, len(archive) - BLOCK + 1, BLOCK):
        block = archive[start : start + BLOCK]
        if block[257:262] == b"ustar":
            repaired[start : start + BLOCK] = with_checksum(block)
    return bytes(repaired)


def with_checksum(block: bytes) -> bytes:
    """One header block with the checksum that it should have."""
    total = sum(block) - sum(block[_CHECKSUM]) + 8 * 0x20
    return block[: _CHECKSUM.start] + b"%06o\0 " % total + block[_CHECKSUM.stop :]
