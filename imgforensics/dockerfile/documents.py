"""A recovered Dockerfile as JSON values (docs/cli.md)."""

from typing import Any

from imgforensics.dockerfile.attested.provenance import Provenance
from imgforensics.dockerfile.instruction import RecoveredInstruction
from imgforensics.dockerfile.layers.found import FoundDockerfile
from imgforensics.dockerfile.presentation import PLAIN, Presentation
from imgforensics.dockerfile.recovered import BaseCandidate, RecoveredDockerfile
from imgforensics.dockerfile.rendering import instruction_text
from imgforensics.serialise import path_to_json, text_or_none


def recovered_to_json(
    recovered: RecoveredDockerfile, presentation: Presentation = PLAIN
) -> dict[str, Any]:
    """All that is known of it but the problems; its text as `presentation` shows it."""
    text = presentation.file_of(recovered).decode("utf-8", "backslashreplace")
    effects = presentation.effects
    return {
        "builder": recovered.builder.value,
        "had_dockerfile": recovered.had_dockerfile,
        "dockerfile": text,
        "original": recovered.source_name if recovered.source is not None else None,
        "instructions": [
            {
                **_instruction_to_json(one),
                "effects": list(effects[position].lines()) if position in effects else [],
            }
            for position, one in enumerate(recovered.instructions)
        ],
        "untold_settings": [_instruction_to_json(one) for one in recovered.untold_settings],
        "base": _base_to_json(recovered.base),
        "base_names": [
            {"name": one.name, "score": one.score, "reason": one.reason}
            for one in recovered.base_names
        ],
        "base_candidates": [_base_to_json(one) for one in recovered.base_candidates],
        "base_instructions": [_instruction_to_json(one) for one in recovered.base_instructions],
        "provenances": [_provenance_to_json(one) for one in recovered.provenances],
        "found": [_found_to_json(one) for one in recovered.found],
    }


def _instruction_to_json(one: RecoveredInstruction) -> dict[str, Any]:
    return {
        "keyword": one.instruction.keyword,
        "text": instruction_text(one.instruction),
        "evidence": one.evidence.value,
        "confidence": one.confidence.value,
        "layer": one.layer,
        "row": one.row,
        "note": one.note,
    }


def _base_to_json(base: BaseCandidate) -> dict[str, Any]:
    return {
        "name": base.name,
        "digest": text_or_none(base.digest),
        "names": [one.name for one in base.names],
        "layers": base.layers,
        "rows": base.rows,
        "score": base.score,
        "evidence": base.evidence.value,
        "reasons": list(base.reasons),
    }


def _provenance_to_json(one: Provenance) -> dict[str, Any]:
    return {
        "digest": str(one.digest),
        "version": one.version,
        "mode": "max" if one.is_maximal else "min",
        "dockerfile_name": one.dockerfile_name,
        "sources": [source.name for source in one.sources],
        "images": [
            {"name": material.reference, "digest": text_or_none(material.digest)}
            for material in one.materials
        ],
        "build_arguments": dict(one.build_arguments),
        "target": one.target,
        "frontend": one.frontend,
        "context": one.context_uri,
        "repository": one.vcs_source,
        "revision": one.vcs_revision,
        "secrets": list(one.secrets),
        "ssh": list(one.ssh),
    }


def _found_to_json(one: FoundDockerfile) -> dict[str, Any]:
    return {
        **path_to_json(one.path),
        "layer": one.layer,
        "score": one.score,
        "trusted": one.is_trusted,
        "reason": one.reason,
    }
