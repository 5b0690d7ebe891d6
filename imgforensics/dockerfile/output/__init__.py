"""The directory to build from: Dockerfile, context, report."""
