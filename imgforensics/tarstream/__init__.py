"""Tar archives, from bytes to members: streaming, tolerant, with offsets."""
