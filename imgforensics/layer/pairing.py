"""Whether the layers that were read are those declared in their places, or in others."""

from collections.abc import Callable, Iterator, Sequence

from imgforensics.digests import Digest
from imgforensics.layer.layer import Layer
from imgforensics.layer.stream import LayerFacts
from imgforensics.problems import Problem, ProblemCode


def mispaired(layers: Sequence[Layer]) -> Iterator[Problem]:
    """Tell each layer read whose bytes are declared of other layers, and not of itself.

    What hashes to nothing that is declared is damage or another image's; what hashes to a
    neighbour's diff_id was put in another order, by a manifest, a config or an archive.
    """
    yield from _mispaired(
        layers, "diff_id", lambda layer: layer.diff_id, lambda facts: facts.diff_id
    )
    yield from _mispaired(layers, "digest", lambda layer: layer.digest, lambda facts: facts.digest)


def _mispaired(
    layers: Sequence[Layer],
    aspect: str,
    declared_of: Callable[[Layer], Digest | None],
    found_in: Callable[[LayerFacts], Digest],
) -> Iterator[Problem]:
    owners: dict[Digest, list[int]] = {}
    for layer in layers:
        declared = declared_of(layer)
        if declared is not None:
            owners.setdefault(declared, []).append(layer.index)
    for layer in layers:
        if not layer.is_scanned:
            continue
        found = found_in(layer.scan().facts)
        if declared_of(layer) not in (None, found) and found in owners:
            others = ", ".join(map(str, owners[found]))
            yield Problem(
                ProblemCode.LAYERS_MISPAIRED,
                layer.where,
                f"its {aspect}, as computed, is declared of layer {others}: {found}",
                "applied in the place that the manifest gives it",
            )
