"""Dockerfiles inside layers: swept in by `COPY . .`, or left there by Red Hat's build system.

Red Hat's (OSBS) is `root/buildinfo/Dockerfile-NAME-VERSION-RELEASE`, with the names that the
image's labels have; every image below left its own there, too. Any other is trusted only where
its instructions are those of the history.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from imgforensics.dockerfile.instruction import Instruction
from imgforensics.dockerfile.layers.alignment import align
from imgforensics.dockerfile.parsing import parse_dockerfile
from imgforensics.layer.entry import LayerEntry
from imgforensics.problems import display

LARGEST = 1 << 20
"""Bytes of a file that may be a Dockerfile."""
MOST = 500
"""Candidates looked at: a layer may hold any number of files that are called so."""
TRUSTED_SCORE = 0.9
_NAME = re.compile(rb"(?:[^/]*[._-])?(?:dockerfile|containerfile)(?:[._-][^/]*)?", re.IGNORECASE)
_NO_DOCKERFILE = re.compile(rb".*\.(?:md|txt|html|py|pyc|js|ts|go|vim|json|lang|svg|png)", re.I)
_BUILD_INFORMATION = b"root/buildinfo/Dockerfile-"


@dataclass(frozen=True, slots=True)
class FoundDockerfile:
    """A file of a layer that may be the image's own Dockerfile."""

    path: bytes
    layer: int
    score: float
    """From 0 to 1: how far its last stage is what the history tells."""
    is_trusted: bool
    reason: str
    """Why it is trusted, or why it is not."""
    data: bytes

    def __repr__(self) -> str:
        path = display(b"/" + self.path)
        return f"<FoundDockerfile {path} of layer {self.layer}: score {self.score}>"


def may_be_dockerfile(entry: LayerEntry) -> bool:
    """Whether the name of a file says so."""
    if entry.size > LARGEST or not entry.size:
        return False
    name = entry.path.rpartition(b"/")[2]
    if entry.path.startswith(_BUILD_INFORMATION):
        return True
    return bool(_NAME.fullmatch(name)) and not _NO_DOCKERFILE.fullmatch(name)


def judged(
    files: Iterable[tuple[LayerEntry, bytes]],
    history: Sequence[Instruction],
    unplaced: Sequence[Instruction],
    labels: Mapping[str, str],
) -> tuple[FoundDockerfile, ...]:
    """Candidates with their scores, the best first.

    `history` is all that the image's rows tell, the base's among it; `unplaced` what the
    configuration tells beyond that.
    """
    found = (_judged(entry, data, history, unplaced, labels) for entry, data in files)
    return tuple(sorted(found, key=lambda one: (not one.is_trusted, -one.score, -one.layer)))


def _judged(
    entry: LayerEntry,
    data: bytes,
    history: Sequence[Instruction],
    unplaced: Sequence[Instruction],
    labels: Mapping[str, str],
) -> FoundDockerfile:
    instructions = parse_dockerfile(data.decode("utf-8", "replace")).instructions
    has_from = any(instruction.keyword == "FROM" for instruction in instructions)
    score = align(instructions, history, unplaced).score if has_from else 0.0
    if not has_from:
        trusted, reason = False, "it has no FROM"
    elif entry.path == _expected_of_red_hat(labels):
        trusted, reason = True, "its name has the image's own name, version and release"
    elif score >= TRUSTED_SCORE:
        trusted, reason = True, "its last stage is what the history tells"
    else:
        trusted, reason = False, "its last stage is not what the history tells"
    return FoundDockerfile(entry.path, entry.layer_index, round(score, 3), trusted, reason, data)


def _expected_of_red_hat(labels: Mapping[str, str]) -> bytes | None:
    """Where Red Hat's build system leaves the Dockerfile of an image with these labels."""
    name, version, release = (labels.get(key) for key in ("name", "version", "release"))
    if not (name and version and release):
        return None
    return _BUILD_INFORMATION + f"{name.replace('/', '-')}-{version}-{release}".encode()
