"""What other tools got wrong on merged filesystems, one test each; the thread says where."""

from decimal import Decimal
from itertools import permutations

import pytest

from imgforensics import ProblemCode
from imgforensics.errors import SymlinkLoopError
from imgforensics.testing import (
    Entry,
    LayerSpec,
    directory,
    file,
    hard_link,
    opaque,
    symlink,
    whiteout,
)
from tests.filesystem.building import codes_of, image_of, shown, shown_of


def test_an_opaque_marker_hides_what_lower_layers_hold_and_keeps_the_directory() -> None:
    """https://github.com/google/go-containerregistry/issues/1897"""
    lower = [directory("d", mode=0o700, uid=7), file("d/a"), file("d/sub/deep")]
    with image_of(lower, [opaque("d"), file("d/b")]) as image:
        assert shown(image) == {"d": "dir", "d/b": "file "}
        assert (image.path("/d").stat().st_mode & 0o7777, image.path("/d").stat().st_uid) == (
            0o700,
            7,
        )
    with image_of(lower, [directory("d", mode=0o711), opaque("d")]) as image:
        assert shown(image) == {"d": "dir"}
        assert image.path("/d").stat().st_mode & 0o7777 == 0o711


def test_an_opaque_marker_is_no_whiteout_of_its_directory() -> None:
    """https://github.com/google/go-containerregistry/issues/2029"""
    assert shown_of([file("d/a"), file("e")], [opaque("d")]) == {"d": "dir", "e": "file "}


def test_an_opaque_root_hides_everything_below_its_layer() -> None:
    """https://github.com/concourse/registry-image-resource/pull/284"""
    assert shown_of([file("a"), file("d/b")], [opaque(""), file("c")]) == {"c": "file "}


@pytest.mark.parametrize(
    "order",
    list(permutations([opaque("d"), file("d/b", b"2"), whiteout("x"), file("x", b"2")])),
    ids=lambda order: "-".join(entry.name.decode() for entry in order),
)
def test_the_position_of_whiteouts_in_the_layer_changes_nothing(order: tuple[Entry, ...]) -> None:
    """https://github.com/opencontainers/image-spec/pull/1215
    https://github.com/containerd/containerd/issues/6991
    """
    lower = [file("d/a", b"1"), file("d/b", b"1"), file("x", b"1")]
    assert shown_of(lower, order) == {"d": "dir", "d/b": "file 2", "x": "file 2"}


def test_a_whiteout_of_a_middle_layer_does_not_hide_what_is_made_again_above() -> None:
    """https://github.com/msaad00/agent-bom/pull/3211"""
    layers = ([file("f", b"1")], [whiteout("f")], [file("f", b"3")])
    with image_of(*layers) as image:
        assert shown(image) == {"f": "file 3"}
        assert [str(event.change) for event in image.history_of("/f")] == [
            "added",
            "removed",
            "added",
        ]


@pytest.mark.parametrize("is_link_first", [True, False])
def test_a_whiteout_below_a_directory_that_becomes_a_link(is_link_first: bool) -> None:
    """https://github.com/GoogleContainerTools/kaniko/issues/2308"""
    lower = [file("a/a", b"1"), file("b/a", b"2"), file("b/c", b"3")]
    upper = [symlink("a", "b"), whiteout("a/a")]
    merged = shown_of(lower, upper if is_link_first else upper[::-1])
    assert merged == {"a": "link b", "b": "dir", "b/a": "file 2", "b/c": "file 3"}


def test_a_whiteout_removes_a_link_and_not_its_target() -> None:
    """https://github.com/apptainer/singularity/pull/1605"""
    lower = [file("usr/share/zoneinfo/UTC", b"z"), symlink("etc/l", "/usr/share/zoneinfo/UTC")]
    merged = shown_of(lower, [whiteout("etc/l")])
    assert "etc/l" not in merged
    assert merged["usr/share/zoneinfo/UTC"] == "file z"


@pytest.mark.parametrize("upper", [symlink("d", "e"), file("d", b"f"), hard_link("d", "e/y")])
def test_a_directory_replaced_without_a_whiteout_loses_its_children(upper: Entry) -> None:
    """https://github.com/aquasecurity/trivy/issues/2637
    https://github.com/quay/claircore/issues/712
    """
    merged = shown_of([file("d/x"), file("d/s/y"), file("e/y", b"e")], [upper])
    assert merged.keys() == {"d", "e", "e/y"}
    assert merged["d"] != "dir"


TWINS = [file("t2", b"old"), hard_link("t1", "t2"), hard_link("t3", "t2")]


def test_a_hard_link_that_is_written_anew_leaves_its_siblings_as_they_were() -> None:
    """https://github.com/google/go-containerregistry/issues/2002"""
    merged = shown_of(TWINS, [file("t1", b"new")])
    assert merged == {"t1": "file new", "t2": "file old", "t3": "file old"}


def test_a_deleted_name_leaves_a_files_other_names_readable() -> None:
    """https://github.com/anchore/stereoscope/pull/670"""
    assert shown_of(TWINS, [whiteout("t2")]) == {"t1": "file old", "t3": "file old"}


def test_a_hard_link_to_a_file_of_a_lower_layer() -> None:
    """https://github.com/opencontainers/image-spec/issues/1204
    https://github.com/quay/claircore/pull/474
    """
    layers = ([file("d/f", b"1")], [hard_link("h", "d/f")], [file("d/f", b"3")])
    with image_of(*layers) as image:
        assert shown(image, 1) == {"d": "dir", "d/f": "file 1", "h": "file 1"}
        assert shown(image) == {"d": "dir", "d/f": "file 3", "h": "file 1"}
        assert image.filesystem_at(1).get(b"h") is image.filesystem_at(1).get(b"d/f")


def test_a_hard_link_without_a_target_is_kept_and_reported() -> None:
    """https://github.com/GoogleContainerTools/kaniko/issues/342"""
    with image_of([hard_link("h", "nowhere"), file("f", b"1")]) as image:
        assert shown(image) == {"f": "file 1", "h": "hard-link"}
        assert codes_of(image) == [ProblemCode.HARD_LINK_BROKEN]


@pytest.mark.parametrize("target", ["x", ".wh.x", "kept", "nowhere"])
def test_a_whiteout_stored_as_a_hard_link_deletes_and_makes_nothing(target: str) -> None:
    """https://github.com/vmware/vic/issues/5997
    https://github.com/smol-machines/smolvm/pull/401
    """
    with image_of([file("x"), file("kept")], [hard_link(".wh.x", target)]) as image:
        assert shown(image) == {"kept": "file "}
        assert codes_of(image) == []


@pytest.mark.parametrize("name", [".wh.", "d/.wh.", ".wh..", "d/.wh..", "d/.wh..."])
def test_a_whiteout_of_nothing_deletes_nothing_and_is_reported(name: str) -> None:
    """https://github.com/moby/moby/issues/43279"""
    lower = [file("d/a"), file("b")]
    with image_of(lower, [file(name)]) as image:
        assert shown(image) == {"b": "file ", "d": "dir", "d/a": "file "}
        assert codes_of(image) == [ProblemCode.WHITEOUT_INVALID]
        assert image.problems[0].where.path == name.encode()


def test_a_whiteout_of_a_name_that_looks_like_one() -> None:
    """https://github.com/aboutcode-org/container-inspector/issues/3"""
    lower = [file("a.wh.b"), file("b"), file("a")]
    assert shown_of(lower, [file(".wh.a.wh.b")]) == {"a": "file ", "b": "file "}


def test_a_whiteout_that_is_a_directory() -> None:
    """https://github.com/moby/moby/issues/43279"""
    lower = [file("a"), file("b/c")]
    with image_of(lower, [directory(".wh.a/"), file(".wh.a/inner")]) as image:
        assert shown(image) == {"b": "dir", "b/c": "file "}
        assert codes_of(image) == [ProblemCode.WHITEOUT_NAME_AS_PARENT]


def test_what_aufs_left_is_listed_and_neither_shown_nor_opaque() -> None:
    """https://github.com/moby/moby/issues/43279"""
    left = [
        file(".wh..wh.aufs"),
        directory(".wh..wh.plnk/"),
        directory(".wh..wh.orph/"),
        file(".wh..wh.plnk/1.2", b"linked"),
        hard_link("name", ".wh..wh.plnk/1.2"),
    ]
    with image_of([file("lower")], left) as image:
        assert shown(image) == {"lower": "file ", "name": "file linked"}
        assert set(codes_of(image)) == {ProblemCode.WHITEOUT_METADATA}
        assert b".wh..wh.plnk/1.2" in {entry.path for entry in image.layers[1].entries}


@pytest.mark.parametrize("order", [1, -1])
def test_a_directory_deleted_twice_over(order: int) -> None:
    """https://github.com/opencontainers/umoci/issues/254"""
    upper = [whiteout("test"), file("test/.wh.test")]
    with image_of([file("test/test"), file("a")], upper[::order]) as image:
        assert shown(image) == {"a": "file "}
        assert codes_of(image) == []


def test_whiteouts_of_an_only_layer_are_listed_and_not_shown() -> None:
    """https://github.com/google/go-containerregistry/issues/1623
    https://github.com/crazy-max/undock/issues/254
    """
    with image_of([opaque("d"), file("d/a"), whiteout("never")]) as image:
        assert shown(image) == {"d": "dir", "d/a": "file "}
        listed = [entry.path for entry in image.layers[0].entries]
        assert listed == [b"d/.wh..wh..opq", b"d/a", b".wh.never"]


@pytest.mark.parametrize("name", [".", "/", "./", "a/..", ""])
def test_a_root_that_would_be_a_link_is_refused(name: str) -> None:
    """https://github.com/golang/vulndb/issues/1351 (CVE-2021-29136)"""
    with image_of([symlink(name, "/tmp"), file("a", b"1")], [file("b", b"2")]) as image:
        assert shown(image) == {"a": "file 1", "b": "file 2"}
        assert image.filesystem.root.is_directory
        assert codes_of(image) == [ProblemCode.ROOT_NOT_A_DIRECTORY]


@pytest.mark.parametrize("name", [".", "/", "./"])
def test_a_root_that_is_listed_gives_it_its_attributes(name: str) -> None:
    """https://github.com/google/go-containerregistry/issues/2399"""
    with image_of([file("a")], [directory(name, mode=0o700, uid=5)]) as image:
        assert shown(image) == {"a": "file "}
        root = image.path("/").stat()
        assert (root.st_mode & 0o7777, root.st_uid) == (0o700, 5)
        assert codes_of(image) == []


@pytest.mark.parametrize("name", ["../x", "a/../../x", "/../x", "../../../x"])
def test_a_name_that_climbs_is_kept_inside_and_reported(name: str) -> None:
    """https://github.com/anchore/syft/pull/2570 (GHSA-hpxr-w9w7-g4gv)"""
    with image_of([file(name, b"1")]) as image:
        assert shown(image) == {"x": "file 1"}
        assert codes_of(image) == [ProblemCode.ENTRY_OUTSIDE_ROOT]


@pytest.mark.parametrize("name", ["x", "./x", "/x", "//x", "././x", "a/../x", "/./x"])
def test_harmless_spellings_are_accepted_without_a_word(name: str) -> None:
    """https://github.com/anchore/syft/issues/2678
    https://github.com/superradcompany/microsandbox/pull/513
    """
    with image_of([file(name, b"1")]) as image:
        assert shown(image) == {"x": "file 1"}
        assert codes_of(image) == []


def test_a_backslash_is_a_letter() -> None:
    """https://github.com/anchore/syft/pull/2570"""
    assert shown_of([file("a\\..\\b", b"1")]) == {"a\\..\\b": "file 1"}


def test_a_name_with_a_zero_byte_is_listed_and_not_applied() -> None:
    """https://github.com/anchore/syft/pull/2570"""
    entry = file("short", b"1", pax=[("path", b"a\0b")])
    with image_of([entry, file("c")]) as image:
        assert shown(image).keys() == {"c"}
        assert ProblemCode.ENTRY_NAME_INVALID in codes_of(image)
        assert len(image.layers[0].entries) == 2


def test_links_that_are_absolute_or_climb_are_kept_as_they_are() -> None:
    """https://github.com/google/go-containerregistry/issues/2238
    https://github.com/google/go-containerregistry/issues/2268
    """
    links = [
        symlink("lib64", "/usr/lib64"),
        symlink("var/lock", "../run/lock"),
        symlink("up", ".."),
    ]
    with image_of([*links, file("usr/lib64/ld", b"1"), directory("run/lock")]) as image:
        merged = shown(image)
        assert merged["lib64"] == "link /usr/lib64"
        assert merged["var/lock"] == "link ../run/lock"
        assert image.path("/lib64/ld").read_text() == "1"
        assert image.path("/var/lock").is_dir()
        assert image.path("/up/up/lib64/ld").read_text() == "1"


def test_a_loop_of_links_is_reported_and_everything_else_is_found() -> None:
    """https://github.com/anchore/stereoscope/issues/206
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


def test_an_entry_below_a_loop_of_its_own_layers_links() -> None:
    """https://github.com/google/osv-scanner/issues/1486"""
    with image_of([symlink("a", "b"), symlink("b", "a"), file("a/f"), file("g")]) as image:
        assert shown(image) == {"a": "link b", "b": "link a", "g": "file "}
        assert codes_of(image) == [ProblemCode.PARENT_NOT_A_DIRECTORY]


def test_names_that_are_not_utf8_come_back_as_they_were() -> None:
    """https://github.com/quay/claircore/pull/985
    https://github.com/goldmann/docker-squash/pull/78
    """
    name = b"caf\xe9/\xff\xfe"
    with image_of([file(name, b"1")]) as image:
        (found,) = image.path("/").rglob(b"\xff*")
        assert bytes(found) == b"/" + name
        assert image.path(str(found)).read_bytes() == b"1"
        assert image.filesystem.get(name) is not None


def test_names_that_differ_by_case_are_two() -> None:
    """https://github.com/tinylabscom/mvm/issues/2028"""
    merged = shown_of([file("PAM.7.gz", b"1"), file("pam.7.gz", b"2")])
    assert merged == {"PAM.7.gz": "file 1", "pam.7.gz": "file 2"}


@pytest.mark.parametrize("name", [b"n" * 4000, b"/".join([b"d"] * 2000), b"n" * 255 + b"/" + b"m"])
def test_long_names_and_deep_paths(name: bytes) -> None:
    """https://github.com/google/go-containerregistry/pull/1414"""
    with image_of([file(name, b"1")], [file(name + b"2", b"2")]) as image:
        assert image.path(name).read_bytes() == b"1"
        assert image.path(name + b"2").read_bytes() == b"2"
        assert sum(1 for _, node in image.filesystem.walk() if not node.is_directory) == 2


def test_the_last_of_two_entries_counts_and_both_are_listed() -> None:
    """https://github.com/containers/storage/pull/1627"""
    with image_of([file("f", b"first"), file("./f", b"last", mode=0o600)]) as image:
        assert shown(image) == {"f": "file last"}
        assert [entry.path for entry in image.entries] == [b"f", b"f"]
        assert codes_of(image) == [ProblemCode.ENTRY_DUPLICATED]
        (first, _) = image.entries
        with image.open_content(first) as hidden:
            assert hidden.read() == b"first"


def test_a_directory_listed_twice_keeps_its_children_and_is_no_problem() -> None:
    """https://github.com/containers/storage/pull/1778"""
    with image_of([directory("d"), file("d/a"), directory("d/", mode=0o700)]) as image:
        assert shown(image) == {"d": "dir", "d/a": "file "}
        assert image.path("/d").stat().st_mode & 0o7777 == 0o700
        assert codes_of(image) == []


def test_layers_and_diff_ids_that_do_not_pair_are_not_attributed() -> None:
    """https://github.com/quay/claircore/pull/742"""
    first = LayerSpec([file("a", b"1")], created_by="COPY a")
    with image_of(first, LayerSpec([file("b", b"2")], diff_id="sha256:" + "0" * 64)) as image:
        assert shown(image) == {"a": "file 1", "b": "file 2"}
        assert codes_of(image) == [ProblemCode.DIFF_ID_MISMATCH]
        assert [layer.created_by for layer in image.layers] == ["COPY a", ""]


def test_an_entry_below_a_file_of_a_lower_layer_hides_it() -> None:
    """https://github.com/opencontainers/umoci/pull/589"""
    merged = shown_of([file("a"), symlink("l", "d"), file("d/x")], [file("a/b"), file("l/y")])
    assert merged == {
        "a": "dir",
        "a/b": "file ",
        "d": "dir",
        "d/x": "file ",
        "l": "dir",
        "l/y": "file ",
    }


def test_an_entry_below_a_file_of_its_own_layer_is_reported() -> None:
    """https://github.com/opencontainers/umoci/pull/589"""
    with image_of([file("a", b"1"), file("a/b")]) as image:
        assert shown(image) == {"a": "file 1"}
        assert codes_of(image) == [ProblemCode.PARENT_NOT_A_DIRECTORY]


def test_a_file_before_its_directory() -> None:
    """https://github.com/GoogleContainerTools/container-diff/pull/98"""
    with image_of([file("d/f", b"1"), directory("d", mode=0o500, mtime=Decimal("1.5"))]) as image:
        assert shown(image) == {"d": "dir", "d/f": "file 1"}
        assert image.path("/d").stat().st_mtime_ns == 1_500_000_000
