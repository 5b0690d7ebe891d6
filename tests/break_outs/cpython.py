"""The archives behind CPython's advisories on the filters of `tarfile`, as layers.

CVE-2024-12718, CVE-2025-4138, CVE-2025-4330 and CVE-2025-4435; CVE-2025-4517 has a module of its
own, `path_max`. All of them pass a check of names as text and lead out when the kernel resolves.
"""

from imgforensics.testing import directory, file, hard_link, symlink
from imgforensics.testing.entries import Attributes
from tests.break_outs.case import Cases
from tests.break_outs.sentinel import EVIL, Place


def cpython(place: Place) -> Cases:
    """Links that mean something else by the time that they are followed."""
    out, up = place.outside, place.up
    hostile: Attributes = {"mode": 0o777, "uid": 9, "gid": 9, "mtime": 5}
    return {
        "CVE-2024-12718-metadata-behind-a-dot": [
            [
                symlink("x", "."),
                symlink("x/y", ".."),
                directory("x/y/..", **hostile),
                directory("x/y/../outside", **hostile),
            ]
        ],
        "CVE-2024-12718-directory-that-was-a-link": [
            [
                directory("d"),
                symlink("d/l", "../../../outside"),
                directory("d/l/", **hostile),
                directory("d/l/directory", **hostile),
            ]
        ],
        "CVE-2024-12718-time-of-a-linked-file": [
            [symlink("l", out + b"/secret", **hostile), file("l/", b"", **hostile)],
            [hard_link("l", "l", **hostile)],
        ],
        "CVE-2025-4138-through-a-name-that-is-not-there": [
            [symlink("l", b"not/there/../../" + up), file("l/secret", EVIL), file("l/new", EVIL)]
        ],
        "CVE-2025-4138-through-a-file": [
            [file("f", b""), symlink("l", b"f/../" + up), file("l/secret", EVIL)]
        ],
        "CVE-2025-4138-name-made-later": [
            [
                symlink("l", "later/outside"),
                symlink("later", "../.."),
                file("l/secret", EVIL),
                file("later/outside/new", EVIL),
            ]
        ],
        "CVE-2025-4330-relative-link-moved-up": [
            [
                directory("a/b/c"),
                symlink("a/b/c/l", "../../outside"),
                hard_link("l", "a/b/c/l", **hostile),
                file("l/secret", EVIL),
            ]
        ],
        "CVE-2025-4330-moved-up-across-layers": [
            [directory("a/b/c"), symlink("a/b/c/l", "../../outside")],
            [hard_link("a/l", "a/b/c/l"), file("a/l/secret", EVIL)],
            [hard_link("l", "a/l", **hostile), file("l/secret", EVIL)],
        ],
        "CVE-2025-4330-target-replaced-after-the-link": [
            [
                file("f", b"inside"),
                hard_link("h", "f"),
                symlink("f", out + b"/secret"),
                hard_link("h", "f", **hostile),
                file("h", EVIL),
            ]
        ],
        "CVE-2025-4435-link-that-was-refused": [
            [
                symlink("l", b"./" * 2_048 + up),
                directory("l", **hostile),
                file("l/secret", EVIL),
            ]
        ],
        "CVE-2025-4435-name-that-was-refused": [
            [
                symlink(b"n" * 300, out),
                file(b"n" * 300 + b"/secret", EVIL),
                hard_link("h", b"n" * 300 + b"/secret", **hostile),
            ]
        ],
    }
