"""Databases made of stanzas: dpkg's status and status.d, apk's installed, Python's METADATA.

Sources: https://www.debian.org/doc/debian-policy/ch-controlfields.html, dpkg(1) on `status`,
https://wiki.alpinelinux.org/wiki/Apk_spec and
https://packaging.python.org/en/latest/specifications/core-metadata/.
"""

from collections.abc import Iterator

from imgforensics.scanners.packages.package import Ecosystem, InvalidDatabaseError, Package


def dpkg_packages(content: bytes, path: bytes) -> Iterator[Package]:
    """Installed packages of a `status` file, or of one file of `status.d`.

    The files of `status.d`, which images without dpkg carry, have no `Status` line.
    """
    for stanza in content.split(b"\n\n"):
        fields = _fields(stanza, (b"Package", b"Status", b"Version", b"Architecture", b"Source"))
        name, version = fields.get(b"Package"), fields.get(b"Version")
        state = fields.get(b"Status", "install ok installed").split()
        if not name or not version or state[-1:] in (["not-installed"], ["config-files"]):
            continue
        source = fields.get(b"Source", "").partition(" ")[0]
        architecture = fields.get(b"Architecture", "")
        yield Package(Ecosystem.DPKG, name, version, architecture, source, path)


def apk_packages(content: bytes, path: bytes) -> Iterator[Package]:
    """Packages of apk's `installed`."""
    for stanza in content.split(b"\n\n"):
        fields = _fields(stanza, (b"P", b"V", b"A", b"o"))
        name, version = fields.get(b"P"), fields.get(b"V")
        if name and version:
            origin = fields.get(b"o", "")
            source = origin if origin != name else ""
            yield Package(Ecosystem.APK, name, version, fields.get(b"A", ""), source, path)


def python_packages(content: bytes, path: bytes) -> Iterator[Package]:
    """The distribution whose METADATA or PKG-INFO this is."""
    head = content.replace(b"\r\n", b"\n").partition(b"\n\n")[0]
    fields = _fields(head, (b"Name", b"Version"))
    name, version = fields.get(b"Name"), fields.get(b"Version")
    if not name or not version:
        raise InvalidDatabaseError("no Name, or no Version, in its head")
    yield Package(Ecosystem.PYTHON, name, version, path=path)


def _fields(stanza: bytes, wanted: tuple[bytes, ...]) -> dict[bytes, str]:
    """The first value of each wanted field; lines that continue one are passed over."""
    found: dict[bytes, str] = {}
    for line in stanza.split(b"\n"):
        name, colon, value = line.partition(b":")
        if colon and name in wanted and name not in found:
            found[name] = value.strip().decode("utf-8", "backslashreplace")
    return found
