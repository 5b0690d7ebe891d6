"""File changes as a pandas table."""

import os
from typing import TYPE_CHECKING, Any

from imgforensics.comparison.changes import FileChange
from imgforensics.comparison.result import ImageDiff
from imgforensics.errors import MissingExtraError
from imgforensics.filesystem.node import Node

if TYPE_CHECKING:
    from pandas import DataFrame

_COLUMNS = ("kind", "mode", "uid", "gid", "size", "mtime_ns", "link_target")


def changes_as_frame(diff: ImageDiff) -> "DataFrame":
    """One row for each change; facts of either side in columns that end in its name.

    Paths are text as `os.fsdecode` gives it. Raises `MissingExtraError` without pandas.
    """
    try:
        import pandas  # noqa: PLC0415 - an extra, and slow to load
    except ImportError as error:
        raise MissingExtraError("pip install 'imgforensics[pandas]'") from error
    return pandas.DataFrame([_row(diff, change) for change in diff.files], columns=_names())


def _names() -> list[str]:
    sides = [f"{column}_{side}" for side in ("before", "after") for column in _COLUMNS]
    facts = ["path", "verdict", "attributes", "moved_from", "similarity"]
    digests = ["sha256_before", "sha256_after", "layer", "created_by"]
    return [*facts, *sides, *digests]


def _row(diff: ImageDiff, change: FileChange) -> dict[str, Any]:
    origin = diff.origin_of(change)
    moved_from = change.moved_from
    return {
        "path": os.fsdecode(b"/" + change.path),
        "verdict": change.verdict.value,
        "attributes": ",".join(change.attributes),
        "moved_from": None if moved_from is None else os.fsdecode(b"/" + moved_from),
        "similarity": change.similarity,
        **_side(change.before, "before"),
        **_side(change.after, "after"),
        "sha256_before": change.sha256_before,
        "sha256_after": change.sha256_after,
        "layer": origin.layer if origin else None,
        "created_by": origin.created_by if origin else None,
    }


def _side(node: Node | None, side: str) -> dict[str, Any]:
    if node is None:
        return {}
    values = {name: getattr(node, name) for name in _COLUMNS}
    values["kind"] = node.kind.value
    values["link_target"] = os.fsdecode(node.link_target)
    return {f"{name}_{side}": value for name, value in values.items()}
