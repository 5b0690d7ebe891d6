"""One record per image where an index and a `manifest.json` both describe it, compared."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import chain

from imgforensics.catalogue.records import ImageKind, ImageRecord
from imgforensics.digests import Digest
from imgforensics.oci.reference import Reference
from imgforensics.problems import Location, Problem, ProblemCode, ProblemLog, display

_Blobs = tuple[str | None, ...]


def merge(
    layout: Sequence[ImageRecord], archive: Sequence[ImageRecord], source: str
) -> tuple[list[ImageRecord], list[Problem]]:
    """Join what `index.json` leads to with what `manifest.json` lists.

    Images are the same when their configs are; the layout's record, whose digests are
    checked, takes the archive's names. Returns the records, the layout's first, and the
    disagreements that belong to no single record.
    """
    merged = list(layout)
    log = ProblemLog(Location(source))
    places = _places(layout)
    holders = _holders(layout)
    joining: dict[int, list[ImageRecord]] = {}
    for entry in archive:
        config = entry.config_digest
        index = places.get((config, _blobs(entry)), places.get((config, None)))
        if index is None:
            _report_name_conflicts(holders, entry, log)
            merged.append(entry)
        else:
            joining.setdefault(index, []).append(entry)
    for index, entries in joining.items():
        merged[index] = _joined(merged[index], entries, source)
    return merged, list(log)


def _places(layout: Sequence[ImageRecord]) -> dict[tuple[Digest | None, _Blobs | None], int]:
    """Where the first record of a config stands, and the first of a config and its layers.

    One config may have two manifests.
    """
    places: dict[tuple[Digest | None, _Blobs | None], int] = {}
    for index, record in enumerate(layout):
        if record.config_digest is not None:
            places.setdefault((record.config_digest, None), index)
            places.setdefault((record.config_digest, _blobs(record)), index)
    return places


def _joined(record: ImageRecord, entries: Sequence[ImageRecord], source: str) -> ImageRecord:
    known = set(map(_meaning, record.names))
    new: list[str] = []
    for entry in entries:
        fresh = [name for name in entry.names if _meaning(name) not in known]
        known.update(map(_meaning, fresh))
        new += fresh
        if _blobs(record) != _blobs(entry):
            record = _reconciled(record, entry, source)
    layouts = chain(record.layouts, *(entry.layouts for entry in entries))
    return replace(record, names=(*record.names, *new), layouts=tuple(dict.fromkeys(layouts)))


def _reconciled(record: ImageRecord, entry: ImageRecord, source: str) -> ImageRecord:
    """The record with one of two lists of layers, and the disagreement.

    Pre-releases of Docker 25 saved manifests that list no layers; the config bears witness
    to what `manifest.json` lists. https://github.com/moby/moby/issues/47065
    """
    is_forgotten = not record.layers and all(layer.diff_id for layer in entry.layers)
    disagreement = Problem(
        ProblemCode.DOCUMENTS_DISAGREE,
        Location(source, blob=str(record.config_digest)),
        f"the manifest {record.manifest_digest} and manifest.json list other layers for one "
        f"config: {_listing(record)} against {_listing(entry)}",
        "the layers of manifest.json were taken, the config has as many"
        if is_forgotten
        else "the manifest's layers were taken",
    )
    if not is_forgotten:
        return replace(record, problems=(*record.problems, disagreement))
    about_layers = [problem for problem in entry.problems if _is_about_layers(problem)]
    others = [problem for problem in record.problems if not _is_about_layers(problem)]
    return replace(
        record,
        layers=entry.layers,
        missing=entry.missing,
        problems=(*others, *about_layers, disagreement),
    )


def _is_about_layers(problem: Problem) -> bool:
    is_count = problem.code in (ProblemCode.LAYER_COUNT_MISMATCH, ProblemCode.HISTORY_MISMATCH)
    return is_count or problem.where.layer is not None


def _holders(layout: Sequence[ImageRecord]) -> dict[str, tuple[str, ImageRecord]]:
    """The first image of each name, with the name as it stands."""
    holders: dict[str, tuple[str, ImageRecord]] = {}
    for record in layout:
        if record.kind is ImageKind.IMAGE:
            for name in record.names:
                holders.setdefault(_meaning(name), (name, record))
    return holders


def _report_name_conflicts(
    holders: Mapping[str, tuple[str, ImageRecord]], entry: ImageRecord, log: ProblemLog
) -> None:
    """Report names under which the two documents have different images."""
    for meaning in dict.fromkeys(map(_meaning, entry.names)):
        if meaning in holders:
            held, record = holders[meaning]
            log.report(
                ProblemCode.DOCUMENTS_DISAGREE,
                f"index.json has {display(held)} as config {record.config_digest}, "
                f"manifest.json as config {entry.config_digest}",
                action="both are listed",
            )


def _meaning(name: str) -> str:
    """One text for all ways to write one name."""
    return str(Reference.parse(name))


def _blobs(record: ImageRecord) -> _Blobs:
    return tuple(layer.blob_name for layer in record.layers)


def _listing(record: ImageRecord) -> str:
    names = [layer.blob_name or "(absent)" for layer in record.layers]
    return f"{len(names)} layers ({', '.join(names[:4])}{', ...' if len(names) > 4 else ''})"
