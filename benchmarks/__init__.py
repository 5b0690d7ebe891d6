"""Measures the library against the tools one would otherwise use; see README.md."""
