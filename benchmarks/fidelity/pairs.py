"""An image and its true Dockerfile: what the truth is, and how near a recovered text comes."""

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.fidelity.alignment import Pairing, aligned
from benchmarks.fidelity.expansion import expanded, words
from benchmarks.fidelity.items import Item, items_of
from benchmarks.fidelity.statements import UNKNOWN, Statement, statements

_PLATFORM = {
    "TARGETPLATFORM": "linux/amd64",
    "TARGETOS": "linux",
    "TARGETARCH": "amd64",
    "TARGETVARIANT": "",
    "BUILDPLATFORM": "linux/amd64",
    "BUILDOS": "linux",
    "BUILDARCH": "amd64",
}
_PATHS = {
    "windows": "C:\\Windows\\system32;C:\\Windows",
    "linux": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
}
_SHELLS = {"windows": ["cmd", "/S", "/C"], "linux": ["/bin/sh", "-c"]}
_NOP = r"(?:/bin/sh -c #\(nop\)\s+)?"


@dataclass(frozen=True, slots=True)
class Pair:
    """A directory with `Dockerfile`, `config.json`, `meta.json` and, mostly, `image.tar`."""

    directory: Path
    config: Mapping[str, Any] = field(repr=False)
    meta: Mapping[str, Any] = field(repr=False)

    @classmethod
    def read(cls, directory: Path) -> "Pair":
        """Read the documents of a pair."""
        config = json.loads((directory / "config.json").read_text())
        return cls(directory, config, json.loads((directory / "meta.json").read_text()))

    @property
    def builder(self) -> str:
        """What built the image."""
        return str(self.meta["builder"])

    @property
    def image(self) -> Path | None:
        """The image; None where only its config is there."""
        path = self.directory / "image.tar"
        return path if path.exists() else None


def read_pairs(directory: Path) -> Iterator[Pair]:
    """Every pair of a directory, by name."""
    for path in sorted(directory.iterdir()):
        if (path / "meta.json").exists():
            yield Pair.read(path)


@dataclass(frozen=True, slots=True)
class Score:
    """What a recovered text is worth."""

    pair: Pair
    truth: tuple[Item, ...]
    recovered: tuple[Item, ...]
    pairings: tuple[Pairing, ...]
    parses: bool
    base_is_right: bool
    true_base: str

    @property
    def exact(self) -> float:
        """Paired items that mean the same."""
        return sum(each.truth.exact == each.recovered.exact for each in self.pairings)

    @property
    def normalised(self) -> float:
        """Paired items that mean the same but for what no builder keeps."""
        return sum(each.truth.normalised == each.recovered.normalised for each in self.pairings)

    @property
    def soft(self) -> float:
        """Likeness of all pairs."""
        return sum(each.likeness for each in self.pairings)


def score(pair: Pair, text: str) -> Score:
    """Compare a recovered Dockerfile with the true one."""
    given = dict(each.split("=", 1) for each in pair.meta.get("build_args") or [] if "=" in each)
    truth = statements((pair.directory / "Dockerfile").read_text())
    base, stage, globally = _final_stage(truth, given)
    system = "windows" if pair.config.get("os") == "windows" else "linux"
    environment = {**_PLATFORM, "PATH": _PATHS[system], **_of_base(pair, "ENV", r"(\w+)=(.*)")}
    _add_arguments(environment, stage, given, globally)
    directory = _of_base(pair, "WORKDIR", r"()(.*)").get("", "/").strip()
    found = statements(text)
    found_base, found_stage, _ = _final_stage(found, given)
    true_items = items_of(stage, environment, _SHELLS[system], directory)
    own = found if found_base is None else found_stage
    found_items = items_of(own, environment, _SHELLS[system], directory)
    return Score(
        pair,
        tuple(true_items),
        tuple(found_items),
        tuple(aligned(true_items, found_items)),
        _parses(text, found),
        familiar(found_base) == familiar(base),
        familiar(base),
    )


def familiar(name: str | None) -> str:
    """An image's name as people write it."""
    bare = re.sub(r"^(docker\.io/)?(library/)?", "", (name or "").split("@")[0])
    return bare.replace(":latest", "")


def _of_base(pair: Pair, keyword: str, pattern: str) -> dict[str, str]:
    """What the base's rows set: names and values of an instruction, roughly read."""
    rows = (pair.config.get("history") or [])[: pair.meta["base_history_len"]]
    matches = (
        re.match(rf"{_NOP}{keyword} {pattern}", row.get("created_by") or "", re.DOTALL)
        for row in rows
    )
    return {match[1]: match[2] for match in matches if match}


def _add_arguments(
    environment: dict[str, str],
    stage: Iterable[Statement],
    given: Mapping[str, str],
    globally: Mapping[str, str],
) -> None:
    for statement in stage:
        for word in words(statement.arguments) if statement.keyword == "ARG" else ():
            name, is_set, _ = word.partition("=")
            if name in given:
                environment[name] = given[name]
            elif not is_set and name in globally:
                environment.setdefault(name, globally[name])


def _final_stage(
    found: Sequence[Statement], given: Mapping[str, str]
) -> tuple[str | None, list[Statement], dict[str, str]]:
    """The last stage, and those that it is built from: its base, its statements, global ARGs."""
    globally = dict(_PLATFORM)
    bases: list[str] = []
    names: list[str | None] = []
    bodies: list[list[Statement]] = []
    for statement in found:
        if statement.keyword == "FROM":
            parts = words(statement.arguments)
            bases.append(expanded(parts[0], globally))
            is_named = len(parts) > 2 and parts[1].lower() == "as"
            names.append(parts[2].lower() if is_named else None)
            bodies.append([])
        elif bodies:
            bodies[-1].append(statement)
        elif statement.keyword == "ARG":
            for word in words(statement.arguments):
                name, is_set, value = word.partition("=")
                default = expanded(value, globally) if is_set else ""
                globally[name] = given.get(name, default)
    if not bodies:
        return None, [], globally
    chain = [len(bodies) - 1]
    while (below := _named(names[: chain[-1]], bases[chain[-1]])) is not None:
        chain.append(below)
    return bases[chain[-1]], [each for at in reversed(chain) for each in bodies[at]], globally


def _named(names: Sequence[str | None], base: str) -> int | None:
    return names.index(base.lower()) if base.lower() in names else None


def _parses(text: str, found: Sequence[Statement]) -> bool:
    """Whether BuildKit's own parser takes the text, and it begins as a Dockerfile must."""
    import dockerfile  # noqa: PLC0415

    try:
        dockerfile.parse_string(text)
    except (ValueError, dockerfile.GoParseError):
        return False
    starts = bool(found) and found[0].keyword in ("FROM", "ARG")
    return starts and all(each.keyword != UNKNOWN for each in found)


@dataclass(frozen=True, slots=True)
class Total:
    """Scores of several pairs, summed over their items."""

    pairs: int
    truth: int
    recovered: int
    exact: float
    normalised: float
    soft: float
    parses: float
    base_is_right: float

    @classmethod
    def of(cls, scores: Sequence[Score]) -> "Total":
        """Sum up; of no pairs at all, everything is 0."""
        count = max(1, len(scores))
        return cls(
            len(scores),
            sum(len(each.truth) for each in scores),
            sum(len(each.recovered) for each in scores),
            sum(each.exact for each in scores),
            sum(each.normalised for each in scores),
            sum(each.soft for each in scores),
            sum(each.parses for each in scores) / count,
            sum(each.base_is_right for each in scores) / count,
        )

    def f1(self, hits: float) -> float:
        """The harmonic mean of precision and recall."""
        return 2 * hits / max(1, self.truth + self.recovered)


def by_keyword(scores: Iterable[Score]) -> list[tuple[str, int, int, float, float]]:
    """For each instruction: how many there were, were recovered, exact share, normalised share."""
    true, recovered, exact, normalised = (
        Counter[str](),
        Counter[str](),
        Counter[str](),
        Counter[str](),
    )
    for each in scores:
        true.update(item.keyword for item in each.truth)
        recovered.update(item.keyword for item in each.recovered)
        for one, other, _ in each.pairings:
            exact[one.keyword] += one.exact == other.exact
            normalised[one.keyword] += one.normalised == other.normalised
    return [
        (name, count, recovered[name], exact[name] / count, normalised[name] / count)
        for name, count in true.most_common()
    ]
