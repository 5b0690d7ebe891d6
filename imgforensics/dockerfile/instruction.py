"""A Dockerfile's instructions as values, and what each recovered one rests on.

Source: https://docs.docker.com/reference/dockerfile/ (BuildKit's dialect, which also reads
what the classic builder, buildah and kaniko take).
"""

from dataclasses import dataclass
from enum import StrEnum

from imgforensics.problems import display

TAKES_FLAGS = frozenset({"ADD", "COPY", "FROM", "HEALTHCHECK", "RUN"})
_TAKES_HEREDOCS = frozenset({"ADD", "COPY", "RUN"})
KEYWORDS = frozenset(
    {
        *TAKES_FLAGS,
        "ARG",
        "CMD",
        "ENTRYPOINT",
        "ENV",
        "EXPOSE",
        "LABEL",
        "MAINTAINER",
        "ONBUILD",
        "SHELL",
        "STOPSIGNAL",
        "USER",
        "VOLUME",
        "WORKDIR",
    }
)


@dataclass(frozen=True, slots=True)
class Heredoc:
    """A document that stands in the lines after its instruction."""

    name: str
    """The delimiter, without quotes."""
    body: str
    """Every line with its line break, the delimiter's line left out."""


@dataclass(frozen=True, slots=True)
class Instruction:
    """One instruction, as it stands in a Dockerfile, continuation lines joined."""

    keyword: str
    """In capitals: `RUN`."""
    arguments: str = ""
    """What follows keyword and flags, quoted and escaped as a Dockerfile needs it."""
    flags: tuple[str, ...] = ()
    """`--name=value` or `--name` each, in order."""
    heredocs: tuple[Heredoc, ...] = ()
    """In the order in which `arguments` names them."""

    @property
    def takes_heredocs(self) -> bool:
        """Whether documents may stand below it; a trigger's belong to what it triggers."""
        if self.keyword != "ONBUILD":
            return self.keyword in _TAKES_HEREDOCS
        return self.arguments.partition(" ")[0].upper() in _TAKES_HEREDOCS

    def __repr__(self) -> str:
        return f"<Instruction {self.brief()}>"

    def __str__(self) -> str:
        line = " ".join(filter(None, (self.keyword, *self.flags, self.arguments)))
        bodies = (f"\n{heredoc.body}{heredoc.name}" for heredoc in self.heredocs)
        return line + "".join(bodies)

    def brief(self, most: int = 60) -> str:
        """On one line, cut after `most` characters, harmless to a terminal."""
        text = " ".join(str(self).split())
        return display(text if len(text) <= most else text[:most] + "…")


class Evidence(StrEnum):
    """What a recovered instruction was taken from, best first."""

    PROVENANCE = "provenance"
    """The Dockerfile itself, in an attestation of the build."""
    BUILD_DEFINITION = "build-definition"
    """The build steps (LLB) in an attestation."""
    DOCKERFILE_IN_LAYER = "dockerfile-in-layer"
    """A Dockerfile found in a layer, which agrees with the history."""
    CONTENT_HASH = "content-hash"
    """A hash in the history, met by what a layer holds."""
    HISTORY = "history"
    """A row of the image's history."""
    CONFIG = "config"
    """The image's configuration."""
    LAYER = "layer"
    """What a layer holds."""
    ANNOTATION = "annotation"
    """An annotation of the manifest or a label."""
    CATALOGUE = "catalogue"
    """An image of the user's own catalogue of bases."""
    INFERENCE = "inference"
    """Reasoned from several signs; the note names them."""


class Confidence(StrEnum):
    """How far a recovered instruction can be relied on."""

    EXACT = "exact"
    """The instruction as it was written, or one that builds the same."""
    PARTIAL = "partial"
    """What stands here is right, and something that was there is lost; the note says what."""
    INFERRED = "inferred"
    """Something like it was there; text or place are reasoned."""
    GUESSED = "guessed"
    """A stand-in, so that the file is complete."""


@dataclass(frozen=True, slots=True)
class RecoveredInstruction:
    """An instruction and what it rests on."""

    instruction: Instruction
    evidence: Evidence
    confidence: Confidence = Confidence.EXACT
    layer: int | None = None
    """Index of the layer it made, from 0; None where it made none or it is not known which."""
    note: str = ""
    """What is lost, or why it is thought to be so; one line, empty where nothing is to be said."""
    row: int | None = None
    """Position in the image's history, from 0; None where no row tells of it."""

    def __repr__(self) -> str:
        shown = self.instruction.brief()
        return f"<RecoveredInstruction {shown}: {self.confidence}, from {self.evidence}>"

    def __str__(self) -> str:
        return str(self.instruction)
