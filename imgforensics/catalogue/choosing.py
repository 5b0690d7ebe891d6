"""Settles which image of a catalogue is meant."""

import re
from collections.abc import Sequence

from imgforensics.catalogue.records import Catalogue, ImageKind, ImageRecord
from imgforensics.errors import (
    AmbiguousImageError,
    DamagedDocumentError,
    ImageChoiceError,
    ImageNotFoundError,
    MissingBlobError,
    NotAnImageError,
    UnsupportedImageError,
)
from imgforensics.oci.descriptor import Platform
from imgforensics.oci.reference import match_rank
from imgforensics.problems import display

_LINES_SHOWN = 100
_NAMES_SHOWN = 20
_DIGEST_PREFIX = re.compile(r"(?:(sha256|sha384|sha512):)?([0-9a-f]{7,128})")


def choose(
    catalogue: Catalogue, image: str | int | None = None, platform: str | None = None
) -> ImageRecord:
    """The image meant by a name, a digest or a number, and a platform; each may be left out.

    `image` is a name as engines accept it, a digest of manifest, config or index (or seven
    hex digits of it at least), or a record's number. Where several platforms of one image
    are possible and the source holds all of only one, it is that one.

    Raises :class:`~imgforensics.errors.AmbiguousImageError`, which lists the choices;
    :class:`~imgforensics.errors.ImageNotFoundError`;
    :class:`~imgforensics.errors.ImageChoiceError` where `image` is not what the source's name
    chose; :class:`~imgforensics.errors.UnsupportedImageError` and
    :class:`~imgforensics.errors.DamagedDocumentError` when what is meant cannot be read;
    :class:`~imgforensics.errors.MissingBlobError` when only absent manifests are left; and
    :class:`~imgforensics.errors.NotAnImageError` when there is no image at all.
    """
    records = answering(catalogue, image)
    readable = [record for record in records if record.kind is ImageKind.IMAGE]
    if not readable:
        raise _unreadable(catalogue, records)
    found = readable if platform is None else _of_platform(catalogue, readable, platform)
    if len(found) > 1:
        found = _only_complete(found)
    if len(found) > 1:
        raise AmbiguousImageError(_listing(catalogue, found))
    return found[0]


def answering(catalogue: Catalogue, image: str | int | None = None) -> Sequence[ImageRecord]:
    """What answers to a name, digest or number, of every kind; everything if none is given.

    Where the source was named with an image (`oci:DIR:TAG`), it answers to both.

    Raises :class:`~imgforensics.errors.ImageNotFoundError`, and
    :class:`~imgforensics.errors.ImageChoiceError` where two choices have nothing in common.
    """
    chosen = [each for each in (catalogue.reference, image) if each is not None]
    answers = [_named(catalogue, wanted) for wanted in chosen] or [catalogue.records]
    numbers = {record.number for record in answers[-1]}
    found = [record for record in answers[0] if record.number in numbers]
    if answers[0] and not found:
        raise ImageChoiceError(
            f"{catalogue.source_description}: {str(chosen[0])!r} behind its name is one image and "
            f"{str(chosen[1])!r} another; choose one of them"
        )
    return found


def _named(catalogue: Catalogue, wanted: str | int) -> Sequence[ImageRecord]:
    """The records that answer to a name, number or digest: the best kind of answer only."""
    text = str(wanted).strip()
    ranked = [(_rank(record, text), record) for record in catalogue.records]
    ranks = [rank for rank, _ in ranked if rank is not None]
    exact = [record for rank, record in ranked if rank == 0]
    found = (
        exact
        or _numbered(catalogue, text)
        or _digested(catalogue, text)
        or [record for rank, record in ranked if ranks and rank == min(ranks)]
    )
    if not found:
        raise ImageNotFoundError(
            f"{catalogue.source_description}: no image answers to {text!r}; "
            f"there are:\n{_lines(catalogue.records)}"
        )
    return found


def _rank(record: ImageRecord, wanted: str) -> int | None:
    ranks = [match_rank(wanted, name) for name in record.names]
    return min((rank for rank in ranks if rank is not None), default=None)


def _numbered(catalogue: Catalogue, text: str) -> list[ImageRecord]:
    """By number from 0; or `@N`, skopeo's entry of the outermost list from 0."""
    if re.fullmatch(r"@[0-9]{1,9}", text):
        position = int(text[1:])
        return [record for record in catalogue.records if position in record.positions]
    if not re.fullmatch(r"[0-9]{1,9}", text):
        return []
    return [record for record in catalogue.records if record.number == int(text)]


def _digested(catalogue: Catalogue, text: str) -> list[ImageRecord]:
    match = _DIGEST_PREFIX.fullmatch(text.rpartition("@")[2])
    if match is None:
        return []
    return [record for record in catalogue.records if _has_digest(record, match[1], match[2])]


def _has_digest(record: ImageRecord, algorithm: str | None, prefix: str) -> bool:
    digests = [record.manifest_digest, record.config_digest]
    digests += [descriptor.digest for descriptor in record.chain]
    return any(
        digest.hex.startswith(prefix) and algorithm in (None, digest.algorithm)
        for digest in digests
        if digest is not None
    )


def _of_platform(
    catalogue: Catalogue, records: Sequence[ImageRecord], text: str
) -> Sequence[ImageRecord]:
    """The records of a platform: of exactly it, or of its kind where it leaves the variant."""
    try:
        wanted = Platform.parse(text)
    except ValueError as error:
        raise ImageChoiceError(str(error)) from None
    known = [(record, record.platform) for record in records if record.platform is not None]
    exact = [record for record, platform in known if platform.equals(wanted)]
    found = exact or [record for record, platform in known if platform.is_kind_of(wanted)]
    if found:
        return found
    absent = any(one.platform and one.platform.is_kind_of(wanted) for one in catalogue.absent)
    detail = ": an index names it, and the source does not hold it" if absent else ""
    raise ImageNotFoundError(
        f"{catalogue.source_description}: no image for {text}{detail}; "
        f"there are:\n{_lines(records)}"
    )


def _only_complete(records: Sequence[ImageRecord]) -> Sequence[ImageRecord]:
    """Of one image's platforms, the only one that is wholly there."""
    complete = [record for record in records if record.is_complete]
    shared = set.intersection(*(set(record.positions) for record in records))
    return complete if len(complete) == 1 and shared else records


def _unreadable(catalogue: Catalogue, records: Sequence[ImageRecord]) -> Exception:
    """Why none of the records meant is an image that can be read."""
    for kind, error in (
        (ImageKind.UNSUPPORTED, UnsupportedImageError),
        (ImageKind.DAMAGED, DamagedDocumentError),
    ):
        for record in records:
            if record.kind is kind:
                return error(f"{catalogue.source_description}: {record.reason}")
    if catalogue.absent and len(records) == len(catalogue.records):
        digests = ", ".join(str(descriptor.digest) for descriptor in catalogue.absent[:4])
        return MissingBlobError(
            f"{catalogue.source_description}: the source holds none of the manifests that its "
            f"index names ({digests})"
        )
    if not records:
        return NotAnImageError(f"{catalogue.source_description}: its documents list no image")
    return NotAnImageError(
        f"{catalogue.source_description}: there is no image in it, only:\n{_lines(records)}"
    )


def _listing(catalogue: Catalogue, records: Sequence[ImageRecord]) -> str:
    return (
        f"{catalogue.source_description}: {len(records)} images are possible; choose one with "
        f"--image (name, digest or number) or --platform:\n{_lines(records)}"
    )


def _lines(records: Sequence[ImageRecord]) -> str:
    lines = [_line(record) for record in records[:_LINES_SHOWN]]
    if len(records) > _LINES_SHOWN:
        lines.append(f"  and {len(records) - _LINES_SHOWN} more, which `inspect` lists")
    return "\n".join(lines)


def _line(record: ImageRecord) -> str:
    digest = record.manifest_digest or record.config_digest
    names = [display(name) for name in record.names[:_NAMES_SHOWN]]
    if len(record.names) > _NAMES_SHOWN:
        names.append("...")
    parts = [
        f"{record.number}",
        ", ".join(names) or "(no name)",
        str(digest) if digest else "(no digest)",
        display(str(record.platform)) if record.platform else "(no platform)",
        "" if record.kind is ImageKind.IMAGE else f"({record.kind})",
        _missing(record),
    ]
    return "  " + "  ".join(part for part in parts if part)


def _missing(record: ImageRecord) -> str:
    if record.is_complete:
        return ""
    count = len(record.missing)
    return f"({count} {'blob' if count == 1 else 'blobs'} missing)"
