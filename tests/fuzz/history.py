"""Layers over layers: snapshots against a model written from the specification, and histories.

The input is read as a list of changes, three bytes each: what is done, where, and how. So any
bytes are an image, and the fuzzer's search is for changes that meet in a new way.
"""

from collections.abc import Iterator, Sequence

from imgforensics import FileTree, Image, Node, PathEvent
from imgforensics.catalogue import choose, read_catalogue
from imgforensics.filesystem.history import Cause, Change
from imgforensics.testing import (
    Entry,
    ImageBuilder,
    Instruction,
    LayerSpec,
    Packing,
    directory,
    fifo,
    file,
    hard_link,
    oci_layout,
    opaque,
    symlink,
    whiteout,
)
from tests.filesystem.overlay_model import State, snapshots
from tests.fuzz.image_facts import check_record
from tests.fuzz.memory_source import MemorySource

_LAYERS = 6
_CHANGES = 60
_NAMES = (b"a", b"b", b"\xff")
_PATHS = (
    *_NAMES,
    *(one + b"/" + two for one in _NAMES for two in _NAMES),
    *(one + b"/" + two + b"/x" for one in _NAMES for two in _NAMES),
)
_SPELLINGS = (b"%s", b"./%s", b"/%s", b"b/../%s", b"../%s", b"%s/")
_TARGETS = (*_PATHS, b".", b"..", b"/", b"../b", b"/b/a", b"./a/../b", b"../../a", b"x", b"a/x")
_LINKS = (b"x", b"y", b"a/x", b"b/x", b"a/b/y")
_MODES = (0o644, 0o600, 0o755)

NEXT_LAYER, INSTRUCTION = b"\x07\0\0", b"\x08\0\0"


def check(data: bytes) -> None:
    """Build the image, compare each snapshot with the model, and each history with snapshots."""
    layers = list(_layers(data))
    members = [layer for layer in layers if not isinstance(layer, Instruction)]
    steps = [layer if isinstance(layer, Instruction) else LayerSpec(layer) for layer in layers]
    with built(ImageBuilder(steps)) as image:
        check_record(image.record)
        assert all(layer.record.history for layer in image.layers)
        trees = [image.filesystem_at(number) for number in range(-1, len(members))]
        for tree, state in zip(trees[1:], snapshots(members), strict=True):
            assert shown(image, tree) == modelled(state)
        paths = {path for tree in trees for path, _ in tree.walk()}
        for path in sorted(paths):
            check_history(image, path, trees)
        for path in _PATHS[:3]:
            image.history_of(path)


def built(builder: ImageBuilder) -> Image:
    """The image as an OCI layout in memory."""
    source = MemorySource.of_layout(oci_layout(builder, packing=Packing.NONE))
    return Image(choose(read_catalogue(source)), source)


def _layers(data: bytes) -> Iterator[list[Entry] | Instruction]:
    """Layers, with instructions between them that made none."""
    layer: list[Entry] = []
    count = 1
    for position in range(0, min(len(data) - 2, 3 * _CHANGES), 3):
        change, where, how = data[position : position + 3]
        if change % 9 < 7:
            layer.append(_entry(change % 9, where, how))
            continue
        if count == _LAYERS:
            break
        yield layer
        if change % 9 == 8:
            yield Instruction("ENV A=1")
        layer = []
        count += 1
    yield layer


def _entry(change: int, where: int, how: int) -> Entry:
    path = _PATHS[where % len(_PATHS)]
    name = _SPELLINGS[how % len(_SPELLINGS)] % path
    mode = _MODES[how // 16 % len(_MODES)]
    # A trailing slash makes a directory of a file only in archives older than ustar.
    plain = name.rstrip(b"/")
    made = (
        lambda: file(plain, bytes((how,)) * (how % 3), mode=mode),
        lambda: directory(name, mode=mode),
        lambda: symlink(plain, _TARGETS[how % len(_TARGETS)], mode=mode),
        lambda: hard_link(_LINKS[how % len(_LINKS)], path, mode=mode),
        lambda: fifo(plain, mode=mode),
        lambda: whiteout(path),
        lambda: opaque(path if how % 4 else b""),
    )
    return made[change]()


Shown = dict[bytes, tuple[str, bytes, int]]


def shown(image: Image, tree: FileTree) -> Shown:
    """A snapshot as the library gives it."""
    return {
        path: (str(node.kind), detail_of(image, node), node.mode)
        for path, node in tree.walk()
        if path
    }


def detail_of(image: Image, node: Node) -> bytes:
    """A file's content, a link's target."""
    if str(node.kind) == "file" and node.entry is not None:
        with image.open_content(node.entry) as content:
            return content.read()
    return node.link_target if str(node.kind) == "symlink" else b""


def modelled(state: State) -> Shown:
    """A snapshot as the model gives it."""
    return {
        b"/".join(path): (thing.kind, thing.detail, thing.mode) for path, thing in state.items()
    }


def check_history(image: Image, path: bytes, trees: Sequence[FileTree]) -> None:
    """Each event is a difference of two snapshots, and each difference is an event."""
    events = {event.layer.index: event for event in image.history_of(path)}
    assert list(events) == sorted(events)
    for number in range(len(trees) - 1):
        before, after = trees[number].get(path), trees[number + 1].get(path)
        event = events.get(number)
        if event is None:
            assert facts(image, before) == facts(image, after)
            continue
        assert (event.before, event.after) == (before, after)
        expected = change(facts(image, before), facts(image, after))
        if expected is Change.ADDED and min(events) < number:
            expected = Change.READDED
        assert event.change is expected or (path == b"" and number == 0)
        check_cause(event)


Facts = tuple[object, ...] | None


def facts(image: Image, node: Node | None) -> Facts:
    """Kind, content and attributes of what stands at a path."""
    if node is None:
        return None
    attributes = (node.mode, node.uid, node.gid, node.mtime_ns, dict(node.xattrs), node.device)
    return (node.kind, (detail_of(image, node), node.link_target), attributes)


def change(before: Facts, after: Facts) -> Change:
    """What makes the one of the other."""
    if before is None or after is None:
        return Change.ADDED if before is None else Change.REMOVED
    if before[0] is not after[0]:
        return Change.TYPE
    if before[1] != after[1]:
        return Change.CONTENT
    return Change.REWRITTEN if before == after else Change.METADATA


def check_cause(event: PathEvent) -> None:
    """The entry is of the event's layer, and of its path where the cause says so."""
    without_entry = (Cause.IMPLIED, Cause.REPLACED_PARENT)
    assert event.entry is not None or event.cause in without_entry
    if event.entry is not None:
        assert event.entry.layer_index == event.layer.index
        assert (event.cause is Cause.ENTRY) <= (event.entry.path == event.path)


def seeds() -> Iterator[bytes]:
    """Each change after each other one, in one layer and in two."""
    for first in range(7):
        for second in range(7):
            yield bytes((first, 3, 1, second, 3, 17))
            yield bytes((1, 0, 0, first, 3, 1)) + NEXT_LAYER + bytes((second, 0, 33, second, 3, 2))
    yield bytes((0, 0, 0)) + INSTRUCTION + bytes((5, 0, 0)) + NEXT_LAYER + bytes((0, 0, 0))
