"""`verify`: everything that an image declares of its bytes, against the bytes."""

from collections.abc import Iterator
from itertools import groupby, islice
from typing import Any

from imgforensics.filesystem.ambiguity import Ambiguity
from imgforensics.image import Image
from imgforensics.opening import Need
from imgforensics.problems import Severity
from imgforensics.serialise import (
    host_name_to_json,
    identity_to_json,
    node_to_json,
    path_to_json,
    problem_to_json,
)
from imgforensics.verification import Check, Verification, verify
from imgforensics_cli.failures import Status
from imgforensics_cli.output import counted, write_document, write_lines
from imgforensics_cli.progress import counting
from imgforensics_cli.request import Request

EXAMPLES = (
    "imgforensics verify suspect.tar",
    "docker save web | imgforensics verify -",
)

_AMBIGUITIES_SHOWN = 20


def run(request: Request) -> int:
    """Check every digest, size and diff_id, and that manifest, config and layers agree.

    All mismatches are reported, not only the first, and the paths that engines would show
    differently. The exit status is 0 if all that is declared holds, 1 if anything does not.
    """
    with request.open(Need.ENTRIES) as image:
        with counting(len(image.layers), "layers", shown=not request.quiet) as advance:
            outcome = verify(image, lambda _: advance(1))
        if request.json:
            _write_json(image, outcome)
        else:
            write_lines(_lines(outcome, quiet=request.quiet))
        request.conclude(outcome.problems)
        return Status.DONE if outcome.is_verified else Status.NO


def _lines(outcome: Verification, *, quiet: bool) -> Iterator[str]:
    for subject, checks in groupby(outcome.checks, key=lambda check: check.subject):
        told = list(checks)
        if not quiet or not all(check.holds for check in told):
            yield f"{subject}: " + "; ".join(map(_told, told))
    for ambiguity in islice(outcome.ambiguities, _AMBIGUITIES_SHOWN):
        yield f"ambiguous: {ambiguity}"
    more = len(outcome.ambiguities) - _AMBIGUITIES_SHOWN
    if more > 0:
        yield f"ambiguous: {more} more; --json lists them"
    yield _verdict(outcome)


def _told(check: Check) -> str:
    if not check.holds:
        found = check.found or "nothing: it is not in the source"
        return f"{check.aspect} FAILED: declared {check.declared}, found {found}"
    return f"{check.aspect} {'ok' if check.declared else 'not declared'}"


def _verdict(outcome: Verification) -> str:
    if outcome.is_verified:
        return _what_holds(outcome)
    failed = counted(len(outcome.failures), "check")
    errors = [problem for problem in outcome.problems if problem.severity is Severity.ERROR]
    return f"NOT verified: {failed} failed, {counted(len(errors), 'error')} found"


def _what_holds(outcome: Verification) -> str:
    declared = sum(check.declared is not None for check in outcome.checks)
    if not declared:
        return "nothing is declared that could be verified"
    undeclared = len(outcome.checks) - declared
    rest = f", {undeclared:,} not declared" if undeclared else ""
    return f"verified: {counted(declared, 'check')} {'holds' if declared == 1 else 'hold'}{rest}"


def _write_json(image: Image, outcome: Verification) -> None:
    facts = {
        **host_name_to_json("source", image.source.description),
        "image": identity_to_json(image.record),
        "verified": outcome.is_verified,
        "checks": map(_check_to_json, outcome.checks),
        "ambiguities": map(_ambiguity_to_json, outcome.ambiguities),
        "problems": map(problem_to_json, outcome.problems),
    }
    write_document("verify", facts)


def _check_to_json(check: Check) -> dict[str, Any]:
    return {
        "subject": check.subject,
        "aspect": check.aspect,
        "declared": check.declared,
        "found": check.found,
        "holds": None if check.declared is None else check.holds,
    }


def _ambiguity_to_json(ambiguity: Ambiguity) -> dict[str, Any]:
    path = ambiguity.path
    node, other = ambiguity.node, ambiguity.other_node
    return {
        **path_to_json(path),
        "rules": ambiguity.rules,
        "shows": node_to_json(path, node) if node else None,
        "other_rules": ambiguity.other_rules,
        "other_shows": node_to_json(path, other) if other else None,
    }
