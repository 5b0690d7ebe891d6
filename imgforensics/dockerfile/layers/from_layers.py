"""What layers add to a recovered Dockerfile: proven sources, owners, heredocs, the file itself.

The layers above the base are read once, each from first byte to last.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import replace

from imgforensics.contents import contents_of
from imgforensics.dockerfile.attested.from_attestations import with_base_of_source, with_source
from imgforensics.dockerfile.history.classic import NOT_AN_OPERATION, HashedCopy, hashed_copy
from imgforensics.dockerfile.history.state import environment_of
from imgforensics.dockerfile.instruction import Evidence, RecoveredInstruction
from imgforensics.dockerfile.layers.classic_hash import HashKind, Proof
from imgforensics.dockerfile.layers.copied import LayerFacts, described, heredoc_paths
from imgforensics.dockerfile.layers.destinations import CopyStep, copy_steps
from imgforensics.dockerfile.layers.found import (
    LARGEST,
    MOST,
    FoundDockerfile,
    judged,
    may_be_dockerfile,
)
from imgforensics.dockerfile.layers.members import LayerMembers
from imgforensics.dockerfile.layers.proving import Declared, Hasher, Prover
from imgforensics.dockerfile.layers.source_names import words_of
from imgforensics.dockerfile.layers.twins import Twins
from imgforensics.dockerfile.recovered import Builder, RecoveredDockerfile
from imgforensics.image import Image
from imgforensics.layer import EntryKind, Layer, LayerEntry
from imgforensics.oci.config import ImageConfig
from imgforensics.problems import Problem

Progress = Callable[[int], None]


def with_layers(
    image: Image, recovered: RecoveredDockerfile, progress: Progress | None = None
) -> RecoveredDockerfile:
    """The recovered Dockerfile with all that the layers above the base tell.

    `progress` is told the size of every piece of a stored layer that was read. What could not be
    read is among its problems.
    """
    reading = _Reading(image, recovered)
    problems = reading.run(progress)
    found = reading.found_dockerfiles()
    recovered = replace(
        recovered,
        found=found,
        problems=tuple(dict.fromkeys((*recovered.problems, *problems))),
    )
    if recovered.source is None and found and found[0].is_trusted:
        recovered = _adopted(recovered, found[0])
    return reading.described(recovered)


def steps_of(image: Image, recovered: RecoveredDockerfile) -> tuple[CopyStep, ...]:
    """The COPY and ADD of a recovered Dockerfile, with where they put things."""
    config = image.config or ImageConfig(b"")
    return tuple(
        copy_steps(
            recovered.base_instructions,
            recovered.instructions,
            environment_of(config.container.env),
        )
    )


def _adopted(recovered: RecoveredDockerfile, found: FoundDockerfile) -> RecoveredDockerfile:
    recovered = with_source(
        recovered,
        found.data,
        "/" + found.path.decode("utf-8", "backslashreplace"),
        Evidence.DOCKERFILE_IN_LAYER,
        note=f"{found.reason} (score {found.score})",
    )
    return with_base_of_source(recovered)


def _marked(one: RecoveredInstruction, proofs: Mapping[int, Proof]) -> RecoveredInstruction:
    if one.row is None or one.row not in proofs:
        return one
    sources = b" ".join(proofs[one.row].sources).decode("utf-8", "backslashreplace")
    note = f"the hash in the history proves what was copied: {sources}"
    return replace(one, note="; ".join(filter(None, (one.note, note))))


class _Reading:
    """One pass over the layers above the base, for everything that needs contents."""

    def __init__(self, image: Image, recovered: RecoveredDockerfile) -> None:
        self._image = image
        self._recovered = recovered
        self._config = image.config or ImageConfig(b"")
        self._steps = steps_of(image, recovered)
        self._layers = image.layers[recovered.base.layers :]
        self._hashed = _hashed_copies(self._config, self._steps)
        declared = list(self._declared())
        self._prover = Prover(declared, words_of(_texts(self._config)) if declared else ())
        self._twins = Twins(self._steps_of_buildah())
        self._heredocs = heredoc_paths(self._steps)
        self._candidates: list[tuple[LayerEntry, bytes]] = []
        self._bodies: dict[tuple[int, bytes], bytes] = {}

    def run(self, progress: Progress | None) -> list[Problem]:
        """Read the layers; the problems of what could not be read."""
        problems: list[Problem] = []
        walk = contents_of(
            self._image, self._wants, problems, layers=self._layers, progress=progress
        )
        with closing(walk) as contents:
            for content in contents:
                self._take(content.entry, content.pieces)
        for layer in self._layers:
            if layer.is_scanned:
                self._take_others(layer)
                problems.extend(layer.problems)
        return problems

    def found_dockerfiles(self) -> tuple[FoundDockerfile, ...]:
        """Candidates, judged by the history."""
        recovered = self._recovered
        rows = [*recovered.base_instructions, *recovered.own_instructions]
        changed = set(recovered.untold_settings)
        told = [one for one in rows if one.instruction.keyword != "FROM" and one not in changed]
        history = [one.instruction for one in told if one.row is not None]
        unplaced = [one.instruction for one in told if one.row is None]
        return judged(self._candidates, history, unplaced, self._config.container.labels)

    def described(self, recovered: RecoveredDockerfile) -> RecoveredDockerfile:
        """COPY and ADD with what their layers say of them; a source's own stay as they are."""
        proofs = self._prover.proofs()
        if recovered.source is not None:
            marked = (_marked(one, proofs) for one in recovered.instructions)
            return replace(recovered, instructions=tuple(marked))
        instructions = list(recovered.instructions)
        members = LayerMembers(self._image)
        for step in self._steps:
            row = -1 if step.recovered.row is None else step.recovered.row
            kind = HashKind(self._hashed[row].kind) if row in self._hashed else None
            facts = LayerFacts(members.of(step), proofs.get(row), kind, self._bodies, self._twins)
            instructions[step.position] = described(self._image, step, facts)
        return replace(recovered, instructions=tuple(instructions))

    def _declared(self) -> Iterator[tuple[int, Declared]]:
        """What can be proven: buildah's hashes are of something else, which names no source."""
        if self._recovered.builder is not Builder.CLASSIC:
            return
        for step in self._steps:
            row = step.recovered.row
            if row is not None and row in self._hashed:
                kind, value = HashKind(self._hashed[row].kind), self._hashed[row].hash
                yield row, Declared(kind, value, step.path, step.recovered.layer)

    def _steps_of_buildah(self) -> list[CopyStep]:
        """Those whose sources are told by a hash without their names."""
        if self._recovered.builder is not Builder.BUILDAH:
            return []
        named = {row for row, copy in self._hashed.items() if copy.kind != HashKind.DIRECTORY.value}
        return [step for step in self._steps if step.recovered.row in named]

    def _wants(self, entry: LayerEntry) -> bool:
        return (
            self._is_candidate(entry)
            or (entry.layer_index, entry.path) in self._heredocs
            or self._prover.wants(entry)
            or self._twins.wants(entry)
        )

    def _is_candidate(self, entry: LayerEntry) -> bool:
        return len(self._candidates) < MOST and may_be_dockerfile(entry)

    def _take(self, entry: LayerEntry, pieces: Iterable[memoryview]) -> None:
        kept = bytearray()
        keeps = self._is_candidate(entry) or (entry.layer_index, entry.path) in self._heredocs
        hashers: list[Hasher] = list(self._prover.hashers(entry))
        if self._twins.wants(entry):
            hashers.append(self._twins.hasher(entry))
        for piece in pieces:
            if keeps and len(kept) <= LARGEST:
                kept += piece
            for hasher in hashers:
                hasher.update(piece)
        for hasher in hashers:
            hasher.finish()
        if self._is_candidate(entry):
            self._candidates.append((entry, bytes(kept)))
        if (entry.layer_index, entry.path) in self._heredocs and len(kept) <= LARGEST:
            self._bodies[entry.layer_index, entry.path] = bytes(kept)

    def _take_others(self, layer: Layer) -> None:
        """Directories and links have no content, and are hashed all the same."""
        for entry in layer.entries:
            if entry.kind is not EntryKind.FILE:
                for hasher in self._prover.hashers(entry):
                    hasher.finish()


def _hashed_copies(config: ImageConfig, steps: Iterable[CopyStep]) -> dict[int, HashedCopy]:
    """The rows that name sources by a hash alone."""
    found = {}
    for step in steps:
        row = step.recovered.row
        match = row is not None and NOT_AN_OPERATION.match(config.history[row].created_by or "")
        copy = hashed_copy(match["text"]) if match else None
        if row is not None and copy is not None:
            found[row] = copy
    return found


def _texts(config: ImageConfig) -> Iterator[bytes]:
    """The image's own words, which may name files."""
    container = config.container
    rows = (row.created_by or "" for row in config.history)
    words = (*(container.cmd or ()), *(container.entrypoint or ()), *container.env)
    labels = container.labels.values()
    return (text.encode("utf-8", "replace") for text in (*rows, *words, *labels))
