"""Sources that a hash hides, named by the command that starts them.

A file copied into a directory, of which nothing but the hash is told, is most likely the one
that ENTRYPOINT or CMD starts from there.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from imgforensics.dockerfile.history.classic import NOT_AN_OPERATION, hashed_copy
from imgforensics.dockerfile.history.rows import Row
from imgforensics.dockerfile.history.state import DEFAULT_PATH, environment_of
from imgforensics.dockerfile.instruction import Confidence
from imgforensics.dockerfile.recovered import Builder
from imgforensics.dockerfile.rendering import words_or_list
from imgforensics.oci.config import ImageConfig

_HIDE_SOURCES = frozenset({Builder.CLASSIC, Builder.BUILDAH})
_NOTE = "named by the command that starts it; the history has a hash alone"


def with_command_names(rows: Sequence[Row], config: ImageConfig) -> tuple[Row, ...]:
    """The rows, each file named that goes into a directory alone and is started from there."""
    into: dict[str, list[int]] = {}
    for row in rows:
        if destination := _destination(row):
            into.setdefault(destination, []).append(row.position)
    named: dict[int, str] = {}
    for directory, name in _started(config):
        if len(into.get(directory, ())) == 1:
            named.setdefault(into[directory][0], name)
    return tuple(_named(row, named[row.position]) if row.position in named else row for row in rows)


def _started(config: ImageConfig) -> Iterator[tuple[str, str]]:
    """Directory and name of what the container starts, and of files that it is told."""
    paths = (environment_of(config.container.env).get("PATH") or DEFAULT_PATH).split(":")
    for words in (config.container.entrypoint or (), config.container.cmd or ()):
        for place, word in enumerate(words):
            directory, slash, name = word.rpartition("/")
            if word.startswith("/") and name:
                yield directory + slash, name
            elif place == 0 and not slash:
                yield from ((f"{path}/", name) for path in paths)


def _destination(row: Row) -> str | None:
    """The directory that a single file of unknown name went into."""
    match = NOT_AN_OPERATION.match(row.entry.created_by or "")
    copy = hashed_copy(match["text"]) if match and row.builder in _HIDE_SOURCES else None
    is_into = copy is not None and copy.kind == "file" and copy.destination.endswith("/")
    return copy.destination if copy and is_into else None


def _named(row: Row, name: str) -> Row:
    if row.reading is None:
        return row
    arguments = words_or_list((name, _destination(row) or "/"))
    instruction = replace(row.reading.instruction, arguments=arguments)
    reading = row.reading._replace(
        instruction=instruction, confidence=Confidence.INFERRED, note=_NOTE
    )
    return row._replace(reading=reading)
