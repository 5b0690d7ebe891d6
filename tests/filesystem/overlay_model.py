"""The image specification's changesets over a plain dictionary: slow, flat, easy to check.

Written from https://github.com/opencontainers/image-spec/blob/main/layer.md (Change Types,
Whiteouts, Opaque Whiteout, Hardlinks). Layers lie over each other as overlayfs shows them:
where an upper layer has a directory, explicit or implied, a lower layer's symbolic link or
file is hidden by it, and only links of the entry's own layer are followed. A whiteout is
created where its name leads in the layer by itself, if there is a directory by then, and is
about that place. Nothing of the library is used.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from imgforensics.testing import Entry

Path = tuple[bytes, ...]
LINKS = 40


@dataclass(frozen=True, eq=False)
class Thing:
    """A file, directory or the like; names of one file hold the same object."""

    kind: str
    detail: bytes
    """Content, or where a symbolic link leads."""
    mode: int


State = dict[Path, Thing]
KINDS = {b"0": "file", b"1": "hard-link", b"2": "symlink", b"5": "directory", b"6": "fifo"}


def snapshots(layers: Sequence[Sequence[Entry]]) -> list[State]:
    """The filesystem after each layer."""
    states: list[State] = []
    for members in layers:
        states.append(_Layer(states[-1] if states else {}).applied(members))
    return states


def parts_of(name: bytes) -> Path:
    """A name without `.`, and with `..` taken as text."""
    parts: list[bytes] = []
    for part in name.split(b"/"):
        if part == b"..":
            parts = parts[:-1]
        elif part not in (b"", b"."):
            parts.append(part)
    return tuple(parts)


def is_whiteout(path: Path) -> bool:
    """Whether the last part of a path says that something is deleted."""
    return bool(path) and path[-1].startswith(b".wh.")


class _Layer:
    def __init__(self, lower: State) -> None:
        self.state = dict(lower)
        self.own: dict[Path, int] = {}
        self.waiting: list[tuple[int, Entry]] = []
        self.headers: dict[Thing, tuple[int, list[Path]]] = {}

    def applied(self, members: Sequence[Entry]) -> State:
        alone = _Layer({})
        for ordinal, member in enumerate(members):
            path = parts_of(member.name)
            if is_whiteout(path):
                self.white_out(alone.place_of_whiteout(path))
            elif path:
                alone.add(ordinal, path, member)
        for ordinal, member in enumerate(members):
            path = parts_of(member.name)
            if path and not is_whiteout(path):
                self.add(ordinal, path, member)
        self.link_waiting()
        self.share_modes()
        return self.state

    def place_of_whiteout(self, path: Path) -> Path:
        real = self.real(path)
        if real is None or len(real) == 1:
            return real or path
        above = self.state.get(real[:-1])
        return real if above is not None and above.kind == "directory" else path

    def white_out(self, path: Path) -> None:
        *parent, name = path
        if name == b".wh..wh..opq":
            self.remove_below(tuple(parent))
        else:
            target = (*parent, name.removeprefix(b".wh."))
            self.remove_below(target)
            self.state.pop(target, None)

    def remove_below(self, path: Path) -> None:
        for other in [each for each in self.state if each[: len(path)] == path and each != path]:
            del self.state[other]
            self.own.pop(other, None)

    def add(self, ordinal: int, path: Path, member: Entry) -> None:
        kind = KINDS[member.type_flag]
        if kind == "hard-link":
            if not self.link(ordinal, path, member):
                self.waiting.append((ordinal, member))
        else:
            detail = member.link_name if kind == "symlink" else member.content
            self.place(ordinal, path, Thing(kind, detail, member.mode))

    def link(self, ordinal: int, path: Path, member: Entry) -> bool:
        target = self.real(parts_of(member.link_name))
        thing = None if target is None else self.state.get(target)
        if thing is None or target is None:
            return False
        if thing.kind == "directory":
            return True
        placed = self.place(ordinal, path, thing)
        if placed is not None:
            _, names = self.headers.get(thing, (thing.mode, [target]))
            self.headers[thing] = (member.mode, [*names, placed])
        return True

    def place(self, ordinal: int, path: Path, thing: Thing) -> Path | None:
        real = self.real(path)
        if real is None:
            return None
        for depth in range(1, len(real)):
            above = real[:depth]
            if above not in self.state or self.state[above].kind != "directory":
                self.state[above] = Thing("directory", b"", 0o755)
        existing = self.state.get(real)
        if existing is None or {existing.kind, thing.kind} != {"directory"}:
            self.remove_below(real)
        self.state[real] = thing
        self.own[real] = ordinal
        return real

    def real(self, path: Path) -> Path | None:
        """Where a path leads when this layer's links on the way are followed."""
        if not path:
            return ()
        here: Path = ()
        ahead = list(path[:-1])
        links = 0
        while ahead:
            name = ahead.pop(0)
            if name in (b"", b"."):
                continue
            if name == b"..":
                here = here[:-1]
                continue
            there = (*here, name)
            thing = self.state.get(there)
            if thing is None or thing.kind == "directory" or there not in self.own:
                here = there
            elif thing.kind == "symlink" and links < LINKS:
                links += 1
                here = () if thing.detail.startswith(b"/") else here
                ahead = thing.detail.split(b"/") + ahead
            else:
                return None
        return (*here, path[-1])

    def link_waiting(self) -> None:
        progress = True
        while progress:
            progress = False
            for ordinal, member in list(self.waiting):
                path = parts_of(member.name)
                is_late = self.is_superseded(ordinal, path)
                if is_late or self.link(ordinal, path, member):
                    self.waiting.remove((ordinal, member))
                    progress = True
        for ordinal, member in self.waiting:
            path = parts_of(member.name)
            if not self.is_superseded(ordinal, path):
                self.place(ordinal, path, Thing("hard-link", b"", member.mode))

    def is_superseded(self, ordinal: int, path: Path) -> bool:
        real = self.real(path)
        return real is not None and self.own.get(real, -1) > ordinal

    def share_modes(self) -> None:
        for thing, (mode, names) in self.headers.items():
            if mode != thing.mode:
                changed = Thing(thing.kind, thing.detail, mode)
                for name in names:
                    if self.state.get(name) is thing:
                        self.state[name] = changed
