"""The filesystem as those see it who take names one by one, the top layer's first."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import chain

from imgforensics.filesystem.apply import apply_layer
from imgforensics.filesystem.rules import ApplyRules
from imgforensics.filesystem.tree import EMPTY_TREE, FileTree
from imgforensics.filesystem.whiteout import WhiteoutKind, whiteout_of
from imgforensics.layer.entry import LayerEntry
from imgforensics.problems import ProblemLog
from imgforensics.tarstream.member import EntryKind


def flatten(layers: Sequence[Sequence[LayerEntry]], rules: ApplyRules) -> FileTree:
    """The filesystem of all layers, lowest first, under rules of `Precedence.NAMES`.

    The first entry or whiteout of a name counts, in one layer too, and hides what comes later
    at it and, unless it is a directory, below it. So a directory that an upper layer lists
    keeps what a middle layer meant to delete: its whiteout comes after the name is taken. Hard
    links are names too: one leads to whatever now stands at its target.
    """
    claims = _Claims()
    counting = chain.from_iterable(_counting(entries, claims) for entries in reversed(layers))
    tree = apply_layer(EMPTY_TREE, counting, ProblemLog(), rules)
    return replace(tree, layer_index=len(layers) - 1)


def _counting(entries: Sequence[LayerEntry], claims: "_Claims") -> Iterator[LayerEntry]:
    """What is left to apply of a layer: no whiteouts, and nothing that was claimed above."""
    for entry in entries:
        whiteout = whiteout_of(entry.path)
        if entry.is_past_end or (whiteout and whiteout.kind is WhiteoutKind.OPAQUE):
            continue
        if whiteout and whiteout.kind is WhiteoutKind.PLAIN:
            claims.take(whiteout.path, hides=True, is_whiteout=True)
        elif claims.take(entry.path, hides=entry.kind is not EntryKind.DIRECTORY):
            yield entry


class _Claim:
    """A name, whether something took it and hides what is below, whether entries stand below."""

    __slots__ = ("below", "has_entries", "hides", "is_taken")

    def __init__(self) -> None:
        self.below: dict[bytes, _Claim] = {}
        self.has_entries = False
        self.is_taken = False
        self.hides = False


class _Claims:
    """Names that were taken, as a tree: a path costs no more than its length."""

    def __init__(self) -> None:
        self._root = _Claim()

    def take(self, path: bytes, *, hides: bool, is_whiteout: bool = False) -> bool:
        """Take a path, if nothing took it or hides it yet; the root is never taken.

        Whether an entry can stand there: one that is no directory cannot above others.
        """
        if not path:
            return True
        way = [self._root]
        for name in path.split(b"/"):
            way.append(way[-1].below.setdefault(name, _Claim()))
            if way[-1].hides:
                return False
        claim = way.pop()
        if claim.is_taken:
            return False
        claim.is_taken, claim.hides = True, hides
        if is_whiteout or (hides and claim.has_entries):
            return False
        for above in way:
            above.has_entries = True
        return True
