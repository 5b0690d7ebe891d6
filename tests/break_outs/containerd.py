"""The table of break-outs in containerd's archive tests, by its names, aimed at what is watched.

Source: containerd, pkg/archive/tar_test.go (`TestBreakouts`, `TestRelativeSymlinks`). There
`/etc` of the machine is what must not be touched, here it is a directory of the test's own.
"""

from imgforensics.testing import Entry, directory, file, hard_link, symlink, whiteout
from tests.break_outs.case import Cases
from tests.break_outs.sentinel import EVIL, Place

_ETC = (directory("etc", mode=0o770), file("/etc/passwd", b"inside"))


def containerd_links(place: Place) -> Cases:
    """Symbolic links that files are written through, and hard links taken through them."""
    out, up = place.outside, place.up
    linked = hard_link("localpasswd", "/localetc/secret", mode=0o777, uid=9, mtime=5)
    return {
        "SymlinkAbsolute": [
            [directory("etc"), symlink("localetc", out), file("/localetc/secret", EVIL)]
        ],
        "SymlinkUpAndOut": [
            [
                directory("dummy"),
                symlink("localetc", b"/dummy/../" + up),
                file("/localetc/secret", EVIL),
            ]
        ],
        "SymlinkMultipleAbsolute": [
            [
                directory("dummy"),
                symlink("/dummy/etc", out),
                symlink("localetc", "/dummy/etc"),
                file("/dummy/etc/secret", EVIL),
                file("/localetc/new", EVIL),
            ]
        ],
        "SymlinkMultipleRelative": [
            [
                directory("dummy"),
                symlink("/dummy/etc", out),
                symlink("localetc", "./dummy/etc"),
                file("/dummy/etc/secret", EVIL),
                file("/localetc/new", EVIL),
            ]
        ],
        "SymlinkEmptyFile": [[symlink("localetc", out), file("/localetc/secret", b"")]],
        "HardlinkRelative": [
            [
                *_ETC,
                directory("breakouts"),
                symlink("breakouts/d1", "../../../outside"),
                hard_link("breakouts/mypasswd", "/breakouts/d1/secret", mode=0o777),
                file("breakouts/mypasswd", EVIL),
            ]
        ],
        "HardlinkDownAndOut": [
            [
                *_ETC,
                directory("breakouts"),
                directory("downandout"),
                symlink("breakouts/d1", "../downandout/../../../outside"),
                hard_link("breakouts/mypasswd", "/breakouts/d1/secret", mode=0o777),
            ]
        ],
        "HardlinkAbsolute": [[*_ETC, symlink("localetc", out), linked]],
        "HardlinkRelativeLong": [[*_ETC, symlink("localetc", up), linked]],
        "HardlinkRelativeUpAndOut": [[*_ETC, symlink("localetc", b"upandout/" + up), linked]],
        "HardlinkDirectRelative": [
            [*_ETC, hard_link("localpasswd", up + b"/secret", mode=0o777, uid=9, mtime=5)]
        ],
        "HardlinkDirectAbsolute": [
            [*_ETC, hard_link("localpasswd", out + b"/secret", mode=0o777, uid=9, mtime=5)]
        ],
        "SymlinkParentDirectory": [
            [*_ETC, symlink("..", out + b"/"), hard_link("localpasswd", "../secret"), linked]
        ],
        "SymlinkEmptyFilename": [
            [*_ETC, symlink("", out + b"/"), hard_link("localpasswd", "/secret"), linked]
        ],
        "SymlinkParentRelative": [
            [
                *_ETC,
                symlink("localetc/sub/..", out + b"/"),
                hard_link("/localetc/new", "/etc/passwd", mode=0o777),
                file("/localetc/secret", EVIL),
            ]
        ],
        "SymlinkSlashEnded": [
            [
                *_ETC,
                symlink("localetc/", out + b"/"),
                hard_link("/localetc/new", "/etc/passwd", mode=0o777),
            ]
        ],
        "SymlinkOverrideDirectory": [
            [*_ETC, directory("/localetc/")],
            [symlink("localetc", out), hard_link("/localetc/new", "/etc/passwd")],
        ],
        "SymlinkOverrideDirectoryRelative": [
            [*_ETC, directory("/localetc/")],
            [symlink("localetc", up), hard_link("/localetc/new", "/etc/passwd")],
        ],
        "DirectoryOverrideSymlink": [
            [*_ETC, symlink("localetc", out)],
            [directory("/localetc/", mode=0o777), hard_link("/localetc/new", "/etc/passwd")],
        ],
        "DirectoryOverrideSymlinkAndHardlink": [
            [*_ETC, symlink("localetc", out), hard_link("/localetc/new", "/etc/passwd")],
            [directory("/localetc/", mode=0o777), file("/localetc/secret", EVIL)],
        ],
        "HardlinkSymlinkBeforeCreateTarget": [
            [
                symlink("localpasswd", out + b"/new"),
                hard_link("localpasswd-dup", "localpasswd", mode=0o777),
                file("/localpasswd-dup", EVIL),
            ]
        ],
        "HardlinkSymlinkRelative": [
            [
                symlink("passwdlink", up + b"/secret"),
                hard_link("localpasswd", "/passwdlink", mode=0o777, uid=9, mtime=5),
            ]
        ],
        "HardlinkSymlinkAbsolute": [
            [
                symlink("passwdlink", out + b"/secret"),
                hard_link("localpasswd", "/passwdlink", mode=0o777, uid=9, mtime=5),
            ]
        ],
        "HardlinkSymlinkChmod": [
            [
                symlink(out + b"/link", out + b"/secret"),
                hard_link("sketchylink", out + b"/link", mode=0o777, uid=9, mtime=5),
            ]
        ],
        **_relative_symlinks(place),
    }


def _relative_symlinks(place: Place) -> Cases:
    """Links kept as they are, whatever they lead to, with something written behind each."""
    targets = {
        "up": b"../../../../outside",
        "up-by-its-parent": b"../derek/../../../../outside",
        "etc-up": b"etc/../" + place.up,
        "down-and-out": b"derek/../../" + place.up,
        "up-down": b"up/../" + place.up,
        "absolute": place.outside,
    }
    return {
        f"RelativeSymlinks-{name}": [
            [
                *_ETC,
                directory("home/derek", mode=0o700),
                symlink("home/derek/breakout", target),
                file("home/derek/breakout/secret", EVIL),
            ],
            [file("home/derek/breakout/new", EVIL)],
        ]
        for name, target in targets.items()
    }


def containerd_whiteouts(place: Place) -> Cases:
    """Whiteouts of the root and its parent, and through links."""
    linked: list[Entry] = [*_ETC, symlink("localetc", place.outside)]
    dead: list[Entry] = [*_ETC, symlink("localetc", b"/nowhere/" + place.up)]
    return {
        "WhiteoutRootParent": [_ETC, [file(".wh...")]],
        "WhiteoutParent": [_ETC, [file("etc/.wh...")]],
        "WhiteoutRoot": [_ETC, [file(".wh..")]],
        "WhiteoutCurrentDirectory": [_ETC, [file("etc/.wh..")]],
        "WhiteoutSymlink": [linked, [whiteout("localetc")]],
        "WhiteoutSymlinkPath": [linked, [whiteout("localetc/secret"), whiteout("localetc/fifo")]],
        "WhiteoutDirectoryName": [linked, [file(".wh.localetc/secret", EVIL)]],
        "WhiteoutDeadSymlinkParent": [dead, [whiteout("localetc/secret")]],
        "WhiteoutRelativePath": [linked, [file(b"dne/../" + place.up + b"/.wh.secret")]],
    }
