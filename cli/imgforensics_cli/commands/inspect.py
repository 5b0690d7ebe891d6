"""`inspect`: what a source holds, and one image of it in detail."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Annotated

import typer

from imgforensics.catalogue import Catalogue, ImageKind, ImageRecord, answering, choose
from imgforensics.errors import AmbiguousImageError, ImageChoiceError, ImageForensicsError
from imgforensics.image import Image
from imgforensics.layer import LayerScan
from imgforensics.oci.config import ImageConfig
from imgforensics.opening import Need, OpenedSource
from imgforensics.problems import Problem, display
from imgforensics.serialise import (
    config_to_json,
    host_name_to_json,
    layer_to_json,
    problem_to_json,
    record_to_json,
    stored_size,
)
from imgforensics.sources.base import BlobSource
from imgforensics_cli.output import brief, human_size, table, write_document, write_lines
from imgforensics_cli.request import Request

EXAMPLES = (
    "imgforensics inspect suspect.tar",
    "imgforensics inspect suspect.tar --image web:1 --layers",
    "docker save web | imgforensics inspect - --json",
)

_SETTLED_ELSEWHERE = (ImageKind.ATTESTATION, ImageKind.SIGNATURE, ImageKind.ARTIFACT)
"""Kinds that a source may hold without an image, and still be read in full."""


def run(
    request: Request,
    *,
    layers: Annotated[
        bool,
        typer.Option("--layers", help="Read the layers, too: entries, sizes, computed digests."),
    ] = False,
) -> int:
    """Show what a source holds, and the one image in it, or the one chosen, in detail.

    Without --layers no byte of a layer is read.
    """
    with request.catalogue(Need.ENTRIES if layers else Need.DOCUMENTS) as opened:
        record, failure = _chosen(request, opened.catalogue)
        is_read = layers and failure is None
        scans = _scans(request, opened.image_of(record)) if is_read and record else {}
        problems = tuple(dict.fromkeys(_problems(opened.catalogue, record, scans)))
        if request.json:
            _write_json(opened, record, scans, problems)
        else:
            write_lines(_lines(opened, record, scans, verbose=request.verbose))
        status = request.conclude(problems)
    if failure is not None:
        raise failure
    return status


def _chosen(
    request: Request, catalogue: Catalogue
) -> tuple[ImageRecord | None, ImageForensicsError | None]:
    """The image to show in detail, if there is one; and why it cannot be read, if it cannot."""
    try:
        return choose(catalogue, request.image, request.platform), None
    except ImageForensicsError as error:
        if _is_settled(request, catalogue, error):
            return None, None
        if isinstance(error, ImageChoiceError) or not (catalogue.records or catalogue.absent):
            raise
        unread = [one for one in answering(catalogue, request.image) if one.reason]
        return unread[0] if len(unread) == 1 else None, error


def _is_settled(request: Request, catalogue: Catalogue, error: ImageForensicsError) -> bool:
    """Whether the list is all that was asked for."""
    if request.image is not None or request.platform is not None:
        return False
    kinds = {record.kind for record in catalogue.records}
    is_open = isinstance(error, AmbiguousImageError)
    return is_open or (bool(kinds) and kinds.issubset(_SETTLED_ELSEWHERE))


def _scans(request: Request, image: Image) -> dict[int, LayerScan]:
    request.scan(image)
    return {layer.index: layer.scan() for layer in image.layers if layer.is_present}


def _problems(
    catalogue: Catalogue, record: ImageRecord | None, scans: Mapping[int, LayerScan]
) -> Iterator[Problem]:
    yield from catalogue.problems
    for shown in (record,) if record else catalogue.records:
        yield from shown.problems
    yield from chain.from_iterable(scan.facts.problems for scan in scans.values())


# JSON.


def _write_json(
    opened: OpenedSource,
    record: ImageRecord | None,
    scans: Mapping[int, LayerScan],
    problems: Iterable[Problem],
) -> None:
    catalogue, source = opened.catalogue, opened.source
    detail = None
    if record is not None:
        detail = {
            **record_to_json(record, source),
            "config": config_to_json(record.config) if record.config else None,
            "layers": [
                layer_to_json(layer, source, scans.get(layer.index)) for layer in record.layers
            ],
        }
    absent = [
        {
            "digest": str(descriptor.digest),
            "media_type": descriptor.media_type,
            "platform": str(descriptor.platform) if descriptor.platform else None,
        }
        for descriptor in catalogue.absent
    ]
    facts = {
        **host_name_to_json("source", catalogue.source_description),
        "images": [record_to_json(record, source) for record in catalogue.records],
        "absent": absent,
        "image": detail,
        "problems": map(problem_to_json, problems),
    }
    write_document("inspect", facts)


# For people.


def _lines(
    opened: OpenedSource,
    record: ImageRecord | None,
    scans: Mapping[int, LayerScan],
    *,
    verbose: bool,
) -> Iterator[str]:
    catalogue, source = opened.catalogue, opened.source
    if record is None or len(catalogue.records) > 1 or catalogue.absent:
        yield from _listing(catalogue, source, verbose=verbose)
    if record is None:
        return
    if len(catalogue.records) > 1 or catalogue.absent:
        yield ""
    yield from _facts(record)
    if record.config is not None:
        yield from _settings(record.config)
    yield ""
    yield from _layers(record, source, scans, verbose=verbose)


def _listing(catalogue: Catalogue, source: BlobSource, *, verbose: bool) -> Iterator[str]:
    rows = [_row(record, source, verbose=verbose) for record in catalogue.records]
    rows += [
        [
            "-",
            "not here",
            "-",
            display(str(one.platform or "-")),
            "-",
            human_size(None),
            str(one.digest),
        ]
        for one in catalogue.absent
    ]
    yield from table(
        ("NUMBER", "KIND", "NAMES", "PLATFORM", "LAYERS", "STORED", "DIGEST"),
        rows,
        numbers="NUMBER LAYERS STORED",
    )
    for record in catalogue.records:
        if record.reason:
            yield f"{record.number} is not read: {brief(record.reason, verbose=verbose)}"


def _row(record: ImageRecord, source: BlobSource, *, verbose: bool) -> Sequence[str]:
    sizes = [stored_size(layer, source) or 0 for layer in record.layers]
    return (
        str(record.number),
        record.kind.value,
        ", ".join(brief(name, verbose=verbose) for name in record.names) or "-",
        display(str(record.platform or "-")),
        str(len(record.layers)),
        human_size(sum(sizes)),
        str(record.manifest_digest or record.config_digest or "-"),
    )


def _facts(record: ImageRecord) -> Iterator[str]:
    yield from _setting("image", [str(record.number)])
    yield from _setting("names", record.names)
    yield from _setting("digest", [str(record.manifest_digest or "none")])
    yield from _setting("image ID", [str(record.config_digest or "none")])
    yield from _setting("platform", [str(record.platform or "not declared")])
    yield from _setting("found in", record.layouts)
    yield from _setting("missing", record.missing)
    yield from _setting("not read", [record.reason])


def _settings(config: ImageConfig) -> Iterator[str]:
    container = config.container
    yield from _setting("created", [config.created or ""])
    yield from _setting("author", [config.author or ""])
    yield from _setting("user", [container.user])
    yield from _setting("directory", [container.working_dir])
    yield from _setting("entrypoint", _words(container.entrypoint))
    yield from _setting("command", _words(container.cmd))
    yield from _setting("environment", container.env)
    yield from _setting("ports", container.exposed_ports)
    yield from _setting("volumes", container.volumes)
    yield from _setting("labels", [f"{key}={value}" for key, value in container.labels.items()])
    yield from _setting("stop signal", [container.stop_signal or ""])
    healthcheck = container.healthcheck
    yield from _setting("healthcheck", _words(healthcheck.test if healthcheck else None))
    yield from _setting("shell", _words(container.shell))
    yield from _setting("on build", container.on_build)


def _words(words: Sequence[str] | None) -> Sequence[str]:
    """A command on one line, as Dockerfiles have it."""
    return [json.dumps(words, ensure_ascii=False)] if words else ()


def _setting(name: str, values: Iterable[str] | None) -> Iterator[str]:
    """A setting's values, whole, one to a line, the first beside its name; nothing if none."""
    for value in values or ():
        if value:
            yield f"{name:<12}  {display(value)}"
            name = ""


def _layers(
    record: ImageRecord, source: BlobSource, scans: Mapping[int, LayerScan], *, verbose: bool
) -> Iterator[str]:
    heads = ["LAYER", "STORED", "DIGEST", "INSTRUCTION"]
    rows = []
    for layer in record.layers:
        digest = layer.descriptor.digest if layer.descriptor else layer.diff_id
        instruction = layer.history.created_by if layer.history else None
        row = [
            str(layer.index),
            human_size(stored_size(layer, source)),
            str(digest or "-"),
            brief(instruction or "-", verbose=verbose),
        ]
        if scans:
            row[2:2] = _found(scans.get(layer.index))
        rows.append(row)
    if scans:
        heads[2:2] = ["SIZE", "ENTRIES", "COMPRESSION"]
    yield from table(heads, rows, numbers="LAYER STORED SIZE ENTRIES")


def _found(scan: LayerScan | None) -> Sequence[str]:
    if scan is None:
        return ("-", "-", "-")
    return (human_size(scan.facts.size), str(len(scan.entries)), scan.facts.compression.value)
