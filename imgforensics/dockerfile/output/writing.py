"""Writes a recovered Dockerfile with its build context and a report: DIR, ready to be built.

Names come from hostile layers: everything is written by extraction's own writer, which follows
no link and leaves the directory by no name.
"""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

from imgforensics.contents import contents_of
from imgforensics.dockerfile.layers.members import Members
from imgforensics.dockerfile.output.context import BuildContext, plan_context
from imgforensics.dockerfile.output.report import report_text
from imgforensics.dockerfile.presentation import PLAIN, Presentation
from imgforensics.dockerfile.recovered import RecoveredDockerfile
from imgforensics.extraction.files import FileWriter
from imgforensics.extraction.output import (
    NameTooLong,
    NotADirectoryHere,
    OutputDirectory,
    TooLarge,
)
from imgforensics.extraction.record import Tally
from imgforensics.extraction.restore import Restorer
from imgforensics.extraction.tarball import MemberWriter
from imgforensics.extraction.target import DirectoryTarget
from imgforensics.filesystem.node import Node
from imgforensics.image import Image
from imgforensics.layer import EntryKind, LayerEntry
from imgforensics.layer.entry import normalise_path
from imgforensics.problems import Problem, display, has_errors

DOCKERFILE = "Dockerfile"
CONTEXT = "context"
REPORT = "RECOVERY.md"
IGNORE_FILE = "Dockerfile.dockerignore"
"""Written where the context has an ignore file of its own, which the image brought: this one is
taken instead, and leaves out nothing."""
_OWN_IGNORE_FILES = (b".dockerignore", b".containerignore")
_IGNORE_NOTHING = b"# all of the context is needed, whatever its own .dockerignore says\n"

Progress = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class WrittenRecovery:
    """What was written, and where."""

    path: Path
    """The directory asked for, or its `.partial` where content is damaged or absent."""
    recovered: RecoveredDockerfile
    """With sources as the written context has them."""
    files: int
    """In the context, directories and links not counted."""
    missing: tuple[str, ...]
    """What the context lacks, one sentence each."""
    problems: tuple[Problem, ...]

    def __repr__(self) -> str:
        complete = "complete" if self.is_complete else "not complete"
        return f"<WrittenRecovery: {self.files} files in {display(str(self.path))}, {complete}>"

    @property
    def is_complete(self) -> bool:
        """Whether every byte was there and is what the image declares."""
        return not has_errors(self.problems)


def write_dockerfile(
    image: Image,
    recovered: RecoveredDockerfile,
    output: str | os.PathLike[str],
    *,
    presentation: Presentation = PLAIN,
    force: bool = False,
    progress: Progress | None = None,
) -> WrittenRecovery:
    """Write `Dockerfile`, `context/` and `RECOVERY.md` below `output`.

    Where an ignore file is part of the context, `Dockerfile.dockerignore` stands against it.

    Modes and times of the context's files are those of the layers; owners are this user's, as
    builders ask no context for them; setuid bits and file capabilities are left out. The
    Dockerfile is written as `presentation` shows it. Work happens in `OUTPUT.partial`. `progress`
    is told the size of every piece of a stored layer that was read.

    Raises `UnsafeOutputError`, `OutputFailedError` and `LimitExceededError`.
    """
    target = DirectoryTarget(Path(output), image.source.description, force=force)
    context = plan_context(image, recovered)
    placed = replace(recovered, instructions=tuple(context.instructions))
    with closing(OutputDirectory(str(target.begin()))) as directory:
        writer = _Writer(image, directory, context)
        problems = writer.run(progress)
        _write_text(directory, DOCKERFILE, presentation.file_of(placed))
        has_ignore_file = any(name in context.files for name in _OWN_IGNORE_FILES)
        if has_ignore_file:
            _write_text(directory, IGNORE_FILE, _IGNORE_NOTHING)
        missing = (*context.missing, *writer.left_out())
        report = report_text(image, placed, missing, has_ignore_file=has_ignore_file)
        _write_text(directory, REPORT, report.encode("utf-8", "backslashreplace"))
    target.let_others_in()
    found = tuple(dict.fromkeys((*placed.problems, *problems)))
    path = target.partial if has_errors(found) else target.finish_without_record()
    return WrittenRecovery(path, placed, writer.files, missing, found)


def _write_text(directory: OutputDirectory, name: str, data: bytes) -> None:
    with os.fdopen(directory.create(name.encode(), 0o644), "wb") as file:
        file.write(data)


class _Writer:
    """Writes one context."""

    def __init__(self, image: Image, directory: OutputDirectory, context: BuildContext) -> None:
        self._image = image
        self._directory = directory
        self._context = context
        self._tally = Tally(image.limits)
        restorer = Restorer(directory, self._tally, special=False)
        self._files = FileWriter(directory, restorer, self._tally)
        self._left_out: list[str] = []
        self._problems: list[Problem] = []
        self.files = 0

    def run(self, progress: Progress | None) -> list[Problem]:
        """Write it all; the problems of what could not be read."""
        self._directory.directory(CONTEXT.encode())
        for path, entry in self._others(EntryKind.DIRECTORY):
            self._make(path, entry)
        self._write_files(progress)
        for path, members in self._context.archives.items():
            self._write_archive(path, members, progress)
        for path, entry in self._others(EntryKind.SYMLINK):
            self._link(path, entry)
        self._set_modes()
        return self._problems

    def left_out(self) -> Iterator[str]:
        """What the filesystem did not take, and what was withheld."""
        yield from self._left_out
        for deviation in self._tally.deviations:
            yield f"{display(deviation.path)}: {deviation.reason} {deviation.detail}".rstrip()

    def _others(self, kind: EntryKind) -> Iterator[tuple[bytes, LayerEntry]]:
        return (
            (_in_context(path), entry)
            for path, entry in sorted(self._context.files.items())
            if entry.kind is kind
        )

    def _make(self, path: bytes, _entry: LayerEntry) -> None:
        try:
            self._directory.directory(path)
        except (NotADirectoryHere, NameTooLong):
            self._refused(path)

    def _write_files(self, progress: Progress | None) -> None:
        paths: dict[tuple[int, int], list[bytes]] = {}
        for path, entry in self._others(EntryKind.FILE):
            paths.setdefault(_key(entry), []).append(path)
        for entry, pieces in self._contents(paths, progress):
            first, *further = paths[_key(entry)]
            if self._write(first, entry, pieces):
                for path in further:
                    self._name_again(path, first)

    def _contents(
        self, wanted: Mapping[tuple[int, int], object], progress: Progress | None
    ) -> Iterator[tuple[LayerEntry, Iterable[memoryview]]]:
        indexes = sorted({layer for layer, _ in wanted})
        walk = contents_of(
            self._image,
            lambda entry: _key(entry) in wanted,
            self._problems,
            layers=[self._image.layers[index] for index in indexes],
            progress=progress,
        )
        with closing(walk) as contents:
            for content in contents:
                yield content.entry, content.pieces

    def _write(self, path: bytes, entry: LayerEntry, pieces: Iterable[memoryview]) -> bool:
        uid, gid = self._directory.created_owner
        member = _dense(entry).member._replace(uid=uid, gid=gid)
        try:
            self._files.write(path, entry._replace(member=member), pieces)
        except (FileExistsError, NotADirectoryHere, NameTooLong, TooLarge):
            self._refused(path)
            return False
        self.files += 1
        return True

    def _name_again(self, path: bytes, existing: bytes) -> None:
        try:
            self._directory.link(path, existing)
        except (NotADirectoryHere, NameTooLong):
            self._refused(path)
        else:
            self.files += 1

    def _link(self, path: bytes, entry: LayerEntry) -> None:
        target = entry.link_name
        if not target or b"\0" in target or path in self._directory.directories:
            self._refused(path)
            return
        try:
            self._directory.symlink(path, target)
        except (NotADirectoryHere, NameTooLong):
            self._refused(path)

    def _write_archive(self, path: bytes, members: Members, progress: Progress | None) -> None:
        """An uncompressed tar, whatever its name says: builders look at what is in it."""
        try:
            descriptor = self._directory.create(_in_context(path), 0o644)
        except (FileExistsError, NotADirectoryHere, NameTooLong):
            self._refused(_in_context(path))
            return
        with os.fdopen(descriptor, "wb") as file:
            self._fill_archive(MemberWriter(file, self._tally), members, progress)
        self.files += 1

    def _fill_archive(
        self, writer: MemberWriter, members: Members, progress: Progress | None
    ) -> None:
        """Directories and the like first, then files as they lie in the layer, then links."""
        names = {_key(entry): members.name_of(entry) or b"." for entry in members.entries}
        files, links = {}, []
        for entry in members.entries:
            if entry.kind is EntryKind.FILE:
                files[_key(entry)] = entry
            elif entry.kind is EntryKind.HARD_LINK:
                links.append(entry)
            elif entry.path != members.root:
                writer.add(names[_key(entry)], Node(entry))
        for entry, pieces in self._contents(files, progress):
            writer.add(names[_key(entry)], Node(_dense(entry)), pieces)
        by_path = {entry.path: entry for entry in files.values()}
        for entry in links:
            target = by_path.get(normalise_path(entry.link_name))
            if target is None:
                self._left_out.append(f"{display(entry.path)}: a link to nothing in the archive")
            else:
                writer.add_link(names[_key(entry)], Node(target), names[_key(target)])
        writer.finish()

    def _set_modes(self) -> None:
        """Directories last of all, as what is in them has to be written first."""
        modes = {path: entry.mode for path, entry in self._others(EntryKind.DIRECTORY)}
        for path in sorted(self._directory.directories, key=len, reverse=True):
            if path:
                mode = modes.get(path, 0o755) & 0o1777 | 0o700
                os.chmod(self._directory.directory(path), mode)  # noqa: PTH101 - a descriptor

    def _refused(self, path: bytes) -> None:
        self._left_out.append(f"{display(path)}: this filesystem does not take it")


def _in_context(path: bytes) -> bytes:
    return CONTEXT.encode() + b"/" + path


def _key(entry: LayerEntry) -> tuple[int, int]:
    return entry.layer_index, entry.member.ordinal


def _dense(entry: LayerEntry) -> LayerEntry:
    """A sparse file as one whose holes are zeros, as its content comes here."""
    if entry.member.extents is None:
        return entry
    return entry._replace(member=entry.member._replace(extents=None, stored_size=entry.member.size))
