"""Parents that lead out: symbolic links on the way to an entry, from its layer or one below."""

from imgforensics.testing import device, directory, fifo, file, sparse_file, symlink, whiteout
from tests.break_outs.case import Cases
from tests.break_outs.sentinel import EVIL, Place


def symlink_parents(place: Place) -> Cases:
    """Entries that stand below a symbolic link."""
    return {
        "absolute-symlink-parent": [[symlink("l", place.outside), file("l/secret", EVIL)]],
        "absolute-symlink-parent-new-file": [[symlink("l", place.outside), file("l/n", EVIL)]],
        "dotted-symlink-parent": [[symlink("l", "../../outside"), file("l/secret", EVIL)]],
        "climbing-symlink-parent": [[symlink("l", place.up), file("l/secret", EVIL)]],
        "symlink-parent-to-the-root": [
            [symlink("l", "/"), file(b"l" + place.outside + b"/secret", EVIL)]
        ],
        "symlink-parent-to-dot-dot": [
            [symlink("l", ".."), file("l/l/l/outside/secret", EVIL), file("l/beside", EVIL)]
        ],
        "chain-of-two": [[symlink("a", "b"), symlink("b", place.outside), file("a/secret", EVIL)]],
        "chain-in-reverse-order": [
            [symlink("b", place.outside), symlink("a", "b"), file("a/secret", EVIL)]
        ],
        "chain-of-dot-dots": [
            [
                directory("d"),
                symlink("d/x", ".."),
                symlink("d/y", "x/.."),
                symlink("d/z", "y/../outside"),
                file("d/z/secret", EVIL),
            ]
        ],
        "chain-of-fifty": [
            [
                *(symlink(f"l{number}", f"l{number + 1}") for number in range(50)),
                symlink("l50", place.outside),
                file("l0/secret", EVIL),
                file("l30/secret", EVIL),
            ]
        ],
        "loop": [[symlink("a", "b"), symlink("b", "a"), file("a/x", EVIL)]],
        "symlink-to-itself": [[symlink("a", "a"), file("a/x", EVIL)]],
        "through-proc-root": [
            [symlink("l", b"/proc/self/root" + place.outside), file("l/secret", EVIL)]
        ],
        "through-proc-cwd": [[symlink("l", b"/proc/self/cwd/" + place.up), file("l/secret", EVIL)]],
        "symlink-with-a-slash-at-its-end": [
            [symlink("l/", place.outside + b"/"), file("l/secret", EVIL), file("l", EVIL)]
        ],
        "file-name-with-a-slash-at-its-end": [[symlink("l", place.outside), file("l/", EVIL)]],
        "directory-in-a-symlink": [
            [symlink("l", place.outside), directory("l/directory", mode=0o777, uid=9, mtime=5)]
        ],
        "symlink-in-a-symlink": [[symlink("l", place.outside), symlink("l/link", "evil")]],
        "fifo-in-a-symlink": [[symlink("l", place.outside), fifo("l/new-fifo", mode=0o777)]],
        "fifo-over-a-fifo": [[symlink("l", place.outside), fifo("l/fifo", mode=0o777, uid=9)]],
        "device-in-a-symlink": [[symlink("l", place.outside), device("l/secret", 1, 3)]],
        "sparse-file-in-a-symlink": [
            [symlink("l", place.outside), sparse_file("l/secret", 9_000, [(0, EVIL)])]
        ],
    }


def changing_parents(place: Place) -> Cases:
    """Parents that are one thing when they are looked at and another when they are used."""
    return {
        "symlink-in-a-lower-layer": [[symlink("l", place.outside)], [file("l/secret", EVIL)]],
        "symlink-in-a-lower-layer-then-directory": [
            [symlink("l", place.outside)],
            [directory("l", mode=0o777, uid=9, mtime=5), file("l/secret", EVIL)],
        ],
        "directory-of-a-lower-layer-becomes-symlink": [
            [directory("l", mode=0o700, mtime=5), file("l/secret", EVIL)],
            [symlink("l", place.outside), file("l/n", EVIL)],
        ],
        "directory-becomes-symlink-becomes-directory": [
            [directory("l"), file("l/secret", EVIL)],
            [symlink("l", place.outside)],
            [file("l/secret", EVIL), directory("l", mode=0o777, uid=9)],
        ],
        "directory-becomes-symlink-in-one-layer": [
            [
                directory("l", mode=0o777, mtime=5),
                symlink("l", place.outside),
                file("l/secret", EVIL),
            ]
        ],
        "full-directory-becomes-symlink-in-one-layer": [
            [directory("l"), file("l/f", EVIL), symlink("l", place.outside), file("l/secret", EVIL)]
        ],
        "symlink-becomes-directory-in-one-layer": [
            [symlink("l", place.outside), directory("l", mode=0o777, uid=9), file("l/secret", EVIL)]
        ],
        "symlink-and-directory-in-turns": [
            [
                *[symlink("l", place.outside), directory("l", mode=0o777), file("l/secret", EVIL)]
                * 3,
                symlink("l", place.outside),
                file("l/secret", EVIL),
            ]
        ],
        "file-becomes-symlink-becomes-file": [
            [file("f", EVIL), symlink("f", place.outside + b"/secret"), file("f", EVIL)]
        ],
        "file-over-a-symlink": [[symlink("f", place.outside + b"/secret"), file("f", EVIL)]],
        "file-over-a-symlink-of-a-lower-layer": [
            [symlink("f", place.outside + b"/secret")],
            [file("f", EVIL, mode=0o777)],
        ],
        "parent-replaced-by-a-whiteout-and-a-symlink": [
            [directory("l"), file("l/secret", EVIL)],
            [whiteout("l"), symlink("l", place.outside), file("l/secret", EVIL)],
        ],
    }
