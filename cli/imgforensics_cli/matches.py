"""Matches of a search, written as they are found."""

import json
import sys
from collections.abc import Iterable
from enum import Enum, auto

from imgforensics.layer import Layer
from imgforensics.problems import Problem, display
from imgforensics.searching import Hit, Match
from imgforensics.serialise import (
    bytes_to_json,
    node_to_json,
    problem_to_json,
    text_or_none,
)
from imgforensics_cli.listing import node_facts
from imgforensics_cli.output import brief

_LAYERS_TOLD = 20


class Form(Enum):
    """How a match is written."""

    LINES = auto()
    """As text, with the line that matches."""
    LONG = auto()
    """With the facts of the version, too."""
    COUNT = auto()
    """Not at all: only how many there are."""
    NAMES = auto()
    """The path alone, raw, ended by a NUL."""
    JSON = auto()
    """One document to a line."""


class MatchWriter:
    """Writes matches to standard output at once, so that the first ones are seen early."""

    def __init__(self, form: Form, *, each_version_once: bool, verbose: bool) -> None:
        self.count = 0
        """Matches so far."""
        self._form = form
        self._once = each_version_once
        self._verbose = verbose
        self._seen: set[tuple[int | None, bytes]] = set()
        self._layers: dict[int, Layer] = {}

    def write(self, match: Match) -> None:
        """Write one, unless each version is to be told once and this one was."""
        if self._once:
            version = (match.version.layer, match.path)
            if version in self._seen:
                return
            self._seen.add(version)
        self.count += 1
        if match.layer is not None and len(self._layers) <= _LAYERS_TOLD:
            self._layers[match.layer.index] = match.layer
        if self._form is Form.COUNT:
            return
        if self._form is Form.NAMES:
            sys.stdout.buffer.write(b"/" + match.path + b"\0")
            sys.stdout.buffer.flush()
            return
        if self._form is Form.JSON:
            sys.stdout.write(json.dumps(match_to_json(match)) + "\n")
        else:
            self._write_text(match)
        sys.stdout.flush()

    def finish(self, problems: Iterable[Problem], *, quiet: bool) -> None:
        """Write what belongs behind the last match: the count, or problems.

        On a terminal, tell what made the layers that matches are in.
        """
        if self._form is Form.COUNT:
            sys.stdout.write(f"{self.count}\n")
        elif self._form is Form.JSON:
            for problem in problems:
                document = {"schema": "imgforensics.problem/1", **problem_to_json(problem)}
                sys.stdout.write(json.dumps(document) + "\n")
        elif self._form is Form.LINES and sys.stdout.isatty() and not quiet:
            sys.stdout.write("\n" if self._layers else "")
            for index, layer in sorted(self._layers.items())[:_LAYERS_TOLD]:
                sys.stdout.write(f"layer {index}: {_instruction(layer, verbose=self._verbose)}\n")

    def _write_text(self, match: Match) -> None:
        is_long = self._form is Form.LONG
        hit = None if self._once else match.hit
        found = _found(match, verbose=self._verbose) if is_long and hit is None else ""
        for line in _lines(match, hit, found, long=is_long):
            sys.stdout.write(line + "\n")


def _lines(match: Match, hit: Hit | None, found: str, *, long: bool) -> Iterable[str]:
    layer = "-" if match.layer is None else match.layer.index
    facts = f" {node_facts(match.version.node)}" if long else ""
    head = f"{layer:>3} {match.in_final_image:<7}{facts} {display(b'/' + match.path)}"
    if hit is None:
        yield head + found
        return
    head += "".join("!" + display(part) for part in hit.inside)
    if hit.line_number is None:
        yield f"{head}: binary file matches at offset {hit.offset}"
        return
    if hit.before or hit.after:
        yield "--"
    first = hit.line_number - len(hit.before)
    for number, line in enumerate(hit.before, first):
        yield f"{head}-{number}- {_text(line)}"
    yield f"{head}:{hit.line_number}: {_text(hit.line)}"
    for number, line in enumerate(hit.after, hit.line_number + 1):
        yield f"{head}-{number}- {_text(line)}"


def _found(match: Match, *, verbose: bool) -> str:
    findings = match.findings
    told = [f"{name}:{value}" for name, value in findings.hashes.items()]
    told += [display(text) for text in (findings.mime, findings.magic) if text is not None]
    if findings.entropy is not None:
        told.append(f"entropy {findings.entropy:.3f}")
    if match.layer is not None:
        told.append(_instruction(match.layer, verbose=verbose))
    return f" ({'; '.join(told)})" if told else ""


def _instruction(layer: Layer, *, verbose: bool) -> str:
    return brief(layer.created_by or "no instruction known", verbose=verbose)


def _text(line: bytes) -> str:
    return "\t".join(map(display, line.decode("utf-8", "backslashreplace").split("\t")))


def match_to_json(match: Match) -> dict[str, object]:
    """The document of one match (docs/cli.md)."""
    version, hit, findings = match.version, match.hit, match.findings
    return {
        "schema": "imgforensics.match/1",
        **node_to_json(version.path, version.node),
        "layer": version.layer,
        "digest": text_or_none(match.digest),
        "created_by": match.created_by,
        "in_final_image": match.in_final_image.value,
        "applied": version.is_applied,
        "hashes": dict(findings.hashes),
        "mime": findings.mime,
        "magic": findings.magic,
        "entropy": findings.entropy,
        "hit": None if hit is None else _hit_to_json(hit),
    }


def _hit_to_json(hit: Hit) -> dict[str, object]:
    return {
        "offset": hit.offset,
        "length": hit.length,
        "pattern": hit.pattern,
        "utf16": hit.is_wide,
        "line_number": hit.line_number,
        **bytes_to_json("line", hit.line),
        "before": [bytes_to_json("line", line) for line in hit.before],
        "after": [bytes_to_json("line", line) for line in hit.after],
        "inside": [bytes_to_json("name", name) for name in hit.inside],
    }
