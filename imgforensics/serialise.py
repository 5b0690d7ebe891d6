"""Facts as JSON values: the one form they have in every document we write (docs/cli.md)."""

import base64
import os
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from imgforensics.catalogue import ImageRecord, LayerRecord
from imgforensics.filesystem.node import Node
from imgforensics.layer.entry import LayerEntry
from imgforensics.layer.layer import LayerScan
from imgforensics.oci.config import HistoryEntry, ImageConfig
from imgforensics.problems import Problem
from imgforensics.sources.base import BlobSource


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


def host_name_to_json(key: str, name: str) -> dict[str, str]:
    """A name of this machine, of a source or an output, in the same way."""
    try:
        return bytes_to_json(key, os.fsencode(name))
    except UnicodeEncodeError:  # no file has it: a stream was called so
        return {key: name.encode("utf-8", "backslashreplace").decode()}


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
        **(host_name_to_json("source", where.source) if where.source is not None else {}),
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
        "inode": None if node.inode is None else "{}:{}".format(*node.inode),
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
        "past_end": entry.is_past_end,
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


def identity_to_json(record: ImageRecord) -> dict[str, Any]:
    """Which image it is."""
    return {
        "number": record.number,
        "names": list(record.names),
        "digest": text_or_none(record.manifest_digest),
        "image_id": text_or_none(record.config_digest),
        "platform": text_or_none(record.platform),
    }


def record_to_json(record: ImageRecord, source: BlobSource) -> dict[str, Any]:
    """One image of a source, or one other thing with a manifest, in brief."""
    sizes = [stored_size(layer, source) for layer in record.layers]
    return {
        **identity_to_json(record),
        "kind": record.kind.value,
        "layouts": [layout.value for layout in record.layouts],
        "layer_count": len(record.layers),
        "stored_size": sum(size for size in sizes if size is not None),
        "missing": list(record.missing),
        "reason": record.reason,
    }


def stored_size(layer: LayerRecord, source: BlobSource) -> int | None:
    """Bytes of a layer's blob in the source; None when it is not there."""
    return None if layer.blob_name is None else source.size(layer.blob_name)


def layer_to_json(
    layer: LayerRecord, source: BlobSource, scan: LayerScan | None = None
) -> dict[str, Any]:
    """A layer as declared, and as found where it was read."""
    descriptor, history = layer.descriptor, layer.history
    document: dict[str, Any] = {
        "index": layer.index,
        "digest": str(descriptor.digest) if descriptor else None,
        "diff_id": text_or_none(layer.diff_id),
        "media_type": descriptor.media_type if descriptor else None,
        "stored_size": stored_size(layer, source),
        "created_by": history.created_by if history else None,
        "found": None,
    }
    if scan is not None:
        facts = scan.facts
        document["found"] = {
            "digest": str(facts.digest),
            "diff_id": str(facts.diff_id),
            "stored_size": facts.stored_size,
            "size": facts.size,
            "compression": facts.compression.value,
            "entries": len(scan.entries),
        }
    return document


def config_to_json(config: ImageConfig) -> dict[str, Any]:
    """What an image's configuration says, history left out."""
    container = config.container
    return {
        "created": config.created,
        "author": config.author,
        "os": config.os,
        "architecture": config.architecture,
        "variant": config.variant,
        "os_version": config.os_version,
        "user": container.user,
        "working_dir": container.working_dir,
        "entrypoint": _list_or_none(container.entrypoint),
        "cmd": _list_or_none(container.cmd),
        "env": list(container.env),
        "exposed_ports": list(container.exposed_ports),
        "volumes": list(container.volumes),
        "labels": dict(container.labels),
        "stop_signal": container.stop_signal,
        "healthcheck": asdict(container.healthcheck) if container.healthcheck else None,
        "shell": _list_or_none(container.shell),
        "on_build": list(container.on_build),
    }


def history_to_json(step: HistoryEntry) -> dict[str, Any]:
    """One step of how the image was made."""
    return {
        "empty": step.empty_layer,
        "created": step.created,
        "created_by": step.created_by,
        "comment": step.comment,
        "author": step.author,
    }


def _list_or_none(words: tuple[str, ...] | None) -> list[str] | None:
    return None if words is None else list(words)
