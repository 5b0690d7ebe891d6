"""Harnesses for coverage-guided fuzzing; `python -m tests.fuzz.run` runs them under atheris.

Each harness module has `check(data)`, which raises when the reader breaks a promise, and
`seeds()`. What a run found stands in `test_findings.py`.
"""
