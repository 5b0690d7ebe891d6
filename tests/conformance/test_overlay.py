"""The kernel's answers to whiteouts, through the oracle: what the other tests rely on."""

import io
import tarfile
from pathlib import Path

import pytest

from tests.conformance.cases import oracles_are_here
from tests.conformance.implied import Implied, implied_directories
from tests.conformance.overlay import overlay_tree
from tests.conformance.tree_facts import Tree

pytestmark = [
    pytest.mark.root,
    pytest.mark.oracle,
    pytest.mark.skipif(not oracles_are_here(), reason="needs root, skopeo, umoci and GNU tar"),
]


def _tar(path: Path, *names: str) -> Path:
    """Write a tar of empty files; a name that ends in ``/`` is a directory of mode 0750."""
    with tarfile.open(path, "w", format=tarfile.PAX_FORMAT) as archive:
        for name in names:
            member = tarfile.TarInfo(name)
            member.mtime = 1_700_000_000
            if name.endswith("/"):
                member.type, member.mode = tarfile.DIRTYPE, 0o750
            archive.addfile(member, io.BytesIO())
    return path


def _tree(directory: Path, *layers: tuple[str, ...]) -> Tree:
    tars = [_tar(directory / f"{number}.tar", *names) for number, names in enumerate(layers)]
    return overlay_tree(tars, directory / "work")


BELOW = ("d/", "d/old", "d/sub/", "d/sub/x", "e")


@pytest.mark.parametrize(
    ("upper", "visible"),
    [
        (("d/", "d/.wh.old"), {b"/d", b"/d/sub", b"/d/sub/x", b"/e"}),
        (("d/.wh.old", "d/.wh.sub", ".wh.e"), {b"/d"}),
        ((".wh.d",), {b"/e"}),
        (("d/", "d/new", ".wh.d"), {b"/d", b"/d/new", b"/e"}),
        (("d/", "d/new", "d/.wh..wh..opq"), {b"/d", b"/d/new", b"/e"}),
        (("d/", "d/.wh..wh..opq", "d/.wh.old"), {b"/d", b"/e"}),
        (("d/.wh.old", ".wh.d", "d/new"), {b"/d", b"/d/new", b"/e"}),
        (("n", ".wh..wh..opq"), {b"/n"}),
        (("fresh/", "fresh/.wh.nothing", ".wh.d"), {b"/fresh", b"/e"}),
        ((".wh..wh.plnk/", ".wh..wh.plnk/1.2", ".wh.d"), {b"/e"}),
        (("line\nbreak/", "back\\slash/", ".wh.d"), {b"/line\nbreak", b"/back\\slash", b"/e"}),
    ],
)
def test_what_an_upper_layer_hides(
    tmp_path: Path, upper: tuple[str, ...], visible: set[bytes]
) -> None:
    assert set(_tree(tmp_path, BELOW, upper)) == visible | {b"/"}


def test_whiteouts_leave_the_time_of_their_directory(tmp_path: Path) -> None:
    tree = _tree(tmp_path, BELOW, ("d/", "d/.wh.old"))
    assert tree[b"/d"].mtime_ns == 1_700_000_000 * 10**9


def test_an_implied_directory_is_as_the_layer_below_has_it(tmp_path: Path) -> None:
    tree = _tree(tmp_path, BELOW, ("d/new",))
    assert (tree[b"/d"].mode, tree[b"/d"].mtime_ns) == (0o750, 1_700_000_000 * 10**9)
    implied = implied_directories([tmp_path / "0.tar", tmp_path / "1.tar"])
    assert implied == Implied(by_all=frozenset({b"/"}), by_some=frozenset({b"/d"}))


def test_a_hundred_and_fifty_layers(tmp_path: Path) -> None:
    tree = _tree(tmp_path, *((f"f{number}",) for number in range(150)))
    assert len(tree) == 151


def test_nothing_stays_mounted(tmp_path: Path) -> None:
    _tree(tmp_path, BELOW)
    assert str(tmp_path) not in Path("/proc/self/mounts").read_text(encoding="utf-8")
