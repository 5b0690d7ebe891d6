"""Hard links out of the target, and attributes that would go through links."""

from imgforensics.testing import directory, file, hard_link, symlink
from tests.break_outs.case import Cases
from tests.break_outs.sentinel import EVIL, Place


def hard_links(place: Place) -> Cases:
    """Hard links to what is outside, and to links that lead there."""
    return {
        "hard-link-to-an-absolute-path": [
            [hard_link("h", place.outside + b"/secret", mode=0o777, uid=9), file("h", EVIL)]
        ],
        "hard-link-to-a-dotted-path": [
            [hard_link("h", "../../outside/secret", mode=0o777), file("h", EVIL)]
        ],
        "hard-link-to-a-climbing-path": [
            [hard_link("h", place.up + b"/secret", mode=0o777), file("h", EVIL)]
        ],
        "hard-link-through-a-symlink": [
            [symlink("l", place.outside), hard_link("h", "l/secret", mode=0o777), file("h", EVIL)]
        ],
        "hard-link-through-a-symlink-of-a-lower-layer": [
            [symlink("l", place.outside)],
            [hard_link("h", "l/secret", mode=0o777, uid=9, mtime=5)],
        ],
        "hard-link-below-a-symlink": [
            [symlink("l", place.outside), file("f", EVIL), hard_link("l/new", "f")]
        ],
        "hard-link-to-a-symlink": [
            [
                symlink("l", place.outside + b"/secret"),
                hard_link("h", "l", mode=0o777, uid=9, gid=9, mtime=5),
                file("h", EVIL),
            ]
        ],
        "hard-link-to-a-symlink-to-a-directory": [
            [symlink("l", place.outside), hard_link("h", "l", mode=0o777), file("h/secret", EVIL)]
        ],
        "hard-link-to-a-symlink-of-a-lower-layer": [
            [symlink("l", place.outside + b"/secret")],
            [hard_link("h", "l", mode=0o777, uid=9, mtime=5, xattrs={"trusted.evil": b"1"})],
        ],
        "hard-link-to-the-root": [
            [hard_link("a", "/"), hard_link("b", "."), hard_link("c", ""), hard_link("d", "..")]
        ],
        "hard-link-as-the-root": [
            [file("f", EVIL), hard_link(".", "f"), hard_link("/", place.outside + b"/secret")]
        ],
        "hard-links-to-one-another": [
            [hard_link("a", "b"), hard_link("b", "a"), file("a/x", EVIL)]
        ],
    }


def attributes(place: Place) -> Cases:
    """Modes, owners, times and xattrs that would land behind a link."""
    return {
        "mode-and-time-of-a-symlink": [
            [symlink("l", place.outside + b"/secret", mode=0o4777, uid=9, gid=9, mtime=5)]
        ],
        "xattrs-of-a-symlink": [
            [
                symlink(
                    "l",
                    place.outside + b"/secret",
                    xattrs={"trusted.evil": b"1", "user.mark": b"2"},
                ),
                symlink("m", place.outside, xattrs={"security.capability": b"\1" * 20}),
            ]
        ],
        "directory-over-a-symlink-to-a-directory": [
            [symlink("l", place.outside)],
            [directory("l/", mode=0o777, uid=9, gid=9, mtime=5)],
        ],
        "directory-then-symlink-over-it": [
            [directory("l", mode=0o777, uid=9, mtime=5)],
            [symlink("l", place.outside)],
        ],
        "setuid-by-a-hard-link-to-a-symlink": [
            [symlink("l", place.outside + b"/secret"), hard_link("h", "l", mode=0o6777)],
            [hard_link("i", "h", mode=0o6777, uid=9)],
        ],
    }
