"""What an image is made of, as values: members, layers, and the tree that comes of them."""

from dataclasses import dataclass
from pathlib import PurePosixPath

from benchmarks.content import NO_CONTENT, Content


@dataclass(frozen=True, slots=True)
class Member:
    """One member of a layer: a directory where `name` ends with a slash."""

    name: str
    content: Content = NO_CONTENT
    owner: int = 0
    executable: bool = False
    symlink: str = ""
    hard_link: str = ""


@dataclass(frozen=True, slots=True)
class LayerPlan:
    """One layer: the instruction that made it, and its members in order."""

    instruction: str
    members: list[Member]


@dataclass(frozen=True, slots=True)
class History:
    """All layers, and the tree that must come of them."""

    layers: list[LayerPlan]
    """The lowest first."""
    tree_paths: int
    """Paths that survive the top layer, the root not counted."""
    tree_file_bytes: int
    """Sum of the sizes of the regular files among them, hard links counted at each name."""


class Recorder:
    """Writes down what is done to a filesystem as layers, and knows what is alive."""

    def __init__(self) -> None:
        self.alive: dict[str, Member] = {}
        """Everything but directories, by name."""
        self.directories: set[str] = set()
        """Those that are alive; their names end with a slash."""
        self._layers: list[LayerPlan] = []
        self._members: list[Member] = []
        self._parents: set[str] = set()

    def begin_layer(self, instruction: str) -> None:
        """What follows belongs to a new layer on top."""
        self._members, self._parents = [], set()
        self._layers.append(LayerPlan(instruction, self._members))

    def put(self, member: Member) -> None:
        """Create or overwrite a file or link."""
        self.append(member)
        self.alive[member.name] = member

    def delete(self, name: str) -> None:
        """Remove a file or link: its whiteout."""
        del self.alive[name]
        self.append(Member(_whiteout(name)))

    def delete_directory(self, directory: str) -> None:
        """Remove a directory and all below it: one whiteout."""
        self._forget_below(directory)
        self.append(Member(_whiteout(directory)))

    def empty_directory(self, directory: str) -> None:
        """Hide what lower layers have in a directory: an opaque marker."""
        self._forget_below(directory)
        self.append(Member(f"{directory}.wh..wh..opq"))

    def append(self, member: Member) -> None:
        """Append after the directories above it: each layer names those once, as engines do."""
        if f"{member.name.rpartition('/')[0]}/" not in self._parents:
            self._append_parents(member.name)
        self._members.append(member)

    @property
    def members_in_layer(self) -> int:
        """How many members the layer that was begun last has."""
        return len(self._members)

    def history(self) -> History:
        """Return what was done so far."""
        paths = len(self.alive) + len(self.directories)
        return History(self._layers, paths, sum(m.content.size for m in self.alive.values()))

    def _append_parents(self, name: str) -> None:
        for parent in reversed(PurePosixPath(name).parents[:-1]):
            directory = f"{parent}/"
            if directory not in self._parents:
                self._parents.add(directory)
                self.directories.add(directory)
                self._members.append(Member(directory))

    def _forget_below(self, directory: str) -> None:
        self.alive = {n: m for n, m in self.alive.items() if not n.startswith(directory)}
        self.directories = {n for n in self.directories if not n.startswith(directory)}


def _whiteout(name: str) -> str:
    path = PurePosixPath(name)
    return f"{path.parent}/.wh.{path.name}"
