"""Mutants of images: whatever is done to the bytes, nothing may be lost without a word.

`python -m tests.mutation.run` makes and judges them by the hundred thousand.
"""
