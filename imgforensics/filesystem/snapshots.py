"""The filesystem after each layer, built from the bottom up when it is asked for."""

import threading
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import chain
from weakref import WeakValueDictionary

from imgforensics.filesystem.apply import apply_layer
from imgforensics.filesystem.rules import ApplyRules
from imgforensics.filesystem.tree import EMPTY_TREE, FileTree
from imgforensics.garbage import no_cycle_search
from imgforensics.layer.layer import Layer
from imgforensics.problems import Problem, ProblemLog

HELD_NAMES = 4_000_000
"""Names (of `FileTree.own_names`) in the snapshots of one image that are held on to."""


class Snapshots:
    """Snapshots of one image under one set of rules.

    Each shares what did not change with the one below, so all of them are held on to. But an
    image can be made to change one huge directory in every layer: past `HELD_NAMES`, a snapshot
    lives only as long as somebody else holds it, and is built again when it is asked for.
    """

    def __init__(self, layers: Sequence[Layer], rules: ApplyRules) -> None:
        self._layers = layers
        self._rules = rules
        self._alive: WeakValueDictionary[int, FileTree] = WeakValueDictionary({-1: EMPTY_TREE})
        self._held: list[FileTree] = []
        self._held_names = 0
        self._problems: dict[int, tuple[Problem, ...]] = {}
        self._lock = threading.Lock()
        self._lower: Snapshots | None = None
        self._shared = 0

    def share(self, lower: "Snapshots", layers: int) -> None:
        """Take the snapshots after the lowest `layers` layers from another image.

        Its layers must hold the same entries, and nothing may have been asked for yet.
        """
        if layers and not self._problems:
            self._lower, self._shared = lower, layers

    @property
    def problems(self) -> Iterator[Problem]:
        """What could not be applied as it stands, in the layers applied so far."""
        own = (self._problems[index] for index in sorted(self._problems))
        return chain(self._shared_problems(), chain.from_iterable(own))

    def at(self, layer: int) -> FileTree:
        """After layer number `layer`; -1 for the empty filesystem. Raises `IndexError`."""
        if not -1 <= layer < len(self._layers):
            raise IndexError(f"layer {layer}: the image has {len(self._layers)}, counted from 0")
        if self._lower is not None and layer < self._shared:
            return self._lower.at(layer)
        with self._lock, no_cycle_search():
            tree = self._nearest(layer)
            while tree.layer_index < layer:
                tree = self._apply_next(tree)
            return tree

    def all(self) -> Iterator[FileTree]:
        """Every snapshot in order, the empty one first."""
        for layer in range(-1, len(self._layers)):
            yield self.at(layer)

    def _shared_problems(self) -> Iterator[Problem]:
        """Those of shared layers, each told of the layer that is ours."""
        for problem in self._lower.problems if self._lower is not None else ():
            where = problem.where
            if where.layer is not None and where.layer < self._shared:
                ours = self._layers[where.layer].where
                where = replace(where, source=ours.source, blob=ours.blob)
                yield replace(problem, where=where)

    def _nearest(self, layer: int) -> FileTree:
        for index in range(layer, self._shared - 1, -1):
            tree = self._alive.get(index)
            if tree is not None:
                return tree
        return self._lower.at(self._shared - 1) if self._lower is not None else EMPTY_TREE

    def _apply_next(self, below: FileTree) -> FileTree:
        layer = self._layers[below.layer_index + 1]
        log = ProblemLog(layer.where)
        tree = apply_layer(below, layer.entries, log, self._rules)
        self._alive[layer.index] = tree
        self._problems[layer.index] = tuple(log)
        self._held_names += tree.own_names
        if self._held_names <= HELD_NAMES:
            self._held.append(tree)
        return tree
