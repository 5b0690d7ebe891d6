"""Hard links, symbolic links, and what takes the place of a directory."""

from pathlib import Path

import pytest

from imgforensics import ProblemCode, extract, write_tar
from imgforensics.errors import BrokenHardLinkError, SymlinkLoopError
from imgforensics.testing import Entry, directory, file, hard_link, symlink, whiteout
from tests.extraction.building import names
from tests.filesystem.building import codes_of, image_of, shown
from tests.pitfalls.building import merged


@pytest.mark.parametrize("upper", [symlink("d", "e"), file("d", b"f"), hard_link("d", "e/y")])
def test_a_directory_replaced_without_a_whiteout_loses_its_children(
    upper: Entry, tmp_path: Path
) -> None:
    """Pitfall 6: files of a directory that became a link were still listed, packages with them.

    https://github.com/aquasecurity/trivy/issues/2637
    https://github.com/quay/claircore/issues/712
    """
    layers = ([file("d/x"), file("d/s/y"), file("e/y", b"e")], [upper])
    answer = merged(tmp_path, *layers)
    assert answer.keys() == {"d", "e", "e/y"}
    assert answer["d"] != "dir"
    with image_of(*layers) as image:
        assert image.filesystem.get(b"d/x") is None
        assert [str(event.change) for event in image.history_of("/d/x")] == ["added", "removed"]


TWINS = [file("t2", b"old"), hard_link("t1", "t2"), hard_link("t3", "t2")]


def test_a_hard_link_that_is_written_anew_leaves_its_siblings_as_they_were(
    tmp_path: Path,
) -> None:
    """Pitfall 7: a new file under one name was written into the file that other names share.

    https://github.com/google/go-containerregistry/issues/2002
    """
    layers = (TWINS, [file("t1", b"new")])
    assert merged(tmp_path, *layers) == {"t1": "file new", "t2": "file old", "t3": "file old"}
    with image_of(*layers) as image:
        extract(image, tmp_path / "out")
    inodes = {name: (tmp_path / "out" / name).stat().st_ino for name in ("t1", "t2", "t3")}
    assert inodes["t2"] == inodes["t3"] != inodes["t1"]


def test_a_deleted_name_leaves_a_files_other_names_readable(tmp_path: Path) -> None:
    """Pitfall 7: with the name that has the content, the content of its links was lost.

    https://github.com/anchore/stereoscope/pull/670
    https://github.com/GoogleContainerTools/kaniko/issues/282
    """
    assert merged(tmp_path, TWINS, [whiteout("t2")]) == {"t1": "file old", "t3": "file old"}


def test_a_hard_link_to_a_file_of_a_lower_layer(tmp_path: Path) -> None:
    """Pitfall 8: a hard link's target was looked for in its own layer alone.

    https://github.com/opencontainers/image-spec/issues/1204
    https://github.com/quay/claircore/pull/474
    """
    layers = ([file("d/f", b"1")], [hard_link("h", "d/f")], [file("d/f", b"3")])
    assert merged(tmp_path, *layers[:2]) == {"d": "dir", "d/f": "file 1", "h": "file 1"}
    assert merged(tmp_path, *layers) == {"d": "dir", "d/f": "file 3", "h": "file 1"}
    with image_of(*layers) as image:
        assert image.filesystem_at(1).get(b"h") is image.filesystem_at(1).get(b"d/f")


def test_a_hard_link_without_a_target_is_kept_and_reported(tmp_path: Path) -> None:
    """Pitfall 8: one hard link whose target is nowhere ended the work on the whole image.

    https://github.com/GoogleContainerTools/kaniko/issues/342
    """
    with image_of([hard_link("h", "nowhere"), file("f", b"1")]) as image:
        assert shown(image) == {"f": "file 1", "h": "hard-link"}
        assert codes_of(image) == [ProblemCode.HARD_LINK_BROKEN]
        with pytest.raises(BrokenHardLinkError):
            image.path("/h").read_bytes()
        record = extract(image, tmp_path / "out")
    assert names(tmp_path / "out") == ["f"]
    assert [(one.path, one.reason.value) for one in record.deviations if one.path == b"h"] == [
        (b"h", "hard-link-broken")
    ]


def test_links_that_are_absolute_or_climb_are_kept_as_they_are(tmp_path: Path) -> None:
    """Pitfall 16: to be safe, links with absolute targets or `..` were left out or rewritten.

    https://github.com/google/go-containerregistry/issues/2238
    https://github.com/google/go-containerregistry/issues/2268
    """
    links = [
        symlink("lib64", "/usr/lib64"),
        symlink("var/lock", "../run/lock"),
        symlink("up", "../../.."),
    ]
    layer = [*links, file("usr/lib64/ld", b"1"), directory("run/lock")]
    answer = merged(tmp_path, layer)
    assert answer["lib64"] == "link /usr/lib64"
    assert answer["var/lock"] == "link ../run/lock"
    assert answer["up"] == "link ../../.."
    with image_of(layer) as image:
        assert image.path("/lib64/ld").read_text() == "1"
        assert image.path("/var/lock").is_dir()
        assert image.path("/up/up/lib64/ld").read_text() == "1"
        assert codes_of(image) == []


def test_a_loop_of_links_is_reported_and_everything_else_is_found(tmp_path: Path) -> None:
    """Pitfall 19: two links that name each other ended the search of all that came after them.

    https://github.com/anchore/stereoscope/issues/206
    https://github.com/larsks/undocker/issues/3
    """
    loop = [symlink("a", "b"), symlink("b", "a"), symlink("self", "self"), symlink("d/up", "..")]
    with image_of([*loop, file("d/f", b"1"), hard_link("d/g", "a/x")]) as image:
        with pytest.raises(SymlinkLoopError):
            image.path("/a").read_bytes()
        assert not image.path("/self").exists()
        assert image.path("/d/up/d/up/d/f").read_text() == "1"
        found = {str(path) for path in image.path("/").rglob("*")}
        assert found == {"/a", "/b", "/self", "/d", "/d/up", "/d/f", "/d/g"}
        extract(image, tmp_path / "out")
        write_tar(image, tmp_path / "out.tar")
    assert names(tmp_path / "out") == ["a", "b", "d", "self"]
    assert names(tmp_path / "out" / "d") == ["f", "up"]


def test_an_entry_below_a_loop_of_its_own_layers_links(tmp_path: Path) -> None:
    """Pitfall 19: a file below a loop of links took the whole layer with it.

    https://github.com/google/osv-scanner/issues/1486
    """
    layer = [symlink("a", "b"), symlink("b", "a"), file("a/f"), file("g")]
    assert merged(tmp_path, layer) == {"a": "link b", "b": "link a", "g": "file "}
    with image_of(layer) as image:
        assert codes_of(image) == [ProblemCode.PARENT_NOT_A_DIRECTORY]


def test_an_installed_file_that_becomes_a_link_to_its_own_hard_link(tmp_path: Path) -> None:
    """Pitfall 19: a cache's hard link was followed by name, into a link that leads back to it.

    uv and pip link what they install into a cache; a later layer may swap the two.
    https://github.com/anchore/stereoscope/pull/665
    """
    installed = [file("site/module.py", b"code"), hard_link("cache/module.py", "site/module.py")]
    layers = (installed, [symlink("site/module.py", "../cache/module.py")])
    assert merged(tmp_path, *layers) == {
        "cache": "dir",
        "cache/module.py": "file code",
        "site": "dir",
        "site/module.py": "link ../cache/module.py",
    }
    with image_of(*layers) as image:
        assert image.path("/site/module.py").read_text() == "code"
        assert codes_of(image) == []
