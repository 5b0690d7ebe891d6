"""Whiteouts that would delete what is outside, and whiteouts that are links."""

from imgforensics.testing import file, hard_link, opaque, symlink, whiteout
from tests.break_outs.case import Cases
from tests.break_outs.sentinel import EVIL, Place


def whiteouts(place: Place) -> Cases:
    """Whiteouts through links, by names that lead out, and of other types than files."""
    return {
        "whiteout-through-a-symlink": [[symlink("l", place.outside)], [whiteout("l/secret")]],
        "whiteout-through-a-symlink-of-its-layer": [
            [file("f")],
            [symlink("l", place.outside), whiteout("l/secret")],
        ],
        "opaque-through-a-symlink": [[symlink("l", place.outside)], [opaque("l")]],
        "whiteout-by-an-absolute-name": [[file("f")], [whiteout(place.outside + b"/secret")]],
        "whiteout-by-a-dotted-name": [[file("f")], [whiteout("../../outside/secret")]],
        "whiteout-of-dot-dot": [[file("f")], [whiteout(".."), whiteout("."), whiteout("")]],
        "whiteout-that-is-a-symlink": [
            [file("f")],
            [symlink(".wh.f", place.outside), file(".wh.f/secret", EVIL)],
        ],
        "whiteout-that-is-a-hard-link": [
            [file("f"), symlink("l", place.outside + b"/secret")],
            [hard_link(".wh.f", "l", mode=0o777, uid=9)],
        ],
        "opaque-that-is-a-symlink": [
            [file("f")],
            [symlink(".wh..wh..opq", place.outside), file(".wh..wh..opq/secret", EVIL)],
        ],
        "aufs-folder-that-is-a-symlink": [
            [
                symlink(".wh..wh.plnk", place.outside),
                file(".wh..wh.plnk/secret", EVIL),
                hard_link("h", ".wh..wh.plnk/secret", mode=0o777),
            ]
        ],
    }
