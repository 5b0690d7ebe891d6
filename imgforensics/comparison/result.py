"""What a comparison answers."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from imgforensics.comparison.changes import (
    FileChange,
    Totals,
    Verdict,
    totals,
    totals_by_directory,
)
from imgforensics.comparison.config import ConfigChange
from imgforensics.comparison.history import HistoryStep
from imgforensics.comparison.layers import LayerMatch
from imgforensics.comparison.provenance import Origin, Provenance
from imgforensics.comparison.sides import Side
from imgforensics.problems import Problem, has_errors
from imgforensics.scanners.packages import PackageChange

if TYPE_CHECKING:
    from pandas import DataFrame


@dataclass(frozen=True)
class ImageDiff:
    """What differs between two images, two moments of one, or an image and a directory.

    Facts stand in plain fields; :meth:`summary`, :meth:`to_json`, :meth:`to_markdown`,
    :meth:`to_html`, :meth:`to_patch` and :meth:`to_pandas` show them. Of a directory there is
    no configuration, history or layer. Its sides must stay open for :meth:`origin_of` only.
    """

    before: Side
    after: Side
    files: tuple[FileChange, ...]
    """Every path that differs, or may, in byte order."""
    config: tuple[ConfigChange, ...] = ()
    history: tuple[HistoryStep, ...] = ()
    """All steps of both, aligned; empty for two moments of one image."""
    layers: tuple[LayerMatch, ...] = ()
    """All layers of both, aligned; empty for two moments of one image."""
    packages: tuple[PackageChange, ...] = ()
    ignored: int = 0
    """Paths whose differences rules took for noise, as far as they were looked at."""
    problems: tuple[Problem, ...] = ()
    """Of both sides, and of what was read to compare them."""
    shared_layers: int = 0
    """Lowest layers that proved to be the same, and were not compared."""

    @property
    def is_same(self) -> bool:
        """Whether no file and no key of the configuration differs.

        How the images were made does not count: other layers and another history may hold the
        same filesystem.
        """
        return not self.files and not self.config and self.is_complete

    @property
    def is_complete(self) -> bool:
        """Whether nothing was lost: no path is unknown, and no problem is an error."""
        if any(change.verdict is Verdict.UNKNOWN for change in self.files):
            return False
        return not has_errors(self.problems)

    @cached_property
    def totals(self) -> Totals:
        """Counts of all file changes."""
        return totals(self.files)

    @cached_property
    def directories(self) -> Mapping[bytes, Totals]:
        """The same for every directory with a change below it; the root's name is empty."""
        return totals_by_directory(self.files)

    def origin_of(self, change: FileChange) -> Origin | None:
        """The layer of the second image that made a change, where one did.

        Found when it is asked for; the image's snapshots are read, nothing else.
        """
        return self._provenance.of(change)

    @cached_property
    def _provenance(self) -> Provenance:
        return Provenance(self.after, self.shared_layers)

    # How it is shown.

    def summary(self) -> str:
        """All of it in a few lines of text; nothing in them moves a cursor."""
        from imgforensics.comparison.wording import summary  # noqa: PLC0415 - on demand

        return "\n".join(f"{line.subject:<9} {line.told}" for line in summary(self))

    def to_json(self) -> dict[str, Any]:
        """The document that `diff --json` writes (docs/cli.md), as one value."""
        from imgforensics.comparison.document import diff_to_json  # noqa: PLC0415

        facts = diff_to_json(self)
        return {key: list(v) if isinstance(v, Iterator) else v for key, v in facts.items()}

    def to_markdown(self) -> str:
        """A report with tables, as code forges show them."""
        from imgforensics.comparison.markdown import markdown_lines  # noqa: PLC0415

        return "\n".join(markdown_lines(self)) + "\n"

    def to_html(self) -> str:
        """A page that needs no other file, script or network."""
        from imgforensics.comparison.html_report import html_page  # noqa: PLC0415

        return html_page(self)

    def to_patch(self) -> bytes:
        """What `patch -p1` and `git apply` take for text, with remarks for the rest.

        Contents are there only for files whose contents were compared.
        """
        from imgforensics.comparison.patch import patch_pieces  # noqa: PLC0415

        return b"".join(patch_pieces(self))

    def to_pandas(self) -> "DataFrame":
        """File changes as rows; `MissingExtraError` where pandas is not installed."""
        from imgforensics.comparison.frame import changes_as_frame  # noqa: PLC0415

        return changes_as_frame(self)

    def _repr_html_(self) -> str:
        from imgforensics.comparison.html_report import html_card  # noqa: PLC0415

        return html_card(self)

    def __str__(self) -> str:
        return self.summary()

    def __repr__(self) -> str:
        counts = self.totals
        return (
            f"<ImageDiff {self.before.name} → {self.after.name}: {counts.added} added, "
            f"{counts.removed} removed, {counts.changed} changed, {counts.moved} moved>"
        )
