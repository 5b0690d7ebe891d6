"""Property tests draw the same few examples in every run; another profile draws many others.

`pytest --hypothesis-profile=random tests/property` searches on.
"""

from hypothesis import HealthCheck, settings

_ANY_MACHINE = [HealthCheck.too_slow]
"""A busy machine is no reason to fail."""

settings.register_profile(
    "steady",
    derandomize=True,
    database=None,
    deadline=None,
    max_examples=50,
    suppress_health_check=_ANY_MACHINE,
)
settings.register_profile(
    "random", deadline=None, max_examples=400, suppress_health_check=_ANY_MACHINE
)
settings.load_profile("steady")
