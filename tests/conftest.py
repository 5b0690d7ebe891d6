"""Property tests draw the same examples in every run; another profile draws others.

`pytest --hypothesis-profile=random tests/property` searches on.
"""

from hypothesis import settings

settings.register_profile("steady", derandomize=True, database=None)
settings.register_profile("random")
settings.load_profile("steady")
