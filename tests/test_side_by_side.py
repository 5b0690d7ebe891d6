"""Work side by side: in order, bounded, and ended with whoever asked for it."""

import os
import threading
import time
from collections.abc import Iterator

import pytest

from imgforensics.side_by_side import Check, side_by_side, worker_count

CORES = pytest.mark.parametrize("cores", [1, 2, 4, 64])


def cores_are(monkeypatch: pytest.MonkeyPatch, cores: int) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: cores)


@CORES
def test_results_come_in_order(monkeypatch: pytest.MonkeyPatch, cores: int) -> None:
    cores_are(monkeypatch, cores)

    def work(item: int, _check: Check) -> Iterator[int]:
        time.sleep(0.01 * (5 - item))
        yield from range(item, item + 1_000)

    found = {item: list(results) for item, results in side_by_side(range(5), work)}
    assert found == {item: list(range(item, item + 1_000)) for item in range(5)}
    assert list(found) == [0, 1, 2, 3, 4]


def test_items_are_worked_on_at_the_same_time(monkeypatch: pytest.MonkeyPatch) -> None:
    cores_are(monkeypatch, 4)
    together = threading.Barrier(2, timeout=10)

    def work(item: int, _check: Check) -> Iterator[int]:
        together.wait()
        yield item

    assert [list(results) for _, results in side_by_side(range(2), work)] == [[0], [1]]


@CORES
def test_what_work_raises_comes_in_its_place(monkeypatch: pytest.MonkeyPatch, cores: int) -> None:
    cores_are(monkeypatch, cores)

    def work(item: int, _check: Check) -> Iterator[int]:
        yield item
        if item == 1:
            raise ValueError(item)

    pairs = side_by_side(range(4), work)
    assert list(next(pairs)[1]) == [0]
    _, results = next(pairs)
    assert next(results) == 1
    with pytest.raises(ValueError, match="1"):
        next(results)
    pairs.close()


@CORES
def test_leaving_early_ends_the_threads(monkeypatch: pytest.MonkeyPatch, cores: int) -> None:
    cores_are(monkeypatch, cores)
    before = threading.active_count()

    def work(item: int, check: Check) -> Iterator[int]:
        yield item
        while item:
            check()
        yield from range(10**9)

    pairs = side_by_side(range(6), work)
    _, results = next(pairs)
    assert next(results) == 0
    pairs.close()
    assert threading.active_count() == before


def test_workers_are_as_many_as_cores_allow(monkeypatch: pytest.MonkeyPatch) -> None:
    counts = []
    for cores in (1, 2, 4, 64):
        cores_are(monkeypatch, cores)
        counts.append(worker_count(10))
    assert counts == [1, 1, 2, 4]
