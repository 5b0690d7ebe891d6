"""`dockerfile`: the lost Dockerfile of an image, with what each line rests on."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from imgforensics.dockerfile import RecoveredDockerfile, recover_dockerfile, write_dockerfile
from imgforensics.dockerfile.documents import recovered_to_json
from imgforensics.dockerfile.rendering import dockerfile_text
from imgforensics.dockerfile.writing import WrittenRecovery
from imgforensics.extraction import DirectoryTarget
from imgforensics.image import Image
from imgforensics.opening import Need
from imgforensics.serialise import identity_to_json, problem_to_json
from imgforensics_cli.output import counted, safe, safe_lines, say, write_document, write_lines
from imgforensics_cli.progress import counting
from imgforensics_cli.request import Request

EXAMPLES = (
    "imgforensics dockerfile suspect.tar",
    "imgforensics dockerfile suspect.tar --evidence",
    "imgforensics dockerfile suspect.tar -o recovered",
    "imgforensics dockerfile suspect.tar --json | jq .base_candidates",
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
            help="Write Dockerfile, context/ and RECOVERY.md below this directory.",
        ),
    ] = None,
    evidence: Annotated[
        bool, typer.Option("--evidence", help="What each line rests on, as comments.")
    ] = False,
    history_only: Annotated[
        bool,
        typer.Option("--history-only", help="Read documents alone: no layer, much faster."),
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace what is there.")] = False,
) -> int:
    """Recover the Dockerfile that an image was built from.

    The original, where an attestation or a layer has it; else what history, configuration and
    layers tell. With --output, also the files that COPY and ADD brought, and a report on what is
    exact, what is inferred and what is lost.
    """
    if history_only and output is not None:
        raise typer.BadParameter("the context is in the layers", param_hint="--history-only")
    if output is not None:
        DirectoryTarget(output, request.source, force=force).check()
    need = Need.DOCUMENTS if history_only else Need.CONTENTS
    with request.open(need) as image:
        with _progress(request, image) as advance:
            recovered = recover_dockerfile(image, read_layers=not history_only, progress=advance)
            written = None
            if output is not None:
                written = write_dockerfile(
                    image, recovered, output, evidence=evidence, force=force, progress=advance
                )
        _tell(request, image, recovered, written, evidence=evidence)
        problems = written.problems if written is not None else recovered.problems
        status = request.conclude(dict.fromkeys((*image.problems, *problems)))
        if written is not None and not written.is_complete:
            say(f"error: incomplete; what could be written is in {safe(str(written.path))}")
        return status


def _progress(request: Request, image: Image) -> Any:  # noqa: ANN401 - a context manager
    total = sum(layer.stored_size for layer in image.layers if layer.is_present)
    return counting(total, "B", shown=not request.quiet)


def _tell(
    request: Request,
    image: Image,
    recovered: RecoveredDockerfile,
    written: WrittenRecovery | None,
    *,
    evidence: bool,
) -> None:
    if request.json:
        facts: dict[str, Any] = {
            "source": image.source.description,
            "image": identity_to_json(image.record),
            **recovered_to_json(written.recovered if written else recovered),
        }
        if written is not None:
            facts["output"] = {
                "path": str(written.path),
                "complete": written.is_complete,
                "files": written.files,
                "missing": list(written.missing),
            }
        problems = written.problems if written else recovered.problems
        facts["problems"] = map(problem_to_json, dict.fromkeys((*image.problems, *problems)))
        write_document("dockerfile", facts)
    elif written is None:
        _write_text(recovered, evidence=evidence)
    elif not request.quiet:
        write_lines(_summary(written))


def _write_text(recovered: RecoveredDockerfile, *, evidence: bool) -> None:
    """To a terminal, and only there, with escapes for what would do something to it."""
    data = _text(recovered, evidence=evidence)
    if sys.stdout.isatty():
        sys.stdout.write(safe_lines(data.decode("utf-8", "backslashreplace")))
    else:
        sys.stdout.flush()
        sys.stdout.buffer.write(data)


def _text(recovered: RecoveredDockerfile, *, evidence: bool) -> bytes:
    if recovered.source is None:
        text = dockerfile_text(recovered.instructions, heading=recovered.heading, evidence=evidence)
        return text.encode("utf-8", "backslashreplace")
    if not evidence:
        return recovered.source
    # Behind the end, as a directive has to stand before every comment.
    name = safe(recovered.source_name)
    found = f"# all of it: exact, from {recovered.instructions[0].evidence}: {name}\n"
    return recovered.source.rstrip(b"\n") + b"\n" + found.encode()


def _summary(written: WrittenRecovery) -> Iterator[str]:
    exact = sum(one.confidence == "exact" for one in written.recovered.instructions)
    total = len(written.recovered.instructions)
    yield (
        f"wrote {safe(str(written.path))}: {counted(total, 'instruction')}, {exact} of them exact, "
        f"{counted(written.files, 'file')} of context"
    )
    if written.missing:
        yield f"{counted(len(written.missing), 'thing')} missing from the context: see RECOVERY.md"
