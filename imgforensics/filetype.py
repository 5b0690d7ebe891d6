"""What bytes are, in libmagic's words; it is loaded when first asked.

One call costs about a millisecond: ask on demand, never for every file of an image.
"""

from functools import cache
from importlib import import_module
from typing import Protocol

_LONGEST = 200
"""Descriptions quote the file; no more characters of it than this."""


class _Detector(Protocol):
    def from_buffer(self, buffer: bytes) -> str: ...


def describe(head: bytes) -> str | None:
    """What a file that begins with `head` is; None where libmagic cannot say or be had."""
    detector = _detector()
    if detector is None:
        return None
    description = detector.from_buffer(head)
    return None if description == "data" else description[:_LONGEST]


def mime_type(head: bytes) -> str | None:
    """The MIME type of a file that begins with `head`, as `file --mime-type` tells it.

    None where libmagic cannot be had.
    """
    if not head:
        return "inode/x-empty"
    detector = _detector(mime=True)
    return None if detector is None else detector.from_buffer(head)


@cache
def _detector(*, mime: bool = False) -> _Detector | None:
    try:
        # It brings libmagic where the system has none, and must come first: after `magic` it
        # is too late, and with another version of the system's the two crash.
        import_module("pylibmagic")
        import magic  # noqa: PLC0415
    except ImportError:
        return None
    detector: _Detector = magic.Magic(mime=mime)
    return detector
