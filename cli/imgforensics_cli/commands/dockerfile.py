"""`dockerfile`: the lost Dockerfile of an image, with what each line rests on."""

import sys
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from imgforensics.dockerfile import RecoveredDockerfile, recover_dockerfile, write_dockerfile
from imgforensics.dockerfile.documents import recovered_to_json
from imgforensics.dockerfile.rendering import dockerfile_text
from imgforensics.dockerfile.writing import WrittenRecovery
from imgforensics.extraction import DirectoryTarget
from imgforensics.image import Image
from imgforensics.opening import Need
from imgforensics.problems import display
from imgforensics.serialise import identity_to_json, path_to_json, problem_to_json
from imgforensics_cli.failures import Status
from imgforensics_cli.output import counted, safe, safe_lines, say, write_document, write_lines
from imgforensics_cli.progress import counting
from imgforensics_cli.request import Request

if TYPE_CHECKING:
    from imgforensics.adapters.rebuild import Rebuild

EXAMPLES = (
    "imgforensics dockerfile suspect.tar",
    "imgforensics dockerfile suspect.tar --evidence",
    "imgforensics dockerfile suspect.tar -o recovered",
    "imgforensics dockerfile ours.tar -o recovered --rebuild-with buildah --base debian.tar",
    "imgforensics dockerfile suspect.tar --json | jq .base_candidates",
)

_DIFFERENCES_SHOWN = 20


class Engine(StrEnum):
    """What can build a Dockerfile."""

    BUILDAH = "buildah"
    DOCKER = "docker"
    PODMAN = "podman"


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
    rebuild_with: Annotated[
        Engine | None,
        typer.Option(
            "--rebuild-with",
            help="Build what was written with this engine, and compare. It runs the commands of "
            "the Dockerfile: not for images that are not to be trusted.",
        ),
    ] = None,
    base: Annotated[
        Path | None,
        typer.Option(
            "--base",
            metavar="FILE",
            exists=True,
            help="The base image, as an archive or layout, for --rebuild-with.",
        ),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace what is there.")] = False,
) -> int:
    """Recover the Dockerfile that an image was built from.

    The original, where an attestation or a layer has it; else what history, configuration and
    layers tell. With --output, also the files that COPY and ADD brought, and a report on what is
    exact, what is inferred and what is lost. The exit status is 1 if a rebuilt image differs.
    """
    _check(output, rebuild_with, base, history_only=history_only)
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
        done = None
        if written is not None and written.is_complete and rebuild_with is not None:
            done = _rebuilt(request, image, written, rebuild_with, base)
        _tell(request, image, recovered, written, done, evidence=evidence)
        problems = written.problems if written is not None else recovered.problems
        answer = Status.DONE if done is None or done.is_same else Status.NO
        status = request.conclude(dict.fromkeys((*image.problems, *problems)), answer)
        if written is not None and not written.is_complete:
            say(f"error: incomplete; what could be written is in {safe(str(written.path))}")
        return status


def _check(
    output: Path | None, engine: Engine | None, base: Path | None, *, history_only: bool
) -> None:
    """Usage errors for options that need or exclude others."""
    if history_only and output is not None:
        raise typer.BadParameter("the context is in the layers", param_hint="--history-only")
    if engine is not None and output is None:
        raise typer.BadParameter("needs --output", param_hint="--rebuild-with")
    if base is not None and engine is None:
        raise typer.BadParameter("is for --rebuild-with", param_hint="--base")


def _rebuilt(
    request: Request, image: Image, written: WrittenRecovery, engine: Engine, base: Path | None
) -> "Rebuild":
    from imgforensics.adapters.rebuild import rebuild  # noqa: PLC0415 - loads what few runs need

    return rebuild(
        image, written.recovered, written.path, engine.value, base=base, work=request.tmpdir
    )


def _progress(request: Request, image: Image) -> Any:  # noqa: ANN401 - a context manager
    total = sum(layer.stored_size for layer in image.layers if layer.is_present)
    return counting(total, "B", shown=not request.quiet)


def _tell(
    request: Request,
    image: Image,
    recovered: RecoveredDockerfile,
    written: WrittenRecovery | None,
    done: "Rebuild | None",
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
        if done is not None:
            facts["rebuild"] = _rebuild_to_json(done)
        problems = written.problems if written else recovered.problems
        facts["problems"] = map(problem_to_json, dict.fromkeys((*image.problems, *problems)))
        write_document("dockerfile", facts)
    elif written is None:
        _write_text(recovered, evidence=evidence)
    elif not request.quiet:
        write_lines(_summary(written))
        if done is not None:
            write_lines(_differences(done))


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


def _differences(done: "Rebuild") -> Iterator[str]:
    if done.is_same:
        yield f"built again with {done.engine}: the same filesystem and configuration"
        return
    files, keys = counted(len(done.files), "path"), counted(len(done.config), "setting")
    yield f"built again with {done.engine}: {files} and {keys} differ"
    for change in done.files[:_DIFFERENCES_SHOWN]:
        attributes = ", ".join(sorted(change.attributes))
        yield f"  {change.verdict} {display(b'/' + change.path)} {attributes}".rstrip()
    for key in done.config[:_DIFFERENCES_SHOWN]:
        yield f"  {safe(key.key)}: {safe(repr(key.before))} -> {safe(repr(key.after))}"


def _rebuild_to_json(done: "Rebuild") -> dict[str, Any]:
    return {
        "engine": done.engine,
        "same": done.is_same,
        "files": [
            {
                **path_to_json(change.path),
                "verdict": change.verdict.value,
                "attributes": sorted(change.attributes),
            }
            for change in done.files
        ],
        "config": [
            {"key": one.key, "before": one.before, "after": one.after} for one in done.config
        ],
    }
