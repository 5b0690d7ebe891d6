"""Paths that outgrow PATH_MAX while they resolve (CVE-2025-4517), so that a check gives up."""

from collections.abc import Iterator

from imgforensics.testing import Entry, directory, file, hard_link, symlink
from tests.break_outs.case import Cases
from tests.break_outs.sentinel import EVIL, Place

_LONG = b"d" * 247
_STEPS = b"abcdefghijklmnop"
_SHORT_WAY = b"".join(bytes((step,)) + b"/" for step in _STEPS)
_LONG_LINK = _SHORT_WAY + b"l" * 254


def long_paths(place: Place) -> Cases:
    """Chains of short links to long directories, and names of nothing but dots."""
    return {
        "path-max-chain": [
            [
                *_long_chain(),
                symlink("escape", _LONG_LINK + b"/../../outside"),
                file("escape/secret", EVIL),
            ]
        ],
        "path-max-chain-and-hard-link": [
            [
                *_long_chain(),
                symlink("escape", _LONG_LINK + b"/../../outside/secret"),
                hard_link("h", "escape", mode=0o777, uid=9),
                file("h", EVIL),
            ]
        ],
        "path-max-chain-and-metadata": [
            [
                *_long_chain(),
                symlink("escape", _LONG_LINK + b"/../../outside"),
                directory("escape/directory", mode=0o777, uid=9, mtime=5),
            ]
        ],
        "path-max-chain-across-layers": [
            [*_long_chain(), symlink("escape", _LONG_LINK + b"/../../outside")],
            [file("escape/secret", EVIL), hard_link("h", "escape/secret")],
        ],
        "path-max-name-of-dots": [
            [file(b"a/../" * 1_500 + place.up + b"/secret", EVIL), file(b"./" * 3_000 + b"f", EVIL)]
        ],
    }


def _long_chain() -> Iterator[Entry]:
    """Short links to long directories, so that a path expands past PATH_MAX while it resolves."""
    path = b""
    for step in _STEPS:
        yield directory(path + _LONG)
        yield symlink(path + bytes((step,)), _LONG)
        path += _LONG + b"/"
    yield symlink(_SHORT_WAY + b"l" * 254, b"../" * len(_STEPS))
