"""What stands for a layer that no instruction tells of: its files, copied."""

from collections.abc import Iterable, Sequence

from imgforensics.dockerfile.history.rows import Row
from imgforensics.dockerfile.instruction import (
    Confidence,
    Evidence,
    Instruction,
    RecoveredInstruction,
)
from imgforensics.dockerfile.recovered import Builder


def with_equivalents(
    rows: Sequence[Row], layers: Iterable[int]
) -> tuple[RecoveredInstruction, ...]:
    """The instructions of these rows, and a COPY for each of these layers that none made.

    Such a COPY takes its files from `layer-N/` in the build context.
    """
    untold = sorted(set(layers) - {row.layer for row in rows if row.reading})
    found: list[RecoveredInstruction] = []
    for row in rows:
        instruction = row.recovered()
        if instruction is None and row.layer in untold:
            instruction = _copy_of(row.layer, _note_of(row))
        if row.layer is not None:
            found += [_copy_of(layer) for layer in untold if layer < row.layer]
            untold = [layer for layer in untold if layer > row.layer]
        found += [instruction] if instruction else []
    return (*found, *map(_copy_of, untold))


def _copy_of(
    layer: int, note: str = "no history row tells how it was made"
) -> RecoveredInstruction:
    return RecoveredInstruction(
        Instruction("COPY", f"layer-{layer}/ /"),
        Evidence.LAYER,
        Confidence.GUESSED,
        layer=layer,
        note=f"an equivalent, by the files of layer {layer}: {note}",
    )


def _note_of(row: Row) -> str:
    text = " ".join((row.entry.created_by or row.entry.comment or "").split())
    maker = "" if row.builder is Builder.UNKNOWN else f"made by {row.builder}"
    return ": ".join(filter(None, (maker, text[:200]))) or "no history row tells how it was made"
