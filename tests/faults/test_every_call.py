"""Every call that writes fails, is interrupted, or is the last one: nothing half looks whole."""

import errno
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from imgforensics import Image, open_image
from imgforensics.errors import OutputFailedError
from tests.conformance.tree_facts import Tree, compare
from tests.faults.calls import counted
from tests.faults.everything import FORMS, record_of, shown, write_image, written
from tests.faults.leftovers import half_looking, make_older_result

STEP = {"extract": 5, "layers": 7, "tar": 1}
"""Calls from one that fails to the next, coprime to what repeats; the soak takes every one."""
ATTRIBUTES = ("mode", "uid", "gid", "mtime_ns", "xattrs")
ERRORS = (errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EMFILE)


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Image]:
    folder = tmp_path_factory.mktemp("image")
    with open_image(write_image(folder / "image.tar")) as opened:
        yield opened


@pytest.fixture(scope="module", params=FORMS)
def whole(
    request: pytest.FixtureRequest, image: Image, tmp_path_factory: pytest.TempPathFactory
) -> tuple[str, Tree]:
    """A form, and what it writes."""
    return request.param, written(request.param, image, tmp_path_factory.mktemp("whole") / "folder")


def numbers(form: str, image: Image, folder: Path, *, force: bool = False) -> range:
    """The calls of a run that goes well."""
    folder.mkdir()
    with counted() as calls:
        FORMS[form](image, folder / "out", force=force)
    assert calls.count > 5
    return range(0, calls.count, STEP[form])


def test_a_call_that_fails(whole: tuple[str, Tree], image: Image, tmp_path: Path) -> None:
    """It ends the work, and says why; or an attribute is not restored, and that is recorded."""
    form, expected = whole
    for at in numbers(form, image, tmp_path / "first"):
        output = tmp_path / f"at-{at}" / "out"
        output.parent.mkdir()
        reason = os.strerror(ERRORS[at % len(ERRORS)])
        failed = failure_of(form, image, output, at)
        if failed is not None:
            assert reason in str(failed), at
            assert not output.exists(), at
        else:
            assert_whole_but_for_attributes(output, expected, reason)


def failure_of(form: str, image: Image, output: Path, at: int) -> OutputFailedError | None:
    def fail() -> None:
        number = ERRORS[at % len(ERRORS)]
        raise OSError(number, os.strerror(number))

    try:
        with counted(at, fail):
            FORMS[form](image, output)
    except OutputFailedError as error:
        return error
    return None


def assert_whole_but_for_attributes(output: Path, expected: Tree, reason: str) -> None:
    record = record_of(output)
    assert record["complete"]
    assert not compare(expected, shown(output)) or reason in str(record["deviations"])
    assert not compare(expected, shown(output), ignore=ATTRIBUTES)


@pytest.mark.parametrize("force", [False, True])
def test_an_interrupt_at_any_call(
    force: bool, whole: tuple[str, Tree], image: Image, tmp_path: Path
) -> None:
    """And nothing stays open."""
    form, expected = whole

    def interrupt() -> None:
        raise KeyboardInterrupt

    for at in numbers(form, image, tmp_path / "first"):
        output = tmp_path / f"at-{at}" / "out"
        prepare(output, force=force)
        before = descriptors()
        with counted(at, interrupt), pytest.raises(KeyboardInterrupt):
            FORMS[form](image, output, force=force)
        assert descriptors() == before, at
        assert not half_looking(output, expected, older=force)


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - of this very process


def prepare(output: Path, *, force: bool) -> None:
    output.parent.mkdir()
    if force:
        make_older_result(output)


@pytest.mark.parametrize("force", [False, True])
def test_a_kill_at_any_call(
    force: bool, whole: tuple[str, Tree], image: Image, tmp_path: Path
) -> None:
    """And the next run ends well."""
    form, expected = whole
    for at in numbers(form, image, tmp_path / "first"):
        output = tmp_path / f"at-{at}" / "out"
        prepare(output, force=force)
        assert killed(form, image, output, at, force=force)
        assert not half_looking(output, expected, older=force)
        FORMS[form](image, output, force=True)
        assert not compare(expected, shown(output))
        assert len(list(output.parent.iterdir())) == 2


def killed(form: str, image: Image, output: Path, at: int, *, force: bool) -> bool:
    """Whether a child that is killed at that call was."""
    child = os.fork()
    if not child:
        try:
            with counted(at, lambda: os.kill(os.getpid(), signal.SIGKILL)):
                FORMS[form](image, output, force=force)
        finally:
            os._exit(1)
    return os.WIFSIGNALED(os.waitpid(child, 0)[1])
