"""Layers over layers, against a plain dictionary written from the image specification."""

from collections.abc import Mapping, Sequence

from hypothesis import given, settings
from hypothesis import strategies as st

from imgforensics import FileTree, Image, Node
from imgforensics.testing import Entry, directory, fifo, file, hard_link, opaque, symlink, whiteout
from tests.filesystem.building import image_of
from tests.filesystem.overlay_model import State, snapshots

NAMES = st.sampled_from([b"a", b"b", b"\xff"])
PATHS = st.lists(NAMES, min_size=1, max_size=3).map(b"/".join)
LINK_NAMES = st.sampled_from([b"x", b"a/x", b"b/x", b"y", b"a/b/y"])
SPELLINGS = st.sampled_from([b"%s", b"./%s", b"/%s", b"b/../%s", b"../%s"])
TARGETS = PATHS | st.sampled_from([b".", b"..", b"/", b"../b", b"/b/a", b"./a/../b", b"../../a"])
MODES = st.sampled_from([0o644, 0o600, 0o755])


CONTENTS = st.binary(max_size=3)
SLASHES = st.sampled_from([b"%s", b"%s/"])
PLACES = st.builds(bytes.__mod__, SPELLINGS, PATHS)

ENTRIES: dict[str, st.SearchStrategy[Entry]] = {
    "f": st.builds(file, PLACES, CONTENTS, mode=MODES),
    "d": st.builds(directory, st.builds(bytes.__mod__, SLASHES, PLACES), mode=MODES),
    "s": st.builds(symlink, PLACES, TARGETS, mode=MODES),
    "h": st.builds(hard_link, LINK_NAMES, PATHS | LINK_NAMES, mode=MODES),
    "p": st.builds(fifo, PLACES, mode=MODES),
    "w": st.builds(whiteout, PATHS | LINK_NAMES),
    "o": st.builds(opaque, PATHS | st.just(b"")),
}
ALL_KINDS = "fffdddsshhwwop"


def layers(kinds: str = ALL_KINDS) -> st.SearchStrategy[list[list[Entry]]]:
    entries = st.sampled_from(kinds).flatmap(ENTRIES.__getitem__)
    return st.lists(st.lists(entries, max_size=12), min_size=1, max_size=4)


NEAR = st.sampled_from([b"a", b"a/a", b"a/b", b"a/a/a"])
NEAR_ENTRIES: dict[str, st.SearchStrategy[Entry]] = {
    "f": st.builds(file, NEAR, CONTENTS),
    "d": st.builds(directory, NEAR),
    "w": st.builds(whiteout, NEAR),
}


def crowded_layers() -> st.SearchStrategy[list[list[Entry]]]:
    """Whiteouts and additions of one layer that nearly all concern each other."""
    entries = st.sampled_from("fffwwwwd").flatmap(NEAR_ENTRIES.__getitem__)
    return st.lists(st.lists(entries, min_size=6, max_size=10), min_size=2, max_size=2)


@given(layers())
def test_every_snapshot_is_what_the_specification_says(built: list[list[Entry]]) -> None:
    assert_as_specified(built)


@settings(max_examples=200)
@given(crowded_layers())
def test_whiteouts_and_additions_that_meet_are_what_the_specification_says(
    built: list[list[Entry]],
) -> None:
    assert_as_specified(built)


def assert_as_specified(built: list[list[Entry]]) -> None:
    with image_of(*built) as image:
        for number, state in enumerate(snapshots(built)):
            assert shown_by_tree(image, image.filesystem_at(number)) == shown_by_model(state)


@given(layers("fffdddsswwop"))
def test_what_a_layer_leaves_as_it_is_stays_the_same_object(built: list[list[Entry]]) -> None:
    with image_of(*built) as image:
        for number in range(len(built)):
            below, above = image.filesystem_at(number - 1), image.filesystem_at(number)
            for path, node in above.walk():
                before = below.get(path)
                if before is not None and facts(before) == facts(node):
                    assert before is node


@given(layers())
def test_a_snapshot_is_not_changed_by_the_layers_above(built: list[list[Entry]]) -> None:
    with image_of(*built) as image:
        trees = []
        first = []
        for number in range(len(built)):
            trees.append(image.filesystem_at(number))
            first.append(facts(trees[-1].root))
        assert [facts(tree.root) for tree in trees] == first


@given(layers("ffdwo"))
def test_where_whiteouts_stand_in_a_layer_does_not_matter(built: list[list[Entry]]) -> None:
    """https://github.com/opencontainers/image-spec/pull/1215"""
    moved = [whiteouts_last(members) for members in built]
    with image_of(*built) as one, image_of(*moved) as other:
        assert shown_by_tree(one, one.filesystem) == shown_by_tree(other, other.filesystem)


@given(layers())
def test_replaying_a_paths_history_gives_its_existence(built: list[list[Entry]]) -> None:
    with image_of(*built) as image:
        paths = {path for n in range(len(built)) for path, _ in image.filesystem_at(n).walk()}
        for path in paths - {b""}:
            events = {event.layer.index: event for event in image.history_of(path)}
            exists = False
            for number in range(len(built)):
                if number in events:
                    assert (events[number].before is not None) is exists
                    exists = events[number].change != "removed"
                assert (path in image.filesystem_at(number)) is exists


def whiteouts_last(members: Sequence[Entry]) -> list[Entry]:
    return sorted(members, key=lambda member: b".wh." in member.name)


Facts = list[tuple[bytes, object, object]]


def facts(node: Node) -> Facts:
    """What stands at and below a node, told by the entries that brought it."""
    found: Facts = []
    pending = [(b"", node)]
    while pending:
        path, node = pending.pop()
        found.append((path, node.entry, node.attributes))
        pending.extend((path + b"/" + name, child) for name, child in (node.children or {}).items())
    return sorted(found, key=lambda fact: fact[0])


Shown = dict[bytes, tuple[str, bytes, int, frozenset[bytes]]]


def shown_by_tree(image: Image, tree: FileTree) -> Shown:
    nodes = {path: node for path, node in tree.walk() if path}
    return {
        path: (str(node.kind), detail_of(image, node), node.mode, names_of(path, nodes))
        for path, node in nodes.items()
    }


def detail_of(image: Image, node: Node) -> bytes:
    if str(node.kind) == "file" and node.entry is not None:
        with image.open_content(node.entry) as content:
            return content.read()
    return node.link_target if str(node.kind) == "symlink" else b""


def shown_by_model(state: State) -> Shown:
    things = {b"/".join(path): thing for path, thing in state.items()}
    return {
        path: (thing.kind, thing.detail, thing.mode, names_of(path, things))
        for path, thing in things.items()
    }


def names_of(path: bytes, things: Mapping[bytes, object]) -> frozenset[bytes]:
    """All names of one file."""
    return frozenset(each for each, thing in things.items() if thing is things[path])
