"""What other readers of container images got wrong, one named test or more for each story.

A test's docstring begins `Pitfall N:` (or `Next in line:`), says in one line what went wrong
elsewhere, and ends with where that is told. `test_every_story.py` holds the list together.
"""
