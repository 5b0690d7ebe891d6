"""What the files of an image tell of the system in it."""

import re

from imgforensics.dockerfile.base.clues import SystemFacts
from imgforensics.errors import ImageForensicsError
from imgforensics.image import Image

_RELEASES = ("/etc/os-release", "/usr/lib/os-release")
_SLIM = "/etc/dpkg/dpkg.cfg.d/docker"
_DEBIAN_VERSION = "/etc/debian_version"
_POINT_RELEASE = re.compile(r"[0-9]{1,2}\.[0-9]{1,2}")
_BUSYBOX = "/bin/busybox"
_BUSYBOX_VERSION = re.compile(rb"BusyBox v([0-9]+\.[0-9]+\.[0-9]+) ")
_LARGEST = 64 << 10
_LARGEST_PROGRAM = 4 << 20
_LINE = re.compile(r"([A-Z0-9_]+)=(?:\"(.*)\"|'(.*)'|(.*))")


class SystemReader:
    """Reads what an image's layers tell of the system in them, each file once."""

    def __init__(self, image: Image) -> None:
        self._image = image
        self._contents: dict[tuple[int, int], bytes] = {}

    def facts(self, layers: int) -> SystemFacts:
        """The system after the lowest `layers` layers; empty facts where they cannot be read.

        Reads those layers. What is wrong with them stands in `image.problems`.
        """
        if not 0 < layers <= len(self._image.layers):
            return SystemFacts({})
        texts = (self._text(path, layers) for path in _RELEASES)
        release = os_release(next(filter(None, texts), ""))
        if not release:
            program = self._data(_BUSYBOX, layers, _LARGEST_PROGRAM)
            found = _BUSYBOX_VERSION.search(program)
            return SystemFacts(release, busybox_version=found[1].decode() if found else "")
        if release.get("ID") != "debian":
            return SystemFacts(release)
        is_slim = "path-exclude" in self._text(_SLIM, layers)
        version = self._text(_DEBIAN_VERSION, layers).strip()
        return SystemFacts(release, is_slim, version if _POINT_RELEASE.fullmatch(version) else "")

    def _text(self, path: str, layers: int) -> str:
        return self._data(path, layers, _LARGEST).decode("utf-8", "replace")

    def _data(self, path: str, layers: int, most: int) -> bytes:
        """A file's content; empty where there is none, or where it is too large."""
        try:
            file = self._image.path(path, layers - 1)
            if not file.is_file() or file.stat().st_size > most:
                return b""
            entry = file.node.entry
            key = (entry.layer_index, entry.member.ordinal) if entry else (-1, -1)
            if key not in self._contents:
                self._contents[key] = file.read_bytes()
            return self._contents[key]
        except ImageForensicsError:
            return b""


def os_release(text: str) -> dict[str, str]:
    """An os-release file's variables."""
    found = (_LINE.fullmatch(line.strip()) for line in text.splitlines())
    return {m[1]: m[2] or m[3] or m[4] or "" for m in found if m}
