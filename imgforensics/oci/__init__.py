"""Documents of an image as frozen values that keep their raw bytes; no input or output here."""
