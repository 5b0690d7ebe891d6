"""A recovered Dockerfile: instructions, base image, and what could not be told."""

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from imgforensics.digests import Digest
from imgforensics.dockerfile.attested.provenance import Provenance
from imgforensics.dockerfile.instruction import Evidence, RecoveredInstruction
from imgforensics.dockerfile.layers.found import FoundDockerfile
from imgforensics.dockerfile.rendering import dockerfile_text
from imgforensics.problems import Problem, display


class Builder(StrEnum):
    """What wrote an image, or one row of its history."""

    BUILDKIT = "buildkit"
    CLASSIC = "classic"
    BUILDAH = "buildah"
    KANIKO = "kaniko"
    COMMIT = "commit"
    """`docker commit`, `podman commit`, `buildah commit`: a container's state."""
    IMPORT = "import"
    """`docker import`: a root filesystem."""
    JIB = "jib"
    KO = "ko"
    BAZEL = "bazel"
    BUILDPACKS = "buildpacks"
    NIX = "nix"
    APKO = "apko"
    KIWI = "kiwi"
    S2I = "s2i"
    UMOCI = "umoci"
    DEBUERREOTYPE = "debuerreotype"
    UNKNOWN = "unknown"

    @property
    def reads_dockerfiles(self) -> bool:
        """Whether an image that it wrote had a Dockerfile."""
        return self in _DOCKERFILE_BUILDERS


_DOCKERFILE_BUILDERS = frozenset(
    {Builder.BUILDKIT, Builder.CLASSIC, Builder.BUILDAH, Builder.KANIKO, Builder.UNKNOWN}
)


_MADE_BY = {
    Builder.COMMIT: "committing a container",
    Builder.IMPORT: "importing a root filesystem",
    Builder.BUILDPACKS: "Cloud Native Buildpacks",
    Builder.S2I: "source-to-image",
}
"""Those whose names alone do not tell."""


class BaseName(NamedTuple):
    """What a base may be called."""

    name: str
    """As FROM would have it."""
    score: float
    """From 0 to 1, that of the place where the base ends among it."""
    reason: str
    """What tells of it, in one line."""


@dataclass(frozen=True, slots=True)
class BaseCandidate:
    """One place where the base image may end, and what it may be called."""

    rows: int
    """History rows that are the base's."""
    layers: int
    """Layers that are the base's."""
    score: float
    """From 0 to 1; 1 where the evidence is exact. Scores of candidates need not add up to 1."""
    reasons: tuple[str, ...] = ()
    """What speaks for it, one short sentence each."""
    evidence: Evidence = Evidence.INFERENCE
    name: str | None = None
    """As FROM would have it, digest left out; None where nothing tells."""
    digest: Digest | None = None
    """Of the base's manifest, where it is stated; never computed, never guessed."""
    names: tuple[BaseName, ...] = ()
    """The names the evidence allows, at most 20, best first, `name` among them."""

    def __repr__(self) -> str:
        name = display(self.reference or "of unknown name")
        return f"<BaseCandidate {name}: {self.layers} layers, score {self.score}>"

    @property
    def reference(self) -> str | None:
        """Name and digest as FROM takes them."""
        if self.name is None or self.digest is None:
            return self.name
        return f"{self.name}@{self.digest}"


_MOST_NAMES = 20
SCRATCH = "scratch"
"""The name of no base at all."""


@dataclass(frozen=True, slots=True)
class RecoveredDockerfile:
    """What an image tells of the Dockerfile it was built from; `str()` is its text."""

    instructions: tuple[RecoveredInstruction, ...]
    """FROM first; of the last stage alone, unless the source itself was found."""
    base: BaseCandidate
    """The best of `base_candidates`."""
    base_candidates: tuple[BaseCandidate, ...] = ()
    """The cuts that most speaks for, best first."""
    base_instructions: tuple[RecoveredInstruction, ...] = ()
    """What the history tells of how the base was made; no part of the Dockerfile."""
    untold_settings: tuple[RecoveredInstruction, ...] = ()
    """Settings of the image that no row tells, where a builder wrote rows for all of them.

    Changed after the build, and then among `instructions`, too, unless the source itself was
    found; or perhaps of a base whose own history does not tell all. The notes tell which.
    """
    builder: Builder = Builder.UNKNOWN
    source: bytes | None = None
    """The Dockerfile's own bytes, where they were found."""
    source_name: str = ""
    """The name it was built under, where `source` is known."""
    provenances: tuple[Provenance, ...] = ()
    """Attestations of how the image was built, the one that says most first."""
    found: tuple[FoundDockerfile, ...] = ()
    """Files of the layers that may be the Dockerfile, the best first."""
    problems: tuple[Problem, ...] = ()
    """What is contradictory, absent or unreadable."""

    def __repr__(self) -> str:
        own = len(self.own_instructions)
        return f"<RecoveredDockerfile by {self.builder}: {own} instructions on {self.base!r}>"

    @property
    def base_names(self) -> tuple[BaseName, ...]:
        """What the base may be called, wherever it ends: the 20 likeliest names, best first."""
        names: dict[str, BaseName] = {}
        for found in self.base_candidates or (self.base,):
            for one in found.names:
                if one.name not in names or names[one.name].score < one.score:
                    names[one.name] = one
        return tuple(sorted(names.values(), key=lambda one: -one.score)[:_MOST_NAMES])

    @property
    def own_instructions(self) -> tuple[RecoveredInstruction, ...]:
        """What follows the first FROM."""
        keywords = [one.instruction.keyword for one in self.instructions]
        return self.instructions[keywords.index("FROM") + 1 :] if "FROM" in keywords else ()

    @property
    def settings_left_out(self) -> tuple[RecoveredInstruction, ...]:
        """The untold settings that are not among the instructions."""
        told = set(self.instructions) if self.untold_settings else set()
        return tuple(one for one in self.untold_settings if one not in told)

    @property
    def had_dockerfile(self) -> bool:
        """Whether there ever was one; if not, the instructions are an equivalent."""
        return self.builder.reads_dockerfiles

    def __str__(self) -> str:
        return self.text()

    def text(self, *, pretty: bool = False, evidence: bool = False, keep_base: bool = False) -> str:
        """The Dockerfile: its own text where that was found, else one that always parses.

        `pretty` breaks long commands at operators of the outermost level without changing
        them; `evidence` puts what each instruction rests on above it as a comment; `keep_base`
        adds the base's own instructions as comments. None of them touches a text that was
        found.
        """
        if self.source is not None:
            return self.source.decode("utf-8", "replace")
        return dockerfile_text(
            self.instructions,
            heading=self.heading,
            base=self.base_instructions if keep_base else (),
            left_out=self.settings_left_out,
            evidence=evidence,
            pretty=pretty,
        )

    @property
    def heading(self) -> str:
        """What a reader has to know before anything else; empty for an ordinary Dockerfile."""
        if self.source is not None or self.builder in _DOCKERFILE_BUILDERS - {Builder.UNKNOWN}:
            return ""
        made = _MADE_BY.get(self.builder, str(self.builder))
        if self.builder is Builder.UNKNOWN:
            first = "Nothing in the image tells what made it."
        else:
            first = f"There never was a Dockerfile: the image was made by {made}."
        return f"{first}\nThis is an equivalent of what it holds."
