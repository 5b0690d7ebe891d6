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


@cache
def _detector() -> _Detector | None:
    try:
        # It brings libmagic where the system has none, and must come first: after `magic` it
        # is too late, and with another version of the system's the two crash.
        import_module("pylibmagic")
        import magic  # noqa: PLC0415
    except ImportError:
        return None
    detector: _Detector = magic.Magic()
    return detector
