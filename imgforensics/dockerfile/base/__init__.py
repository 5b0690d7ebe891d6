"""The base image: where it ends, and what it is called."""
