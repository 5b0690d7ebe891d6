"""Archives as bytes, built field by field, sharing nothing with the reader."""

from struct import pack

BLOCK = 512
END = bytes(2 * BLOCK)
USTAR = b"ustar\x0000"
GNU = b"ustar  \0"
V7 = bytes(8)


def octal(value: int, width: int) -> bytes:
    return b"%0*o\0" % (width - 1, value)


def base_256(value: int, width: int) -> bytes:
    """GNU tar's binary numbers: 0x80 ahead of a positive one, 0xff ahead of a negative one."""
    if value >= 0:
        return b"\x80" + value.to_bytes(width - 1, "big")
    return b"\xff" + value.to_bytes(width - 1, "big", signed=True)


def header(
    name: bytes = b"file",
    *,
    size: int | bytes = 0,
    type_flag: bytes = b"0",
    mode: int | bytes = 0o644,
    uid: int | bytes = 0,
    gid: int | bytes = 0,
    mtime: int | bytes = 0,
    link_name: bytes = b"",
    magic: bytes = USTAR,
    user: bytes = b"",
    group: bytes = b"",
    device: tuple[int | bytes, int | bytes] = (0, 0),
    rest: bytes = b"",
    signed: bool = False,
    checksum: bytes | None = None,
) -> bytes:
    """One header block; `rest` is what follows the device numbers (a prefix, a sparse map)."""
    fields = [
        name.ljust(100, b"\0"),
        *(_number(value, 8) for value in (mode, uid, gid)),
        *(_number(value, 12) for value in (size, mtime)),
        b" " * 8,
        type_flag,
        link_name.ljust(100, b"\0"),
        magic,
        user.ljust(32, b"\0"),
        group.ljust(32, b"\0"),
        *(_number(value, 8) for value in device),
        rest.ljust(167, b"\0"),
    ]
    block = b"".join(fields)
    assert len(block) == BLOCK
    total = sum(block) - (256 * sum(byte > 127 for byte in block) if signed else 0)
    return block[:148] + (checksum or b"%06o\0 " % total) + block[156:]


def _number(value: int | bytes, width: int) -> bytes:
    return value if isinstance(value, bytes) else octal(value, width)


def padded(content: bytes) -> bytes:
    return content + bytes(-len(content) % BLOCK)


def file(name: bytes = b"file", content: bytes = b"", **fields: int | bytes) -> bytes:
    return header(name, size=len(content), **fields) + padded(content)  # type: ignore[arg-type]


def record(key: bytes, value: bytes) -> bytes:
    """One PAX record, whose length counts its own digits."""
    body = b" " + key + b"=" + value + b"\n"
    length = len(body)
    while len(b"%d" % length) + len(body) != length:
        length = len(b"%d" % length) + len(body)
    return b"%d" % length + body


def pax(*records: tuple[bytes, bytes], type_flag: bytes = b"x") -> bytes:
    return raw_pax(b"".join(record(key, value) for key, value in records), type_flag)


def raw_pax(payload: bytes, type_flag: bytes = b"x") -> bytes:
    return file(b"PaxHeader", payload, type_flag=type_flag)


def long_name(name: bytes, type_flag: bytes = b"L") -> bytes:
    return file(b"././@LongLink", name + b"\0", type_flag=type_flag, magic=GNU)


def old_sparse_header(
    name: bytes, runs: list[tuple[int, int]], size: int | bytes, stored: int
) -> bytes:
    """A header of type S with its map, and the extension blocks behind it."""
    entries = [octal(offset, 12) + octal(length, 12) for offset, length in runs]
    here, more = entries[:4], entries[4:]
    rest = bytes(41) + b"".join(here).ljust(96, b"\0") + pack("B", bool(more)) + _number(size, 12)
    blocks = [header(name, size=stored, type_flag=b"S", magic=GNU, rest=rest)]
    while more:
        here, more = more[:21], more[21:]
        blocks.append(
            (b"".join(here).ljust(504, b"\0") + pack("B", bool(more))).ljust(BLOCK, b"\0")
        )
    return b"".join(blocks)
