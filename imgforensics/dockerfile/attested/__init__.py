"""What attestations hold of a build: the source, its steps, its bases."""
