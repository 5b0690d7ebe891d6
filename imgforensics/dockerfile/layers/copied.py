"""What a layer tells of the COPY or ADD that made it: sources, owners, heredocs, origins."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from imgforensics.dockerfile.history.rows import time_told
from imgforensics.dockerfile.instruction import (
    Confidence,
    Evidence,
    Heredoc,
    Instruction,
    RecoveredInstruction,
)
from imgforensics.dockerfile.layers.classic_hash import HashKind, Proof
from imgforensics.dockerfile.layers.destinations import CopyStep, flag, words_of
from imgforensics.dockerfile.layers.members import Members
from imgforensics.dockerfile.layers.twins import Twins
from imgforensics.dockerfile.rendering import words_or_list
from imgforensics.dockerfile.words import heredoc_marks, quote
from imgforensics.errors import ImageForensicsError
from imgforensics.image import Image
from imgforensics.layer import EntryKind

_MOST_NAMED = 200
_MOST_NAMED_SINGLY = 5
UNKNOWN_ARCHIVE = "archive.tar"
_NANOSECONDS = 1_000_000_000


def heredoc_paths(steps: Iterable[CopyStep]) -> set[tuple[int, bytes]]:
    """Layers and paths of the files that heredocs became."""
    return {
        (step.recovered.layer, path)
        for step in steps
        if step.recovered.layer is not None
        for path in _heredoc_files(step).values()
    }


def _heredoc_files(step: CopyStep) -> dict[str, bytes]:
    marks = heredoc_marks(step.recovered.instruction.arguments)
    if len(marks) == 1 and not step.is_directory:
        return {marks[0].name: step.path}
    below = step.path + b"/" if step.path else b""
    return {mark.name: below + mark.name.encode() for mark in marks}


class LayerFacts(NamedTuple):
    """What a layer was found to hold of one COPY or ADD."""

    members: Members
    """What it brought."""
    proof: Proof | None
    """Of its sources."""
    kind: HashKind | None
    """What a hash stands for in the place of its sources."""
    bodies: Mapping[tuple[int, bytes], bytes]
    """Contents of files that heredocs became, by layer and path."""
    twins: Twins
    """Files of the same content under other names."""


def described(image: Image, step: CopyStep, facts: LayerFacts) -> RecoveredInstruction:
    """The step with all that its layer tells of it."""
    found = step.recovered
    if heredoc_marks(found.instruction.arguments):
        return _with_heredocs(step, facts.bodies)
    if facts.proof is not None:
        found = _proven(step, facts.proof)
    elif facts.kind is not None and facts.members.entries:
        found = _named_as_twin(step, facts) or _named_as_there(step, facts.members, facts.kind)
    if not is_unpacked(found.instruction, facts.members):
        found = _with_owner(image, found, facts.members)
    if facts.proof is not None:
        return found
    return _with_suspicion(image, step._replace(recovered=found), facts.members)


# Sources.


def _proven(step: CopyStep, proof: Proof) -> RecoveredInstruction:
    sources = [source.decode("utf-8", "backslashreplace") for source in proof.sources]
    note, confidence = "the hash in the history is that of these sources", Confidence.EXACT
    if proof.is_from_image:
        sources = ["/" + source for source in sources]
        note += "; they came from another stage or image, which is not named"
        confidence = Confidence.PARTIAL
    elif pattern := _pattern_of(sources):
        note = f"the hash in the history is that of {' '.join(sources)}; so many are a pattern's"
        sources, confidence = [pattern], Confidence.INFERRED
    return replace(
        with_sources(step, sources),
        evidence=Evidence.CONTENT_HASH,
        confidence=confidence,
        note=note,
    )


def _pattern_of(sources: Sequence[str]) -> str | None:
    """A folder's pattern for more files of it, in its order, than people name one by one."""
    folders = {source.rpartition("/")[0] for source in sources}
    if len(sources) <= _MOST_NAMED_SINGLY or len(folders) > 1 or sorted(sources) != list(sources):
        return None
    (folder,) = folders
    return f"{folder}/*" if folder else None


def with_sources(step: CopyStep, sources: Sequence[str]) -> RecoveredInstruction:
    """The step's instruction with other sources."""
    arguments = words_or_list([*sources, step.destination])
    instruction = replace(step.recovered.instruction, arguments=arguments, heredocs=())
    return replace(step.recovered, instruction=instruction)


def _named_as_twin(step: CopyStep, facts: LayerFacts) -> RecoveredInstruction | None:
    """A renamed file called as its twin; with another mode, somebody gave it that."""
    contents = facts.members.contents
    if facts.kind is not HashKind.FILE or step.is_directory or len(contents) != 1:
        return None
    twin = facts.twins.twin_of(contents[0])
    if twin is None:
        return None
    found = with_sources(step, [_text(twin.name)])
    mode = contents[0].mode
    flags = found.instruction.flags
    if mode != twin.mode and flag(found.instruction, "chmod") is None:
        flags = (*flags, f"--chmod={mode:04o}")
    return replace(
        found,
        instruction=replace(found.instruction, flags=flags),
        evidence=Evidence.LAYER,
        confidence=Confidence.INFERRED,
        note="the source's name is lost; a file of the same content has kept this one",
    )


def _named_as_there(step: CopyStep, members: Members, kind: HashKind) -> RecoveredInstruction:
    """Sources whose names are lost: called as what they became."""
    contents = members.contents
    if kind is HashKind.FILE and step.is_directory:
        direct = tuple(one for one in contents if b"/" not in members.name_of(one))
        contents = direct if len(direct) == 1 else contents
    is_add = step.recovered.instruction.keyword == "ADD"
    is_tree = kind is HashKind.DIRECTORY
    if len(contents) == 1 and contents[0].kind is EntryKind.FILE and not is_tree:
        sources = [_text(contents[0].path.rpartition(b"/")[2])]
        note = "the source's name is lost; the file is called so where it went"
    elif is_add and kind is HashKind.FILE:
        sources = [UNKNOWN_ARCHIVE]
        note = "the history names one file, and the layer has many: an archive was unpacked"
    elif kind is HashKind.SEVERAL and _are_listed(members):
        sources = sorted(_text(members.name_of(one)) for one in contents)
        note = "the sources' names are lost; the files are called so where they went"
    else:
        return replace(step.recovered, evidence=Evidence.LAYER, confidence=Confidence.INFERRED)
    return replace(
        with_sources(step, sources),
        evidence=Evidence.LAYER,
        confidence=Confidence.INFERRED,
        note=note,
    )


def is_unpacked(instruction: Instruction, members: Members) -> bool:
    """Whether an ADD of one archive brought what was in it."""
    sources = words_of(instruction)[:-1]
    if instruction.keyword != "ADD" or len(sources) != 1 or "://" in sources[0]:
        return False
    is_archive = sources[0].lower().endswith(_PACKED)
    name = sources[0].rpartition("/")[2].encode()
    return is_archive and any(
        one.path.rpartition(b"/")[2] != name or b"/" in members.name_of(one)
        for one in members.contents
    )


_PACKED = (".tar", ".tgz", ".tar.gz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz", ".tar.zst", ".gz")


def _are_listed(members: Members) -> bool:
    """Whether somebody may have named all of them in one instruction."""
    contents = members.contents
    return len(contents) <= _MOST_NAMED and all(
        b"/" not in members.name_of(one) for one in contents
    )


# Heredocs.


def _with_heredocs(
    step: CopyStep, bodies: Mapping[tuple[int, bytes], bytes]
) -> RecoveredInstruction:
    """The documents that stood in the Dockerfile, as the layer has them."""
    layer = step.recovered.layer
    files = _heredoc_files(step)
    if layer is None or not files:
        return step.recovered
    texts = {name: _document(bodies.get((layer, path)), name) for name, path in files.items()}
    heredocs = tuple(Heredoc(name, text) for name, text in texts.items() if text is not None)
    if len(heredocs) < len(files):
        return step.recovered
    marks = [_mark(heredoc) for heredoc in heredocs]
    instruction = replace(
        step.recovered.instruction,
        arguments=" ".join((*marks, quote(step.destination))),
        heredocs=heredocs,
    )
    return replace(
        step.recovered,
        instruction=instruction,
        evidence=Evidence.LAYER,
        confidence=Confidence.EXACT,
        note="the document is the file in the layer; variables in it were replaced already",
    )


def _mark(heredoc: Heredoc) -> str:
    """Quoted where something in the body would be replaced once more."""
    return f'<<"{heredoc.name}"' if set(heredoc.body) & set("$\\") else f"<<{heredoc.name}"


def _document(data: bytes | None, name: str) -> str | None:
    if data is None or b"\0" in data or b"\r" in data:
        return None
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return None
    if (text and not text.endswith("\n")) or name in text.split("\n"):
        return None
    return text


# Owners.


def _with_owner(
    image: Image, found: RecoveredInstruction, members: Members
) -> RecoveredInstruction:
    """With `--chown` where everything belongs to one who is not root and no flag says so."""
    owners = {(one.uid, one.gid) for one in members.contents}
    if len(owners) != 1 or owners == {(0, 0)} or found.layer is None:
        return found
    if flag(found.instruction, "chown") is not None:
        return found
    (owner,) = owners
    name = _owner_name(image, found.layer, owner)
    instruction = replace(found.instruction, flags=(*found.instruction.flags, f"--chown={name}"))
    note = "; ".join(filter(None, (found.note, "the owner is that of the layer's files")))
    return replace(found, instruction=instruction, note=note)


def _owner_name(image: Image, layer: int, owner: tuple[int, int]) -> str:
    """`name:group` where the image's own files name both, else numbers."""
    names = [
        _name_of_number(image, layer, path, number)
        for path, number in zip((b"etc/passwd", b"etc/group"), owner, strict=True)
    ]
    user, group = (name or str(number) for name, number in zip(names, owner, strict=True))
    return f"{user}:{group}"


def _name_of_number(image: Image, layer: int, path: bytes, number: int) -> str | None:
    try:
        text = image.path(b"/" + path, layer).read_text(errors="replace")
    except (ImageForensicsError, OSError):
        return None
    rows = (line.split(":") for line in text.split("\n"))
    return next((row[0] for row in rows if len(row) > 2 and row[2] == str(number)), None)


# Where it came from.


def _with_suspicion(image: Image, step: CopyStep, members: Members) -> RecoveredInstruction:
    """With a note where the sources look as if another stage made them."""
    found = step.recovered
    if found.instruction.keyword != "COPY" or step.origin is not None or found.layer is None:
        return found
    reasons = list(_suspicions(image, step, members))
    if not reasons:
        return found
    note = f"perhaps copied from another stage or image: {' and '.join(reasons)}"
    return replace(found, note="; ".join(filter(None, (found.note, note))))


def _suspicions(image: Image, step: CopyStep, members: Members) -> Iterator[str]:
    if any(source.startswith("/") for source in step.sources):
        yield "the source is an absolute path"
    times = [one.mtime_ns for one in members.contents if one.kind is EntryKind.FILE]
    began = _began(image, step)
    if times and began is not None and min(times) >= began:
        yield "its files were written while the image was being built"


def _began(image: Image, step: CopyStep) -> int | None:
    """When the row below was written; None where nothing tells."""
    row = step.recovered.row
    if image.config is None or not row:
        return None
    moment = time_told(image.config.history[row - 1])
    return None if moment is None else int(moment.timestamp() * _NANOSECONDS)


def _text(name: bytes) -> str:
    return name.decode("utf-8", "backslashreplace")
