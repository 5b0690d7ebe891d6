"""Damage and oddities that one can get past: data, not exceptions."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import Enum, StrEnum

MAXIMUM_PER_CODE = 1_000
"""Problems kept of one code in one log; further ones are counted and summed up at the end."""


class Severity(StrEnum):
    """What a problem means for the answer it stands beside."""

    NOTE = "note"
    """Worth knowing; nothing is lost and nothing contradicts."""
    WARNING = "warning"
    """Odd, contradictory or hostile; got past without losing content."""
    ERROR = "error"
    """Content is lost, or is not what the image declares."""


class ProblemCode(Enum):
    """Every kind of problem: its stable label, its severity, its meaning."""

    def __init__(self, label: str, severity: Severity, meaning: str) -> None:
        self.label = label
        self.severity = severity
        self.meaning = meaning

    # The archive format, of layers and of the archive around them.
    TAR_HEADER_DAMAGED = (
        "tar-header-damaged",
        Severity.ERROR,
        "a header block whose checksum or numbers are wrong; bytes were skipped to the next one",
    )
    TAR_TRUNCATED = (
        "tar-truncated",
        Severity.ERROR,
        "the archive ends inside a header or a member's data",
    )
    TAR_END_MISSING = (
        "tar-end-missing",
        Severity.WARNING,
        "the archive ends at a member boundary without its two zero blocks",
    )
    TAR_CONCATENATED = (
        "tar-concatenated",
        Severity.WARNING,
        "members follow an end-of-archive marker; they were read, other tools may stop",
    )
    TAR_TRAILING_DATA = (
        "tar-trailing-data",
        Severity.WARNING,
        "bytes that are neither zeros nor members follow the end of the archive",
    )
    TAR_MEMBER_AMBIGUOUS = (
        "tar-member-ambiguous",
        Severity.WARNING,
        "tools differ on what a member is called, or on where its data ends",
    )
    PAX_RECORD_INVALID = (
        "pax-record-invalid",
        Severity.WARNING,
        "a PAX record does not parse or contradicts itself; it was left out",
    )
    SPARSE_MAP_INVALID = (
        "sparse-map-invalid",
        Severity.ERROR,
        "a sparse file's map does not fit its data",
    )

    # Blobs and their compression.
    DIGEST_MISMATCH = (
        "digest-mismatch",
        Severity.ERROR,
        "a stored blob does not hash to the digest that names it",
    )
    DIFF_ID_MISMATCH = (
        "diff-id-mismatch",
        Severity.ERROR,
        "a layer's uncompressed tar does not hash to the diff_id that the config declares",
    )
    SIZE_MISMATCH = (
        "size-mismatch",
        Severity.ERROR,
        "a stored blob does not have the size that its descriptor declares",
    )
    BLOB_MISSING = ("blob-missing", Severity.ERROR, "a blob of the image is not in the source")
    COMPRESSION_TRUNCATED = (
        "compression-truncated",
        Severity.ERROR,
        "a compressed stream ends before its last frame or member does",
    )
    COMPRESSION_DAMAGED = (
        "compression-damaged",
        Severity.ERROR,
        "a compressed stream does not decode past some offset",
    )
    COMPRESSION_TRAILING_DATA = (
        "compression-trailing-data",
        Severity.WARNING,
        "bytes that belong to no frame follow a compressed stream; they were hashed, not decoded",
    )
    COMPRESSION_MISDECLARED = (
        "compression-misdeclared",
        Severity.NOTE,
        "a blob's media type names another compression than its bytes have",
    )

    # Documents: indexes, manifests, configs.
    DOCUMENT_INVALID = (
        "document-invalid",
        Severity.ERROR,
        "a JSON document of the source is damaged or not what it should be",
    )
    DOCUMENT_ODD = (
        "document-odd",
        Severity.NOTE,
        "a JSON document repeats a key, or a member is not of the type it should be",
    )
    DOCUMENT_SET_ASIDE = (
        "document-set-aside",
        Severity.WARNING,
        "one of two documents that list images does not parse; the other one was read",
    )
    DOCUMENTS_DISAGREE = (
        "documents-disagree",
        Severity.WARNING,
        "two documents of the source say different things about one image",
    )
    LAYER_COUNT_MISMATCH = (
        "layer-count-mismatch",
        Severity.ERROR,
        "the manifest and the config disagree on the number of layers",
    )
    LAYERS_MISPAIRED = (
        "layers-mispaired",
        Severity.ERROR,
        "a layer's bytes are those that are declared of another layer: the order is in doubt",
    )
    HISTORY_MISMATCH = (
        "history-mismatch",
        Severity.NOTE,
        "history rows and layers do not pair; instructions are attributed to no layer",
    )
    PROVENANCE_INVALID = (
        "provenance-invalid",
        Severity.WARNING,
        "an attestation of how the image was built is damaged, or about another image",
    )
    PLATFORM_ABSENT = (
        "platform-absent",
        Severity.NOTE,
        "an index names a manifest that the source does not hold, as `docker save` does by design",
    )
    MEMBER_DUPLICATED = (
        "member-duplicated",
        Severity.WARNING,
        "the archive holds one name more than once; the last one counts",
    )
    MEMBER_LINK_BROKEN = (
        "member-link-broken",
        Severity.WARNING,
        "a link inside the archive leads to no member of it",
    )

    # Tables of contents for lazy pulling.
    CONTENTS_TABLE_DISAGREES = (
        "contents-table-disagrees",
        Severity.WARNING,
        "a layer's table of contents (eStargz, zstd:chunked) says other things than its tar",
    )
    CONTENTS_TABLE_DAMAGED = (
        "contents-table-damaged",
        Severity.WARNING,
        "a layer's table of contents is declared and not there, or makes no sense",
    )
    CONTENTS_TABLE_DIGEST_MISMATCH = (
        "contents-table-digest-mismatch",
        Severity.ERROR,
        "a layer's table of contents does not hash to the digest that is declared of it",
    )
    CONTENTS_TABLE_UNCHECKED = (
        "contents-table-unchecked",
        Severity.WARNING,
        "a layer's table of contents, or a part of it, was not compared with the tar",
    )

    # Entries of a layer and their application.
    ENTRY_OUTSIDE_ROOT = (
        "entry-outside-root",
        Severity.WARNING,
        "an entry's name climbs above the root; it was kept inside",
    )
    ENTRY_NAME_INVALID = (
        "entry-name-invalid",
        Severity.WARNING,
        "an entry's name cannot exist on a filesystem; it is listed and not applied",
    )
    ENTRY_TYPE_UNKNOWN = (
        "entry-type-unknown",
        Severity.WARNING,
        "an entry's type flag is not known; it is listed and not applied",
    )
    ENTRY_DUPLICATED = (
        "entry-duplicated",
        Severity.WARNING,
        "one layer holds one path more than once; the last one counts",
    )
    ROOT_NOT_A_DIRECTORY = (
        "root-not-a-directory",
        Severity.WARNING,
        "an entry would replace the root directory by something else; it was not applied",
    )
    PARENT_NOT_A_DIRECTORY = (
        "parent-not-a-directory",
        Severity.WARNING,
        "an entry stands under something that its own layer made no directory; not applied",
    )
    WHITEOUT_INVALID = (
        "whiteout-invalid",
        Severity.WARNING,
        "a whiteout names nothing that could be deleted; it was not applied",
    )
    WHITEOUT_METADATA = (
        "whiteout-metadata",
        Severity.NOTE,
        "AUFS bookkeeping left in the layer; it is listed and not applied",
    )
    WHITEOUT_DEVICE = (
        "whiteout-device",
        Severity.WARNING,
        "a device that overlayfs takes for a whiteout: it deletes there, and elsewhere is a device",
    )
    WHITEOUT_NAME_AS_PARENT = (
        "whiteout-name-as-parent",
        Severity.WARNING,
        "an entry stands under a whiteout name; it is listed and not applied",
    )
    HARD_LINK_BROKEN = (
        "hard-link-broken",
        Severity.WARNING,
        "a hard link's target is in no layer; the entry is kept, without content",
    )
    HARD_LINK_BEFORE_TARGET = (
        "hard-link-before-target",
        Severity.NOTE,
        "a hard link precedes its target in the layer; it was resolved, engines may refuse it",
    )
    HARD_LINK_TO_DIRECTORY = (
        "hard-link-to-directory",
        Severity.WARNING,
        "a hard link names a directory; it was not applied",
    )

    # Reading contents.
    LIMIT_REACHED = (
        "limit-reached",
        Severity.ERROR,
        "a limit ended the reading of a layer or a file; the work went on behind it",
    )
    INSIDE_UNREADABLE = (
        "inside-unreadable",
        Severity.WARNING,
        "a compressed file or archive inside the image was not looked into, or not to its end",
    )
    NOT_READ = (
        "not-read",
        Severity.ERROR,
        "a path of a directory on disk could not be read; what stands there is unknown",
    )
    PACKAGE_DATABASE_INVALID = (
        "package-database-invalid",
        Severity.WARNING,
        "a database of installed packages could not be read; its packages are not listed",
    )

    # Any of these.
    MORE_OF_THE_SAME = (
        "more-of-the-same",
        Severity.WARNING,
        "further problems of one code, counted and not kept",
    )


@dataclass(frozen=True, slots=True)
class Location:
    """Where a problem is: any part may be unknown."""

    source: str | None = None
    """The file, directory or stream that was opened."""
    blob: str | None = None
    """A digest, or a member's name inside the archive."""
    path: bytes | None = None
    """A path inside a layer."""
    offset: int | None = None
    """Bytes from the start of the blob (of its uncompressed tar, for tar problems)."""
    layer: int | None = None
    """Index of the layer, from 0."""

    def __str__(self) -> str:
        parts = [
            self.source,
            None if self.layer is None else f"layer {self.layer}",
            self.blob,
            None if self.path is None else display(self.path),
            None if self.offset is None else f"offset {self.offset}",
        ]
        return ", ".join(part for part in parts if part is not None)


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is not as it should be, and what was done about it."""

    code: ProblemCode
    where: Location
    detail: str
    action: str

    @property
    def severity(self) -> Severity:
        """The code's severity."""
        return self.code.severity

    def __str__(self) -> str:
        action = f"; {self.action}" if self.action else ""
        return f"{self.severity}: {self.code.label}: {self.where}: {self.detail}{action}"


class ProblemLog:
    """Collects the problems of one piece of work; bounded, whatever the input holds."""

    def __init__(self, where: Location | None = None) -> None:
        self.where = where or Location()
        self._problems: list[Problem] = []
        self._counts: Counter[ProblemCode] = Counter()

    def report(
        self,
        code: ProblemCode,
        detail: str,
        *,
        action: str = "",
        offset: int | None = None,
        path: bytes | None = None,
        blob: str | None = None,
    ) -> None:
        """Add a problem at this log's location, made more precise by what is given."""
        self._counts[code] += 1
        if self._counts[code] > MAXIMUM_PER_CODE:
            return
        where = replace(
            self.where,
            offset=self.where.offset if offset is None else offset,
            path=self.where.path if path is None else path,
            blob=self.where.blob if blob is None else blob,
        )
        self._problems.append(Problem(code, where, detail, action))

    def take_over(self, other: "ProblemLog") -> None:
        """Add what another log collected of the same piece of work."""
        self._problems += other._problems
        self._counts += other._counts

    def __iter__(self) -> Iterator[Problem]:
        yield from self._problems
        for code, count in self._counts.items():
            if count > MAXIMUM_PER_CODE:
                yield Problem(
                    ProblemCode.MORE_OF_THE_SAME,
                    self.where,
                    f"{count - MAXIMUM_PER_CODE} more of {code.label} (severity {code.severity})",
                    "counted, not listed",
                )


def has_errors(problems: tuple[Problem, ...]) -> bool:
    """Whether any of them means that content is lost or not what the image declares."""
    return any(problem.severity is Severity.ERROR for problem in problems)


def display(name: bytes | str) -> str:
    """Text for people: UTF-8 where it is, escapes for what is not or would move a cursor."""
    text = name if isinstance(name, str) else name.decode("utf-8", "surrogateescape")
    return text if text.isprintable() else "".join(map(_escaped, text))


def _escaped(character: str) -> str:
    if "\udc80" <= character <= "\udcff":  # what `surrogateescape` makes of a byte
        return f"\\x{ord(character) - 0xDC00:02x}"
    return character if character.isprintable() else character.encode("unicode_escape").decode()
