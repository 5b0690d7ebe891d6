"""Names that lead out by themselves, mean the root, or are names of ours."""

from imgforensics.testing import (
    LayerSpec,
    TarFormat,
    device,
    directory,
    fifo,
    file,
    global_records,
    hard_link,
    sparse_file,
    symlink,
)
from tests.break_outs.case import Cases
from tests.break_outs.sentinel import EVIL, Place


def roots(place: Place) -> Cases:
    """Names that mean the root, for things that are no directory."""
    return {
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
    }


def names(place: Place) -> Cases:
    """Absolute and dotted names, in every field that may hold one."""
    return {
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
    }


def names_of_ours(place: Place) -> Cases:
    """Names that the extraction itself might use."""
    return {
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
    }
