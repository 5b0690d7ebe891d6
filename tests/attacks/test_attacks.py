"""Each attack, smaller than in the report, ends as it should: in bounds, and saying which."""

from pathlib import Path

import pytest

from tests.attacks.cases import ATTACKS, arguments
from tests.attacks.measuring import measure
from tests.attacks.report import ends_so

_SECONDS = 60.0
"""Processor time that no attack takes at its quick size, on any machine."""
_PEAK_MIB = 220.0


_QUICK = {name: attack.quick for name, attack in ATTACKS.items() if attack.quick is not None}


@pytest.mark.parametrize("name", _QUICK)
def test_an_attack_ends_in_bounds(name: str, tmp_path: Path) -> None:
    attack = ATTACKS[name]
    (tmp_path / "in").mkdir()
    source = attack.make(tmp_path / "in", _QUICK[name])
    command = next(iter(attack.endings))
    ending = attack.quick_ending or attack.endings[command]
    limits = [word for limit in attack.limits for word in ("--limit", limit)]
    words = [*arguments(command, source, tmp_path / "out"), *limits]
    measured = measure(words, tmp_path, timeout=300)
    assert ends_so(measured, ending), (measured.status, measured.said[-1_000:])
    assert measured.seconds < _SECONDS
    assert measured.peak_mib < _PEAK_MIB
    assert "Traceback" not in measured.said
    if measured.status:
        assert not (tmp_path / "out").exists()
