"""`deleted`: what layers still hold and a container does not see."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from imgforensics.deleted import DeletedFile, Waste, deleted_files, extract_deleted, wasted_bytes
from imgforensics.extraction import Selection
from imgforensics.image import Image
from imgforensics.opening import Need
from imgforensics.problems import Problem, display
from imgforensics.serialise import (
    host_name_to_json,
    identity_to_json,
    node_to_json,
    problem_to_json,
    text_or_none,
)
from imgforensics_cli.extractions import conclude, telling_of_partial
from imgforensics_cli.failures import Status
from imgforensics_cli.options import refuse_without
from imgforensics_cli.output import brief, human_size, table, write_document, write_lines
from imgforensics_cli.request import Request

EXAMPLES = (
    "imgforensics deleted suspect.tar",
    "imgforensics deleted suspect.tar --include '/root/**'",
    "imgforensics deleted suspect.tar -o recovered",
    "imgforensics deleted suspect.tar --waste",
)


def run(
    request: Request,
    *,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="DIR",
            help="Write them to DIR/layer-NNN, NNN being the layer.",
        ),
    ] = None,
    include: Annotated[
        list[str] | None,
        typer.Option("--include", metavar="GLOB", help="Only paths that match; repeatable."),
    ] = None,
    exclude: Annotated[
        list[str] | None,
        typer.Option("--exclude", metavar="GLOB", help="Not those that match; repeatable."),
    ] = None,
    waste: Annotated[
        bool, typer.Option("--waste", help="Bytes held in vain, for each instruction, instead.")
    ] = False,
    special: Annotated[
        bool, typer.Option("--special", help="Write devices, setuid bits, capabilities, too.")
    ] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Replace what an earlier run wrote.")
    ] = False,
) -> int:
    """Show every version of a file that a layer still holds and a container does not see.

    Deleted, overwritten, hidden, or never shown at all: each with the layer that holds it and
    the layer that ended it. The exit status is 1 if there is none.
    """
    if waste and (output is not None or include or exclude):
        raise typer.BadParameter("excludes --output, --include and --exclude", param_hint="--waste")
    selection = Selection(tuple(include or ()), tuple(exclude or ()))
    if output is None:
        refuse_without("--output", {"--special": special, "--force": force})
    else:
        return _write(request, output.absolute(), selection, special=special, force=force)
    with request.open(Need.ENTRIES) as image:
        request.scan_what_can_be(image)
        if waste:
            return _show_waste(request, image)
        problems: list[Problem] = []
        found = list(deleted_files(image, selected=selection.matcher(), problems=problems))
        known = tuple(dict.fromkeys((*image.problems, *problems)))
        _show(request, image, found, known)
        return request.conclude(known, Status.DONE if found else Status.NO)


def _show(
    request: Request, image: Image, found: Sequence[DeletedFile], problems: Sequence[Problem]
) -> None:
    if request.json:
        facts = {
            **host_name_to_json("source", image.source.description),
            "image": identity_to_json(image.record),
            "deleted": map(_to_json, found),
            "problems": map(problem_to_json, problems),
        }
        write_document("deleted", facts)
        return
    rows = [
        (
            str(each.layer.index),
            each.fate.value,
            "-" if each.by is None else str(each.by.index),
            str(each.version.node.kind),
            human_size(each.version.node.size),
            display(b"/" + each.path),
            brief((each.by or each.layer).created_by or "-", verbose=request.verbose),
        )
        for each in found
    ]
    if rows:
        heads = ("LAYER", "FATE", "BY", "KIND", "SIZE", "PATH", "INSTRUCTION")
        write_lines(table(heads, rows, "LAYER BY SIZE"))


def _to_json(each: DeletedFile) -> dict[str, Any]:
    return {
        **node_to_json(each.path, each.version.node),
        "layer": each.layer.index,
        "digest": text_or_none(each.layer.digest or each.layer.diff_id),
        "created_by": each.layer.created_by,
        "fate": each.fate.value,
        "ended_by": None if each.by is None else each.by.index,
        "ended_by_instruction": None if each.by is None else each.by.created_by,
    }


def _write(
    request: Request, output: Path, selection: Selection, *, special: bool, force: bool
) -> int:
    with request.open(Need.CONTENTS, spool_directory=output.parent) as image:
        request.scan_what_can_be(image)
        with telling_of_partial(output):
            done = extract_deleted(image, output, selection=selection, special=special, force=force)
        is_any = bool(done.deviations) or any(done.counts.values())
        return conclude(request, done, output, status=Status.DONE if is_any else Status.NO)


def _show_waste(request: Request, image: Image) -> int:
    waste = wasted_bytes(image)
    if request.json:
        facts = {
            **host_name_to_json("source", image.source.description),
            "image": identity_to_json(image.record),
            "efficiency": waste.efficiency,
            "wasted_bytes": waste.wasted_bytes,
            "unseen_bytes": waste.unseen_bytes,
            "layers": (
                {
                    "layer": each.layer.index,
                    "created_by": each.layer.created_by,
                    "wasted_bytes": each.wasted_bytes,
                    "unseen_bytes": each.unseen_bytes,
                }
                for each in waste.layers
            ),
            "problems": map(problem_to_json, image.problems),
        }
        write_document("waste", facts)
    else:
        write_lines(_waste_lines(waste, verbose=request.verbose))
    return request.conclude(image.problems)


def _waste_lines(waste: Waste, *, verbose: bool) -> Sequence[str]:
    rows = [
        (
            str(each.layer.index),
            human_size(each.unseen_bytes),
            human_size(each.wasted_bytes),
            brief(each.layer.created_by or "-", verbose=verbose),
        )
        for each in waste.layers
    ]
    rows.append(("all", human_size(waste.unseen_bytes), human_size(waste.wasted_bytes), "-"))
    heads = ("LAYER", "UNSEEN", "WASTED", "INSTRUCTION")
    return [
        *table(heads, rows, "LAYER UNSEEN WASTED"),
        f"efficiency as dive has it: {waste.efficiency:.4f}",
    ]
