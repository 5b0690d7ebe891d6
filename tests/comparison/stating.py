"""What a filesystem holds, path by path, and what a diff makes of it."""

from dataclasses import dataclass, replace

from imgforensics import FileTree, Image, ImageDiff, Node
from imgforensics.comparison import Attribute, FileChange, Verdict
from imgforensics.filesystem.tree import walk
from imgforensics.layer import EntryKind


@dataclass(frozen=True)
class State:
    """One path, to the last attribute that a comparison is about."""

    kind: EntryKind
    mode: int
    owner: tuple[int, int]
    mtime_ns: int
    xattrs: tuple[tuple[bytes, bytes], ...]
    content: bytes
    link: bytes
    device: tuple[int, int]
    hard_links: tuple[bytes, ...]


States = dict[bytes, State]

FACTS = {
    Attribute.MODE: "mode",
    Attribute.OWNER: "owner",
    Attribute.MTIME: "mtime_ns",
    Attribute.XATTRS: "xattrs",
    Attribute.CONTENT: "content",
    Attribute.PYC_HEADER: "content",
    Attribute.SIZE: "content",
    Attribute.LINK: "link",
    Attribute.DEVICE: "device",
    Attribute.HARD_LINKS: "hard_links",
}
"""What each attribute is about, as fields of a state; `TYPE` is about all of them."""


def states(image: Image, tree: FileTree) -> States:
    """Everything in a snapshot."""
    names: dict[int, list[bytes]] = {}
    for path, node in walk(b"", tree.root):
        if not node.is_directory:
            names.setdefault(id(node), []).append(path)
    return {
        path: state(image, node, names.get(id(node), [])) for path, node in walk(b"", tree.root)
    }


def state(image: Image, node: Node, names: list[bytes] | tuple[bytes, ...]) -> State:
    content = b""
    if node.kind is EntryKind.FILE and node.entry is not None:
        with image.open_content(node.entry) as file:
            content = file.read()
    return State(
        kind=node.kind,
        mode=0 if node.kind is EntryKind.SYMLINK else node.mode,
        owner=(node.uid, node.gid),
        mtime_ns=node.mtime_ns,
        xattrs=tuple(sorted(node.xattrs.items())),
        content=content,
        link=node.link_target,
        device=node.device,
        hard_links=tuple(sorted(names)) if len(names) > 1 else (),
    )


def applied(before: States, diff: ImageDiff, after: Image) -> States:
    """What becomes of the first side when the changes, and nothing else, are made to it."""
    made = dict(before)
    for change in diff.files:
        if change.verdict in (Verdict.REMOVED, Verdict.MOVED):
            del made[change.path if change.moved_from is None else change.moved_from]
    for change in diff.files:
        assert change.verdict is not Verdict.UNKNOWN
        if change.verdict is not Verdict.REMOVED:
            made[change.path] = _made(before, change, after)
    return made


def _made(before: States, change: FileChange, after: Image) -> State:
    assert change.after is not None
    new = state(after, change.after, change.names_after)
    if change.verdict is Verdict.ADDED or Attribute.TYPE in change.attributes:
        return new
    if change.moved_from is not None:
        old = replace(before[change.moved_from], hard_links=new.hard_links)
    else:
        old = before[change.path]
    fields = {FACTS[attribute] for attribute in change.attributes}
    return replace(old, **{field: getattr(new, field) for field in fields})


def inverse(diff: ImageDiff) -> set[tuple[object, ...]]:
    """What the diff of the two sides in the other order must say."""
    swapped = {Verdict.ADDED: Verdict.REMOVED, Verdict.REMOVED: Verdict.ADDED}
    return {
        (
            change.path if change.moved_from is None else change.moved_from,
            None if change.moved_from is None else change.path,
            swapped.get(change.verdict, change.verdict),
            change.attributes,
            change.similarity,
        )
        for change in diff.files
    }


def told(diff: ImageDiff) -> set[tuple[object, ...]]:
    """The same of a diff as it is."""
    return {
        (change.path, change.moved_from, change.verdict, change.attributes, change.similarity)
        for change in diff.files
    }
