"""What a comparison found, in words and short lines that are safe to print anywhere."""

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from imgforensics.catalogue import LayerRecord
from imgforensics.comparison.attributes import Attribute
from imgforensics.comparison.changes import FileChange, Totals, Verdict
from imgforensics.comparison.history import HistoryStep, StepVerdict
from imgforensics.comparison.result import ImageDiff
from imgforensics.filesystem.node import Node
from imgforensics.problems import display
from imgforensics.tarstream.member import EntryKind

ARROW = "→"
MARKS = {
    Verdict.ADDED: "A",
    Verdict.REMOVED: "D",
    Verdict.CHANGED: "M",
    Verdict.MOVED: "R",
    Verdict.UNKNOWN: "?",
}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LONGEST = 120
_NOT_SET = "-"


def shown(text: str) -> str:
    """Text with escapes for everything that would move a cursor."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def brief(text: str, longest: int = _LONGEST) -> str:
    """`shown`, on one line of bounded length."""
    line = " ".join(text[: 4 * longest].split())
    return shown(line if len(line) <= longest else line[: longest - 1] + "…")


def human_size(size: int) -> str:
    """Bytes in decimal units."""
    if size < 1_000:
        return f"{size} B"
    scaled, units = size / 1_000, ["kB", "MB", "GB", "TB"]
    while scaled >= 999.95 and len(units) > 1:
        scaled /= 1_000
        del units[0]
    return f"{scaled:.1f} {units[0]}"


# The whole.


class Line(NamedTuple):
    """One line of the summary."""

    subject: str
    told: str


def summary(diff: ImageDiff) -> Iterator[Line]:
    """What differs, in a line for each part, the verdict last."""
    yield Line("before", diff.before.name)
    yield Line("after", diff.after.name)
    yield Line("files", _files(diff))
    if diff.layers or diff.history:
        yield Line("config", _config(len(diff.config)))
        yield Line("layers", _layers(diff))
        yield Line("history", _history(diff.history))
    yield Line("packages", _packages(diff))
    yield Line("verdict", _verdict(diff))


def _files(diff: ImageDiff) -> str:
    told = totals_text(diff.totals)
    return f"{told}; {diff.ignored} ignored" if diff.ignored else told


def totals_text(totals: Totals) -> str:
    """`2 added, 1 changed, +1.2 kB, -3 B`."""
    counts = [
        f"{getattr(totals, verdict.value)} {verdict.value}"
        for verdict in Verdict
        if getattr(totals, verdict.value)
    ]
    if totals.bytes_added:
        counts.append(f"+{human_size(totals.bytes_added)}")
    if totals.bytes_removed:
        counts.append(f"-{human_size(totals.bytes_removed)}")
    return ", ".join(counts) or "the same"


def _config(keys: int) -> str:
    if not keys:
        return "the same"
    return "1 key differs" if keys == 1 else f"{keys} keys differ"


def _layers(diff: ImageDiff) -> str:
    shared = sum(1 for match in diff.layers if match.before and match.after)
    before = sum(1 for match in diff.layers if match.before)
    after = sum(1 for match in diff.layers if match.after)
    return f"{shared} shared, of {before} and {after}"


def _history(steps: tuple[HistoryStep, ...]) -> str:
    verdicts = [step.verdict for step in steps]
    told = [
        f"{verdicts.count(verdict)} {HISTORY_WORDS[verdict]}"
        for verdict in StepVerdict
        if verdict is not StepVerdict.SAME and verdict in verdicts
    ]
    return ", ".join(told) or "the same"


HISTORY_WORDS = {
    StepVerdict.SAME: "the same",
    StepVerdict.ADDED: "added",
    StepVerdict.REMOVED: "removed",
    StepVerdict.CHANGED: "changed",
    StepVerdict.CREATED: "run at another time",
}


def _packages(diff: ImageDiff) -> str:
    verdicts = [change.verdict.value for change in diff.packages]
    told = [f"{verdicts.count(verdict)} {verdict}" for verdict in dict.fromkeys(verdicts)]
    return ", ".join(told) or "the same"


def _verdict(diff: ImageDiff) -> str:
    if not diff.is_complete:
        return "incomplete: what is lost may differ"
    return "the same" if diff.is_same else "different"


# Files.


def path_text(change: FileChange) -> str:
    """Where it is, and where it was."""
    path = display(b"/" + change.path)
    if change.moved_from is None:
        return path
    return f"{display(b'/' + change.moved_from)} {ARROW} {path}"


def what_text(change: FileChange) -> str:
    """What differs, with the values that do."""
    if change.verdict is Verdict.UNKNOWN:
        return f"unknown: {change.doubt}"
    told = [_attribute_text(attribute, change) for attribute in change.attributes]
    if change.verdict in (Verdict.ADDED, Verdict.REMOVED):
        told.append(_kind_text(change.node))
    if change.similarity is not None:
        told.insert(0, "same content" if change.similarity == 100 else f"{change.similarity}%")
    return ", ".join(told)


def _kind_text(node: Node) -> str:
    if node.kind is EntryKind.FILE:
        return f"file, {human_size(node.size)}"
    if node.kind is EntryKind.SYMLINK:
        return f"symlink {ARROW} {display(node.link_target)}"
    return node.kind.value


def _attribute_text(attribute: Attribute, change: FileChange) -> str:
    before, after = change.before, change.after
    if attribute is Attribute.XATTRS:
        return f"xattrs {_xattrs_text(before, after)}"
    if attribute is Attribute.HARD_LINKS:
        return f"names {len(change.names_before) or 1}{ARROW}{len(change.names_after) or 1}"
    values = _values(attribute, before, after)
    return f"{attribute.value} {ARROW.join(values)}" if values else attribute.value


_TELL: dict[Attribute, Callable[[Node], str]] = {
    Attribute.TYPE: lambda node: node.kind.value,
    Attribute.SIZE: lambda node: str(node.size),
    Attribute.MODE: lambda node: f"{node.mode:04o}",
    Attribute.OWNER: lambda node: f"{node.uid}:{node.gid}",
    Attribute.MTIME: lambda node: time_text(node.mtime_ns),
    Attribute.LINK: lambda node: display(node.link_target),
    Attribute.DEVICE: lambda node: ":".join(map(str, node.device)),
}


def _values(attribute: Attribute, *nodes: Node | None) -> list[str]:
    tell = _TELL.get(attribute)
    return [tell(node) for node in nodes if node is not None] if tell else []


def time_text(mtime_ns: int) -> str:
    """A time in UTC, with fractions where it has them; `@` and nanoseconds where none has it."""
    try:
        moment = _EPOCH + timedelta(microseconds=mtime_ns // 1_000)
    except OverflowError:
        return f"@{mtime_ns}"
    fraction = f".{mtime_ns % 1_000_000_000:09}" if mtime_ns % 1_000_000_000 else ""
    return f"{moment:%Y-%m-%dT%H:%M:%S}{fraction}Z"


def _xattrs_text(before: Node | None, after: Node | None) -> str:
    old: Mapping[bytes, bytes] = before.xattrs if before else {}
    new: Mapping[bytes, bytes] = after.xattrs if after else {}
    marks = [
        f"{'+' if name not in old else '-' if name not in new else '~'}{display(name)}"
        for name in sorted(old.keys() | new.keys())
        if old.get(name) != new.get(name)
    ]
    return " ".join(marks)


# Documents.


def value_text(value: Any) -> str:  # noqa: ANN401 - whatever JSON holds
    """A value of a configuration."""
    if value is None:
        return _NOT_SET
    if isinstance(value, str):
        return brief(value) or '""'
    if isinstance(value, (list, tuple)):
        return brief("[" + ", ".join(map(value_text, value)) + "]")
    return brief(str(value))


def layer_text(layer: LayerRecord | None) -> str:
    """A layer's number and the start of its digest."""
    if layer is None:
        return _NOT_SET
    digest = layer.diff_id or (layer.descriptor.digest if layer.descriptor else None)
    return f"{layer.index} {digest.short}" if digest else str(layer.index)


def instruction_text(created_by: str | None, longest: int = _LONGEST) -> str:
    """An instruction on one line."""
    return brief(created_by, longest) if created_by else _NOT_SET
