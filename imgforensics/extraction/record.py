"""The record of an extraction: what was written, and everything that was not as stored."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from imgforensics.errors import LimitExceededError
from imgforensics.filesystem.rules import OVERLAYFS, RAW
from imgforensics.image import Image
from imgforensics.limits import Limits
from imgforensics.problems import Problem, Severity, display
from imgforensics.serialise import host_name_to_json, path_to_json, problem_to_json, text_or_none
from imgforensics.tarstream.member import EntryKind

SCHEMA = "imgforensics.extraction/1"


class Reason(StrEnum):
    """Why a path was withheld, refused or altered."""

    SPECIAL_WITHHELD = "special-withheld"
    """A device: written only with `special`."""
    SETUID_WITHHELD = "setuid-withheld"
    """The setuid and setgid bits of a file: set only with `special`."""
    CAPABILITY_WITHHELD = "capability-withheld"
    """The file capabilities (`security.capability`): set only with `special`."""
    NAME_TOO_LONG = "name-too-long"
    """No filesystem takes the name: it is too long, or a link's target brought a NUL into it."""
    LINK_TARGET_INVALID = "link-target-invalid"
    """No filesystem takes the symbolic link's target: it is empty, too long or holds a NUL."""
    HARD_LINK_BROKEN = "hard-link-broken"
    """A hard link whose target no layer holds: there is no content to write."""
    LINK_TO_WITHHELD = "link-to-withheld"
    """A further name of something that was not written."""
    TOO_LARGE = "too-large"
    """A sparse file of a size that the output's filesystem does not hold."""
    HARD_LINK_COPIED = "hard-link-copied"
    """The filesystem gives the file no more names: this one, and those after it, are a copy's."""
    CONTENT_CUT_SHORT = "content-cut-short"
    """The layer ends, or does not decode, before the content does."""
    OWNER_NOT_RESTORED = "owner-not-restored"
    MODE_NOT_RESTORED = "mode-not-restored"
    TIME_NOT_RESTORED = "time-not-restored"
    XATTR_NOT_RESTORED = "xattr-not-restored"
    DEVICE_NOT_RESTORED = "device-not-restored"

    @property
    def withholds(self) -> bool:
        """Whether the path itself is missing from the output."""
        return self in (
            Reason.SPECIAL_WITHHELD,
            Reason.NAME_TOO_LONG,
            Reason.TOO_LARGE,
            Reason.LINK_TARGET_INVALID,
            Reason.HARD_LINK_BROKEN,
            Reason.LINK_TO_WITHHELD,
            Reason.DEVICE_NOT_RESTORED,
        )


@dataclass(frozen=True, slots=True)
class Deviation:
    """One path whose output is not what the image holds, and why."""

    path: bytes
    """As it would be in the output: below its layer's folder where each layer has one."""
    reason: Reason
    detail: str = ""


class Form(StrEnum):
    """What an extraction writes."""

    FILESYSTEM = "filesystem"
    """The merged filesystem, as files."""
    LAYERS = "layers"
    """Each layer as it is, in a folder of its own."""
    DELETED = "deleted"
    """What a container does not see, in a folder for each layer that holds some of it."""
    TAR = "tar"
    """The merged filesystem, as one archive."""


@dataclass(slots=True)
class Tally:
    """What has been written so far, and how much more may be."""

    limits: Limits
    folder: bytes = b""
    """Ahead of every path in deviations; empty, or ends in a slash."""
    counts: Counter[EntryKind] = field(default_factory=Counter)
    """By kind; further names of a file are hard links."""
    entries: int = 0
    """All paths written."""
    content_bytes: int = 0
    """File content written, holes not counted."""
    deviations: list[Deviation] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    """What the extraction itself found wrong, beside what the image says of itself."""

    def deviate(self, path: bytes, reason: Reason, detail: str = "") -> None:
        """Note that a path's output is not what the image holds."""
        self.deviations.append(Deviation(self.folder + path, reason, detail))

    def make_room(self, path: bytes, size: int = 0) -> None:
        """Raise `LimitExceededError` if one more path, with `size` bytes, is too much."""
        limits = self.limits
        if self.content_bytes + size > limits.output_bytes:
            raise LimitExceededError(
                "output_bytes", limits.output_bytes, f"{display(path)} needs {size} bytes more"
            )
        if self.entries >= limits.output_entries:
            raise LimitExceededError("output_entries", limits.output_entries, display(path))

    def count(self, kind: EntryKind) -> None:
        """One more path has been written."""
        self.counts[kind] += 1
        self.entries += 1

    def take_back(self, kind: EntryKind) -> None:
        """A path that was counted has been removed."""
        self.counts[kind] -= 1
        self.entries -= 1


@dataclass(frozen=True, slots=True)
class ExtractionRecord:
    """What one extraction did."""

    image: Image
    output: str
    """Where the result is: the target asked for, or its `.partial` when not complete."""
    layer: int
    """Index of the last layer applied."""
    form: Form
    options: Mapping[str, object]
    counts: Mapping[str, int]
    """Paths written by kind; further names of a file count as `hard-link`."""
    content_bytes: int
    """File content written, holes not counted."""
    deviations: tuple[Deviation, ...]
    problems: tuple[Problem, ...]

    def __repr__(self) -> str:
        paths = sum(self.counts.values())
        complete = "complete" if self.is_complete else "not complete"
        return f"<ExtractionRecord: {paths} paths in {display(self.output)}, {complete}>"

    @property
    def is_complete(self) -> bool:
        """Whether every byte was there and is what the image declares."""
        return not any(problem.severity is Severity.ERROR for problem in self.problems)

    def to_json(self) -> dict[str, Any]:
        """The document that is written beside the output (docs/cli.md)."""
        image = self.image
        return {
            "schema": SCHEMA,
            "complete": self.is_complete,
            **host_name_to_json("source", image.source.description),
            **host_name_to_json("output", self.output),
            "form": self.form.value,
            "image": {
                "names": list(image.names),
                "digest": text_or_none(image.digest),
                "image_id": text_or_none(image.image_id),
                "platform": text_or_none(image.record.platform),
                "layers": [
                    {
                        "index": layer.index,
                        "digest": text_or_none(layer.digest),
                        "diff_id": text_or_none(layer.diff_id),
                        "created_by": layer.created_by,
                    }
                    for layer in image.layers[: self.layer + 1]
                ],
            },
            "rules": (RAW if self.form is Form.LAYERS else OVERLAYFS).name,
            "options": dict(self.options),
            "counts": dict(sorted(self.counts.items())),
            "content_bytes": self.content_bytes,
            "deviations": [
                {**path_to_json(d.path), "reason": d.reason.value, "detail": d.detail}
                for d in self.deviations
            ],
            "problems": [problem_to_json(problem) for problem in self.problems],
        }


def record_of(
    image: Image, layer: int, form: Form, tally: Tally, options: Mapping[str, object]
) -> ExtractionRecord:
    """The record of work that has been done; where its output is, is still to be said."""
    return ExtractionRecord(
        image=image,
        output="",
        layer=layer,
        form=form,
        options=options,
        counts={kind.value: count for kind, count in tally.counts.items()},
        content_bytes=tally.content_bytes,
        deviations=tuple(tally.deviations),
        problems=tuple(dict.fromkeys((*image.problems_up_to(layer), *tally.problems))),
    )
