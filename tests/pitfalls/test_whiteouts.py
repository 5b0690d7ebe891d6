"""Whiteouts: names in a layer that delete what lower layers hold."""

from itertools import permutations
from pathlib import Path

import pytest

from imgforensics import ProblemCode
from imgforensics.testing import Entry, directory, file, hard_link, opaque, symlink, whiteout
from tests.filesystem.building import codes_of, image_of
from tests.pitfalls.building import merged


def test_an_opaque_marker_hides_what_lower_layers_hold_and_keeps_the_directory(
    tmp_path: Path,
) -> None:
    """Pitfall 1: an opaque marker was ignored, so that deleted files came back.

    https://github.com/google/go-containerregistry/issues/1897
    https://github.com/aboutcode-org/container-inspector/issues/3
    """
    lower = [directory("d", mode=0o700, uid=7), file("d/a"), file("d/sub/deep")]
    assert merged(tmp_path, lower, [opaque("d"), file("d/b")]) == {"d": "dir", "d/b": "file "}


def test_a_directory_emptied_by_a_marker_has_the_uppermost_attributes() -> None:
    """Pitfall 1: the directory lost its attributes with its content.

    https://github.com/google/go-containerregistry/issues/1897
    """
    lower = [directory("d", mode=0o700, uid=7), file("d/a")]
    with image_of(lower, [opaque("d"), file("d/b")]) as image:
        facts = image.path("/d").stat()
        assert (facts.st_mode & 0o7777, facts.st_uid) == (0o700, 7)
    with image_of(lower, [directory("d", mode=0o711), opaque("d")]) as image:
        facts = image.path("/d").stat()
        assert (facts.st_mode & 0o7777, facts.st_uid) == (0o711, 0)


def test_an_opaque_marker_is_no_whiteout_of_its_directory(tmp_path: Path) -> None:
    """Pitfall 1: an opaque marker was taken for a plain whiteout, and the directory was gone.

    https://github.com/google/go-containerregistry/issues/2029
    """
    layers = ([file("d/a"), file("e")], [opaque("d")])
    assert merged(tmp_path, *layers) == {"d": "dir", "e": "file "}


def test_an_opaque_root_hides_everything_below_its_layer(tmp_path: Path) -> None:
    """Pitfall 1: an opaque marker in the root directory was not recognised.

    https://github.com/concourse/registry-image-resource/pull/284
    """
    layers = ([file("a"), file("d/b")], [opaque(""), file("c")])
    assert merged(tmp_path, *layers) == {"c": "file "}


def test_an_opaque_marker_over_a_link_empties_no_other_directory(tmp_path: Path) -> None:
    """Pitfall 1: the marker was followed through a lower layer's link, and emptied its target.

    https://github.com/anchore/stereoscope/pull/694
    """
    lower = [file("target/keep", b"1"), symlink("d", "target")]
    assert merged(tmp_path, lower, [directory("d"), opaque("d"), file("d/new", b"2")]) == {
        "target": "dir",
        "target/keep": "file 1",
        "d": "dir",
        "d/new": "file 2",
    }


@pytest.mark.parametrize(
    "order",
    list(permutations([opaque("d"), file("d/b", b"2"), whiteout("x"), file("x", b"2")])),
    ids=lambda order: "-".join(entry.name.decode() for entry in order),
)
def test_the_position_of_whiteouts_in_the_layer_changes_nothing(
    order: tuple[Entry, ...], tmp_path: Path
) -> None:
    """Pitfall 2: a marker that stood behind its layer's own files deleted those.

    https://github.com/opencontainers/image-spec/pull/1215
    https://github.com/containerd/containerd/issues/6991
    """
    lower = [file("d/a", b"1"), file("d/b", b"1"), file("x", b"1")]
    assert merged(tmp_path, lower, order) == {"d": "dir", "d/b": "file 2", "x": "file 2"}


def test_a_whiteout_of_a_middle_layer_does_not_hide_what_is_made_again_above(
    tmp_path: Path,
) -> None:
    """Pitfall 3: whiteouts of all layers were collected first, and hid files made again above.

    https://github.com/msaad00/agent-bom/pull/3211
    """
    layers = ([file("f", b"1")], [whiteout("f")], [file("f", b"3")])
    assert merged(tmp_path, *layers) == {"f": "file 3"}
    with image_of(*layers) as image:
        changes = [str(event.change) for event in image.history_of("/f")]
        assert changes == ["added", "removed", "re-added"]


@pytest.mark.parametrize("is_link_first", [True, False])
def test_a_whiteout_below_a_directory_that_becomes_a_link(
    is_link_first: bool, tmp_path: Path
) -> None:
    """Pitfall 4: a whiteout below a path that its layer makes a link could not be applied.

    https://github.com/GoogleContainerTools/kaniko/issues/2308
    https://github.com/containers/storage/issues/1195
    """
    lower = [file("a/a", b"1"), file("b/a", b"2"), file("b/c", b"3")]
    upper = [symlink("a", "b"), whiteout("a/a")]
    answer = merged(tmp_path, lower, upper if is_link_first else upper[::-1])
    assert answer == {"a": "link b", "b": "dir", "b/a": "file 2", "b/c": "file 3"}
    with image_of(lower, upper) as image:
        assert codes_of(image) == []


def test_a_whiteout_removes_a_link_and_not_its_target(tmp_path: Path) -> None:
    """Pitfall 5: the target of a deleted link was removed, or looked for on the host.

    https://github.com/apptainer/singularity/pull/1605
    """
    host = tmp_path / "host"
    host.write_bytes(b"host")
    in_image = str(host).lstrip("/")
    lower = [file(in_image, b"image"), symlink("etc/localtime", str(host))]
    answer = merged(tmp_path, lower, [whiteout("etc/localtime")])
    assert "etc/localtime" not in answer
    assert answer["etc"] == "dir"
    assert answer[in_image] == "file image"
    assert host.read_bytes() == b"host"


@pytest.mark.parametrize("target", ["x", ".wh.x", "kept", "nowhere"])
def test_a_whiteout_stored_as_a_hard_link_deletes_and_makes_nothing(
    target: str, tmp_path: Path
) -> None:
    """Pitfall 9: whiteouts that Docker wrote as hard links were linked, not applied.

    https://github.com/vmware/vic/issues/5997
    https://github.com/smol-machines/smolvm/pull/401
    """
    layers = ([file("x"), file("kept")], [hard_link(".wh.x", target)])
    assert merged(tmp_path, *layers) == {"kept": "file "}
    with image_of(*layers) as image:
        assert codes_of(image) == []


@pytest.mark.parametrize("name", [".wh.", "d/.wh.", ".wh..", "d/.wh..", "d/.wh..."])
def test_a_whiteout_of_nothing_deletes_nothing_and_is_reported(name: str, tmp_path: Path) -> None:
    """Pitfall 10: a whiteout without a name deleted the directory it stands in, or more.

    https://github.com/opencontainers/umoci/blob/main/CHANGELOG.md
    https://github.com/opencontainers/image-spec/blob/main/layer.md#whiteouts
    """
    layers = ([file("d/a"), file("b")], [file(name)])
    assert merged(tmp_path, *layers) == {"b": "file ", "d": "dir", "d/a": "file "}
    with image_of(*layers) as image:
        assert codes_of(image) == [ProblemCode.WHITEOUT_INVALID]
        assert image.problems[0].where.path == name.encode()


def test_a_whiteout_of_a_name_that_looks_like_one(tmp_path: Path) -> None:
    """Pitfall 10: the name was cut at the last prefix, so that another file was deleted.

    https://github.com/aboutcode-org/container-inspector/issues/3
    """
    lower = [file("a.wh.b"), file("b"), file("a")]
    assert merged(tmp_path, lower, [file(".wh.a.wh.b")]) == {"a": "file ", "b": "file "}


def test_a_whiteout_that_is_a_directory(tmp_path: Path) -> None:
    """Pitfall 10: a whiteout that is a directory was made as one, with what stood in it.

    https://github.com/moby/moby/issues/43279
    """
    layers = ([file("a"), file("b/c")], [directory(".wh.a/"), file(".wh.a/inner")])
    assert merged(tmp_path, *layers) == {"b": "dir", "b/c": "file "}
    with image_of(*layers) as image:
        assert codes_of(image) == [ProblemCode.WHITEOUT_NAME_AS_PARENT]


def test_what_aufs_left_is_listed_and_neither_shown_nor_opaque(tmp_path: Path) -> None:
    """Pitfall 10: AUFS's bookkeeping was shown as files, or its prefix taken for an opaque marker.

    https://github.com/moby/moby/issues/43279
    """
    left = [
        file(".wh..wh.aufs"),
        directory(".wh..wh.plnk/"),
        directory(".wh..wh.orph/"),
        file(".wh..wh.plnk/1.2", b"linked"),
        hard_link("name", ".wh..wh.plnk/1.2"),
    ]
    layers = ([file("lower")], left)
    assert merged(tmp_path, *layers) == {"lower": "file ", "name": "file linked"}
    with image_of(*layers) as image:
        assert set(codes_of(image)) == {ProblemCode.WHITEOUT_METADATA}
        assert b".wh..wh.plnk/1.2" in {entry.path for entry in image.layers[1].entries}


@pytest.mark.parametrize("order", [1, -1])
def test_a_directory_deleted_twice_over(order: int, tmp_path: Path) -> None:
    """Pitfall 11: the whiteout inside a directory that the same layer deletes was an error.

    https://github.com/opencontainers/umoci/issues/254
    """
    upper = [whiteout("test"), file("test/.wh.test")][::order]
    layers = ([file("test/test"), file("a")], upper)
    assert merged(tmp_path, *layers) == {"a": "file "}
    with image_of(*layers) as image:
        assert codes_of(image) == []


def test_whiteouts_of_an_only_layer_are_listed_and_not_shown(tmp_path: Path) -> None:
    """Pitfall 12: where there was nothing to merge, whiteouts were left in the output.

    https://github.com/google/go-containerregistry/issues/1623
    https://github.com/crazy-max/undock/issues/254
    https://github.com/confidential-containers/guest-components/issues/876
    """
    only = [opaque("d"), file("d/a"), whiteout("never")]
    assert merged(tmp_path, only) == {"d": "dir", "d/a": "file "}
    with image_of(only) as image:
        listed = [entry.path for entry in image.layers[0].entries]
        assert listed == [b"d/.wh..wh..opq", b"d/a", b".wh.never"]
