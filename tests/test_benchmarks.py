"""The benchmarks run, check what they time, and judge it rightly: all of it on tiny inputs."""

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from benchmarks.checks import check
from benchmarks.goals import Difference, Goal, Growth, Peak, Ratio, Wall
from benchmarks.inputs import Inputs, Sizes
from benchmarks.measure import BenchmarkError, Contestant, Run, Timing, Trace
from benchmarks.report import BEGIN, END, write_docs

ROOT = Path(__file__).parent.parent
WORKS = ("extract-docker", "scan-pax", "growth-members")
TINY = Sizes(image_mb=30, files=50, members=500, layers=2)


def timing(*runs: tuple[float, float, int]) -> Timing:
    """Wall seconds, CPU seconds and peak bytes of each round."""
    return Timing(Contestant("any", lambda _: ()), tuple(Run(*run) for run in runs))


def walls(*seconds: float) -> Timing:
    return timing(*((wall, 0.0, 0) for wall in seconds))


def processor(*seconds: float) -> Timing:
    return timing(*((0.0, cpu, 0) for cpu in seconds))


def test_a_run_measures_checks_and_writes_down_what_it_was_asked_for(tmp_path: Path) -> None:
    only = [argument for work in WORKS for argument in ("--only", work)]
    sizes = ["--size-mb", "30", "--files", "50", "--members", "500", "--rounds", "1"]
    places = {"--workdir": "inputs", "--results": "results"}
    options = [word for option, name in places.items() for word in (option, str(tmp_path / name))]
    done = subprocess.run(
        [sys.executable, str(ROOT / "benchmarks" / "run.py"), *only, *sizes, *options],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "| `imgforensics extract` |" in done.stdout
    assert " limits met" in done.stdout
    results = [json.loads(path.read_text()) for path in (tmp_path / "results").iterdir()]
    assert {result["work"] for result in results} == set(WORKS)
    for result in results:
        assert result["machine"]["cores"] >= 1
        assert len(result["rows"]) >= 2
        assert "finding" in result["rows"][-1] or "absent" in result["rows"][-1]
        for row in result["rows"]:
            assert "absent" in row or all(run["wall_seconds"] > 0 for run in row["runs"])


def test_searches_are_measured_too(tmp_path: Path) -> None:
    sizes = ["--size-mb", "30", "--files", "50", "--members", "500", "--rounds", "1"]
    places = ["--workdir", str(tmp_path / "inputs"), "--results", str(tmp_path / "results")]
    done = subprocess.run(
        [sys.executable, str(ROOT / "benchmarks" / "search.py"), *sizes, *places],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "find a name in all layers" in done.stdout
    assert len(list((tmp_path / "results").iterdir())) == 4


def test_the_same_sizes_give_the_same_bytes(tmp_path: Path) -> None:
    first, second = (Inputs(tmp_path / name, TINY) for name in ("first", "second"))
    assert first.small_files(pax=True).layers == second.small_files(pax=True).layers
    assert first.many_layers()[-1].layers == second.many_layers()[-1].layers


def test_an_input_that_is_there_is_not_built_again(tmp_path: Path) -> None:
    inputs = Inputs(tmp_path, TINY)
    built = inputs.next_to_nothing()
    before = built.path.stat().st_mtime_ns
    assert inputs.next_to_nothing() == built
    assert built.path.stat().st_mtime_ns == before


@pytest.mark.parametrize(
    ("goal", "row", "rows", "value", "met"),
    [
        # The median of 1/2, 3/2 and 9/10, not the ratio of the medians.
        (Ratio(0.9), walls(2, 2, 10), [walls(1, 3, 9)], 0.9, True),
        (Ratio(0.89), walls(2, 2, 10), [walls(1, 3, 9)], 0.9, False),
        (Ratio(), walls(2), [walls(1)], 0.5, None),
        (Difference(0.25), walls(0.5, 1.0, 0.0), [walls(0.75, 1.25, 9)], 0.25, True),
        (Wall(0.08), walls(0.07, 0.09, 0.10), [], 0.09, False),
        (Peak(100), timing((1, 1, 90_000_000), (1, 1, 101_000_000)), [], 101, False),
    ],
)
def test_a_figure_is_compared_with_its_limit(
    goal: Goal, row: Timing, rows: Sequence[Timing], value: float, met: bool | None
) -> None:
    found = goal.finding(row, [*rows, row])
    assert found is not None
    assert found.value == pytest.approx(value)
    assert found.met is met


@pytest.mark.parametrize(
    ("seconds", "value", "met"), [(10.1, 0.0, True), (11.5, 0.14, True), (8.4, -0.17, False)]
)
def test_growth_leaves_the_start_out(seconds: float, value: float, met: bool) -> None:
    start, smallest, large = processor(0.1), processor(1.1), processor(seconds)
    found = Growth(members=1_000, smallest=100).finding(large, [start, smallest, large])
    assert found.value == pytest.approx(value)
    assert found.met is met


def test_a_tree_that_is_not_the_images_is_an_error(tmp_path: Path) -> None:
    image = Inputs(tmp_path / "inputs", TINY).next_to_nothing()
    target = tmp_path / "target"
    target.mkdir()
    contestant = Contestant("any", lambda _: (), image, checked=True)
    with pytest.raises(BenchmarkError, match=r"any: paths and bytes of files: \(0, 0\), not"):
        check(contestant, Trace(target, tmp_path / "output"))


@pytest.mark.parametrize(
    "contestant",
    [
        Contestant("any", lambda _: (), says="3 members"),
        Contestant("any", lambda _: (), least_lines=2),
    ],
)
def test_an_answer_that_is_not_the_known_one_is_an_error(
    contestant: Contestant, tmp_path: Path
) -> None:
    output = tmp_path / "output"
    output.write_text("2 members\n")
    with pytest.raises(BenchmarkError, match="any: "):
        check(contestant, Trace(tmp_path, output))


def test_only_what_is_between_the_markers_is_replaced(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n")
    write_docs(page, "new")
    assert page.read_text() == f"before\n{BEGIN}\nnew\n{END}\nafter\n"
    page.write_text("nothing")
    with pytest.raises(BenchmarkError, match="lacks the markers"):
        write_docs(page, "new")


def test_the_benchmark_of_diff_finds_what_was_changed(tmp_path: Path) -> None:
    sizes = ["--files", "3000", "--rounds", "1", "--workdir", str(tmp_path)]
    done = subprocess.run(
        [sys.executable, str(ROOT / "benchmarks" / "diff.py"), "--only", "snapshots", *sizes],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode in (0, 1), done.stderr) == (True, "")
    assert "snapshots of 3,000 files: " in done.stdout
