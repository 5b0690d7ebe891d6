"""One answer of a search: a version, whether it is still there, and what matched in it."""

from dataclasses import dataclass

from imgforensics.digests import Digest
from imgforensics.layer import Layer
from imgforensics.problems import display
from imgforensics.searching.examining import NOTHING_FOUND, Findings
from imgforensics.searching.lines import Hit
from imgforensics.versions import InFinalImage, Version


@dataclass(frozen=True, slots=True)
class Match:
    """One version that matches; where contents were searched, one of its lines."""

    version: Version
    in_final_image: InFinalImage
    layer: Layer | None
    """The layer that put it there; None for a directory that only entries below it imply."""
    hit: Hit | None = None
    """The line, or binary file, that matches; None where contents were not searched."""
    findings: Findings = NOTHING_FOUND
    """Hashes, type and entropy, where they were asked for."""

    @property
    def path(self) -> bytes:
        """Where the version stands, relative to the root."""
        return self.version.path

    @property
    def created_by(self) -> str | None:
        """The instruction that made the layer."""
        return self.layer.created_by if self.layer else None

    @property
    def digest(self) -> Digest | None:
        """The layer's: of its blob, or of its tar where the archive declares no other."""
        return (self.layer.digest or self.layer.diff_id) if self.layer else None

    def __str__(self) -> str:
        layer = "no layer" if self.layer is None else f"layer {self.layer.index}"
        line = ""
        if self.hit is not None:
            inside = "".join("!" + display(part) for part in self.hit.inside)
            number = "" if self.hit.line_number is None else f":{self.hit.line_number}"
            line = f"{inside}{number}: {display(self.hit.line)}"
        return (
            f"{layer}, in the final image: {self.in_final_image}: {display(b'/' + self.path)}{line}"
        )

    def __repr__(self) -> str:
        return f"<Match {self}>"
