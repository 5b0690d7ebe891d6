"""Images that try to write outside of their target, as layers of members, by name.

The families are those of containerd's archive tests, of umoci's and GNU tar's history, and of
CPython's CVE-2024-12718, CVE-2025-4138, CVE-2025-4330 and CVE-2025-4517.
"""

from collections.abc import Callable, Iterator, Sequence

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

BREAK_OUTS: dict[str, Callable[[Place], Layers]] = {
    # Parents that are symbolic links.
    "absolute-symlink-parent": lambda p: [[symlink("l", p.outside), file("l/secret", EVIL)]],
    "absolute-symlink-parent-new-file": lambda p: [[symlink("l", p.outside), file("l/n", EVIL)]],
    "dotted-symlink-parent": lambda p: [[symlink("l", "../../outside"), file("l/secret", EVIL)]],
    "climbing-symlink-parent": lambda p: [[symlink("l", p.up), file("l/secret", EVIL)]],
    "symlink-parent-to-the-root": lambda p: [
        [symlink("l", "/"), file(b"l" + p.outside + b"/secret", EVIL)]
    ],
    "symlink-parent-to-dot-dot": lambda p: [
        [symlink("l", ".."), file("l/l/l/outside/secret", EVIL), file("l/beside", EVIL)]
    ],
    "chain-of-two": lambda p: [
        [symlink("a", "b"), symlink("b", p.outside), file("a/secret", EVIL)]
    ],
    "chain-in-reverse-order": lambda p: [
        [symlink("b", p.outside), symlink("a", "b"), file("a/secret", EVIL)]
    ],
    "chain-of-dot-dots": lambda p: [
        [
            directory("d"),
            symlink("d/x", ".."),
            symlink("d/y", "x/.."),
            symlink("d/z", "y/../outside"),
            file("d/z/secret", EVIL),
        ]
    ],
    "chain-of-fifty": lambda p: [
        [
            *(symlink(f"l{number}", f"l{number + 1}") for number in range(50)),
            symlink("l50", p.outside),
            file("l0/secret", EVIL),
            file("l30/secret", EVIL),
        ]
    ],
    "loop": lambda p: [[symlink("a", "b"), symlink("b", "a"), file("a/x", EVIL)]],
    "symlink-to-itself": lambda p: [[symlink("a", "a"), file("a/x", EVIL)]],
    "through-proc-root": lambda p: [
        [symlink("l", b"/proc/self/root" + p.outside), file("l/secret", EVIL)]
    ],
    "through-proc-cwd": lambda p: [
        [symlink("l", b"/proc/self/cwd/" + p.up), file("l/secret", EVIL)]
    ],
    "symlink-with-a-slash-at-its-end": lambda p: [
        [symlink("l/", p.outside + b"/"), file("l/secret", EVIL), file("l", EVIL)]
    ],
    "file-name-with-a-slash-at-its-end": lambda p: [[symlink("l", p.outside), file("l/", EVIL)]],
    "directory-in-a-symlink": lambda p: [
        [symlink("l", p.outside), directory("l/directory", mode=0o777, uid=9, mtime=5)]
    ],
    "symlink-in-a-symlink": lambda p: [[symlink("l", p.outside), symlink("l/link", "evil")]],
    "fifo-in-a-symlink": lambda p: [[symlink("l", p.outside), fifo("l/new-fifo", mode=0o777)]],
    "fifo-over-a-fifo": lambda p: [[symlink("l", p.outside), fifo("l/fifo", mode=0o777, uid=9)]],
    "device-in-a-symlink": lambda p: [[symlink("l", p.outside), device("l/secret", 1, 3)]],
    "sparse-file-in-a-symlink": lambda p: [
        [symlink("l", p.outside), sparse_file("l/secret", 9_000, [(0, EVIL)])]
    ],
    # Parents that change between and within layers.
    "symlink-in-a-lower-layer": lambda p: [[symlink("l", p.outside)], [file("l/secret", EVIL)]],
    "symlink-in-a-lower-layer-then-directory": lambda p: [
        [symlink("l", p.outside)],
        [directory("l", mode=0o777, uid=9, mtime=5), file("l/secret", EVIL)],
    ],
    "directory-of-a-lower-layer-becomes-symlink": lambda p: [
        [directory("l", mode=0o700, mtime=5), file("l/secret", EVIL)],
        [symlink("l", p.outside), file("l/n", EVIL)],
    ],
    "directory-becomes-symlink-becomes-directory": lambda p: [
        [directory("l"), file("l/secret", EVIL)],
        [symlink("l", p.outside)],
        [file("l/secret", EVIL), directory("l", mode=0o777, uid=9)],
    ],
    "directory-becomes-symlink-in-one-layer": lambda p: [
        [directory("l", mode=0o777, mtime=5), symlink("l", p.outside), file("l/secret", EVIL)]
    ],
    "full-directory-becomes-symlink-in-one-layer": lambda p: [
        [directory("l"), file("l/f", EVIL), symlink("l", p.outside), file("l/secret", EVIL)]
    ],
    "symlink-becomes-directory-in-one-layer": lambda p: [
        [symlink("l", p.outside), directory("l", mode=0o777, uid=9), file("l/secret", EVIL)]
    ],
    "symlink-and-directory-in-turns": lambda p: [
        [
            *[symlink("l", p.outside), directory("l", mode=0o777), file("l/secret", EVIL)] * 3,
            symlink("l", p.outside),
            file("l/secret", EVIL),
        ]
    ],
    "file-becomes-symlink-becomes-file": lambda p: [
        [file("f", EVIL), symlink("f", p.outside + b"/secret"), file("f", EVIL)]
    ],
    "file-over-a-symlink": lambda p: [[symlink("f", p.outside + b"/secret"), file("f", EVIL)]],
    "file-over-a-symlink-of-a-lower-layer": lambda p: [
        [symlink("f", p.outside + b"/secret")],
        [file("f", EVIL, mode=0o777)],
    ],
    "parent-replaced-by-a-whiteout-and-a-symlink": lambda p: [
        [directory("l"), file("l/secret", EVIL)],
        [whiteout("l"), symlink("l", p.outside), file("l/secret", EVIL)],
    ],
    # Hard links.
    "hard-link-to-an-absolute-path": lambda p: [
        [hard_link("h", p.outside + b"/secret", mode=0o777, uid=9), file("h", EVIL)]
    ],
    "hard-link-to-a-dotted-path": lambda p: [
        [hard_link("h", "../../outside/secret", mode=0o777), file("h", EVIL)]
    ],
    "hard-link-to-a-climbing-path": lambda p: [
        [hard_link("h", p.up + b"/secret", mode=0o777), file("h", EVIL)]
    ],
    "hard-link-through-a-symlink": lambda p: [
        [symlink("l", p.outside), hard_link("h", "l/secret", mode=0o777), file("h", EVIL)]
    ],
    "hard-link-through-a-symlink-of-a-lower-layer": lambda p: [
        [symlink("l", p.outside)],
        [hard_link("h", "l/secret", mode=0o777, uid=9, mtime=5)],
    ],
    "hard-link-below-a-symlink": lambda p: [
        [symlink("l", p.outside), file("f", EVIL), hard_link("l/new", "f")]
    ],
    "hard-link-to-a-symlink": lambda p: [
        [
            symlink("l", p.outside + b"/secret"),
            hard_link("h", "l", mode=0o777, uid=9, gid=9, mtime=5),
            file("h", EVIL),
        ]
    ],
    "hard-link-to-a-symlink-to-a-directory": lambda p: [
        [symlink("l", p.outside), hard_link("h", "l", mode=0o777), file("h/secret", EVIL)]
    ],
    "hard-link-to-a-symlink-of-a-lower-layer": lambda p: [
        [symlink("l", p.outside + b"/secret")],
        [hard_link("h", "l", mode=0o777, uid=9, mtime=5, xattrs={"trusted.evil": b"1"})],
    ],
    "hard-link-to-the-root": lambda p: [
        [hard_link("a", "/"), hard_link("b", "."), hard_link("c", ""), hard_link("d", "..")]
    ],
    "hard-link-as-the-root": lambda p: [
        [file("f", EVIL), hard_link(".", "f"), hard_link("/", p.outside + b"/secret")]
    ],
    "hard-links-to-one-another": lambda p: [
        [hard_link("a", "b"), hard_link("b", "a"), file("a/x", EVIL)]
    ],
    # The root, and names that mean it.
    "symlink-as-dot": lambda p: [[symlink(".", p.outside), file("secret", EVIL)]],
    "symlink-as-slash": lambda p: [[symlink("/", p.outside), file("/secret", EVIL)]],
    "symlink-as-dot-slash": lambda p: [[symlink("./", p.outside), file("./secret", EVIL)]],
    "symlink-as-dot-dot": lambda p: [[symlink("..", p.outside), file("../secret", EVIL)]],
    "symlink-without-a-name": lambda p: [[symlink("", p.outside), file("secret", EVIL)]],
    "symlink-without-a-target": lambda p: [[symlink("l", ""), file("l/secret", EVIL)]],
    "root-as-a-file": lambda p: [[file(".", EVIL), file("/", EVIL), file("", EVIL)]],
    "root-as-a-device": lambda p: [[device(".", 1, 3, mode=0o777), fifo("/", mode=0o777)]],
    "dot-dot-as-a-directory": lambda p: [[directory("..", mode=0o777, uid=9, mtime=5)]],
    "metadata-of-the-root-by-a-symlink": lambda p: [
        [symlink("x", ".."), directory("x/", mode=0o777, uid=9, mtime=5), directory("x/..")]
    ],
    # Names.
    "absolute-name": lambda p: [[file(p.outside + b"/secret", EVIL)]],
    "absolute-name-with-slashes": lambda p: [[file(b"//" + p.outside + b"///secret", EVIL)]],
    "dotted-name": lambda p: [[file("../../outside/secret", EVIL)]],
    "climbing-name": lambda p: [[file(p.up + b"/secret", EVIL)]],
    "dots-in-the-middle": lambda p: [[file("a/../../../outside/secret", EVIL)]],
    "dots-behind-a-symlink": lambda p: [
        [symlink("l", p.outside + b"/directory"), file("l/../secret", EVIL)]
    ],
    "dotted-directory": lambda p: [[directory("../../outside", mode=0o777, uid=9, mtime=5)]],
    "name-of-the-record": lambda p: [
        [file("../out.extraction.json", EVIL), symlink("../out.partial", p.outside)]
    ],
    "backslashes": lambda p: [[file("..\\..\\outside\\secret", EVIL), directory("..\\..")]],
    "name-with-a-nul": lambda p: [
        [file("harmless", EVIL, pax=[("path", p.outside + b"/secret\0.txt")])]
    ],
    "target-with-a-nul": lambda p: [
        [
            symlink("l", "x", pax=[("linkpath", p.outside + b"\0x")]),
            file("l/secret", EVIL),
            hard_link("h", "x", pax=[("linkpath", p.outside + b"/secret\0")]),
        ]
    ],
    "name-with-line-breaks": lambda p: [[file(b"a\n" + p.outside + b"/secret\n", EVIL)]],
    "pax-path-over-a-harmless-name": lambda p: [
        [file("harmless", EVIL, pax=[("path", p.outside + b"/secret")])]
    ],
    "global-pax-path": lambda p: [
        [global_records([("path", p.outside + b"/secret")]), file("harmless", EVIL)]
    ],
    "gnu-long-name": lambda p: [
        LayerSpec(
            [file(b"./" * 60 + p.up + b"/secret", EVIL)],
            tar_format=TarFormat.GNU,
        )
    ],
    "sparse-name": lambda p: [[sparse_file(p.outside + b"/secret", 9_000, [(0, EVIL)])]],
    # Names that the extraction itself might use.
    "name-of-the-place-aside": lambda p: [
        [
            symlink(".imgforensics-0", p.outside),
            directory("real"),
            symlink("l", "real"),
            file("l/secret", EVIL),
            file("l/0", EVIL),
        ]
    ],
    "file-below-the-place-aside": lambda p: [
        [
            symlink("l", ".imgforensics-0"),
            directory(".imgforensics-0"),
            symlink(".imgforensics-0/0", p.outside + b"/secret"),
            file("l/1", EVIL),
            file("l/0", EVIL),
        ]
    ],
    "name-of-the-probe": lambda p: [[symlink(".probe", p.outside + b"/secret")]],
    "name-of-a-layer-folder": lambda p: [
        [symlink("layer-001", p.outside), symlink("../layer-001", p.outside)],
        [file("layer-001/secret", EVIL), file("../layer-001/secret", EVIL)],
    ],
    # Whiteouts.
    "whiteout-through-a-symlink": lambda p: [[symlink("l", p.outside)], [whiteout("l/secret")]],
    "whiteout-through-a-symlink-of-its-layer": lambda p: [
        [file("f")],
        [symlink("l", p.outside), whiteout("l/secret")],
    ],
    "opaque-through-a-symlink": lambda p: [[symlink("l", p.outside)], [opaque("l")]],
    "whiteout-by-an-absolute-name": lambda p: [[file("f")], [whiteout(p.outside + b"/secret")]],
    "whiteout-by-a-dotted-name": lambda p: [[file("f")], [whiteout("../../outside/secret")]],
    "whiteout-of-dot-dot": lambda p: [[file("f")], [whiteout(".."), whiteout("."), whiteout("")]],
    "whiteout-that-is-a-symlink": lambda p: [
        [file("f")],
        [symlink(".wh.f", p.outside), file(".wh.f/secret", EVIL)],
    ],
    "whiteout-that-is-a-hard-link": lambda p: [
        [file("f"), symlink("l", p.outside + b"/secret")],
        [hard_link(".wh.f", "l", mode=0o777, uid=9)],
    ],
    "opaque-that-is-a-symlink": lambda p: [
        [file("f")],
        [symlink(".wh..wh..opq", p.outside), file(".wh..wh..opq/secret", EVIL)],
    ],
    "aufs-folder-that-is-a-symlink": lambda p: [
        [
            symlink(".wh..wh.plnk", p.outside),
            file(".wh..wh.plnk/secret", EVIL),
            hard_link("h", ".wh..wh.plnk/secret", mode=0o777),
        ]
    ],
    # Attributes through links.
    "mode-and-time-of-a-symlink": lambda p: [
        [symlink("l", p.outside + b"/secret", mode=0o4777, uid=9, gid=9, mtime=5)]
    ],
    "xattrs-of-a-symlink": lambda p: [
        [
            symlink("l", p.outside + b"/secret", xattrs={"trusted.evil": b"1", "user.mark": b"2"}),
            symlink("m", p.outside, xattrs={"security.capability": b"\1" * 20}),
        ]
    ],
    "directory-over-a-symlink-to-a-directory": lambda p: [
        [symlink("l", p.outside)],
        [directory("l/", mode=0o777, uid=9, gid=9, mtime=5)],
    ],
    "directory-then-symlink-over-it": lambda p: [
        [directory("l", mode=0o777, uid=9, mtime=5)],
        [symlink("l", p.outside)],
    ],
    "setuid-by-a-hard-link-to-a-symlink": lambda p: [
        [symlink("l", p.outside + b"/secret"), hard_link("h", "l", mode=0o6777)],
        [hard_link("i", "h", mode=0o6777, uid=9)],
    ],
    # Paths past PATH_MAX.
    "path-max-chain": lambda p: [
        [
            *_long_chain(),
            symlink("escape", _LONG_LINK + b"/../../outside"),
            file("escape/secret", EVIL),
        ]
    ],
    "path-max-chain-and-hard-link": lambda p: [
        [
            *_long_chain(),
            symlink("escape", _LONG_LINK + b"/../../outside/secret"),
            hard_link("h", "escape", mode=0o777, uid=9),
            file("h", EVIL),
        ]
    ],
    "path-max-chain-and-metadata": lambda p: [
        [
            *_long_chain(),
            symlink("escape", _LONG_LINK + b"/../../outside"),
            directory("escape/directory", mode=0o777, uid=9, mtime=5),
        ]
    ],
    "path-max-chain-across-layers": lambda p: [
        [*_long_chain(), symlink("escape", _LONG_LINK + b"/../../outside")],
        [file("escape/secret", EVIL), hard_link("h", "escape/secret")],
    ],
    "path-max-name-of-dots": lambda p: [
        [file(b"a/../" * 1_500 + p.up + b"/secret", EVIL), file(b"./" * 3_000 + b"f", EVIL)]
    ],
}
