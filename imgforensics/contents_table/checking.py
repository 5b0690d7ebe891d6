"""Finds a layer's table of contents, reads it, and compares all of it with the layer."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import BinaryIO

from imgforensics.compression import Compression
from imgforensics.contents_table.claims import ContentClaims
from imgforensics.contents_table.comparing import Comparison
from imgforensics.contents_table.contents import compare_contents
from imgforensics.contents_table.disagreement import Disagreements
from imgforensics.contents_table.document import DamagedTableError, TableDocument
from imgforensics.contents_table.estargz import TABLE_NAME, find_estargz
from imgforensics.contents_table.stored import StoredTable, Tally, inflate, read_range
from imgforensics.contents_table.tar_split import first_difference
from imgforensics.contents_table.zstd_chunked import (
    Position,
    annotation,
    check_frame,
    declared_position,
    footer_position,
    stored_table,
)
from imgforensics.errors import DamagedBlobError, LimitExceededError, SourceUnreadableError
from imgforensics.layer.layer import Layer
from imgforensics.limits import DEFAULT_LIMITS, Limits
from imgforensics.problems import Problem, ProblemCode, ProblemLog

_JSON_DIGEST = "containerd.io/snapshot/stargz/toc.digest"


@dataclass(frozen=True, slots=True)
class TableCheck:
    """What became of a layer's table of contents."""

    digests: tuple[tuple[str, str], ...]
    """Declared and found, for each digest that is declared of a table that was found."""
    problems: tuple[Problem, ...]


def check_contents_table(layer: Layer, limits: Limits = DEFAULT_LIMITS) -> TableCheck:
    """Compare the table of contents of a present layer, if it has one, with the layer's tar.

    Costs two small reads where there is no table; else a second pass over the layer as far as
    its files go, and a third one where there is a tar-split. Raises `LimitExceededError`, for
    rows beyond `layer_entries` too.
    """
    return _Checking(layer, limits).run()


class _Checking:
    def __init__(self, layer: Layer, limits: Limits) -> None:
        self._layer = layer
        self._limits = limits
        self._log = ProblemLog(layer.where)
        self._digests: list[tuple[str, str]] = []
        descriptor = layer.record.descriptor
        self._annotations: Mapping[str, str] = descriptor.annotations if descriptor else {}
        self._json_digest = self._annotations.get(_JSON_DIGEST)
        self._frame_digest = annotation(self._annotations, "manifest-checksum")

    def run(self) -> TableCheck:
        try:
            with self._layer.open() as file:
                self._check(file)
        except SourceUnreadableError:
            self._report_passed()
        return TableCheck(tuple(self._digests), tuple(self._log))

    @property
    def _is_declared(self) -> bool:
        position = annotation(self._annotations, "manifest-position")
        return any((self._json_digest, self._frame_digest, position))

    def _report_passed(self) -> None:
        is_estargz = any(entry.path == TABLE_NAME for entry in self._layer.entries[-1:])
        if self._is_declared or is_estargz:
            self._log.report(
                ProblemCode.CONTENTS_TABLE_UNCHECKED,
                "its table of contents went by with the source, which is read once",
                action="not compared; save the source to a file and verify that",
            )

    def _check(self, file: BinaryIO) -> None:
        try:
            table = self._find(file)
            if table is not None:
                self._read(table, file)
            elif self._is_declared:
                self._damaged("the manifest declares one, and nothing in the blob leads to it")
        except DamagedTableError as error:
            self._damaged(str(error))

    def _damaged(self, detail: str) -> None:
        action = "compared as far as it can be read"
        self._log.report(ProblemCode.CONTENTS_TABLE_DAMAGED, detail, action=action)

    # Where it is.

    def _find(self, file: BinaryIO) -> StoredTable | None:
        layer, limits = self._layer, self._limits
        if layer.compression is Compression.GZIP:
            if self._frame_digest and self._json_digest:
                self._damaged(
                    "eStargz and zstd:chunked are both declared, which containers/storage refuses"
                )
            return find_estargz(file, layer.stored_size, limits)
        if layer.compression is Compression.ZSTD:
            position = self._position(file)
            if position is not None:
                return stored_table(file, layer.stored_size, position, limits)
        return None

    def _position(self, file: BinaryIO) -> Position | None:
        footer = footer_position(file, self._layer.stored_size)
        try:
            declared = declared_position(self._annotations)
        except DamagedTableError as error:
            self._damaged(str(error))
            return footer
        if declared and footer and declared.table != footer.table:
            self._log.report(
                ProblemCode.CONTENTS_TABLE_DISAGREES,
                f"its position: {declared.table} in the manifest, {footer.table} in the blob's "
                "footer",
                action="the manifest was followed, as containers/storage does; "
                "stargz-snapshotter follows the footer",
            )
        return declared or footer

    # What it says.

    def _read(self, table: StoredTable, file: BinaryIO) -> None:
        disagreements = Disagreements(table.form, self._log)
        claims = ContentClaims(table.data_end, self._log)
        comparison = Comparison(self._layer.entries, table.form, claims, disagreements)
        document = TableDocument(table.json)
        try:
            self._compare_rows(document, comparison)
        except DamagedTableError as error:
            self._damaged(str(error))
        for _ in table.json:
            pass
        self._check_digests(table)
        compare_contents(self._layer, claims.by_position, disagreements, self._log)
        self._check_tar_split(table, document.tar_split_digest, file, disagreements)

    def _compare_rows(self, document: TableDocument, comparison: Comparison) -> None:
        most = self._limits.layer_entries
        for count, row in enumerate(document.rows()):
            if count >= most:
                detail = f"the table of contents of layer {self._layer.index} has more rows"
                raise LimitExceededError("layer_entries", most, detail)
            comparison.add(row)
        comparison.finish()

    def _check_digests(self, table: StoredTable) -> None:
        if table.json_size not in (None, table.json_tally.size):
            self._damaged(
                f"it is said to have {table.json_size} bytes, and has {table.json_tally.size}"
            )
        self._check_digest("the table", self._json_digest, table.json_tally)
        if table.frame_tally is not None:
            self._check_digest("the table as stored", self._frame_digest, table.frame_tally)

    def _check_digest(self, what: str, declared: str | None, tally: Tally) -> None:
        if declared is None:
            return
        found = str(tally.digest)
        self._digests.append((declared, found))
        if declared != found:
            self._report_digest(what, declared, found)

    def _report_digest(self, what: str, declared: str, found: str) -> None:
        self._log.report(
            ProblemCode.CONTENTS_TABLE_DIGEST_MISMATCH,
            f"{what}: declared {declared}, found {found}",
            action="compared all the same; runtimes that pull lazily refuse it",
        )

    # The tar-split.

    def _check_tar_split(
        self, table: StoredTable, declared: str, file: BinaryIO, disagreements: Disagreements
    ) -> None:
        place = table.tar_split
        if place is None:
            if declared:
                self._damaged("it names a tar-split, and nothing says where that is")
            return
        check_frame(file, self._layer.stored_size, place, "the tar-split")
        tally = Tally()
        frame = tally.over(read_range(file, *place))
        pieces = inflate(frame, Compression.ZSTD, "the tar-split", self._limits)
        try:
            with self._layer.open_uncompressed() as tar:
                difference = first_difference(pieces, tar, self._limits)
        except DamagedBlobError:
            return
        if difference is not None:
            detail = f"the tar-split puts together another tar from byte {difference} on"
            disagreements.report(None, detail)
        for _ in pieces:
            pass
        if declared and declared != str(tally.digest):
            self._report_digest("the tar-split", declared, str(tally.digest))
