"""`dockerfile`: the lost Dockerfile of an image, with what each line rests on."""

import sys
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

from imgforensics.dockerfile import (
    Confidence,
    KnownBases,
    Presentation,
    RecoveredDockerfile,
    read_known_bases,
    recover_dockerfile,
)
from imgforensics.dockerfile.documents import recovered_to_json
from imgforensics.image import Image
from imgforensics.opening import Need
from imgforensics.problems import Problem, display
from imgforensics.serialise import (
    host_name_to_json,
    identity_to_json,
    path_to_json,
    problem_to_json,
)
from imgforensics_cli.failures import Status
from imgforensics_cli.options import refuse_without
from imgforensics_cli.output import counted, safe_lines, say, write_document, write_lines
from imgforensics_cli.progress import counting
from imgforensics_cli.request import Request

if TYPE_CHECKING:
    from imgforensics.adapters.rebuild import Rebuild
    from imgforensics.dockerfile.output.writing import WrittenRecovery

EXAMPLES = (
    "imgforensics dockerfile suspect.tar",
    "imgforensics dockerfile suspect.tar --evidence --effects",
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


class _Wanted(NamedTuple):
    """What is to be recovered, shown, written and proven."""

    presentation: Presentation
    effects: bool
    history_only: bool
    bases: Path | None
    output: Path | None
    force: bool
    engine: Engine | None
    base: Path | None

    def check(self, request: Request) -> None:
        """Usage errors for options that need or exclude others; refuse a target that is taken."""
        if self.history_only and (self.output is not None or self.effects):
            raise typer.BadParameter("what is asked for is in layers", param_hint="--history-only")
        if self.output is None:
            given = {"--rebuild-with": self.engine is not None, "--force": self.force}
            refuse_without("--output", given)
        if self.base is not None and self.engine is None:
            raise typer.BadParameter("is for --rebuild-with", param_hint="--base")
        if self.output is not None:
            from imgforensics.extraction import DirectoryTarget  # noqa: PLC0415 - takes time

            DirectoryTarget(self.output, request.source, force=self.force).check()

    def known_bases(self, request: Request) -> KnownBases | None:
        """The user's own catalogue of bases."""
        return None if self.bases is None else read_known_bases(self.bases, request.limits)


class _Answer(NamedTuple):
    """All that was found and done."""

    image: Image
    recovered: RecoveredDockerfile
    presentation: Presentation
    written: "WrittenRecovery | None"
    rebuilt: "Rebuild | None"

    @property
    def problems(self) -> tuple[Problem, ...]:
        """Of the image, of its recovery, and of what was written."""
        own = self.written.problems if self.written is not None else self.recovered.problems
        return tuple(dict.fromkeys((*self.image.problems, *own)))

    @property
    def status(self) -> Status:
        """No, if the image came out another one when it was built again."""
        is_other = self.rebuilt is not None and not self.rebuilt.is_same
        return Status.NO if is_other else Status.DONE


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
    effects: Annotated[
        bool, typer.Option("--effects", help="What each RUN did, as comments.")
    ] = False,
    pretty: Annotated[
        bool, typer.Option("--pretty", help="Break long commands at their operators.")
    ] = False,
    keep_base: Annotated[
        bool, typer.Option("--keep-base", help="The base's own instructions, as comments.")
    ] = False,
    bases: Annotated[
        Path | None,
        typer.Option(
            "--bases",
            metavar="DIR",
            exists=True,
            file_okay=False,
            help="Images that this one may be built on, or indexes of their diff_ids.",
        ),
    ] = None,
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
    force: Annotated[
        bool, typer.Option("--force", help="Replace what an earlier run wrote.")
    ] = False,
) -> int:
    """Recover the Dockerfile that an image was built from.

    The original, where an attestation or a layer has it; else what history, configuration and
    layers tell. With --output, also the files that COPY and ADD brought, and a report on what is
    exact, what is inferred and what is lost. The exit status is 1 if a rebuilt image differs.
    """
    presentation = Presentation(evidence=evidence, base=keep_base, pretty=pretty)
    wanted = _Wanted(presentation, effects, history_only, bases, output, force, rebuild_with, base)
    wanted.check(request)
    with request.open(Need.DOCUMENTS if history_only else Need.CONTENTS) as image:
        answer = _recover(request, image, wanted)
        _tell(request, answer)
        _warn_of_settings(answer.recovered)
        status = request.conclude(answer.problems, answer.status)
        if answer.written is not None and not answer.written.is_complete:
            path = display(str(answer.written.path))
            say(f"error: incomplete; what could be written is in {path}")
        return status


def _recover(request: Request, image: Image, wanted: _Wanted) -> _Answer:
    total = sum(layer.stored_size for layer in image.layers if layer.is_present)
    with counting(total, "B", shown=not request.quiet) as advance:
        recovered = recover_dockerfile(
            image,
            bases=wanted.known_bases(request),
            read_layers=not wanted.history_only,
            progress=advance,
        )
        presentation = wanted.presentation
        if wanted.effects:
            from imgforensics.dockerfile.layers.effects import run_effects  # noqa: PLC0415 - takes time

            presentation = presentation.with_effects(run_effects(image, recovered))
        if wanted.output is None:
            return _Answer(image, recovered, presentation, None, None)
        from imgforensics.dockerfile.output.writing import write_dockerfile  # noqa: PLC0415 - as above
        from imgforensics_cli.extractions import telling_of_partial  # noqa: PLC0415 - as above

        with telling_of_partial(wanted.output.absolute()):
            written = write_dockerfile(
                image,
                recovered,
                wanted.output,
                presentation=presentation,
                force=wanted.force,
                progress=advance,
            )
    rebuilt = None
    if wanted.engine is not None and written.is_complete:
        rebuilt = _rebuilt(request, image, written, wanted)
    return _Answer(image, written.recovered, presentation, written, rebuilt)


def _rebuilt(
    request: Request, image: Image, written: "WrittenRecovery", wanted: _Wanted
) -> "Rebuild":
    from imgforensics.adapters.rebuild import rebuild  # noqa: PLC0415 - loads what few runs need

    engine = wanted.engine.value if wanted.engine else ""
    return rebuild(
        image, written.recovered, written.path, engine, base=wanted.base, work=request.tmpdir
    )


# What is told.


def _tell(request: Request, answer: _Answer) -> None:
    if request.json:
        write_document("dockerfile", _to_json(answer))
    elif answer.written is None:
        _write_text(answer.presentation.file_of(answer.recovered))
    elif not request.quiet:
        write_lines(_summary(answer.written))
        if answer.rebuilt is not None:
            write_lines(_differences(answer.rebuilt))


def _warn_of_settings(recovered: RecoveredDockerfile) -> None:
    """An original stays as it is; what the image has beyond it would be overlooked."""
    if recovered.source is not None and recovered.settings_left_out:
        count = counted(len(recovered.settings_left_out), "setting")
        say(f"warning: {count} of the image in no row of its history; --evidence lists them")


def _write_text(data: bytes) -> None:
    """To a terminal, and only there, with escapes for what would do something to it."""
    if sys.stdout.isatty():
        sys.stdout.write(safe_lines(data.decode("utf-8", "backslashreplace")))
    else:
        sys.stdout.flush()
        sys.stdout.buffer.write(data)


def _summary(written: "WrittenRecovery") -> Iterator[str]:
    instructions = written.recovered.instructions
    exact = sum(one.confidence is Confidence.EXACT for one in instructions)
    yield (
        f"wrote {display(str(written.path))}: {counted(len(instructions), 'instruction')}, {exact} "
        f"of them exact, {counted(written.files, 'file')} of context"
    )
    if written.missing:
        yield f"missing from the context, see RECOVERY.md: {counted(len(written.missing), 'thing')}"


def _differences(rebuilt: "Rebuild") -> Iterator[str]:
    if rebuilt.is_same:
        yield f"built again with {rebuilt.engine}: the same filesystem and configuration"
        return
    files, settings = counted(len(rebuilt.files), "path"), counted(len(rebuilt.config), "setting")
    yield f"built again with {rebuilt.engine}: {files} and {settings} differ"
    for change in rebuilt.files[:_DIFFERENCES_SHOWN]:
        attributes = ", ".join(sorted(change.attributes))
        yield f"  {change.verdict} {display(b'/' + change.path)} {attributes}".rstrip()
    for setting in rebuilt.config[:_DIFFERENCES_SHOWN]:
        before, after = display(repr(setting.before)), display(repr(setting.after))
        yield f"  {display(setting.key)}: {before} -> {after}"


def _to_json(answer: _Answer) -> dict[str, Any]:
    return {
        **host_name_to_json("source", answer.image.source.description),
        "image": identity_to_json(answer.image.record),
        **recovered_to_json(answer.recovered, answer.presentation),
        "output": _written_to_json(answer.written),
        "rebuild": _rebuilt_to_json(answer.rebuilt),
        "problems": map(problem_to_json, answer.problems),
    }


def _written_to_json(written: "WrittenRecovery | None") -> dict[str, Any] | None:
    if written is None:
        return None
    return {
        **host_name_to_json("path", str(written.path)),
        "complete": written.is_complete,
        "files": written.files,
        "missing": list(written.missing),
    }


def _rebuilt_to_json(rebuilt: "Rebuild | None") -> dict[str, Any] | None:
    if rebuilt is None:
        return None
    return {
        "engine": rebuilt.engine,
        "same": rebuilt.is_same,
        "files": [
            {
                **path_to_json(change.path),
                "verdict": change.verdict.value,
                "attributes": sorted(change.attributes),
            }
            for change in rebuilt.files
        ],
        "config": [
            {"key": one.key, "before": one.before, "after": one.after} for one in rebuilt.config
        ],
    }
