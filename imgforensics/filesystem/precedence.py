"""Which of a layer's entries count among those of the same layer, where not all of them do.

Some engines take names from the top down and let the first claim to a name win, within one
layer too. Source: go-containerregistry, pkg/v1/mutate/mutate.go (`extract`, `inWhiteoutDir`).
"""

from collections.abc import Iterable, Iterator

from imgforensics.filesystem.rules import ApplyRules, Duplicates
from imgforensics.filesystem.whiteout import WhiteoutKind, whiteout_of
from imgforensics.layer.entry import LayerEntry
from imgforensics.tarstream.member import EntryKind


def counting_entries(entries: Iterable[LayerEntry], rules: ApplyRules) -> Iterator[LayerEntry]:
    """The entries, whiteouts too, that no earlier entry of their layer keeps from counting."""
    if rules.duplicates is Duplicates.LAST and not rules.whiteouts_hide_own_layer:
        yield from entries
        return
    claims = _Claims()
    for entry in entries:
        whiteout = whiteout_of(entry.path) if rules.whiteouts else None
        if whiteout is not None and whiteout.kind is WhiteoutKind.PLAIN:
            if claims.take(whiteout.path, hides=True, lasts=rules.whiteouts_hide_own_layer):
                yield entry
        elif claims.take(
            entry.path,
            hides=entry.kind is not EntryKind.DIRECTORY,
            lasts=rules.duplicates is Duplicates.FIRST,
        ):
            yield entry


class _Claim:
    """A name, whether an entry took it, and whether nothing may follow at or below it."""

    __slots__ = ("below", "hides", "is_taken")

    def __init__(self) -> None:
        self.below: dict[bytes, _Claim] = {}
        self.is_taken = False
        self.hides = False


class _Claims:
    """Names that entries of one layer have taken, as a tree: long paths cost their length."""

    def __init__(self) -> None:
        self._root = _Claim()

    def take(self, path: bytes, *, hides: bool, lasts: bool) -> bool:
        """Whether the path is still free; with `lasts` it is not so any more."""
        if not path:
            return True
        claim = self._root
        for name in path.split(b"/"):
            claim = claim.below.setdefault(name, _Claim())
            if claim.hides:
                return False
        if claim.is_taken:
            return False
        claim.is_taken, claim.hides = lasts, lasts and hides
        return True
