"""What the snapshot asks for, set against what the first stage wrote."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from imgforensics.errors import MissingBlobError
from imgforensics.filesystem.node import Node
from imgforensics.filesystem.tree import FileTree
from imgforensics.image import Image
from imgforensics.layer.entry import LayerEntry
from imgforensics.tarstream.member import EntryKind

Place = tuple[bytes, Node]
NOTHING_WRITTEN: Mapping[bytes, LayerEntry] = MappingProxyType({})


@dataclass(slots=True)
class Plan:
    """Everything that is still to be done to make the output what the snapshot says."""

    directories: list[Place] = field(default_factory=list)
    """All of them, parents first, the root first of all."""
    misplaced: dict[bytes, LayerEntry] = field(default_factory=dict)
    """Written, and not what the snapshot shows at that path."""
    standing: dict[Node, bytes] = field(default_factory=dict)
    """Files that stand where they belong."""
    absent: dict[Node, bytes] = field(default_factory=dict)
    """Files whose content is still to come, each under the first of its names."""
    others: dict[Node, bytes] = field(default_factory=dict)
    """Symbolic links, devices and the like, each under the first of its names."""
    links: list[Place] = field(default_factory=list)
    """Further names of any of these."""
    refused: list[bytes] = field(default_factory=list)
    """Paths that the target takes no such names for, whatever they are."""

    def home_of(self, node: Node) -> bytes:
        """The first of a node's names."""
        for homes in (self.standing, self.absent, self.others):
            if node in homes:
                return homes[node]
        raise KeyError(node)


def make_plan(
    tree: FileTree,
    selected: Callable[[bytes], bool],
    takes: Callable[[bytes], bool],
    written: Mapping[bytes, LayerEntry] = NOTHING_WRITTEN,
) -> Plan:
    """Sort every selected path of the snapshot; directories above them are selected too.

    What `takes` says no to is refused, and so are not its other names.
    """
    plan = Plan()
    directories: list[Place] = []
    needed: set[bytes] = {b""}
    pending: list[Place] = []
    for path, node in tree.walk():
        if node.children is not None:
            directories.append((path, node))
        elif node.entry is written.get(path):
            # It was selected and taken before it was written.
            plan.standing[node] = path
            _need(path.rpartition(b"/")[0], needed)
            continue
        if not selected(path):
            continue
        if not takes(path):
            plan.refused.append(path)
        elif node.children is not None:
            _need(path, needed)
        else:
            _need(path.rpartition(b"/")[0], needed)
            pending.append((path, node))
    plan.directories = [place for place in directories if place[0] in needed]
    plan.misplaced = _misplaced(written, plan.standing)
    for path, node in pending:
        _sort(plan, path, node)
    return plan


def _misplaced(
    written: Mapping[bytes, LayerEntry], standing: Mapping[Node, bytes]
) -> dict[bytes, LayerEntry]:
    if len(standing) == len(written):
        return {}
    rightly = set(standing.values())
    return {path: entry for path, entry in written.items() if path not in rightly}


def _need(directory: bytes, needed: set[bytes]) -> None:
    while directory not in needed:
        needed.add(directory)
        directory = directory.rpartition(b"/")[0]


def _sort(plan: Plan, path: bytes, node: Node) -> None:
    if node in plan.standing or node in plan.absent or node in plan.others:
        plan.links.append((path, node))
    elif node.kind is EntryKind.FILE:
        plan.absent[node] = path
    else:
        plan.others[node] = path


def top_layer(image: Image, layer: int | None) -> int:
    """Index of the last layer to apply; raises `IndexError` where the image has none such."""
    if layer is None:
        return image.top
    if not 0 <= layer <= image.top:
        count = len(image.layers)
        raise IndexError(f"layer {layer}: the image has {count} layers, counted from 0")
    return layer


def require_layers(image: Image, top: int) -> None:
    """Raise `MissingBlobError` unless the source holds every layer up to `top`."""
    for layer in image.layers[: top + 1]:
        if not layer.is_present:
            raise MissingBlobError(
                f"{layer.where}: the source does not hold this layer's blob, so there is no "
                "telling what the filesystem is; save the image again with all its layers, ask "
                "for a layer below it, or extract the layers each by itself"
            )
