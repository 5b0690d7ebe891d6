"""Random histories of a filesystem: the kernel's overlayfs lives them, and we read them back."""
