"""`history`: how the image was made, or what each layer did to one path."""

import os
from collections.abc import Iterator, Sequence
from typing import Annotated, Any, NamedTuple

import typer

from imgforensics.catalogue import LayerRecord
from imgforensics.filesystem.history import PathEvent
from imgforensics.image import Image
from imgforensics.layer import normalise_path
from imgforensics.oci.config import HistoryEntry
from imgforensics.opening import Need
from imgforensics.problems import display
from imgforensics.serialise import (
    entry_to_json,
    history_to_json,
    host_name_to_json,
    identity_to_json,
    node_to_json,
    path_to_json,
    problem_to_json,
    stored_size,
)
from imgforensics_cli.failures import Status
from imgforensics_cli.listing import node_facts
from imgforensics_cli.options import refuse_without
from imgforensics_cli.output import brief, human_size, say, table, write_document, write_lines
from imgforensics_cli.request import Request

_HASH_DIGITS = 12

EXAMPLES = (
    "imgforensics history suspect.tar",
    "imgforensics history suspect.tar /root/.aws/credentials",
)


class _Step(NamedTuple):
    """A step of the history, a layer, or both where they pair."""

    row: HistoryEntry | None
    layer: LayerRecord | None


def run(
    request: Request,
    *,
    path: Annotated[
        str | None, typer.Argument(metavar="PATH", help="A path of the image.", show_default=False)
    ] = None,
    follow: Annotated[
        bool, typer.Option("--follow", help="Begin with the names that the file had before.")
    ] = False,
) -> int:
    """Show the instructions that made the image, or what each layer did to one path.

    Symbolic links are not followed. The exit status is 1 if no layer has the path.
    """
    if path is None:
        refuse_without("PATH", {"--follow": follow})
        with request.open(Need.DOCUMENTS) as image:
            _show_steps(request, image)
            return request.conclude(image.problems)
    with request.open(Need.CONTENTS) as image:
        request.scan(image)
        events = image.history_of(path, follow=follow)
        wanted = normalise_path(os.fsencode(path))
        _show_events(request, image, wanted, events)
        return request.conclude(image.problems, Status.DONE if events else Status.NO)


# The image.


def _show_steps(request: Request, image: Image) -> None:
    steps = _steps(image)
    if request.json:
        facts = {
            **host_name_to_json("source", image.source.description),
            "image": identity_to_json(image.record),
            "steps": (_step_to_json(image, step) for step in steps),
            "problems": map(problem_to_json, image.problems),
        }
        write_document("history", facts)
        return
    rows = [
        (
            "-" if step.layer is None else str(step.layer.index),
            "-" if step.layer is None else human_size(stored_size(step.layer, image.source)),
            display((step.row and step.row.created) or "-"),
            brief((step.row and step.row.created_by) or "-", verbose=request.verbose),
        )
        for step in steps
    ]
    write_lines(table(("LAYER", "STORED", "CREATED", "INSTRUCTION"), rows, "LAYER STORED"))


def _steps(image: Image) -> Sequence[_Step]:
    """Every row of the history with its layer, and the layers that have no row."""
    layers = image.record.layers
    paired = iter([layer for layer in layers if layer.history is not None])
    rows = image.config.history if image.config else ()
    steps = [_Step(row, None if row.empty_layer else next(paired, None)) for row in rows]
    return steps + [_Step(None, layer) for layer in layers if layer.history is None]


def _step_to_json(image: Image, step: _Step) -> dict[str, Any]:
    layer = step.layer
    digest = layer.descriptor.digest if layer and layer.descriptor else None
    return {
        "layer": layer.index if layer else None,
        "digest": str(digest) if digest else None,
        "diff_id": str(layer.diff_id) if layer and layer.diff_id else None,
        "stored_size": stored_size(layer, image.source) if layer else None,
        **history_to_json(step.row or HistoryEntry()),
    }


# One path.


def _show_events(request: Request, image: Image, path: bytes, events: Sequence[PathEvent]) -> None:
    if request.json:
        facts = {
            **host_name_to_json("source", image.source.description),
            "image": identity_to_json(image.record),
            **path_to_json(path),
            "events": map(_event_to_json, events),
            "problems": map(problem_to_json, image.problems),
        }
        write_document("history-of-path", facts)
    elif events:
        write_lines(_event_lines(events, verbose=request.verbose))
    else:
        say(f"error: {display(b'/' + path)}: no layer has it")


def _event_to_json(event: PathEvent) -> dict[str, Any]:
    return {
        **path_to_json(event.path),
        "layer": event.layer.index,
        "change": event.change.value,
        "cause": event.cause.value,
        "created": event.created,
        "created_by": event.created_by,
        "version": event.version,
        "sha256": event.sha256,
        "moved": [path_to_json(path) for path in event.moved],
        "entry": entry_to_json(event.entry) if event.entry else None,
        "before": node_to_json(event.path, event.before) if event.before else None,
        "after": node_to_json(event.path, event.after) if event.after else None,
    }


def _event_lines(events: Sequence[PathEvent], *, verbose: bool) -> Iterator[str]:
    rows = [
        (
            str(event.layer.index),
            event.change.value,
            event.cause.value,
            "-" if event.version is None else str(event.version),
            display(event.created or "-"),
            _now(event),
            (event.sha256 or "-")[:_HASH_DIGITS],
            display(b"/" + event.path),
            brief(event.created_by or "-", verbose=verbose),
        )
        for event in events
    ]
    heads = (
        *("LAYER", "CHANGE", "CAUSE", "VERSION", "CREATED", "NOW", "SHA256"),
        *("PATH", "INSTRUCTION"),
    )
    yield from table(heads, rows, "LAYER VERSION")


def _now(event: PathEvent) -> str:
    """What stands there now, and where its content came from or went to."""
    facts = node_facts(event.after) if event.after else "-"
    way = "from" if event.after else "moved to"
    return " ".join([facts, *(f"{way} {display(b'/' + path)}" for path in event.moved)])
