"""A recovered Dockerfile as the bytes of a file, with the comments that were asked for."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import TYPE_CHECKING

from imgforensics.dockerfile.recovered import RecoveredDockerfile
from imgforensics.dockerfile.rendering import as_comments, dockerfile_text, evidence_of

if TYPE_CHECKING:
    from imgforensics.dockerfile.layers.effects import Effects

_NO_EFFECTS: Mapping[int, "Effects"] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Presentation:
    """What a Dockerfile is shown with."""

    evidence: bool = False
    """What each instruction rests on, as comments."""
    base: bool = False
    """The base's own instructions, as comments."""
    pretty: bool = False
    """Long commands broken at their operators."""
    effects: Mapping[int, "Effects"] = field(default_factory=lambda: _NO_EFFECTS)
    """What RUN did, by position, as comments."""

    def with_effects(self, effects: Mapping[int, "Effects"]) -> "Presentation":
        """The same with what RUN did."""
        return replace(self, effects=effects)

    def file_of(self, recovered: RecoveredDockerfile) -> bytes:
        """The file; where the original was found, that, and the comments behind its end.

        A parser directive of the original has to stand before every comment.
        """
        if recovered.source is None:
            text = dockerfile_text(
                recovered.instructions,
                heading=recovered.heading,
                base=recovered.base_instructions if self.base else (),
                left_out=recovered.settings_left_out,
                evidence=self.evidence,
                pretty=self.pretty,
                remarks={at: tuple(effects.lines()) for at, effects in self.effects.items()},
            )
            return text.encode("utf-8", "backslashreplace")
        comments = [line for text in self._behind(recovered) for line in as_comments(text)]
        if not comments:
            return recovered.source
        return b"\n".join((recovered.source.rstrip(b"\n"), *map(_encoded, comments), b""))

    def _behind(self, recovered: RecoveredDockerfile) -> Iterator[str]:
        if self.evidence and recovered.instructions:
            found = recovered.instructions[0].evidence
            yield f"all of it: exact, from {found}: {recovered.source_name}"
            yield from (f"{one}: {evidence_of(one)}" for one in recovered.settings_left_out)
        for position, effects in self.effects.items():
            yield str(recovered.instructions[position])
            yield from (f"  {line}" for line in effects.lines())
        if self.base:
            yield from (str(one) for one in recovered.base_instructions)


def _encoded(line: str) -> bytes:
    return line.encode("utf-8", "backslashreplace")


PLAIN = Presentation()
"""Without comments."""
