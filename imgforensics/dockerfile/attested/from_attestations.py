"""What attestations add to a recovered Dockerfile: the source itself, build steps, the base."""

from collections.abc import Sequence
from dataclasses import replace

from imgforensics.digests import Digest
from imgforensics.dockerfile.attested.llb import BuildGraph
from imgforensics.dockerfile.attested.llb_instructions import DefinitionReader, StageText
from imgforensics.dockerfile.attested.provenance import Material, Provenance, provenances_of
from imgforensics.dockerfile.instruction import (
    Confidence,
    Evidence,
    Instruction,
    RecoveredInstruction,
)
from imgforensics.dockerfile.layers.alignment import align, last_stage, up_to_stage
from imgforensics.dockerfile.parsing import parse_dockerfile
from imgforensics.dockerfile.recovered import (
    SCRATCH,
    BaseCandidate,
    BaseName,
    RecoveredDockerfile,
)
from imgforensics.errors import DamagedDocumentError
from imgforensics.image import Image
from imgforensics.problems import Location, ProblemCode, ProblemLog

_REASONS = {
    Evidence.PROVENANCE: "the provenance of the build names it",
    Evidence.DOCKERFILE_IN_LAYER: "the Dockerfile that a layer holds names it",
}
_RUNS_AND_COPIES = frozenset({"RUN", "COPY", "ADD"})


def with_attestations(image: Image, recovered: RecoveredDockerfile) -> RecoveredDockerfile:
    """The recovered Dockerfile with all that provenance statements about the image say.

    What is wrong with them is among its problems; the rest stands without them.
    """
    log = ProblemLog(Location(image.source.description))
    provenances = tuple(provenances_of(image, log))
    if provenances:
        recovered = _with_provenance(recovered, provenances[0], log)
    problems = tuple(dict.fromkeys((*recovered.problems, *log)))
    return replace(recovered, provenances=provenances, problems=problems)


def _with_provenance(
    recovered: RecoveredDockerfile, provenance: Provenance, log: ProblemLog
) -> RecoveredDockerfile:
    source = provenance.dockerfile
    if source is not None:
        recovered = with_source(
            recovered,
            source.data,
            provenance.dockerfile_name or source.name,
            Evidence.PROVENANCE,
            target=provenance.target,
        )
        return with_base_of_source(recovered, provenance)
    stages = _stages(provenance, log)
    if stages:
        return _with_stages(recovered, stages)
    return _with_base(recovered, _only_material(recovered, provenance))


# The source itself.


def with_source(
    recovered: RecoveredDockerfile,
    data: bytes,
    name: str,
    evidence: Evidence,
    *,
    target: str | None = None,
    note: str = "",
) -> RecoveredDockerfile:
    """The Dockerfile's own text in place of what the history tells; rows and layers stay known.

    `target` is the stage that was built, the last one if not given.
    """
    parsed = parse_dockerfile(data.decode("utf-8", "replace"))
    rows = [*recovered.base_instructions, *recovered.own_instructions]
    built = up_to_stage(parsed.instructions, target)
    pairs = align(built, [row.instruction for row in rows]).pairs
    row_of = {place: rows[row] for place, row in pairs}
    instructions = (
        RecoveredInstruction(
            instruction,
            evidence,
            layer=row_of[place].layer if place in row_of else None,
            note=note,
            row=row_of[place].row if place in row_of else None,
        )
        for place, instruction in enumerate(parsed.instructions)
    )
    return replace(
        _with_boundary(recovered, rows, pairs[0][1] if pairs else None),
        instructions=tuple(instructions),
        source=data,
        source_name=name,
    )


def _with_boundary(
    recovered: RecoveredDockerfile, rows: Sequence[RecoveredInstruction], start: int | None
) -> RecoveredDockerfile:
    """The base cut off where the source's own instructions begin, if that is a row."""
    row = rows[start].row if start is not None else None
    if row is None or row == recovered.base.rows:
        return recovered
    layers = [one.layer for one in rows[start:] if one.layer is not None]
    base = replace(recovered.base, rows=row, layers=min(layers, default=recovered.base.layers))
    return replace(recovered, base=base, base_instructions=tuple(rows[:start]))


def with_base_of_source(
    recovered: RecoveredDockerfile, provenance: Provenance | None = None
) -> RecoveredDockerfile:
    """The base as the source's last stage names it, with its digest where provenance has it."""
    evidence = Evidence.PROVENANCE if provenance else Evidence.DOCKERFILE_IN_LAYER
    return _with_base(recovered, _material_of_source(recovered, provenance), evidence=evidence)


def _material_of_source(
    recovered: RecoveredDockerfile, provenance: Provenance | None
) -> Material | None:
    """The image that the last stage goes back to."""
    written = [one.instruction for one in recovered.instructions]
    instructions = up_to_stage(written, provenance.target if provenance else None)
    chain = last_stage(instructions)
    if not chain:
        return None
    values = _global_arguments(instructions, provenance)
    words = [word for word in instructions[chain[0]].arguments.split() if not word.startswith("--")]
    reference = _replaced(words[0], values) if words else ""
    if reference == SCRATCH:
        return Material(SCRATCH, None)
    materials = provenance.materials if provenance else ()
    named = [one for one in materials if _same_image(one.reference, reference)]
    return next(iter(named), Material(reference, None) if "$" not in reference else None)


def _global_arguments(
    instructions: Sequence[Instruction], provenance: Provenance | None
) -> dict[str, str]:
    values: dict[str, str] = {}
    for instruction in instructions:
        if instruction.keyword == "FROM":
            break
        if instruction.keyword == "ARG":
            name, _, value = instruction.arguments.partition("=")
            values[name] = value.strip("\"'")
    return {**values, **(provenance.build_arguments if provenance else {})}


def _replaced(text: str, values: dict[str, str]) -> str:
    for name, value in values.items():
        text = text.replace(f"${{{name}}}", value).replace(f"${name}", value)
    return text


def _same_image(one: str, other: str) -> bool:
    return _plain_name(one) == _plain_name(other)


def _plain_name(reference: str) -> str:
    """Without what engines add by themselves."""
    name = reference.partition("@")[0]
    name = name.removeprefix("docker.io/").removeprefix("library/")
    has_tag = ":" in name.rpartition("/")[2]
    return name if has_tag else f"{name}:latest"


# Build steps without the source.


def _stages(provenance: Provenance, log: ProblemLog) -> tuple[StageText, ...]:
    if provenance.steps is None:
        return ()
    try:
        graph = BuildGraph.from_json(provenance.steps)
        return DefinitionReader(graph, tuple(provenance.build_arguments)).stages()
    except DamagedDocumentError as error:
        log.report(
            ProblemCode.PROVENANCE_INVALID,
            str(error),
            action="recovered without its build steps",
            blob=str(provenance.digest),
        )
        return ()


def _with_stages(
    recovered: RecoveredDockerfile, stages: Sequence[StageText]
) -> RecoveredDockerfile:
    """Builder stages ahead, and in the last one what the history has lost: mounts and stages."""
    last = stages[-1]
    recovered = _with_base(recovered, _material_of(last.base), is_stage=last.base in _names(stages))
    rows = recovered.own_instructions
    steps = [Instruction("FROM", last.base), *last.instructions]
    pairs = dict(align(steps, [row.instruction for row in rows]).pairs)
    step_of = {row: steps[place] for place, row in pairs.items()}
    completed = (_completed(row, step_of.get(place)) for place, row in enumerate(rows))
    ahead = (one for stage in stages[:-1] for one in _stage_instructions(stage))
    own = tuple(completed) if rows else tuple(map(_from_step, last.instructions))
    head = recovered.instructions[: len(recovered.instructions) - len(rows)]
    return replace(recovered, instructions=(*ahead, *head, *own))


def _names(stages: Sequence[StageText]) -> set[str]:
    return {stage.name for stage in stages}


def _stage_instructions(stage: StageText) -> list[RecoveredInstruction]:
    start = Instruction("FROM", f"{stage.base} AS {stage.name}")
    note = "the stage's own name is in no build step"
    return [
        RecoveredInstruction(start, Evidence.BUILD_DEFINITION, Confidence.PARTIAL, note=note),
        *map(_from_step, stage.instructions),
    ]


def _from_step(instruction: Instruction) -> RecoveredInstruction:
    exact = instruction.keyword in _RUNS_AND_COPIES
    confidence = Confidence.EXACT if exact else Confidence.INFERRED
    return RecoveredInstruction(instruction, Evidence.BUILD_DEFINITION, confidence)


def _completed(row: RecoveredInstruction, step: Instruction | None) -> RecoveredInstruction:
    """A row with the flags, sources and heredocs that its build step still has."""
    if step is None or step.keyword not in _RUNS_AND_COPIES:
        return row
    return replace(
        row,
        instruction=step,
        evidence=Evidence.BUILD_DEFINITION,
        confidence=Confidence.EXACT,
        note="",
    )


# The base image.


def _material_of(reference: str) -> Material:
    name, _, digest = reference.partition("@")
    try:
        return Material(name, Digest.parse(digest) if digest else None)
    except ValueError:
        return Material(name, None)


def _only_material(recovered: RecoveredDockerfile, provenance: Provenance) -> Material | None:
    """The base, where there is no doubt: the only image, or the one that is named otherwise."""
    materials = provenance.materials
    if not materials and recovered.base.name == SCRATCH:
        return Material(SCRATCH, None)
    known = recovered.base.name
    if known is not None and recovered.base.score == 1:
        materials = tuple(one for one in materials if _same_image(one.reference, known))
    return materials[0] if len(materials) == 1 else None


def _with_base(
    recovered: RecoveredDockerfile,
    material: Material | None,
    *,
    is_stage: bool = False,
    evidence: Evidence = Evidence.PROVENANCE,
) -> RecoveredDockerfile:
    if material is None:
        return recovered
    old = recovered.base
    base = BaseCandidate(
        rows=old.rows,
        layers=old.layers,
        score=1.0,
        reasons=(_REASONS[evidence],),
        evidence=evidence,
        name=material.reference,
        digest=material.digest,
        names=(BaseName(material.reference, 1.0, _REASONS[evidence]),),
    )
    others = (one for one in recovered.base_candidates if one.rows != base.rows)
    candidates = (base, *others)
    recovered = replace(recovered, base=base, base_candidates=candidates)
    if recovered.source is not None:
        return recovered
    reference = material.reference if is_stage else material.pinned
    start = RecoveredInstruction(
        Instruction("FROM", reference), Evidence.PROVENANCE, note=base.reasons[0]
    )
    return replace(recovered, instructions=(start, *recovered.own_instructions))
