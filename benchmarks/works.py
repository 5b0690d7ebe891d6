"""What is measured: each piece of work, its rows (ours first), and the most each may take."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from benchmarks import peers
from benchmarks.goals import Difference, Goal, Growth, NoGoal, Peak, Ratio, Wall
from benchmarks.inputs import ImageInput, Inputs
from benchmarks.measure import Contestant

_EXTRACT_PEAK_MB = 100


@dataclass(frozen=True, slots=True)
class Row:
    """One command of a piece of work."""

    contestant: Contestant
    goal: Goal = field(default_factory=NoGoal)


@dataclass(frozen=True, slots=True)
class Work:
    """One piece of work."""

    name: str
    """As `--only` takes it."""
    title: str
    rows: Callable[[Inputs], Sequence[Row]]
    """All of them, those of absent peers too; the first is ours."""
    rounds_factor: int = 1
    """More rounds for what takes a tenth of a second and would drown in noise."""


def _extract_gzip(inputs: Inputs) -> Sequence[Row]:
    image = inputs.ten_layers("gzip")
    return (
        Row(peers.our_extract(image), Peak(_EXTRACT_PEAK_MB)),
        Row(peers.umoci_unpack(image), Ratio(0.30)),
        Row(peers.tar_extract(image, "-I", "igzip", needs=["igzip"]), Ratio(1.05)),
        Row(peers.tar_extract(image, "-z", needs=["gzip"]), Ratio()),
    )


def _extract_zstd(inputs: Inputs) -> Sequence[Row]:
    image = inputs.ten_layers("zstd")
    return (
        Row(peers.our_extract(image), Peak(_EXTRACT_PEAK_MB)),
        Row(peers.tar_extract(image, "--zstd", needs=["zstd"]), Ratio(1.3)),
    )


def _extract_docker(inputs: Inputs) -> Sequence[Row]:
    image = inputs.ten_layers("none")
    return (
        Row(peers.our_extract(image), Peak(_EXTRACT_PEAK_MB)),
        Row(peers.tar_extract(image), Ratio(1.1)),
    )


def _extract_small(inputs: Inputs) -> Sequence[Row]:
    image = inputs.small_files()
    return Row(peers.our_extract(image)), Row(peers.tar_extract(image), Ratio(1.45))


def _list_gzip(inputs: Inputs) -> Sequence[Row]:
    image = inputs.ten_layers("gzip")
    return (
        Row(peers.our_list(image)),
        Row(peers.tar_list(image, "-tvz", needs=["gzip"]), Ratio(0.40)),
    )


def _list_small(inputs: Inputs) -> Sequence[Row]:
    image = inputs.small_files()
    return Row(peers.our_list(image)), Row(peers.tar_list(image, "-tv"), Ratio())


def _scan(image: ImageInput) -> Sequence[Row]:
    return Row(peers.our_scan(image)), Row(peers.tar_list(image, "-tv"), Ratio(1.8))


def _inspect(inputs: Inputs) -> Sequence[Row]:
    image = inputs.ten_layers("gzip")
    return Row(peers.our_inspect(image)), Row(peers.python_line("pass"), Difference(0.25))


def _import(_inputs: Inputs) -> Sequence[Row]:
    return (
        Row(peers.python_line("import imgforensics"), Wall(0.080)),
        Row(peers.python_line("pass"), Difference()),
    )


def _snapshots(inputs: Inputs) -> Sequence[Row]:
    return (Row(peers.our_snapshots(inputs.ten_layers("gzip")), Peak(200)),)


def _entries(inputs: Inputs) -> Sequence[Row]:
    return (Row(peers.our_entries(inputs.without_content()[-1]), Peak(300)),)


def _growth(inputs: Inputs, images: Sequence[ImageInput]) -> Sequence[Row]:
    smallest = images[0].members
    return (
        Row(peers.our_everything(inputs.next_to_nothing())),
        *(Row(peers.our_everything(image), Growth(image.members, smallest)) for image in images),
    )


WORKS = (
    Work(
        "extract-gzip", "extract the gzip image, every digest and diff_id verified", _extract_gzip
    ),
    Work("extract-zstd", "extract the same image in zstd", _extract_zstd),
    Work("extract-docker", "extract the same, uncompressed `docker save`", _extract_docker),
    Work("extract-small", "extract one uncompressed layer of small files", _extract_small),
    Work("list-gzip", "list all entries of all layers of the gzip image, verified", _list_gzip),
    Work("list-small", "list the uncompressed layer of small files, verified", _list_small),
    Work(
        "scan",
        "scan headers of that layer, checksums verified",
        lambda inputs: _scan(inputs.small_files()),
        rounds_factor=2,
    ),
    Work(
        "scan-pax",
        "the same with a PAX header ahead of each member",
        lambda inputs: _scan(inputs.small_files(pax=True)),
        rounds_factor=2,
    ),
    Work("inspect", "inspect the gzip image, no layer read", _inspect, rounds_factor=4),
    Work("import", "import the library, whole process", _import, rounds_factor=4),
    Work("snapshots", "hold the trees after each of the ten layers", _snapshots),
    Work("entries", "hold all entries", _entries),
    Work(
        "growth-members",
        "entries, tree and its paths: more members",
        lambda inputs: _growth(inputs, inputs.without_content()),
        rounds_factor=6,
    ),
    Work(
        "growth-layers",
        "the same: more layers",
        lambda inputs: _growth(inputs, inputs.many_layers()),
        rounds_factor=6,
    ),
)
