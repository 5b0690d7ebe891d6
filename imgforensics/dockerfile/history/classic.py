"""Rows of the classic builder and of the engines before it: `/bin/sh -c #(nop)  ENV A=1`.

Source: moby, daemon/builder/dockerfile (dispatchers.go, internals.go) from 1.6 to 28.
"""

import re
from dataclasses import dataclass

from imgforensics.dockerfile.history.commands import run_command
from imgforensics.dockerfile.history.printed import printed_instruction
from imgforensics.dockerfile.history.reading import Reading
from imgforensics.dockerfile.history.state import BuildState
from imgforensics.dockerfile.instruction import Confidence, Instruction
from imgforensics.dockerfile.parsing import split_flags
from imgforensics.dockerfile.rendering import words_or_list

NOT_AN_OPERATION = re.compile(r"(?P<shell>[^#]{0,4096}?) ?#\(nop\) +(?P<text>\S.*)", re.DOTALL)
_OF_OTHER_STAGES = ("/usr/local/", "/usr/lib/", "/opt/")
"""Where what is built goes: a directory there mostly comes from the same place of a stage."""
_HASHED = re.compile(
    r"(?P<keyword>COPY|ADD) (?P<flags>.*?)"
    r"(?P<kind>file|dir|multi):(?P<hash>[0-9a-f]{64}) in (?P<destination>.*)",
    re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class HashedCopy:
    """A COPY or ADD whose sources are told by a hash alone."""

    keyword: str
    kind: str
    """`file`, `dir`, or `multi` for several of either."""
    hash: str
    """SHA-256 in hex, of what the builder defines as the sources' content."""
    destination: str
    """As it stood in the Dockerfile, variables expanded."""
    flags: tuple[str, ...] = ()


def hashed_copy(text: str) -> HashedCopy | None:
    """Read `COPY --chown=a:b file:HASH in /x `; some engines leave no blank before `file:`."""
    match = _HASHED.fullmatch(text)
    if not match:
        return None
    flags, _ = split_flags(match["flags"])
    destination = match["destination"].strip()
    return HashedCopy(match["keyword"], match["kind"], match["hash"], destination, flags)


def copy_instruction(copy: HashedCopy, directory: str) -> Reading:
    """A COPY or ADD with stand-ins for the sources that its hash hides.

    `directory` is the one that WORKDIR set last.
    """
    arguments = words_or_list((_stand_in(copy, directory), copy.destination))
    note = f"the history names the source by a hash alone ({copy.kind}:{copy.hash})"
    return Reading(Instruction(copy.keyword, arguments, copy.flags), Confidence.GUESSED, note)


def _stand_in(copy: HashedCopy, directory: str) -> str:
    """A name for the sources: what they are called where they went, as most keep their name."""
    destination = copy.destination.rstrip("/")
    name = destination.rsplit("/", 1)[-1]
    if copy.kind == "dir":
        if destination.startswith(_OF_OTHER_STAGES):
            return destination.lstrip("/")
        return "." if destination == directory or name in ("", ".", "..") else name
    is_renamed = copy.kind == "multi" or name in ("", ".", "..") or copy.destination.endswith("/")
    return f"{copy.kind}-{copy.hash[:12]}" if is_renamed else name


def classic_instruction(created_by: str, state: BuildState) -> Reading | None:
    """Read one row of the classic builder."""
    match = NOT_AN_OPERATION.match(created_by)
    if not match:
        return run_command(created_by, state) if created_by else None
    text = match["text"]
    copy = hashed_copy(text)
    return copy_instruction(copy, state.directory) if copy else printed_instruction(text, state)
