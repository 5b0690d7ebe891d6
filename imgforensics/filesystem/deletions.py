"""What a layer deletes: its whiteouts, each with the path that it is about."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from imgforensics.filesystem.own_links import OwnLinks
from imgforensics.filesystem.rules import OVERLAYFS, ApplyRules, SymlinkParents
from imgforensics.filesystem.whiteout import PREFIX, Whiteout, WhiteoutKind, whiteout_of
from imgforensics.layer.entry import LayerEntry, normalise_path
from imgforensics.tarstream.member import (
    CHARACTER_DEVICE,
    DIRECTORY,
    HARD_LINK,
    SYMLINK,
    TarMember,
)

_MAY_LEAD_ELSEWHERE = (SYMLINK, HARD_LINK)
_MAY_BE_DEVICES = (CHARACTER_DEVICE, HARD_LINK)


class Deletion(NamedTuple):
    """A whiteout entry, and what it means where it stands."""

    entry: LayerEntry
    whiteout: Whiteout
    by_device: bool = False
    """Whether it is a whiteout for what it is, a character device 0/0, and not for its name."""

    def at(self, path: bytes) -> "Deletion":
        """What it means if it really stands at another path."""
        whiteout = Whiteout(WhiteoutKind.PLAIN, path) if self.by_device else whiteout_of(path)
        return self._replace(whiteout=whiteout or self.whiteout)


class Sorted(NamedTuple):
    """A layer's entries, those past its end left out."""

    deletions: list[Deletion]
    additions: list[LayerEntry]


def sort_entries(entries: Iterable[LayerEntry], rules: ApplyRules = OVERLAYFS) -> Sorted:
    """Tell whiteouts from additions.

    A whiteout below a symbolic link that its layer made before it is about where the link
    leads: every engine creates it there. Those that unpack each layer by itself find only
    directories of the same layer, and refuse others; then it is about its path as it stands.
    """
    found: list[Deletion] = []
    additions: list[LayerEntry] = []
    devices: set[bytes] = set()
    for entry in entries:
        _, path, member, is_past_end = entry
        if is_past_end:
            continue
        may_be_one = rules.whiteouts and path.find(PREFIX) >= 0
        if may_be_one and (whiteout := whiteout_of(path)):
            found.append(Deletion(entry, whiteout))
        elif member.kind in _MAY_BE_DEVICES and _is_device_whiteout(member, devices, rules):
            devices.add(path)
            whiteout = Whiteout(WhiteoutKind.PLAIN, path)
            found.append(Deletion(entry, whiteout, by_device=True))
        else:
            additions.append(entry)
            devices.discard(path)
    if found and rules.symlink_parents is not SymlinkParents.NEVER:
        missing = rules.symlink_parents is SymlinkParents.EVERY_LAYER
        found = _through_links(found, additions, missing=missing)
    if rules.whiteouts_are_files:
        found = list(_not_undone(found, additions))
    return Sorted(found, additions)


def _is_device_whiteout(member: TarMember, devices: set[bytes], rules: ApplyRules) -> bool:
    """A character device 0/0, or one more name of such a one."""
    if member.kind is HARD_LINK:
        return bool(devices) and normalise_path(member.link_name) in devices
    return rules.device_whiteouts and member.device == (0, 0)


def _through_links(
    deletions: list[Deletion], additions: list[LayerEntry], *, missing: bool
) -> list[Deletion]:
    links = {entry.path for entry in additions if entry.kind in _MAY_LEAD_ELSEWHERE}
    if not any(_is_below(deletion.entry.path, links) for deletion in deletions):
        return deletions
    own = OwnLinks()
    whiteouts = {deletion.entry.member.ordinal: deletion for deletion in deletions}
    moved = []
    entries = [*additions, *(deletion.entry for deletion in deletions)]
    for entry in sorted(entries, key=lambda entry: entry.member.ordinal):
        deletion = whiteouts.get(entry.member.ordinal)
        if deletion is None:
            own.note(entry)
        else:
            path = own.real_path(entry.path, missing=missing)
            moved.append(deletion.at(path) if path else deletion)
    return moved


def _is_below(path: bytes, links: set[bytes]) -> bool:
    while path:
        path = path.rpartition(b"/")[0]
        if path in links:
            return True
    return False


def _not_undone(deletions: Iterable[Deletion], additions: list[LayerEntry]) -> Iterator[Deletion]:
    """Leave out what has no effect on overlayfs.

    A directory that follows a whiteout of its name takes the place of the whiteout's file, and
    then lies over the one below as if there had been none. The root is never opaque.
    """
    last_directories = {
        entry.path: entry.member.ordinal for entry in additions if entry.kind is DIRECTORY
    }
    for deletion in deletions:
        kind, path = deletion.whiteout
        if kind is WhiteoutKind.PLAIN:
            is_undone = last_directories.get(path, -1) > deletion.entry.member.ordinal
        else:
            is_undone = kind is WhiteoutKind.OPAQUE and not path
        if not is_undone:
            yield deletion
