"""Conformance: trees as other programs see them, compared path by path with ours."""
