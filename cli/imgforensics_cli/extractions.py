"""What is told of an extraction: what was written, how it differs, and where the record is."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from imgforensics.errors import LimitExceededError, OutputFailedError
from imgforensics.extraction import ExtractionRecord
from imgforensics.problems import display
from imgforensics_cli.failures import Status, Terminated
from imgforensics_cli.output import counted, human_size, say, write_json, write_lines
from imgforensics_cli.request import Request


@contextmanager
def telling_of_partial(target: Path | None) -> Iterator[None]:
    """Tell where the partial result is, when the work ends early and leaves one."""
    try:
        yield
    except (KeyboardInterrupt, Terminated, LimitExceededError, OutputFailedError):
        if target is not None:
            partial = target.with_name(target.name + ".partial")
            if partial.exists():
                say(f"what was written so far is in {display(str(partial))}")
        raise


def conclude(
    request: Request,
    done: ExtractionRecord,
    target: Path | None,
    *,
    record: Path | None = None,
    status: Status = Status.DONE,
) -> Status:
    """Tell what was done, and the problems; the exit status.

    `target` is absolute, or None for standard output; `record` is a further record's place.
    """
    if request.json:
        write_json(done.to_json())
    elif not request.quiet:
        lines = _summary(done, target, record)
        if target is None:
            for line in lines:
                say(line)
        else:
            write_lines(lines)
    status = request.conclude(done.problems, status)
    if not done.is_complete:
        say(f"error: incomplete; what could be written is in {display(done.output)}")
    return status


def _summary(done: ExtractionRecord, target: Path | None, record: Path | None) -> Iterator[str]:
    where = display(done.output) if target else "standard output"
    counts = ", ".join(counted(count, kind) for kind, count in sorted(done.counts.items()))
    yield f"wrote {where}: {human_size(done.content_bytes)} in {counts or 'no entries'}"
    reasons = Counter(deviation.reason.value for deviation in done.deviations)
    if reasons:
        told = ", ".join(f"{count:,} {reason}" for reason, count in reasons.most_common())
        yield f"not as stored: {told}"
    if target is not None:
        beside = target.with_name(target.name + ".extraction.json")
        yield f"record: {display(str(beside))}"
    if record is not None:
        yield f"record: {display(str(record))}"
