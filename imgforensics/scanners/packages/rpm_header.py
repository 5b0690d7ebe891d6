"""The header that rpm's databases hold for each package.

Source: https://rpm-software-management.github.io/rpm/manual/format_header.html; in a database
it stands without the magic and the reserved bytes of a package file.
"""

import struct
from collections.abc import Iterator

from imgforensics.scanners.packages.package import Ecosystem, InvalidDatabaseError, Package

_NAME, _VERSION, _RELEASE, _EPOCH, _ARCHITECTURE, _SOURCE = 1000, 1001, 1002, 1003, 1022, 1044
_INT32, _STRING = 4, 6
_ENTRY = struct.Struct(">IIII")


def package_of_header(header: bytes, path: bytes) -> Iterator[Package]:
    """The package of one header; none for a key that rpm keeps among its packages.

    Raises `InvalidDatabaseError` for what is no header.
    """
    fields = dict(_fields(header))
    name, version = fields.get(_NAME), fields.get(_VERSION)
    if not name or name == "gpg-pubkey":
        return
    if version is None:
        raise InvalidDatabaseError(f"the header of {name!r} has no version")
    epoch, release = fields.get(_EPOCH), fields.get(_RELEASE)
    version = f"{epoch}:{version}" if epoch else version
    version = f"{version}-{release}" if release else version
    architecture, source = fields.get(_ARCHITECTURE, ""), fields.get(_SOURCE, "")
    yield Package(Ecosystem.RPM, name, version, architecture, source, path)


def _fields(header: bytes) -> Iterator[tuple[int, str]]:
    if len(header) < 8:
        raise InvalidDatabaseError(f"a header of {len(header)} bytes")
    entries, size = struct.unpack_from(">II", header)
    start = 8 + entries * _ENTRY.size
    if start + size > len(header):
        raise InvalidDatabaseError(f"a header of {len(header)} bytes claims {start + size}")
    data = header[start : start + size]
    wanted = (_NAME, _VERSION, _RELEASE, _EPOCH, _ARCHITECTURE, _SOURCE)
    for tag, kind, offset, _ in _ENTRY.iter_unpack(header[8:start]):
        if tag in wanted and kind == _STRING:
            end = data.find(b"\0", offset)
            value = data[offset : end if end >= 0 else len(data)]
            yield tag, value.decode("utf-8", "backslashreplace")
        elif tag == _EPOCH and kind == _INT32 and offset + 4 <= len(data):
            yield tag, str(struct.unpack_from(">I", data, offset)[0])
