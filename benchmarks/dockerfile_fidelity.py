#!/usr/bin/env python3
"""How true recovered Dockerfiles are, on pairs of an image and the Dockerfile it was built from.

    python benchmarks/dockerfile_fidelity.py --pairs DIR [--worst 10]

The recovery sees the image, or its config where the pair has no image, and nothing else. Needs
the package `dockerfile` (BuildKit's own parser). Exit status 1 when a floor is missed.
"""

import argparse
import hashlib
import json
import sys
import tempfile
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

from benchmarks.fidelity.bases import is_told_by  # noqa: E402
from benchmarks.fidelity.pairs import Pair, Score, Total, by_keyword, familiar, read_pairs, score  # noqa: E402
from imgforensics import open_image, recover_dockerfile  # noqa: E402
from imgforensics.dockerfile import RecoveredDockerfile  # noqa: E402

_ALL, _REAL_WORLD = "all", "real-world"
NORMALISED_FLOORS = {
    _ALL: 0.95,
    "buildkit": 0.99,
    "classic": 0.96,
    "buildah": 0.90,
    "kaniko": 0.85,
    _REAL_WORLD: 0.90,
}
EXACT_FLOOR = 0.90
PARSES_FLOOR = 1.0
STATED_BASES_FLOOR = 1.0
LISTED_BASES_FLOOR = 0.7
PUBLIC_TOOLS = {"Whaler": 0.442, "dedockify": 0.168, "trivy's converter": 0.599}
"""Normalised F1 of ports of the public tools on the development pairs."""


class Judged(NamedTuple):
    """A pair's score, and what became of its true base's name."""

    score: Score
    is_base_listed: bool
    """Whether it is among the names that were listed."""
    is_base_stated: bool
    """Whether the image says outright what its base is."""
    is_base_told: bool
    """Whether the image's documents have the parts of the name at all."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Score every pair and print the tables."""
    options = _options(arguments)
    judged = [judge(pair) for pair in read_pairs(options.pairs)]
    scores = [each.score for each in judged]
    if not scores:
        print(f"{options.pairs}: no pairs", file=sys.stderr)
        return 2
    groups = _groups(scores)
    _print_groups(groups)
    _print_keywords(scores)
    _print_bases(judged)
    for name, figure in PUBLIC_TOOLS.items():
        print(f"{name + ', normalised F1':38s} {figure:.3f}")
    for each in sorted(scores, key=_normalised)[: options.worst]:
        print(f"{each.pair.directory.name:38s} {_normalised(each):.3f}")
    missed = [*missed_floors(groups), *missed_bases(judged)]
    for sentence in missed:
        print(f"below the floor: {sentence}", file=sys.stderr)
    return 1 if missed else 0


def judge(pair: Pair) -> Judged:
    """Recover the Dockerfile of a pair's image, and score it."""
    recovered = recover(pair)
    result = score(pair, str(recovered))
    names = {familiar(each.name) for each in recovered.base_names}
    is_stated = recovered.base.score == 1
    is_told = is_stated or is_told_by(pair.config, result.true_base)
    return Judged(result, result.true_base in names, is_stated, is_told)


def recover(pair: Pair) -> RecoveredDockerfile:
    """What the library makes of a pair's image."""
    if pair.image is not None:
        with open_image(pair.image) as image:
            return recover_dockerfile(image)
    with tempfile.TemporaryDirectory(prefix="fidelity-") as directory:
        _write_layout(Path(directory), pair)
        with open_image(Path(directory)) as image:
            return recover_dockerfile(image)


def missed_floors(groups: dict[str, list[Score]]) -> list[str]:
    """Every floor that is not reached, as a sentence."""
    missed = []
    for name, floor in NORMALISED_FLOORS.items():
        total = Total.of(groups.get(name, []))
        found = total.f1(total.normalised)
        if total.pairs and round(found, 3) < floor:
            missed.append(f"normalised F1 of {name}: {found:.3f}, at least {floor}")
    total = Total.of(groups[_ALL])
    if round(total.f1(total.exact), 3) < EXACT_FLOOR:
        missed.append(f"exact F1: {total.f1(total.exact):.3f}, at least {EXACT_FLOOR}")
    if total.parses < PARSES_FLOOR:
        missed.append(f"parses: {total.parses:.3f}, at least {PARSES_FLOOR}")
    return missed


def missed_bases(judged: Sequence[Judged]) -> list[str]:
    """Every floor of bases that is not reached, as a sentence."""
    missed = []
    stated = [each for each in judged if each.is_base_stated]
    right = sum(each.score.base_is_right for each in stated)
    if right < STATED_BASES_FLOOR * len(stated):
        missed.append(f"bases that are stated, right: {right} of {len(stated)}, all")
    listed = sum(each.score.base_is_right or each.is_base_listed for each in judged)
    if listed < LISTED_BASES_FLOOR * len(judged):
        share = f"{listed / len(judged):.2f}, at least {LISTED_BASES_FLOOR}"
        missed.append(f"bases right or among the listed names: {share}")
    return missed


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--pairs", type=Path, required=True, help="directory of pairs")
    parser.add_argument("--worst", type=int, default=0, help="name the worst N pairs")
    return parser.parse_args(arguments)


def _groups(scores: Sequence[Score]) -> dict[str, list[Score]]:
    groups: defaultdict[str, list[Score]] = defaultdict(list)
    groups[_ALL] = list(scores)
    for each in sorted(scores, key=lambda each: each.pair.builder):
        groups[each.pair.builder].append(each)
    groups[_REAL_WORLD] = [each for each in scores if each.pair.meta.get("real_world")]
    return {name: members for name, members in groups.items() if members}


def _print_groups(groups: dict[str, list[Score]]) -> None:
    heads = ("exact", "norm.", "soft", "parses")
    print(f"{'F1':20s} pairs {' '.join(f'{head:>6s}' for head in heads)}  FROM")
    for name, members in groups.items():
        total = Total.of(members)
        figures = (total.f1(hits) for hits in (total.exact, total.normalised, total.soft))
        row = " ".join(f"{figure:6.3f}" for figure in (*figures, total.parses))
        print(f"{name:20s} {total.pairs:5d} {row} {total.base_is_right:5.2f}")


def _print_keywords(scores: Sequence[Score]) -> None:
    print(f"\n{'instruction':20s} {'true':>5s} {'recov.':>6s} {'exact':>6s} {'norm.':>6s}")
    for name, count, recovered, exact, normalised in by_keyword(scores):
        print(f"{name:20s} {count:5d} {recovered:6d} {exact:6.3f} {normalised:6.3f}")


def _print_bases(judged: Sequence[Judged]) -> None:
    stated = [each for each in judged if each.is_base_stated]
    told = [each for each in judged if each.is_base_told]
    print(f"\n{'base':20s} pairs  right  listed")
    for name, members in (("stated", stated), ("told at all", told), ("all", judged)):
        right = sum(each.score.base_is_right for each in members)
        listed = sum(each.score.base_is_right or each.is_base_listed for each in members)
        print(f"{name:20s} {len(members):5d} {right:6d} {listed:7d}")


def _normalised(each: Score) -> float:
    total = Total.of([each])
    return total.f1(total.normalised)


def _write_layout(directory: Path, pair: Pair) -> None:
    """Write an OCI layout around a config; its layers are absent."""
    blobs = directory / "blobs" / "sha256"
    blobs.mkdir(parents=True)

    def stored(document: object, media_type: str) -> dict[str, object]:
        data = json.dumps(document).encode()
        name = hashlib.sha256(data).hexdigest()
        (blobs / name).write_bytes(data)
        return {"mediaType": media_type, "digest": f"sha256:{name}", "size": len(data)}

    media = "application/vnd.oci.image"
    layers = [
        {"mediaType": f"{media}.layer.v1.tar", "digest": diff_id, "size": 1}
        for diff_id in pair.config["rootfs"]["diff_ids"]
    ]
    manifest: dict[str, object] = {"schemaVersion": 2, "mediaType": f"{media}.manifest.v1+json"}
    manifest["config"] = stored(pair.config, f"{media}.config.v1+json")
    manifest["layers"] = layers
    manifest["annotations"] = pair.meta.get("manifest_annotations") or {}
    index = {"schemaVersion": 2, "manifests": [stored(manifest, f"{media}.manifest.v1+json")]}
    (directory / "index.json").write_text(json.dumps(index))
    (directory / "oci-layout").write_text(json.dumps({"imageLayoutVersion": "1.0.0"}))


if __name__ == "__main__":
    sys.exit(main())
