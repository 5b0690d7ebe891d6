"""Facts as JSON values: the one form they have in every document we write (docs/cli.md)."""

import base64
from collections.abc import Mapping
from typing import Any

from imgforensics.catalogue import ImageRecord
from imgforensics.filesystem.node import Node
from imgforensics.layer.entry import LayerEntry
from imgforensics.problems import Problem


def text_or_none(value: object) -> str | None:
    """`str(value)`, or None for None."""
    return None if value is None else str(value)


def bytes_to_json(name: str, value: bytes) -> dict[str, str]:
    """A name as text; where it is not UTF-8, escaped text and its bytes as `<name>_b64`."""
    try:
        return {name: value.decode()}
    except UnicodeDecodeError:
        encoded = base64.b64encode(value).decode("ascii")
        return {name: value.decode("utf-8", "backslashreplace"), f"{name}_b64": encoded}


def path_to_json(path: bytes) -> dict[str, str]:
    """A path of the image, absolute."""
    return bytes_to_json("path", b"/" + path)


def xattrs_to_json(xattrs: Mapping[bytes, bytes]) -> dict[str, str]:
    """Values in base64, as they are binary."""
    return {
        name.decode("utf-8", "backslashreplace"): base64.b64encode(value).decode("ascii")
        for name, value in sorted(xattrs.items())
    }


def problem_to_json(problem: Problem) -> dict[str, Any]:
    """A problem with its location taken apart; parts that are unknown are left out."""
    where = problem.where
    location: dict[str, Any] = {
        "source": where.source,
        "blob": where.blob,
        "layer": where.layer,
        "offset": where.offset,
    }
    if where.path is not None:
        location.update(path_to_json(where.path.strip(b"/")))
    return {
        "code": problem.code.label,
        "severity": problem.severity.value,
        "where": {key: value for key, value in location.items() if value is not None},
        "detail": problem.detail,
        "action": problem.action,
    }


def node_to_json(path: bytes, node: Node) -> dict[str, Any]:
    """What stands at a path of a snapshot."""
    document: dict[str, Any] = {
        **path_to_json(path),
        "kind": node.kind.value,
        "mode": f"{node.mode:04o}",
        "uid": node.uid,
        "gid": node.gid,
        "size": node.size,
        "mtime_ns": node.mtime_ns,
        "layer": node.layer_index,
    }
    return {**document, **_particulars(node.link_target, node.device, node.xattrs)}


def entry_to_json(entry: LayerEntry) -> dict[str, Any]:
    """One entry of a layer, whiteouts and all."""
    document: dict[str, Any] = {
        **path_to_json(entry.path),
        **bytes_to_json("name", entry.member.name),
        "kind": entry.kind.value,
        "mode": f"{entry.mode:04o}",
        "uid": entry.uid,
        "gid": entry.gid,
        "size": entry.size,
        "mtime_ns": entry.mtime_ns,
        "layer": entry.layer_index,
        "ordinal": entry.member.ordinal,
        "header_offset": entry.member.header_offset,
        "data_offset": entry.member.data_offset,
    }
    return {**document, **_particulars(entry.link_name, entry.device, entry.xattrs)}


def _particulars(
    link: bytes, device: tuple[int, int], xattrs: Mapping[bytes, bytes]
) -> dict[str, Any]:
    particulars: dict[str, Any] = {}
    if link:
        particulars.update(bytes_to_json("link", link))
    if device != (0, 0):
        particulars["device"] = list(device)
    if xattrs:
        particulars["xattrs_b64"] = xattrs_to_json(xattrs)
    return particulars


def record_to_json(record: ImageRecord) -> dict[str, Any]:
    """One image of a source, as `inspect` lists it."""
    return {
        "number": record.number,
        "kind": record.kind.value,
        "names": list(record.names),
        "digest": text_or_none(record.manifest_digest),
        "image_id": text_or_none(record.config_digest),
        "platform": text_or_none(record.platform),
        "layers": [
            {
                "index": layer.index,
                "digest": str(layer.descriptor.digest) if layer.descriptor else None,
                "media_type": layer.descriptor.media_type if layer.descriptor else None,
                "diff_id": text_or_none(layer.diff_id),
                "present": layer.blob_name is not None,
                "created_by": layer.history.created_by if layer.history else None,
            }
            for layer in record.layers
        ],
        "missing": list(record.missing),
        "problems": [problem_to_json(problem) for problem in record.problems],
    }
