"""What must hold for any image that opens, however damaged."""

import io
import json
from collections.abc import Iterable, Iterator

from imgforensics import (
    Image,
    ImageForensicsError,
    LayerEntry,
    Problem,
    Severity,
    verify,
    write_tar,
)
from imgforensics.catalogue import ImageRecord, Layout
from imgforensics.filesystem.tree import FileTree
from imgforensics.problems import ProblemLog
from imgforensics.serialise import (
    config_to_json,
    entry_to_json,
    layer_to_json,
    node_to_json,
    problem_to_json,
    record_to_json,
)
from imgforensics.tarstream.member import EntryKind
from imgforensics.tarstream.reader import TarReader

_READ = 1 << 20
"""Content of up to this size is read."""
_PATHS = 12
"""Paths of one image whose history is asked for."""


def check_image(image: Image) -> None:
    """Ask every question of an image; each has an answer or an error of ours."""
    for answer in (check_documents, check_layers, check_trees, check_verification, check_archive):
        try:
            answer(image)
        except ImageForensicsError as error:
            printable(str(error))
    check_problems(image.problems)


def check_documents(image: Image) -> None:
    """Whatever was read can be shown."""
    check_record(image.record)
    printable(repr(image) + image._repr_html_())
    as_json(record_to_json(image.record, image.source))
    if image.config is not None:
        as_json(config_to_json(image.config))


def check_record(record: ImageRecord) -> None:
    """Layers are numbered, and have a step of history where steps and layers pair."""
    assert [layer.index for layer in record.layers] == list(range(len(record.layers)))
    if Layout.LEGACY not in record.layouts:
        rows = record.config.history if record.config else ()
        steps = [row for row in rows if not row.empty_layer]
        told = [layer.history for layer in record.layers]
        assert told == (steps if len(steps) == len(told) else [None] * len(told))
    absent = [layer for layer in record.layers if layer.blob_name is None]
    assert bool(absent) <= bool(record.missing)
    check_problems(record.problems)


def check_layers(image: Image) -> None:
    """A layer read twice gives the same, and its entries lie inside it."""
    for layer in image.layers:
        if not layer.is_present:
            continue
        scan = layer.scan()
        again = layer.begin_pass(threads=True)
        assert tuple(again) == scan.entries
        assert again.facts == scan.facts
        as_json(layer_to_json(layer.record, image.source, scan))
        assert scan.facts.stored_size == layer.stored_size
        check_entries(scan.entries, scan.facts.size)
        for entry in scan.entries:
            check_content(image, entry)


def check_entries(entries: Iterable[LayerEntry], size: int) -> None:
    """Entries stand in the order of the tar, inside it, and below the root."""
    reached = 0
    for entry in entries:
        member = entry.member
        assert reached <= member.header_offset < member.data_offset <= size
        reached = min(size, member.data_offset + member.stored_size)
        check_path(entry.path)
        as_json(entry_to_json(entry))


def check_path(path: bytes) -> None:
    """Relative to the root, and never out of it."""
    parts = path.split(b"/") if path else []
    assert not {b"", b".", b".."} & set(parts), path


def check_content(image: Image, entry: LayerEntry) -> None:
    """Content is as long as its entry says, or lost with an error."""
    if entry.kind is not EntryKind.FILE or entry.size > _READ:
        return
    try:
        with image.open_content(entry) as file:
            assert len(file.read()) == entry.size
            file.seek(entry.size // 2)
            assert len(file.read()) == entry.size - entry.size // 2
    except ImageForensicsError as error:
        printable(str(error))
        check_loss_is_told(image.layers[entry.layer_index].problems)


def check_loss_is_told(problems: Iterable[Problem]) -> None:
    """Content that cannot be read has been missed by the pass over its layer."""
    assert any(problem.severity is Severity.ERROR for problem in problems)


def check_trees(image: Image) -> None:
    """Every snapshot can be walked, shown and asked; what it shows stands in an entry."""
    for number in range(-1, len(image.layers)):
        for path, node in image.filesystem_at(number).walk():
            check_path(path)
            as_json(node_to_json(path, node))
            assert node.layer_index is None or node.layer_index <= number
    for path in sample(image.filesystem):
        image.history_of(path)
        image.path(path).exists()


def sample(tree: FileTree) -> Iterator[bytes]:
    """The first paths of a tree, and one that it does not hold."""
    for _, (path, _) in zip(range(_PATHS), tree.walk(), strict=False):
        yield path
    yield b"is/absent"


def check_verification(image: Image) -> None:
    """A verdict is good exactly where nothing failed and nothing is damaged."""
    verification = verify(image)
    check_problems(verification.problems)
    damaged = any(problem.severity is Severity.ERROR for problem in verification.problems)
    assert verification.is_verified is not (damaged or bool(verification.failures))


def check_archive(image: Image) -> None:
    """The filesystem as one tar is a sound tar, and holds what the record says."""
    if any(entry.size > _READ for entry in image.entries):
        return
    target = io.BytesIO()
    record = write_tar(image, target)
    log = ProblemLog()
    members = list(TarReader([target.getvalue()], log))
    assert not list(log), [str(problem) for problem in log]
    names = {member.name.rstrip(b"/") for member in members}
    assert len(names) == len(members)
    paths = {path for path, _ in image.filesystem.walk()}
    if record.is_complete and not record.deviations:
        assert {name.removeprefix(b"./") for name in names} - {b"", b"."} == paths - {b""}


def check_problems(problems: Iterable[Problem]) -> None:
    """Every problem can be shown."""
    for problem in problems:
        printable(str(problem))
        as_json(problem_to_json(problem))


def as_json(value: object) -> None:
    """It is JSON in UTF-8."""
    json.dumps(value, ensure_ascii=False).encode()


def printable(text: str) -> None:
    """It is text in UTF-8: no half of a surrogate pair."""
    text.encode()
