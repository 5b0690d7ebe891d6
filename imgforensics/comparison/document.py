"""A comparison as the JSON document of `diff --json` (docs/cli.md)."""

from dataclasses import asdict
from typing import Any

from imgforensics.catalogue import LayerRecord
from imgforensics.comparison.changes import FileChange
from imgforensics.comparison.layers import LayerMatch
from imgforensics.comparison.result import ImageDiff
from imgforensics.comparison.sides import ImageSide, Side
from imgforensics.comparison.texts import ContentDiff, hunk_bytes
from imgforensics.scanners.packages import Package, PackageChange
from imgforensics.serialise import (
    bytes_to_json,
    history_to_json,
    host_name_to_json,
    identity_to_json,
    node_to_json,
    path_to_json,
    problem_to_json,
    text_or_none,
)


def diff_to_json(diff: ImageDiff) -> dict[str, Any]:
    """Its keys and values; the long ones are iterators of items."""
    return {
        "before": _side(diff.before),
        "after": _side(diff.after),
        "same": diff.is_same,
        "complete": diff.is_complete,
        "totals": {**asdict(diff.totals), "ignored": diff.ignored},
        "shared_layers": diff.shared_layers,
        "config": (
            {"key": change.key, "before": change.before, "after": change.after}
            for change in diff.config
        ),
        "packages": map(_package_change, diff.packages),
        "layers": map(_layer_match, diff.layers),
        "history": (
            {
                "verdict": step.verdict.value,
                "before": history_to_json(step.before) if step.before else None,
                "after": history_to_json(step.after) if step.after else None,
            }
            for step in diff.history
        ),
        "directories": (
            {**path_to_json(path), "totals": asdict(totals)}
            for path, totals in diff.directories.items()
        ),
        "files": (_file(diff, change) for change in diff.files),
        "problems": map(problem_to_json, diff.problems),
    }


def _side(side: Side) -> dict[str, Any]:
    image = side.image if isinstance(side, ImageSide) else None
    return {
        "name": side.name,
        **(host_name_to_json("source", image.source.description) if image else {"source": None}),
        "image": identity_to_json(image.record) if image else None,
        "layer": side.layer if isinstance(side, ImageSide) else None,
    }


def _package_change(change: PackageChange) -> dict[str, Any]:
    return {
        "verdict": change.verdict.value,
        "ecosystem": change.package.ecosystem.value,
        "name": change.package.name,
        "architecture": change.package.architecture,
        "before": _package(change.before),
        "after": _package(change.after),
    }


def _package(package: Package | None) -> dict[str, Any] | None:
    if package is None:
        return None
    return {"version": package.version, "source": package.source, **path_to_json(package.path)}


def _layer_match(match: LayerMatch) -> dict[str, Any]:
    return {
        "shared_by": list(match.shared_by),
        "before": _layer(match.before),
        "after": _layer(match.after),
    }


def _layer(layer: LayerRecord | None) -> dict[str, Any] | None:
    if layer is None:
        return None
    return {
        "index": layer.index,
        "digest": text_or_none(layer.descriptor.digest if layer.descriptor else None),
        "diff_id": text_or_none(layer.diff_id),
        "created_by": layer.history.created_by if layer.history else None,
    }


def _file(diff: ImageDiff, change: FileChange) -> dict[str, Any]:
    path_before = change.path if change.moved_from is None else change.moved_from
    origin = diff.origin_of(change)
    moved = {} if change.moved_from is None else bytes_to_json("moved_from", b"/" + path_before)
    return {
        **path_to_json(change.path),
        "verdict": change.verdict.value,
        "attributes": [attribute.value for attribute in change.attributes],
        **moved,
        "similarity": change.similarity,
        "doubt": change.doubt,
        "layer": origin.layer if origin else None,
        "created_by": origin.created_by if origin else None,
        "before": node_to_json(path_before, change.before) if change.before else None,
        "after": node_to_json(change.path, change.after) if change.after else None,
        "sha256_before": change.sha256_before,
        "sha256_after": change.sha256_after,
        "names_before": _names(change.path, change.names_before),
        "names_after": _names(change.path, change.names_after),
        "content": _content(change.content) if change.content else None,
    }


def _names(path: bytes, names: tuple[bytes, ...]) -> list[dict[str, str]]:
    """All of a file's names, at the first of them."""
    return list(map(path_to_json, names)) if names[:1] == (path,) else []


def _content(content: ContentDiff) -> dict[str, Any]:
    lines = b"".join(piece for hunk in content.hunks for piece in hunk_bytes(hunk))
    return {
        "form": content.form.value,
        "name": content.name,
        "note": content.note,
        **bytes_to_json("diff", lines),
        "members": [_content(member) for member in content.members],
    }
