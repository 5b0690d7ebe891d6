"""Presets of rules, each against its engine: umoci itself, and go-containerregistry restated."""

import hashlib
import os
import posixpath
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgforensics import FileTree, Image, open_image
from imgforensics.filesystem import DOCKER, GO_CONTAINERREGISTRY, OVERLAYFS, UMOCI
from imgforensics.testing import (
    Entry,
    ImageBuilder,
    archive,
    directory,
    docker_layout,
    file,
    hard_link,
    oci_layout,
    opaque,
    symlink,
    whiteout,
    write_layout,
)
from tests.conformance.commands import EngineAbsentError
from tests.conformance.docker import docker_tree
from tests.conformance.tree_facts import PathFacts
from tests.filesystem.building import image_of

Layers = Sequence[Sequence[Entry]]
Shown = dict[str, str]


def shown_by(image: Image, tree: FileTree) -> Shown:
    found = {}
    for path, node in tree.walk():
        if str(node.kind) == "file" and node.entry is not None:
            with image.open_content(node.entry) as content:
                found[path.decode()] = "file " + hashlib.sha256(content.read()).hexdigest()
        else:
            found[path.decode()] = f"{node.kind} {node.link_target.decode()}"
    return found


# umoci.

LOWER_LINK = [directory("usr/lib"), symlink("lib", "usr/lib"), file("usr/lib/old", b"0")]

UMOCI_CASES: dict[str, Layers] = {
    "an entry below a lower layer's link": (LOWER_LINK, [file("lib/new", b"1")]),
    "a whiteout below a lower layer's link": (LOWER_LINK, [whiteout("lib/old")]),
    "an opaque marker below a lower layer's link": (LOWER_LINK, [opaque("lib")]),
    "a hard link to a file below a lower layer's link": (
        LOWER_LINK,
        [hard_link("name", "lib/old")],
    ),
    "an absolute link": ([directory("a"), symlink("l", "/a")], [file("l/f", b"1")]),
    "a link above the root": ([directory("a"), symlink("l", "../../a")], [file("l/f", b"1")]),
    "links of links": (
        [directory("a/b"), symlink("l", "m"), symlink("m", "a")],
        [file("l/b/f", b"1")],
    ),
    "a directory that takes a link's place": (LOWER_LINK, [directory("lib"), file("lib/f", b"1")]),
    "a whiteout below its layer's link": (
        [file("d/x", b"1"), file("d/y", b"2")],
        [symlink("l", "d"), whiteout("l/x")],
    ),
    "whiteouts and their siblings": (
        [file("d/a", b"1"), file("d/b", b"2"), file("e", b"3")],
        [whiteout("d/a"), file("d/c", b"4"), whiteout("e"), file("e", b"5")],
    ),
    "an opaque marker after a sibling": (
        [file("d/a", b"1"), file("d/b", b"2")],
        [directory("d"), file("d/b", b"3"), opaque("d")],
    ),
}


@pytest.mark.oracle
@pytest.mark.root
@pytest.mark.skipif(not shutil.which("umoci"), reason="umoci is not installed")
@pytest.mark.skipif(os.geteuid() != 0, reason="umoci restores owners")
@pytest.mark.parametrize("layers", UMOCI_CASES.values(), ids=UMOCI_CASES)
def test_the_umoci_preset_shows_what_umoci_unpacks(layers: Layers, tmp_path: Path) -> None:
    write_layout(oci_layout(ImageBuilder(layers, tags=["tag"])), tmp_path / "layout")
    target = tmp_path / "unpacked"
    subprocess.run(
        ["umoci", "raw", "unpack", "--image", f"{tmp_path / 'layout'}:tag", str(target)],
        check=True,
        capture_output=True,
    )
    with open_image(tmp_path / "layout") as image:
        assert shown_by(image, image.filesystem_by(UMOCI)) == dict(on_disk(target))


def on_disk(top: Path) -> Iterator[tuple[str, str]]:
    yield "", "directory "
    for path in top.rglob("*"):
        name = path.relative_to(top).as_posix()
        if path.is_symlink():
            yield name, f"symlink {path.readlink()}"
        elif path.is_dir():
            yield name, "directory "
        else:
            yield name, "file " + hashlib.sha256(path.read_bytes()).hexdigest()


def test_umoci_and_overlayfs_differ_below_a_lower_layers_link() -> None:
    with image_of(LOWER_LINK, [file("lib/new", b"1")]) as image:
        found = image.ambiguities(UMOCI)
        assert [(each.path, each.rules, each.other_rules) for each in found] == [
            (b"lib", "overlayfs", "umoci"),
            (b"usr/lib/new", "overlayfs", "umoci"),
        ]
        assert str(found[0]) == (
            "/lib: overlayfs shows a directory, umoci shows a symlink of layer 0"
        )
        assert str(found[1]) == (
            "/usr/lib/new: overlayfs shows nothing, umoci shows a file of layer 1"
        )


# Docker.

BELOW = [directory("d"), file("d/x", b"1"), file("d/y", b"2"), symlink("lower", "d")]

DOCKER_CASES: dict[str, tuple[Layers, bool]] = {
    "a whiteout below its layer's link": (
        (BELOW, [directory("d"), symlink("l", "/d"), whiteout("l/x")]),
        True,
    ),
    "an opaque marker below its layer's link": (
        (BELOW, [directory("d"), symlink("l", "d"), opaque("l"), file("d/n", b"3")]),
        True,
    ),
    "a whiteout below a hard link to its layer's link": (
        (BELOW, [directory("d"), symlink("l", "d"), hard_link("m", "l"), whiteout("m/x")]),
        True,
    ),
    "an opaque marker below a link that leads above itself": (
        (BELOW, [symlink("d/up", "../../d"), opaque("d/up"), file("d/n", b"3")]),
        True,
    ),
    "a whiteout below a link that follows it": (
        (BELOW, [directory("d"), whiteout("l/x"), symlink("l", "d")]),
        True,
    ),
    "a whiteout before a directory of its name": (
        (BELOW, [whiteout("d"), directory("d"), file("d/n", b"3")]),
        False,
    ),
    "a whiteout below a lower layer's link": ((BELOW, [whiteout("lower/x")]), False),
    "a whiteout below nothing": ((BELOW, [whiteout("new/x")]), False),
    "an opaque root": ((BELOW, [opaque(""), file("n", b"3")]), False),
    "a file in place of a directory above": ((BELOW, [file("d/x/z", b"3")]), True),
    "an opaque marker and a whiteout": (
        (BELOW, [opaque("d"), file("d/x", b"3"), whiteout("d/y")]),
        True,
    ),
}
"""Layers, and whether the default rules show the same of them."""


@pytest.mark.parametrize(("layers", "is_default"), DOCKER_CASES.values(), ids=DOCKER_CASES)
def test_the_docker_preset_differs_from_the_default_where_it_says(
    layers: Layers, is_default: bool
) -> None:
    with image_of(*layers) as image:
        docker = shown_by(image, image.filesystem_by(DOCKER))
        assert (docker == shown_by(image, image.filesystem)) is is_default
        ambiguous = {each.other_rules for each in image.ambiguities()}
        assert (DOCKER.name in ambiguous) is not is_default


@pytest.mark.oracle
@pytest.mark.root
@pytest.mark.skipif(os.geteuid() != 0, reason="dockerd needs root")
@pytest.mark.parametrize(
    "layers", [layers for layers, _ in DOCKER_CASES.values()], ids=DOCKER_CASES
)
def test_the_docker_preset_shows_what_docker_mounts(layers: Layers, tmp_path: Path) -> None:
    source = tmp_path / "image.tar"
    source.write_bytes(archive(docker_layout(ImageBuilder(layers))))
    try:
        mounted = docker_tree(source, tmp_path / "mounted")
    except EngineAbsentError as absent:
        pytest.skip(str(absent))
    with open_image(source) as image:
        assert shown_by(image, image.filesystem_by(DOCKER)) == {
            path.decode().removeprefix("/"): told(facts) for path, facts in mounted.items()
        }


def told(facts: PathFacts) -> str:
    match facts.kind:
        case "f":
            return f"file {facts.sha256}"
        case "l":
            return f"symlink {os.fsdecode(facts.link or b'')}"
        case _:
            return "directory "


def test_the_layer_that_deletes_through_its_link_is_named() -> None:
    layers = [directory("d"), symlink("l", "d"), whiteout("l/x")]
    with image_of([file("d/x", b"1")], layers) as image:
        event = image.history_of("/d/x")[-1]
        assert (str(event.change), str(event.cause)) == ("removed", "whiteout")
        assert event.entry is not None
        assert event.entry.path == b"l/.wh.x"


@pytest.mark.parametrize(
    "links",
    [
        [symlink("l", "l")],
        [symlink("l", "m"), symlink("m", "l")],
        [symlink("l", "missing")],
        [symlink("l", "../" * 5_000)],
        [symlink("l", "d"), file("l", b"")],
        [symlink("l", "")],
        [symlink("l", ".wh.d")],
    ],
)
def test_a_link_that_leads_nowhere_hides_nothing(links: list[Entry]) -> None:
    """Engines refuse these; the whiteout is about its own path then, where nothing is."""
    with image_of([file("d/x", b"1")], [*links, whiteout("l/x")]) as image:
        assert "d/x" in shown_by(image, image.filesystem)


# go-containerregistry.


def extracted(layers: Layers) -> dict[str, tuple[int, int]]:
    """Names that `mutate.Extract` writes, each with its layer and its place in it.

    Restated from go-containerregistry, pkg/v1/mutate/mutate.go (`extract`, `inWhiteoutDir`).
    """
    seen: dict[str, bool] = {}
    written: dict[str, tuple[int, int]] = {}
    for index in reversed(range(len(layers))):
        for ordinal, member in enumerate(layers[index]):
            cleaned = posixpath.normpath(member.name.decode().lstrip("/"))
            above, base = posixpath.split(cleaned)
            is_tombstone = base.startswith(".wh.")
            is_directory = member.type_flag == b"5"
            bare = base.removeprefix(".wh.") if is_tombstone else base
            name = cleaned if is_directory else posixpath.join(above, bare)
            if name in seen or any(seen.get(parent) for parent in parents_of(name)):
                continue
            seen[name] = is_tombstone or not is_directory
            if not is_tombstone:
                written[cleaned] = (index, ordinal)
    return written


def parents_of(name: str) -> list[str]:
    parts = name.split("/")
    return ["/".join(parts[:count]) for count in range(1, len(parts))]


NAMES = st.lists(st.sampled_from("abc"), min_size=1, max_size=3).map("/".join)
MEMBERS = st.one_of(
    st.builds(file, NAMES, st.binary(max_size=2)),
    st.builds(directory, NAMES),
    st.builds(symlink, NAMES, NAMES),
    st.builds(whiteout, NAMES),
    st.builds(opaque, NAMES),
)


@given(st.lists(st.lists(MEMBERS, max_size=8), max_size=4))
def test_the_go_containerregistry_preset_shows_what_extract_writes(layers: Layers) -> None:
    """But for names that it writes above other names, and as something else than a directory.

    No filesystem holds both; which one an engine keeps depends on who unpacks the result.
    """
    expected = extracted(layers)
    impossible = {
        parent
        for name in expected
        for parent in parents_of(name)
        if parent in expected and not is_directory_at(layers, expected[parent])
    }
    expected = {
        name: place
        for name, place in expected.items()
        if name not in impossible and not impossible & set(parents_of(name))
    }
    with image_of(*layers) as image:
        found = {}
        for path, node in image.filesystem_by(GO_CONTAINERREGISTRY).walk():
            name = path.decode()
            if node.entry is not None and not impossible & {name, *parents_of(name)}:
                found[name] = (node.entry.layer_index, node.entry.member.ordinal)
    assert found == expected


def is_directory_at(layers: Layers, place: tuple[int, int]) -> bool:
    return layers[place[0]][place[1]].type_flag == b"5"


def test_a_flattened_hard_link_has_what_now_stands_at_its_target() -> None:
    """https://github.com/google/go-containerregistry/issues/2002"""
    with image_of([file("a", b"1"), hard_link("h", "a")], [file("a", b"2")]) as image:
        tree = image.filesystem_by(GO_CONTAINERREGISTRY)
        assert tree.layer_index == 1
        assert tree.get(b"h") is tree.get(b"a")
        node = tree.get(b"h")
        assert node is not None
        assert node.layer_index == 1


# Where they differ.


@pytest.mark.parametrize(
    ("layers", "expected"),
    [
        (([file("a")], [whiteout("a")]), {}),
        (([file("d/a")], [opaque("d")]), {"go-containerregistry": [b"d/a"]}),
        (([whiteout("a"), file("a")],), {"go-containerregistry": [b"a"]}),
        (([file("a"), whiteout("a")],), {}),
        (([file("a", b"1"), file("a", b"2")],), {"go-containerregistry": [b"a"]}),
        (
            ([symlink("l", "d"), file("l/f")],),
            {"go-containerregistry": [b"d"]},
        ),
        (
            ([directory("d"), symlink("l", "d")], [file("l/f")]),
            {"umoci": [b"d/f", b"l"]},
        ),
        (
            ([file("a", b"1"), hard_link("h", "a")], [file("a", b"2")]),
            {"go-containerregistry": [b"h"]},
        ),
        (
            ([file("d/a")], [whiteout("d")], [directory("d")]),
            {"go-containerregistry": [b"d/a"]},
        ),
        (
            ([file("d/a"), file("d/b")], [directory("d"), whiteout("d")]),
            {"go-containerregistry": [b"d/a", b"d/b"]},
        ),
    ],
)
def test_ambiguities_are_the_paths_that_differ(
    layers: Layers, expected: dict[str, list[bytes]]
) -> None:
    with image_of(*layers) as image:
        found: dict[str, list[bytes]] = {}
        for each in image.ambiguities():
            assert each.rules == OVERLAYFS.name
            assert each.node is image.filesystem.get(each.path)
            found.setdefault(each.other_rules, []).append(each.path)
        assert found == expected
