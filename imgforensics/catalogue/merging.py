"""One record per image where an index and a `manifest.json` both describe it, compared."""

from collections.abc import Sequence
from dataclasses import replace

from imgforensics.catalogue.records import ImageKind, ImageRecord
from imgforensics.oci.reference import Reference
from imgforensics.problems import Location, Problem, ProblemCode
from imgforensics.sources.base import printable


def merge(
    layout: Sequence[ImageRecord], archive: Sequence[ImageRecord], source: str
) -> tuple[list[ImageRecord], list[Problem]]:
    """Join what `index.json` leads to with what `manifest.json` lists.

    Images are the same when their configs are; the layout's record, whose digests are
    checked, takes the archive's names. Returns the records, the layout's first, and the
    disagreements that belong to no single record.
    """
    merged = list(layout)
    problems: list[Problem] = []
    by_config: dict[object, list[int]] = {}
    for index, record in enumerate(layout):
        if record.config_digest is not None:
            by_config.setdefault(record.config_digest, []).append(index)
    for entry in archive:
        same = by_config.get(entry.config_digest, []) if entry.config_digest else []
        if same:
            index = _closest(merged, same, entry)
            merged[index] = _joined(merged[index], entry, source)
        else:
            problems.extend(_name_conflicts(layout, entry, source))
            merged.append(entry)
    return merged, problems


def _closest(records: Sequence[ImageRecord], indexes: list[int], entry: ImageRecord) -> int:
    """The record with the entry's layers, for one config may have two manifests."""
    blobs = _blobs(entry)
    return next((index for index in indexes if _blobs(records[index]) == blobs), indexes[0])


def _joined(record: ImageRecord, entry: ImageRecord, source: str) -> ImageRecord:
    known = {str(Reference.parse(name)) for name in record.names}
    new = (name for name in entry.names if str(Reference.parse(name)) not in known)
    problems = record.problems
    if _blobs(record) != _blobs(entry):
        problems += (_disagreement(record, entry, source),)
    return replace(
        record,
        names=(*record.names, *new),
        layouts=tuple(dict.fromkeys((*record.layouts, *entry.layouts))),
        problems=problems,
    )


def _disagreement(record: ImageRecord, entry: ImageRecord, source: str) -> Problem:
    return Problem(
        ProblemCode.DOCUMENTS_DISAGREE,
        Location(source, blob=str(record.config_digest)),
        f"the manifest {record.manifest_digest} and manifest.json list other layers for one "
        f"config: {_listing(record)} against {_listing(entry)}",
        "the manifest's layers were taken",
    )


def _name_conflicts(
    layout: Sequence[ImageRecord], entry: ImageRecord, source: str
) -> list[Problem]:
    """Names under which the two documents have different images."""
    names = {str(Reference.parse(name)): name for name in entry.names}
    return [
        Problem(
            ProblemCode.DOCUMENTS_DISAGREE,
            Location(source),
            f"index.json has {printable(held)} as config {record.config_digest}, "
            f"manifest.json as config {entry.config_digest}",
            "both are listed",
        )
        for record in layout
        if record.kind is ImageKind.IMAGE
        for held in record.names
        if str(Reference.parse(held)) in names
    ]


def _blobs(record: ImageRecord) -> list[str | None]:
    return [layer.blob_name for layer in record.layers]


def _listing(record: ImageRecord) -> str:
    names = [layer.blob_name or "(absent)" for layer in record.layers]
    return f"{len(names)} layers ({', '.join(names[:4])}{', ...' if len(names) > 4 else ''})"
