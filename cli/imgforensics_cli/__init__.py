"""The command line of imgforensics: documented in docs/cli.md."""
