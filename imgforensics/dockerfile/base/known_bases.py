"""A user's own catalogue of images that others are built on: names by their layers.

An image whose lowest layers are those of a known image is built on it; of several the one with
the most layers is meant.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from imgforensics.digests import Digest
from imgforensics.errors import DamagedDocumentError, ImageForensicsError, SourceUnreadableError
from imgforensics.limits import DEFAULT_LIMITS, Limits
from imgforensics.oci.config import ImageConfig
from imgforensics.oci.json_document import JsonValue, parse_json
from imgforensics.opening import list_images
from imgforensics.problems import Location, Problem, ProblemCode, display

_INDEX_SUFFIX = ".json"


@dataclass(frozen=True, slots=True)
class KnownBase:
    """An image that others may be built on."""

    name: str
    """As FROM would have it."""
    diff_ids: tuple[Digest, ...]
    """Of its layers, lowest first; never none."""
    history: tuple[str, ...] = ()
    """Its rows' commands, lowest first; empty where only its layers are known."""

    def __repr__(self) -> str:
        return f"<KnownBase {display(self.name)}: {len(self.diff_ids)} layers>"


@dataclass(frozen=True, slots=True)
class KnownBases:
    """All images of a catalogue."""

    bases: tuple[KnownBase, ...]
    problems: tuple[Problem, ...] = ()
    """Files that were neither images nor an index."""

    def __repr__(self) -> str:
        return f"<KnownBases: {len(self.bases)} images, {len(self.problems)} problems>"

    def base_of(self, config: ImageConfig) -> KnownBase | None:
        """The known image that most of an image's lowest layers and rows are; never itself."""
        rows = commands_of(config)
        fitting = [
            base
            for base in self.bases
            if len(base.diff_ids) < len(config.diff_ids)
            and base.diff_ids == config.diff_ids[: len(base.diff_ids)]
            and base.history == rows[: len(base.history)]
        ]
        return max(fitting, key=_length, default=None)


def _length(base: KnownBase) -> tuple[int, int]:
    return len(base.diff_ids), len(base.history)


def commands_of(config: ImageConfig) -> tuple[str, ...]:
    """What each history row says was done."""
    return tuple(entry.created_by or "" for entry in config.history)


def read_known_bases(
    directory: str | os.PathLike[str], limits: Limits = DEFAULT_LIMITS
) -> KnownBases:
    """A directory of images in any form that opens, and of indexes.

    An index is a JSON object in a file `NAME.json`: image names, each with the list of its
    diff_ids, lowest layer first. Raises `SourceUnreadableError` when it is no directory that
    can be read.
    """
    try:
        paths = sorted(Path(directory).iterdir())
    except OSError as error:
        message = f"{os.fspath(directory)}: {error.strerror or error}"
        raise SourceUnreadableError(f"{message}; bases are read from a directory") from error
    bases: list[KnownBase] = []
    problems: list[Problem] = []
    for path in paths:
        try:
            bases += _bases_of(path, limits)
        except ImageForensicsError as error:
            where = Location(source=str(path))
            problems.append(
                Problem(ProblemCode.DOCUMENT_INVALID, where, str(error), "no base was taken of it")
            )
    return KnownBases(tuple(bases), tuple(problems))


def _bases_of(path: Path, limits: Limits) -> Iterator[KnownBase]:
    if path.suffix == _INDEX_SUFFIX and path.is_file():
        yield from _indexed(path, limits)
        return
    for record in list_images(path, limits=limits):
        config = record.config
        diff_ids = tuple(config.diff_ids) if config else ()
        known = tuple(found for found in diff_ids if found is not None)
        if config is None or not known or len(known) != len(diff_ids):
            continue
        if record.names:
            name = min(record.names, key=len)
            yield KnownBase(name, known, commands_of(config))


def _indexed(path: Path, limits: Limits) -> Iterator[KnownBase]:
    try:
        with path.open("rb") as file:
            data = file.read(limits.document_bytes + 1)
    except OSError as error:
        raise SourceUnreadableError(f"{path}: {error.strerror or error}") from error
    for name, value in parse_json(data, str(path), limits).required_object().members():
        yield KnownBase(name, _digests(value))


def _digests(value: JsonValue) -> tuple[Digest, ...]:
    found = tuple(element.required_digest() for element in value.required_elements())
    if not found:
        raise DamagedDocumentError(f"{value.document}: {value.path}: no diff_ids")
    return found
