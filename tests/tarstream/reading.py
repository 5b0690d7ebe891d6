"""Whole archives read at once, for tests."""

from collections.abc import Iterator
from typing import NamedTuple

from imgforensics.limits import DEFAULT_LIMITS, Limits
from imgforensics.problems import Problem, ProblemCode, ProblemLog
from imgforensics.tarstream.member import TarMember
from imgforensics.tarstream.reader import TarReader


class Reading(NamedTuple):
    members: list[TarMember]
    contents: list[bytes]
    problems: list[Problem]

    @property
    def names(self) -> list[bytes]:
        return [member.name for member in self.members]

    @property
    def codes(self) -> list[ProblemCode]:
        return [problem.code for problem in self.problems]


def split(data: bytes, size: int) -> Iterator[bytes]:
    for start in range(0, len(data), size):
        yield data[start : start + size]


def read(data: bytes, chunk: int = 1 << 20, limits: Limits = DEFAULT_LIMITS) -> Reading:
    log = ProblemLog()
    reader = TarReader(split(data, chunk), log, limits)
    members, contents = [], []
    for member in reader:
        members.append(member)
        contents.append(b"".join(reader.content()))
    assert reader.offset == len(data), "the input was not consumed to its end"
    return Reading(members, contents, list(log))


def only(data: bytes, chunk: int = 1 << 20) -> TarMember:
    """The one member of a sound archive."""
    reading = read(data, chunk)
    assert not reading.problems
    (member,) = reading.members
    return member
