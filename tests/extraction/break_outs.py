"""Images that try to write outside of their target, as layers of members, by name.

The families are those of containerd's archive tests, of umoci's and GNU tar's history, and of
CPython's CVE-2024-12718, CVE-2025-4138, CVE-2025-4330 and CVE-2025-4517.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

from imgforensics.testing import (
    Entry,
    LayerSpec,
    TarFormat,
    device,
    directory,
    fifo,
    file,
    global_records,
    hard_link,
    opaque,
    sparse_file,
    symlink,
    whiteout,
)
from tests.extraction.sentinel import EVIL, Place

Layers = Sequence[LayerSpec | Sequence[Entry]]

_LONG = b"d" * 247
_STEPS = b"abcdefghijklmnop"


def _long_chain() -> Iterator[Entry]:
    """Short links to long directories, so that a path expands past PATH_MAX while it resolves."""
    path = b""
    for step in _STEPS:
        yield directory(path + _LONG)
        yield symlink(path + bytes((step,)), _LONG)
        path += _LONG + b"/"
    yield symlink(_SHORT_WAY + b"l" * 254, b"../" * len(_STEPS))


_SHORT_WAY = b"".join(bytes((step,)) + b"/" for step in _STEPS)
_LONG_LINK = _SHORT_WAY + b"l" * 254


def break_outs(place: Place) -> dict[str, Layers]:
    """All of them, aimed at what is watched there."""
    return {
        # Parents that are symbolic links.
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
        # Parents that change between and within layers.
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
        # Hard links.
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
        # The root, and names that mean it.
        "symlink-as-dot": [[symlink(".", place.outside), file("secret", EVIL)]],
        "symlink-as-slash": [[symlink("/", place.outside), file("/secret", EVIL)]],
        "symlink-as-dot-slash": [[symlink("./", place.outside), file("./secret", EVIL)]],
        "symlink-as-dot-dot": [[symlink("..", place.outside), file("../secret", EVIL)]],
        "symlink-without-a-name": [[symlink("", place.outside), file("secret", EVIL)]],
        "symlink-without-a-target": [[symlink("l", ""), file("l/secret", EVIL)]],
        "root-as-a-file": [[file(".", EVIL), file("/", EVIL), file("", EVIL)]],
        "root-as-a-device": [[device(".", 1, 3, mode=0o777), fifo("/", mode=0o777)]],
        "dot-dot-as-a-directory": [[directory("..", mode=0o777, uid=9, mtime=5)]],
        "metadata-of-the-root-by-a-symlink": [
            [symlink("x", ".."), directory("x/", mode=0o777, uid=9, mtime=5), directory("x/..")]
        ],
        # Names.
        "absolute-name": [[file(place.outside + b"/secret", EVIL)]],
        "absolute-name-with-slashes": [[file(b"//" + place.outside + b"///secret", EVIL)]],
        "dotted-name": [[file("../../outside/secret", EVIL)]],
        "climbing-name": [[file(place.up + b"/secret", EVIL)]],
        "dots-in-the-middle": [[file("a/../../../outside/secret", EVIL)]],
        "dots-behind-a-symlink": [
            [symlink("l", place.outside + b"/directory"), file("l/../secret", EVIL)]
        ],
        "dotted-directory": [[directory("../../outside", mode=0o777, uid=9, mtime=5)]],
        "name-of-the-record": [
            [file("../out.extraction.json", EVIL), symlink("../out.partial", place.outside)]
        ],
        "backslashes": [[file("..\\..\\outside\\secret", EVIL), directory("..\\..")]],
        "name-with-a-nul": [
            [file("harmless", EVIL, pax=[("path", place.outside + b"/secret\0.txt")])]
        ],
        "target-with-a-nul": [
            [
                symlink("l", "x", pax=[("linkpath", place.outside + b"\0x")]),
                file("l/secret", EVIL),
                hard_link("h", "x", pax=[("linkpath", place.outside + b"/secret\0")]),
            ]
        ],
        "name-with-line-breaks": [[file(b"a\n" + place.outside + b"/secret\n", EVIL)]],
        "pax-path-over-a-harmless-name": [
            [file("harmless", EVIL, pax=[("path", place.outside + b"/secret")])]
        ],
        "global-pax-path": [
            [global_records([("path", place.outside + b"/secret")]), file("harmless", EVIL)]
        ],
        "gnu-long-name": [
            LayerSpec(
                [file(b"./" * 60 + place.up + b"/secret", EVIL)],
                tar_format=TarFormat.GNU,
            )
        ],
        "sparse-name": [[sparse_file(place.outside + b"/secret", 9_000, [(0, EVIL)])]],
        # Names that the extraction itself might use.
        "name-of-the-place-aside": [
            [
                symlink(".imgforensics-0", place.outside),
                directory("real"),
                symlink("l", "real"),
                file("l/secret", EVIL),
                file("l/0", EVIL),
            ]
        ],
        "file-below-the-place-aside": [
            [
                symlink("l", ".imgforensics-0"),
                directory(".imgforensics-0"),
                symlink(".imgforensics-0/0", place.outside + b"/secret"),
                file("l/1", EVIL),
                file("l/0", EVIL),
            ]
        ],
        "name-of-the-probe": [[symlink(".probe", place.outside + b"/secret")]],
        "name-of-a-layer-folder": [
            [symlink("layer-001", place.outside), symlink("../layer-001", place.outside)],
            [file("layer-001/secret", EVIL), file("../layer-001/secret", EVIL)],
        ],
        # Whiteouts.
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
        # Attributes through links.
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
        # Paths past PATH_MAX.
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


NAMES = tuple(break_outs(Place(Path("/nowhere"))))
