"""RECOVERY.md: what of a recovered Dockerfile is exact, what is inferred, what is lost."""

import html
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from imgforensics.dockerfile.attested.provenance import Provenance
from imgforensics.dockerfile.instruction import (
    Confidence,
    Evidence,
    RecoveredInstruction,
)
from imgforensics.dockerfile.recovered import RecoveredDockerfile
from imgforensics.dockerfile.rendering import evidence_of
from imgforensics.image import Image
from imgforensics.problems import display

_SECRET = re.compile(
    r"(?i)\b([\w.-]*(?:password|passwd|secret|token|api_?key|private_?key|credential)[\w.-]*)=(\S+)"
)
_MEANINGS = {
    Confidence.EXACT: "as it was written, or what builds the same",
    Confidence.PARTIAL: "right as it stands; something that was there is lost",
    Confidence.INFERRED: "something like it was there",
    Confidence.GUESSED: "a stand-in, so that the file is complete",
}
_SHOWN_LENGTH = 120
_MOST_CUTS = 10
_TOLD = frozenset((Evidence.HISTORY, Evidence.LAYER))
"""Evidence whose notes are to be read, however exact."""
_LOST = (
    "comments, blank lines, line breaks and parser directives",
    "builder stages, their names, and `ARG` before `FROM`",
    "references to variables in ENV and LABEL, where the builder wrote their values",
    "what `.dockerignore` left out of the context",
)


def report_text(
    image: Image, recovered: RecoveredDockerfile, missing: Sequence[str], *, has_ignore_file: bool
) -> str:
    """The report as Markdown; what comes from the image stands in code spans, made harmless.

    `has_ignore_file` says whether `Dockerfile.dockerignore` was written.
    """
    sections = (
        ("# What was recovered, and from what", _summary(image, recovered)),
        ("## To build it", _building(recovered, has_ignore_file=has_ignore_file)),
        ("## Base image", _base(recovered)),
        ("## Provenance", _provenances(recovered.provenances)),
        ("## Not exact", _inexact(recovered.instructions)),
        ("## Settings of the image that the Dockerfile does not make", _left_out(recovered)),
        ("## Dockerfiles found in layers", _found(recovered)),
        ("## Missing from the context", [f"- {_code(one)}" for one in missing]),
        ("## Lost for good", _lost(recovered)),
        ("## Secrets seen", _secrets(image, recovered)),
        ("## Problems", [f"- {_code(str(one))}" for one in recovered.problems]),
    )
    found = ((head, list(lines)) for head, lines in sections)
    return "\n".join("\n".join((head, "", *lines, "")) for head, lines in found if lines)


def _summary(image: Image, recovered: RecoveredDockerfile) -> Iterator[str]:
    names = ", ".join(map(_code, image.names)) or "an image without a name"
    yield f"From {names} in {_code(image.source.description)}, written by {recovered.builder}."
    yield ""
    if recovered.source is not None:
        place = "a layer has it as" if _is_from_layer(recovered) else "the provenance has it as"
        name = _code(recovered.source_name)
        yield f"`Dockerfile` is the original, byte for byte: {place} {name}."
        return
    if not recovered.had_dockerfile:
        yield "There never was a Dockerfile; this is an equivalent."
    counts = Counter(one.confidence for one in recovered.instructions)
    yield "| instructions | confidence | meaning |"
    yield "|---|---|---|"
    for confidence, meaning in _MEANINGS.items():
        if counts[confidence]:
            yield f"| {counts[confidence]} | {confidence} | {meaning} |"


def _is_from_layer(recovered: RecoveredDockerfile) -> bool:
    evidence = (one.evidence for one in recovered.instructions[:1])
    return Evidence.DOCKERFILE_IN_LAYER in evidence


def _building(recovered: RecoveredDockerfile, *, has_ignore_file: bool) -> Iterator[str]:
    option = "--ignorefile Dockerfile.dockerignore " if has_ignore_file else ""
    yield "```sh"
    yield "docker build -f Dockerfile context"
    yield f"buildah build {option}-f Dockerfile context"
    yield "```"
    if has_ignore_file:
        yield "`context/.dockerignore` is a file of the image: `Dockerfile.dockerignore`, which"
        yield "BuildKit takes by itself, keeps it from leaving out what instructions need."
    arguments = [name for one in recovered.provenances[:1] for name in one.build_arguments]
    if arguments and recovered.source is not None:
        yield f"It was built with `--build-arg` for {', '.join(map(_code, arguments))}."


def _base(recovered: RecoveredDockerfile) -> Iterator[str]:
    if recovered.base_names:
        yield "| name | score | why |"
        yield "|---|---|---|"
        for name in recovered.base_names:
            yield f"| {_code(name.name)} | {name.score:.2f} | {_cell(name.reason)} |"
        yield ""
    yield "Where it may end:"
    yield ""
    yield "| best name | layers | history rows | score | why |"
    yield "|---|---|---|---|---|"
    for one in (recovered.base_candidates or (recovered.base,))[:_MOST_CUTS]:
        names = _code(one.reference or "unknown")
        why = "; ".join(one.reasons) or one.evidence
        yield f"| {names} | {one.layers} | {one.rows} | {one.score:.2f} | {_cell(why)} |"


def _provenances(provenances: Iterable[Provenance]) -> Iterator[str]:
    for one in provenances:
        mode = "max" if one.is_maximal else "min"
        yield f"- SLSA {_code(one.version)}, mode {mode}, statement {_code(str(one.digest))}"
        facts = {
            "Dockerfile": one.dockerfile_name,
            "target": one.target,
            "frontend": one.frontend,
            "context": one.context_uri,
            "repository": one.vcs_source,
            "revision": one.vcs_revision,
            "build arguments": ", ".join(one.build_arguments),
            "secrets (ids)": ", ".join(one.secrets),
            "SSH (ids)": ", ".join(one.ssh),
            "labels given to the build": ", ".join(one.labels),
            "named contexts": ", ".join(one.contexts),
            "images": ", ".join(material.pinned for material in one.materials),
        }
        yield from (f"  - {name}: {_code(fact)}" for name, fact in facts.items() if fact)


def _inexact(instructions: Iterable[RecoveredInstruction]) -> Iterator[str]:
    for one in instructions:
        if one.confidence is not Confidence.EXACT or (one.note and one.evidence in _TOLD):
            yield f"- {_code(one.instruction.brief(_SHOWN_LENGTH))}: {_plain(evidence_of(one))}"


def _left_out(recovered: RecoveredDockerfile) -> Iterator[str]:
    for one in recovered.settings_left_out:
        yield f"- {_code(one.instruction.brief(_SHOWN_LENGTH))}: {_plain(one.note)}"


def _found(recovered: RecoveredDockerfile) -> Iterator[str]:
    for one in recovered.found:
        path = _code("/" + display(one.path))
        yield f"- {path}, layer {one.layer}, score {one.score:.2f}: {one.reason}"


def _lost(recovered: RecoveredDockerfile) -> Iterator[str]:
    if recovered.source is None:
        yield from (f"- {one}" for one in _LOST)
    yield "- values of secrets, and what was mounted only while a command ran"


def _secrets(image: Image, recovered: RecoveredDockerfile) -> Iterator[str]:
    """Names alone, and where they are: the values stand in the image for everyone to see."""
    seen: dict[str, str] = {}
    rows = image.config.history if image.config is not None else ()
    for number, row in enumerate(rows):
        for match in _SECRET.finditer(row.created_by or ""):
            seen.setdefault(match[1], f"history row {number}")
    for one in recovered.provenances:
        for name, value in one.build_arguments.items():
            if _SECRET.match(f"{name}={value}"):
                seen.setdefault(name, "a build argument in the provenance")
    yield from (f"- {_code(name)}: its value is in {place}" for name, place in seen.items())


def _code(text: str) -> str:
    return f"`{display(text).replace('`', chr(39))}`"


def _cell(text: str) -> str:
    return _plain(text).replace("|", "\\|")


def _plain(text: str) -> str:
    """Text that begins no tag."""
    return html.escape(display(text), quote=False)
