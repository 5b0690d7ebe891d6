"""The build context that COPY and ADD took their files from, as far as layers still have it.

Each file gets the path that its instruction names. Where the context of one moment cannot give
two instructions what they brought (a later stage's file of the same name, a tree that would have
more in it than its layer has), a tree gets a folder of its own, and its instruction that name.
"""

import fnmatch
import re
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from imgforensics.dockerfile.instruction import Confidence, RecoveredInstruction
from imgforensics.dockerfile.layers.copied import is_unpacked, with_sources
from imgforensics.dockerfile.layers.destinations import CopyStep
from imgforensics.dockerfile.layers.from_layers import steps_of
from imgforensics.dockerfile.layers.members import LayerMembers, Members
from imgforensics.dockerfile.recovered import RecoveredDockerfile
from imgforensics.dockerfile.words import heredoc_marks
from imgforensics.image import Image
from imgforensics.layer import EntryKind, LayerEntry
from imgforensics.layer.entry import normalise_path
from imgforensics.problems import display

_LONGEST_PATH = 1024
"""Of a context's file: engines add their own directories ahead of it."""
_MOST_COMPARISONS = 20_000_000
"""Of paths with patterns, for one context."""
_MOST_COMPARISONS_OF_ONE = 1_000_000
_PATTERN = frozenset("*?[")
_VARIABLE = re.compile(r"(?<!\\)\$[\w{]")
_DOES_NOT_FIT = "does not fit beside the rest"
_HAS_VARIABLES = "is named by a variable that nothing tells"
_REMOTE = ("http://", "https://", "git://", "git@", "ssh://")
_KEPT = frozenset((EntryKind.FILE, EntryKind.DIRECTORY, EntryKind.SYMLINK))

Placed = dict[bytes, LayerEntry]
"""Entries by their path in the context."""


@dataclass(slots=True)
class BuildContext:
    """What is to be written beside a Dockerfile so that it can be built."""

    instructions: list[RecoveredInstruction]
    """Those of the Dockerfile, with sources as the context has them."""
    files: Placed = field(default_factory=dict)
    archives: dict[bytes, Members] = field(default_factory=dict)
    """Archives to be made of what ADD unpacked, by their path in the context."""
    missing: list[str] = field(default_factory=list)
    """Sources that no layer tells, and what was left out, one sentence each."""


@dataclass(slots=True)
class _Copy:
    """One COPY or ADD and the place of its files."""

    step: CopyStep
    members: Members
    placed: Placed
    tree: bytes | None = None
    """The folder that is copied as a whole; empty for the context's root."""
    patterns: tuple[bytes, ...] = ()


def plan_context(image: Image, recovered: RecoveredDockerfile) -> BuildContext:
    """The context of a recovered Dockerfile; reads layers' entries, and no content."""
    context = BuildContext(list(recovered.instructions))
    stages = _stage_names(recovered)
    is_source = recovered.source is not None
    copies: list[_Copy] = []
    found = LayerMembers(image)
    for step in steps_of(image, recovered):
        if heredoc_marks(step.recovered.instruction.arguments) or _is_in(stages, step):
            continue
        members = found.of(step)
        if not members.entries:
            context.missing.append(f"{step.recovered}: no layer holds what it copied")
        elif is_unpacked(step.recovered.instruction, members):
            _add_archive(context, step, members, is_source=is_source)
        else:
            kept = _kept(members, image, step, context)
            copies.append(_placed_naturally(step if is_source else _of_no_stage(step), kept))
    if is_source:
        _place_for_source(context, copies)
    else:
        _place(context, copies)
    return context


def _stage_names(recovered: RecoveredDockerfile) -> set[str]:
    starts = [
        one.instruction for one in recovered.instructions if one.instruction.keyword == "FROM"
    ]
    names = {start.arguments.split()[-1].lower() for start in starts if " " in start.arguments}
    return names | {str(number) for number in range(len(starts) - 1)}


def _is_in(stages: set[str], step: CopyStep) -> bool:
    """Whether it copies out of a stage that the Dockerfile has, or out of an image."""
    origin = step.origin
    return origin is not None and (origin.lower() in stages or bool(set(origin) & set(":/@")))


def _of_no_stage(step: CopyStep) -> CopyStep:
    """A copy out of a stage that is lost as one out of the context, which has its files."""
    if step.origin is None:
        return step
    note = f"nothing tells of the stage {step.origin}; its files are in the context"
    return step._replace(recovered=_from_context(step.recovered, note))


def _kept(members: Members, image: Image, step: CopyStep, context: BuildContext) -> Members:
    """Members that a context can hold; hard links as what they lead to."""
    entries = []
    layer = step.recovered.layer
    targets: Placed = {}
    if any(one.kind is EntryKind.HARD_LINK for one in members.entries) and layer is not None:
        targets = {
            one.path: one for one in image.layers[layer].entries if one.kind is EntryKind.FILE
        }
    for one in members.entries:
        target = one
        if one.kind is EntryKind.HARD_LINK:
            target = targets.get(normalise_path(one.link_name), one)
            target = target._replace(path=one.path)
        if target.kind in _KEPT and len(one.path) <= _LONGEST_PATH:
            entries.append(target)
        else:
            why = "its path is too long" if target.kind in _KEPT else f"a {target.kind}"
            context.missing.append(f"{display(b'/' + one.path[:_LONGEST_PATH])}: {why}")
    return Members(members.root, tuple(entries))


# Where files go by the names that the instruction has.


def _placed_naturally(step: CopyStep, members: Members) -> _Copy:
    sources = [_context_path(source) for source in step.sources]
    has_trees = any(b"/" in members.name_of(one) for one in members.entries)
    single = members.contents[0] if len(members.contents) == 1 else None
    if len(sources) == 1 and not _PATTERN & set(step.sources[0]):
        if single is not None and not _is_tree(step, members, single):
            # The context's root is no file, whatever the instruction says.
            return _Copy(step, members, {sources[0]: single} if sources[0] else {})
        return _Copy(step, members, _under(sources[0], members), tree=sources[0])
    placed = _by_name(sources, members) if not has_trees else None
    if placed is None:
        return _Copy(step, members, {})
    patterns = tuple(source for source in sources if set(source.decode("latin-1")) & _PATTERN)
    return _Copy(step, members, placed, patterns=patterns)


def _is_tree(step: CopyStep, members: Members, single: LayerEntry) -> bool:
    """Whether one file is what a directory held, and not the source itself."""
    if single.path == members.root:
        return single.kind is not EntryKind.FILE
    name = members.name_of(single)
    source = _context_path(step.sources[0]).rpartition(b"/")[2]
    is_directory = step.sources[0].rstrip("/").endswith(".") or step.sources[0].endswith("/")
    return is_directory or name != source or single.kind is not EntryKind.FILE


def _context_path(source: str) -> bytes:
    """A source's path in the context; of a remote one, its last part."""
    if source.startswith(_REMOTE):
        source = source.partition("?")[0].rstrip("/").rpartition("/")[2] or "downloaded"
    return normalise_path(source.encode("utf-8", "surrogateescape"))


def _under(folder: bytes, members: Members) -> Placed:
    placed: Placed = {}
    for one in members.entries:
        path = b"/".join(filter(None, (folder, members.name_of(one))))
        if path:
            placed[path] = one
    return placed


def _by_name(sources: Sequence[bytes], members: Members) -> Placed | None:
    """Files of several sources, each by the source whose name or pattern it has.

    None where one has none, and where there are too many to compare.
    """
    patterns = [source for source in sources if set(source.decode("latin-1")) & _PATTERN]
    folders = {source.rpartition(b"/")[2]: source.rpartition(b"/")[0] for source in sources}
    if len(patterns) * len(members.contents) > _MOST_COMPARISONS_OF_ONE:
        return None
    placed: Placed = {}
    for one in members.contents:
        name = members.name_of(one) or one.path.rpartition(b"/")[2]
        folder = folders.get(name)
        if folder is None:
            fitting = (source for source in patterns if _fits(name, source))
            found = next(fitting, None)
            folder = None if found is None else found.rpartition(b"/")[0]
        if folder is None or one.kind is not EntryKind.FILE:
            return None
        placed[b"/".join(filter(None, (folder, name)))] = one
    return placed


def _fits(name: bytes, pattern: bytes) -> bool:
    return fnmatch.fnmatchcase(name, pattern.rpartition(b"/")[2])


# Where they go when that does not give every instruction what it brought.


class _Space:
    """The paths of a context that are taken."""

    def __init__(self) -> None:
        self.entries: Placed = {}
        self._folders: set[bytes] = set()

    def add(self, placed: Placed) -> None:
        self.entries.update(placed)
        for path in placed:
            for above in _parents(path):
                if above in self._folders:
                    break
                self._folders.add(above)

    def conflicts(self, placed: Placed) -> bool:
        """Whether a path is something else already, or stands below what is no directory."""
        return any(self._conflicts(path, entry) for path, entry in placed.items())

    def _conflicts(self, path: bytes, entry: LayerEntry) -> bool:
        other = self.entries.get(path)
        if other is not None and not _is_same(entry, other):
            return True
        if entry.kind is not EntryKind.DIRECTORY and path in self._folders:
            return True
        above = (self.entries[folder] for folder in _parents(path) if folder in self.entries)
        return any(one.kind is not EntryKind.DIRECTORY for one in above)


def _place(context: BuildContext, copies: list[_Copy]) -> None:
    space = _Space()
    comparisons = 0
    for copy in copies:
        is_elsewhere = _is_remote(copy.step) or _has_variables(copy.step)
        if not copy.placed or is_elsewhere or space.conflicts(copy.placed):
            _relocate(copy)
        space.add(copy.placed)
    # The context's root last, as what is moved away from elsewhere is below it still.
    for is_root in (False, True):
        paths = sorted({path for copy in copies for path in copy.placed} | set(context.archives))
        for copy in copies:
            comparisons += len(copy.patterns) * len(paths)
            is_too_many = bool(copy.patterns) and comparisons > _MOST_COMPARISONS
            if (copy.tree == b"") is is_root and (is_too_many or _has_too_much(copy, paths)):
                _relocate(copy)
    for copy in copies:
        context.files.update(copy.placed)
        context.instructions[copy.step.position] = copy.step.recovered


def _place_for_source(context: BuildContext, copies: list[_Copy]) -> None:
    """The source's text stays as it is: what does not fit beside the rest is left out."""
    space = _Space()
    for copy in copies:
        if not copy.placed or _has_variables(copy.step) or space.conflicts(copy.placed):
            context.missing.append(f"{copy.step.recovered}: what it brought {_why(copy.step)}")
        else:
            space.add(copy.placed)
    context.files.update(space.entries)


def _parents(path: bytes) -> Iterator[bytes]:
    while path := path.rpartition(b"/")[0]:
        yield path


def _is_same(one: LayerEntry, other: LayerEntry) -> bool:
    """As far as can be told without content: a file's time is that of the context."""
    if one.kind is EntryKind.DIRECTORY or other.kind is EntryKind.DIRECTORY:
        return one.kind is other.kind
    facts = ("kind", "size", "mtime_ns", "mode", "link_name")
    return all(getattr(one, name) == getattr(other, name) for name in facts)


def _is_remote(step: CopyStep) -> bool:
    return any(source.startswith(_REMOTE) for source in step.sources)


def _has_variables(step: CopyStep) -> bool:
    """Whether sources have variables that nothing tells, in whose place builders put nothing."""
    is_left = any("$" in source for source in step.sources)
    return is_left and bool(_VARIABLE.search(step.recovered.instruction.arguments))


def _why(step: CopyStep) -> str:
    """Why it cannot have the place that its instruction names."""
    return _HAS_VARIABLES if _has_variables(step) else _DOES_NOT_FIT


def _has_too_much(copy: _Copy, paths: Sequence[bytes]) -> bool:
    """Whether it would take along what other instructions brought; `paths` are sorted."""
    if copy.tree is not None:
        start = copy.tree + b"/" if copy.tree else b""
        end = start[:-1] + b"0" if start else None  # what follows a slash
        last = len(paths) if end is None else bisect_left(paths, end)
        below = sum(path.startswith(start) for path in copy.placed)
        return last - bisect_left(paths, start) > below
    return any(
        path not in copy.placed and _is_picked(path, pattern)
        for pattern in copy.patterns
        for path in paths
    )


def _is_picked(path: bytes, pattern: bytes) -> bool:
    """Whether a pattern picks the path, or a directory above it."""
    depth = pattern.count(b"/") + 1
    return fnmatch.fnmatchcase(b"/".join(path.split(b"/")[:depth]), pattern)


def _relocate(copy: _Copy) -> None:
    """Give it a folder of its own, and its instruction the name of that."""
    folder = f"copied-{copy.step.position}"
    single = copy.members.contents[0] if len(copy.members.contents) == 1 else None
    step = copy.step
    if single is not None and _stands_alone(step, copy.members, single):
        name = single.path.rpartition(b"/")[2]
        copy.placed = {folder.encode() + b"/" + name: single}
        sources = [f"{folder}/{name.decode('utf-8', 'surrogateescape')}"]
        found = with_sources(step, sources)
    else:
        copy.placed = _under(folder.encode(), copy.members)
        destination = step.destination if step.is_directory else step.destination + "/"
        found = with_sources(step._replace(destination=destination), [f"{folder}/"])
    copy.tree, copy.patterns = folder.encode(), ()
    copy.step = step._replace(recovered=_from_context(found, _moved(step, folder)))


def _moved(step: CopyStep, place: str) -> str:
    was = " ".join(step.sources)
    return f"in the context it is {place}, as it {_why(step)}; it was: {was}"


def _stands_alone(step: CopyStep, members: Members, single: LayerEntry) -> bool:
    """Whether one file was copied to the destination, or right into it."""
    is_direct = b"/" not in members.name_of(single) and step.is_directory
    return single.kind is EntryKind.FILE and (single.path == members.root or is_direct)


def _from_context(found: RecoveredInstruction, note: str) -> RecoveredInstruction:
    """Copied out of the context, whatever it was copied from."""
    flags = tuple(
        one
        for one in found.instruction.flags
        if not one.startswith(("--from=", "--checksum=", "--keep-git-dir"))
    )
    keyword = "COPY" if found.instruction.keyword == "ADD" else found.instruction.keyword
    return replace(
        found,
        instruction=replace(found.instruction, keyword=keyword, flags=flags),
        confidence=Confidence.INFERRED,
        note=_noted(found, note),
    )


def _noted(found: RecoveredInstruction, note: str) -> str:
    return "; ".join(filter(None, (found.note, note)))


def _add_archive(
    context: BuildContext, step: CopyStep, members: Members, *, is_source: bool
) -> None:
    """An archive of what was unpacked, under the name of the one that was."""
    path = _context_path(step.sources[0])
    is_free = path not in context.archives and not _has_variables(step)
    if is_source and not is_free:
        context.missing.append(f"{step.recovered}: its archive {_why(step)}")
        return
    if not is_free:
        path = b"copied-%d.tar" % step.position
        found = with_sources(step, [path.decode()])
        note = _noted(found, _moved(step, path.decode()))
        context.instructions[step.position] = replace(found, note=note)
    context.archives[path] = members
