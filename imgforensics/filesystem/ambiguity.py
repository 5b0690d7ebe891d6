"""Where two ways of applying the same layers end in different filesystems."""

from collections.abc import Iterator
from dataclasses import dataclass

from imgforensics.filesystem.node import Node
from imgforensics.filesystem.rules import ApplyRules
from imgforensics.filesystem.tree import FileTree
from imgforensics.problems import display


@dataclass(frozen=True, slots=True)
class Ambiguity:
    """One path that two engines show differently."""

    path: bytes
    rules: str
    node: Node | None
    """What the first rules show; None for nothing."""
    other_rules: str
    other_node: Node | None
    """What the other rules show; None for nothing."""

    def __str__(self) -> str:
        return (
            f"{display(b'/' + self.path)}: {self.rules} shows {_brief(self.node)}, "
            f"{self.other_rules} shows {_brief(self.other_node)}"
        )


def _brief(node: Node | None) -> str:
    if node is None:
        return "nothing"
    layer = "" if node.layer_index is None else f" of layer {node.layer_index}"
    changed = f" as layer {node.attributes.layer_index} changed it" if node.attributes else ""
    return f"a {node.kind}{layer}{changed}"


def differences(
    tree: FileTree, rules: ApplyRules, other: FileTree, other_rules: ApplyRules
) -> Iterator[Ambiguity]:
    """Topmost paths at which two trees of one image differ."""
    pending: list[tuple[bytes, Node | None, Node | None]] = [(b"", tree.root, other.root)]
    while pending:
        path, node, other_node = pending.pop()
        if node is other_node:
            continue
        if node is None or other_node is None or not _is_same(node, other_node):
            yield Ambiguity(path, rules.name, node, other_rules.name, other_node)
        if node and other_node and node.children is not None and other_node.children is not None:
            prefix = path + b"/" if path else b""
            names = sorted(node.children.keys() | other_node.children.keys(), reverse=True)
            pending.extend(
                (prefix + name, node.children.get(name), other_node.children.get(name))
                for name in names
            )


def _is_same(node: Node, other: Node) -> bool:
    return node.entry is other.entry and node.attributes is other.attributes
